use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::*;
use crate::issuer::SigningKey;

/// RFC 9449 section 7.1, figures 12 and 13.
const RFC_PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik\
    VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR\
    nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE\
    QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj\
    oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z\
    WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF\
    c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E\
    OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const RFC_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
/// RFC 9449 section 6.1, figure 9.
const RFC_THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const RFC_IAT: u64 = 1_562_262_618;
/// RFC 9449 section 4.1, figure 3: of a token request, without `ath`.
const RFC_TOKEN_REQUEST: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik\
    VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR\
    nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE\
    QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIj\
    oiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwia\
    WF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg\
    4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";

const WINDOW: u64 = 60;
const LEEWAY: u64 = 5;
const NOW: u64 = 1_700_000_000;
const URL: &str = "https://api.test/orders";
const TOKEN: &[u8] = b"an.access.token";

fn rules() -> ProofRules {
    ProofRules {
        algorithms: [Algorithm::ES256, Algorithm::PS256, Algorithm::EdDSA].into(),
        window: Duration::from_secs(WINDOW),
        leeway: Duration::from_secs(LEEWAY),
    }
}

#[test]
fn the_examples_of_rfc_9449_are_judged_as_the_text_says() {
    const URL: &str = "https://resource.example.org/protectedresource";
    let asked = Asked {
        method: "GET",
        url: URL,
        token: RFC_TOKEN.as_bytes(),
        thumbprint: RFC_THUMBPRINT,
        holder: Some(&Holder::default()),
        is_nonce: None,
    };
    let good = Proof {
        id: b"e1j3V_bKic8-LAEB".as_slice().into(),
        issued: UnixTime::from_secs(RFC_IAT),
        until: UnixTime::from_secs(RFC_IAT + 66),
    };
    for (name, proof, asked, at, expected) in [
        ("section 7.1", RFC_PROOF, asked, 0, Ok(good)),
        ("with POST", RFC_PROOF, Asked { method: "POST", ..asked }, 0, Err(ProofError::WrongMethod)),
        ("elsewhere", RFC_PROOF, Asked { url: "https://server.example.com/token", ..asked }, 0, {
            Err(ProofError::WrongUrl)
        }),
        ("another token", RFC_PROOF, Asked { token: b"x", ..asked }, 0, Err(ProofError::WrongTokenHash)),
        ("another key", RFC_PROOF, Asked { thumbprint: "x", ..asked }, 0, Err(ProofError::WrongKey)),
        ("later", RFC_PROOF, asked, 66, Err(ProofError::OutsideWindow)),
        ("a nonce is wanted", RFC_PROOF, Asked { is_nonce: Some(&|_| true), ..asked }, 0, {
            Err(ProofError::NonceWanted)
        }),
        ("section 4.1, of a token request", RFC_TOKEN_REQUEST, asked, 0, Err(ProofError::WrongMethod)),
        (
            "section 4.1, where it would fit but for ath",
            RFC_TOKEN_REQUEST,
            Asked { method: "POST", url: "https://server.example.com/token", ..asked },
            0,
            Err(ProofError::WrongTokenHash),
        ),
    ] {
        let now = UnixTime::from_secs(RFC_IAT + at);
        let result = verify_proof(proof.as_bytes(), &asked, &rules(), &TokenLimits::default(), now);
        assert_eq!(result, expected, "{name}");
    }
}

