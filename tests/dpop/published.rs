//! What others check, by the names that they have for it: the conformance suite of the Model Context Protocol
//! (SEP-1932), the validation of oauth4webapi, and the defects that were reported of other resource servers.

use std::time::Duration;

use axum::{Router, body::Body, routing::any};
use http::{Method, Request};
use serde_json::json;
use tower_resource_server::{
    Dpop,
    store::DpopNonces,
    test_util::{DpopKey, DpopProof},
};

use crate::{
    Site,
    support::{ask, request},
    told, with_fields, with_proof,
};

const MCP: &str = "https://api.test/mcp";

/// The field values of a request: its credentials and its proofs.
fn mcp(authorization: &str, proofs: &[String]) -> Request<Body> {
    let mut request = request(Method::POST, "/mcp", None);
    request.headers_mut().insert("authorization", authorization.parse().unwrap());
    for proof in proofs {
        request.headers_mut().append("dpop", proof.parse().unwrap());
    }
    request
}

/// A symmetric proof, and one without a signature, which no key of the kit makes.
fn by_hand(site: &Site, alg: &str, signature: &[u8]) -> String {
    use base64_simd::URL_SAFE_NO_PAD;
    let good = site.key.proof("POST", MCP, &site.token, site.issuer.now()).header("alg", alg).sign();
    let (signed, _) = good.rsplit_once('.').unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode_to_string(signature))
}

/// Its rows are those of `src/scenarios/server/auth/dpop.ts` of the suite; a refusal must be 401 with a challenge in the
/// scheme DPoP, or, of the bearer downgrade, in either.
#[tokio::test]
async fn promise_8_the_checks_of_sep_1932() {
    let window = |dpop: Dpop| dpop.window(Duration::from_secs(300)).leeway(Duration::ZERO);
    let required = Site::new(window(Dpop::required()));
    let allowed = required.beside(|server| server.dpop(window(Dpop::allowed())));
    let nonces =
        required.beside(|server| server.dpop(window(Dpop::required()).nonces(DpopNonces::new().unwrap())));
    for (which, site) in [("required", &required), ("allowed", &allowed), ("with nonces", &nonces)] {
        let nonce = site.api.issue_dpop_nonce();
        let with_nonce = |proof: DpopProof| match &nonce {
            Some(nonce) => proof.nonce(nonce.to_str().unwrap()),
            None => proof,
        };
        let proof = || with_nonce(site.key.proof("POST", MCP, &site.token, site.issuer.now()));
        let foreign = DpopKey::new();
        let bound_to_foreign =
            site.issuer.access_token("alice").bound_to_key(foreign.thumbprint()).mint().unwrap();
        let elsewhere = site.issuer.access_token("alice").bound_to_key(site.key.thumbprint());
        let elsewhere = elsewhere.audience("https://not-this-server.example.com/mcp").mint().unwrap();
        let proof_of = |token: &str| with_nonce(site.key.proof("POST", MCP, token, site.issuer.now())).sign();
        let now = site.issuer.now().as_secs();
        let private = {
            let mut jwk = site.key.signing_key().public_jwk().unwrap();
            jwk["d"] = json!("AQAB");
            jwk
        };
        let dpop = format!("DPoP {}", site.token);
        let refused = |proof: DpopProof| (dpop.clone(), vec![proof.sign()]);
        let rows = [
            ("AcceptsValidProof", (dpop.clone(), vec![proof().sign()]), "200"),
            ("RejectsTamperedSignature", refused(proof().signed_with(&foreign)), "proof_invalid_signature"),
            ("RejectsMissingJti", refused(proof().without("jti")), "proof_invalid_id"),
            ("RejectsWrongTyp", refused(proof().header("typ", "jwt")), "proof_wrong_type"),
            ("RejectsHtuMismatch", refused(proof().claim("htu", "https://wrong.example.com/mcp")), {
                "proof_wrong_url"
            }),
            ("RejectsHtmMismatch", refused(proof().claim("htm", "GET")), "proof_wrong_method"),
            ("RejectsPrivateKeyInJwk", refused(proof().header("jwk", private)), "proof_unusable_key"),
            (
                "RejectsWrongAth",
                refused(proof().claim("ath", "not-the-right-hash")),
                "proof_wrong_token_hash",
            ),
            ("RejectsDuplicateDpopHeader", (dpop.clone(), vec![proof().sign(), proof().sign()]), {
                "proof_several"
            }),
            ("RejectsMissingHtm", refused(proof().without("htm")), "proof_wrong_method"),
            ("RejectsMissingHtu", refused(proof().without("htu")), "proof_wrong_url"),
            ("RejectsMissingIat", refused(proof().without("iat")), "proof_outside_window"),
            ("RejectsMissingJwk", refused(proof().without_header("jwk")), "proof_no_key"),
            ("RejectsAthAbsent", refused(proof().without("ath")), "proof_wrong_token_hash"),
            ("RejectsMalformedProof", (dpop.clone(), vec!["this-is-not-a-jwt".into()]), "proof_malformed"),
            (
                "RejectsCnfJktMismatch",
                (format!("DPoP {bound_to_foreign}"), vec![proof_of(&bound_to_foreign)]),
                "proof_wrong_key",
            ),
            ("RejectsStaleIat", refused(proof().claim("iat", now - 303)), "proof_outside_window"),
            ("RejectsFutureIat", refused(proof().claim("iat", now + 303)), "proof_outside_window"),
            ("an iat of 300 s ago", refused(proof().claim("iat", now - 300)), "200"),
            ("an iat of 300 s ahead", refused(proof().claim("iat", now + 300)), "200"),
            ("RejectsAlgNone", (dpop.clone(), vec![by_hand(site, "none", b"")]), {
                "proof_algorithm_not_allowed"
            }),
            ("RejectsAlgSymmetric", (dpop.clone(), vec![by_hand(site, "HS256", &[7; 32])]), {
                "proof_algorithm_not_allowed"
            }),
            (
                "RejectsWrongAudience",
                (format!("DPoP {elsewhere}"), vec![proof_of(&elsewhere)]),
                "wrong_audience",
            ),
        ];
        for (name, (authorization, proofs), code) in rows {
            let answer = site.ask(mcp(&authorization, &proofs)).await;
            let told = told(&answer);
            let expected = match code {
                "200" => "200".to_owned(),
                "proof_wrong_key" | "wrong_audience" => format!("401 DPoP invalid_token {code}"),
                code => format!("401 DPoP invalid_dpop_proof {code}"),
            };
            assert_eq!(told, expected, "{name}, {which}");
        }
    }
    // RejectsBearerScheme: a 401 without a proof beside; where bearer tokens are taken, too, a proof beside one makes
    // a request that contradicts itself, which RFC 6750 section 3.1 has as 400.
    let bearer = |site: &Site, proofs: &[String]| mcp(&format!("Bearer {}", site.token), proofs);
    let proof = || [required.key.proof("POST", MCP, &required.token, required.issuer.now()).sign()];
    assert_eq!(required.told(bearer(&required, &proof())).await, "401 DPoP -");
    assert_eq!(allowed.told(bearer(&allowed, &[])).await, "401 Bearer invalid_token sender_constrained");
    let proof = [allowed.key.proof("POST", MCP, &allowed.token, allowed.issuer.now()).sign()];
    assert_eq!(allowed.told(bearer(&allowed, &proof)).await, "400 Bearer invalid_request invalid_request");
    // NonceFlow: wanted, good when it comes, and not when it is made up.
    let wanted = "401 DPoP use_dpop_nonce proof_nonce_wanted";
    let proof = || nonces.key.proof("POST", MCP, &nonces.token, nonces.issuer.now());
    let dpop = format!("DPoP {}", nonces.token);
    let first = nonces.ask(mcp(&dpop, &[proof().sign()])).await;
    assert_eq!(told(&first), wanted);
    let nonce = first.header("dpop-nonce").unwrap();
    assert_eq!(nonces.told(mcp(&dpop, &[proof().nonce(nonce).sign()])).await, "200");
    let made_up = proof().nonce("definitely-not-the-server-nonce").sign();
    assert_eq!(nonces.told(mcp(&dpop, &[made_up])).await, wanted);
}

