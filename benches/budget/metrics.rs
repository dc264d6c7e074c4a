//! This bench once more, with the feature `metrics` compiled in: what a request costs there where no
//! recorder is installed.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::program::Program;

/// Builds it; none where this program has the feature itself, so that there is nothing to compare.
pub(crate) fn program() -> Result<Option<Program>, String> {
    if cfg!(feature = "metrics") {
        eprintln!("nothing is said about the feature metrics: it is on in this build");
        return Ok(None);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["bench", "--quiet", "--bench", "budget", "--features", "metrics", "--no-run"])
        .args(["--profile", if cfg!(debug_assertions) { "dev" } else { "bench" }])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let executable = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = executable
        .filter(|message| message["target"]["name"] == "budget")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    match executable {
        Some(path) if output.status.success() => Ok(Some(Program(path))),
        _ => Err(format!("this bench does not build with the feature metrics: {}", output.status)),
    }
}
