//! Payloads by a seed: mostly acceptable, and full of what two readers could read in two ways.

use crate::{
    site::{API, ISSUER, SUBJECT},
    tree::{Spelling, Tree},
};

/// SplitMix64: quick, and the same everywhere.
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Few, so that they meet; those that somebody judges or reads first.
const NAMES: [&str; 20] = [
    "scope",
    "metadata",
    "client_id",
    "user_metadata",
    "banned",
    "exp",
    "a",
    "b",
    "admin",
    "imf.user",
    "sub",
    "",
    "é",
    "$",
    "$ref",
    "a/b",
    "a~b",
    "x y",
    "$serde_json::private:",
    "$Serde_json::private::RawValue",
];

const PRIVATE_NAMES: [&str; 4] = [
    "$serde_json::private::RawValue",
    "$serde_json::private::Number",
    "$serde_json::private::",
    "$serde_json::private::Next",
];

const TEXTS: [&str; 16] = [
    "read",
    "read admin",
    " admin",
    "",
    " ",
    "not json",
    r#"{"admin":{}}"#,
    r#"{"a":1,"a":2}"#,
    "[[],[]]",
    "1",
    "1\n",
    "-",
    "null",
    "é😀",
    "\u{1}\"\\/",
    "$serde_json::private::RawValue",
];

const NUMBERS: [&str; 24] = [
    "0",
    "-0",
    "1",
    "-1",
    "1.0",
    "1.50",
    "-0.0",
    "1e5",
    "1E+5",
    "1e-5",
    "0e999999999999",
    "1e-400",
    "5e-324",
    "1e308",
    "4000000000",
    "4e9",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "0.1",
    "3.141592653589793238462643383279",
    "9007199254740993",
];

const HUGE: [&str; 4] = ["1e400", "-1e400", "1e99999999999999999999", "9e308"];

/// What one payload may have in it.
struct Kind {
    twice: bool,
    private: bool,
    huge: bool,
}

pub fn payload(random: &mut Random) -> Tree {
    let kind = Kind { twice: random.one_in(6), private: random.one_in(6), huge: random.one_in(12) };
    let text = |text: &str| Tree::Text(text.to_owned());
    let audience = match random.below(3) {
        0 => text(API),
        1 => Tree::Array(vec![text(API)]),
        _ => Tree::Array(vec![text("x"), text(API)]),
    };
    let expires = *random.one(&["4000000000", "4e9", "4000000000.5", "99999999999999999999"]);
    let mut members = vec![
        ("iss".to_owned(), text(ISSUER)),
        ("aud".to_owned(), audience),
        ("exp".to_owned(), Tree::Number(expires.to_owned())),
        ("sub".to_owned(), text(SUBJECT)),
    ];
    for _ in 0..random.below(6) {
        let name = kind.name(random);
        if kind.twice || members.iter().all(|(other, _)| *other != name) {
            let value = if random.one_in(40) { deep(random, &kind) } else { kind.value(random, 4) };
            members.insert(random.below(members.len() + 1), (name, value));
        }
    }
    Tree::Object(members)
}

impl Kind {
    fn name(&self, random: &mut Random) -> String {
        let from: &[&str] = if self.private && random.one_in(4) { &PRIVATE_NAMES } else { &NAMES };
        (*random.one(from)).to_owned()
    }

    fn value(&self, random: &mut Random, depth: usize) -> Tree {
        match random.below(if depth == 0 { 6 } else { 10 }) {
            0 => Tree::Null,
            1 => Tree::Bool(random.one_in(2)),
            2 | 3 => {
                let from: &[&str] = if self.huge && random.one_in(3) { &HUGE } else { &NUMBERS };
                Tree::Number((*random.one(from)).to_owned())
            }
            4 | 5 => Tree::Text((*random.one(&TEXTS)).to_owned()),
            6 => Tree::Array((0..random.below(4)).map(|_| self.value(random, depth - 1)).collect()),
            7 => Tree::Array(
                (0..random.below(4)).map(|_| Tree::Text((*random.one(&TEXTS)).to_owned())).collect(),
            ),
            _ => {
                let mut members: Vec<(String, Tree)> = Vec::new();
                for _ in 0..random.below(4) {
                    let name = self.name(random);
                    if self.twice || members.iter().all(|(other, _)| *other != name) {
                        // The members of an object that is judged are mostly texts or objects.
                        members.push((name, self.value(random, depth - 1)));
                    }
                }
                Tree::Object(members)
            }
        }
    }
}

/// Around the bound on nesting, or far beyond it.
fn deep(random: &mut Random, kind: &Kind) -> Tree {
    let levels = if random.one_in(8) { 400 } else { 28 + random.below(6) };
    (0..levels).fold(kind.value(random, 0), |inner, _| {
        if random.one_in(2) { Tree::Array(vec![inner]) } else { Tree::Object(vec![("a".to_owned(), inner)]) }
    })
}

pub fn spelling(random: &mut Random) -> Spelling {
    // Half of them so that the quick pass takes them, if it takes what they say.
    let blanks: &[&str] = match random.below(4) {
        0 | 1 => &[""],
        2 => &["", " ", "  "],
        _ => &["", "", "", "\n", "\t", "\r\n"],
    };
    Spelling { escapes: random.one_in(3), blanks }
}

/// The text with one change that makes it something else, or no JSON at all.
pub fn changed(text: &str, random: &mut Random) -> String {
    const PIECES: [&str; 22] = [
        "",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "0",
        "-",
        ".",
        "e9",
        "\n",
        " ",
        "\\ud800",
        "\"a\":1,",
        "{}",
        "$",
        "{\"$serde_json::private::Number\":\"1\"}",
        "\"$serde_json::private::RawValue\":\"{}\",",
        "\\u0024",
    ];
    let chars: Vec<char> = text.chars().collect();
    let at = random.below(chars.len() + 1);
    let until = (at + random.below(3)).min(chars.len());
    let piece = random.one(&PIECES).chars();
    chars[..at].iter().copied().chain(piece).chain(chars[until..].iter().copied()).collect()
}