/// A proof that is about to be changed.
struct Draft {
    key: SigningKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Draft {
    fn new(key: &SigningKey) -> Self {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let ath = URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, TOKEN));
        let mut jwk = key.public_jwk().unwrap();
        let jwk_members = jwk.as_object_mut().unwrap();
        jwk_members.retain(|name, _| !["use", "alg", "kid"].contains(&&**name));
        Self {
            key: key.clone(),
            header: object(json!({"typ": "dpop+jwt", "alg": key.algorithm().name(), "jwk": jwk})),
            claims: object(json!({"jti": "id", "htm": "POST", "htu": URL, "iat": NOW, "ath": ath})),
        }
    }

    fn header(mut self, name: &str, value: Value) -> Self {
        self.header.insert(name.into(), value);
        self
    }

    fn jwk(mut self, name: &str, value: Value) -> Self {
        self.header["jwk"][name] = value;
        self
    }

    fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.into(), value);
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self.header.remove(name);
        self
    }

    fn sign(self) -> String {
        let (header, claims) = (Value::Object(self.header), Value::Object(self.claims));
        self.key.sign_raw(&header.to_string(), claims.to_string().as_bytes()).unwrap()
    }
}

/// The verdict for the first proof of a token, which must be the same after a good one was seen.
fn judge(key: &SigningKey, proof: &str) -> Result<String, ProofError> {
    let first = judge_with(&Holder::default(), key, proof.as_bytes());
    assert_eq!(judge_with(&known(key), key, proof.as_bytes()), first, "{proof}");
    first
}

/// Knows this key, where proofs may be signed with it.
fn known(key: &SigningKey) -> Holder {
    let holder = Holder::default();
    let _ = judge_with(&holder, key, Draft::new(key).sign().as_bytes());
    holder
}

fn judge_with(holder: &Holder, key: &SigningKey, proof: &[u8]) -> Result<String, ProofError> {
    let thumbprint = key.thumbprint().unwrap_or_default();
    let asked = Asked {
        method: "POST",
        url: URL,
        token: TOKEN,
        thumbprint: &thumbprint,
        holder: Some(holder),
        is_nonce: None,
    };
    let now = UnixTime::from_secs(NOW);
    verify_proof(proof, &asked, &rules(), &TokenLimits::default(), now)
        .map(|proof| String::from_utf8(proof.id.into_vec()).unwrap())
}

#[test]
fn what_a_good_proof_has_shown_is_known_for_its_header_alone() {
    let [key, other] = [(); 2].map(|()| SigningKey::generate(Algorithm::ES256).unwrap());
    let good = Draft::new(&key).sign();
    let header = good.split('.').next().unwrap().as_bytes();
    for (name, proof, is_known) in [
        ("good", good.clone(), true),
        ("of another key", Draft::new(&other).sign(), false),
        ("about something else", Draft::new(&key).claim("htm", json!("GET")).sign(), false),
        ("not signed", good[..good.len() - 86].to_owned() + &"A".repeat(86), false),
        (
            "with a header that is too long",
            Draft::new(&key).header("pad", json!("x".repeat(1600))).sign(),
            false,
        ),
    ] {
        let holder = Holder::default();
        let _ = judge_with(&holder, &key, proof.as_bytes());
        assert_eq!(holder.known(header, TOKEN).is_some(), is_known, "{name}");
    }

    let holder = known(&key);
    let longer = [header, b"A"].concat();
    for other in [&header[1..], &header[..header.len() - 1], &longer, b""] {
        assert!(holder.known(other, TOKEN).is_none());
    }
    assert!(holder.known(header, TOKEN).is_some() && holder.known(header, b"another.access.token").is_none());
    let thumbprint = key.thumbprint().unwrap();
    let asked = Asked {
        method: "POST",
        url: URL,
        token: TOKEN,
        thumbprint: &thumbprint,
        holder: Some(&holder),
        is_nonce: None,
    };
    let rules = ProofRules { algorithms: [Algorithm::EdDSA].into(), ..rules() };
    let result =
        verify_proof(good.as_bytes(), &asked, &rules, &TokenLimits::default(), UnixTime::from_secs(NOW));
    assert_eq!(result, Err(ProofError::AlgorithmNotAllowed), "a server that takes other algorithms");
}

