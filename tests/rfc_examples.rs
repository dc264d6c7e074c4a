//! The examples of the RFCs, by section: what is a token of ours is accepted with the keys printed
//! there, what is not is refused for the reason that the table names.

use base64_simd::URL_SAFE_NO_PAD;
use tower_resource_server::{
    error::{Malformed, TokenError},
    keys::{Algorithm, AlgorithmSet, KeySet, VerifyingKey, verify_jws},
    token::TokenLimits,
};

/// RFC 7515 appendices A.1 to A.3: line ends and all.
const JOE: &str = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

const A1: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\
    .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
    .dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const A1_SECRET: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

const A2: &str = "eyJhbGciOiJSUzI1NiJ9\
    .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
    .cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9\
    uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_\
    eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5\
    AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const A2_KEY: &str = r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;

const A3: &str = "eyJhbGciOiJFUzI1NiJ9\
    .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
    .DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const A3_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

const A4: &str = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA\
    .AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZ\
    goXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";
const A4_KEY: &str = r#"{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#;

const A5: &str = "eyJhbGciOiJub25lIn0\
    .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";

/// RFC 8037 appendices A.2 and A.4.
const OKP_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const RFC_8037_A4: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc\
    .hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

/// RFC 7520 section 4.4 and 4.5: the same signature, with its payload and detached from it.
const FRODO_SECRET: &str = "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg";
const FRODO: [&str; 3] = [
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9",
    "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm\
     9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJl\
     IHN3ZXB0IG9mZiB0by4",
    "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
];

fn public(jwk: &str) -> VerifyingKey {
    VerifyingKey::from_jwk(jwk).expect("a key")
}

fn secret(base64url: &str) -> VerifyingKey {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(base64url).expect("base64url");
    VerifyingKey::from_hmac_secret(&bytes, Algorithm::HS256).expect("long enough")
}

fn verify(token: &str, key: VerifyingKey) -> Result<String, TokenError> {
    let every: AlgorithmSet = Algorithm::ALL.into_iter().collect();
    verify_jws(token, &KeySet::from_keys([key]), every, &TokenLimits::default())
        .map(|payload| String::from_utf8(payload).expect("text"))
}

#[test]
fn examples_of_supported_algorithms_are_accepted_and_tampering_is_not() {
    let frodo = FRODO.join(".");
    for (name, token, key, payload) in [
        ("RFC 7515 A.1, HS256", A1, secret(A1_SECRET), JOE),
        ("RFC 7515 A.2, RS256", A2, public(A2_KEY), JOE),
        ("RFC 7515 A.3, ES256", A3, public(A3_KEY), JOE),
        ("RFC 7515 A.4, ES512", A4, public(A4_KEY), "Payload"),
        ("RFC 8037 A.4, EdDSA", RFC_8037_A4, public(OKP_KEY), "Example of Ed25519 signing"),
        (
            "RFC 7520 4.4, HS256",
            &frodo,
            secret(FRODO_SECRET),
            "It\u{2019}s a dangerous business, Frodo, going out your door. You step onto the road, and if you \
             don't keep your feet, there\u{2019}s no knowing where you might be swept off to.",
        ),
    ] {
        assert_eq!(verify(token, key.clone()).as_deref(), Ok(payload), "{name}");

        let parts: Vec<_> = token.split('.').collect();
        let flip = |part: &str| {
            let first = if part.starts_with('A') { "B" } else { "A" };
            format!("{first}{}", &part[1..])
        };
        let payload = format!("{}.{}.{}", parts[0], flip(parts[1]), parts[2]);
        let signature = format!("{}.{}.{}", parts[0], parts[1], flip(parts[2]));
        let cut = format!("{}.{}.", parts[0], parts[1]);
        for tampered in [payload, signature, cut] {
            let refused = verify(&tampered, key.clone()).expect_err(name);
            assert!(
                matches!(refused, TokenError::UnknownKey | TokenError::InvalidSignature),
                "{name}: {refused}"
            );
        }
    }
}

#[test]
fn each_example_is_refused_under_every_other_algorithm_than_its_own() {
    for (name, token, key, own) in [
        ("RFC 7515 A.1", A1, secret(A1_SECRET), Algorithm::HS256),
        ("RFC 7515 A.2", A2, public(A2_KEY), Algorithm::RS256),
        ("RFC 7515 A.3", A3, public(A3_KEY), Algorithm::ES256),
        ("RFC 7515 A.4", A4, public(A4_KEY), Algorithm::ES512),
        ("RFC 8037 A.4", RFC_8037_A4, public(OKP_KEY), Algorithm::EdDSA),
    ] {
        let keys = KeySet::from_keys([key]);
        for algorithm in Algorithm::ALL {
            let verdict = verify_jws(token, &keys, algorithm, &TokenLimits::default()).map(|_| ());
            let expected = if algorithm == own { Ok(()) } else { Err(TokenError::AlgorithmNotAllowed) };
            assert_eq!(verdict, expected, "{name} as {algorithm}");
        }
    }
}

