//! What must stay apart: servers, policies and issuers of one process, however alike their tokens.

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use tower_resource_server::{
    CacheSettings, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    http::IdTokenLocation,
    issuer::SigningKey,
    keys::{Algorithm, KeySet, VerifyingKey},
    policy::{Requirement, claim, scope},
    preset,
    preset::sceyt::Application,
    profile::TokenProfile,
    test_util::{Defect, ManualClock, TestIssuer},
    time::UnixTime,
    token::TokenLimits,
};

use crate::{
    is_cached,
    trio::Trio,
    verdict::{guarded, verdict, verdict_in},
    verify,
};

/// A change to a server that makes it refuse the token of [`policies`].
type Stricter = fn(ResourceServerBuilder, &TestIssuer) -> ResourceServerBuilder;

fn policies() -> [(&'static str, Stricter); 7] {
    [
        ("another required scope", |server, issuer| server.issuer(issuer.trusted()).require(scope("admin"))),
        ("another rule on a claim", |server, issuer| {
            let profile = TokenProfile::rfc9068().rule(claim("tier").equals("gold"));
            server.issuer(issuer.trusted().map_profile(|_| profile))
        }),
        ("other algorithms", |server, issuer| {
            let profile = TokenProfile::rfc9068().algorithms([Algorithm::EdDSA]);
            let other = TestIssuer::builder().algorithm(Algorithm::EdDSA).build();
            let keys = KeySet::from_jwks(other.jwks().to_string().as_bytes()).unwrap();
            server.issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, profile))
        }),
        ("another key of the same name", |server, issuer| {
            server.issuer(TestIssuer::builder().issuer(issuer.issuer()).build().trusted())
        }),
        ("another issuer of the same keys", |server, issuer| {
            let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
            server.issuer(TrustedIssuer::with_keys("https://other.test", keys, TokenProfile::rfc9068()))
        }),
        ("no leeway", |server, issuer| {
            server.issuer(issuer.trusted().map_profile(|_| TokenProfile::rfc9068().leeway(Duration::ZERO)))
        }),
        ("lower limits", |server, issuer| {
            let limits = TokenLimits::default().token_bytes(64);
            server.issuer(issuer.trusted()).limits(limits)
        }),
    ]
}

#[test]
fn promise_12_two_policies_share_no_verdict() {
    for (name, stricter) in policies() {
        for strict_first in [false, true] {
            let issuer = TestIssuer::new();
            let server = || ResourceServer::builder(issuer.audience()).clock(issuer.clock().clone());
            let lenient = server().issuer(issuer.trusted()).build().unwrap();
            let strict = stricter(server(), &issuer).build().unwrap();
            // Good within the leeway, and not without.
            let token = issuer.access_token("alice").expires_at(issuer.now()).scope("read").mint().unwrap();
            if strict_first {
                assert!(!verify(&strict, &token), "{name}");
            }
            for _ in 0..2 {
                assert!(verify(&lenient, &token) && is_cached(&lenient, &token), "{name}");
                assert!(!verify(&strict, &token) && !is_cached(&strict, &token), "{name}");
            }
        }
    }
}

#[test]
fn promise_12_two_audiences_and_two_requirements_share_no_verdict() {
    let issuer = TestIssuer::new();
    let here = Trio::new(|cache| server(&issuer, issuer.audience(), cache));
    let there = Trio::new(|cache| server(&issuer, "https://there.test", cache));
    let good = || issuer.access_token("alice").scope("read");
    let [mine, theirs, both] = [
        good().mint().unwrap(),
        good().audience("https://there.test").mint().unwrap(),
        good().audience(issuer.audience()).audience("https://there.test").scope("write").mint().unwrap(),
    ];
    for (name, servers, token, needs, expected) in [
        ("its own", &here, &mine, "read", "200"),
        ("its own, and a scope more", &here, &mine, "read write", "403"),
        ("its own, after the 403", &here, &mine, "read", "200"),
        ("of the other", &here, &theirs, "read", "401"),
        ("at the other", &there, &theirs, "read", "200"),
        ("its own at the other", &there, &mine, "read", "401"),
        ("for both, here", &here, &both, "write", "200"),
        ("for both, there", &there, &both, "write", "200"),
        ("for both, and not enough", &there, &both, "admin", "403"),
    ] {
        let needs = Requirement::scopes(needs).unwrap();
        let said = servers.agree(|server| guarded(server, &needs, token, None)).unwrap();
        assert!(said.starts_with(expected), "{name}: {said}");
    }
}