#[test]
fn promise_3_a_header_embeds_one_public_key_and_refers_to_no_other() {
    use ProofError::{
        AlgorithmNotAllowed, InvalidSignature, NoKey, UnsupportedExtension, UnusableKey, WrongType,
    };
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let other = SigningKey::generate(Algorithm::ES256).unwrap();
    let draft = || Draft::new(&key);
    let public = |key: &SigningKey| key.public_jwk().unwrap();
    for (name, draft, expected) in [
        ("as it is", draft(), Ok(())),
        ("type in upper case", draft().header("typ", json!("DPoP+JWT")), Ok(())),
        ("type in full", draft().header("typ", json!("application/dpop+jwt")), Ok(())),
        ("no type", draft().without("typ"), Err(WrongType)),
        ("type of a JWT", draft().header("typ", json!("JWT")), Err(WrongType)),
        ("type of an access token", draft().header("typ", json!("at+jwt")), Err(WrongType)),
        ("type with a parameter", draft().header("typ", json!("dpop+jwt;v=1")), Err(WrongType)),
        ("no jwk", draft().without("jwk"), Err(NoKey)),
        ("kid alone", draft().without("jwk").header("kid", json!("key-1")), Err(NoKey)),
        ("jwk null", draft().header("jwk", json!(null)), Err(NoKey)),
        ("jku alone", draft().without("jwk").header("jku", json!("https://evil/jwks")), Err(NoKey)),
        ("jku beside", draft().header("jku", json!("https://evil/jwks")), Err(NoKey)),
        ("x5u beside", draft().header("x5u", json!("https://evil/x5u")), Err(NoKey)),
        ("x5c beside", draft().header("x5c", json!(["MIIB"])), Err(NoKey)),
        ("kid beside", draft().header("kid", json!("key-1")), Ok(())),
        ("jwk a text", draft().header("jwk", json!(public(&key).to_string())), Err(UnusableKey)),
        ("jwk an array", draft().header("jwk", json!([public(&key)])), Err(UnusableKey)),
        ("jwk empty", draft().header("jwk", json!({})), Err(UnusableKey)),
        ("jwk in full", draft().header("jwk", public(&key)), Ok(())),
        ("jwk of another", draft().header("jwk", public(&other)), Err(InvalidSignature)),
        ("private member", draft().jwk("d", json!("AQAB")), Err(UnusableKey)),
        ("private member of RSA", draft().jwk("p", json!("AQAB")), Err(UnusableKey)),
        ("symmetric member", draft().jwk("k", json!("AQAB")), Err(UnusableKey)),
        ("symmetric key", draft().header("jwk", json!({"kty": "oct", "k": "AQAB"})), Err(UnusableKey)),
        ("use enc", draft().jwk("use", json!("enc")), Err(UnusableKey)),
        ("key_ops sign", draft().jwk("key_ops", json!(["sign"])), Err(UnusableKey)),
        ("key_ops verify", draft().jwk("key_ops", json!(["verify"])), Ok(())),
        ("alg of the key another", draft().jwk("alg", json!("ES384")), Err(UnusableKey)),
        ("point off the curve", draft().jwk("x", json!("AQAB")), Err(UnusableKey)),
        ("another curve", draft().jwk("crv", json!("P-384")), Err(UnusableKey)),
        ("unknown curve", draft().jwk("crv", json!("secp256k1")), Err(UnusableKey)),
        ("alg none", draft().header("alg", json!("none")), Err(AlgorithmNotAllowed)),
        ("alg HS256", draft().header("alg", json!("HS256")), Err(AlgorithmNotAllowed)),
        ("alg in lower case", draft().header("alg", json!("es256")), Err(AlgorithmNotAllowed)),
        ("alg that is not taken", draft().header("alg", json!("ES384")), Err(AlgorithmNotAllowed)),
        ("alg of another type", draft().header("alg", json!("PS256")), Err(UnusableKey)),
        ("no alg", draft().without("alg"), Err(ProofError::Malformed)),
        ("crit", draft().header("crit", json!(["exp"])), Err(UnsupportedExtension)),
        ("b64", draft().header("b64", json!(false)), Err(UnsupportedExtension)),
        ("nested", draft().header("cty", json!("JWT")), Err(UnsupportedExtension)),
        ("compressed", draft().header("zip", json!("DEF")), Err(UnsupportedExtension)),
    ] {
        assert_eq!(judge(&key, &draft.sign()).map(drop), expected, "{name}");
    }
}

