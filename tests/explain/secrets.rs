//! What an explanation never shows: the token, its signature, and who it is about.

use serde_json::json;
use tower_resource_server::{
    Explanation, ResourceServer, TrustedIssuer,
    explain::{Html, Shown},
    policy::claim,
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

use crate::site::{keys, run, sites};

/// Everything that can be made of an explanation.
fn faces(explanation: &Explanation) -> [String; 5] {
    [
        format!("{explanation}"),
        format!("{explanation:#}"),
        format!("{explanation:?}"),
        format!("{explanation:#?}"),
        serde_json::to_string(explanation).unwrap(),
    ]
}

#[test]
fn neither_tokens_nor_persons_are_shown() {
    let issuer = TestIssuer::new();
    let good = issuer
        .access_token("secret-subject")
        .scope("read write")
        .claim("prn", "secret-principal")
        .claim("email", "secret@mail.test")
        .claim("name", "Secret Name")
        .claim("nce", "secret-nonce");
    let id =
        issuer.id_token("secret-subject").claim("nonce", "secret-nonce").claim("email", "secret@mail.test");
    let tokens = [&good, &id].into_iter().flat_map(|good| {
        let defective = Defect::ALL.iter().map(|defect| issuer.broken_from(good, *defect));
        [good.mint().unwrap()].into_iter().chain(defective)
    });
    let (sites, mut seen) = (sites(&issuer), 0);
    for token in tokens {
        for site in &sites {
            let explanation = site.both(&token).unwrap();
            for face in faces(&explanation) {
                for part in token.split('.').filter(|part| part.len() > 8) {
                    assert!(!face.contains(part), "{}: a part of the token\n{face}", site.name);
                    // Not even cut short.
                    assert!(!face.contains(&part[part.len() - 8..]), "{}: its end\n{face}", site.name);
                }
                assert!(!face.to_lowercase().contains("secret"), "{}: who it is about\n{face}", site.name);
                seen += 1;
            }
        }
    }
    assert!(seen > 1_000);
}

#[test]
fn no_text_of_a_token_can_act_on_a_terminal_or_feign_a_row() {
    let issuer = TestIssuer::new();
    let site = sites(&issuer).remove(0);
    let evil = "\u{1b}[2J\nok      signature  the signature is good\u{202e}";
    let header = serde_json::json!({ "alg": evil, "kid": evil, "typ": evil, "cty": evil }).to_string();
    let claims = serde_json::json!({ "iss": evil, "aud": [evil], "scope": evil, "exp": evil }).to_string();
    let explanation = site.both(&issuer.sign_raw(&header, claims.as_bytes())).unwrap();
    let shown = explanation.findings.iter().filter(|finding| matches!(finding.shown, Some(Shown::Value(_))));
    assert!(shown.count() >= 6, "they are shown, in safety: {explanation}");
    let table = explanation.to_string();
    assert!(table.chars().all(|c| c == '\n' || !c.is_control()), "{table:?}");
    assert!(!table.contains('\u{202e}'), "{table:?}");
    assert!(!table.contains("\nok      signature"), "{table}");
}

#[test]
fn no_text_of_a_token_can_act_in_a_page() {
    let issuer = TestIssuer::new();
    let site = sites(&issuer).remove(0);
    let evil = "\"'><script>alert(1)</script>&lt;";
    let header = serde_json::json!({ "alg": evil, "kid": evil, "typ": evil, "cty": evil }).to_string();
    let claims = serde_json::json!({ "iss": evil, "aud": [evil], "scope": evil, "exp": evil }).to_string();
    let explanation = site.both(&issuer.sign_raw(&header, claims.as_bytes())).unwrap();
    for (text, page) in [
        (format!("{explanation}"), format!("{}", Html(&explanation))),
        (format!("{explanation:#}"), format!("{:#}", Html(&explanation))),
    ] {
        assert!(text.contains("<script>"), "it is shown: {text}");
        assert!(!page.contains(['<', '>', '"', '\'']), "{page}");
        let read = page.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        assert_eq!(read.replace("&#39;", "'").replace("&amp;", "&"), text);
    }
}

#[test]
fn what_means_something_in_html_is_written_as_a_reference() {
    for (text, expected) in [
        ("", ""),
        ("plain, ünïcödé", "plain, ünïcödé"),
        ("<", "&lt;"),
        (
            "<script>alert('1' && \"2\")</script>",
            "&lt;script&gt;alert(&#39;1&#39; &amp;&amp; &quot;2&quot;)&lt;/script&gt;",
        ),
        ("&lt;", "&amp;lt;"),
        ("\"><img src=x onerror=alert(1)>", "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;"),
    ] {
        assert_eq!(Html(text).to_string(), expected);
    }
}

#[test]
fn values_are_shown_where_the_claim_is_about_no_person() {
    let issuer = TestIssuer::new();
    let names = ["aud", "email", "exp", "nonce", "prn", "scope", "sub"];
    let profile = names.into_iter().fold(TokenProfile::jwt().without_rules_on("nonce"), |profile, name| {
        profile.without_rules_on(name).rule(claim(name).present().if_present())
    });
    let profile = profile.rule(claim("aud").names_resource()).rule(claim("exp").after_now());
    let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys(&issuer), profile);
    let server = ResourceServer::builder(issuer.audience()).issuer(trusted).build().unwrap();
    let long = "x".repeat(201);
    for (name, value, expected) in [
        ("exp", json!(7), "7"),
        ("exp", json!(7.5), "7.5"),
        ("exp", json!("7"), "\"7\""),
        ("exp", json!(null), "null"),
        ("aud", json!(["a", "b"]), "[\"a\", \"b\"]"),
        ("aud", json!([1]), "an array with other things than strings"),
        ("aud", json!({ "a": "b" }), "an object"),
        ("aud", json!([long]), "an array of strings"),
        ("scope", json!(long), "a string"),
        ("sub", json!("alice"), "a string"),
        ("sub", json!(""), "an empty string"),
        ("sub", json!(true), "true or false"),
        ("sub", json!(5), "a number"),
        ("prn", json!("alice"), "a string"),
        ("email", json!(["alice"]), "an array of strings"),
        ("nonce", json!("n"), "a string"),
    ] {
        let token = issuer.access_token("alice").claim(name, value.clone()).mint().unwrap();
        let explanation = run(server.explain(&token));
        let row = explanation.findings.iter().find(|finding| finding.claim.as_deref() == Some(name));
        let shown = row.and_then(|row| row.shown.as_ref()).map(ToString::to_string);
        assert_eq!(shown.as_deref(), Some(expected), "{name}: {value}");
    }
}

#[test]
fn what_is_long_is_told_by_its_kind() {
    let issuer = TestIssuer::new();
    let site = sites(&issuer).remove(0);
    let long = "x".repeat(3_000);
    let token = issuer.access_token("alice").claim("aud", vec![long.clone()]).claim("scope", long.clone());
    let explanation = site.both(&token.mint().unwrap()).unwrap();
    for face in faces(&explanation) {
        assert!(!face.contains(&long[..300]), "{face}");
        assert!(face.len() < 20_000);
    }
}
