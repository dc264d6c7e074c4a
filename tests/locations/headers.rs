//! A header field of the server's own choice, with a scheme and without.

use crate::site::{
    Expected::{self, Admitted, BadRequest, BadToken, NoCredentials, NotHttp, Sees},
    Row, row,
};

const MALFORMED: Expected = BadRequest("the header field of the token is malformed");
const SEVERAL: Expected = BadRequest("the request has several header fields of the token");
const PARTS: Expected = BadToken("a signed token has exactly three parts");

pub fn rows() -> Vec<Row> {
    let bare = [
        ("nothing", "", NoCredentials),
        ("a token", "X-Assertion: {good}", Admitted),
        ("marked", "X-Assertion: {good}", Sees("alice x-assertion!…")),
        ("in lower case", "x-assertion: {good}", Admitted),
        ("in upper case", "X-ASSERTION: {good}", Admitted),
        ("white space around", "X-Assertion: \t{good} \t", Admitted),
        ("an empty field", "X-Assertion:", MALFORMED),
        ("an empty field beside a token", "X-Assertion:\nX-Assertion: {good}", SEVERAL),
        ("two fields", "X-Assertion: {good}\nX-Assertion: {good}", SEVERAL),
        ("two fields, two tokens", "X-Assertion: {good}\nX-Assertion: {bob}", SEVERAL),
        ("a scheme", "X-Assertion: Bearer {good}", MALFORMED),
        ("two tokens", "X-Assertion: {good} {good}", MALFORMED),
        ("a list", "X-Assertion: {good}, {good}", MALFORMED),
        ("a list without spaces", "X-Assertion: {good},{bob}", MALFORMED),
        ("quoted", "X-Assertion: \"{good}\"", MALFORMED),
        ("not ASCII", "X-Assertion: {good}ä", MALFORMED),
        ("a word", "X-Assertion: something", PARTS),
        ("expired", "X-Assertion: {expired}", BadToken("the token has expired")),
        ("forged", "X-Assertion: {forged}", BadToken("the token's signature is invalid")),
        ("an ID token", "X-Assertion: {id}", BadToken("the token is not of the accepted type")),
        ("folded", "X-Assertion: {good}\n {good}", NotHttp(400)),
        ("under a name with an underscore", "X_Assertion: {good}", NoCredentials),
        ("under a longer name", "X-Assertion-2: {good}", NoCredentials),
        ("in Authorization, which is not read", "Authorization: Bearer {good}", NoCredentials),
        ("beside Basic credentials", "Authorization: Basic dTpw\nX-Assertion: {good}", Admitted),
        (
            "beside another token in Authorization, which is not read",
            "Authorization: Bearer {bob}\nX-Assertion: {good}",
            Sees("alice authorization!Bearer … x-assertion!…"),
        ),
    ];
    let with_scheme = [
        ("scheme and token", "X-Forwarded-Authorization: Bearer {good}", Admitted),
        ("scheme in lower case", "X-Forwarded-Authorization: bearer {good}", Admitted),
        ("token alone", "X-Forwarded-Authorization: {good}", NoCredentials),
        ("another scheme", "X-Forwarded-Authorization: Basic dTpw", NoCredentials),
        ("scheme alone", "X-Forwarded-Authorization: Bearer", MALFORMED),
        ("empty, with a scheme", "X-Forwarded-Authorization:", NoCredentials),
        ("two tokens behind a scheme", "X-Forwarded-Authorization: Bearer {good} {good}", MALFORMED),
        (
            "scheme and token twice",
            "X-Forwarded-Authorization: Bearer {good}\nX-Forwarded-Authorization: Bearer {good}",
            SEVERAL,
        ),
    ];
    let token = [
        ("the scheme that was set", "Authorization: Token {good}", Admitted),
        ("Bearer where another was set", "Authorization: Bearer {good}", NoCredentials),
        (
            "malformed in the scheme that was set",
            "Authorization: Token \"{good}\"",
            BadRequest("the Authorization field is malformed"),
        ),
    ];
    let at = |path: &'static str, rows: Vec<(&'static str, &'static str, Expected)>| {
        rows.into_iter()
            .map(move |(name, fields, expected)| row(name, format!("GET {path}\n{fields}"), expected))
    };
    at("/header", bare.into())
        .chain(at("/scheme", with_scheme.into()))
        .chain(at("/token", token.into()))
        .collect()
}
