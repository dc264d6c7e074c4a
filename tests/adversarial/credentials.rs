//! The `Authorization` field: schemes, spacing, several of them, and places where no token is read.

use crate::{
    forge::Forge,
    site::{
        Case,
        Expected::{self, Admitted, BadRequest, BadToken, NoCredentials, NotHttp},
        Raw, case,
    },
};

const MALFORMED: Expected = BadRequest("the Authorization field is malformed");
const SEVERAL: Expected = BadRequest("the request has several Authorization fields");
const PARTS: Expected = BadToken("a signed token has exactly three parts");

pub fn cases(forge: &Forge) -> Vec<Case> {
    let token = forge.token();
    let one = |value: &str, expected| {
        (vec![format!("Authorization: {}", value.replace('@', &token)).into_bytes()], expected)
    };
    // `@` is a good token.
    let mut cases: Vec<Case> = [
        ("nothing", None, NoCredentials),
        ("good", Some("Bearer @"), Admitted),
        ("lower case", Some("bearer @"), Admitted),
        ("upper case", Some("BEARER @"), Admitted),
        ("mixed case", Some("bEaReR @"), Admitted),
        ("two spaces", Some("Bearer  @"), Admitted),
        ("many spaces", Some("Bearer          @"), Admitted),
        // Trailing white space is no part of a field value (RFC 9110 section 5.5).
        ("trailing space", Some("Bearer @ "), Admitted),
        ("trailing tab", Some("Bearer @\t"), Admitted),
        ("leading tab", Some("\tBearer @"), Admitted),
        ("tab between", Some("Bearer\t@"), MALFORMED),
        ("space and tab", Some("Bearer \t@"), MALFORMED),
        ("tab and space", Some("Bearer\t @"), MALFORMED),
        ("scheme alone", Some("Bearer"), MALFORMED),
        ("scheme and space", Some("Bearer "), MALFORMED),
        ("empty value", Some(""), NoCredentials),
        ("token alone", Some("@"), NoCredentials),
        ("no space", Some("Bearer@"), NoCredentials),
        ("colon", Some("Bearer: @"), NoCredentials),
        ("comma for space", Some("Bearer,@"), MALFORMED),
        ("equals for space", Some("Bearer=@"), MALFORMED),
        ("longer scheme", Some("BearerToken @"), NoCredentials),
        ("shorter scheme", Some("Beare @"), NoCredentials),
        ("scheme twice", Some("Bearer Bearer @"), MALFORMED),
        ("two tokens", Some("Bearer @ @"), MALFORMED),
        ("joined", Some("Bearer @, Bearer @"), MALFORMED),
        ("joined without space", Some("Bearer @,Bearer @"), MALFORMED),
        ("joined, nothing behind", Some("Bearer @,"), MALFORMED),
        ("joined, nothing before", Some(",Bearer @"), NoCredentials),
        ("joined behind another scheme", Some("Basic dTpw, Bearer @"), NoCredentials),
        ("a parameter", Some("Bearer token=\"@\""), MALFORMED),
        ("a parameter behind", Some("Bearer @, realm=\"x\""), MALFORMED),
        ("double quotes", Some("Bearer \"@\""), MALFORMED),
        ("single quotes", Some("Bearer '@'"), MALFORMED),
        ("angle brackets", Some("Bearer <@>"), MALFORMED),
        ("percent-encoded", Some("Bearer %65@"), MALFORMED),
        ("semicolon", Some("Bearer @;"), MALFORMED),
        ("padding alone", Some("Bearer ==="), MALFORMED),
        ("padding before", Some("Bearer =@"), MALFORMED),
        ("a word", Some("Bearer something-else"), PARTS),
        ("null", Some("Bearer null"), PARTS),
        ("undefined", Some("Bearer undefined"), PARTS),
        ("Basic", Some("Basic dXNlcjpwYXNzd29yZA=="), NoCredentials),
        ("Digest", Some("Digest username=\"someone\", realm=\"somewhere\""), NoCredentials),
        ("Negotiate", Some("Negotiate YIIJvwYGKwYBBQUCoIIJszCCCa"), NoCredentials),
        ("DPoP", Some("DPoP @"), NoCredentials),
        ("JWT", Some("JWT @"), NoCredentials),
        ("Token", Some("Token @"), NoCredentials),
        ("no-break space", Some("Bearer\u{a0}@"), NoCredentials),
        ("not ASCII before", Some("Bearer ä@"), MALFORMED),
        ("not ASCII behind", Some("Bearer @ä"), MALFORMED),
        ("full-width scheme", Some("Ｂｅａｒｅｒ @"), NoCredentials),
        ("Kelvin sign for k", Some("To\u{212a}en @"), NoCredentials),
        ("byte order mark", Some("\u{feff}Bearer @"), NoCredentials),
    ]
    .into_iter()
    .map(|(name, value, expected)| {
        let (fields, expected) = value.map_or((vec![], expected), |value| one(value, expected));
        case(name, Raw::fields(fields), expected)
    })
    .collect();

    let bytes = |parts: &[&[u8]]| [b"Authorization: ".as_slice(), &parts.concat()].concat();
    let good = format!("Authorization: Bearer {token}");
    let good = good.as_str();
    for (name, fields, expected) in [
        ("latin-1", vec![bytes(&[b"Bearer \xE4", token.as_bytes()])], MALFORMED),
        ("all ones", vec![bytes(&[b"Bearer \xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"])], MALFORMED),
        ("NUL in the token", vec![bytes(&[b"Bearer ", token.as_bytes(), b"\0"])], NotHttp(400)),
        ("NUL in the scheme", vec![bytes(&[b"Bea\0rer ", token.as_bytes()])], NotHttp(400)),
        ("escape", vec![bytes(&[b"Bearer \x1b", token.as_bytes()])], NotHttp(400)),
        ("delete", vec![bytes(&[b"Bearer \x7f", token.as_bytes()])], NotHttp(400)),
        ("vertical tab", vec![bytes(&[b"Bearer \x0b", token.as_bytes()])], NotHttp(400)),
        ("bare CR", vec![bytes(&[b"Bearer \r", token.as_bytes()])], NotHttp(400)),
        ("obs-fold", vec![bytes(&[b"Bearer\r\n ", token.as_bytes()])], NotHttp(400)),
        ("obs-fold with a tab", vec![bytes(&[b"Bearer\r\n\t", token.as_bytes()])], NotHttp(400)),
        ("space before the colon", vec![format!("Authorization : Bearer {token}").into()], NotHttp(400)),
        ("name with a space", vec![format!(" Authorization: Bearer {token}").into()], NotHttp(400)),
        ("no colon", vec![format!("Authorization Bearer {token}").into()], NotHttp(400)),
        ("the same field twice", vec![good.into(), good.into()], SEVERAL),
        ("twice, in two cases", vec![good.into(), good.to_uppercase().into()], SEVERAL),
        ("a bad one first", vec!["Authorization: Bearer something-else".into(), good.into()], SEVERAL),
        ("an empty one first", vec!["Authorization:".into(), good.into()], SEVERAL),
        ("an empty one behind", vec![good.into(), "Authorization:".into()], SEVERAL),
        ("another scheme first", vec!["Authorization: Basic dTpw".into(), good.into()], SEVERAL),
        ("three times", vec![good.into(), good.into(), good.into()], SEVERAL),
        ("under another name", vec![format!("X-Authorization: Bearer {token}").into()], NoCredentials),
        ("for the proxy", vec![format!("Proxy-Authorization: Bearer {token}").into()], NoCredentials),
        ("in a cookie", vec![format!("Cookie: access_token={token}").into()], NoCredentials),
        ("underscore in the name", vec![format!("Authorization_: Bearer {token}").into()], NoCredentials),
    ] {
        cases.push(case(name, Raw::fields(fields), expected));
    }
    let query = format!("?access_token={token}");
    cases.push(case("in the query", Raw { query: query.clone(), ..Raw::default() }, NoCredentials));
    let body = format!("access_token={token}");
    cases.push(case("in the body", Raw { body, ..Raw::default() }, NoCredentials));
    // RFC 6750 section 2 forbids two methods; the query is not one here, and the header counts.
    let both = Raw { query, ..Raw::fields([good]) };
    cases.push(case("in the header and the query", both, Admitted));
    cases
}
