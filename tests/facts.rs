//! What an identity is made of, from what real issuers send: which claim names the subject, where scopes
//! are, what `null` means; and that one spelling names one claim everywhere.
#![cfg(feature = "test-util")]
#![allow(clippy::unwrap_used, reason = "tests stop where they are wrong")]

use std::time::Duration;

use tower_resource_server::{
    IdTokenExpectations, Identity, OwnedPrincipal, ResourceServer, TrustedIssuer, policy::claim,
    profile::TokenProfile, test_util::TestIssuer, time::UnixTime,
};

const HEADER: &str = r#"{"alg":"ES256","kid":"key-1"}"#;

struct Site {
    issuer: TestIssuer,
    api: ResourceServer,
}

impl Site {
    fn new(profile: TokenProfile) -> Self {
        let issuer = TestIssuer::builder().issuer("https://idp.test").audience("https://api.test").build();
        let trusted = issuer.trusted().map_profile(|_| profile);
        let api = ResourceServer::builder(issuer.audience())
            .client_id(issuer.client_id())
            .issuer(trusted.id_token_profile(TokenProfile::oidc_id_token()))
            .clock(issuer.clock().clone())
            .build()
            .unwrap();
        Self { issuer, api }
    }

    fn now(&self) -> u64 {
        self.issuer.now().as_secs()
    }

    /// The claims that every token here has, with `members` behind them.
    fn claims(&self, members: &str) -> String {
        let (iat, exp) = (self.now(), self.now() + 300);
        format!(r#"{{"iss":"https://idp.test","aud":"https://api.test","iat":{iat},"exp":{exp}{members}}}"#)
    }

    /// The identity, or the code of the reason against the token; an explanation says the same.
    async fn verify(&self, header: &str, claims: &str) -> Result<Identity, &'static str> {
        let token = self.issuer.sign_raw(header, claims.as_bytes());
        let verified = self.api.verify_access_token(&token).await;
        let verified = verified.map_err(|rejection| rejection.reason().code());
        let explained = self.api.explain(&token).await.reason.map(|reason| reason.code());
        assert_eq!(explained, verified.as_ref().err().copied(), "{header} {claims}");
        verified
    }

    async fn with(&self, members: &str) -> Result<Identity, &'static str> {
        self.verify(HEADER, &self.claims(members)).await
    }
}

