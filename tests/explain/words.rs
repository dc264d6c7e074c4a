//! What an explanation says, case by case.

use tower_resource_server::{
    explain::{Finding, Stage, Verdict},
    test_util::{Defect, TestIssuer},
};

use crate::site::{Site, sites};

fn site(issuer: &TestIssuer, name: &str) -> Site {
    sites(issuer).into_iter().find(|site| site.name == name).unwrap()
}

/// Stage, verdict and rule of a finding.
fn told(finding: &Finding) -> String {
    let verdict = match finding.verdict() {
        Verdict::Passed => "ok",
        Verdict::Failed => "FAILED",
        Verdict::NotApplicable => "-",
        _ => "?",
    };
    format!("{verdict} {}: {}", finding.stage(), finding.rule())
}

#[test]
fn every_rule_of_a_profile_has_its_row() {
    let issuer = TestIssuer::new();
    let (jwt, id) = (
        issuer.access_token("alice").without("jti").typ("JWT").mint().unwrap(),
        issuer.id_token("alice").claim("nonce", "n").mint().unwrap(),
    );
    let start = |typ: &'static str| {
        [
            "ok form: it has at most 16384 bytes, and its header at most 4096",
            "ok form: it has three parts with dots between them",
            "ok form: each part is strict base64url",
            "ok form: the payload is a JSON object, no member is there twice, and it nests at most 32 deep",
            "ok issuer: iss names a trusted issuer",
            "ok header: the header is a JSON object with alg, and no member is there twice",
            "ok header: there is no crit, b64, enc or zip, and cty is not JWT",
            "ok header: kid has at most 256 bytes",
            "ok header: alg is one of RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA",
            typ,
            "- header: cty may be anything",
        ]
    };
    let end = ["ok claims: cnf is absent", "ok claims: sub names the subject"];
    let key =
        ["ok key: kid names a key of the issuer that is for this alg", "ok signature: the signature is good"];
    let of_jwt = [
        "ok claims: iss is the trusted issuer",
        "ok claims: aud names this resource server",
        "ok claims: exp is after now",
        "- claims: nbf is not after now, if present",
        "ok claims: sub is a non-empty string",
        "- claims: scope is a string or an array of strings, if present",
        "ok claims: iat is not after now, if present",
        "ok claims: client_id is a non-empty string, if present",
        "- claims: azp is a non-empty string, if present",
        "- claims: scp is a string or an array of strings, if present",
        "- claims: jti is a non-empty string, if present",
        "ok claims: nonce is absent",
        "ok claims: at_hash is absent",
        "ok claims: c_hash is absent",
        "ok claims: s_hash is absent",
        "ok claims: events is absent",
        "- claims: token_use is none of [\"id\"], if present",
        "- claims: typ is none of [\"ID\", \"Refresh\", \"Offline\", \"Logout\"], if present",
    ];
    let of_id_token = [
        "ok claims: iss is the trusted issuer",
        "ok claims: aud names the client",
        "- claims: azp is the client, if present",
        "- claims: azp is present, if aud has several values",
        "ok claims: sub is a non-empty string",
        "ok claims: exp is after now",
        "ok claims: iat is not after now",
        "- claims: nbf is not after now, if present",
        "- claims: auth_time is within the accepted age, if one is expected",
        "- claims: nonce is the expected nonce, if one is expected",
        "- claims: at_hash is the hash of the access token, if present",
        "ok claims: scope is absent",
        "ok claims: scp is absent",
        "ok claims: client_id is absent",
        "ok claims: events is absent",
        "- claims: token_use is \"id\", if present",
        "- claims: typ is none of [\"Bearer\", \"DPoP\", \"Refresh\", \"Offline\", \"Logout\"], if present",
    ];
    let names = [
        "ok claims: client_id or azp names the client, if present",
        "- claims: scope or scp lists the scopes, if present",
    ];
    for (name, token, expected) in [
        (
            "jwt",
            jwt,
            [&start("ok header: typ is JWT or at+jwt or JOSE, if present")[..], &of_jwt, &end, &names, &key]
                .concat(),
        ),
        (
            "oidc id token",
            id,
            [
                &start("ok header: typ is JWT or JOSE, if present")[..],
                &of_id_token,
                &end,
                &["- claims: azp names the client, if present"],
                &key,
            ]
            .concat(),
        ),
    ] {
        let explanation = site(&issuer, name).both(&token).unwrap();
        let rows: Vec<_> = explanation.findings().iter().map(told).collect();
        assert_eq!(rows, expected, "{name}");
    }
}

