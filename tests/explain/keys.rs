//! Keys that have to be fetched: when they are, and what is said when they cannot be had.

use std::{
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response};
use tower_resource_server::{
    Explanation, ResourceServer, TrustedIssuer,
    error::TokenError,
    explain::{Outcome, Stage, Verdict},
    http::Reason,
    net::{Body, HttpClient, HttpError, HttpFuture, Limits},
    policy::scope,
    profile::TokenProfile,
    test_util::{Defect, TestIssuer},
};

use crate::site::run;

/// A provider in memory: a key set wherever it is asked, or no answer.
#[derive(Clone, Default)]
struct Provider(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    jwks: Option<String>,
    requests: usize,
}

impl Provider {
    fn publish(&self, issuer: &TestIssuer) {
        self.0.lock().unwrap().jwks = Some(issuer.jwks().to_string());
    }

    fn requests(&self) -> usize {
        self.0.lock().unwrap().requests
    }
}

impl HttpClient for Provider {
    fn send(&self, request: Request<Body>, _: Limits) -> HttpFuture<'_> {
        let mut state = self.0.lock().unwrap();
        state.requests += 1;
        let url = request.uri().to_string();
        let answer = match (&state.jwks, url.strip_suffix("/.well-known/openid-configuration")) {
            (None, _) => Err(HttpError::Connect),
            (Some(_), Some(issuer)) => Ok(format!(r#"{{"issuer":"{issuer}","jwks_uri":"{issuer}/jwks"}}"#)),
            (Some(jwks), None) => Ok(jwks.clone()),
        };
        Box::pin(ready(answer.map(|document| Response::new(document.into()))))
    }
}

struct Site {
    issuer: TestIssuer,
    provider: Provider,
    api: ResourceServer,
}

impl Site {
    fn new(trusted: impl FnOnce(&str) -> TrustedIssuer) -> Self {
        let (issuer, provider) =
            (TestIssuer::builder().issuer("https://login.test/blue").build(), Provider::default());
        let trusted = trusted(issuer.issuer()).http_client(provider.clone());
        let api = ResourceServer::builder(issuer.audience())
            .issuer(trusted)
            .clock(issuer.clock().clone())
            .build()
            .unwrap();
        Self { issuer, provider, api }
    }

    fn one() -> Self {
        Self::new(|name| TrustedIssuer::with_jwks_uri(name, format!("{name}/jwks"), TokenProfile::rfc9068()))
    }

    fn tenants() -> Self {
        Self::new(|_| {
            TrustedIssuer::tenants("https://login.test/{tenant}", TokenProfile::rfc9068())
                .allow_tenants(["blue"])
        })
    }

    fn good(&self) -> String {
        self.issuer.access_token("alice").unique().mint().unwrap()
    }

