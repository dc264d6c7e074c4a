//! The compact serialization: its segments, its base64url, and every other serialization.

use tower_resource_server::test_util::Defect;

use crate::{
    forge::{Forge, base64, parts, unbase64},
    site::{
        Case,
        Expected::{self, Admitted, BadRequest, BadToken},
        case,
    },
};

const PARTS: Expected = BadToken("a signed token has exactly three parts");
const BASE64: Expected = BadToken("a part of the token is not strict base64url");
const HEADER: Expected = BadToken("the token's header is not well-formed");
const PAYLOAD: Expected = BadToken("the token's payload is not a JSON object");
const SIGNATURE: Expected = BadToken("the token's signature is invalid");
const EXTENSION: Expected = BadToken("the token uses an extension that is not supported");
const ALGORITHM: Expected = BadToken("the token's algorithm is not accepted");
const GRAMMAR: Expected = BadRequest("the Authorization field is malformed");
const CLAIM: Expected = BadToken("a claim is not acceptable");
const MISSING: Expected = BadToken("a required claim is missing");

pub fn cases(forge: &Forge) -> Vec<Case> {
    let token = forge.token();
    let [h, p, s] = parts(&token);
    let [_, other_payload, other_signature] = parts(&forge.with("jti", "another"));
    let mut cases: Vec<Case> = [
        ("no dot", h.clone(), PARTS),
        ("one dot", format!("{h}.{p}"), PARTS),
        ("two dots", token.clone(), Admitted),
        ("three dots", format!("{token}.{s}"), PARTS),
        ("three dots, the last empty", format!("{token}."), PARTS),
        ("three dots, the first empty", format!(".{token}"), PARTS),
        ("four dots, a JWE", format!("{h}.{p}.{s}.{p}.{s}"), PARTS),
        ("five dots", format!("{h}.{p}.{s}.{h}.{p}.{s}"), PARTS),
        ("six dots", format!("{h}.{p}.{s}.{h}.{p}.{s}.{s}"), PARTS),
        ("a dot alone", ".".into(), PARTS),
        ("two dots alone", "..".into(), PAYLOAD),
        ("three dots alone", "...".into(), PARTS),
        ("empty header", format!(".{p}.{s}"), HEADER),
        ("empty payload", format!("{h}..{s}"), PAYLOAD),
        ("detached payload of another", format!("{h}..{other_signature}"), PAYLOAD),
        ("empty signature", format!("{h}.{p}."), SIGNATURE),
        ("payload of another", format!("{h}.{other_payload}.{s}"), SIGNATURE),
        ("signature of another", format!("{h}.{p}.{other_signature}"), SIGNATURE),
        ("header twice", format!("{h}.{h}.{s}"), MISSING),
        ("padded header", format!("{h}=.{p}.{s}"), GRAMMAR),
        ("padded payload", format!("{h}.{p}=.{s}"), GRAMMAR),
        ("padded signature", format!("{token}=="), BASE64),
        ("much padding", format!("{token}{}", "=".repeat(64)), BASE64),
        ("standard alphabet in the payload", format!("{h}.{p}+/.{s}"), BASE64),
        ("standard alphabet in the header", format!("+/{h}.{p}.{s}"), BASE64),
        ("standard alphabet in the signature", format!("{h}.{p}.+{}", &s[1..]), BASE64),
        ("a tilde", format!("{h}.{p}~.{s}"), BASE64),
        ("a character too many", format!("{token}A"), SIGNATURE),
        ("three characters too many", format!("{token}AAA"), BASE64),
        ("signature of one byte", format!("{h}.{p}.AA"), SIGNATURE),
        ("half a signature", format!("{h}.{p}.{}", &s[..40]), SIGNATURE),
        ("signature twice", format!("{h}.{p}.{}", base64([unbase64(&s), unbase64(&s)].concat())), SIGNATURE),
        ("signature of zeros", format!("{h}.{p}.{}", base64([0; 64])), SIGNATURE),
        ("signature in DER", format!("{h}.{p}.{}", base64(der(&unbase64(&s)))), SIGNATURE),
        ("signature of 2 000 bytes", format!("{h}.{p}.{}", base64([7; 2000])), SIGNATURE),
        ("flattened JSON", format!(r#"{{"protected":"{h}","payload":"{p}","signature":"{s}"}}"#), GRAMMAR),
        ("general JSON", format!(r#"{{"payload":"{p}","signatures":[{{"protected":"{h}"}}]}}"#), GRAMMAR),
        ("JSON in base64url", base64(format!(r#"{{"protected":"{h}","payload":"{p}"}}"#)), PARTS),
        ("a token in base64url", base64(&token), PARTS),
        ("a token as the payload", forge.raw(crate::forge::HEADER, &token), PAYLOAD),
        ("a token as a JSON string", forge.raw(crate::forge::HEADER, format!("{token:?}")), PAYLOAD),
        ("nested, cty JWT", forge.also(r#""cty":"JWT""#), EXTENSION),
        ("nested, cty in lower case", forge.also(r#""cty":"jwt""#), EXTENSION),
        ("a critical extension", forge.also(r#""crit":["exp"],"exp":1"#), EXTENSION),
        ("an empty crit", forge.also(r#""crit":[]"#), EXTENSION),
        ("crit null", forge.also(r#""crit":null"#), EXTENSION),
        ("b64 false", forge.also(r#""crit":["b64"],"b64":false"#), EXTENSION),
        ("b64 false, not critical", forge.also(r#""b64":false"#), EXTENSION),
        ("b64 true", forge.also(r#""b64":true"#), EXTENSION),
        ("compressed", forge.also(r#""zip":"DEF""#), EXTENSION),
        ("encrypted", forge.also(r#""enc":"A128GCM""#), EXTENSION),
    ]
    .into_iter()
    .map(|(name, token, expected)| case(name, token, expected))
    .collect();
    let defects = Defect::ALL.iter().map(|defect| {
        let name = format!("defect {defect}");
        case(name, forge.issuer.broken_from(&forge.good(), *defect), expected(*defect))
    });
    cases.extend(defects);
    cases
}

/// `r ‖ s` as the ASN.1 that other protocols use; good enough for bytes that are to be refused.
fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |half: &[u8]| [&[2, half.len() as u8 + 1, 0], half].concat();
    let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
    [&[0x30, body.len() as u8], body.as_slice()].concat()
}

fn expected(defect: Defect) -> Expected {
    match defect {
        Defect::Expired => BadToken("the token has expired"),
        Defect::NotYetValid => BadToken("the token is not valid yet"),
        Defect::IssuedInFuture => BadToken("the token was issued in the future"),
        Defect::WrongIssuer => BadToken("the token's issuer is not trusted"),
        Defect::WrongAudience => BadToken("the token is for another audience"),
        Defect::MissingIssuer
        | Defect::MissingAudience
        | Defect::MissingExpiry
        | Defect::MissingSubject
        | Defect::MissingClientId
        | Defect::MissingIssuedAt
        | Defect::MissingTokenId => MISSING,
        Defect::IssuerArray
        | Defect::AudienceNumber
        | Defect::AudienceMixedArray
        | Defect::ExpiryString
        | Defect::ExpiryNegative
        | Defect::ExpiryNull
        | Defect::EmptySubject
        | Defect::SubjectNumber => CLAIM,
        Defect::TamperedHeader
        | Defect::TamperedPayload
        | Defect::TamperedSignature
        | Defect::EmptySignature
        | Defect::ForeignKey
        | Defect::EmbeddedJwk => SIGNATURE,
        Defect::AlgNone | Defect::HmacWithPublicKey => ALGORITHM,
        Defect::UnknownKid => BadToken("the token was signed by an unknown key"),
        Defect::Critical | Defect::Unencoded => EXTENSION,
        Defect::WrongType | Defect::IdTokenAsAccessToken => BadToken("the token is not of the accepted type"),
        Defect::SenderConstrained => BadToken("the token is bound to its sender and came without proof"),
        Defect::DuplicateClaim => BadToken("a member name occurs twice in the token"),
        Defect::ArrayPayload | Defect::InvalidUtf8 => PAYLOAD,
        Defect::TwoParts | Defect::FourParts | Defect::FiveParts => PARTS,
        Defect::PaddedBase64 | Defect::TrailingBits => BASE64,
        Defect::DeepNesting => BadToken("the token is nested too deeply"),
        Defect::TooLarge => BadToken("the token is too large"),
        other => panic!("{other}: a defect without an expectation"),
    }
}
