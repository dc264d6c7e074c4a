//! What is the same on every machine: instructions and allocations of one request, and the memory of a spent id.

use std::collections::BTreeMap;

use Counted::{Allocations, Instructions};

use crate::{
    dpop, metrics,
    program::{self, Program},
    row::{Row, Unit},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    Instructions,
    Allocations,
}

/// What a case may cost beyond its controls.
struct Budget {
    counted: Counted,
    case: &'static str,
    over: Controls,
    must: u32,
    aim: u32,
}

/// What a case is held against.
#[derive(Clone, Copy)]
struct Controls {
    name: &'static str,
    /// Cases whose costs are taken off.
    less: &'static [&'static str],
    /// Cases whose costs are added: controls of a control.
    plus: &'static [&'static str],
}

const fn over(name: &'static str, less: &'static [&'static str]) -> Controls {
    Controls { name, less, plus: &[] }
}

/// What the layer does with a case, beside what it does with a hit by `Authorization`: both less what a service without
/// it does with the same request.
const fn over_authorization(less: &'static [&'static str; 2]) -> Controls {
    Controls { name: "Authorization", less, plus: &["hit, extension only"] }
}

const EXTENSION: Controls = over("extension only", &["hit, extension only"]);
const HEADER: Controls = over("extension only", &["hit, header location, extension only"]);
const COOKIE: Controls = over("extension only", &["hit, cookie location, extension only"]);
const HEADER_BESIDE: Controls = over_authorization(&["hit, header location, extension only", "hit"]);
const COOKIE_BESIDE: Controls = over_authorization(&["hit, cookie location, extension only", "hit"]);
const EDDSA: Controls = over("raw and bare", &["raw EdDSA", "bare"]);
const HS256: Controls = over("raw and bare", &["raw HS256", "bare"]);
const BARE: Controls = over("bare", &["bare"]);

const fn budget(counted: Counted, case: &'static str, over: Controls, must: u32, aim: u32) -> Budget {
    Budget { counted, case, over, must, aim }
}

/// A hit that one scope is required of.
const ONE_SCOPE: Controls = over("one scope", &["hit, one scope"]);

const API_KEY: Controls = over("extension only", &["API key, extension only"]);
const API_KEY_BESIDE: Controls = over_authorization(&["API key, extension only", "hit"]);

const PROOF: Controls = over("raw and bare", &["raw proof", "DPoP, bare"]);

const NOTHING: Controls = over("nothing", &[]);

const BUDGETS: &[Budget] = &[
    budget(Allocations, "hit", EXTENSION, 0, 0),
    budget(Allocations, "hit, header location", HEADER, 0, 0),
    budget(Allocations, "hit, cookie location", COOKIE, 0, 0),
    budget(Allocations, "hit, 8 leaves", ONE_SCOPE, 0, 0),
    budget(Allocations, "API key", API_KEY, 0, 0),
    budget(Allocations, "miss EdDSA", EDDSA, 12, 6),
    budget(Allocations, "miss HS256", HS256, 12, 6),
    budget(Allocations, "DPoP", PROOF, 12, 8),
    budget(Instructions, "hit", EXTENSION, 1_400, 1_000),
    // 40 ns more at the most.
    budget(Instructions, "hit, header location", HEADER_BESIDE, 100, 0),
    budget(Instructions, "hit, cookie location", COOKIE_BESIDE, 340, 300),
    // 60 ns at the most.
    budget(Instructions, "hit, 8 leaves", ONE_SCOPE, 100, 40),
    // 1 µs more at the most.
    budget(Instructions, "API key", API_KEY_BESIDE, 3_000, 2_000),
    budget(Instructions, "miss EdDSA", EDDSA, 14_500, 10_000),
    budget(Instructions, "miss HS256", HS256, 14_500, 10_000),
    budget(Instructions, "DPoP", PROOF, 30_000, 18_000),
    // 1 µs at the most.
    budget(Instructions, "id spent, 100 000 live", NOTHING, 3_000, 2_000),
    budget(Instructions, "reject, no header", BARE, 260, 200),
    budget(Instructions, "reject, garbage", BARE, 2_000, 1_200),
    budget(Instructions, "reject, unknown kid", BARE, 5_500, 3_500),
    budget(Instructions, "reject, expired", BARE, 18_000, 11_000),
    budget(Instructions, "reject, wrong issuer", BARE, 13_500, 9_000),
];