/// The errors of `validateJwtAccessToken` that are about proofs, each with a request that has it.
#[tokio::test]
async fn promise_8_the_checks_of_oauth4webapi() {
    let site = Site::new(Dpop::required().window(Duration::from_secs(300)).leeway(Duration::ZERO));
    let dpop = format!("DPoP {}", site.token);
    let unbound = site.issuer.access_token("alice").mint().unwrap();
    let several = site.issuer.access_token("alice").claim("cnf", json!({"jkt": "a", "x5t#S256": "b"}));
    let other = site.issuer.access_token("alice").claim("cnf", json!({"x5t#S256": "b"}));
    let none = site.issuer.access_token("alice").claim("cnf", json!("jkt"));
    let [several, other, none] = [several, other, none].map(|token| token.mint().unwrap());
    let of = |token: &str| {
        let mut request = request(Method::GET, "/orders", None);
        site.key.proof("GET", crate::URL, token, site.issuer.now()).send(request.headers_mut());
        request
    };
    let now = site.issuer.now().as_secs();
    let proof = || site.proof();
    let constrained = "401 DPoP invalid_token sender_constrained";
    let rows: Vec<(&str, Request<Body>, &str)> = vec![
        ("the request has no DPoP HTTP Header", with_fields(&[("authorization", &dpop)]), "proof_missing"),
        (
            "the request's Authorization HTTP Header scheme is not DPoP",
            with_fields(&[("authorization", &format!("Bearer {}", site.token)), ("dpop", &proof().sign())]),
            "401 DPoP -",
        ),
        ("the JWT Access Token has no jkt confirmation claim", of(&unbound), {
            "401 DPoP invalid_token not_sender_constrained"
        }),
        ("unexpected JWT cnf (confirmation) claim value", of(&none), constrained),
        ("multiple confirmation claims are not supported", of(&several), constrained),
        ("unsupported JWT Confirmation method", of(&other), constrained),
        ("unsupported JWS alg", with_proof(&proof().header("alg", "RS512")), "proof_algorithm_not_allowed"),
        ("unexpected JWT typ header parameter value", with_proof(&proof().header("typ", "at+jwt")), {
            "proof_wrong_type"
        }),
        ("missing iat", with_proof(&proof().without("iat")), "proof_outside_window"),
        ("missing jti", with_proof(&proof().without("jti")), "proof_invalid_id"),
        ("missing ath", with_proof(&proof().without("ath")), "proof_wrong_token_hash"),
        ("missing htm", with_proof(&proof().without("htm")), "proof_wrong_method"),
        ("missing htu", with_proof(&proof().without("htu")), "proof_wrong_url"),
        ("jti must be a string", with_proof(&proof().claim("jti", 7)), "proof_invalid_id"),
        ("DPoP Proof iat is not recent enough", with_proof(&proof().claim("iat", now - 301)), {
            "proof_outside_window"
        }),
        ("DPoP Proof iat, ahead", with_proof(&proof().claim("iat", now + 301)), "proof_outside_window"),
        ("JWT exp (expiration time)", with_proof(&proof().claim("exp", now)), "proof_outside_window"),
        ("JWT nbf (not before)", with_proof(&proof().claim("nbf", now + 1)), "proof_outside_window"),
        ("DPoP Proof htm mismatch", with_proof(&proof().claim("htm", "POST")), "proof_wrong_method"),
        ("DPoP Proof htu mismatch", with_proof(&proof().claim("htu", "https://a.test/")), "proof_wrong_url"),
        ("DPoP Proof ath mismatch", with_proof(&proof().claim("ath", "a")), "proof_wrong_token_hash"),
        ("DPoP Proof jwk header parameter must be a JSON object", with_proof(&proof().header("jwk", "a")), {
            "proof_unusable_key"
        }),
        (
            "JWT Access Token confirmation mismatch",
            with_proof(&DpopKey::new().proof("GET", crate::URL, &site.token, site.issuer.now())),
            "401 DPoP invalid_token proof_wrong_key",
        ),
        (
            "DPoP Proof jwk header parameter must contain a public key",
            with_proof(&proof().header("jwk", json!({"kty": "oct", "k": "AQAB"}))),
            "proof_unusable_key",
        ),
        ("JWT signature verification failed", with_proof(&proof().signed_with(&DpopKey::new())), {
            "proof_invalid_signature"
        }),
        ("none of them", with_proof(&proof()), "200"),
    ];
    for (name, request, expected) in rows {
        let expected = match expected {
            code if code.starts_with("proof_") => format!("401 DPoP invalid_dpop_proof {code}"),
            told => told.to_owned(),
        };
        assert_eq!(site.told(request).await, expected, "{name}");
    }
}

