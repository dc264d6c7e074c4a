//! The header by its rows, and which keys fit.

use super::*;
use crate::{keys::VerifyingKey, verify::check_header};

#[test]
fn the_header_passes_by_its_rows_in_their_order() {
    let base = || TokenProfile::empty().algorithms([Algorithm::RS256, Algorithm::EdDSA]);
    let required = || base().require_type(["at+jwt"]);
    let optional = || base().accept_types(["JWT", "at+jwt"]);
    let any_type: [&str; 0] = [];
    for (name, profile, header, expected) in [
        ("an algorithm", base(), r#"{"alg":"RS256"}"#, Ok(Algorithm::RS256)),
        ("its other name", base(), r#"{"alg":"Ed25519"}"#, Ok(Algorithm::EdDSA)),
        ("another", base(), r#"{"alg":"RS384"}"#, Err(TokenError::AlgorithmNotAllowed)),
        ("in small letters", base(), r#"{"alg":"rs256"}"#, Err(TokenError::AlgorithmNotAllowed)),
        ("none", base(), r#"{"alg":"none"}"#, Err(TokenError::AlgorithmNotAllowed)),
        ("any type", base(), r#"{"alg":"RS256","typ":"x"}"#, Ok(Algorithm::RS256)),
        ("the type", required(), r#"{"alg":"RS256","typ":"at+jwt"}"#, Ok(Algorithm::RS256)),
        ("its long form", required(), r#"{"alg":"RS256","typ":"application/at+jwt"}"#, Ok(Algorithm::RS256)),
        ("in capitals", required(), r#"{"alg":"RS256","typ":"AT+JWT"}"#, Ok(Algorithm::RS256)),
        ("another type", required(), r#"{"alg":"RS256","typ":"JWT"}"#, Err(TokenError::WrongType)),
        ("nearly the type", required(), r#"{"alg":"RS256","typ":"at+jw"}"#, Err(TokenError::WrongType)),
        ("no type", required(), r#"{"alg":"RS256"}"#, Err(TokenError::WrongType)),
        ("no type needed", optional(), r#"{"alg":"RS256"}"#, Ok(Algorithm::RS256)),
        ("the second type", optional(), r#"{"alg":"RS256","typ":"at+jwt"}"#, Ok(Algorithm::RS256)),
        ("neither type", optional(), r#"{"alg":"RS256","typ":"ID"}"#, Err(TokenError::WrongType)),
        ("some type", base().require_type(any_type), r#"{"alg":"RS256","typ":"x"}"#, Ok(Algorithm::RS256)),
        ("not even some", base().require_type(any_type), r#"{"alg":"RS256"}"#, Err(TokenError::WrongType)),
        (
            "the content",
            base().require_content_type("a;v=1"),
            r#"{"alg":"RS256","cty":"a;v=1"}"#,
            Ok(Algorithm::RS256),
        ),
        (
            "other content",
            base().require_content_type("a;v=1"),
            r#"{"alg":"RS256","cty":"a;v=2"}"#,
            Err(TokenError::WrongType),
        ),
        (
            "content in capitals",
            base().require_content_type("a"),
            r#"{"alg":"RS256","cty":"A"}"#,
            Err(TokenError::WrongType),
        ),
        ("no content", base().require_content_type("a"), r#"{"alg":"RS256"}"#, Err(TokenError::WrongType)),
        ("a name of a key", base().require_kid(true), r#"{"alg":"RS256","kid":"1"}"#, Ok(Algorithm::RS256)),
        ("an empty name", base().require_kid(true), r#"{"alg":"RS256","kid":""}"#, Ok(Algorithm::RS256)),
        ("no name", base().require_kid(true), r#"{"alg":"RS256"}"#, Err(TokenError::UnknownKey)),
        (
            "the algorithm is told before the type",
            required().require_kid(true),
            r#"{"alg":"none","typ":"JWT"}"#,
            Err(TokenError::AlgorithmNotAllowed),
        ),
        (
            "the type is told before the key",
            required().require_kid(true),
            r#"{"alg":"RS256","typ":"JWT"}"#,
            Err(TokenError::WrongType),
        ),
    ] {
        let profile = compile(&profile, &mut ClaimNames::default());
        let header = JoseHeader::parse(header.as_bytes(), &TokenLimits::default()).unwrap();
        let algorithm = check_header(&profile, &header, &mut FirstFailure);
        assert_eq!(algorithm.map(Option::unwrap).map_err(refused), expected, "{name}");
    }
}

#[test]
fn a_key_is_named_as_the_profile_selects_it() {
    for (selection, kid, expected) in [
        (KeySelection::Kid, Some("layer:///keys/1"), Some("layer:///keys/1")),
        (KeySelection::Kid, None, None),
        (KeySelection::LastSegment, Some("layer:///keys/1"), Some("1")),
        (KeySelection::LastSegment, Some("1"), Some("1")),
        (KeySelection::LastSegment, Some("keys/"), Some("")),
        (KeySelection::LastSegment, None, None),
        (KeySelection::Any, Some("1"), None),
        (KeySelection::Any, None, None),
    ] {
        let profile = TokenProfile::empty().key_selection(selection);
        let profile = compile(&profile, &mut ClaimNames::default());
        assert_eq!(profile.key_name(kid), expected, "{selection:?} {kid:?}");
    }
}

#[test]
fn keys_fit_when_one_is_for_an_accepted_algorithm() {
    let ed25519 = || VerifyingKey::from_ed25519_bytes(&[7; 32]).unwrap();
    for (name, algorithms, keys, expected) in [
        ("one of one", AlgorithmSet::from([Algorithm::EdDSA]), vec![ed25519()], true),
        ("one of several", AlgorithmSet::ASYMMETRIC, vec![ed25519()], true),
        ("none of one", AlgorithmSet::from([Algorithm::RS256]), vec![ed25519()], false),
        ("none of none", AlgorithmSet::ASYMMETRIC, vec![], false),
    ] {
        let profile = compile(&TokenProfile::empty().algorithms(algorithms), &mut ClaimNames::default());
        assert_eq!(profile.accepts_one_of(&KeySet::from_keys(keys)), expected, "{name}");
    }
}
