//! Servers of every shape that a profile can have, and what both sides say of a token.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tower_resource_server::{
    Explanation, IdTokenExpectations, ResourceServer, TrustedIssuer,
    explain::Outcome,
    http::{Reason, Rejection},
    issuer::SigningKey,
    keys::{Algorithm, KeySet},
    policy::{claim, scope},
    preset::{layer, sceyt},
    profile::{KeySelection, TokenProfile},
    store::Nonces,
    test_util::TestIssuer,
};

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

pub(crate) fn keys(issuer: &TestIssuer) -> KeySet {
    KeySet::from_jwks(issuer.jwks().to_string().as_bytes()).unwrap()
}

/// What a token is checked as.
#[derive(Clone, Copy, Debug)]
pub(crate) enum As {
    Access,
    AccessOf(&'static str),
    Id(IdTokenExpectations<'static>),
}

pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) server: ResourceServer,
    pub(crate) as_: As,
}

impl Site {
    pub(crate) fn verify(&self, token: &str) -> Result<(), Rejection> {
        run(async {
            match self.as_ {
                As::Access => self.server.verify_access_token(token).await,
                As::AccessOf(issuer) => self.server.verify_access_token_of(issuer, token).await,
                As::Id(expected) => self.server.verify_id_token(token, expected).await,
            }
        })
        .map(drop)
    }

    pub(crate) fn explain(&self, token: &str) -> Explanation {
        run(async {
            match self.as_ {
                As::Access => self.server.explain(token).await,
                As::AccessOf(issuer) => self.server.explain_of(issuer, token).await,
                As::Id(expected) => self.server.explain_id_token(token, expected).await,
            }
        })
    }

    /// Both sides on one token; they must be of one mind, and again when the verdict is cached or the
    /// nonce is spent.
    pub(crate) fn both(&self, token: &str) -> Result<Explanation, String> {
        let explanation = self.once(token)?;
        self.once(token).map(|_| explanation)
    }

    fn once(&self, token: &str) -> Result<Explanation, String> {
        let explanation = self.explain(token);
        let verdict = self.verify(token);
        let refused = verdict.as_ref().err().map(Rejection::reason);
        let outcome = match refused {
            None => Outcome::Valid,
            Some(Reason::KeysUnavailable | Reason::SpentStoreUnavailable) => Outcome::Unchecked,
            Some(_) => Outcome::Invalid,
        };
        let of_one_mind = explanation.reason().as_ref() == refused
            && explanation.is_valid() == verdict.is_ok()
            && explanation.outcome() == outcome
            && match refused {
                Some(Reason::InvalidToken { error, .. }) => explanation.error() == Some(error),
                _ => explanation.error().is_none(),
            };
        match of_one_mind {
            true => Ok(explanation),
            false => Err(format!("{}: verification says {refused:?}\n{explanation}\n{token}", self.name)),
        }
    }
}