/// How far an `iat` may be off differs from server to server; it is a setting here.
#[tokio::test]
async fn windows_are_those_of_the_settings() {
    let secs = Duration::from_secs;
    for (name, dpop, before, ahead) in [
        ("the default, a minute and a minute", Dpop::required(), 120, 120),
        ("of the Model Context Protocol", Dpop::required().window(secs(300)).leeway(secs(0)), 300, 300),
        ("half a minute", Dpop::required().window(secs(30)).leeway(secs(0)), 30, 30),
        ("of FAPI 2.0", Dpop::fapi2(), 60, 60),
        ("none at all", Dpop::required().window(secs(0)).leeway(secs(0)), 0, 0),
    ] {
        let site = Site::new(dpop);
        let now = site.issuer.now().as_secs();
        let outside = "401 DPoP invalid_dpop_proof proof_outside_window";
        for (iat, expected) in [
            (now - before, "200"),
            (now - before - 1, outside),
            (now + ahead, "200"),
            (now + ahead + 1, outside),
        ] {
            assert_eq!(site.told_of(&site.proof().claim("iat", iat)).await, expected, "{name}: {iat}");
        }
    }
}

/// A service that a proxy asks (forward auth) is asked by a request of the proxy's own: the proof of the client is for
/// another method and another URL, and refused.
#[tokio::test]
async fn promise_16_a_forwarded_question_is_not_the_request_of_the_client() {
    let site = Site::new(Dpop::required());
    let app =
        Router::new().route("/auth", any(|| async { "ok" })).layer(site.api.layer().expose_rejection(true));
    for (name, method, url, expected) in [
        ("of the client's request", "POST", "https://api.test/orders", "proof_wrong_method"),
        ("of the client's URL", "GET", "https://api.test/orders", "proof_wrong_url"),
        ("of the question itself", "GET", "https://api.test/auth", "200"),
    ] {
        let mut question = request(Method::GET, "/auth", None);
        question.headers_mut().insert("x-original-method", "POST".parse().unwrap());
        question.headers_mut().insert("x-original-uri", "/orders".parse().unwrap());
        site.key.proof(method, url, &site.token, site.issuer.now()).send(question.headers_mut());
        let told = told(&ask(&app, question).await);
        let expected = match expected {
            "200" => "200".to_owned(),
            code => format!("401 DPoP invalid_dpop_proof {code}"),
        };
        assert_eq!(told, expected, "{name}");
    }
}
