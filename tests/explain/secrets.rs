//! What an explanation never shows: the token, its signature, and who it is about.

use tower_resource_server::{
    Explanation,
    explain::Shown,
    test_util::{Defect, TestIssuer},
};

use crate::site::sites;

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
    let shown =
        explanation.findings().iter().filter(|finding| matches!(finding.shown(), Some(Shown::Value(_))));
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
        (format!("{explanation}"), format!("{}", explanation.to_html())),
        (format!("{explanation:#}"), format!("{:#}", explanation.to_html())),
    ] {
        assert!(text.contains("<script>"), "it is shown: {text}");
        assert!(!page.contains(['<', '>', '"', '\'']), "{page}");
        let read = page.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        assert_eq!(read.replace("&#39;", "'").replace("&amp;", "&"), text);
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
