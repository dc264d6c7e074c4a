//! What depends on the place: optional authentication, other servers, bound tokens.

use serde_json::json;
use tower_resource_server::test_util::{Defect, TestIssuer};

use crate::{
    forge::{Forge, MARK},
    site::{
        Case,
        Expected::{self, Admitted, Anonymous, BadRequest, BadToken, NoCredentials},
        Place, Raw, case,
    },
};

const BOUND: Expected = BadToken("the token is bound to its sender and came without proof");
const AUDIENCE: Expected = BadToken("the token is for another audience");
const MALFORMED: Expected = BadRequest("the Authorization field is malformed");

pub fn sender_constrained(forge: &Forge) -> Vec<Case> {
    let thumbprint = forge.other_signer.thumbprint();
    let dpop = forge.with("cnf", json!({ "jkt": thumbprint }));
    let scheme = |scheme: &str| Raw::fields([format!("Authorization: {scheme} {dpop}")]);
    let mut cases = vec![
        case("bound to a DPoP key, as a bearer", dpop.clone(), BOUND),
        case("bound to a DPoP key, under its scheme", scheme("DPoP"), NoCredentials),
        case("bound to a DPoP key, under some scheme", scheme("PoP"), NoCredentials),
        case(
            "a proof that was not asked for",
            Raw::fields([format!("Authorization: Bearer {dpop}"), format!("DPoP: {}", forge.token())]),
            BOUND,
        ),
    ];
    for (name, cnf) in [
        ("bound to a certificate", json!({ "x5t#S256": thumbprint })),
        ("bound to a key", json!({ "jwk": forge.other_signer.public_jwk() })),
        ("bound to a name", json!({ "kid": MARK })),
        ("bound by an unknown method", json!({ "zz-mark-zz": 1 })),
        ("bound to nothing", json!({})),
        ("bound to null", json!(null)),
        ("bound to an array", json!([])),
        ("bound to a string", json!("")),
        ("bound to false", json!(false)),
    ] {
        cases.push(case(name, forge.with("cnf", cnf), BOUND));
    }
    cases
}

pub fn optional(forge: &Forge) -> Vec<Case> {
    let token = forge.token();
    let fields = |fields: &[&str]| Raw::fields(fields.iter().map(|field| field.replace('@', &token)));
    let defect = |defect| forge.issuer.broken_from(&forge.good(), defect);
    [
        case("nothing", Raw::default(), Anonymous),
        case("good", token.clone(), Admitted),
        case("good without any scope", forge.good().without("scope").mint().unwrap(), Admitted),
        case("expired", defect(Defect::Expired), BadToken("the token has expired")),
        case("another audience", defect(Defect::WrongAudience), AUDIENCE),
        case("tampered", defect(Defect::TamperedPayload), BadToken("the token's signature is invalid")),
        case("unsigned", defect(Defect::AlgNone), BadToken("the token's algorithm is not accepted")),
        case("an ID token", id_token(forge), BadToken("the token is not of the accepted type")),
        case(
            "a word",
            fields(&["Authorization: Bearer x"]),
            BadToken("a signed token has exactly three parts"),
        ),
        case("no token", fields(&["Authorization: Bearer"]), MALFORMED),
        case("two tokens", fields(&["Authorization: Bearer @ @"]), MALFORMED),
        case("joined", fields(&["Authorization: Bearer @, Bearer @"]), MALFORMED),
        case(
            "twice",
            fields(&["Authorization: Bearer @", "Authorization: Bearer @"]),
            BadRequest("the request has several Authorization fields"),
        ),
        case(
            "another scheme and a good token",
            fields(&["Authorization: Basic dTpw", "Authorization: Bearer @"]),
            BadRequest("the request has several Authorization fields"),
        ),
        case("another scheme", fields(&["Authorization: Basic dTpw"]), Anonymous),
        case("an empty field", fields(&["Authorization:"]), Anonymous),
        case("in the query", Raw { query: format!("?access_token={token}"), ..Raw::default() }, Anonymous),
    ]
    .into_iter()
    .map(|case| case.at(Place::Optional))
    .collect()
}

pub fn other_server(forge: &Forge) -> Vec<Case> {
    let audience = |audience: &str| forge.with("aud", audience);
    let namesake = TestIssuer::builder().issuer(forge.issuer.issuer()).build();
    let another = TestIssuer::builder().issuer("https://another.test").build();
    let there = |name: &str, token: String, expected| case(name, token, expected).at(Place::Other);
    vec![
        case("a token for this one", forge.token(), Admitted),
        there("the same token there", forge.token(), AUDIENCE),
        there("a token for that one", audience("https://other.test"), Admitted),
        case("the same token here", audience("https://other.test"), AUDIENCE),
        there(
            "a token for both",
            forge.with("aud", json!(["https://api.test", "https://other.test"])),
            Admitted,
        ),
        case("and here", forge.with("aud", json!(["https://api.test", "https://other.test"])), Admitted),
        there("a prefix of its name", audience("https://other.tes"), AUDIENCE),
        there("its name and a slash", audience("https://other.test/"), AUDIENCE),
        there("its name in upper case", audience("HTTPS://OTHER.TEST"), AUDIENCE),
        there("its name and a space", audience("https://other.test "), AUDIENCE),
        there("its name in a list", audience("https://api.test https://other.test"), AUDIENCE),
        there("its host", audience("other.test"), AUDIENCE),
        there("any", audience("*"), AUDIENCE),
        case(
            "an issuer of the same name",
            namesake.access_token(MARK).scope("read").mint().unwrap(),
            BadToken("the token's signature is invalid"),
        ),
        case(
            "an issuer of another name",
            another.access_token(MARK).scope("read").mint().unwrap(),
            BadToken("the token's issuer is not trusted"),
        ),
        case("an issuer and a slash", forge.with("iss", "https://issuer.test/"), UNTRUSTED),
        case("an issuer in upper case", forge.with("iss", "HTTPS://ISSUER.TEST"), UNTRUSTED),
        case("an issuer with a port", forge.with("iss", "https://issuer.test:443"), UNTRUSTED),
    ]
}

const UNTRUSTED: Expected = BadToken("the token's issuer is not trusted");

fn id_token(forge: &Forge) -> String {
    forge.issuer.id_token(MARK).audience(forge.issuer.audience()).mint().unwrap()
}
