use std::collections::HashSet;

use super::*;
use crate::{
    ResourceServer, TrustedIssuer, error::TokenError, http::Reason, issuer::check, keys::KeySet,
    profile::TokenProfile, test_util::TestIssuer,
};

/// What a defect is allowed to change: header members, claims, and whether the signature by the
/// issuer's key still holds over what is there.
struct Change {
    header: &'static [&'static str],
    claims: &'static [&'static str],
    signed: bool,
}

const fn claims(claims: &'static [&'static str]) -> Option<Change> {
    Some(Change { header: &[], claims, signed: true })
}

const fn header(header: &'static [&'static str], signed: bool) -> Option<Change> {
    Some(Change { header, claims: &[], signed })
}

/// `None` for those whose segments are no base64url of JSON objects: they have tests of their own.
fn change(defect: Defect) -> Option<Change> {
    match defect {
        Defect::Expired => claims(&["exp", "iat"]),
        Defect::NotYetValid => claims(&["exp", "nbf"]),
        Defect::IssuedInFuture => claims(&["exp", "iat"]),
        Defect::WrongIssuer | Defect::IssuerArray | Defect::MissingIssuer => claims(&["iss"]),
        Defect::WrongAudience
        | Defect::MissingAudience
        | Defect::AudienceNumber
        | Defect::AudienceMixedArray => claims(&["aud"]),
        Defect::MissingExpiry | Defect::ExpiryString | Defect::ExpiryNegative | Defect::ExpiryNull => {
            claims(&["exp"])
        }
        Defect::MissingSubject | Defect::EmptySubject | Defect::SubjectNumber => claims(&["sub"]),
        Defect::MissingClientId => claims(&["client_id"]),
        Defect::MissingIssuedAt => claims(&["iat"]),
        Defect::MissingTokenId => claims(&["jti"]),
        Defect::SenderConstrained => claims(&["cnf"]),
        Defect::DeepNesting | Defect::TooLarge => claims(&["added"]),
        Defect::TamperedHeader => header(&["added"], false),
        Defect::TamperedPayload => Some(Change { header: &[], claims: &["sub"], signed: false }),
        Defect::TamperedSignature | Defect::EmptySignature | Defect::ForeignKey => header(&[], false),
        Defect::AlgNone | Defect::HmacWithPublicKey => header(&["alg"], false),
        Defect::UnknownKid => header(&["kid"], true),
        Defect::EmbeddedJwk => header(&["jwk"], false),
        Defect::Critical => header(&["crit", "urn:example:unknown"], true),
        Defect::Unencoded => header(&["b64"], true),
        Defect::WrongType => header(&["typ"], true),
        Defect::IdTokenAsAccessToken => Some(Change {
            header: &["typ"],
            claims: &["auth_time", "client_id", "jti", "nonce"],
            signed: true,
        }),
        Defect::DuplicateClaim
        | Defect::ArrayPayload
        | Defect::InvalidUtf8
        | Defect::TwoParts
        | Defect::FourParts
        | Defect::FiveParts
        | Defect::PaddedBase64
        | Defect::TrailingBits => None,
    }
}