#[test]
fn keys_of_every_type_sign_proofs() {
    let pem = include_str!("../issuer/testdata/rsa2048-pkcs8.pem");
    for (name, key, expected) in [
        ("Ed25519", SigningKey::generate(Algorithm::EdDSA).unwrap(), Ok(())),
        ("RSA", SigningKey::from_pem(pem, Algorithm::PS256).unwrap(), Ok(())),
        (
            "RSA by an algorithm that is not taken",
            SigningKey::from_pem(pem, Algorithm::RS256).unwrap(),
            Err(ProofError::AlgorithmNotAllowed),
        ),
        (
            "P-384 by an algorithm that is not taken",
            SigningKey::generate(Algorithm::ES384).unwrap(),
            Err(ProofError::AlgorithmNotAllowed),
        ),
    ] {
        assert_eq!(judge(&key, &Draft::new(&key).sign()).map(drop), expected, "{name}");
    }
    let ed25519 = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let draft = Draft::new(&ed25519).header("alg", json!("Ed25519"));
    assert_eq!(judge(&ed25519, &draft.sign()).map(drop), Ok(()), "by the name of RFC 9864");
}

#[test]
fn claims_are_there_and_as_the_request_is() {
    use ProofError::{InvalidId, Malformed, OutsideWindow, WrongMethod, WrongTokenHash, WrongUrl};
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let draft = || Draft::new(&key);
    let at = |name: &str, at: u64| draft().claim(name, json!(at));
    let reach = WINDOW + LEEWAY;
    let padded = format!("{}=", URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, TOKEN)));
    let hex: String = digest(&SHA256, TOKEN).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    for (name, draft, expected) in [
        ("no jti", draft().without("jti"), Err(InvalidId)),
        ("jti empty", draft().claim("jti", json!("")), Err(InvalidId)),
        ("jti a number", draft().claim("jti", json!(7)), Err(InvalidId)),
        ("jti null", draft().claim("jti", json!(null)), Err(InvalidId)),
        ("jti of 256 bytes", draft().claim("jti", json!("a".repeat(256))), Ok(())),
        ("jti of 257 bytes", draft().claim("jti", json!("a".repeat(257))), Err(InvalidId)),
        ("jti of any characters", draft().claim("jti", json!("\u{e4}\n\0\"")), Ok(())),
        ("no htm", draft().without("htm"), Err(WrongMethod)),
        ("htm in lower case", draft().claim("htm", json!("post")), Err(WrongMethod)),
        ("htm another", draft().claim("htm", json!("GET")), Err(WrongMethod)),
        ("htm with a space", draft().claim("htm", json!("POST ")), Err(WrongMethod)),
        ("htm an array", draft().claim("htm", json!(["POST"])), Err(WrongMethod)),
        ("no htu", draft().without("htu"), Err(WrongUrl)),
        ("htu with a query", draft().claim("htu", json!(format!("{URL}?a=b"))), Ok(())),
        ("htu in another spelling", draft().claim("htu", json!("HTTPS://API.test:443/%6Frders")), Ok(())),
        ("htu with a slash more", draft().claim("htu", json!(format!("{URL}/"))), Err(WrongUrl)),
        ("htu without origin", draft().claim("htu", json!("/orders")), Err(WrongUrl)),
        ("htu an array", draft().claim("htu", json!([URL])), Err(WrongUrl)),
        ("no iat", draft().without("iat"), Err(OutsideWindow)),
        ("iat a text", draft().claim("iat", json!(NOW.to_string())), Err(OutsideWindow)),
        ("iat null", draft().claim("iat", json!(null)), Err(OutsideWindow)),
        ("iat negative", draft().claim("iat", json!(-1)), Err(OutsideWindow)),
        ("iat in milliseconds", at("iat", NOW * 1000), Err(OutsideWindow)),
        ("iat beyond all time", draft().claim("iat", json!(1e300)), Err(OutsideWindow)),
        ("iat with a fraction", draft().claim("iat", json!(1_700_000_000.5)), Ok(())),
        ("iat at the end of the window", at("iat", NOW - reach), Ok(())),
        ("iat a second too old", at("iat", NOW - reach - 1), Err(OutsideWindow)),
        ("iat as far ahead as may be", at("iat", NOW + reach), Ok(())),
        ("iat a second too far ahead", at("iat", NOW + reach + 1), Err(OutsideWindow)),
        ("iat a week ago", at("iat", NOW - 604_800), Err(OutsideWindow)),
        ("exp to come", at("exp", NOW + 1), Ok(())),
        ("exp within the leeway", at("exp", NOW - LEEWAY + 1), Ok(())),
        ("exp over", at("exp", NOW - LEEWAY), Err(OutsideWindow)),
        ("exp a text", draft().claim("exp", json!("never")), Err(OutsideWindow)),
        ("nbf over", at("nbf", NOW - 1), Ok(())),
        ("nbf within the leeway", at("nbf", NOW + LEEWAY), Ok(())),
        ("nbf to come", at("nbf", NOW + LEEWAY + 1), Err(OutsideWindow)),
        ("nbf a text", draft().claim("nbf", json!("now")), Err(OutsideWindow)),
        ("no ath", draft().without("ath"), Err(WrongTokenHash)),
        ("ath null", draft().claim("ath", json!(null)), Err(WrongTokenHash)),
        ("ath empty", draft().claim("ath", json!("")), Err(WrongTokenHash)),
        ("ath the token", draft().claim("ath", json!("an.access.token")), Err(WrongTokenHash)),
        ("ath in hexadecimal", draft().claim("ath", json!(hex)), Err(WrongTokenHash)),
        ("ath with padding", draft().claim("ath", json!(padded)), Err(WrongTokenHash)),
        ("a nonce that was not asked for", draft().claim("nonce", json!("n")), Ok(())),
        ("an issuer and an audience", draft().claim("iss", json!("web")).claim("aud", json!([7])), Ok(())),
        ("deep", draft().claim("x", nested(40)), Err(Malformed)),
    ] {
        assert_eq!(judge(&key, &draft.sign()).map(drop), expected, "{name}");
    }
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, _| json!([inner]))
}