#[tokio::test]
async fn users_and_machines_of_one_issuer_have_their_subjects_in_different_claims() {
    let site = Site::new(TokenProfile::jwt().subject_claims(["sub", "client_id"]));
    for (name, members, expected) in [
        ("a machine", r#","client_id":"billing""#, Ok("billing")),
        ("a user", r#","client_id":"billing","sub":"alice""#, Ok("alice")),
        ("the first is a number", r#","client_id":"billing","sub":7"#, Err("invalid_claim")),
        ("the first is null", r#","client_id":"billing","sub":null"#, Err("invalid_claim")),
        ("the first is an array", r#","client_id":"billing","sub":["alice"]"#, Err("invalid_claim")),
        ("the first is empty", r#","client_id":"billing","sub":"""#, Err("invalid_claim")),
        ("the second is empty", r#","client_id":"""#, Err("invalid_claim")),
        ("the second is a number", r#","client_id":7"#, Err("invalid_claim")),
        ("neither", "", Err("missing_claim")),
        ("a third", r#","azp":"billing""#, Err("missing_claim")),
    ] {
        let subject = site.with(members).await.map(|who| who.subject().to_owned());
        assert_eq!(subject, expected.map(str::to_owned), "{name}");
    }
}

#[tokio::test]
async fn a_rule_that_demands_one_claim_gives_way_only_to_what_the_profile_names_beside_it() {
    let two = ["sub", "client_id"];
    let machine = r#","client_id":"billing","jti":"1""#;
    for (name, profile, expected) in [
        ("one claim", TokenProfile::jwt(), Err("missing_claim")),
        ("two", TokenProfile::jwt().subject_claims(two), Ok("billing")),
        ("two, the other way round", TokenProfile::jwt().subject_claims(["client_id", "sub"]), Ok("billing")),
        ("another alone", TokenProfile::jwt().subject_claims(["client_id"]), Err("missing_claim")),
        (
            "another alone, without the rule",
            TokenProfile::jwt().without_rules_on("sub").subject_claims(["client_id"]),
            Ok("billing"),
        ),
        (
            "two, and a rule that was added",
            TokenProfile::jwt().subject_claims(two).rule(claim("sub").non_empty_string()),
            Err("missing_claim"),
        ),
        (
            "two, and a rule that says more",
            TokenProfile::jwt().rule(claim("sub").equals("alice")).subject_claims(two),
            Err("missing_claim"),
        ),
    ] {
        let subject = Site::new(profile).with(machine).await.map(|who| who.subject().to_owned());
        assert_eq!(subject, expected.map(str::to_owned), "{name}");
    }
    // RFC 9068 demands the client of all, whatever names the subject.
    let typed = r#"{"alg":"ES256","kid":"key-1","typ":"at+jwt"}"#;
    let site = Site::new(TokenProfile::rfc9068().subject_claims(two));
    for (members, expected) in [
        (machine, Ok("billing")),
        (r#","client_id":"billing","jti":"1","sub":"alice""#, Ok("alice")),
        (r#","jti":"1","sub":"alice""#, Err("missing_claim")),
    ] {
        let subject = site.verify(typed, &site.claims(members)).await.map(|who| who.subject().to_owned());
        assert_eq!(subject, expected.map(str::to_owned), "{members}");
    }
}

#[tokio::test]
async fn null_is_a_wrong_type_unless_the_profile_says_that_it_is_absent() {
    let strict = Site::new(TokenProfile::jwt());
    let lenient = Site::new(TokenProfile::jwt().null_is_absent(true));
    let off = Site::new(TokenProfile::jwt().null_is_absent(true).null_is_absent(false));
    let invalid = Err("invalid_claim");
    for (name, header, members, as_type, as_absent) in [
        ("kid", r#"{"alg":"ES256","kid":null}"#, "", Err("malformed"), Ok(())),
        ("typ", r#"{"alg":"ES256","kid":"key-1","typ":null}"#, "", Err("malformed"), Ok(())),
        ("cty", r#"{"cty":null,"alg":"ES256","kid":"key-1"}"#, "", Err("malformed"), Ok(())),
        ("all of them", r#"{"cty":null,"alg":"ES256","kid":null,"typ":null}"#, "", Err("malformed"), Ok(())),
        ("alg", r#"{"alg":null,"kid":"key-1"}"#, "", Err("malformed"), Err("malformed")),
        (
            "crit",
            r#"{"alg":"ES256","crit":null}"#,
            "",
            Err("unsupported_extension"),
            Err("unsupported_extension"),
        ),
        ("a member that is not used", r#"{"alg":"ES256","x5t":null}"#, "", Ok(()), Ok(())),
        ("nbf", HEADER, r#","nbf":null"#, invalid, Ok(())),
        ("scope", HEADER, r#","scope":null"#, invalid, Ok(())),
        ("client_id", HEADER, r#","client_id":null"#, invalid, Ok(())),
        ("jti", HEADER, r#","jti":null,"scp":null,"typ":null"#, invalid, Ok(())),
        ("nonce, which marks no ID token", HEADER, r#","nonce":null"#, invalid, Ok(())),
        ("at_hash, which marks none either", HEADER, r#","at_hash":null,"events":null"#, invalid, Ok(())),
        ("cnf, which names no key", HEADER, r#","cnf":null"#, Err("sender_constrained"), Ok(())),
        ("a nonce", HEADER, r#","nonce":"n""#, Err("foreign_claim"), Err("foreign_claim")),
        ("an empty nonce", HEADER, r#","nonce":"""#, Err("foreign_claim"), Err("foreign_claim")),
        ("zero", HEADER, r#","scope":0"#, invalid, invalid),
        ("false", HEADER, r#","scope":false"#, invalid, invalid),
        ("null in an array", HEADER, r#","scope":[null]"#, invalid, invalid),
        ("another claim", HEADER, r#","other":null"#, Ok(()), Ok(())),
    ] {
        for (site, expected) in [(&strict, as_type), (&lenient, as_absent), (&off, as_type)] {
            let claims = site.claims(&format!(r#","sub":"alice"{members}"#));
            assert_eq!(site.verify(header, &claims).await.map(drop), expected, "{name}");
        }
    }
    // What must be there is missing, then; the issuer chooses the profile, and no profile its type.
    let good = r#"{"iss":"https://idp.test","aud":"https://api.test","exp":9000000000,"sub":"alice"}"#;
    for (name, from, to, as_absent) in [
        ("sub", r#""alice""#, "null", "missing_claim"),
        ("exp", "9000000000", "null", "missing_claim"),
        ("aud", r#""https://api.test""#, "null", "missing_claim"),
        ("iss", r#""https://idp.test""#, "null", "invalid_claim"),
    ] {
        let claims = good.replace(from, to);
        assert_eq!(strict.verify(HEADER, &claims).await.map(drop), invalid, "{name}");
        assert_eq!(lenient.verify(HEADER, &claims).await.map(drop), Err(as_absent), "{name}");
    }
    assert!(lenient.verify(HEADER, good).await.is_ok());
}

#[tokio::test]
async fn a_header_that_one_profile_accepts_is_refused_by_the_stricter_one_of_the_same_issuer() {
    let site = Site::new(TokenProfile::jwt().null_is_absent(true));
    let header = r#"{"alg":"ES256","kid":"key-1","cty":null}"#;
    // Twice: the header is remembered with the keys.
    for _ in 0..2 {
        assert!(site.verify(header, &site.claims(r#","sub":"alice""#)).await.is_ok());
    }
    let (iat, exp, client) = (site.now(), site.now() + 300, site.issuer.client_id());
    let id =
        format!(r#"{{"iss":"https://idp.test","aud":"{client}","iat":{iat},"exp":{exp},"sub":"alice"}}"#);
    for (header, expected) in [(HEADER, Ok(())), (header, Err("malformed"))] {
        let token = site.issuer.sign_raw(header, id.as_bytes());
        let verified = site.api.verify_id_token(&token, IdTokenExpectations::default()).await;
        assert_eq!(verified.map(drop).map_err(|why| why.reason().code()), expected, "{header}");
    }
}

#[tokio::test]
async fn a_rule_that_was_taken_out_is_not_enforced_where_facts_are_read() {
    let without = || TokenProfile::jwt().without_rules_on("scope");
    for (name, profile, members, expected) in [
        ("a number, with the rule", TokenProfile::jwt(), r#","scope":7"#, Err("invalid_claim")),
        ("a number", without(), r#","scope":7"#, Ok("")),
        ("null", without(), r#","scope":null"#, Ok("")),
        ("an object", without(), r#","scope":{"a":1}"#, Ok("")),
        ("an array with a number", without(), r#","scope":["a",1]"#, Ok("")),
        ("a list as ever", without(), r#","scope":"a b""#, Ok("a b")),
        ("a number beside another claim", without(), r#","scope":7,"scp":["c"]"#, Ok("c")),
        ("another claim of a wrong type", without(), r#","scope":"a","scp":7"#, Err("invalid_claim")),
        (
            "a number, with another rule put in",
            without().rule(claim("scope").present()),
            r#","scope":7"#,
            Err("invalid_claim"),
        ),
        (
            "the client",
            TokenProfile::jwt().without_rules_on("client_id"),
            r#","client_id":{"id":1},"azp":"web""#,
            Ok(""),
        ),
    ] {
        let who = Site::new(profile).with(&format!(r#","sub":"alice"{members}"#)).await;
        let scopes = who.map(|who| who.scopes().collect::<Vec<_>>().join(" "));
        assert_eq!(scopes, expected.map(str::to_owned), "{name}");
    }
}

#[tokio::test]
async fn one_spelling_names_one_claim_in_rules_in_scopes_and_in_an_identity() {
    let members = r#","sub":"alice","realm_access":{"roles":["clerk"]},"realm_access.roles":["dotted"],
        "https://shop.test/roles":["namespaced"],"/odd":["slash"],"a~b":["tilde"],"list":[["first"],["second"]]"#;
    for (path, expected) in [
        ("/realm_access/roles", Some("clerk")),
        ("realm_access.roles", Some("dotted")),
        ("/realm_access.roles", Some("dotted")),
        ("https://shop.test/roles", Some("namespaced")),
        ("/https:~1~1shop.test~1roles", Some("namespaced")),
        ("/~1odd", Some("slash")),
        ("/odd", None),
        ("a~b", Some("tilde")),
        ("/a~0b", Some("tilde")),
        ("/list/1", Some("second")),
        ("/list/01", None),
        ("list/1", None),
        ("/realm_access/roles/0/x", None),
    ] {
        let plain = Site::new(TokenProfile::jwt());
        let who = plain.with(members).await.unwrap();
        let value = expected.map(|role| serde_json::json!([role]));
        assert_eq!(who.claim(path), value, "{path} of an identity");
        assert_eq!(who.access_token().unwrap().claim(path), value, "{path} of a token");

        let scopes = Site::new(TokenProfile::jwt().scope_claims([path]));
        let who = scopes.with(members).await.unwrap();
        assert!(who.scopes().eq(expected), "{path} of the scopes");

        let role = expected.unwrap_or("clerk");
        let rule = Site::new(TokenProfile::jwt().rule(claim(path).contains_any([role])));
        let ruled = rule.with(members).await.map(drop);
        assert_eq!(ruled, expected.map(drop).ok_or("missing_claim"), "{path} of a rule");
        let other = Site::new(TokenProfile::jwt().rule(claim(path).contains_any(["boss"]).if_present()));
        let ruled = other.with(members).await.map(drop);
        assert_eq!(ruled, expected.map_or(Ok(()), |_| Err("invalid_claim")), "{path} of another rule");
        let taken_out = TokenProfile::jwt().rule(claim(path).equals("x")).without_rules_on(path);
        assert!(Site::new(taken_out).with(members).await.is_ok(), "{path} taken out");
    }
}

#[test]
fn what_can_never_match_is_refused_by_build() {
    let jwt = TokenProfile::jwt;
    for (name, profile, complaint) in [
        ("a good pointer", jwt().rule(claim("/realm_access/roles").present()), None),
        ("a name with a dot", jwt().scope_claims(["realm_access.roles"]), None),
        ("a name with a tilde", jwt().rule(claim("a~2b").present()), None),
        ("a rule", jwt().rule(claim("/a~2b").present()), Some("\"/a~2b\" is no JSON Pointer")),
        (
            "what a rule depends on",
            jwt().rule(claim("azp").present().if_several("/a~")),
            Some("\"/a~\" is no JSON Pointer"),
        ),
        ("a subject", jwt().subject_claims(["sub", "/x/~3"]), Some("\"/x/~3\" is no JSON Pointer")),
        ("a client", jwt().client_claims(["/~x"]), Some("\"/~x\" is no JSON Pointer")),
        ("a scope claim", jwt().scope_claims(["scope", "/~~"]), Some("\"/~~\" is no JSON Pointer")),
        ("a nonce", jwt().spends_nonce("/a~b/c"), Some("\"/a~b/c\" is no JSON Pointer")),
        ("no subject", jwt().subject_claims([""; 0]), Some("no claim names the subject")),
        ("a new name with a space", jwt().rename_scopes([("a", "b c")]), Some("\"b c\" is no scope")),
        ("no new name", jwt().rename_scopes([("a", "")]), Some("\"\" is no scope")),
        ("a good new name", jwt().rename_scopes([("a b", "c")]), None),
    ] {
        let issuer = TestIssuer::new();
        let trusted = issuer.trusted().map_profile(|_| profile);
        let built = ResourceServer::builder(issuer.audience()).issuer(trusted).build();
        let error = built.err().map(|error| error.to_string());
        match complaint {
            None => assert_eq!(error, None, "{name}"),
            Some(complaint) => {
                assert!(error.as_ref().is_some_and(|e| e.contains(complaint)), "{name}: {error:?}")
            }
        }
    }
}

#[tokio::test]
async fn the_end_that_counts_includes_the_leeway() {
    let exp = |secs: u64| Some(UnixTime::from_secs(secs));
    let site = Site::new(TokenProfile::jwt().leeway(Duration::from_secs(30)));
    let end = site.now() + 300;
    let who = site.with(r#","sub":"alice""#).await.unwrap();
    assert_eq!((who.expires_at(), who.valid_until()), (exp(end), exp(end + 30)));
    // The last moment, and the end itself.
    site.issuer.clock().advance(Duration::from_secs(329));
    let claims = site.claims(r#","sub":"alice""#).replace(&format!("{}", end + 329), &format!("{end}"));
    assert!(site.verify(HEADER, &claims).await.is_ok());
    site.issuer.clock().advance(Duration::from_secs(1));
    assert_eq!(site.verify(HEADER, &claims).await.err(), Some("expired"));

    let young = TokenProfile::jwt().rule(claim("iat").within_last(Duration::from_secs(100)));
    let site = Site::new(young.leeway(Duration::ZERO));
    let end = site.now() + 100;
    let who = site.with(r#","sub":"alice""#).await.unwrap();
    let until = who.valid_until().map(UnixTime::as_secs);
    assert_eq!((who.expires_at(), until), (exp(end + 200), Some(end)), "the first end counts");

    let endless = TokenProfile::jwt().without_rules_on("exp").rule(claim("exp").after_now().if_present());
    let site = Site::new(endless.dangerous().unbounded_lifetime());
    let claims = r#"{"iss":"https://idp.test","aud":"https://api.test","sub":"alice"}"#;
    let who = site.verify(HEADER, claims).await.unwrap();
    assert_eq!((who.expires_at(), who.valid_until()), (None, None), "nothing ends it");
}

#[tokio::test]
async fn a_token_says_as_much_as_its_identity() {
    let site = Site::new(TokenProfile::jwt());
    let who = site.with(r#","sub":"alice","client_id":"web","scope":"a b""#).await.unwrap();
    let token = who.access_token().unwrap();
    assert_eq!(token.principal(), who.principal());
    assert_eq!((token.issuer(), token.subject()), ("https://idp.test", "alice"));
    assert_eq!((token.client_id(), who.client_id()), (Some("web"), Some("web")));
    assert!(token.audiences().eq(["https://api.test"]));
    assert!(token.scopes().eq(["a", "b"]) && token.has_scope("b") && !token.has_scope("a b"));
    assert_eq!(token.expires_at(), who.expires_at());
    assert_eq!(token.valid_until(), who.valid_until());
    assert!(who.valid_until() > who.expires_at());

    let owned = who.principal().into_owned();
    assert_eq!(owned.as_principal(), who.principal());
    assert_eq!(OwnedPrincipal::from(who.principal()), owned);
    assert_eq!((&*owned.issuer, &*owned.subject), ("https://idp.test", "alice"));
}

#[tokio::test]
async fn null_of_one_issuer_is_not_null_of_another() {
    let [strict, lenient] = ["https://strict.test", "https://lenient.test"]
        .map(|name| TestIssuer::builder().issuer(name).build());
    let trust = |issuer: &TestIssuer, profile| -> TrustedIssuer { issuer.trusted().map_profile(|_| profile) };
    let api = ResourceServer::builder(strict.audience())
        .issuer(trust(&strict, TokenProfile::jwt()))
        .issuer(trust(&lenient, TokenProfile::jwt().null_is_absent(true)))
        .clock(strict.clock().clone())
        .build()
        .unwrap();
    for (issuer, expected) in [(&strict, Err("invalid_claim")), (&lenient, Ok(()))] {
        let (iss, aud, exp) = (issuer.issuer(), issuer.audience(), issuer.now().as_secs() + 300);
        let claims = format!(r#"{{"iss":"{iss}","aud":"{aud}","exp":{exp},"sub":"alice","nbf":null}}"#);
        let token = issuer.sign_raw(HEADER, claims.as_bytes());
        let verified = api.verify_access_token(&token).await;
        assert_eq!(verified.map(drop).map_err(|why| why.reason().code()), expected, "{iss}");
    }
}

#[tokio::test]
async fn the_outermost_actor_decides_and_those_within_are_history() {
    let site = Site::new(TokenProfile::jwt().subject_claims(["sub"]));
    for (name, act, actor, history) in [
        ("none", "", None, &[][..]),
        ("one", r#","act":{"sub":"agent"}"#, Some("agent"), &["agent"]),
        (
            "two before it",
            r#","act":{"sub":"a","iss":"x","act":{"sub":"b","act":{"sub":"c"}}}"#,
            Some("a"),
            &["a", "b", "c"],
        ),
        ("without a name", r#","act":{"client_id":"a","act":{"sub":"b"}}"#, None, &["", "b"]),
        ("a name that is a number", r#","act":{"sub":7}"#, None, &[""]),
        ("a text", r#","act":"agent""#, None, &[]),
        ("null", r#","act":null"#, None, &[]),
        ("a list", r#","act":[{"sub":"agent"}]"#, None, &[]),
        ("a text within", r#","act":{"sub":"a","act":"b"}"#, Some("a"), &["a"]),
    ] {
        let who = site.with(&format!(r#","sub":"alice"{act}"#)).await.unwrap();
        assert_eq!(who.actor().as_deref(), actor, "{name}");
        assert_eq!(who.actor_history(), history, "{name}");
    }
}