/// One server for each way in which profiles and servers differ.
pub(crate) fn sites(issuer: &TestIssuer) -> Vec<Site> {
    let with = |profile: TokenProfile| TrustedIssuer::with_keys(issuer.issuer(), keys(issuer), profile);
    let builder = || ResourceServer::builder(issuer.audience()).clock(issuer.clock().clone());
    let unrelated = TestIssuer::builder().issuer("https://unrelated.test").build();
    let unrelated = TrustedIssuer::with_keys(unrelated.issuer(), keys(&unrelated), TokenProfile::jwt());
    let own = TokenProfile::empty()
        .require_type(["at+jwt"])
        .require_content_type("example;v=1")
        .key_selection(KeySelection::LastSegment)
        .issuer_by_last_segment()
        .subject_claim("prn")
        .client_claims(["azp", "client_id"])
        .scope_claims(["scp", "scope"])
        .leeway(Duration::ZERO)
        .rule(claim("iss").is_issuer())
        .rule(claim("aud").strings())
        .rule(claim("aud").names_resource())
        .rule(claim("exp").after_now())
        .rule(claim("exp").ends_lifetime(Duration::from_secs(60), Some(Duration::from_secs(7200))))
        .rule(claim("iat").within_last(Duration::from_secs(3600)).if_present())
        .rule(claim("tenant").one_of(["a", "b"]).if_present())
        .rule(claim("roles").contains_all(["r"]).if_several("aud"));
    let site = |name, server: Result<ResourceServer, _>, as_| Site { name, server: server.unwrap(), as_ };
    let id_token = || builder().client_id(issuer.client_id()).issuer(with(TokenProfile::jwt())).build();
    let expectations = IdTokenExpectations {
        nonce: Some("n"),
        access_token: Some("a.b.c"),
        max_age: Some(Duration::from_secs(60)),
    };
    vec![
        site("jwt", builder().issuer(with(TokenProfile::jwt())).build(), As::Access),
        site("rfc9068", builder().issuer(with(TokenProfile::rfc9068())).build(), As::Access),
        site(
            "rfc9068, two issuers, scopes",
            builder()
                .issuer(unrelated)
                .issuer(with(TokenProfile::rfc9068()))
                .require(scope("read write"))
                .build(),
            As::Access,
        ),
        site("a profile of one's own", builder().issuer(with(own)).build(), As::Access),
        site(
            "by header, any key",
            builder()
                .select_issuer_by("app-id".parse().unwrap())
                .issuer(with(TokenProfile::jwt().without_rules_on("iss").key_selection(KeySelection::Any)))
                .build(),
            As::AccessOf(TestIssuer::ISSUER),
        ),
        site(
            "by header, another",
            builder().select_issuer_by("app-id".parse().unwrap()).issuer(with(TokenProfile::jwt())).build(),
            As::AccessOf("another"),
        ),
        site(
            "by header, without it",
            builder().select_issuer_by("app-id".parse().unwrap()).issuer(with(TokenProfile::jwt())).build(),
            As::Access,
        ),
        site("oidc id token", id_token(), As::Id(IdTokenExpectations::default())),
        site("oidc id token, expected", id_token(), As::Id(expectations)),
        site(
            "no ID tokens",
            builder().issuer(with(TokenProfile::jwt())).build(),
            As::Id(IdTokenExpectations::default()),
        ),
    ]
}

/// The names under which the vendors' systems know this API and its issuer.
pub(crate) const TENANT: &str = "6b3ec1a4-8d2c-4f0e-9ad7-3a9f5f5d2a61";
pub(crate) const MCA: &str = "https://mca.test/authorization/";
pub(crate) const APP_ID: &str =
    "https://eu-de.appid.cloud.ibm.com/oauth/v4/6b3ec1a4-8d2c-4f0e-9ad7-3a9f5f5d2a61";

/// An issuer whose key is of the vendors' algorithm.
pub(crate) fn rsa_issuer() -> TestIssuer {
    let pem = include_str!("../../src/issuer/testdata/rsa2048-pkcs8.pem");
    let key = SigningKey::from_pem(Algorithm::RS256, pem).unwrap();
    TestIssuer::builder().signing_key(key.kid("key-1")).build()
}

/// The servers of the vendors' presets; tokens of Layer spend `nonces`.
pub(crate) fn vendors(issuer: &TestIssuer, nonces: &Nonces) -> Vec<Site> {
    let keys = || keys(issuer);
    let key = || keys().iter().next().unwrap().clone();
    let mca = || ResourceServer::mobile_client_access(TENANT).server_url("https://mca.test").keys(keys());
    let app_id = || ResourceServer::app_id("eu-de", TENANT).keys(keys());
    let provider = layer::Provider::new("layer:///providers/1").key("layer:///keys/key-1", key());
    let sceyt = || ResourceServer::sceyt(sceyt::Application::new("app", key()));
    let six_hours = Some(Duration::from_secs(6 * 3600));
    let alone = As::Id(IdTokenExpectations::default());
    [
        ("mobile client access", mca().into_builder(), As::Access),
        ("mobile client access, legacy", mca().legacy().into_builder(), As::Access),
        ("mobile client access, an ID token alone", mca().into_builder(), alone),
        ("app id", app_id().into_builder(), As::Access),
        (
            "app id, for one client",
            app_id().audience("web").leeway(Duration::from_secs(60)).into_builder(),
            As::Access,
        ),
        ("layer", ResourceServer::layer_provider(provider).nonces(nonces.clone()), As::Access),
        ("sceyt", sceyt().into_builder(), As::AccessOf("app")),
        (
            "sceyt, strict",
            sceyt().require_aid().enforce_lifetime(six_hours).into_builder(),
            As::AccessOf("app"),
        ),
        ("sceyt, another application", sceyt().into_builder(), As::AccessOf("another")),
    ]
    .into_iter()
    .map(|(name, builder, as_)| {
        let server = builder.clock(issuer.clock().clone()).build().unwrap();
        Site { name, server, as_ }
    })
    .collect()
}
