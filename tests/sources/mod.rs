//! The sources of the crate, for tests that read them.
#![allow(unreachable_pub, reason = "no other crate imports a test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every module by its path, `source::settings` for `source/settings.rs`, with its text; files that are tests are none.
pub fn modules() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let named =
        files(&src).into_iter().filter_map(|path| Some((module(path.strip_prefix(&src).unwrap())?, path)));
    named.map(|(module, path)| (module, fs::read_to_string(path).unwrap())).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// `None` for files that are tests, or no Rust.
fn module(path: &Path) -> Option<String> {
    let path = Path::new(path.to_str()?.strip_suffix(".rs")?);
    let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
    let is_test = parts.iter().any(|part| *part == "tests" || part.ends_with("_tests"));
    let parts: Vec<_> = parts.into_iter().filter(|part| !["mod", "lib"].contains(part)).collect();
    (!is_test).then(|| parts.join("::"))
}
