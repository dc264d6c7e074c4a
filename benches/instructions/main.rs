//! What a request costs on each path, in instructions and allocations.
//!
//! `cargo bench --bench instructions` runs each case under `valgrind --tool=callgrind` and prints
//! `case  instructions  allocations` for one request. A part of a name as an argument runs the cases
//! that have it; `-- --smoke` counts allocations only, without valgrind; `--json PATH` writes what is
//! counted to a file, an object a line. Nothing is judged here: `--bench budget` does that.
//!
//! To see where the instructions go, run one case by hand:
//!
//! ```sh
//! CARGO_PROFILE_BENCH_DEBUG=1 cargo bench --bench instructions --no-run   # prints the executable
//! valgrind --tool=callgrind --dump-instr=yes --collect-atstart=no --toggle-collect='*program::measured*' \
//!     target/release/deps/instructions-… --case 'miss HS256'
//! callgrind_annotate --inclusive=yes callgrind.out.*
//! ```

#[path = "../budget/alloc.rs"]
mod alloc;
#[path = "../shared/cases.rs"]
mod cases;
#[path = "../budget/dpop.rs"]
mod dpop;
#[path = "../budget/measure.rs"]
#[expect(dead_code, reason = "what is timed is timed elsewhere")]
mod measure;
#[path = "../shared/program.rs"]
mod program;
#[path = "../shared/row.rs"]
#[expect(dead_code, reason = "nothing is judged here")]
mod row;
#[path = "../budget/tokens.rs"]
mod tokens;

use std::{path::Path, process::ExitCode};

use cases::CASES;
use program::Program;
use row::{Row, Unit};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting(std::alloc::System);

fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(code) = program::asked_for(&arguments, CASES) {
        return code;
    }
    let json = arguments.iter().position(|argument| argument == "--json");
    let json = json.and_then(|at| arguments.drain(at..arguments.len().min(at + 2)).nth(1));
    let smoke = arguments.iter().any(|argument| argument == "--smoke");
    arguments.retain(|argument| argument != "--smoke");
    let counted = table(&arguments, smoke).and_then(|rows| match json {
        Some(path) if !smoke => {
            row::write(Path::new(&path), "instructions", &rows).map_err(|error| format!("{path}: {error}"))
        }
        _ => Ok(()),
    });
    match counted {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn table(wanted: &[String], smoke: bool) -> Result<Vec<Row>, String> {
    if !smoke && !program::has_callgrind() {
        return Err("no instructions are counted: valgrind is not installed".to_owned());
    }
    println!("{:<34} {:>12} {:>12}", "case", "instructions", "allocations");
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part));
    let program = Program::this()?;
    let mut rows = Vec::new();
    for (name, _) in CASES.iter().filter(|(name, _)| is_wanted(name)) {
        let allocations = program.allocations(name)?;
        let instructions = if smoke { None } else { Some(program.instructions(name)?) };
        let shown = instructions.map_or_else(|| "-".to_owned(), |count| count.to_string());
        println!("{name:<34} {shown:>12} {allocations:>12}");
        let measured = instructions.map_or(f64::NAN, |count| count as f64);
        rows.push(Row::new(*name, measured, Unit::Count).with("allocations", allocations));
    }
    Ok(rows)
}
