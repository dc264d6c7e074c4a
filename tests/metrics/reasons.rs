//! A row for every reason, at every entrance: each refusal is counted once, whichever part makes it.

use std::{convert::Infallible, time::Duration};

use axum::{Router, routing};
use http::{Request, Response, header::AUTHORIZATION, request::Parts};
use tonic::Code;
use tower::{Layer, ServiceExt, service_fn};
use tower_resource_server::{
    ApiKey, ApiKeys, Authentication, ClientCertificate, CredentialError, Dpop, IdTokenExpectations, Identity,
    Mtls, OpaqueCredential, ResourceServer, TrustedIssuer, Verification,
    http::{IdTokenLocation, TokenLocation},
    issuer::TokenBuilder,
    keys::KeySet,
    policy::{Requirement, acr, claim, role, scope},
    profile::TokenProfile,
    store::{Life, Nonces, SpendError, Spending, SpentStore},
    test_util::{Defect, TestIssuer},
    time::UnixTime,
    tonic::IdentityExt,
};

use crate::{
    Book, proofs,
    support::{Scripted, ask, get},
};

/// What a row needs to ask a server of its own.
pub(crate) struct Case {
    pub(crate) server: ResourceServer,
    pub(crate) required: Requirement,
    /// The `Authorization` field.
    pub(crate) authorization: Option<String>,
    /// The target, and other fields.
    pub(crate) target: &'static str,
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// Where a request is refused.
#[derive(Clone, Copy, Debug)]
enum Entrance {
    Layer,
    OptionalLayer,
    Guard,
    GuardBehindLayer,
    GuardBehindOptionalLayer,
    AxumExtractor,
    AxumClaims,
    TonicExtractor,
    ByHand,
}

const ALL: [Entrance; 9] = [
    Entrance::Layer,
    Entrance::OptionalLayer,
    Entrance::Guard,
    Entrance::GuardBehindLayer,
    Entrance::GuardBehindOptionalLayer,
    Entrance::AxumExtractor,
    Entrance::AxumClaims,
    Entrance::TonicExtractor,
    Entrance::ByHand,
];

impl Case {
    fn parts(&self) -> Parts {
        let mut request = get(self.target, None);
        for (name, value) in &self.fields {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
        }
        request.into_parts().0
    }

    /// Sends the request in by this entrance, where it is refused.
    async fn refused_at(&self, entrance: Entrance) {
        let api = &self.server;
        let layer = || api.layer().requirements(self.required.clone());
        let guard = || api.guard(self.required.clone());
        let handler = || async { "ok" };
        let bare = || Router::new().route("/", routing::get(handler));
        let app = match entrance {
            Entrance::Layer => bare().layer(layer()),
            Entrance::OptionalLayer => {
                // It lets pass what has no credentials.
                let passes = !self.has_credentials();
                let answer = ask(&bare().layer(layer().optional(true)), self.request()).await;
                assert_eq!(answer.status().is_success(), passes, "{entrance:?}");
                return;
            }
            Entrance::Guard => bare().layer(guard()),
            Entrance::GuardBehindLayer => bare().layer(guard()).layer(api.layer()),
            Entrance::GuardBehindOptionalLayer => bare().layer(guard()).layer(api.layer().optional(true)),
            Entrance::AxumExtractor => {
                let wants = |_: Identity| async { "ok" };
                Router::new().route("/", routing::get(wants)).layer(layer().optional(true))
            }
            Entrance::AxumClaims => {
                type Claims = tower_resource_server::axum::Claims<serde_json::Value>;
                let wants = |_: Claims| async { "ok" };
                Router::new().route("/", routing::get(wants)).layer(layer().optional(true))
            }
            Entrance::TonicExtractor => {
                let inner = service_fn(|request: Request<()>| async {
                    let request = tonic::Request::from_http(request);
                    let refused = request.identity().map_err(|status| status.code());
                    assert_eq!(refused.err(), Some(Code::Unauthenticated));
                    Ok::<_, Infallible>(Response::new(String::new()))
                });
                let request = Request::from_parts(self.parts(), ());
                let _ = layer().optional(true).layer(inner).oneshot(request).await;
                return;
            }
            Entrance::ByHand => {
                match api.authenticate(&self.parts()).await {
                    Ok(Authentication::Anonymous) => assert!(!self.has_credentials()),
                    Ok(Authentication::Verified(who)) => {
                        // Scopes beyond those that the server requires are the caller's to check.
                        assert!(api.check(&who, &self.required).is_err());
                    }
                    Err(_) => {}
                }
                return;
            }
        };
        let answer = ask(&app, self.request()).await;
        assert!(!answer.status().is_success(), "{entrance:?}: {}", answer.status());
    }

