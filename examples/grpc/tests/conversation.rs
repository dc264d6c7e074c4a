//! What a tonic client sees: the code, the message, and the challenge in the metadata.

mod common;

use std::future::ready;

use common::{api, call, serve};
use grpc_example::{client::Method, proto::DESCRIPTORS, server};
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    middleware::{GrpcMethods, RequirementTable},
    net::{Body, HttpClient, HttpError, HttpFuture, Limits},
    policy::{Requirement, scope},
    test_util::{Defect, TestIssuer},
    time::{Clock, SystemClock},
};

const METADATA_URL: &str = "https://api.test/.well-known/oauth-protected-resource";

#[tokio::test]
async fn each_refusal_has_its_code_and_its_challenge() {
    let issuer = TestIssuer::new();
    let address = serve(&api(&issuer), scope("greet")).await;

    let unscoped = issuer.access_token("alice").mint().unwrap();
    let greeter = issuer.access_token("alice").scope("greet").mint().unwrap();
    let expired = issuer.broken(Defect::Expired);
    let other_audience = issuer.access_token("alice").audience("https://other.test").mint().unwrap();
    let say = Method::SayHello;
    let set = Method::SetGreeting("Hi");
    let invalid = |why: &str, scope: &str| {
        format!(
            r#"Bearer error="invalid_token", error_description="{why}", scope="{scope}", resource_metadata="{METADATA_URL}""#
        )
    };
    for (name, token, method, code, challenge) in [
        (
            "no token",
            None,
            say,
            "UNAUTHENTICATED",
            format!(r#"Bearer scope="greet", resource_metadata="{METADATA_URL}""#),
        ),
        (
            "no token, stricter method",
            None,
            set,
            "UNAUTHENTICATED",
            format!(r#"Bearer scope="greet greeter:write", resource_metadata="{METADATA_URL}""#),
        ),
        (
            "no JWT",
            Some("a.b.c"),
            say,
            "UNAUTHENTICATED",
            invalid("a part of the token is not strict base64url", "greet"),
        ),
        ("expired", Some(&expired), say, "UNAUTHENTICATED", invalid("the token has expired", "greet")),
        (
            "other audience",
            Some(&other_audience),
            set,
            "UNAUTHENTICATED",
            invalid("the token is for another audience", "greet greeter:write"),
        ),
        (
            "no scope at all",
            Some(&unscoped),
            say,
            "PERMISSION_DENIED",
            format!(
                r#"Bearer error="insufficient_scope", scope="greet", resource_metadata="{METADATA_URL}""#
            ),
        ),
        (
            "one scope of two",
            Some(&greeter),
            set,
            "PERMISSION_DENIED",
            format!(
                r#"Bearer error="insufficient_scope", scope="greet greeter:write", resource_metadata="{METADATA_URL}""#
            ),
        ),
    ] {
        let outcome = call(&address, token, method).await;
        assert_eq!(outcome.code, code, "{name}: {outcome:?}");
        assert_eq!(outcome.metadata.get("www-authenticate"), Some(&challenge), "{name}");
        assert_eq!(outcome.reply, None, "{name}");
        assert_ne!(outcome.message, "", "{name}");
    }
}

#[tokio::test]
async fn no_broken_token_gets_through() {
    let issuer = TestIssuer::new();
    let address = serve(&api(&issuer), Requirement::any_token()).await;
    for defect in Defect::ALL {
        let outcome = call(&address, Some(&issuer.broken(*defect)), Method::SayHello).await;
        assert_eq!(outcome.code, "UNAUTHENTICATED", "{}: {outcome:?}", defect.name());
        let challenge = &outcome.metadata["www-authenticate"];
        assert!(challenge.starts_with("Bearer error=\"invalid_"), "{}: {challenge}", defect.name());
    }
}

#[tokio::test]
async fn a_good_token_reaches_the_handler_with_its_identity() {
    let issuer = TestIssuer::new();
    let address = serve(&api(&issuer), Requirement::any_token()).await;
    let alice = issuer.access_token("alice").scope("greeter:write").mint().unwrap();
    let bob = issuer.access_token("bob").mint().unwrap();

    for (name, token, method, reply) in [
        ("as alice", &alice, Method::SayHello, "Hello, alice!"),
        ("as bob", &bob, Method::SayHello, "Hello, bob!"),
        ("with the scope", &alice, Method::SetGreeting("Ahoy"), "Ahoy"),
        ("afterwards", &bob, Method::SayHello, "Ahoy, bob!"),
    ] {
        let outcome = call(&address, Some(token), method).await;
        assert_eq!((outcome.code, outcome.reply.as_deref()), ("OK", Some(reply)), "{name}");
        assert_eq!(outcome.metadata.get("www-authenticate"), None, "{name}");
    }
}

#[tokio::test]
async fn without_keys_a_call_is_unavailable_and_says_when_to_come_again() {
    struct Down;

    impl HttpClient for Down {
        fn send(&self, _: http::Request<Body>, _: Limits) -> HttpFuture<'_> {
            Box::pin(ready(Err(HttpError::Connect)))
        }
    }

    let issuer = TestIssuer::new();
    let server = TrustedIssuer::with_jwks_uri(
        issuer.issuer(),
        "https://issuer.test/jwks",
        tower_resource_server::profile::TokenProfile::jwt(),
    )
    .http_client(Down);
    // The system clock, as waiting for keys is a matter of real time.
    let api = ResourceServer::builder(issuer.audience()).issuer(server).build().unwrap();
    let address = serve(&api, Requirement::any_token()).await;
    let now = SystemClock.unix();
    let token = issuer.access_token("alice").issued_at(now).mint().unwrap();

    let outcome = call(&address, Some(&token), Method::SayHello).await;
    assert_eq!(outcome.code, "UNAVAILABLE", "{outcome:?}");
    let pushback: u64 = outcome.metadata["grpc-retry-pushback-ms"].parse().unwrap();
    assert!((1..=60_000).contains(&pushback), "{pushback}");
    assert_eq!(outcome.metadata.get("www-authenticate"), None);

    let without = call(&address, None, Method::SayHello).await;
    assert_eq!(without.code, "UNAUTHENTICATED", "no keys are needed to see that there is no token");
}

#[test]
fn the_rows_are_for_the_methods_of_the_proto_file() {
    server::check_rows().unwrap();
    let methods = GrpcMethods::of([DESCRIPTORS]).unwrap();
    let paths: Vec<_> = methods.paths().collect();
    assert_eq!(paths, ["/greeter.v1.Greeter/SayHello", "/greeter.v1.Greeter/SetGreeting"]);
    let table = RequirementTable::new().grpc("/greeter.v1.Greeter/SetGreetings", scope(server::WRITE));
    assert_eq!(
        table.check_every_grpc(&methods).unwrap_err().to_string(),
        "no service has /greeter.v1.Greeter/SetGreetings, which a row is for; write \
         /greeter.v1.Greeter/SetGreeting; /greeter.v1.Greeter/SayHello has no row; \
         /greeter.v1.Greeter/SetGreeting has no row"
    );
}
