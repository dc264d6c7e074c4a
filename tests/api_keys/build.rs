//! Keys that cannot work are refused when the server is built: what is said names the key and never shows the secret.

use tower_resource_server::{ApiKey, ApiKeys};

use crate::site::{BILLING, BILLING_HASH, OLD, builder};

/// The path, the code, and the beginning of the text.
type Problem = (&'static str, &'static str, &'static str);

#[test]
fn what_cannot_work_is_refused_with_its_place_and_without_the_secret() {
    let issuer = tower_resource_server::test_util::TestIssuer::new();
    let secret = |secret: &str| ApiKeys::new().key(ApiKey::from_secret("a", secret, "who"));
    let hash = |hash: &str| ApiKeys::new().key(ApiKey::from_sha256("a", hash, "who"));
    let good = || ApiKey::from_secret("a", BILLING, "who");
    let named = |name: &str| ApiKeys::new().key(ApiKey::from_secret(name, BILLING, "who"));
    let at = |code, text| Some(("api_keys[0]", code, text));
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let a_line = "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b";
    let rows: Vec<(&str, ApiKeys, Option<Problem>)> = vec![
        ("good", ApiKeys::new().key(good()), None),
        ("32 hexadecimal digits", secret("9f86d081884c7d659a2feaa0c55ad015"), None),
        ("a UUID", secret("7d444840-9dc0-11d1-b245-5ffdce74fad2"), None),
        ("512 bytes", secret(&BILLING.repeat(19)[..512]), None),
        ("none", ApiKeys::new(), Some(("api_keys", "no_key", "api_keys: there is none"))),
        ("no secret", secret(""), at("secret", "API key \"a\": its secret can be guessed")),
        ("21 characters", secret(&BILLING[..21]), at("secret", "API key \"a\": its secret can be guessed")),
        (
            "few characters",
            secret(&"abcabd".repeat(5)),
            at("secret", "API key \"a\": its secret can be guessed"),
        ),
        (
            "a word, repeated",
            secret(&"changeme".repeat(4)),
            at("secret", "API key \"a\": its secret can be guessed"),
        ),
        (
            "a pattern",
            secret(&"Ch4nge_m".repeat(4)),
            at("secret", "API key \"a\": its secret is known to others"),
        ),
        (
            "513 bytes",
            secret(&BILLING.repeat(19)[..513]),
            at("secret", "API key \"a\": its secret is longer"),
        ),
        (
            "a public key",
            secret("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEeQauX58qnAKcFgt0AytfJtwFzV3ZkwhSlzufJGZ7MP"),
            at("secret", "API key \"a\": its secret is known to others"),
        ),
        (
            "three parts",
            secret(&format!("{BILLING}.a.b")),
            at("secret", "API key \"a\": its secret has the form of a JWT"),
        ),
        (
            "a space",
            secret(&format!("{BILLING} x")),
            at("secret", "API key \"a\": its secret has a character"),
        ),
        (
            "a colon",
            secret(&format!("{BILLING}:x")),
            at("secret", "API key \"a\": its secret has a character"),
        ),
        (
            "not ASCII",
            secret(&format!("{BILLING}ü")),
            at("secret", "API key \"a\": its secret has a character"),
        ),
        (
            "a line",
            secret(&format!("{BILLING}\n")),
            at("secret", "API key \"a\": its secret has a character"),
        ),
        ("hash", hash(BILLING_HASH), None),
        ("hash in capitals", hash(&BILLING_HASH.to_uppercase()), None),
        ("no hash", hash(""), at("secret", "API key \"a\": its hash is not 64 hexadecimal digits")),
        ("the secret as the hash", hash(BILLING), at("secret", "API key \"a\": its hash is not 64")),
        ("half a hash", hash(&BILLING_HASH[..32]), at("secret", "API key \"a\": its hash is not 64")),
        (
            "the hash of nothing",
            hash(nothing),
            at("secret", "API key \"a\": its hash is that of an empty secret"),
        ),
        (
            "the hash of a line",
            hash(a_line),
            at("secret", "API key \"a\": its hash is that of an empty secret"),
        ),
        ("no name", named(""), at("name", "API key 0: its name")),
        ("a name of two lines", named("a\nb"), at("name", "API key 0: its name")),
        ("64 characters", named(&"n".repeat(64)), None),
        ("65 characters", named(&"n".repeat(65)), at("name", "API key 0: its name")),
        ("the secret as the name", named(BILLING), at("name", "API key 0: its name")),
        ("the hash as the name", named(BILLING_HASH), at("name", "API key 0: its name")),
        (
            "no subject",
            ApiKeys::new().key(ApiKey::from_secret("a", BILLING, "")),
            at("empty", "API key \"a\": its subject"),
        ),
        ("no issuer", ApiKeys::new().key(good().issuer("")), at("empty", "API key \"a\": its issuer")),
        ("no client", ApiKeys::new().key(good().client("")), at("empty", "API key \"a\": its client")),
        ("no scopes", ApiKeys::new().key(good().scopes("")), None),
        (
            "a scope with a quote",
            ApiKeys::new().key(good().scopes("read \"x\"")),
            at("scopes", "API key \"a\": one of its scopes"),
        ),
        (
            "an empty role",
            ApiKeys::new().key(good().roles([""])),
            at("empty", "API key \"a\": a role is empty"),
        ),
        (
            "a name twice",
            ApiKeys::new().key(good()).key(ApiKey::from_secret("a", OLD, "who")),
            Some(("api_keys[1]", "twice", "API key \"a\": another key has its name")),
        ),
        (
            "a secret twice",
            ApiKeys::new().key(good()).key(ApiKey::from_secret("b", BILLING, "else")),
            Some(("api_keys[1]", "one_secret", "API key \"b\": another key has its secret")),
        ),
        (
            "a secret and its hash",
            ApiKeys::new().key(good()).key(ApiKey::from_sha256("b", BILLING_HASH, "else")),
            Some(("api_keys[1]", "one_secret", "API key \"b\": another key has its secret")),
        ),
        ("a prefix", ApiKeys::new().key(good()).prefix("shop_"), None),
        (
            "no prefix",
            ApiKeys::new().key(good()).prefix(""),
            Some(("api_keys.prefix", "prefix", "api_keys: the prefix")),
        ),
        (
            "a prefix with a dot",
            ApiKeys::new().key(good()).prefix("a.b."),
            Some(("api_keys.prefix", "prefix", "api_keys: the prefix")),
        ),
        (
            "a prefix with a space",
            ApiKeys::new().key(good()).prefix("shop "),
            Some(("api_keys.prefix", "prefix", "api_keys: the prefix")),
        ),
    ];
    for (name, keys, expected) in rows {
        let shown = format!("{keys:?}");
        let error = builder(&issuer).api_keys(keys).build().err();
        let problems = error.as_ref().map_or(&[][..], |error| error.problems());
        let found: Vec<_> = problems.iter().map(|problem| (problem.path(), problem.code())).collect();
        assert_eq!(
            found,
            expected.iter().map(|(path, code, _)| (*path, *code)).collect::<Vec<_>>(),
            "{name}"
        );
        if let (Some(problem), Some((_, _, text))) = (problems.first(), expected) {
            assert!(problem.text().starts_with(text), "{name}: {problem}");
            assert!(problem.instead().is_some(), "{name}: {problem}");
        }
        for text in [shown, format!("{error:?}"), problems.iter().map(ToString::to_string).collect()] {
            for secret in [&BILLING[5..], &OLD[5..], BILLING_HASH] {
                assert!(!text.contains(secret), "{name}: {text}");
            }
        }
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let issuer = tower_resource_server::test_util::TestIssuer::new();
    let keys = ["", "short"].map(|secret| ApiKey::from_secret("", secret, ""));
    let error =
        builder(&issuer).api_keys(keys.into_iter().collect::<ApiKeys>().prefix("")).build().unwrap_err();
    let found: Vec<_> = error.problems().iter().map(|problem| (problem.path(), problem.code())).collect();
    let of = |path: &'static str| [(path, "secret"), (path, "name"), (path, "empty")];
    let expected = [&[("api_keys.prefix", "prefix")][..], &of("api_keys[0]"), &of("api_keys[1]")].concat();
    assert_eq!(found, [&expected[..], &[("api_keys[1]", "twice")]].concat());
}