fn server(issuer: &TestIssuer, resource: &str, cache: CacheSettings) -> ResourceServer {
    ResourceServer::builder(resource)
        .issuer(issuer.trusted())
        .client_id(issuer.client_id())
        .id_token(IdTokenLocation::AfterAccessToken)
        .clock(issuer.clock().clone())
        .cache(cache)
        .build()
        .unwrap()
}

#[test]
fn promise_6_the_other_id_token_of_a_request_is_part_of_its_verdict() {
    let issuer = TestIssuer::new();
    let servers = Trio::new(|cache| server(&issuer, issuer.audience(), cache));
    let access = issuer.access_token("alice").mint().unwrap();
    let mine = || issuer.id_token("alice");
    let [good, other, bob] =
        [mine(), mine().claim("jti", "another"), issuer.id_token("bob")].map(|id| id.mint().unwrap());
    let tampered = issuer.broken_from(&mine(), Defect::TamperedSignature);
    let rows: [(&str, Option<&str>, &str); 8] = [
        ("none", None, "200"),
        ("its own", Some(&good), "200"),
        ("another of its own", Some(&other), "200"),
        ("somebody else's", Some(&bob), "401"),
        ("a bad one", Some(&tampered), "401"),
        ("its own again", Some(&good), "200"),
        ("the access token twice", Some(&access), "401"),
        ("none again", None, "200"),
    ];
    let said: Vec<_> = rows
        .iter()
        .map(|(name, id, expected)| {
            let said = servers.agree(|server| verdict(server, &access, *id)).unwrap();
            assert!(said.starts_with(expected), "{name}: {said}");
            said
        })
        .collect();
    assert!(
        said[0] == said[7] && said[1] == said[5] && said[0] != said[1] && said[1] != said[2],
        "{said:#?}"
    );
}

/// Two issuers that call their keys alike: every header of theirs is the same, byte for byte.
struct Twins {
    issuers: [TestIssuer; 2],
    good: [String; 2],
    /// What one says, signed by the other.
    crossed: [String; 2],
}

impl Twins {
    fn new() -> Self {
        let clock = ManualClock::default();
        let issuers = ["https://one.test", "https://two.test"]
            .map(|name| TestIssuer::builder().issuer(name).clock(clock.clone()).build());
        let good = issuers.each_ref().map(|issuer| issuer.access_token("alice").mint().unwrap());
        let parts = good.each_ref().map(|token| token.split('.').collect::<Vec<_>>());
        assert_eq!(parts[0][0], parts[1][0], "the headers are the same");
        let crossed = [(0, 1), (1, 0)].map(|(says, signs)| {
            let decode = |part: &str| URL_SAFE_NO_PAD.decode_to_vec(part).unwrap();
            let header = String::from_utf8(decode(parts[says][0])).unwrap();
            let crossed = issuers[signs].sign_raw(&header, &decode(parts[says][1]));
            assert!(
                good[says].starts_with(crossed.rsplit_once('.').unwrap().0),
                "only the signature differs"
            );
            crossed
        });
        Self { issuers, good, crossed }
    }

    fn servers(&self, order: [usize; 2]) -> Trio {
        Trio::new(|cache| {
            let [first, second] = order.map(|n| self.issuers[n].trusted());
            ResourceServer::builder(TestIssuer::AUDIENCE)
                .issuer(first)
                .issuer(second)
                .clock(self.issuers[0].clock().clone())
                .cache(cache)
                .build()
                .unwrap()
        })
    }
}

