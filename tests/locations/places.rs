//! Several locations at once, the query, and what the inner service gets to see.

use crate::site::{
    Expected::{self, Admitted, BadRequest, BadToken, NoCredentials, Sees},
    Row, row,
};

const TWO: Expected = BadRequest("the request has tokens in several places");
const DISAGREE: Expected = BadRequest("the request does not have the same token in every place");
const PARAMETER: Expected = BadRequest("the query parameter of the token is malformed");

pub fn rows() -> Vec<Row> {
    let (bearer, assertion, cookie) =
        ("Authorization: Bearer {good}", "X-Assertion: {good}", "Cookie: __Host-session={good}");
    [
        ("in Authorization", format!("GET /both\n{bearer}"), Admitted),
        ("in a header", format!("GET /both\n{assertion}"), Admitted),
        ("in a cookie", format!("GET /both\n{cookie}"), Admitted),
        ("in none", "GET /both".into(), NoCredentials),
        ("in Authorization and a header", format!("GET /both\n{bearer}\n{assertion}"), TWO),
        ("in Authorization and a cookie", format!("GET /both\n{bearer}\n{cookie}"), TWO),
        ("in a header and a cookie", format!("GET /both\n{assertion}\n{cookie}"), TWO),
        ("in all", format!("GET /both\n{bearer}\n{assertion}\n{cookie}"), TWO),
        ("in the second of two cookies", "GET /cookies\nCookie: other={good}".into(), Admitted),
        ("in the first of two cookies", "GET /cookies\nCookie: a=b; __Host-session={good}".into(), Admitted),
        ("in two cookies", "GET /cookies\nCookie: __Host-session={good}; other={good}".into(), TWO),
        (
            "in two cookies, another way round",
            "GET /cookies\nCookie: other={bob}; __Host-session={good}".into(),
            TWO,
        ),
        ("two tokens in two places", format!("GET /both\n{bearer}\nX-Assertion: {{bob}}"), TWO),
        ("a good one and an expired one", format!("GET /both\n{bearer}\nX-Assertion: {{expired}}"), TWO),
        ("a good one and a word", format!("GET /both\n{bearer}\nX-Assertion: word"), TWO),
        (
            "a good one and an empty one",
            format!("GET /both\n{bearer}\nX-Assertion:"),
            BadRequest("the header field of the token is malformed"),
        ),
        (
            "a good one and an empty cookie",
            format!("GET /both\n{bearer}\nCookie: __Host-session="),
            BadRequest("the cookie of the token is malformed"),
        ),
        (
            "a cookie and other credentials",
            format!("GET /both\nAuthorization: Basic dTpw\n{cookie}"),
            Admitted,
        ),
        (
            "a cookie and a scheme alone",
            format!("GET /both\nAuthorization: Bearer\n{cookie}"),
            BadRequest("the Authorization field is malformed"),
        ),
        (
            "a cookie and two fields",
            format!("GET /both\n{bearer}\n{bearer}\n{cookie}"),
            BadRequest("the request has several Authorization fields"),
        ),
        ("an ID token in a header, where tokens are such", "GET /id\nX-Assertion: {id}".into(), Admitted),
        ("an ID token in a cookie", "GET /id\nCookie: __Host-session={id}".into(), Admitted),
        ("an ID token twice", "GET /id\nX-Assertion: {id}\nCookie: __Host-session={id}".into(), TWO),
        (
            "an access token where tokens are ID tokens",
            "GET /id\nX-Assertion: {good}".into(),
            BadToken("the token is not of the accepted type"),
        ),
        ("both, and the same", format!("GET /agree\n{assertion}\n{cookie}"), Admitted),
        (
            "both, and the same in quotes",
            "GET /agree\nX-Assertion: {good}\nCookie: __Host-session=\"{good}\"".into(),
            Admitted,
        ),
        (
            "both, of one user, and not the same",
            "GET /agree\nX-Assertion: {good}\nCookie: __Host-session={expired}".into(),
            DISAGREE,
        ),
        (
            "both, of two users",
            "GET /agree\nX-Assertion: {good}\nCookie: __Host-session={bob}".into(),
            DISAGREE,
        ),
        ("the header without the cookie", format!("GET /agree\n{assertion}"), DISAGREE),
        ("the cookie without the header", format!("GET /agree\n{cookie}"), DISAGREE),
        ("neither", "GET /agree".into(), NoCredentials),
        (
            "both, and both expired",
            "GET /agree\nX-Assertion: {expired}\nCookie: __Host-session={expired}".into(),
            BadToken("the token has expired"),
        ),
        ("removed from Authorization", format!("GET /removed\n{bearer}"), Sees("alice")),
        (
            "removed from a header",
            format!("GET /removed\n{assertion}\nCookie: a=b"),
            Sees("alice cookie!a=b"),
        ),
        (
            "removed from the cookies",
            "GET /removed\nCookie: a=b; __Host-session={good}; c=d".into(),
            Sees("alice cookie!a=b; c=d"),
        ),
        ("removed, the only cookie", format!("GET /removed\n{cookie}"), Sees("alice")),
        (
            "removed, a pair of a cookie and a header",
            "GET /pair\nCookie: __Host-session={good}\nX-ID-Token: {id}".into(),
            Admitted,
        ),
        (
            "a pair of two users",
            "GET /pair\nCookie: __Host-session={bob}\nX-ID-Token: {id}".into(),
            BadToken("the two tokens do not belong together"),
        ),
        (
            "an ID token without an access token",
            "GET /pair\nX-ID-Token: {id}".into(),
            BadRequest("the request carries an ID token without an access token"),
        ),
        (
            "an ID token in quotes",
            "GET /pair\nCookie: __Host-session={good}\nX-ID-Token: \"{id}\"".into(),
            BadRequest("the ID token field is malformed"),
        ),
        ("in the query", "GET /query?access_token={good}".into(), Sees("alice")),
        (
            "in the query, with others",
            "GET /query?a=b&access_token={good}&c=d".into(),
            Sees("alice ?a=b&c=d"),
        ),
        ("in the query, an escaped name", "GET /query?access%5Ftoken={good}&c=d".into(), Sees("alice ?c=d")),
        ("in the query, another name", "GET /query?access_token2={good}".into(), NoCredentials),
        ("in the query, in upper case", "GET /query?ACCESS_TOKEN={good}".into(), NoCredentials),
        ("in the query, empty", "GET /query?access_token=".into(), PARAMETER),
        ("in the query, without a value", "GET /query?access_token".into(), PARAMETER),
        ("in the query, escaped", "GET /query?access_token=%65{good}".into(), PARAMETER),
        (
            "in the query, twice",
            "GET /query?access_token={good}&access_token={good}".into(),
            BadRequest("the query has several parameters of the token"),
        ),
        (
            "in the query, twice in two spellings",
            "GET /query?access_token={good}&%61ccess_token={bob}".into(),
            BadRequest("the query has several parameters of the token"),
        ),
        ("in the query and Authorization", format!("GET /query?access_token={{good}}\n{bearer}"), TWO),
        ("in the query where it is not read", "GET /both?access_token={good}".into(), NoCredentials),
        (
            "in the query, expired",
            "GET /query?access_token={expired}".into(),
            BadToken("the token has expired"),
        ),
    ]
    .into_iter()
    .map(|(name, request, expected)| row(name, request, expected))
    .collect()
}
