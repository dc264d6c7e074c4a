//! What a service behind a layer that forwards the identity sees: every header field of the request, and no
//! other.
#![cfg(feature = "test-util")]
#![allow(unreachable_pub, reason = "no crate imports a test")]

mod support;

use std::convert::Infallible;

use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_resource_server::{
    Identity, ResourceServer, TrustedIssuer,
    http::IdTokenLocation,
    issuer::TokenBuilder,
    keys::KeySet,
    middleware::{AuthLayer, ForwardedIdentity, ForwardedIdentityBuilder},
    policy::{Requirement, scope},
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

type Handler = BoxCloneSyncService<Request<()>, Response<Vec<u8>>, Infallible>;

/// Answers with the fields of the request, sorted, one a line.
fn show(request: &Request<()>) -> Response<Vec<u8>> {
    let fields = request.headers().iter();
    let mut lines: Vec<_> =
        fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    Response::new(lines.join("\n").into_bytes())
}

fn echo() -> Handler {
    BoxCloneSyncService::new(service_fn(|request: Request<()>| async move { Ok(show(&request)) }))
}

/// The table that most rows use.
fn common() -> ForwardedIdentityBuilder {
    ForwardedIdentity::builder().subject("x-auth-subject").scopes("x-auth-scopes")
}

fn build(builder: ForwardedIdentityBuilder) -> ForwardedIdentity {
    builder.build().unwrap()
}

async fn send(service: &Handler, fields: &[(&str, &str)], token: Option<&str>) -> Result<String, StatusCode> {
    let mut request = Request::new(());
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    if let Some(token) = token {
        request.headers_mut().append("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let response = service.clone().oneshot(request).await.unwrap();
    if response.status().is_success() {
        Ok(String::from_utf8(response.into_body()).unwrap())
    } else {
        Err(response.status())
    }
}

/// Who asks.
#[derive(Clone, Copy)]
enum Caller {
    NoToken,
    Expired,
    /// Alice, with the scope `read`.
    Alice,
}
use Caller::{Alice, Expired, NoToken};

struct Row {
    name: &'static str,
    fields: &'static [(&'static str, &'static str)],
    caller: Caller,
    /// All fields that arrive; or the status of the refusal.
    arrives: Result<&'static str, u16>,
}

const fn row(
    name: &'static str,
    fields: &'static [(&'static str, &'static str)],
    caller: Caller,
    arrives: Result<&'static str, u16>,
) -> Row {
    Row { name, fields, caller, arrives }
}

const OF_ALICE: Result<&str, u16> = Ok("x-auth-scopes: read\nx-auth-subject: alice");

const SPOOFED: &[Row] = &[
    row("nothing else", &[], Alice, OF_ALICE),
    row("the very name", &[("x-auth-subject", "root")], Alice, OF_ALICE),
    row("in capitals", &[("X-AUTH-SUBJECT", "root")], Alice, OF_ALICE),
    row("underscores", &[("x_auth_subject", "root")], Alice, OF_ALICE),
    row("underscores, as a class name", &[("X_Auth_Subject", "root")], Alice, OF_ALICE),
    row("the first an underscore", &[("X_Auth-Subject", "root")], Alice, OF_ALICE),
    row("the last an underscore", &[("X-Auth_Subject", "root")], Alice, OF_ALICE),
    row("dots", &[("x.auth.subject", "root")], Alice, OF_ALICE),
    row("other characters of a name", &[("x~auth!subject", "root")], Alice, OF_ALICE),
    row("twice", &[("x-auth-subject", "a"), ("x-auth-subject", "b")], Alice, OF_ALICE),
    row("in two forms", &[("x-auth-subject", "a"), ("x_auth_subject", "b")], Alice, OF_ALICE),
    row("empty", &[("x-auth-subject", "")], Alice, OF_ALICE),
    row("of another row", &[("x_auth_scopes", "admin")], Alice, OF_ALICE),
    row("named in Connection", &[("connection", "close, X-Auth-Subject")], Alice, OF_ALICE),
    row(
        "named in a second Connection",
        &[("connection", "close"), ("connection", "\tx_auth_scopes ")],
        Alice,
        OF_ALICE,
    ),
    row(
        "another Connection stays",
        &[("connection", "keep-alive")],
        Alice,
        Ok("connection: keep-alive\nx-auth-scopes: read\nx-auth-subject: alice"),
    ),
    row(
        "names that are not the table's stay",
        &[("x-auth-subject-2", "a"), ("x-auth", "b"), ("xauthsubject", "c")],
        Alice,
        Ok("x-auth-scopes: read\nx-auth-subject-2: a\nx-auth-subject: alice\nx-auth: b\nxauthsubject: c"),
    ),
    row("anonymous", &[], NoToken, Ok("")),
    row("anonymous, the very name", &[("x-auth-subject", "root")], NoToken, Ok("")),
    row("anonymous, underscores", &[("X_Auth_Subject", "root"), ("x-auth_scopes", "admin")], NoToken, Ok("")),
    row("anonymous, named in Connection", &[("connection", "x-auth-subject")], NoToken, Ok("")),
    row("anonymous, with other credentials", &[("authorization", "Basic dTpw")], NoToken, Ok("")),
    row("a bad token is never anonymous", &[("x-auth-subject", "root")], Expired, Err(401)),
    row("two Authorization fields", &[("authorization", "Basic dTpw")], Alice, Err(400)),
];

#[tokio::test]
async fn promise_10_what_a_client_sends_under_the_names_never_arrives() {
    let issuer = TestIssuer::new();
    let good = issuer.access_token("alice").scope("read");
    let alice = good.mint().unwrap();
    let expired = issuer.broken_from(&good, Defect::Expired);
    let api = issuer.server();
    let optional = || api.layer().optional(true).forward(build(common()));
    let placements = [
        ("layer", Handler::new(optional().layer(echo()))),
        ("layer with bodies", Handler::new(optional().refusal_body(|_, _| "no").layer(echo()))),
        (
            "guard",
            Handler::new(
                api.guard(Requirement::any_token()).optional(true).forward(build(common())).layer(echo()),
            ),
        ),
        ("guard under layer", {
            let guard = api.guard(Requirement::any_token()).optional(true).forward(build(common()));
            Handler::new(api.layer().optional(true).layer(guard.layer(echo())))
        }),
        (
            "twice",
            Handler::new(optional().layer(
                api.guard(Requirement::any_token()).optional(true).forward(build(common())).layer(echo()),
            )),
        ),
    ];
    for (placement, service) in &placements {
        // Once more: a token that is found in the cache.
        for Row { name, fields, caller, arrives } in SPOOFED.iter().chain(SPOOFED) {
            let token = match caller {
                NoToken => None,
                Expired => Some(expired.as_str()),
                Alice => Some(alice.as_str()),
            };
            let got = send(service, fields, token).await;
            let expected = arrives.map(str::to_owned).map_err(|status| StatusCode::from_u16(status).unwrap());
            assert_eq!(got, expected, "{placement}: {name}");
        }
    }
}

#[tokio::test]
async fn promise_10_each_fact_and_each_type_of_a_claim_has_its_form() {
    let issuer = TestIssuer::new();
    // RFC 9068 demands a client; this profile does not.
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let api = ResourceServer::builder(issuer.audience())
        .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::jwt()))
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let token = |subject: &str| issuer.access_token(subject).client_id("web");
    let claim = |value: Value| token("alice").claim("c", value);
    let one = |builder: fn(ForwardedIdentityBuilder, &'static str) -> ForwardedIdentityBuilder| {
        builder(ForwardedIdentity::builder(), "x")
    };
    let subject = || one(|builder, name| builder.subject(name));
    let client = || one(|builder, name| builder.client(name));
    let scopes = || one(|builder, name| builder.scopes(name));
    let of = |path: &str| ForwardedIdentity::builder().claim(path, "x");
    let rows: Vec<(&str, ForwardedIdentityBuilder, TokenBuilder, Option<&str>)> = vec![
        ("subject", subject(), token("alice"), Some("alice")),
        ("a subject of a provider", subject(), token("auth0|5f7c8ec7"), Some("auth0|5f7c8ec7")),
        ("a subject with spaces", subject(), token(" a b "), Some("%20a%20b%20")),
        (
            "a subject with a line end",
            subject(),
            token("a\r\nx-auth-roles: admin"),
            Some("a%0D%0Ax-auth-roles:%20admin"),
        ),
        ("a subject that is not ASCII", subject(), token("Zoë"), Some("Zo%C3%AB")),
        ("a subject with % and ,", subject(), token("100%,b"), Some("100%25%2Cb")),
        ("issuer", one(|builder, name| builder.issuer(name)), token("alice"), Some("https://issuer.test")),
        ("client", client(), token("alice"), Some("web")),
        ("no client", client(), token("alice").without("client_id"), None),
        (
            "scopes",
            scopes(),
            token("alice").scope("orders:read orders:write"),
            Some("orders:read orders:write"),
        ),
        ("no scopes", scopes(), token("alice"), None),
        ("a text", of("c"), claim(json!("clerk")), Some("clerk")),
        ("an empty text", of("c"), claim(json!("")), None),
        ("a text that looks like two", of("c"), claim(json!("a,b")), Some("a%2Cb")),
        ("two texts", of("c"), claim(json!(["a", "b"])), Some("a,b")),
        ("a text with a comma among others", of("c"), claim(json!(["a,b", "c"])), Some("a%2Cb,c")),
        ("an empty array", of("c"), claim(json!([])), None),
        ("mixed scalars", of("c"), claim(json!(["a", 1, true])), Some("a,1,true")),
        ("an integer", of("c"), claim(json!(7)), Some("7")),
        ("a fraction", of("c"), claim(json!(0.5)), Some("0.5")),
        ("true", of("c"), claim(json!(true)), Some("true")),
        ("false", of("c"), claim(json!(false)), Some("false")),
        ("null", of("c"), claim(json!(null)), None),
        ("an object", of("c"), claim(json!({"a": ["b"], "d": 1})), Some("{\"a\":[\"b\"]%2C\"d\":1}")),
        ("an array with null", of("c"), claim(json!([null, "a"])), Some("[null%2C\"a\"]")),
        ("absent", of("c"), token("alice"), None),
        ("inside another", of("/c/roles"), claim(json!({"roles": ["clerk", "lead"]})), Some("clerk,lead")),
        ("absent inside another", of("/c/roles"), claim(json!({"groups": []})), None),
        ("inside a text", of("/c/roles"), claim(json!("roles")), None),
        ("one of an array", of("/c/1"), claim(json!(["a", "b"])), Some("b")),
        ("with an escape in the token", of("c"), claim(json!("a\"b\\")), Some("a\"b\\")),
    ];
    for (name, builder, token, expected) in rows {
        let service = Handler::new(api.layer().forward(build(builder)).layer(echo()));
        let got = send(&service, &[("x", "of the client")], Some(&token.mint().unwrap())).await;
        assert_eq!(got, Ok(expected.map(|value| format!("x: {value}")).unwrap_or_default()), "{name}");
    }
}

/// A server that reads pairs, and what it is sent.
fn pair(issuer: &TestIssuer, location: IdTokenLocation, retain: bool) -> ResourceServer {
    ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .client_id(issuer.client_id())
        .id_token(location)
        .retain_tokens(retain)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

#[tokio::test]
async fn of_a_pair_each_token_has_its_rows_and_neither_goes_on() {
    let issuer = TestIssuer::new();
    let access = issuer.access_token("alice").scope("read").claim("email", "at@a.example").mint().unwrap();
    let id = issuer.id_token("alice").claim("email", "id@a.example").mint().unwrap();
    let own_field = || IdTokenLocation::Header(HeaderName::from_static("x-id-token"));
    let table = || common().claim("email", "x-auth-access").id_claim("email", "x-auth-email");
    let both =
        "x-auth-access: at@a.example\nx-auth-email: id@a.example\nx-auth-scopes: read\nx-auth-subject: alice";
    let access_alone = "x-auth-access: at@a.example\nx-auth-scopes: read\nx-auth-subject: alice";
    let kept = format!("authorization: Bearer {access}\n{both}\nx-id-token: {id}");
    let spoofed = ("x_auth_email", "root@a.example");
    let beside = ("x-id-token", id.as_str());
    for (name, location, keep, fields, token, expected) in [
        ("own field", own_field(), false, &[beside, spoofed][..], access.clone(), Ok(both)),
        (
            "own field, and its other form",
            own_field(),
            false,
            &[beside, ("x_id_token", "forged")],
            access.clone(),
            Ok(both),
        ),
        ("own field, kept", own_field(), true, &[beside, spoofed], access.clone(), Ok(&*kept)),
        ("own field, no ID token", own_field(), false, &[spoofed], access.clone(), Ok(access_alone)),
        (
            "one field",
            IdTokenLocation::AfterAccessToken,
            false,
            &[spoofed],
            format!("{access} {id}"),
            Ok(both),
        ),
        (
            "a pair that does not match",
            own_field(),
            false,
            &[beside],
            issuer.access_token("bob").mint().unwrap(),
            Err(StatusCode::UNAUTHORIZED),
        ),
    ] {
        let api = pair(&issuer, location, false);
        let layer = api.layer().forward(build(table().keep_authorization(keep)));
        let service = Handler::new(layer.layer(echo()));
        assert_eq!(send(&service, fields, Some(&token)).await, expected.map(str::to_owned), "{name}");
    }
}

#[tokio::test]
async fn credentials_go_on_only_when_they_are_kept() {
    let issuer = TestIssuer::new();
    let api = issuer.server();
    let token = issuer.access_token("alice").scope("read").mint().unwrap();
    let of_alice = "x-auth-scopes: read\nx-auth-subject: alice";
    let with_token = format!("authorization: Bearer {token}\n{of_alice}");
    let untouched = format!("authorization: Bearer {token}\nx-auth-subject: root");
    let table = |keep| build(common().keep_authorization(keep));
    for (name, layer, token, fields, expected) in [
        ("not forwarded", api.layer(), Some(&token), &[("x-auth-subject", "root")][..], &*untouched),
        ("removed", api.layer().forward(table(false)), Some(&token), &[], of_alice),
        ("kept", api.layer().forward(table(true)), Some(&token), &[("x-auth-subject", "root")], &*with_token),
        (
            "the last table counts",
            api.layer().forward(table(true)).forward(table(false)),
            Some(&token),
            &[],
            of_alice,
        ),
        (
            "other credentials, kept",
            api.layer().optional(true).forward(table(true)),
            None,
            &[("authorization", "Basic dTpw")],
            "authorization: Basic dTpw",
        ),
        (
            "nothing but the credentials",
            api.layer().forward(build(ForwardedIdentity::builder())),
            Some(&token),
            &[("x-auth-subject", "stays")],
            "x-auth-subject: stays",
        ),
    ] {
        let service = Handler::new(layer.layer(echo()));
        let got = send(&service, fields, token.map(String::as_str)).await;
        assert_eq!(got, Ok(expected.to_owned()), "{name}");
    }
}

#[tokio::test]
async fn a_guard_behind_the_layer_still_judges_and_the_identity_is_there() {
    let issuer = TestIssuer::new();
    let api = issuer.server();
    let inner = service_fn(|request: Request<()>| async move {
        let subject = request.extensions().get::<Identity>().map(|who| who.subject().to_owned());
        let forwarded = request.headers().contains_key("x-auth-subject");
        let credentials = request.headers().contains_key("authorization");
        Ok::<_, Infallible>(Response::new(format!("{subject:?} {forwarded} {credentials}").into_bytes()))
    });
    let outer = || api.layer().optional(true).forward(build(common()));
    let stacked = |inside: AuthLayer| Handler::new(outer().layer(inside.layer(inner)));
    let guard = || api.guard(scope("read"));
    let token = |scopes: &str| issuer.access_token("alice").scope(scopes).mint().unwrap();
    let seen = |text: &str| Ok(text.to_owned());
    for (name, service, token, expected) in [
        ("a guard that is met", stacked(guard()), Some(token("read")), seen("Some(\"alice\") true false")),
        ("a guard that is not", stacked(guard()), Some(token("list")), Err(StatusCode::FORBIDDEN)),
        ("a guard, no token", stacked(guard()), None, Err(StatusCode::UNAUTHORIZED)),
        (
            "a guard that forwards nothing of its own",
            stacked(api.guard(Requirement::any_token()).optional(true)),
            None,
            seen("None false false"),
        ),
        (
            "a second layer has no credentials to read",
            stacked(api.layer()),
            Some(token("read")),
            Err(StatusCode::UNAUTHORIZED),
        ),
    ] {
        assert_eq!(send(&service, &[], token.as_deref()).await, expected, "{name}");
    }
}

#[cfg(feature = "remote")]
#[tokio::test]
async fn a_request_that_waited_for_keys_is_forwarded_alike() {
    use support::Scripted;

    let (issuer, fetcher) = (TestIssuer::new(), Scripted::new());
    let remote =
        TrustedIssuer::with_jwks_uri(issuer.issuer(), "https://issuer.test/jwks", TokenProfile::rfc9068());
    let api = ResourceServer::builder(issuer.audience())
        .issuer(remote.http_client(fetcher.clone()))
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let service = Handler::new(api.layer().forward(build(common())).layer(echo()));
    let token = issuer.access_token("alice").scope("read").mint().unwrap();
    let spoofed = [("x_auth_subject", "root"), ("connection", "x-auth-subject")];
    let (answer, ()) = tokio::join!(send(&service, &spoofed, Some(&token)), async {
        fetcher.answer(&issuer.jwks());
    });
    assert_eq!(answer, Ok("x-auth-scopes: read\nx-auth-subject: alice".to_owned()));
    assert_eq!(fetcher.fetches(), 1, "the request came before the keys");
}

#[test]
fn a_response_is_written_by_the_same_table() {
    let issuer = TestIssuer::new();
    let identity = issuer.identity(&issuer.access_token("alice").scope("a b").mint().unwrap()).unwrap();
    let table = build(common().claim("email", "x-auth-email"));
    for (name, who, expected) in [
        ("verified", Some(&identity), "authorization: stays\nx-auth-scopes: a b\nx-auth-subject: alice"),
        ("anonymous", None, "authorization: stays"),
    ] {
        let mut carrier = Request::new(());
        for (field, value) in [("X_Auth_Email", "x"), ("x-auth-subject", "y"), ("authorization", "stays")] {
            carrier
                .headers_mut()
                .insert(HeaderName::from_bytes(field.as_bytes()).unwrap(), HeaderValue::from_static(value));
        }
        table.set(who, carrier.headers_mut());
        assert_eq!(show(&carrier).into_body(), expected.as_bytes(), "{name}");
    }
    let names: Vec<_> = table.names().map(HeaderName::as_str).collect();
    assert_eq!(names, ["x-auth-subject", "x-auth-scopes", "x-auth-email"]);
}