#[test]
fn what_is_not_a_plain_compact_signature_is_refused() {
    let a6_general = format!(
        r#"{{"payload":"{payload}","signatures":[
            {{"protected":"eyJhbGciOiJSUzI1NiJ9","header":{{"kid":"2010-12-29"}},"signature":"{rsa}"}},
            {{"protected":"eyJhbGciOiJFUzI1NiJ9","header":{{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"}},
              "signature":"{ec}"}}]}}"#,
        payload = A2.split('.').nth(1).expect("a payload"),
        rsa = A2.split('.').nth(2).expect("a signature"),
        ec = A3.split('.').nth(2).expect("a signature"),
    );
    let a7_flattened = format!(
        r#"{{"payload":"{}","protected":"eyJhbGciOiJFUzI1NiJ9",
            "header":{{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"}},"signature":"{}"}}"#,
        A3.split('.').nth(1).expect("a payload"),
        A3.split('.').nth(2).expect("a signature"),
    );
    let detached = format!("{}..{}", FRODO[0], FRODO[2]);
    // RFC 7797 section 4: the control, and the same payload unencoded, attached and detached.
    let control = "eyJhbGciOiJIUzI1NiJ9.JC4wMg.5mvfOroL-g7HyqJoozehmsaqmvTYGEq5jTI1gVvoEoQ";
    let b64 = "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19";
    let b64_signature = "A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY";
    let b64_attached = format!("{b64}.$.02.{b64_signature}");
    let b64_detached = format!("{b64}..{b64_signature}");
    let b64_encoded = format!("{b64}.JC4wMg.{b64_signature}");
    assert_eq!(verify(control, secret(A1_SECRET)).as_deref(), Ok("$.02"), "RFC 7797 section 4.1");

    for (name, token, key, expected) in [
        ("RFC 7515 A.5, unsecured", A5, public(A2_KEY), TokenError::AlgorithmNotAllowed),
        ("RFC 7515 A.6, general JSON", &a6_general, public(A2_KEY), Malformed::Parts.into()),
        ("RFC 7515 A.7, flattened JSON", &a7_flattened, public(A3_KEY), Malformed::Parts.into()),
        ("RFC 7520 4.5, detached", &detached, secret(FRODO_SECRET), TokenError::InvalidSignature),
        ("RFC 7797 4.2, attached", &b64_attached, secret(A1_SECRET), Malformed::Parts.into()),
        ("RFC 7797 4.2, detached", &b64_detached, secret(A1_SECRET), TokenError::UnsupportedExtension),
        ("RFC 7797 4.2, encoded", &b64_encoded, secret(A1_SECRET), TokenError::UnsupportedExtension),
    ] {
        assert_eq!(verify(token, key), Err(expected), "{name}");
    }
}

#[cfg(feature = "issuer")]
#[test]
fn rfc_9864_ed25519_is_eddsa_by_its_full_name() {
    use tower_resource_server::issuer::SigningKey;

    let key = SigningKey::generate(Algorithm::EdDSA).expect("a key");
    let public = public(&key.public_jwk().expect("a public key").to_string());
    for (alg, expected) in [
        ("Ed25519", Ok("hello".to_owned())),
        ("EdDSA", Ok("hello".to_owned())),
        ("Ed448", Err(TokenError::AlgorithmNotAllowed)),
        ("ed25519", Err(TokenError::AlgorithmNotAllowed)),
        ("ES256", Err(TokenError::KeyAlgorithmMismatch)),
    ] {
        let token = key.sign_raw(&format!(r#"{{"alg":"{alg}"}}"#), b"hello").expect("a signature");
        assert_eq!(verify(&token, public.clone()), expected, "{alg}");
    }
}

#[cfg(feature = "test-util")]
#[tokio::test]
async fn rfc_9068_section_3_is_an_access_token() {
    use tower_resource_server::{
        ResourceServer, TrustedIssuer, issuer::SigningKey, profile::TokenProfile, test_util::ManualClock,
        time::UnixTime,
    };

    let header = r#"{"typ":"at+JWT","alg":"RS256","kid":"RjEwOwOA"}"#;
    let claims = br#"{
        "iss": "https://authorization-server.example.com/",
        "sub": "5ba552d67",
        "aud":   "https://rs.example.com/",
        "exp": 1639528912,
        "iat": 1618354090,
        "jti" : "dbe39bf3a3ba4238a513f51d6e1691c4",
        "client_id": "s6BhdRkqt3",
        "scope": "openid profile reademail"
    }"#;
    // The RFC prints the token's parts and no key, so it is signed with one of our own.
    let key = SigningKey::generate(Algorithm::RS256).expect("a key").with_kid("RjEwOwOA");
    let keys = KeySet::from_keys([public(&key.public_jwk().expect("a public key").to_string())]);
    let clock = ManualClock::new(UnixTime::from_secs(1_618_354_090));
    let server = ResourceServer::builder("https://rs.example.com/")
        .issuer(TrustedIssuer::with_keys(
            "https://authorization-server.example.com/",
            keys,
            TokenProfile::rfc9068(),
        ))
        .clock(clock.clone())
        .build()
        .expect("a server");

    let token = key.sign_raw(header, claims).expect("a signature");
    let who = server.verify_access_token(&token).await.expect("an access token");
    assert_eq!((who.subject(), who.client_id()), ("5ba552d67", Some("s6BhdRkqt3")));
    assert_eq!(who.scopes().collect::<Vec<_>>(), ["openid", "profile", "reademail"]);

    let plain = key.sign_raw(&header.replace("at+JWT", "JWT"), claims).expect("a signature");
    assert!(server.verify_access_token(&plain).await.is_err(), "typ JWT");
    clock.set_unix(UnixTime::from_secs(1_639_528_912 + 60));
    assert!(server.verify_access_token(&token).await.is_err(), "expired, leeway and all");
}
