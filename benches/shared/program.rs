//! Cases that are counted: instructions and allocations of one request.
//!
//! A case is counted in a process of its own: a program that has the cases (this one, or the same
//! built with other features) runs again with the name of the case. Only what [`measured`] does is
//! collected, after a warm-up: neither the making of keys nor the first token of a key counts.

use std::{
    path::PathBuf,
    process::{Command, ExitCode, Output},
};

use crate::{alloc, measure::Candidate};

/// How often a case is run before it is measured, and while it is.
pub(crate) const TIMES: usize = 200;

/// A case by its name.
pub(crate) type Case = (&'static str, fn() -> Candidate);

/// A program that has the cases, by its path.
pub(crate) struct Program(pub(crate) PathBuf);

impl Program {
    pub(crate) fn this() -> Result<Self, String> {
        std::env::current_exe().map(Self).map_err(|error| error.to_string())
    }

    /// Instructions of one request, by callgrind.
    pub(crate) fn instructions(&self, case: &str) -> Result<u64, String> {
        let mut callgrind = Command::new("valgrind");
        callgrind
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
            .arg("--toggle-collect=*program::measured*")
            .arg(&self.0)
            .args(["--case", case]);
        let output = run(&mut callgrind)?;
        let log = String::from_utf8_lossy(&output.stderr);
        let collected =
            log.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse::<u64>().ok());
        match collected {
            Some(collected) if collected > 0 => Ok(collected / TIMES as u64),
            _ => Err(format!("{case}: no count from valgrind:\n{log}")),
        }
    }

    /// What one request allocates in Rust, the request itself included.
    #[allow(dead_code, reason = "one bench counts instructions alone")]
    pub(crate) fn allocations(&self, case: &str) -> Result<u32, String> {
        let output = run(Command::new(&self.0).args(["--allocations", case]))?;
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim().parse().map_err(|_| format!("{case}: no number of allocations: {text}"))
    }
}

fn run(command: &mut Command) -> Result<Output, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Runs one case when the command line of this process asks for one.
pub(crate) fn asked_for(arguments: &[String], cases: &[Case]) -> Option<ExitCode> {
    let [flag, name] = arguments else { return None };
    let measure: fn(Candidate) = match flag.as_str() {
        "--case" => |mut case| {
            case.run(TIMES);
            measured(&mut case);
        },
        "--allocations" => |mut case| {
            case.run(3);
            println!("{}", alloc::count(|| case.run(1)));
        },
        _ => return None,
    };
    match cases.iter().find(|(known, _)| known == name) {
        Some((_, case)) => {
            measure(case());
            Some(ExitCode::SUCCESS)
        }
        None => {
            eprintln!("no such case: {name}");
            Some(ExitCode::FAILURE)
        }
    }
}

/// Whether instructions can be counted.
pub(crate) fn has_callgrind() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// What callgrind collects.
#[inline(never)]
fn measured(case: &mut Candidate) {
    case.run(TIMES);
}