#[test]
fn promise_3_issuers_with_the_same_header_share_no_key() {
    let twins = Twins::new();
    let [good, crossed] = [&twins.good, &twins.crossed];
    for order in [[0, 1], [1, 0]] {
        for (name, asked) in [
            ("cold", vec![(&crossed[0], false), (&crossed[1], false)]),
            ("the speaker is known", vec![(&good[0], true), (&crossed[0], false)]),
            ("the signer is known", vec![(&good[1], true), (&crossed[0], false)]),
            (
                "both are known",
                vec![(&good[0], true), (&good[1], true), (&crossed[0], false), (&crossed[1], false)],
            ),
            (
                "between good ones",
                vec![
                    (&crossed[1], false),
                    (&good[0], true),
                    (&crossed[1], false),
                    (&good[1], true),
                    (&good[0], true),
                ],
            ),
        ] {
            let servers = twins.servers(order);
            for (step, (token, is_good)) in asked.into_iter().enumerate() {
                let said = servers.agree(|server| verdict(server, token, None)).unwrap();
                assert_eq!(said.starts_with("200"), is_good, "{name}, {order:?}, step {step}: {said}");
            }
        }
    }
}

#[test]
fn promise_3_a_known_header_vouches_for_no_key_that_took_its_name() {
    let issuer = TestIssuer::new();
    let impostor = TestIssuer::builder().issuer(issuer.issuer()).clock(issuer.clock().clone()).build();
    let servers = Trio::new(|cache| server(&issuer, issuer.audience(), cache));
    let [old, new] = [&issuer, &impostor].map(|issuer| issuer.access_token("alice").mint().unwrap());
    assert_eq!(old.split('.').next(), new.split('.').next(), "the headers are the same");
    let keys = |issuer: &TestIssuer| KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    for (name, trusted, good, bad) in [
        ("before", &issuer, &old, &new),
        ("another key of the same name", &impostor, &new, &old),
        ("and back", &issuer, &old, &new),
    ] {
        for server in servers.all() {
            server.replace_keys(issuer.issuer(), keys(trusted)).unwrap();
        }
        for _ in 0..2 {
            for (token, expected) in [(good, "200"), (bad, "401")] {
                let said = servers.agree(|server| verdict(server, token, None)).unwrap();
                assert!(said.starts_with(expected), "{name}: {said}");
            }
        }
    }
}

/// Tokens of SCEYT name neither a key nor an issuer: their headers are the same everywhere.
#[test]
fn promise_3_applications_with_the_same_header_share_no_key() {
    let clock = ManualClock::new(UnixTime::from_secs(1_700_000_000));
    let public = [include_str!("../sceyt/one.public.pem"), include_str!("../sceyt/two.public.pem")];
    let private = [include_str!("../sceyt/one.private.pem"), include_str!("../sceyt/two.private.pem")];
    let application = |name: &str, pem: &str| {
        Application::new(name, VerifyingKey::from_pem(pem, Algorithm::RS256).unwrap())
    };
    let servers = Trio::new(|cache| {
        preset::sceyt::server(application("one", public[0]))
            .application(application("two", public[1]))
            .into_builder()
            .clock(clock.clone())
            .cache(cache)
            .build()
            .unwrap()
    });
    let [one, two] = private.map(|pem| {
        let key = SigningKey::from_pem(pem, Algorithm::RS256).unwrap();
        let claims = br#"{"sub":"alice","iat":1700000000,"exp":1700003600}"#;
        key.sign_raw(r#"{"alg":"RS256","typ":"JWT"}"#, claims).unwrap()
    });
    for (name, application, token, expected) in [
        ("another's, cold", "two", &one, "401"),
        ("its own", "one", &one, "200"),
        ("another's, known there", "two", &one, "401"),
        ("the other's own", "two", &two, "200"),
        ("another's, both known", "two", &one, "401"),
        ("and the other way", "one", &two, "401"),
        ("its own again", "one", &one, "200"),
    ] {
        let said = servers.agree(|server| verdict_in(server, Some(application), token)).unwrap();
        assert!(said.starts_with(expected), "{name}: {said}");
    }
}
