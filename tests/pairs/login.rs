//! `verify_id_token`: what the application that started a login expects of the answer.

use std::time::Duration;

use tower_resource_server::{
    IdTokenExpectations, ResourceServer, TrustedIssuer,
    http::TokenKind,
    issuer::TokenBuilder,
    keys::KeySet,
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

use crate::why;

/// The code of the refusal and the claim it is about.
type Verdict = Result<(), (&'static str, Option<&'static str>)>;

struct Row {
    name: &'static str,
    token: TokenBuilder,
    expected: IdTokenExpectations<'static>,
    verdict: Verdict,
}

fn nothing() -> IdTokenExpectations<'static> {
    IdTokenExpectations::new()
}

#[tokio::test]
async fn an_id_token_answers_the_login_it_is_for() {
    let issuer = TestIssuer::new();
    let api = issuer.server();
    let access: &'static str = issuer.access_token("alice").mint().unwrap().leak();
    let other = issuer.access_token("alice").mint().unwrap();
    let login = || issuer.id_token("alice");
    let nonce = nothing().nonce("n-1");
    let max_age = |seconds| nothing().max_age(Duration::from_secs(seconds));
    let hash = nothing().access_token(access);
    let ago = |seconds| issuer.now().saturating_sub(Duration::from_secs(seconds));
    let later = |seconds| issuer.now().saturating_add(Duration::from_secs(seconds));
    let missing = |claim| Err(("missing_claim", Some(claim)));
    let invalid = |claim| Err(("invalid_claim", Some(claim)));
    let refused = |code| Err((code, None));
    let row = |name, token, expected, verdict| Row { name, token, expected, verdict };
    for Row { name, token, expected, verdict } in [
        row("nothing expected", login(), nothing(), Ok(())),
        row("a nonce that was not asked for", login().nonce("n-1"), nothing(), Ok(())),
        row("the nonce", login().nonce("n-1"), nonce, Ok(())),
        row("another nonce", login().nonce("n-2"), nonce, refused("wrong_nonce")),
        row("the nonce in another case", login().nonce("N-1"), nonce, refused("wrong_nonce")),
        row("the nonce and more", login().nonce("n-1 "), nonce, refused("wrong_nonce")),
        row("an empty nonce", login().nonce(""), nonce, refused("wrong_nonce")),
        row("no nonce", login(), nonce, missing("nonce")),
        row("a nonce in an array", login().claim("nonce", vec!["n-1"]), nonce, invalid("nonce")),
        row("a nonce of null", login().claim("nonce", ()), nonce, invalid("nonce")),
        row("at_hash", login().for_access_token(access), hash, Ok(())),
        row("at_hash of another", login().for_access_token(&other), hash, refused("wrong_access_token_hash")),
        row("no at_hash", login(), hash, Ok(())),
        row("at_hash that was not asked for", login().for_access_token(&other), nothing(), Ok(())),
        row("fresh enough", login().auth_time(ago(300)), max_age(300), Ok(())),
        row("within the leeway", login().auth_time(ago(360)), max_age(300), Ok(())),
        row("too old", login().auth_time(ago(361)), max_age(300), refused("authentication_too_old")),
        row(
            "older than none at all",
            login().auth_time(ago(61)),
            max_age(0),
            refused("authentication_too_old"),
        ),
        row("in the future", login().auth_time(later(3600)), max_age(300), refused("authentication_too_old")),
        row("of unknown age", login(), max_age(300), missing("auth_time")),
        row("an age in a string", login().claim("auth_time", "1"), max_age(300), invalid("auth_time")),
        row("any age", login().auth_time(ago(1_000_000)), nothing(), Ok(())),
        row("another client", login().claim("aud", "client-2"), nothing(), refused("wrong_audience")),
        row("two clients, ours by azp", login().audience("client-2").azp("client-1"), nothing(), Ok(())),
        row(
            "two clients, the other's by azp",
            login().audience("client-2").azp("client-2"),
            nothing(),
            refused("wrong_audience"),
        ),
        row("two clients and no azp", login().audience("client-2"), nothing(), missing("azp")),
        row("no iat", login().without("iat").expires_at(later(60)), nothing(), missing("iat")),
    ] {
        let got = api.verify_id_token(&token.mint().unwrap(), expected).await;
        let got = got.as_ref().map(|_| ()).map_err(why);
        let verdict = verdict.map_err(|(code, claim)| (TokenKind::Id, code, claim.map(str::to_owned)));
        assert_eq!(got, verdict, "{name}");
    }
}

/// A server whose resource is also the client of its ID tokens, which is what a web application that
/// is its own API has.
fn one_for_both(issuer: &TestIssuer, id_tokens: TokenProfile) -> ResourceServer {
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let trusted =
        TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::jwt()).id_token_profile(id_tokens);
    ResourceServer::builder("web")
        .client_id("web")
        .issuer(trusted)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

