//! What each room of the hot path costs in instructions: the figure without noise.
//!
//! `cargo bench --bench rooms` runs each room under `valgrind --tool=callgrind` and prints
//! `room  instructions  allocations` for one request. A part of a name as an argument runs the rooms
//! that have it; `-- --smoke` runs each once, without valgrind, to see that it works; `--json PATH`
//! writes what is counted to a file, an object a line.
//!
//! To see where the instructions go, run one room by hand:
//!
//! ```sh
//! CARGO_PROFILE_BENCH_DEBUG=1 cargo bench --bench rooms --no-run   # prints the executable
//! valgrind --tool=callgrind --dump-instr=yes --collect-atstart=no --toggle-collect='rooms::measured*' \
//!     target/release/deps/rooms-… --room 'miss HS256' 200
//! callgrind_annotate --inclusive=yes callgrind.out.*
//! ```
//!
//! Only what runs inside [`measured`] is collected, after a warm-up: neither the making of keys nor
//! the first token of a key counts. Instructions of the crypto library are those that it chooses on
//! valgrind's processor, so the rows of interest are differences: `miss HS256` less `raw HS256` and
//! `bare` is the layer without any signature.

#[path = "../budget/alloc.rs"]
mod alloc;
#[path = "../budget/measure.rs"]
#[expect(dead_code, reason = "what is timed is timed elsewhere")]
mod measure;
#[path = "../shared/row.rs"]
#[expect(dead_code, reason = "nothing is judged here")]
mod row;
#[path = "../budget/tokens.rs"]
mod tokens;

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

use measure::Candidate;
use row::{Row, Unit};
use tokens::{Bench, Kind};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

/// How often each room is run before and while it is measured.
const TIMES: usize = 200;

/// A room by its name.
type Room = (&'static str, fn() -> Candidate);

const ROOMS: &[Room] = &[
    ("bare", || Bench::new(Kind::Hs256, 1, 0).bare()),
    ("raw HS256", || Bench::new(Kind::Hs256, 1, 0).raw()),
    ("raw EdDSA", || Bench::new(Kind::EdDsa, 1, 0).raw()),
    ("miss HS256", || Bench::new(Kind::Hs256, 1, 0).layer(200)),
    ("miss EdDSA", || Bench::new(Kind::EdDsa, 1, 0).layer(200)),
    ("miss EdDSA, cache on, evicting", || Bench::new(Kind::EdDsa, 400, 64 * 1024).layer(200)),
    ("hit", || Bench::new(Kind::EdDsa, 1, 1 << 20).layer(200)),
    ("hit, extension only", || Bench::new(Kind::EdDsa, 1, 1 << 20).extended()),
    ("reject, no header", || Bench::new(Kind::EdDsa, 1, 1 << 20).reject(None)),
    ("reject, garbage", || {
        Bench::new(Kind::EdDsa, 1, 1 << 20).reject(Some("Bearer abcdefghijklmnopqrstuvwxyz".to_owned()))
    }),
    ("reject, unknown kid", || reject(Bench::unknown_kid)),
    ("reject, expired", || reject(Bench::expired)),
    ("reject, wrong issuer", || reject(Bench::wrong_issuer)),
    ("verify_jws HS256", || Bench::new(Kind::Hs256, 1, 0).jws()),
];

fn reject(authorization: fn(&Bench) -> String) -> Candidate {
    let bench = Bench::new(Kind::EdDsa, 1, 1 << 20);
    bench.reject(Some(authorization(&bench)))
}

fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let json = arguments.iter().position(|argument| argument == "--json");
    let json = json.and_then(|at| arguments.drain(at..arguments.len().min(at + 2)).nth(1)).map(PathBuf::from);
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--room", name, times] => {
            let (Some((_, room)), Ok(times)) = (find(name), times.parse()) else {
                eprintln!("no such room: {name} {times}");
                return ExitCode::FAILURE;
            };
            let mut room = room();
            room.run(TIMES);
            measured(&mut room, times);
            ExitCode::SUCCESS
        }
        ["--smoke"] => {
            for (name, room) in ROOMS {
                println!("{name:<34} {:>4} allocations", allocations(*room));
            }
            ExitCode::SUCCESS
        }
        ref wanted => match (table(wanted), json) {
            (Ok(rows), Some(path)) if row::write(&path, "rooms", &rows).is_ok() => ExitCode::SUCCESS,
            (Ok(_), None) => ExitCode::SUCCESS,
            (Ok(_), Some(path)) => fail(&format!("cannot write {}", path.display())),
            (Err(error), _) => fail(&error),
        },
    }
}

fn fail(error: &str) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}

fn find(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|(known, _)| *known == name)
}

/// What is collected.
#[inline(never)]
fn measured(room: &mut Candidate, times: usize) {
    room.run(times);
}

/// What one request allocates in Rust, the request itself included.
fn allocations(room: fn() -> Candidate) -> u32 {
    let mut room = room();
    room.run(3);
    alloc::count(|| room.run(1))
}

fn table(wanted: &[&str]) -> Result<Vec<Row>, String> {
    println!("{:<34} {:>12} {:>12}", "room", "instructions", "allocations");
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part));
    let mut rows = Vec::new();
    for (name, room) in ROOMS.iter().filter(|(name, _)| is_wanted(name)) {
        let count = instructions(name).map_err(|error| format!("{name}: {error}"))?;
        let allocations = allocations(*room);
        println!("{name:<34} {count:>12} {allocations:>12}");
        rows.push(Row::new(*name, count as f64, Unit::Count).with("allocations", allocations));
    }
    Ok(rows)
}

/// Instructions of one request, by callgrind.
fn instructions(room: &str) -> Result<u64, String> {
    let times = TIMES.to_string();
    let executable = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=rooms::measured*")
        .arg(executable)
        .args(["--room", room, &times])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let collected =
        log.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse::<u64>().ok());
    match collected {
        Some(collected) if output.status.success() && collected > 0 => Ok(collected / TIMES as u64),
        _ => Err(format!("no count from valgrind:\n{log}")),
    }
}
