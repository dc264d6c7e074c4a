//! An access token and an ID token together: what a request with both would be told.

use tower_resource_server::{
    Explanation, ResourceServer, TrustedIssuer,
    explain::{Outcome, Stage, Verdict},
    http::{IdTokenLocation, Reason},
    policy::scope,
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

use crate::site::{MCA, TENANT, keys, rsa_issuer, run};

/// A server of OpenID Connect, and one of Mobile Client Access.
fn servers(issuer: &TestIssuer) -> [ResourceServer; 2] {
    let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys(issuer), TokenProfile::rfc9068());
    let openid = ResourceServer::builder(issuer.audience())
        .client_id(issuer.client_id())
        .issuer(trusted)
        .id_token(IdTokenLocation::AfterAccessToken)
        .require(scope("read"));
    let mca = ResourceServer::mobile_client_access(TENANT).server_url("https://mca.test").keys(keys(issuer));
    [openid, mca.into_builder()].map(|builder| builder.clock(issuer.clock().clone()).build().unwrap())
}

/// Both sides on one pair; they must be of one mind.
fn both(server: &ResourceServer, access: &str, id: &str) -> Explanation {
    let authorization = format!("Bearer {access} {id}");
    let (parts, ()) =
        http::Request::builder().header("authorization", authorization).body(()).unwrap().into_parts();
    let explanation = run(server.explain_pair(access, id));
    let verdict = run(server.authenticate(&parts));
    match verdict.as_ref().map_err(|rejection| rejection.reason()) {
        // What is no token by its characters makes a malformed request.
        Err(Reason::InvalidRequest(_)) => assert_eq!(explanation.outcome(), Outcome::Invalid),
        Err(reason) => assert_eq!(explanation.reason().as_ref(), Some(reason), "{explanation}"),
        Ok(_) => assert!(explanation.is_valid(), "{explanation}"),
    }
    explanation
}

#[test]
fn they_agree_on_every_defect_of_either_token() {
    let issuer = rsa_issuer();
    let [openid, mca] = servers(&issuer);
    let mca_token =
        |subject: &str| issuer.access_token(subject).typ("JWT").claim("iss", MCA).claim("aud", TENANT);
    for (name, server, access, id) in [
        ("openid", openid, issuer.access_token("alice").scope("read"), issuer.id_token("alice")),
        ("mca", mca, mca_token("x").claim("prn", "app"), mca_token("::app")),
    ] {
        let (good, good_id) = (access.mint().unwrap(), id.mint().unwrap());
        assert!(both(&server, &good, &good_id).is_valid(), "{name}");
        let mut refused = [0, 0];
        for defect in Defect::ALL {
            let (bad, bad_id) = (issuer.broken_from(&access, *defect), issuer.broken_from(&id, *defect));
            refused[0] += usize::from(!both(&server, &bad, &good_id).is_valid());
            refused[1] += usize::from(!both(&server, &good, &bad_id).is_valid());
            // For some profiles, some are none.
            let _: bool = both(&server, &bad, &bad_id).is_valid();
        }
        assert!(refused.iter().all(|count| *count > 30), "{name}: {refused:?}");
    }
}

#[test]
fn tokens_that_do_not_belong_together_are_told_after_all_else() {
    let issuer = rsa_issuer();
    let [openid, _] = servers(&issuer);
    let access = |scopes: &str| issuer.access_token("alice").scope(scopes).mint().unwrap();
    let id = |subject: &str| issuer.id_token(subject).mint().unwrap();
    for (name, access, id, expected) in [
        ("good", access("read"), id("alice"), None),
        ("of another user", access("read"), id("bob"), Some("pair_mismatch")),
        ("of another user, without scope", access("list"), id("bob"), Some("pair_mismatch")),
        ("without scope", access("list"), id("alice"), Some("insufficient_scope")),
        ("no ID token", access("read"), access("read"), Some("wrong_type")),
        ("without scope, no ID token", access("list"), "x.y.z".to_owned(), Some("malformed")),
    ] {
        let explanation = both(&openid, &access, &id);
        assert_eq!(explanation.reason().map(|reason| reason.code()), expected, "{name}: {explanation}");
    }
    let explanation = both(&openid, &access("list"), &id("bob"));
    let failed: Vec<_> = explanation.failed().map(|finding| (finding.stage(), finding.token())).collect();
    assert_eq!(failed, [(Stage::Pair, Some("id")), (Stage::Scope, Some("access"))]);
    let text = explanation.to_string();
    assert!(
        text.starts_with("The pair of tokens is invalid: the two tokens do not belong together."),
        "{text}"
    );
    assert!(text.contains("\nFAILED  id     pair       the two tokens are of one issuer"), "{text}");
    assert!(text.contains("\n                          send the ID token that was issued with"), "{text}");
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!((&json["token"], &json["findings"][0]["token"]), (&"pair".into(), &"access".into()));
    let without_client = ResourceServer::builder("api")
        .issuer(TrustedIssuer::with_keys("i", keys(&issuer), TokenProfile::jwt()))
        .build()
        .unwrap();
    let explanation = run(without_client.explain_pair(&access("read"), &id("alice")));
    let slots = explanation.findings().iter().filter(|finding| finding.token() == Some("id"));
    assert_eq!(slots.filter(|finding| finding.verdict() == Verdict::Failed).count(), 1, "{explanation}");
}