    fn has_credentials(&self) -> bool {
        self.authorization.is_some() || !self.fields.is_empty() || self.target != "/"
    }

    fn request(&self) -> Request<axum::body::Body> {
        Request::from_parts(self.parts(), axum::body::Body::empty())
    }
}

/// What is counted while `work` runs: of authentications, by result and whether that was verified.
fn counted<F: Future<Output = ()>>(work: impl FnOnce() -> F) -> Vec<(String, f64)> {
    let book = Book::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    metrics::with_local_recorder(&book, || runtime.block_on(work()));
    let of_authentications = |(name, count): (String, f64)| {
        let labels = name.strip_prefix("authentications_total result=")?;
        Some((labels.replace("verified=", ""), count))
    };
    book.read().into_iter().filter_map(of_authentications).collect()
}

/// A store with one answer.
pub(crate) struct Store(pub(crate) Result<(), SpendError>);

impl SpentStore for Store {
    fn spend(&self, _: &[u8], _: Life, _: UnixTime) -> Spending {
        self.0.into()
    }
}

/// The generic profile, with bounds on the lifetime.
fn profile() -> TokenProfile {
    let hours = |n: u64| Duration::from_secs(n * 3600);
    TokenProfile::jwt().rule(claim("exp").ends_lifetime(Duration::ZERO, Some(hours(2))))
}

fn server(issuer: &TestIssuer) -> ResourceServer {
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys, profile());
    ResourceServer::builder(issuer.audience())
        .issuer(trusted)
        .client_id(issuer.client_id())
        .id_token(IdTokenLocation::AfterAccessToken)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

/// A server whose tokens are elsewhere.
fn located(issuer: &TestIssuer, location: TokenLocation) -> ResourceServer {
    ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .token_location(location)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

/// A server whose clients all show the same certificate, or none.
fn bound_to_certificates(issuer: &TestIssuer, shown: Option<ClientCertificate>) -> ResourceServer {
    ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .mtls(Mtls::allowed().peer_certificate(move |_: &http::Extensions| shown))
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

/// A server that takes tokens which are bound to a key of their sender.
pub(crate) fn bound(issuer: &TestIssuer, dpop: Dpop) -> ResourceServer {
    ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .dpop(dpop)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

/// A server whose tokens spend a nonce in `nce`.
fn spending(issuer: &TestIssuer, nonces: Nonces) -> ResourceServer {
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys, profile().spends_nonce("nce"));
    ResourceServer::builder(issuer.audience())
        .issuer(trusted)
        .nonces(nonces)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

/// A server whose tokens count once, and where each was used before.
fn counting_once(issuer: &TestIssuer) -> ResourceServer {
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap();
    let trusted = TrustedIssuer::with_keys(issuer.issuer(), keys, profile().single_use("jti"));
    ResourceServer::builder(issuer.audience())
        .issuer(trusted)
        .spent_tokens(Store(Err(SpendError::AlreadySpent)))
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

/// A server whose issuer cannot be reached.
fn unreachable(issuer: &TestIssuer) -> ResourceServer {
    let client = Scripted::new();
    client.fail();
    let trusted = TrustedIssuer::with_jwks_uri(issuer.issuer(), "https://issuer.test/jwks", profile());
    ResourceServer::builder(issuer.audience())
        .issuer(trusted.http_client(client))
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

/// A server with an API key.
fn with_api_keys(issuer: &TestIssuer) -> ResourceServer {
    let key = ApiKey::from_secret("billing", "shop_4Zt1mRkq8PwY2vLxN0bHcA", "billing");
    ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .clock(issuer.clock().clone())
        .api_keys(ApiKeys::new().key(key))
        .build()
        .unwrap()
}

/// A server whose verifier has nothing to say.
fn unverifying(issuer: &TestIssuer) -> ResourceServer {
    ResourceServer::builder(issuer.audience())
        .issuer(issuer.trusted())
        .clock(issuer.clock().clone())
        .credential_verifier(|_: OpaqueCredential<'_>| Verification::Done(Err(CredentialError::Unavailable)))
        .build()
        .unwrap()
}

/// A server whose tenants are few.
fn tenants(issuer: &TestIssuer) -> ResourceServer {
    let trusted = TrustedIssuer::tenants("https://login.test/{tenant}", profile()).allow_tenants(["known"]);
    ResourceServer::builder(issuer.audience())
        .issuer(trusted.http_client(Scripted::new()))
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

/// The code of a reason, whether the signature was good by then, and a case of it.
pub(crate) type Row = (&'static str, bool, fn(&TestIssuer) -> Case);

/// The reasons of requests.
fn rows() -> Vec<Row> {
    fn bearer(issuer: &TestIssuer, tokens: impl std::fmt::Display) -> Case {
        let authorization = Some(format!("Bearer {tokens}"));
        Case {
            server: server(issuer),
            required: Requirement::any_token(),
            authorization,
            target: "/",
            fields: Vec::new(),
        }
    }
    fn token(issuer: &TestIssuer, change: fn(TokenBuilder) -> TokenBuilder) -> Case {
        bearer(issuer, change(issuer.access_token("alice")).mint().unwrap())
    }
    fn broken(issuer: &TestIssuer, defect: Defect) -> Case {
        bearer(issuer, issuer.broken(defect))
    }
    fn pair(issuer: &TestIssuer, id_token: TokenBuilder) -> Case {
        let access = issuer.access_token("alice").mint().unwrap();
        bearer(issuer, format_args!("{access} {}", id_token.mint().unwrap()))
    }
    fn with_nonce(issuer: &TestIssuer, nonces: Nonces, nonce: &str) -> Case {
        let token = issuer.access_token("alice").claim("nce", nonce).mint().unwrap();
        Case { server: spending(issuer, nonces), ..bearer(issuer, token) }
    }
    vec![
        ("no_credentials", false, |issuer| Case { authorization: None, ..bearer(issuer, "") }),
        ("invalid_request", false, |issuer| bearer(issuer, "a b c")),
        ("too_large", false, |issuer| bearer(issuer, "a".repeat(17_000))),
        ("malformed", false, |issuer| bearer(issuer, "no-token")),
        ("unknown_credential", false, |issuer| Case {
            server: with_api_keys(issuer),
            ..bearer(issuer, "no-token")
        }),
        ("algorithm_not_allowed", false, |issuer| broken(issuer, Defect::AlgNone)),
        ("unsupported_extension", false, |issuer| broken(issuer, Defect::Critical)),
        ("wrong_type", false, |issuer| broken(issuer, Defect::WrongType)),
        ("untrusted_issuer", false, |issuer| broken(issuer, Defect::WrongIssuer)),
        ("unknown_key", false, |issuer| broken(issuer, Defect::UnknownKid)),
        ("key_algorithm_mismatch", false, |issuer| token(issuer, |token| token.header("alg", "ES384"))),
        ("unverified_tenant", false, |issuer| Case {
            server: tenants(issuer),
            ..token(issuer, |token| token.claim("iss", "https://login.test/unknown"))
        }),
        ("invalid_signature", false, |issuer| broken(issuer, Defect::TamperedSignature)),
        ("expired", false, |issuer| broken(issuer, Defect::Expired)),
        ("not_yet_valid", false, |issuer| broken(issuer, Defect::NotYetValid)),
        ("issued_in_future", false, |issuer| broken(issuer, Defect::IssuedInFuture)),
        ("lifetime_out_of_bounds", false, |issuer| {
            token(issuer, |token| token.lifetime(Duration::from_secs(10 * 3600)))
        }),
        ("wrong_audience", false, |issuer| broken(issuer, Defect::WrongAudience)),
        ("missing_claim", false, |issuer| broken(issuer, Defect::MissingSubject)),
        ("invalid_claim", false, |issuer| broken(issuer, Defect::SubjectNumber)),
        ("foreign_claim", false, |issuer| token(issuer, |token| token.claim("nonce", "n"))),
        ("sender_constrained", false, |issuer| broken(issuer, Defect::SenderConstrained)),
        ("wrong_access_token_hash", false, |issuer| {
            pair(issuer, issuer.id_token("alice").for_access_token("x"))
        }),
        ("pair_mismatch", true, |issuer| pair(issuer, issuer.id_token("mallory"))),
        ("not_sender_constrained", true, |issuer| {
            let token = issuer.access_token("alice").mint().unwrap();
            let authorization = Some(format!("DPoP {token}"));
            Case { server: bound(issuer, Dpop::allowed()), authorization, ..bearer(issuer, "") }
        }),
        ("certificate_missing", true, |issuer| Case {
            server: bound_to_certificates(issuer, None),
            ..token(issuer, |token| token.bound_to_certificate("x"))
        }),
        ("wrong_certificate", true, |issuer| Case {
            server: bound_to_certificates(issuer, Some(ClientCertificate::from_der("another"))),
            ..token(issuer, |token| token.bound_to_certificate("x"))
        }),
        ("stale_nonce", true, |issuer| with_nonce(issuer, Nonces::new().unwrap(), "never issued")),
        ("already_used", true, |issuer| Case {
            server: counting_once(issuer),
            ..token(issuer, |token| token)
        }),
        ("spent_store_unavailable", true, |issuer| {
            let nonces = Nonces::new().unwrap().store(Store(Err(SpendError::Full)));
            let nonce = nonces.issue(issuer.now()).unwrap();
            with_nonce(issuer, nonces, &nonce)
        }),
        ("verifier_unavailable", false, |issuer| Case {
            server: unverifying(issuer),
            ..bearer(issuer, "no-token")
        }),
        ("stale_ticket", false, |issuer| Case {
            server: located(issuer, TokenLocation::ticket("ticket")),
            authorization: None,
            target: "/?ticket=word",
            ..bearer(issuer, "")
        }),
        ("cross_origin", false, |issuer| Case {
            server: located(issuer, TokenLocation::cookie("__Host-session")),
            authorization: None,
            fields: vec![
                ("cookie", "__Host-session=word".into()),
                ("upgrade", "websocket".into()),
                ("origin", "https://else.test".into()),
            ],
            ..bearer(issuer, "")
        }),
        ("keys_unavailable", false, |issuer| Case {
            server: unreachable(issuer),
            ..token(issuer, |token| token)
        }),
    ]
}

#[test]
fn each_reason_is_counted_once_at_each_entrance() {
    for (code, verified, case) in rows().into_iter().chain(proofs::rows()) {
        for entrance in ALL {
            let issuer = TestIssuer::new();
            let counted = counted(|| async { case(&issuer).refused_at(entrance).await });
            let expected = format!("{code} {}", if verified { "yes" } else { "no" });
            assert_eq!(counted, [(expected, 1.0)], "{code}, {entrance:?}");
        }
    }
}

#[test]
fn a_good_token_without_a_scope_is_counted_as_both() {
    for (required, code) in [
        (scope("write"), "insufficient_scope yes"),
        (role("clerk"), "insufficient_scope yes"),
        (acr(["gold"]), "insufficient_user_authentication yes"),
    ] {
        for entrance in ALL {
            let issuer = TestIssuer::new();
            let counted = counted(|| async {
                let token = issuer.access_token("alice").scope("read").mint().unwrap();
                let authorization = Some(format!("Bearer {token}"));
                let (target, fields) = ("/", Vec::new());
                let case = Case {
                    server: server(&issuer),
                    required: required.clone(),
                    authorization,
                    target,
                    fields,
                };
                case.refused_at(entrance).await;
            });
            let expected = [("good yes".to_owned(), 1.0), (code.to_owned(), 1.0)];
            assert_eq!(counted, expected, "{entrance:?}");
        }
    }
    // By hand, the scopes of every request count.
    let issuer = TestIssuer::new();
    let counted = counted(|| async {
        let trusted = issuer.trusted();
        let api = ResourceServer::builder(issuer.audience()).issuer(trusted).require(scope("write"));
        let api = api.clock(issuer.clock().clone()).build().unwrap();
        let token = issuer.access_token("alice").mint().unwrap();
        assert!(api.verify_access_token(&token).await.is_err());
    });
    assert_eq!(counted, [("good yes".to_owned(), 1.0), ("insufficient_scope yes".to_owned(), 1.0)]);
}

#[test]
fn an_identity_of_another_server_is_counted_by_the_one_that_refuses_it() {
    let issuer = TestIssuer::new();
    let counted = counted(|| async {
        let app = Router::new()
            .route("/", routing::get(|| async { "ok" }))
            .layer(server(&issuer).guard(Requirement::any_token()))
            .layer(server(&issuer).layer());
        let token = issuer.access_token("alice").mint().unwrap();
        assert_eq!(ask(&app, get("/", Some(&token))).await.status(), 500);
    });
    assert_eq!(counted, [("foreign_identity yes".to_owned(), 1.0), ("good yes".to_owned(), 1.0)]);
}

#[test]
fn what_only_the_caller_of_a_login_can_find_wrong_is_counted() {
    for (code, expected) in [
        ("wrong_nonce", IdTokenExpectations::new().nonce("another")),
        ("authentication_too_old", IdTokenExpectations::new().max_age(Duration::from_secs(60))),
    ] {
        let issuer = TestIssuer::new();
        let counted = counted(|| async {
            let login = issuer.id_token("alice").nonce("n").auth_time(UnixTime::from_secs(1));
            let token = login.mint().unwrap();
            assert!(server(&issuer).verify_id_token(&token, expected).await.is_err());
        });
        assert_eq!(counted, [(format!("{code} no"), 1.0)], "{code}");
    }
}

/// The codes that the sources have, against those that the tests above cause.
#[test]
fn no_reason_is_forgotten() {
    let sources = [
        include_str!("../../src/error.rs"),
        include_str!("../../src/http/reason.rs"),
        include_str!("../../src/proof/error.rs"),
    ];
    let tables: String = sources
        .iter()
        .map(|source| {
            let table = source.split_once("const fn row(&self)").unwrap().1;
            let table = table.split_once("\n    }\n").unwrap().0;
            table.chars().filter(|c| !c.is_whitespace()).collect::<String>()
        })
        .collect();
    // A code is the first text of its row.
    let told = tables.split("(\"").skip(1);
    let mut codes: Vec<&str> = told.map(|row| row.split_once('"').unwrap().0).collect();
    let elsewhere = [
        "insufficient_scope",
        "insufficient_user_authentication",
        "foreign_identity",
        "wrong_nonce",
        "authentication_too_old",
    ];
    let mut caused: Vec<&str> =
        rows().iter().chain(&proofs::rows()).map(|(code, ..)| *code).chain(elsewhere).collect();
    codes.sort_unstable();
    caused.sort_unstable();
    assert_eq!(codes, caused);
}
