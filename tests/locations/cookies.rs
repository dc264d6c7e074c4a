//! A cookie: its grammar, its name, and how much of it is looked at.

use crate::site::{
    Expected::{self, Admitted, Anonymous, BadRequest, BadToken, NoCredentials, NotHttp, Sees},
    Row, row,
};

const MALFORMED: Expected = BadRequest("the cookie of the token is malformed");
const SEVERAL: Expected = BadRequest("the request has several cookies of the token");
const TOO_MANY: Expected = BadRequest("the request has too many cookies");

pub fn rows() -> Vec<Row> {
    // `~` is the name of the cookie.
    let mut rows: Vec<Row> = [
        ("nothing", "", NoCredentials),
        ("a token", "Cookie: ~={good}", Admitted),
        ("marked", "Cookie: ~={good}", Sees("alice cookie!__Host-session=…")),
        ("the field in upper case", "COOKIE: ~={good}", Admitted),
        ("among others", "Cookie: a=b; ~={good}; c=d", Sees("alice cookie!a=b; __Host-session=…; c=d")),
        ("first", "Cookie: ~={good}; a=b", Admitted),
        ("last", "Cookie: a=b; ~={good}", Admitted),
        ("no space behind the semicolon", "Cookie: a=b;~={good}", Admitted),
        ("several spaces behind the semicolon", "Cookie: a=b;   ~={good}", Admitted),
        ("a tab behind the semicolon", "Cookie: a=b;\t~={good}", Admitted),
        ("a semicolon at the end", "Cookie: ~={good};", Admitted),
        ("a semicolon at the beginning", "Cookie: ;~={good}", Admitted),
        ("semicolons alone", "Cookie: ;;;", NoCredentials),
        ("in double quotes", "Cookie: ~=\"{good}\"", Admitted),
        ("in single quotes", "Cookie: ~='{good}'", MALFORMED),
        ("a quote at the beginning", "Cookie: ~=\"{good}", MALFORMED),
        ("a quote at the end", "Cookie: ~={good}\"", MALFORMED),
        ("in two pairs of quotes", "Cookie: ~=\"\"{good}\"\"", MALFORMED),
        ("an escaped quote", "Cookie: ~=\"\\\"{good}\\\"\"", MALFORMED),
        ("one quote", "Cookie: ~=\"", MALFORMED),
        ("empty quotes", "Cookie: ~=\"\"", MALFORMED),
        ("quotes of another cookie around it", "Cookie: a=\"x; ~={good}; y\"", Admitted),
        ("quotes of another cookie around a second", "Cookie: ~={good}; a=\"x; ~={bob}; y\"", SEVERAL),
        ("empty", "Cookie: ~=", MALFORMED),
        ("without an equals sign", "Cookie: ~", NoCredentials),
        ("a space within", "Cookie: ~={good} x", MALFORMED),
        ("a comma behind", "Cookie: ~={good}, a=b", MALFORMED),
        ("joined by a comma", "Cookie: ~={good}, ~={bob}", MALFORMED),
        ("a scheme", "Cookie: ~=Bearer {good}", MALFORMED),
        ("percent-encoded", "Cookie: ~=%65{good}", MALFORMED),
        ("not ASCII", "Cookie: ~={good}ä", MALFORMED),
        ("an equals sign in front", "Cookie: ~=={good}", MALFORMED),
        ("space before the equals sign", "Cookie: ~ ={good}", Admitted),
        ("space behind the equals sign", "Cookie: ~= {good}", Admitted),
        ("twice", "Cookie: ~={good}; ~={good}", SEVERAL),
        ("twice, two tokens", "Cookie: ~={good}; ~={bob}", SEVERAL),
        ("twice, the first empty", "Cookie: ~=; ~={good}", SEVERAL),
        ("twice, the second empty", "Cookie: ~={good}; ~=", SEVERAL),
        ("twice, one with a space", "Cookie: ~ ={bob}; ~={good}", SEVERAL),
        ("twice, far apart", "Cookie: ~={good}; a=b; c=d; ~={good}", SEVERAL),
        ("another name in front", "Cookie: X~={bob}; ~={good}", Admitted),
        ("in lower case", "Cookie: __host-session={good}", NoCredentials),
        ("in upper case", "Cookie: __HOST-SESSION={good}", NoCredentials),
        ("in lower case beside", "Cookie: __host-session={bob}; ~={good}", Admitted),
        ("a longer name", "Cookie: ~2={good}", NoCredentials),
        ("a name that ends so", "Cookie: a~={good}", NoCredentials),
        ("a shorter name", "Cookie: __Host-sessio={good}", NoCredentials),
        ("a name without the prefix", "Cookie: session={good}", NoCredentials),
        ("another prefix", "Cookie: __Secure-session={good}", NoCredentials),
        ("a quoted name", "Cookie: \"~\"={good}", NoCredentials),
        ("a name with an escape", "Cookie: __Host%2Dsession={good}", NoCredentials),
        ("no name", "Cookie: ={good}", NoCredentials),
        ("no name, and the name in the value", "Cookie: =~={good}", NoCredentials),
        ("a name that begins with a dollar sign", "Cookie: $~={good}", NoCredentials),
        ("the version of RFC 2965", "Cookie: $Version=1; ~={good}; $Path=/", Admitted),
        ("in the value of another", "Cookie: a=~={good}", NoCredentials),
        ("folded", "Cookie: a=b;\n ~={good}", NotHttp(400)),
        ("folded with a tab", "Cookie: ~=\n\t{good}", NotHttp(400)),
        ("two fields", "Cookie: a=b\nCookie: ~={good}", BadRequest("the request has several Cookie fields")),
        (
            "two fields, both with it",
            "Cookie: ~={good}\nCookie: ~={good}",
            BadRequest("the request has several Cookie fields"),
        ),
        ("Cookie2", "Cookie2: ~={good}", NoCredentials),
        ("Set-Cookie", "Set-Cookie: ~={good}", NoCredentials),
        ("a bare carriage return", "Cookie: ~={good}\r; a=b", NotHttp(400)),
        ("a NUL", "Cookie: ~={good}\0", NotHttp(400)),
        ("expired", "Cookie: ~={expired}", BadToken("the token has expired")),
        ("forged", "Cookie: ~={forged}", BadToken("the token's signature is invalid")),
        ("a word", "Cookie: ~=something", BadToken("a signed token has exactly three parts")),
        ("an ID token", "Cookie: ~={id}", BadToken("the token is not of the accepted type")),
        ("in Authorization, which is not read", "Authorization: Bearer {good}", NoCredentials),
    ]
    .into_iter()
    .map(|(name, fields, expected)| {
        row(name, format!("GET /cookie\n{}", fields.replace('~', "__Host-session")), expected)
    })
    .collect();
    let filled = |bytes: usize| format!("GET /cookie\nCookie: a={}", "x".repeat(bytes - 2));
    rows.push(row("8 KiB of other cookies", filled(8 * 1024), NoCredentials));
    rows.push(row("8 KiB and a byte", filled(8 * 1024 + 1), TOO_MANY));
    rows.push(row(
        "a token behind 7 KiB",
        format!("{}; __Host-session={{good}}", filled(7 * 1024)),
        Admitted,
    ));
    rows.push(row(
        "a token behind 8 KiB",
        format!("{}; __Host-session={{good}}", filled(8 * 1024)),
        TOO_MANY,
    ));
    rows.push(row(
        "a thousand other cookies",
        format!("GET /cookie\nCookie: {}__Host-session={{good}}", "a=b; ".repeat(1_000)),
        Admitted,
    ));
    rows.push(row("optional, nothing", "GET /optional", Anonymous));
    rows.push(row("optional, another cookie", "GET /optional\nCookie: a=b", Anonymous));
    rows.push(row("optional, a token", "GET /optional\nCookie: __Host-session={good}", Admitted));
    rows.push(row("optional, empty", "GET /optional\nCookie: __Host-session=", MALFORMED));
    rows.push(row(
        "optional, expired",
        "GET /optional\nCookie: __Host-session={expired}",
        BadToken("the token has expired"),
    ));
    rows
}
