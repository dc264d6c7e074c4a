//! The budget of the hot path: what a request may cost.
//!
//! `cargo bench --bench budget` prints three tables:
//!
//! - `counts`: instructions (callgrind) and allocations of one request, as differences to controls in
//!   the same run, and the memory of a spent id. They are the same on every machine, and are judged: `row  measured  must  aim  verdict`.
//! - `ratios`: what two threads get done behind the layer, to what they get done without it. Judged
//!   too; a *must* that is over is measured once more, since another process may have been in the way.
//! - `times`: nanoseconds beside their control. Another machine, or the same one on another day, reads
//!   other figures, so they are not judged: `row  measured  control  over it`.
//!
//! The exit status is 1 when a *must* is over. Without valgrind no instructions are counted or judged.
//! `-- --smoke` runs each row once, to see that it works, and judges allocations and memory; `--times` leaves out the
//! first two tables; `--json PATH` writes the rows to a file, an object a line.
//!
//! Everything is measured around the whole layer, over a service that does nothing; what is timed is
//! interleaved, medians are taken, results are asserted inside the loop.

mod alloc;
#[path = "../shared/cases.rs"]
mod cases;
mod counts;
mod dpop;
mod measure;
mod metrics;
#[path = "../shared/program.rs"]
mod program;
mod ratios;
#[path = "../shared/row.rs"]
#[expect(dead_code, reason = "other benches have other units")]
mod row;
mod times;
mod tokens;

use std::{error::Error, process::ExitCode};

use cases::CASES;
use row::Row;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting(std::alloc::System);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some(code) = program::asked_for(&arguments, CASES) {
        return Ok(code);
    }
    let smoke = arguments.iter().any(|argument| argument == "--smoke");
    let json = arguments.iter().skip_while(|argument| *argument != "--json").nth(1);

    let mut rows = Vec::new();
    let mut add = |row: Row| {
        println!("{row}");
        rows.push(row);
    };
    if !arguments.iter().any(|argument| argument == "--times") {
        row::print_heading();
        counts::rows(smoke, &mut add)?;
        ratios::rows(smoke, &mut add);
        println!();
    }
    row::print_heading_of_times();
    times::rows(smoke, &mut add);

    if let Some(path) = json {
        row::write(path.as_ref(), "budget", &rows)?;
    }
    let over: Vec<_> = rows.iter().filter(|row| row.is_over()).map(|row| row.name.as_str()).collect();
    if over.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("over budget: {}", over.join(", "));
    Ok(ExitCode::FAILURE)
}
