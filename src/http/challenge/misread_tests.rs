//! What real parsers misread, and `build()` refuses: each test names the parser.
//! `tests/interop/challenges` shows that they read what is left.

use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};

use super::*;

fn refused(realm: &str) -> String {
    Challenger::new(ChallengeTable::default(), Some(realm), None).unwrap_err()
}

#[test]
fn typescript_sdk_1_and_python_mcp_take_the_first_parameter_for_theirs() {
    for (name, realm) in [
        ("scope=", "a, scope=admin"),
        ("error=", "error=x"),
        ("resource_metadata=", "resource_metadata=https://evil.test"),
    ] {
        assert!(refused(realm).contains(name), "{realm}");
    }
}

#[test]
fn typescript_client_2_takes_an_error_description_from_the_realm() {
    assert!(refused("error_description=a").contains("error_description="));
}

#[test]
fn rmcp_searches_in_any_case() {
    assert!(refused("Scope=admin").contains("scope="));
    assert!(refused("RESOURCE_METADATA=https://evil.test").contains("resource_metadata="));
}

#[test]
fn http_auth_utils_ends_a_quoted_string_at_a_quote_before_a_comma() {
    for realm in ["\"a\",b", "a\", b=c", "\","] {
        assert!(refused(realm).contains("a quote before a comma"), "{realm}");
    }
    for realm in ["\"a\" , b=c", "a, \"b\"", "\"", "a\\"] {
        assert!(Challenger::new(ChallengeTable::default(), Some(realm), None).is_ok(), "{realm}");
    }
}

#[test]
fn typescript_sdk_1_and_python_mcp_end_the_address_at_a_quote_and_read_no_escape() {
    for address in ["https://rs/.well-known/x\"y", "https://rs/.well-known/x\\y"] {
        let problem = Challenger::new(ChallengeTable::default(), None, Some(address)).unwrap_err();
        assert!(problem.starts_with("resource: ") && problem.contains("%22"), "{problem}");
    }
}

#[test]
fn typescript_sdk_1_takes_an_error_code_for_a_parameter() {
    let row = ChallengeRow::new(StatusCode::UNAUTHORIZED);
    for (code, good) in [("a scope=b", false), ("resource_metadata=a", false), ("a=b, scope", true)] {
        let table = ChallengeTable::default().invalid_token(row.clone().error(code));
        assert_eq!(table.problem().is_none(), good, "{code}");
    }
}

#[test]
fn typescript_sdk_1_finds_nothing_where_bearer_does_not_come_first() {
    for (schemes, good) in [
        (&["Bearer", "Basic"][..], true),
        (&["DPoP"], true),
        (&["DPoP", "Basic"], true),
        (&["Basic", "Bearer"], false),
        (&["DPoP", "bearer"], false),
    ] {
        let table = ChallengeTable::default().scheme(schemes[0]);
        let table = schemes[1..].iter().fold(table, |table, more| table.further_scheme(*more));
        assert_eq!(table.problem().is_none(), good, "{schemes:?}");
    }
}

#[test]
fn http_auth_utils_knows_bearer_in_one_spelling() {
    for (scheme, good) in [("Bearer", true), ("bearer", false), ("BEARER", false), ("Bearer2", true)] {
        assert_eq!(ChallengeTable::default().scheme(scheme).problem().is_none(), good, "{scheme}");
    }
}

#[test]
fn clients_that_join_fields_take_a_challenge_beside_the_table_for_its_own() {
    let extra = HeaderValue::from_static("Custom scope=\"a\"");
    let row = ChallengeRow::new(StatusCode::UNAUTHORIZED);
    let row = row.header(WWW_AUTHENTICATE, extra);
    assert!(ChallengeTable::default().invalid_token(row.clone()).problem().is_some());
    let alone = row.challenge(false);
    assert_eq!(ChallengeTable::default().invalid_token(alone).problem(), None);
}
