//! Runs every edit under every algorithm and leeway, and thousands of combinations, through both
//! verifiers; prints the table of differences; fails on one that is not reviewed.

use std::{collections::BTreeMap, process::ExitCode};

use differential::{
    cases::{Draft, Edit, edits},
    judges::{Judges, keys, with_leading_zero},
    reviewed::{STRICTER, WIDER, covers},
};
use tower_resource_server::{
    keys::Algorithm,
    time::{Clock, SystemClock},
};

const LEEWAYS: [u64; 2] = [0, 60];
/// Tokens with two or three edits each.
const COMBINATIONS: u64 = 4000;

/// What was found, by the row of the reviewed lists that explains it.
#[derive(Default)]
struct Findings {
    compared: u64,
    accepted: u64,
    refused: u64,
    stricter: BTreeMap<usize, u64>,
    wider: BTreeMap<usize, u64>,
    unexplained: BTreeMap<String, u64>,
}

impl Findings {
    fn compare(
        &mut self,
        edits: &[&str],
        algorithm: &str,
        ours: &Result<(), String>,
        theirs: &Result<(), String>,
    ) {
        self.compared += 1;
        let about = |row: &str| edits.iter().any(|edit| covers(row, edit));
        match (ours, theirs) {
            (Ok(()), Ok(())) => self.accepted += 1,
            (Err(_), Err(_)) => self.refused += 1,
            (Err(why), Ok(())) => {
                let row = STRICTER.iter().position(|row| row.ours == why && about(row.edit));
                match row {
                    Some(row) => *self.stricter.entry(row).or_default() += 1,
                    None => self.unexplained(format!("STRICTER {} | {why}", edits.join(" + "))),
                }
            }
            (Ok(()), Err(why)) => {
                let row = WIDER.iter().position(|row| {
                    why.starts_with(row.theirs) && (about(row.edit) || row.edit == algorithm)
                });
                match row {
                    Some(row) => *self.wider.entry(row).or_default() += 1,
                    None => self.unexplained(format!("WIDER {} | {algorithm} | {why}", edits.join(" + "))),
                }
            }
        }
    }

    fn unexplained(&mut self, what: String) {
        *self.unexplained.entry(what).or_default() += 1;
    }

    fn report(&self) -> ExitCode {
        println!(
            "{} tokens: {} accepted by both, {} refused by both\n",
            self.compared, self.accepted, self.refused
        );
        println!("accepted by jsonwebtoken, refused here:");
        for (at, row) in STRICTER.iter().enumerate() {
            let count = self.stricter.get(&at).copied().unwrap_or(0);
            println!("{count:>6}  {} | {} | {}", row.edit, row.ours, row.why);
        }
        println!("\naccepted here, refused by jsonwebtoken:");
        for (at, row) in WIDER.iter().enumerate() {
            let count = self.wider.get(&at).copied().unwrap_or(0);
            println!("{count:>6}  {} | {}... | {}", row.edit, row.theirs, row.why);
        }
        let unused = (STRICTER.len() - self.stricter.len()) + (WIDER.len() - self.wider.len());
        for (what, count) in &self.unexplained {
            println!("\nNOT REVIEWED, {count} times: {what}");
        }
        if unused > 0 {
            println!("\n{unused} reviewed differences are none any more");
        }
        // Both verdicts have to occur, or the comparison says nothing.
        if self.unexplained.is_empty() && unused == 0 && self.accepted > 500 && self.refused > 2000 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// The edits for the second that it is, made anew only when that changes.
struct Table {
    leeway: u64,
    now: u64,
    edits: Vec<Edit>,
}

impl Table {
    fn new(leeway: u64) -> Self {
        let now = SystemClock.unix().as_secs();
        Self { leeway, now, edits: edits(now, leeway) }
    }

    /// Judges the token of these edits with both, within one second of the system's clock.
    fn judge(&mut self, judges: &Judges, chosen: &[usize], findings: &mut Findings) {
        loop {
            let now = SystemClock.unix().as_secs();
            if now != self.now {
                (self.now, self.edits) = (now, edits(now, self.leeway));
            }
            let mut draft = Draft::good(judges.signing.algorithm().name(), now);
            let edits: Vec<&Edit> = chosen.iter().map(|at| &self.edits[*at]).collect();
            for edit in &edits {
                draft.apply(&edit.act);
            }
            let token =
                draft.sign(|header, payload| judges.signing.sign_raw(header, payload).expect("a signature"));
            let theirs = judges.theirs(&token);
            if SystemClock.unix().as_secs() == now {
                let names: Vec<_> = edits.iter().map(|edit| edit.name.as_str()).collect();
                let ours = judges.ours(&token, now);
                return findings.compare(&names, judges.signing.algorithm().name(), &ours, &theirs);
            }
        }
    }
}

fn main() -> ExitCode {
    let mut findings = Findings::default();
    let keys = keys();
    for leeway in LEEWAYS {
        let mut table = Table::new(leeway);
        for key in &keys {
            let judges = Judges::new(key.clone(), leeway);
            for at in 0..table.edits.len() {
                table.judge(&judges, &[at], &mut findings);
            }
        }
    }

    // Combinations, from a fixed sequence: Knuth's linear congruential generator.
    let key = keys.iter().find(|key| key.algorithm() == Algorithm::ES256).expect("a key");
    let judges = Judges::new(key.clone(), LEEWAYS[1]);
    let mut table = Table::new(LEEWAYS[1]);
    let mut state = 2024_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    for round in 0..COMBINATIONS {
        let edits = table.edits.len();
        let chosen: Vec<_> = (0..2 + round % 2).map(|_| below(edits)).collect();
        table.judge(&judges, &chosen, &mut findings);
    }

    // A key as issuers built on Java send it.
    let rsa = keys.iter().find(|key| key.algorithm() == Algorithm::RS256).expect("a key");
    let judges = Judges::with_jwk(rsa.clone(), LEEWAYS[0], Some(with_leading_zero(rsa)));
    let now = SystemClock.unix().as_secs();
    let token =
        Draft::good("RS256", now).sign(|header, payload| rsa.sign_raw(header, payload).expect("a signature"));
    findings.compare(
        &["key: a zero byte before n"],
        "RS256",
        &judges.ours(&token, now),
        &judges.theirs(&token),
    );

    findings.report()
}