    fn explain(&self, token: &str) -> Explanation {
        run(self.api.explain(token))
    }
}

fn verdicts(explanation: &Explanation, stage: Stage) -> Vec<Verdict> {
    let of_stage = explanation.findings().iter().filter(|finding| finding.stage() == stage);
    of_stage.map(|finding| finding.verdict()).collect()
}

#[test]
fn keys_are_fetched_for_a_token_that_depends_on_them() {
    // Of tenants it is not said which of their keys there are.
    for (site, error) in
        [(Site::one(), TokenError::UnknownKey), (Site::tenants(), TokenError::UnverifiedTenant)]
    {
        site.provider.publish(&site.issuer);
        let explanation = site.explain(&site.good());
        assert!(explanation.is_valid(), "{explanation}");
        assert_eq!(explanation.issuer(), Some(site.issuer.issuer()));

        let before = site.provider.requests();
        assert!(before > 0);
        assert!(site.explain(&site.good()).is_valid());
        assert_eq!(site.provider.requests(), before, "once is enough");

        site.issuer.clock().advance(Duration::from_secs(30));
        site.issuer.rotate();
        site.provider.publish(&site.issuer);
        let explanation = site.explain(&site.good());
        assert!(explanation.is_valid(), "a key that is new: {explanation}");

        let unknown = site.issuer.broken(Defect::UnknownKid);
        let explanation = site.explain(&unknown);
        assert_eq!(explanation.error(), Some(&error), "{explanation}");
        let refused = run(site.api.verify_access_token(&unknown)).unwrap_err();
        assert_eq!(explanation.reason().as_ref(), Some(refused.reason()));
    }
}

#[test]
fn nothing_is_fetched_for_a_token_that_is_hopeless_anyway() {
    for (name, defect) in [("untrusted", Defect::WrongIssuer), ("malformed", Defect::TwoParts)] {
        for site in [Site::one(), Site::tenants()] {
            site.provider.publish(&site.issuer);
            let explanation = site.explain(&site.issuer.broken(defect));
            assert_eq!(explanation.outcome(), Outcome::Invalid, "{name}");
            assert_eq!(
                verdicts(&explanation, Stage::Signature),
                [Verdict::Unchecked],
                "{name}: {explanation}"
            );
            run(async { tokio::task::yield_now().await });
            assert_eq!(site.provider.requests(), 0, "{name}");
        }
    }
    let site = Site::tenants();
    site.provider.publish(&site.issuer);
    let explanation = site.explain(&site.issuer.broken(Defect::Expired));
    assert_eq!(explanation.error(), Some(&TokenError::Expired));
    assert_eq!(site.provider.requests(), 0, "no tenant is looked for");
}

#[test]
fn a_hopeless_token_is_checked_with_the_keys_at_hand() {
    for site in [Site::one(), Site::tenants()] {
        site.provider.publish(&site.issuer);
        assert!(site.explain(&site.good()).is_valid());
        let requests = site.provider.requests();
        for (defect, signature) in [
            (Defect::Expired, Verdict::Passed),
            (Defect::WrongAudience, Verdict::Passed),
            (Defect::SubjectNumber, Verdict::Passed),
            (Defect::ForeignKey, Verdict::Failed),
        ] {
            let explanation = site.explain(&site.issuer.broken(defect));
            assert_eq!(explanation.outcome(), Outcome::Invalid, "{defect}");
            assert_eq!(verdicts(&explanation, Stage::Signature), [signature], "{defect}: {explanation}");
        }
        assert_eq!(site.provider.requests(), requests);
    }
}

#[test]
fn without_keys_nothing_is_known_but_what_is_wrong_without_them() {
    for site in [Site::one(), Site::tenants()] {
        let good = site.good();
        let explanation = site.explain(&good);
        assert_eq!(explanation.outcome(), Outcome::Unchecked, "{explanation}");
        assert_eq!(explanation.reason(), Some(Reason::KeysUnavailable));
        assert_eq!((explanation.is_valid(), explanation.error()), (false, None));
        assert_eq!(verdicts(&explanation, Stage::Key), [Verdict::Unchecked]);
        assert_eq!(verdicts(&explanation, Stage::Signature), [Verdict::Unchecked]);
        assert!(
            explanation.to_string().starts_with("The access token could not be checked: the issuer's keys")
        );
        assert_eq!(*run(site.api.verify_access_token(&good)).unwrap_err().reason(), Reason::KeysUnavailable);

        let explanation = site.explain(&site.issuer.broken(Defect::Expired));
        assert_eq!(explanation.outcome(), Outcome::Invalid, "{explanation}");
        assert_eq!(explanation.error(), Some(&TokenError::Expired));
    }
}

#[test]
fn a_scope_is_not_missed_of_a_token_that_may_be_anybodys() {
    let (issuer, provider) = (TestIssuer::new(), Provider::default());
    let trusted =
        TrustedIssuer::with_jwks_uri(issuer.issuer(), "https://login.test/jwks", TokenProfile::rfc9068())
            .http_client(provider.clone());
    let builder = ResourceServer::builder(issuer.audience()).issuer(trusted).clock(issuer.clock().clone());
    let api = builder.require(scope("write")).build().unwrap();
    let token = issuer.access_token("alice").scope("read").mint().unwrap();
    for (name, outcome) in [("no keys", Outcome::Unchecked), ("keys", Outcome::Invalid)] {
        let explanation = run(api.explain(&token));
        assert_eq!(explanation.outcome(), outcome, "{name}: {explanation}");
        assert_eq!(
            verdicts(&explanation, Stage::Scope),
            [Verdict::Failed],
            "{name}: it is told all the same"
        );
        let refused = run(api.verify_access_token(&token)).unwrap_err();
        assert_eq!(explanation.reason().as_ref(), Some(refused.reason()), "{name}");
        assert_eq!(explanation.error(), None, "{name}");
        provider.publish(&issuer);
        issuer.clock().advance(Duration::from_secs(60));
    }
}
