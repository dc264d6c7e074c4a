//! ID tokens: beside an access token, alone, and what a server must be told to take them.
#![cfg(feature = "test-util")]
#![allow(unreachable_pub, reason = "no crate imports a test")]

mod config;
mod login;

use http::{HeaderName, Request, header::AUTHORIZATION};
use tower_resource_server::{
    Authentication, Identity, PairRules, ResourceServer, TrustedIssuer,
    http::{IdTokenLocation, Reason, Rejection, RequestError, TokenKind},
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

const FIELD: &str = "x-id-token";

/// Both places that an ID token can come from.
fn placements() -> [IdTokenLocation; 2] {
    [IdTokenLocation::AfterAccessToken, IdTokenLocation::Header(HeaderName::from_static(FIELD))]
}

fn server(issuer: &TestIssuer, location: IdTokenLocation) -> ResourceServer {
    ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .client_id(issuer.client_id())
        .id_token(location)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

async fn ask(
    api: &ResourceServer,
    location: &IdTokenLocation,
    access: &str,
    id: Option<&str>,
) -> Result<Identity, Rejection> {
    let mut request = Request::new(());
    let authorization = match (location, id) {
        (IdTokenLocation::AfterAccessToken, Some(id)) => format!("Bearer {access} {id}"),
        (_, Some(id)) => {
            request.headers_mut().insert(FIELD, id.parse().unwrap());
            format!("Bearer {access}")
        }
        (_, None) => format!("Bearer {access}"),
    };
    request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
    let authentication = api.authenticate(&request.into_parts().0).await?;
    match authentication {
        Authentication::Verified(identity) => Ok(identity),
        Authentication::Anonymous => panic!("the request has credentials"),
    }
}

/// Which token was refused, why, and about which claim.
fn why(refused: &Rejection) -> (TokenKind, &'static str, Option<String>) {
    match refused.reason() {
        Reason::InvalidToken { token, error } => (*token, error.code(), error.claim().map(str::to_owned)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_rule_on_audiences_can_be_taken_back() {
    let rules = PairRules::openid().subject_after(':');
    assert_ne!(rules.shared_audience(true), rules);
    assert_eq!(rules.shared_audience(true).shared_audience(false), rules);
}

#[tokio::test]
async fn promise_7_a_pair_belongs_together_in_either_placement() {
    let issuer = TestIssuer::new();
    let access = |client: &str| issuer.access_token("alice").client_id(client).mint().unwrap();
    let mine = || issuer.id_token("alice");
    let both = || mine().audience("client-2");
    let (one, two) = (access("client-1"), access("client-2"));
    let mint = |token: tower_resource_server::issuer::TokenBuilder| token.mint().unwrap();
    let broken = |defect| issuer.broken_from(&mine(), defect);
    let id = |code| Err((TokenKind::Id, code, None));
    let about = |code, claim: &str| Err((TokenKind::Id, code, Some(claim.to_owned())));
    let (invalid, missing) = (|claim| about("invalid_claim", claim), |claim| about("missing_claim", claim));
    for (name, access, id_token, expected) in [
        ("same subject, same client", &one, mint(mine()), Ok(())),
        ("azp is the client", &one, mint(mine().azp("client-1")), Ok(())),
        ("at_hash of this access token", &one, mint(mine().for_access_token(&one)), Ok(())),
        ("no at_hash", &one, mint(mine()), Ok(())),
        ("at_hash of another", &one, mint(mine().for_access_token(&two)), id("wrong_access_token_hash")),
        ("at_hash a number", &one, mint(mine().claim("at_hash", 1)), invalid("at_hash")),
        ("at_hash empty", &one, mint(mine().claim("at_hash", "")), id("wrong_access_token_hash")),
        ("another subject", &one, mint(issuer.id_token("bob")), id("pair_mismatch")),
        ("the subject in another case", &one, mint(issuer.id_token("Alice")), id("pair_mismatch")),
        ("the access token of another client", &two, mint(mine()), id("pair_mismatch")),
        (
            "that client among the audiences, azp another",
            &two,
            mint(both().azp("client-1")),
            id("pair_mismatch"),
        ),
        ("several audiences and no azp", &one, mint(both()), missing("azp")),
        ("azp is another client", &one, mint(mine().azp("client-2")), id("wrong_audience")),
        ("an ID token of another client", &one, broken(Defect::WrongAudience), id("wrong_audience")),
        ("an ID token for the API", &one, broken_audience(&issuer), id("wrong_audience")),
        ("expired", &one, broken(Defect::Expired), id("expired")),
        ("tampered", &one, broken(Defect::TamperedPayload), id("invalid_signature")),
        ("without sub", &one, broken(Defect::MissingSubject), missing("sub")),
        ("without exp", &one, broken(Defect::MissingExpiry), missing("exp")),
        ("bound to its sender", &one, broken(Defect::SenderConstrained), id("sender_constrained")),
        ("an access token in its place", &one, one.clone(), id("wrong_type")),
    ] {
        for location in placements() {
            let api = server(&issuer, location.clone());
            // Twice: nothing of the first time may help the second.
            for round in 1..=2 {
                let got = ask(&api, &location, access, Some(&id_token)).await;
                let verdict = got.as_ref().map(|_| ()).map_err(why);
                assert_eq!(verdict, expected, "{name}, {location:?}, round {round}");
            }
        }
    }
}

fn broken_audience(issuer: &TestIssuer) -> String {
    issuer.id_token("alice").claim("aud", issuer.audience()).mint().unwrap()
}

#[tokio::test]
async fn promise_7_a_pair_comes_from_one_issuer() {
    let one = TestIssuer::new();
    let other = TestIssuer::builder().issuer("https://other-issuer.test").build();
    let server = |location: IdTokenLocation| {
        ResourceServer::builder(one.audience())
            .issuer(one.trusted())
            .issuer(other.trusted())
            .client_id(one.client_id())
            .id_token(location)
            .clock(one.clock().clone())
            .build()
            .unwrap()
    };
    let tokens = |issuer: &TestIssuer| {
        (issuer.access_token("alice").mint().unwrap(), issuer.id_token("alice").mint().unwrap())
    };
    let ((access, id), (other_access, other_id)) = (tokens(&one), tokens(&other));
    for location in placements() {
        let api = server(location.clone());
        for (name, access, id, good) in [
            ("both of one", &access, &id, true),
            ("both of the other", &other_access, &other_id, true),
            ("one and the other", &access, &other_id, false),
            ("the other and one", &other_access, &id, false),
        ] {
            let got = ask(&api, &location, access, Some(id)).await;
            match got {
                Ok(_) => assert!(good, "{name}"),
                Err(refused) => {
                    assert!(!good, "{name}");
                    assert_eq!(why(&refused), (TokenKind::Id, "pair_mismatch", None), "{name}");
                }
            }
        }
    }
}

/// The same access token with another user's ID token, before and after the good pair was cached.
#[tokio::test]
async fn promise_7_a_warm_cache_takes_no_foreign_id_token() {
    let issuer = TestIssuer::new();
    let access = issuer.access_token("alice").mint().unwrap();
    let mine = issuer.id_token("alice").mint().unwrap();
    let bobs = issuer.id_token("bob").mint().unwrap();
    for location in placements() {
        let api = server(&issuer, location.clone());
        let mismatch = (TokenKind::Id, "pair_mismatch", None);
        for _ in 0..2 {
            let refused = ask(&api, &location, &access, Some(&bobs)).await.unwrap_err();
            assert_eq!(why(&refused), mismatch, "{location:?}");
            let identity = ask(&api, &location, &access, Some(&mine)).await.unwrap();
            assert!(identity.id_token().is_some());
            let alone = ask(&api, &location, &access, None).await.unwrap();
            assert!(alone.id_token().is_none(), "the ID token of another request is not lent");
        }
        // The tail is what the cache hashes; every other byte counts as well.
        let (bobs_head, _) = bobs.rsplit_once('.').unwrap();
        let (_, my_tail) = mine.rsplit_once('.').unwrap();
        let crossed = format!("{bobs_head}.{my_tail}");
        let refused = ask(&api, &location, &access, Some(&crossed)).await.unwrap_err();
        assert_eq!(why(&refused), (TokenKind::Id, "invalid_signature", None), "{location:?}");
        // The two texts run together are another pair of texts.
        let (head, tail) = mine.split_at(20);
        let shifted = ask(&api, &location, &format!("{access}{head}"), Some(tail)).await;
        assert!(shifted.is_err(), "{location:?}");
    }
}

#[tokio::test]
async fn promise_7_an_id_token_is_no_access_token_and_the_reverse() {
    let issuer = TestIssuer::new();
    let access = issuer.access_token("alice").mint().unwrap();
    let id = issuer.id_token("alice").audience(issuer.audience()).azp("client-1").mint().unwrap();
    let generic = TrustedIssuer::with_keys(
        issuer.issuer(),
        tower_resource_server::keys::KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap(),
        TokenProfile::jwt(),
    );
    let server = |trusted: TrustedIssuer| {
        ResourceServer::builder(issuer.audience())
            .issuer(trusted)
            .client_id(issuer.client_id())
            .clock(issuer.clock().clone())
            .build()
            .unwrap()
    };
    let strict = server(issuer.trusted());
    let refused = strict.verify_access_token(&id).await.unwrap_err();
    assert_eq!(why(&refused), (TokenKind::Access, "wrong_type", None));
    let refused = strict.verify_id_token(&access, Default::default()).await.unwrap_err();
    assert_eq!(why(&refused), (TokenKind::Id, "wrong_type", None));

    // The generic profile knows an ID token by its marks.
    let api = server(generic);
    let marked = |name: &str, value: &str| {
        issuer.id_token("alice").audience(issuer.audience()).claim(name, value).mint().unwrap()
    };
    for (name, value) in [
        ("nonce", "n"),
        ("at_hash", "h"),
        ("c_hash", "h"),
        ("s_hash", "h"),
        ("token_use", "id"),
        ("typ", "ID"),
    ] {
        let refused = api.verify_access_token(&marked(name, value)).await.unwrap_err();
        assert_eq!(refused.status().as_u16(), 401, "{name}");
    }
}

#[tokio::test]
async fn an_id_token_may_be_missing_and_may_not_be_alone() {
    let issuer = TestIssuer::new();
    let access = issuer.access_token("alice").scope("read").mint().unwrap();
    let id = issuer.id_token("alice").claim("name", "Alice").mint().unwrap();
    for location in placements() {
        let api = server(&issuer, location.clone());
        let identity = ask(&api, &location, &access, None).await.unwrap();
        assert!(identity.id_token().is_none() && identity.access_token().is_some());

        let identity = ask(&api, &location, &access, Some(&id)).await.unwrap();
        // The access token speaks for the identity; the ID token tells of the person.
        assert!(identity.has_scope("read"));
        assert_eq!(identity.claim("name"), None);
        assert_eq!(identity.id_token().unwrap().claim("name").unwrap(), "Alice");
        assert_eq!(identity.client_id(), Some("client-1"));
    }
    let [_, own] = placements();
    let api = server(&issuer, own);
    let mut request = Request::new(());
    request.headers_mut().insert(FIELD, id.parse().unwrap());
    let refused = api.authenticate(&request.into_parts().0).await.unwrap_err();
    assert_eq!(*refused.reason(), Reason::InvalidRequest(RequestError::IdTokenAlone));
}

#[tokio::test]
async fn a_pair_ends_with_the_first_of_its_tokens() {
    let issuer = TestIssuer::new();
    let at = |seconds| issuer.now().saturating_add(std::time::Duration::from_secs(seconds));
    let access = issuer.access_token("alice").expires_at(at(300)).mint().unwrap();
    let id = issuer.id_token("alice").expires_at(at(100)).mint().unwrap();
    let [after, _] = placements();
    let api = server(&issuer, after.clone());
    let identity = ask(&api, &after, &access, Some(&id)).await.unwrap();
    assert_eq!(identity.expires_at(), Some(at(100)));
    // A minute of leeway, and not from the cache either.
    issuer.clock().advance(std::time::Duration::from_secs(160));
    let refused = ask(&api, &after, &access, Some(&id)).await.unwrap_err();
    assert_eq!(why(&refused), (TokenKind::Id, "expired", None));
    assert!(ask(&api, &after, &access, None).await.is_ok());
}
