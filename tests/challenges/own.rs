//! Servers of this crate's own table and of others that users may write: rows × schemes × realms × addresses.

use axum::{Router, routing};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use serde_json::Value;
use tower_resource_server::{
    ResourceServer,
    http::{ChallengeParameter as P, ChallengeRow, ChallengeTable},
    policy::Requirement,
    test_util::{Defect, TestIssuer},
};

use crate::{
    cases::{Expected, checked},
    support::{ask, get},
};

const MALFORMED: &str = "the Authorization field is malformed";
const SEVERAL: &str = "the request has several Authorization fields";
const SCOPES: &str = "orders:read orders:write";
/// What the grammar allows in scopes and `build()` does not refuse.
const ODD_SCOPES: &str = "a,b x=y 'error' https://graph.test/.default?of=me&scope scope";
const ODD_CLASSES: &str = "a=b,c urn:idp:gold,scope";

const REALMS: [Option<&str>; 12] = [
    None,
    Some(""),
    Some("api"),
    Some("a \"quoted\" text"),
    Some("\""),
    Some(r"C:\orders\"),
    Some(r#"\"both\\"#),
    Some("orders, shop, 7"),
    Some("a=b"),
    Some("a=b, c=\"d\" , Bearer e=f"),
    Some("error, scope and \"resource_metadata\" of Bearer"),
    Some("Basic realm='x', Bearer"),
];

/// The identifier of a server, and the address of its metadata, where it has one.
const RESOURCES: [(&str, Option<&str>); 4] = [
    ("urn:orders", None),
    ("https://api.test/orders", Some("https://api.test/.well-known/oauth-protected-resource/orders")),
    ("https://api.test", Some("https://api.test/.well-known/oauth-protected-resource")),
    (
        "https://api.test:8443/a,b;c=(d)?tenant=a,b&of='x'",
        Some("https://api.test:8443/.well-known/oauth-protected-resource/a,b;c=(d)?tenant=a,b&of='x'"),
    ),
];

/// A table, the schemes that it offers, and its code for a token that is not accepted.
fn tables() -> [(&'static str, ChallengeTable, &'static [&'static str], &'static str); 7] {
    let rfc6750 = ChallengeTable::rfc6750;
    let coded = ChallengeRow::new(StatusCode::UNAUTHORIZED)
        .error("session expired, a=b")
        .described(true)
        .scoped(true);
    let backwards = [P::Realm, P::ResourceMetadata, P::Scope, P::MaxAge, P::AcrValues, P::ErrorDescription];
    [
        ("Bearer", rfc6750(), &["Bearer"], "invalid_token"),
        ("Bearer and Basic", rfc6750().further_scheme("Basic"), &["Bearer", "Basic"], "invalid_token"),
        (
            "Bearer, DPoP and Basic",
            rfc6750().further_scheme("DPoP").further_scheme("Basic"),
            &["Bearer", "DPoP", "Basic"],
            "invalid_token",
        ),
        ("the realm first", rfc6750().order([P::Realm]), &["Bearer"], "invalid_token"),
        ("the other way round", rfc6750().order(backwards), &["Bearer"], "invalid_token"),
        ("a code of its own", rfc6750().invalid_token(coded), &["Bearer"], "session expired, a=b"),
        ("DPoP", rfc6750().scheme("DPoP"), &["DPoP"], "invalid_token"),
    ]
}

/// What is sent.
#[derive(Clone, Copy)]
enum Sent {
    Nothing,
    Malformed,
    Several,
    Bad(Defect),
    /// A good token, with nothing in it that is required.
    Good,
}
use Sent::{Bad, Good, Malformed, Nothing, Several};

/// A row of the challenge table, asked for what it names.
struct Row {
    name: &'static str,
    sent: Sent,
    needed: String,
    status: u16,
    /// All but the scheme, the address and the realm.
    says: Expected,
}

fn rows(invalid: &str) -> Vec<Row> {
    let row = |name, sent, needed: &str, status, error: Option<&str>, says: Expected| Row {
        name,
        sent,
        needed: needed.to_owned(),
        status,
        says: Expected { error: error.map(str::to_owned), ..says },
    };
    let none = Expected::default;
    let scope = |scope| Expected { scope: Some(scope), ..none() };
    let told = |text| Expected { error_description: Some(text), ..none() };
    let login = |acr_values, max_age, scope| Expected { acr_values, max_age, scope, ..none() };
    let (orders, odd) = (format!("scope({SCOPES})"), quoted("scope", ODD_SCOPES));
    let (request, lacking) = (Some("invalid_request"), Some("insufficient_scope"));
    let stale = Some("insufficient_user_authentication");
    let both = format!("{orders} and acr(gold) and max_age(300)");
    vec![
        row("no credentials", Nothing, "any_token", 401, None, none()),
        row("no credentials, scopes", Nothing, &orders, 401, None, scope(SCOPES)),
        row("no credentials, odd scopes", Nothing, &odd, 401, None, scope(ODD_SCOPES)),
        row("a malformed field", Malformed, &orders, 400, request, told(MALFORMED)),
        row("several fields", Several, "any_token", 400, request, told(SEVERAL)),
        row(
            "an expired token",
            Bad(Defect::Expired),
            "any_token",
            401,
            Some(invalid),
            told("the token has expired"),
        ),
        row(
            "a token of another audience, scopes",
            Bad(Defect::WrongAudience),
            &orders,
            401,
            Some(invalid),
            Expected { scope: Some(SCOPES), ..told("the token is for another audience") },
        ),
        row("scopes are lacking", Good, &orders, 403, lacking, scope(SCOPES)),
        row("odd scopes are lacking", Good, &odd, 403, lacking, scope(ODD_SCOPES)),
        row("a role is lacking", Good, "role(clerk)", 403, lacking, none()),
        row("a stronger login", Good, "acr(gold silver)", 401, stale, login(Some("gold silver"), None, None)),
        row(
            "a login in an odd class",
            Good,
            &quoted("acr", ODD_CLASSES),
            401,
            stale,
            login(Some(ODD_CLASSES), None, None),
        ),
        row("a fresher login", Good, "max_age(300)", 401, stale, login(None, Some("300"), None)),
        row("both, and scopes", Good, &both, 401, stale, login(Some("gold"), Some("300"), Some(SCOPES))),
    ]
}

fn quoted(name: &str, list: &str) -> String {
    let each: Vec<_> = list.split(' ').map(|one| format!("\"{one}\"")).collect();
    format!("{name}({})", each.join(" "))
}

/// Every challenge of these servers.
pub async fn challenges() -> Vec<Value> {
    let mut all = Vec::new();
    for (resource, address) in RESOURCES {
        let issuer = TestIssuer::builder().audience(resource).build();
        let good = issuer.access_token("alice").mint().unwrap();
        for (table_name, table, schemes, invalid) in tables() {
            for realm in REALMS {
                let server =
                    ResourceServer::builder(resource).issuer(issuer.trusted()).clock(issuer.clock().clone());
                let server = server.challenges(table.clone());
                let server = realm.iter().fold(server, |server, realm| server.realm(*realm)).build().unwrap();
                for row in rows(invalid) {
                    let needed: Requirement = row.needed.parse().unwrap();
                    let (status, headers) = answer(&server, needed, row.sent, &issuer, &good).await;
                    let name = format!("{}; realm {realm:?}; {resource}", row.name);
                    assert_eq!(status, row.status, "{table_name}: {name}");
                    let offered = if matches!(row.sent, Nothing) { schemes } else { &schemes[..1] };
                    let expected = Expected {
                        schemes: offered.to_vec(),
                        resource_metadata: address.filter(|_| status != 400).map(str::to_owned),
                        realm,
                        ..row.says
                    };
                    all.push(checked(table_name, &name, status, &headers, &expected));
                }
            }
        }
    }
    all
}

async fn answer(
    server: &ResourceServer,
    needed: Requirement,
    sent: Sent,
    issuer: &TestIssuer,
    good: &str,
) -> (u16, HeaderMap) {
    let app =
        Router::new().route("/", routing::get(async || "ok")).layer(server.layer().requirements(needed));
    let mut request = match sent {
        Good => get("/", Some(good)),
        Bad(defect) => get("/", Some(&issuer.broken(defect))),
        Nothing | Malformed | Several => get("/", None),
    };
    let fields = match sent {
        Malformed => &["Bearer"][..],
        Several => &["Bearer a.b.c", "Bearer a.b.c"],
        _ => &[],
    };
    for field in fields {
        request.headers_mut().append(AUTHORIZATION, field.parse().unwrap());
    }
    let answer = ask(&app, request).await;
    (answer.status().as_u16(), answer.response.headers().clone())
}

#[test]
fn what_a_row_says_can_be_taken_back() {
    let row = ChallengeRow::new(StatusCode::UNAUTHORIZED);
    let changed = row.clone().described(true).scoped(true).challenge(false);
    assert_ne!(changed, row);
    assert_eq!(changed.described(false).scoped(false).challenge(true), row);
}
