//! Nonces of the server (RFC 9449 section 9): wanted, given, renewed, and never a reason to lose a proof.

use std::time::Duration;

use tower_resource_server::{Dpop, store::DpopNonces};

use crate::{Site, told, with_proof};

const SECRET: &[u8; 32] = b"a secret of two servers, 32 long";
const OTHER: &[u8; 32] = b"and the secret that follows it..";
const WANTED: &str = "401 DPoP use_dpop_nonce proof_nonce_wanted";

fn shared() -> DpopNonces {
    DpopNonces::with_secret(SECRET).unwrap()
}

fn site(nonces: DpopNonces) -> Site {
    Site::new(Dpop::required().nonces(nonces))
}

#[tokio::test]
async fn a_client_is_told_a_nonce_and_comes_again_with_it() {
    let site = site(shared());
    let refused = site.ask(with_proof(&site.proof())).await;
    assert_eq!(told(&refused), WANTED);
    let nonce = refused.header("dpop-nonce").unwrap().to_owned();
    let answer = site.ask(with_proof(&site.proof().nonce(&*nonce))).await;
    assert_eq!(told(&answer), "200");
    assert_eq!(answer.header("dpop-nonce"), None, "it is young");
    assert_eq!(site.told_of(&site.proof().nonce(&*nonce)).await, "200", "for as many proofs as it likes");
    let again = site.ask(with_proof(&site.proof())).await;
    assert_ne!(again.header("dpop-nonce"), Some(&*nonce), "each is another");
}

#[tokio::test]
async fn a_challenge_for_a_nonce_spends_no_proof() {
    let site = site(shared());
    let proof = site.proof().claim("jti", "kept");
    assert_eq!(site.told_of(&proof).await, WANTED);
    assert_eq!(site.told_of(&proof).await, WANTED);
    let nonce = site.api.issue_dpop_nonce().unwrap();
    let nonce = nonce.to_str().unwrap();
    assert_eq!(site.told_of(&proof.clone().nonce(nonce)).await, "200", "with the same jti");
    let replayed = "401 DPoP invalid_dpop_proof proof_replayed";
    assert_eq!(site.told_of(&proof.nonce(nonce)).await, replayed);
}

#[tokio::test]
async fn a_nonce_is_judged_behind_signature_and_claims_and_before_the_binding() {
    let site = site(shared());
    let other = tower_resource_server::test_util::DpopKey::new();
    let of_other = other.proof("GET", crate::URL, &site.token, site.issuer.now());
    for (name, proof, expected) in [
        ("a forged signature", site.proof().signed_with(&other), {
            "401 DPoP invalid_dpop_proof proof_invalid_signature"
        }),
        ("another URL", site.proof().claim("htu", "https://a.test/"), {
            "401 DPoP invalid_dpop_proof proof_wrong_url"
        }),
        ("another token", site.proof().without("ath"), {
            "401 DPoP invalid_dpop_proof proof_wrong_token_hash"
        }),
        ("another key", of_other, WANTED),
        ("a number", site.proof().claim("nonce", 7), WANTED),
        ("of no server", site.proof().nonce("eyJ7S_zG.eyJH0-Z.HX4w-7v"), WANTED),
        ("empty", site.proof().nonce(""), WANTED),
    ] {
        assert_eq!(site.told_of(&proof).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_nonce_is_renewed_with_the_answer_when_half_of_its_life_is_over() {
    let site = site(shared().lifetime(Duration::from_secs(100)));
    let nonce = site.api.issue_dpop_nonce().unwrap();
    let nonce = nonce.to_str().unwrap().to_owned();
    for (name, seconds, expected, renewed) in [
        ("young", 49, "200", false),
        ("half through", 1, "200", true),
        ("in its last second", 49, "200", true),
        ("over", 1, WANTED, true),
    ] {
        site.issuer.clock().advance(Duration::from_secs(seconds));
        let answer = site.ask(with_proof(&site.proof().nonce(&*nonce))).await;
        assert_eq!(told(&answer), expected, "{name}");
        assert_eq!(answer.header("dpop-nonce").is_some(), renewed, "{name}");
        if let (Some(next), "200") = (answer.header("dpop-nonce"), expected) {
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{name}");
            let next = next.to_owned();
            assert_eq!(site.told_of(&site.proof().nonce(next)).await, "200", "{name}: the next one");
        }
    }
}

#[tokio::test]
async fn servers_of_one_secret_take_each_others_nonces() {
    let one = site(shared());
    let of_one = one.api.issue_dpop_nonce().unwrap();
    let of_one = of_one.to_str().unwrap();
    let rotated = || DpopNonces::with_secret(OTHER).unwrap().also_accept(SECRET).unwrap();
    for (name, nonces, expected, renewed) in [
        ("the same secret", shared(), "200", false),
        ("a newer secret that knows it", rotated(), "200", true),
        ("another secret", DpopNonces::with_secret(OTHER).unwrap(), WANTED, true),
        ("one of its own", DpopNonces::new().unwrap(), WANTED, true),
    ] {
        let other = one.beside(|server| server.dpop(Dpop::required().nonces(nonces)));
        let answer = other.ask(with_proof(&other.proof().nonce(of_one))).await;
        assert_eq!(told(&answer), expected, "{name}");
        assert_eq!(answer.header("dpop-nonce").is_some(), renewed, "{name}");
    }
}

#[tokio::test]
async fn without_nonces_none_is_given() {
    let site = Site::new(Dpop::required());
    assert_eq!(site.api.issue_dpop_nonce(), None);
    assert_eq!(site.told_of(&site.proof().nonce("whatever")).await, "200");
}
