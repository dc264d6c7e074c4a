//! One server, and every place where a requirement can be put.

use std::{cell::RefCell, convert::Infallible};

use axum::{Router, routing};
use http::{HeaderMap, Method, Request, Response, Version, header::CONTENT_TYPE};
use serde_json::Value;
use tower::{Layer, ServiceExt, service_fn};
use tower_resource_server::{
    Identity, ResourceServer, ResourceServerBuilder,
    axum::Allowed,
    http::Rejection,
    middleware::RequirementTable,
    policy::{Operation, Requirement},
    test_util::TestIssuer,
    time::{Clock, UnixTime},
};

use crate::support::{Answer, ask, get, request};

pub struct Stage {
    pub issuer: TestIssuer,
}

/// The moment at which every row is judged; the claims of rows count from it.
pub const NOW: u64 = 1_800_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    Layer,
    Server,
    Guard,
    GuardBehindLayer,
    Table,
    Function,
    ByHand,
    Extractor,
    OpenExtractor,
    Grpc,
}
use Placement::{ByHand, Extractor, Function, Grpc, Guard, GuardBehindLayer, OpenExtractor, Server, Table};

pub const PLACEMENTS: &[Placement] = &[
    Placement::Layer,
    Server,
    Guard,
    GuardBehindLayer,
    Table,
    Function,
    ByHand,
    Extractor,
    OpenExtractor,
    Grpc,
];

thread_local! {
    static NEEDED: RefCell<Requirement> = RefCell::new(Requirement::never());
}

/// What is asked for at this moment, as a type. A server asks for it once.
struct Needed;