#[test]
fn what_fails_is_told_with_a_remedy() {
    let issuer = TestIssuer::new();
    let access = issuer.access_token("alice").scope("read write");
    let scopeless = issuer.access_token("alice").scope("read").mint().unwrap();
    for (name, at, token, row, remedy) in [
        (
            "expired",
            "rfc9068",
            issuer.broken(Defect::Expired),
            "claims: exp is after now",
            "get a new token: this moment was 1 h ago, and the leeway is 1 min",
        ),
        (
            "not yet",
            "rfc9068",
            issuer.broken(Defect::NotYetValid),
            "claims: nbf is not after now, if present",
            "clocks of the issuer and of this server right: nbf is 1 h ahead",
        ),
        (
            "audience",
            "rfc9068",
            issuer.broken(Defect::WrongAudience),
            "claims: aud names this resource server",
            "request the token for \"https://api.test\"",
        ),
        (
            "no claim",
            "rfc9068",
            issuer.broken(Defect::MissingTokenId),
            "claims: jti is a non-empty string",
            "have the issuer write it so: jti is a non-empty string",
        ),
        (
            "a date in words",
            "rfc9068",
            issuer.broken(Defect::ExpiryString),
            "claims: exp is after now",
            "have the issuer write exp as a number",
        ),
        (
            "bound",
            "rfc9068",
            issuer.broken(Defect::SenderConstrained),
            "claims: cnf is absent",
            "request a bearer token",
        ),
        (
            "kind",
            "rfc9068",
            issuer.broken(Defect::IdTokenAsAccessToken),
            "header: typ is at+jwt",
            "send the kind of token that belongs here",
        ),
        (
            "kind, by a claim",
            "jwt",
            issuer.broken(Defect::IdTokenAsAccessToken),
            "claims: nonce is absent",
            "nonce marks another",
        ),
        (
            "issuer",
            "rfc9068",
            issuer.broken(Defect::WrongIssuer),
            "issuer: iss names a trusted issuer",
            "get a token of \"https://issuer.test\", or configure the issuer exactly",
        ),
        (
            "one of two issuers",
            "rfc9068, two issuers, scopes",
            issuer.broken(Defect::WrongIssuer),
            "issuer: iss names a trusted issuer",
            "one of [\"https://unrelated.test\", \"https://issuer.test\"]",
        ),
        (
            "algorithm",
            "rfc9068",
            issuer.broken(Defect::AlgNone),
            "header: alg is one of RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA",
            "accept it with TokenProfile::algorithms",
        ),
        (
            "extension",
            "rfc9068",
            issuer.broken(Defect::Critical),
            "header: there is no crit, b64, enc or zip, and cty is not JWT",
            "sign without extensions",
        ),
        (
            "key",
            "rfc9068",
            issuer.broken(Defect::UnknownKid),
            "key: kid names a key of the issuer that is for this alg",
            "the keys at hand are [\"key-1\"]",
        ),
        (
            "signature",
            "rfc9068",
            issuer.broken(Defect::TamperedPayload),
            "signature: the signature is good",
            "it was changed, or signed by another key",
        ),
        (
            "encryption",
            "rfc9068",
            issuer.broken(Defect::FiveParts),
            "form: it has three parts with dots between them",
            "not an opaque or an encrypted token",
        ),
        (
            "encoding",
            "rfc9068",
            issuer.broken(Defect::PaddedBase64),
            "form: each part is strict base64url",
            "no padding",
        ),
        (
            "size",
            "rfc9068",
            issuer.broken(Defect::TooLarge),
            "form: it has at most 16384 bytes, and its header at most 4096",
            "put fewer claims into it",
        ),
        (
            "a claim twice",
            "rfc9068",
            issuer.broken(Defect::DuplicateClaim),
            "form: the payload is a JSON object, no member is there twice, and it nests at most 32 deep",
            "RFC 7519 section 4",
        ),
        (
            "scope",
            "rfc9068, two issuers, scopes",
            scopeless,
            "scope: the scopes hold read write",
            "request the token with the scopes read write",
        ),
        (
            "no header field",
            "by header, without it",
            access.mint().unwrap(),
            "issuer: the request names a trusted issuer",
            "get a token of \"https://issuer.test\"",
        ),
        (
            "a login of long ago",
            "oidc id token, expected",
            issuer.id_token("alice").claim("nonce", "n").claim("auth_time", 1_699_990_000).mint().unwrap(),
            "claims: auth_time is within the accepted age, if one is expected",
            "have the user log in again: the last time was 2 h 46 min ago",
        ),
        (
            "another login",
            "oidc id token, expected",
            issuer.id_token("alice").claim("nonce", "m").claim("auth_time", 1_700_000_000).mint().unwrap(),
            "claims: nonce is the expected nonce, if one is expected",
            "begin the login anew",
        ),
        (
            "no ID tokens",
            "no ID tokens",
            access.mint().unwrap(),
            "form: tokens of this kind are taken by themselves",
            "ResourceServerBuilder::client_id",
        ),
    ] {
        let explanation = site(&issuer, at).both(&token).unwrap();
        let first = explanation.failed().next().unwrap();
        assert_eq!(told(first), format!("FAILED {row}"), "{name}: {explanation}");
        let advice = first.advice().unwrap_or_default();
        assert!(advice.contains(remedy), "{name}: {advice}");
        assert!(explanation.to_string().contains(remedy), "{name}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let issuer = TestIssuer::new();
    let now = issuer.now().as_secs();
    let header = r#"{"alg":"ES256","kid":"key-1","typ":"JWT"}"#;
    let claims = serde_json::json!({
        "iss": "https://issuer.test/", "aud": "x", "sub": 5, "exp": now - 100, "iat": now + 100, "jti": "",
        "client_id": "c", "cnf": {},
    });
    // Its key has the same name.
    let token = TestIssuer::new().sign_raw(header, claims.to_string().as_bytes());
    let explanation = site(&issuer, "rfc9068").both(&token).unwrap();
    let failed: Vec<_> = explanation.failed().map(told).collect();
    let expected = [
        "FAILED issuer: iss names a trusted issuer",
        "FAILED header: typ is at+jwt",
        "FAILED claims: iss is the trusted issuer",
        "FAILED claims: aud names this resource server",
        "FAILED claims: exp is after now",
        "FAILED claims: sub is a non-empty string",
        "FAILED claims: iat is not after now",
        "FAILED claims: jti is a non-empty string",
        "FAILED claims: cnf is absent",
        "FAILED claims: sub names the subject",
        "FAILED signature: the signature is good",
    ];
    assert_eq!(failed, expected, "{explanation}");
}

#[test]
fn a_key_that_is_known_not_to_exist_comes_first_where_there_is_one_issuer() {
    let issuer = TestIssuer::new();
    let header = r#"{"alg":"ES256","kid":"unheard-of","typ":"at+jwt"}"#;
    for (name, payload) in [("bad claims", "{}"), ("no claims", "[]"), ("no JSON", "\"")] {
        let token = issuer.sign_raw(header, payload.as_bytes());
        let alone = site(&issuer, "rfc9068").both(&token).unwrap();
        let first = &alone.findings()[0];
        assert_eq!(told(first), "FAILED key: kid names a key of the issuer that is for this alg", "{name}");
        assert!(first.advice().unwrap().contains("[\"key-1\"]"), "{name}: {alone}");
        assert!(alone.failed().count() > 1, "{name}: the rest is told all the same");
        let among_two = site(&issuer, "rfc9068, two issuers, scopes").both(&token).unwrap();
        assert_ne!(among_two.failed().next().unwrap().stage(), Stage::Key, "{name}");
    }
}

#[test]
fn what_cannot_be_checked_is_left_open() {
    let issuer = TestIssuer::new();
    for (name, at, token, open) in [
        (
            "no token at all",
            "rfc9068",
            "x".to_owned(),
            &[Stage::Form, Stage::Issuer, Stage::Header, Stage::Claims, Stage::Key, Stage::Signature][..],
        ),
        (
            "whose?",
            "rfc9068, two issuers, scopes",
            issuer.broken(Defect::WrongIssuer),
            &[Stage::Header, Stage::Claims, Stage::Key, Stage::Signature],
        ),
        ("no algorithm", "rfc9068", issuer.broken(Defect::AlgNone), &[Stage::Key, Stage::Signature]),
        ("no key", "rfc9068", issuer.broken(Defect::UnknownKid), &[Stage::Signature]),
    ] {
        let explanation = site(&issuer, at).both(&token).unwrap();
        let unchecked =
            explanation.findings().iter().filter(|finding| finding.verdict() == Verdict::Unchecked);
        let mut stages: Vec<_> = unchecked.map(Finding::stage).collect();
        stages.dedup();
        assert_eq!(stages, open, "{name}: {explanation}");
        assert!(
            explanation
                .findings()
                .iter()
                .all(|f| f.verdict() == Verdict::Passed || f.because().is_some() || f.shown().is_some())
        );
    }
}