/// What the feature `metrics` may cost where no recorder is installed: must and aim.
const METRICS: &[(Counted, u32, u32)] = &[(Allocations, 0, 0), (Instructions, 60, 20)];
/// The cases that are counted with it.
const WITH_METRICS: &[&str] = &[
    "hit",
    "reject, no header",
    "reject, garbage",
    "reject, unknown kid",
    "reject, expired",
    "reject, wrong issuer",
];

/// A program, and what was counted with it.
struct Counts {
    program: Program,
    known: BTreeMap<(Counted, &'static str), u64>,
}

impl Counts {
    fn new(program: Program) -> Self {
        Self { program, known: BTreeMap::new() }
    }

    fn get(&mut self, counted: Counted, case: &'static str) -> Result<f64, String> {
        let count = match (self.known.get(&(counted, case)), counted) {
            (Some(count), _) => *count,
            (None, Instructions) => self.program.instructions(case)?,
            (None, Allocations) => self.program.allocations(case)?.into(),
        };
        self.known.insert((counted, case), count);
        Ok(count as f64)
    }
}

/// Allocations, and instructions where callgrind is there. A smoke run counts allocations without
/// the feature `metrics` only: the rest takes another build, and one without optimizations counts
/// other instructions.
pub(crate) fn rows(smoke: bool, add: &mut impl FnMut(Row)) -> Result<(), String> {
    let mut plain = Counts::new(Program::this()?);
    ids(add);
    if smoke {
        return over_controls(Allocations, &mut plain, add);
    }
    let mut with_metrics = metrics::program()?.map(Counts::new);
    for counted in [Allocations, Instructions] {
        if counted == Instructions && !program::has_callgrind() {
            eprintln!("no instructions are counted: valgrind is not installed");
            continue;
        }
        over_controls(counted, &mut plain, add)?;
        if let Some(with_metrics) = &mut with_metrics {
            of_metrics(counted, &mut plain, with_metrics, add)?;
        }
    }
    Ok(())
}

/// What a spent id takes in memory, where as many have come and gone: a table that things are taken out of grows once more.
fn ids(add: &mut impl FnMut(Row)) {
    for (owners, name) in [(100, "of 100 owners"), (usize::MAX, "each of its own owner")] {
        let bytes = dpop::bytes_per_id(100_000, owners);
        add(Row::new(format!("id in memory, 100 000 live, {name}"), bytes, Unit::Bytes).at_most(120.0, 100.0));
    }
}

fn over_controls(counted: Counted, plain: &mut Counts, add: &mut impl FnMut(Row)) -> Result<(), String> {
    for &Budget { case, over: Controls { name, less, plus }, must, aim, .. } in
        BUDGETS.iter().filter(|budget| budget.counted == counted)
    {
        let mut over = plain.get(counted, case)?;
        for control in less {
            over -= plain.get(counted, control)?;
        }
        for control in plus {
            over += plain.get(counted, control)?;
        }
        add(row(counted, &format!("{case}, over {name}"), over, must, aim));
    }
    Ok(())
}

fn of_metrics(
    counted: Counted,
    plain: &mut Counts,
    with_metrics: &mut Counts,
    add: &mut impl FnMut(Row),
) -> Result<(), String> {
    for &(_, must, aim) in METRICS.iter().filter(|(of, ..)| *of == counted) {
        for case in WITH_METRICS {
            let over = with_metrics.get(counted, case)? - plain.get(counted, case)?;
            add(row(counted, &format!("{case}, with metrics"), over, must, aim));
        }
    }
    Ok(())
}

fn row(counted: Counted, name: &str, count: f64, must: u32, aim: u32) -> Row {
    let counted = match counted {
        Instructions => "instructions",
        Allocations => "allocations",
    };
    Row::new(format!("{counted}, {name}"), count, Unit::Count).at_most(must.into(), aim.into())
}
