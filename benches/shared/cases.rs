//! The paths that a request can take, by name, and what one request on each costs in instructions and
//! allocations: figures that are the same on every machine.
//!
//! A case is counted in a process of its own: a program that has the cases (this one, or the same
//! built with other features) runs again with the name of the case. Only what [`measured`] does is
//! collected, after a warm-up: neither the making of keys nor the first token of a key counts.
//!
//! Instructions of the crypto library are those that it chooses on valgrind's processor, so the
//! figures of interest are differences: `miss HS256` less `raw HS256` and `bare` is the layer without
//! any signature.

use std::{
    path::PathBuf,
    process::{Command, ExitCode, Output},
};

use http::{HeaderName, header::COOKIE};
use tower_resource_server::http::TokenLocation;

use crate::{
    alloc,
    measure::Candidate,
    tokens::{Bench, Kind},
};

/// How often a case is run before it is measured, and while it is.
const TIMES: usize = 200;

pub(crate) const ONE_SCOPE: &str = "scope(orders:write)";

/// Three alternatives, of which the last is met, and of the others all but the last leaf.
pub(crate) const EIGHT_LEAVES: &str = r#"
    scope(orders:read) and client(orders-frontend) and acr(gold)
    or scope(openid) and role(boss)
    or scope(orders:write) and claim(/realm_access/roles contains "customer") and client(orders-frontend)
"#;

/// A case by its name.
pub(crate) type Case = (&'static str, fn() -> Candidate);

/// `bare` is the service without the layer, called with a good token of 992 bytes, `raw` the signature
/// check alone, and `extension only` the bare service with the extension that the layer inserts.
pub(crate) const CASES: &[Case] = &[
    ("bare", || Bench::new(Kind::Hs256, 1, 0).bare()),
    ("raw HS256", || Bench::new(Kind::Hs256, 1, 0).raw()),
    ("raw EdDSA", || Bench::new(Kind::EdDsa, 1, 0).raw()),
    ("miss HS256", || Bench::new(Kind::Hs256, 1, 0).layer(200)),
    ("miss EdDSA", || Bench::new(Kind::EdDsa, 1, 0).layer(200)),
    ("miss EdDSA, cache on, evicting", || Bench::new(Kind::EdDsa, 400, 64 * 1024).layer(200)),
    ("hit", || Bench::new(Kind::EdDsa, 1, 1 << 20).layer(200)),
    ("hit, extension only", || Bench::new(Kind::EdDsa, 1, 1 << 20).extended()),
    ("hit, header location", || in_header().layer(200)),
    ("hit, header location, extension only", || in_header().extended()),
    ("hit, cookie location", || in_cookie().layer(200)),
    ("hit, cookie location, extension only", || in_cookie().extended()),
    ("hit, one scope", || Bench::new(Kind::EdDsa, 1, 1 << 20).requiring(ONE_SCOPE)),
    ("hit, 8 leaves", || Bench::new(Kind::EdDsa, 1, 1 << 20).requiring(EIGHT_LEAVES)),
    ("API key", || Bench::with_api_keys().layer(200)),
    ("API key, extension only", || Bench::with_api_keys().extended()),
    ("reject, no header", || Bench::new(Kind::EdDsa, 1, 1 << 20).reject(None)),
    ("reject, garbage", || {
        Bench::new(Kind::EdDsa, 1, 1 << 20).reject(Some("Bearer abcdefghijklmnopqrstuvwxyz".to_owned()))
    }),
    ("reject, unknown kid", || reject(Bench::unknown_kid)),
    ("reject, expired", || reject(Bench::expired)),
    ("reject, wrong issuer", || reject(Bench::wrong_issuer)),
    ("verify_jws HS256", || Bench::new(Kind::Hs256, 1, 0).jws()),
];

pub(crate) fn in_header() -> Bench {
    let field = HeaderName::from_static("x-assertion");
    Bench::located(TokenLocation::header("x-assertion"), field, str::to_owned)
}

pub(crate) fn in_cookie() -> Bench {
    let write = |token: &str| format!("theme=dark; __Host-session={token}; lang=en");
    Bench::located(TokenLocation::cookie("__Host-session"), COOKIE, write)
}

fn reject(authorization: fn(&Bench) -> String) -> Candidate {
    let bench = Bench::new(Kind::EdDsa, 1, 1 << 20);
    bench.reject(Some(authorization(&bench)))
}

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
            .arg("--toggle-collect=*cases::measured*")
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
pub(crate) fn asked_for(arguments: &[String]) -> Option<ExitCode> {
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
    match CASES.iter().find(|(known, _)| known == name) {
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

/// What callgrind collects.
#[inline(never)]
fn measured(case: &mut Candidate) {
    case.run(TIMES);
}
