//! What the caller of a verification expects of an ID token.

use super::*;

#[test]
fn a_nonce_is_the_expected_one() {
    let some = |nonce| Case::expecting(Expected { nonce: Some(nonce), ..Expected::default() });
    let (none, n, empty) = (Case::default(), some("n-0S6"), some(""));
    for (name, case, json, expected) in [
        ("the one", &n, r#"{"nonce":"n-0S6"}"#, GOOD),
        ("another", &n, r#"{"nonce":"n-0S7"}"#, "wrong_nonce"),
        ("less of it", &n, r#"{"nonce":"n-0S"}"#, "wrong_nonce"),
        ("an empty one", &n, r#"{"nonce":""}"#, "wrong_nonce"),
        ("null", &n, r#"{"nonce":null}"#, INVALID),
        ("in an array", &n, r#"{"nonce":["n-0S6"]}"#, INVALID),
        ("none, and one is expected", &n, "{}", MISSING),
        ("none, and an empty one is expected", &empty, "{}", MISSING),
        ("any, and none is expected", &none, r#"{"nonce":"x"}"#, GOOD),
        ("a number, and none is expected", &none, r#"{"nonce":7}"#, INVALID),
        ("none, and none is expected", &none, "{}", GOOD),
    ] {
        assert_eq!(case.verdict(&claim("nonce").is_expected_nonce(), json), expected, "{name}");
    }
}

#[test]
fn the_hash_is_the_left_half_of_the_one_that_the_algorithm_names() {
    use Algorithm::*;
    /// OpenID Connect Core appendix A.3.
    const TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    const SHA256: &str = "77QmUPtjPfzWtF2AnpK9RQ";
    const SHA384: &str = "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs";
    const SHA512: &str = "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM";
    const WRONG: &str = "wrong_access_token_hash";
    let rule = claim("at_hash").hashes_access_token();
    let verdict = |token: Option<&'static str>, algorithm, json: &str| {
        let expected = Expected { access_token: token, ..Expected::default() };
        Case { algorithm, ..Case::expecting(expected) }.verdict(&rule, json)
    };
    for algorithm in Algorithm::ALL {
        let own = match algorithm {
            RS256 | PS256 | ES256 | HS256 => SHA256,
            RS384 | PS384 | ES384 | HS384 => SHA384,
            RS512 | PS512 | ES512 | HS512 | EdDSA => SHA512,
        };
        for hash in [SHA256, SHA384, SHA512] {
            let expected = if hash == own { GOOD } else { WRONG };
            let json = format!(r#"{{"at_hash":{hash:?}}}"#);
            assert_eq!(verdict(Some(TOKEN), algorithm, &json), expected, "{algorithm}: {hash}");
        }
    }
    for (name, token, json, expected) in [
        (
            "the whole hash",
            Some(TOKEN),
            r#"{"at_hash":"77QmUPtjPfzWtF2AnpK9RWpXrWlrecdbLUyJDIb7S6Q"}"#,
            WRONG,
        ),
        ("padded", Some(TOKEN), r#"{"at_hash":"77QmUPtjPfzWtF2AnpK9RQ=="}"#, WRONG),
        ("less of it", Some(TOKEN), r#"{"at_hash":"77QmUPtjPfzWtF2AnpK9R"}"#, WRONG),
        ("empty", Some(TOKEN), r#"{"at_hash":""}"#, WRONG),
        ("null", Some(TOKEN), r#"{"at_hash":null}"#, INVALID),
        ("of another token", Some("x"), r#"{"at_hash":"77QmUPtjPfzWtF2AnpK9RQ"}"#, WRONG),
        ("without a token", None, r#"{"at_hash":"x"}"#, GOOD),
        ("a number without a token", None, r#"{"at_hash":7}"#, INVALID),
        ("no hash", Some(TOKEN), "{}", GOOD),
    ] {
        assert_eq!(verdict(token, RS256, json), expected, "{name}");
    }
}