#[test]
fn the_form_is_as_strict_as_that_of_a_token() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let proof = Draft::new(&key).sign();
    let parts: Vec<_> = proof.split('.').collect();
    let changed = |at: usize, part: &str| {
        let mut parts = parts.clone();
        parts[at] = part;
        parts.join(".")
    };
    let raw =
        |payload: &[u8]| key.sign_raw(&Value::Object(Draft::new(&key).header).to_string(), payload).unwrap();
    let twice =
        format!(r#"{{"alg":"ES256","typ":"dpop+jwt","jwk":{0},"jwk":{0}}}"#, key.public_jwk().unwrap());
    let private = r#"{"alg":"ES256","typ":"dpop+jwt","jwk":{"$serde_json::private::RawValue":"{}"}}"#;
    let signature = parts[2].to_owned();
    for (name, proof, expected) in [
        ("empty", String::new(), ProofError::Malformed),
        ("two parts", parts[..2].join("."), ProofError::Malformed),
        ("four parts", format!("{proof}.e30"), ProofError::Malformed),
        ("two proofs with a comma", format!("{proof}, {proof}"), ProofError::Malformed),
        ("a space in front", format!(" {proof}"), ProofError::Malformed),
        ("padded", format!("{proof}="), ProofError::Malformed),
        ("JSON serialization", r#"{"payload":"e30"}"#.into(), ProofError::Malformed),
        ("no signature", format!("{}.{}.", parts[0], parts[1]), ProofError::InvalidSignature),
        ("the signature of another", changed(2, "AAAA"), ProofError::InvalidSignature),
        ("a long signature", changed(2, &signature.repeat(20)), ProofError::InvalidSignature),
        ("another payload", changed(1, "e30"), ProofError::InvalidSignature),
        ("payload an array", raw(b"[]"), ProofError::Malformed),
        ("payload not UTF-8", raw(b"\xff"), ProofError::Malformed),
        ("a claim twice", raw(br#"{"jti":"a","jti":"a"}"#), ProofError::Malformed),
        ("something behind the payload", raw(b"{}{}"), ProofError::Malformed),
        ("jwk twice", key.sign_raw(&twice, b"{}").unwrap(), ProofError::Malformed),
        ("a name of the parser", key.sign_raw(private, b"{}").unwrap(), ProofError::Malformed),
        ("17 KiB", "a".repeat(17 * 1024), ProofError::TooLarge),
        ("a header of 5 KiB", Draft::new(&key).header("x", json!("a".repeat(5_000))).sign(), {
            ProofError::TooLarge
        }),
    ] {
        assert_eq!(judge(&key, &proof), Err(expected), "{name}");
    }
}

#[test]
fn no_proof_is_good_with_another_byte_in_it() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let (known, good) = (known(&key), Draft::new(&key).sign());
    for (at, old) in good.bytes().enumerate() {
        for new in [b'A', b'_', b'.', b'=', 0x80] {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = new;
            for holder in [&Holder::default(), &known] {
                let result = judge_with(holder, &key, &bytes);
                assert_eq!(result.is_ok(), old == new, "{at}: {new}");
            }
        }
        if at % 7 == 0 {
            assert!(judge(&key, &good[..at]).is_err(), "cut off at {at}");
        }
    }
}

#[test]
fn what_is_judged_first_is_what_anyone_could_get_wrong() {
    use ProofError::{InvalidSignature, NonceWanted, WrongKey, WrongUrl};
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let thumbprint = key.thumbprint().unwrap();
    let is_nonce: &dyn Fn(&str) -> bool = &|nonce| nonce == "n";
    let asked = Asked {
        method: "POST",
        url: URL,
        token: TOKEN,
        thumbprint: &thumbprint,
        holder: Some(&Holder::default()),
        is_nonce: Some(is_nonce),
    };
    let elsewhere = Asked { thumbprint: "x", ..asked };
    let forged = |draft: Draft| {
        let proof = draft.sign();
        let (signed, _) = proof.rsplit_once('.').unwrap();
        format!("{signed}.{}", "A".repeat(86))
    };
    let draft = || Draft::new(&key);
    let nonce = |nonce: Value| draft().claim("nonce", nonce);
    for (name, proof, asked, expected) in [
        ("a nonce of ours", nonce(json!("n")).sign(), asked, Ok(())),
        ("no nonce", draft().sign(), asked, Err(NonceWanted)),
        ("another nonce", nonce(json!("m")).sign(), asked, Err(NonceWanted)),
        ("a nonce in another case", nonce(json!("N")).sign(), asked, Err(NonceWanted)),
        ("a nonce of another type", nonce(json!(["n"])).sign(), asked, Err(NonceWanted)),
        ("no nonce and a bad signature", forged(draft()), asked, Err(InvalidSignature)),
        ("no nonce and another URL", draft().claim("htu", json!("https://a/")).sign(), asked, Err(WrongUrl)),
        ("another key and no nonce", draft().sign(), elsewhere, Err(NonceWanted)),
        ("another key", nonce(json!("n")).sign(), elsewhere, Err(WrongKey)),
    ] {
        let now = UnixTime::from_secs(NOW);
        let result = verify_proof(proof.as_bytes(), &asked, &rules(), &TokenLimits::default(), now);
        assert_eq!(result.map(drop), expected, "{name}");
    }
}