/// The names of the members that the two objects do not have alike.
fn differences(good: &Value, broken: &Value) -> Vec<String> {
    let (good, broken) = (good.as_object().unwrap(), broken.as_object().unwrap());
    let mut names: Vec<_> = good.keys().chain(broken.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter(|name| good.get(*name) != broken.get(*name)).cloned().collect()
}

fn parts(token: &str) -> Vec<&str> {
    token.split('.').collect()
}

#[test]
fn each_differs_from_a_good_token_in_its_one_way() {
    let issuer = TestIssuer::new();
    let jwk = issuer.jwks()["keys"][0].clone();
    // A fixed `jti`, for two mints of the good one to be alike.
    let builder = issuer.access_token("alice").claim("jti", "x");
    let good = builder.mint().unwrap();
    for defect in Defect::ALL.iter().copied() {
        let broken = issuer.broken_from(&builder, defect);
        assert_ne!(broken, good, "{defect}");
        let Some(change) = change(defect) else { continue };
        assert_eq!(parts(&broken).len(), 3, "{defect}");
        assert_eq!(differences(&check::header(&good), &check::header(&broken)), change.header, "{defect}");
        assert_eq!(differences(&check::claims(&good), &check::claims(&broken)), change.claims, "{defect}");
        assert_eq!(check::verifies(&jwk, "ES256", &broken), change.signed, "{defect}");
    }
}

#[test]
fn those_with_odd_payloads_are_signed_over_them() {
    let issuer = TestIssuer::new();
    let jwk = issuer.jwks()["keys"][0].clone();
    let payload = |defect| {
        let token = issuer.broken(defect);
        assert!(check::verifies(&jwk, "ES256", &token), "{defect}");
        check::bytes(parts(&token)[1])
    };
    let duplicate = String::from_utf8(payload(Defect::DuplicateClaim)).unwrap();
    assert_eq!(duplicate.matches(r#""sub":"#).count(), 2);
    // The last one wins where duplicates are not noticed: that is the attack.
    assert_eq!(serde_json::from_str::<Value>(&duplicate).unwrap()["sub"], "admin");

    let array: Value = serde_json::from_slice(&payload(Defect::ArrayPayload)).unwrap();
    assert_eq!(array[0]["sub"], TestIssuer::SUBJECT);

    let odd = payload(Defect::InvalidUtf8);
    let lossy: Value = serde_json::from_str(&String::from_utf8_lossy(&odd)).unwrap();
    assert_eq!(
        (lossy["sub"].as_str(), lossy["added"].as_str()),
        (Some(TestIssuer::SUBJECT), Some("\u{FFFD}"))
    );
    assert!(String::from_utf8(odd).is_err());
}

#[test]
fn those_with_odd_segments_say_the_same_bytes() {
    let issuer = TestIssuer::new();
    let jwk = issuer.jwks()["keys"][0].clone();
    let segments = |defect| parts(&issuer.broken(defect)).len();
    assert_eq!(segments(Defect::TwoParts), 2);
    assert_eq!(segments(Defect::FourParts), 4);
    assert_eq!(segments(Defect::FiveParts), 5);
    let cut = issuer.broken(Defect::FourParts);
    assert!(check::verifies(&jwk, "ES256", cut.rsplit_once('.').unwrap().0));
    let jwe = check::header(&issuer.broken(Defect::FiveParts));
    assert_eq!((jwe["alg"].as_str(), jwe["enc"].as_str()), (Some("dir"), Some("A256GCM")));
}

/// ES256 and EdDSA signatures (64 bytes) have bits to spare, ES384 ones (96 bytes) have not.
#[test]
fn odd_spellings_are_there_for_every_length_of_signature() {
    for (algorithm, segment) in [(Algorithm::ES256, 2), (Algorithm::EdDSA, 2), (Algorithm::ES384, 1)] {
        let issuer = TestIssuer::builder().algorithm(algorithm).build();
        let jwk = issuer.jwks()["keys"][0].clone();
        for defect in [Defect::PaddedBase64, Defect::TrailingBits] {
            let token = issuer.broken(defect);
            let parts = parts(&token);
            assert!(URL_SAFE_NO_PAD.decode_to_vec(parts[segment]).is_err(), "{algorithm} {defect}");

            // As a lax decoder reads it: without padding, the stray bits zeroed.
            let mut lax = parts[segment].trim_end_matches('=').to_owned();
            if defect == Defect::TrailingBits {
                let last = lax.pop().unwrap();
                let candidates = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']);
                let before = candidates.zip(lax_alphabet()).find(|(_, next)| *next == last).unwrap().0;
                lax.push(before);
            }
            let decoded = URL_SAFE_NO_PAD.decode_to_vec(&lax).unwrap();
            if segment == 2 {
                let strict = format!("{}.{}.{lax}", parts[0], parts[1]);
                assert!(check::verifies(&jwk, algorithm.name(), &strict), "{algorithm} {defect}");
            } else {
                let claims: Value = serde_json::from_slice(&decoded).unwrap();
                assert_eq!(claims["sub"], TestIssuer::SUBJECT, "{algorithm} {defect}");
                assert!(check::verifies(&jwk, algorithm.name(), &token), "{algorithm} {defect}");
            }
        }
    }
}

/// The alphabet, moved by one character.
fn lax_alphabet() -> impl Iterator<Item = char> {
    ('B'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_'])
}

#[test]
fn names_are_unique_and_in_snake_case() {
    let names: HashSet<_> = Defect::ALL.iter().map(|defect| defect.name()).collect();
    assert_eq!(names.len(), Defect::ALL.len());
    for defect in Defect::ALL {
        let snake = format!("{defect:?}").chars().fold(String::new(), |mut name, letter| {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
            name
        });
        assert!(snake == defect.name() || matches!(defect, Defect::InvalidUtf8), "{defect:?} {snake}");
    }
}

/// What a server makes of a token of `issuer`.
fn verdict(issuer: &TestIssuer, profile: &TokenProfile, token: &str) -> Result<String, TokenError> {
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let server = ResourceServer::builder(issuer.audience())
        .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, profile.clone()))
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    match server.verify_now(token) {
        Ok(identity) => Ok(identity.subject().to_owned()),
        Err(refused) => match refused.reason() {
            Reason::InvalidToken { error, .. } => Err(error.clone()),
            other => panic!("{other:?}"),
        },
    }
}

#[test]
fn good_tokens_of_every_kind_of_key_pass_and_broken_ones_fail_for_their_reason() {
    use Algorithm::{ES256, ES384, ES512, EdDSA, RS256};
    for algorithm in [ES256, ES384, ES512, EdDSA, RS256] {
        let issuer = TestIssuer::builder().algorithm(algorithm).build();
        let rfc9068 = TokenProfile::rfc9068();
        let good = issuer.access_token("alice").scope("read").mint().unwrap();
        assert_eq!(verdict(&issuer, &rfc9068, &good), Ok("alice".into()), "{algorithm}");
        assert_eq!(verdict(&issuer, &TokenProfile::jwt(), &good), Ok("alice".into()), "{algorithm}");

        issuer.rotate();
        let newer = issuer.access_token("bob").mint().unwrap();
        assert_eq!(verdict(&issuer, &rfc9068, &good), Ok("alice".into()), "{algorithm}, rotated");
        assert_eq!(verdict(&issuer, &rfc9068, &newer), Ok("bob".into()), "{algorithm}, rotated");
        issuer.token_issuer().retire("key-1").unwrap();
        assert_eq!(verdict(&issuer, &rfc9068, &good), Err(TokenError::UnknownKey), "{algorithm}, retired");

        for defect in Defect::ALL.iter().copied() {
            let refused = verdict(&issuer, &rfc9068, &issuer.broken(defect)).err();
            let reason = refused.as_ref().map(|why| (why.code(), why.claim()));
            assert_eq!(reason, expected(defect), "{algorithm} {defect}: {refused:?}");
        }
    }
}

/// The generic profile lets pass what only RFC 9068 requires, and nothing else.
#[test]
fn the_generic_profile_refuses_all_but_what_rfc_9068_adds() {
    let issuer = TestIssuer::new();
    let passing: Vec<_> = Defect::ALL
        .iter()
        .copied()
        .filter(|defect| verdict(&issuer, &TokenProfile::jwt(), &issuer.broken(*defect)).is_ok())
        .collect();
    assert_eq!(passing, [Defect::MissingClientId, Defect::MissingIssuedAt, Defect::MissingTokenId]);
}

#[test]
fn a_broken_token_keeps_what_its_good_one_has() {
    let issuer = TestIssuer::new();
    let good = issuer.access_token("alice").scope("admin").audience("https://a.test").claim("x", 1);
    let claims = check::claims(&issuer.broken_from(&good, Defect::Expired));
    assert_eq!((&claims["sub"], &claims["scope"]), (&json!("alice"), &json!("admin")));
    assert_eq!((&claims["aud"], &claims["x"]), (&json!("https://a.test"), &json!(1)));
}

#[test]
fn two_issuers_do_not_share_a_key_and_clones_share_all() {
    let (one, other) = (TestIssuer::new(), TestIssuer::new());
    assert_ne!(one.jwks(), other.jwks());
    let clone = one.clone();
    assert_eq!((one.rotate(), clone.rotate()), ("key-2".into(), "key-3".into()));
    assert_eq!(one.jwks(), clone.jwks());
    one.clock().advance(Duration::from_secs(60));
    assert_eq!(clone.now().as_secs(), 1_700_000_060);
    let iat = check::claims(&clone.id_token("alice").mint().unwrap())["iat"].clone();
    assert_eq!(iat, 1_700_000_060);
}

/// The code of the refusal, and the claim it is about, under the profile of RFC 9068.
fn expected(defect: Defect) -> Option<(&'static str, Option<&'static str>)> {
    let reason = |code| Some((code, None));
    let missing = |claim| Some(("missing_claim", Some(claim)));
    let invalid = |claim| Some(("invalid_claim", Some(claim)));
    match defect {
        Defect::Expired => reason("expired"),
        Defect::NotYetValid => reason("not_yet_valid"),
        Defect::IssuedInFuture => reason("issued_in_future"),
        Defect::WrongIssuer => reason("untrusted_issuer"),
        Defect::IssuerArray => invalid("iss"),
        Defect::MissingIssuer => missing("iss"),
        Defect::WrongAudience => reason("wrong_audience"),
        Defect::MissingAudience => missing("aud"),
        Defect::AudienceNumber | Defect::AudienceMixedArray => invalid("aud"),
        Defect::MissingExpiry => missing("exp"),
        Defect::ExpiryString | Defect::ExpiryNegative | Defect::ExpiryNull => invalid("exp"),
        Defect::MissingSubject => missing("sub"),
        Defect::EmptySubject | Defect::SubjectNumber => invalid("sub"),
        Defect::MissingClientId => missing("client_id"),
        Defect::MissingIssuedAt => missing("iat"),
        Defect::MissingTokenId => missing("jti"),
        Defect::TamperedHeader
        | Defect::TamperedPayload
        | Defect::TamperedSignature
        | Defect::EmptySignature
        | Defect::ForeignKey
        | Defect::EmbeddedJwk => reason("invalid_signature"),
        Defect::AlgNone | Defect::HmacWithPublicKey => reason("algorithm_not_allowed"),
        Defect::UnknownKid => reason("unknown_key"),
        Defect::Critical | Defect::Unencoded => reason("unsupported_extension"),
        Defect::WrongType | Defect::IdTokenAsAccessToken => reason("wrong_type"),
        Defect::SenderConstrained => reason("sender_constrained"),
        Defect::DuplicateClaim
        | Defect::ArrayPayload
        | Defect::InvalidUtf8
        | Defect::TwoParts
        | Defect::FourParts
        | Defect::FiveParts
        | Defect::PaddedBase64
        | Defect::TrailingBits
        | Defect::DeepNesting => reason("malformed"),
        Defect::TooLarge => reason("too_large"),
    }
}