impl Operation for Needed {
    fn requirement() -> Requirement {
        NEEDED.with_borrow(Requirement::clone)
    }
}

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Ok,
    /// 403, with the scopes that are named; none where there are none.
    Forbidden(&'static str),
    /// 401 of RFC 9470: `acr_values`, `max_age`, scopes.
    Login(&'static str, &'static str, &'static str),
    /// 401, of a token with a claim that what is required cannot be judged by; with the scopes that are named.
    Invalid(&'static str),
    /// 401, of a token that is not good, whatever is required; with the scopes that are named where the layer that
    /// verifies it knows what is required.
    Unverified(&'static str),
}

impl Wanted {
    /// What a request gets in this placement.
    pub fn at(self, placement: Placement) -> Self {
        match (self, placement) {
            (Self::Unverified(_), GuardBehindLayer | ByHand | Extractor | OpenExtractor) => {
                Self::Unverified("")
            }
            _ => self,
        }
    }
}

/// The same, of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    status: u16,
    challenge: Option<String>,
}

impl Got {
    pub fn status(&self) -> u16 {
        self.status
    }

    pub fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref()
    }
}

impl PartialEq<Wanted> for Got {
    fn eq(&self, wanted: &Wanted) -> bool {
        const METADATA: &str = r#"resource_metadata="https://api.test/.well-known/oauth-protected-resource""#;
        let parameter = |name: &str, value: &str| {
            if value.is_empty() { String::new() } else { format!("{name}=\"{value}\", ") }
        };
        let (status, challenge) = match wanted {
            Wanted::Ok => (200, None),
            Wanted::Forbidden(scope) => {
                let scope = parameter("scope", scope);
                (403, Some(format!(r#"Bearer error="insufficient_scope", {scope}{METADATA}"#)))
            }
            Wanted::Login(acr, age, scope) => {
                let what =
                    parameter("acr_values", acr) + &parameter("max_age", age) + &parameter("scope", scope);
                (401, Some(format!(r#"Bearer error="insufficient_user_authentication", {what}{METADATA}"#)))
            }
            Wanted::Invalid(scope) | Wanted::Unverified(scope) => {
                let what = parameter("error_description", "a claim is not acceptable");
                let scope = parameter("scope", scope);
                (401, Some(format!(r#"Bearer error="invalid_token", {what}{scope}{METADATA}"#)))
            }
        };
        (self.status, &self.challenge) == (status, &challenge)
    }
}

impl Stage {
    pub fn new() -> Self {
        let issuer = TestIssuer::new();
        let now = issuer.clock().unix();
        issuer.clock().advance(UnixTime::from_secs(NOW).since(now));
        Self { issuer }
    }

    pub fn builder(&self) -> ResourceServerBuilder {
        let issuer = self.issuer.trusted().map_profile(|profile| {
            profile.role_claims(["roles", "/realm/roles", "project"]).roles_as_members(true)
        });
        ResourceServer::builder(self.issuer.audience())
            .issuer(issuer)
            .scope_implies("admin", ["orders:*"])
            .scope_implies("orders:*", ["orders:read", "orders:write"])
            .clock(self.issuer.clock().clone())
    }

    /// A token with these claims, beside those that every token has.
    pub fn token(&self, claims: &str) -> String {
        let claims: Value = serde_json::from_str(claims).unwrap_or_else(|error| panic!("{claims}: {error}"));
        let mut token = self.issuer.access_token("alice").client_id("web");
        for (name, value) in claims.as_object().unwrap() {
            token = token.claim(name, value.clone());
        }
        token.mint().unwrap()
    }

    /// What a request with this token gets where this is needed.
    pub async fn answer_of(
        &self,
        api: &ResourceServer,
        placement: Placement,
        needed: &Requirement,
        token: Option<&str>,
    ) -> Got {
        let handler = || async { "ok" };
        let bare = || Router::new().route("/", routing::get(handler));
        let table = || {
            RequirementTable::new()
                .route(Method::GET, "/", needed.clone())
                .route(Method::POST, "/", Requirement::never())
                .grpc("/a.B/C", needed.clone())
        };
        let app = match placement {
            Placement::Layer => bare().layer(api.layer().requirements(needed.clone())),
            Server => bare().layer(self.builder().require(needed.clone()).build().unwrap().layer()),
            Guard => bare().layer(api.guard(needed.clone())),
            GuardBehindLayer => bare().layer(api.guard(needed.clone())).layer(api.layer()),
            Table => bare().layer(api.layer().requirements(table())),
            Function => {
                let needed = needed.clone();
                bare().layer(api.layer().requirements_by(move |_| needed.clone()))
            }
            ByHand => {
                let needed = needed.clone();
                let handler = async move |who: Identity| -> Result<&'static str, Rejection> {
                    who.require(&needed)?;
                    Ok("ok")
                };
                Router::new().route("/", routing::get(handler)).layer(api.layer())
            }
            Extractor | OpenExtractor => return self.extractor(placement, needed, token).await,
            Grpc => return self.grpc(api, table(), token).await,
        };
        let answer = ask(&app, get("/", token)).await;
        Got { status: answer.status().as_u16(), challenge: answer.challenge().map(str::to_owned) }
    }

    /// The answer of a handler whose signature has the requirement: of a server of its own, which knows no other.
    async fn extractor(&self, placement: Placement, needed: &Requirement, token: Option<&str>) -> Got {
        NEEDED.set(needed.clone());
        let api = self.builder().build().unwrap();
        let strict = async |_: Allowed<Needed>| "ok";
        let open = async |_: Option<Allowed<Needed>>| "ok";
        let app = match placement {
            Extractor => Router::new().route("/", routing::get(strict)).layer(api.layer()),
            _ => Router::new().route("/", routing::get(open)).layer(api.layer().optional(true)),
        };
        let (first, again) = (ask(&app, get("/", token)).await, ask(&app, get("/", token)).await);
        let got = |answer: &Answer| Got {
            status: answer.status().as_u16(),
            challenge: answer.challenge().map(str::to_owned),
        };
        assert_eq!(got(&first), got(&again), "{placement:?}: {needed}");
        got(&first)
    }

    /// The answer to a gRPC call, in terms of HTTP.
    async fn grpc(&self, api: &ResourceServer, table: RequirementTable, token: Option<&str>) -> Got {
        let inner = service_fn(|_: Request<axum::body::Body>| async {
            Ok::<_, Infallible>(Response::new(axum::body::Body::empty()))
        });
        let mut call = request(Method::POST, "/a.B/C", token);
        *call.version_mut() = Version::HTTP_2;
        call.headers_mut().insert(CONTENT_TYPE, "application/grpc".parse().unwrap());
        let answer = api.layer().requirements(table).layer(inner).oneshot(call).await.unwrap();
        let header =
            |headers: &HeaderMap, name: &str| headers.get(name).map(|it| it.to_str().unwrap().to_owned());
        let status = match header(answer.headers(), "grpc-status").as_deref() {
            None => 200,
            Some("7") => 403,
            Some("16") => 401,
            Some(other) => panic!("grpc-status {other}"),
        };
        Got { status, challenge: header(answer.headers(), "www-authenticate") }
    }

    /// Whether explain says that a token is accepted by a server that requires this.
    pub async fn explained(&self, needed: &Requirement, token: &str) -> bool {
        let api = self.builder().require(needed.clone()).build().unwrap();
        let explanation = api.explain(token).await;
        let of_operation = self.builder().build().unwrap().explain_for(needed, token).await;
        assert_eq!(of_operation.reason, explanation.reason, "{needed}");
        assert_eq!(of_operation.to_string(), explanation.to_string(), "{needed}");
        let verified = api.verify_access_token(token).await;
        assert_eq!(explanation.reason.as_ref(), verified.as_ref().err().map(Rejection::reason), "{needed}");
        if explanation.error().is_none() && !explanation.is_valid() {
            let failed: Vec<_> = explanation.failed().collect();
            assert_eq!(failed.len(), 1, "{needed}: {failed:?}");
        }
        explanation.is_valid()
    }
}