#[tokio::test]
async fn promise_7_an_access_token_is_no_id_token_where_client_and_resource_are_one() {
    let issuer = TestIssuer::new();
    let api = one_for_both(&issuer, TokenProfile::oidc_id_token());
    // What both kinds have in common.
    let claims = || {
        let token = issuer.access_token("alice").claim("aud", "web");
        token.without("client_id").without("jti").without("scope")
    };
    let foreign = |claim| Err(("foreign_claim", Some(claim)));
    let invalid = |claim| Err(("invalid_claim", Some(claim)));
    let of_another_client = || claims().client_id("mobile").scope("orders:read");
    for (name, token, verdict) in [
        ("no mark of an access token", claims(), Ok(())),
        ("client and scope", of_another_client(), foreign("scope")),
        ("scope", claims().scope("orders:read"), foreign("scope")),
        ("an empty scope", claims().claim("scope", ""), foreign("scope")),
        ("scope null", claims().claim("scope", ()), invalid("scope")),
        ("scp, an array", claims().claim("scp", vec!["orders:read"]), foreign("scp")),
        ("scp, a string", claims().claim("scp", "orders:read"), foreign("scp")),
        ("another client", claims().client_id("mobile"), foreign("client_id")),
        ("the same client", claims().client_id("web"), foreign("client_id")),
        ("token_use access", claims().claim("token_use", "access"), invalid("token_use")),
        ("token_use refresh", claims().claim("token_use", "refresh"), invalid("token_use")),
        ("token_use, a number", claims().claim("token_use", 1), invalid("token_use")),
        ("token_use id", claims().claim("token_use", "id"), Ok(())),
        ("typ Bearer", claims().claim("typ", "Bearer"), foreign("typ")),
        ("typ DPoP", claims().claim("typ", "DPoP"), foreign("typ")),
        ("typ Refresh", claims().claim("typ", "Refresh"), foreign("typ")),
        ("typ Logout", claims().claim("typ", "Logout"), foreign("typ")),
        ("typ, an array", claims().claim("typ", vec!["ID"]), invalid("typ")),
        ("typ ID", claims().claim("typ", "ID"), Ok(())),
        ("events, as a logout token has", claims().claim("events", "x"), foreign("events")),
    ] {
        for header in [Some("JWT"), None] {
            let token = match header {
                Some(typ) => token.clone().header("typ", typ),
                None => token.clone().without_header("typ"),
            };
            let token = token.mint().unwrap();
            let got = api.verify_id_token(&token, nothing()).await;
            let got = got.as_ref().map(|_| ()).map_err(why);
            let verdict = verdict.map_err(|(code, claim)| (TokenKind::Id, code, claim.map(str::to_owned)));
            assert_eq!(got, verdict, "{name}, typ {header:?}");
        }
    }
    // Each is an access token here, so the refusal is about the kind and nothing else.
    let access = of_another_client().header("typ", "JWT").mint().unwrap();
    assert!(api.verify_access_token(&access).await.is_ok());
}

#[tokio::test]
async fn an_identity_of_an_id_token_has_no_scopes() {
    let issuer = TestIssuer::new();
    let token = issuer.id_token("alice").claim("aud", "web").scope("read").mint().unwrap();
    let tolerant = one_for_both(&issuer, TokenProfile::oidc_id_token().without_rules_on("scope"));
    let identity = tolerant.verify_id_token(&token, nothing()).await.unwrap();
    assert_eq!((identity.subject(), identity.scopes().count()), ("alice", 0));
    assert!(identity.access_token().is_none() && identity.id_token().is_some());
}

#[tokio::test]
async fn defects_of_id_tokens_are_refused() {
    let issuer = TestIssuer::new();
    let api = issuer.server();
    let mut passing = Vec::new();
    for defect in Defect::ALL {
        let token = issuer.broken_from(&issuer.id_token("alice"), *defect);
        if api.verify_id_token(&token, nothing()).await.is_ok() {
            passing.push(*defect);
        }
    }
    // Claims that only access tokens have.
    assert_eq!(passing, [Defect::MissingClientId, Defect::MissingTokenId, Defect::IdTokenAsAccessToken]);
}

#[tokio::test]
async fn a_server_without_a_client_takes_no_id_token() {
    let issuer = TestIssuer::new();
    let api = ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let token = issuer.id_token("alice").mint().unwrap();
    let refused = api.verify_id_token(&token, nothing()).await.unwrap_err();
    assert_eq!(why(&refused), (TokenKind::Id, "wrong_type", None));
}
