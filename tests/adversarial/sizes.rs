//! Caps, on both sides of each; the server's own, and hyper's.

use tower_resource_server::test_util::TestIssuer;

use crate::{
    forge::{Forge, HEADER, nested, parts},
    site::{
        Case,
        Expected::{self, Admitted, BadRequest, BadToken, CutOff},
        Raw, case,
    },
};

const CAP: usize = 16 * 1024;
const LARGE: Expected = BadToken("the token is too large");
const DEEP: Expected = BadToken("the token is nested too deeply");

pub fn cases(forge: &Forge) -> Vec<Case> {
    let open = forge.open_claims();
    let payload = |members: &str| forge.raw(HEADER, format!("{open},{members}"));
    let arrays = |levels: usize| payload(&format!(r#""x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels)));
    let objects =
        |levels: usize| payload(&format!(r#""x":{}1{}}}"#, r#"{"y":"#.repeat(levels), "}".repeat(levels)));
    let in_header = |levels: usize| forge.also(&format!(r#""x":{}"#, nested(levels)));
    let many: String = (0..1_400).map(|n| format!("\"{n}\":0,")).collect();
    let many = payload(&format!(r#"{many}"x":0}}"#));
    assert!(many.len() < CAP, "{}", many.len());
    let unclosed = payload(&format!(r#""x":{}"#, "[".repeat(8_000)));
    assert!(unclosed.len() < CAP, "{}", unclosed.len());
    let closed = arrays(5_800);
    assert!(closed.len() < CAP, "{}", closed.len());
    let a = |length: usize| "A".repeat(length);
    [
        ("a token of the cap", exactly(forge, CAP), Admitted),
        ("one byte more", exactly(forge, CAP + 1), LARGE),
        ("one byte less", exactly(forge, CAP - 1), Admitted),
        ("a token of 300 kB", exactly(forge, 300_000), LARGE),
        ("a word of the cap", a(CAP), BadToken("a signed token has exactly three parts")),
        ("a word beyond the cap", a(CAP + 1), LARGE),
        ("dots up to the cap", ".".repeat(CAP), BadToken("a signed token has exactly three parts")),
        ("a header segment of the cap", headed(forge, 4096), Admitted),
        ("a header segment beyond", headed(forge, 4098), LARGE),
        ("nesting of 32, arrays", arrays(31), Admitted),
        ("nesting of 33, arrays", arrays(32), DEEP),
        ("nesting of 32, objects", objects(31), Admitted),
        ("nesting of 33, objects", objects(32), DEEP),
        ("nesting of 5 800, closed", closed, DEEP),
        ("nesting of 8 000, never closed", unclosed, DEEP),
        ("nesting of 2 000, objects", objects(1_900), DEEP),
        ("nesting of 32 in the header", in_header(31), Admitted),
        ("nesting of 33 in the header", in_header(32), DEEP),
        ("a known claim nested", forge.with("aud", nested(40)), DEEP),
        ("1 400 members", many, Admitted),
    ]
    .into_iter()
    .map(|(name, token, expected)| case(name, token, expected))
    .chain([
        case("a megabyte of token", forge.token() + &a(1 << 20), CutOff),
        case(
            "a megabyte of spaces",
            Raw::fields([format!("Authorization: Bearer{}x", " ".repeat(1 << 20))]),
            CutOff,
        ),
        case("a megabyte in another field", Raw::fields([format!("X-Long: {}", a(1 << 20))]), CutOff),
        case(
            "a thousand fields",
            Raw::fields((0..1000).map(|n| format!("X-{n}: {n}"))),
            Expected::NotHttp(431),
        ),
        case(
            "a hundred credentials",
            Raw::fields((0..90).map(|n| format!("Authorization: Bearer something-{n}"))),
            BadRequest("the request has several Authorization fields"),
        ),
        case(
            "300 kB of spaces",
            Raw::fields([format!("Authorization: Bearer {}{}", " ".repeat(300_000), forge.token())]),
            Admitted,
        ),
    ])
    .collect()
}

/// A good token of exactly this many bytes, padded by a claim.
///
/// A segment has 0, 2 or 3 characters beyond whole groups of four; one or two spaces in the header
/// reach the lengths between.
fn exactly(forge: &Forge, length: usize) -> String {
    let open = forge.open_claims();
    let mint = |in_header: usize, pad: usize| {
        let header = format!("{HEADER}{}", " ".repeat(in_header));
        forge.raw(&header, format!(r#"{open},"pad":"{}"}}"#, "A".repeat(pad)))
    };
    for in_header in 0..3 {
        let rest = length - mint(in_header, 0).len();
        let about = rest / 4 * 3;
        for pad in about.saturating_sub(3)..about + 6 {
            let token = mint(in_header, pad);
            if token.len() == length {
                return token;
            }
        }
    }
    panic!("no token of {length} bytes");
}

/// A good token whose header segment has this many bytes.
fn headed(forge: &Forge, length: usize) -> String {
    let bytes = length * 3 / 4;
    let frame = format!(r#"{{{HEADER},"x":""}}"#).len();
    let token = forge.also(&format!(r#""x":"{}""#, "A".repeat(bytes - frame)));
    assert_eq!(parts(&token)[0].len(), length);
    token
}

#[test]
fn the_padding_reaches_every_length() {
    let forge = Forge { issuer: TestIssuer::new(), ..Forge::new() };
    for length in 1000..1008 {
        assert_eq!(exactly(&forge, length).len(), length);
    }
}
