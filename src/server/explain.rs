//! Why a token is accepted or not: the same recipe as in `slot` and `authenticate`, told check by check.

#[cfg(feature = "remote")]
use std::sync::Arc;

#[cfg(feature = "remote")]
use super::sources::TenantProfiles;
use super::{
    IdTokenExpectations, Now, ResourceServer,
    pair::Half,
    slot::{Slot, selected},
    sources::Sources,
};
#[cfg(feature = "remote")]
use crate::source::Tenants;
use crate::{
    error::TokenError,
    explain::{Circumstances, Examined, Explanation, Taken, examine, form},
    http::Credentials,
    policy::{Expected, Finding, Requirement, Shown, Stage},
    profile::CompiledProfile,
    source::{KeyNeed, KeyOutcome, Snapshot, SnapshotRef},
    token::UnverifiedToken,
    verify::{Decoded, Parsed},
};

impl ResourceServer {
    /// Explains what [`verify_access_token`](Self::verify_access_token) would say: every check with
    /// its verdict, what the token says where that may be shown, and what would fix it.
    ///
    /// The [module](crate::explain) says what it promises and what it shows. It waits only when the
    /// keys to decide are being fetched, as verification does.
    ///
    /// ```
    /// # use tower_resource_server::{Issuer, keys::KeySet, profile::TokenProfile};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::{ResourceServer, explain::Stage};
    ///
    /// # let keys = KeySet::from_jwks(br#"{"keys":[
    /// #     {"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    /// # ]}"#)?;
    /// # let issuer = Issuer::with_keys("https://login.example", keys).profile(TokenProfile::rfc9068());
    /// let api = ResourceServer::builder("https://api.example").issuer(issuer).build()?;
    /// let explanation = api.explain("not.a-token").await;
    /// assert!(!explanation.is_valid());
    /// let why = explanation.failed().next().map(|finding| (finding.stage(), finding.rule()));
    /// assert_eq!(why, Some((Stage::Form, "it has three parts with dots between them")));
    /// println!("{explanation}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn explain(&self, token: &str) -> Explanation {
        self.explain_access(Credentials::access(token.as_bytes())).await
    }

    /// Explains what [`verify_access_token_of`](Self::verify_access_token_of) would say.
    pub async fn explain_of(&self, issuer: &str, token: &str) -> Explanation {
        let selector = Some(issuer.as_bytes());
        self.explain_access(Credentials { selector, ..Credentials::access(token.as_bytes()) }).await
    }

    /// Explains what [`verify_id_token`](Self::verify_id_token) would say.
    pub async fn explain_id_token(&self, token: &str, expectations: IdTokenExpectations<'_>) -> Explanation {
        let none = Requirement::none();
        let expected = expectations.expected();
        self.settle(Taken::Id, &none, |now| {
            Looked::one(match self.0.id_slot_alone() {
                Some(slot) => self.look(slot, Credentials::access(token.as_bytes()), now, expected, &none),
                None => (Examined::without_issuer(vec![no_slot(self.0.id.is_some())]), None),
            })
        })
        .await
    }

    /// Explains what a request with both tokens would be told, where the server
    /// [takes](super::ResourceServerBuilder::id_token) ID tokens: whether each is good, and whether
    /// they belong together.
    pub async fn explain_pair(&self, access_token: &str, id_token: &str) -> Explanation {
        let required = &self.0.required;
        let (access, id) = (Credentials::access(access_token.as_bytes()), id_token.as_bytes());
        let expected = Expected { access_token: Some(access_token), ..Expected::default() };
        self.settle(Taken::Pair, required, |now| {
            let (first, need) = self.look(&self.0.access, access, now, Expected::default(), required);
            let (second, then) = match &self.0.id {
                Some(slot) => self.look(slot, Credentials::access(id), now, expected, &Requirement::none()),
                None => (Examined::without_issuer(vec![no_slot(false)]), None),
            };
            // The second is looked at when the first is good.
            let need = match need {
                Some(need) => Some((0, need)),
                None => then.filter(|_| first.is_good()).map(|then| (1, then)),
            };
            let pair = self.pair_finding(&first, &second);
            Looked { parts: vec![first, second], pair: Some(pair), need }
        })
        .await
    }

    fn pair_finding(&self, access: &Examined, id: &Examined) -> Finding {
        let rule = "the two tokens are of one issuer, and of one user and client";
        match (half(access), half(id)) {
            (Some(access), Some(id)) => Finding::of(Stage::Pair, rule, self.0.pair.check(access, id))
                .fix(|| "send the ID token that was issued with this access token"),
            _ => Finding::unchecked(Stage::Pair, rule, "one of them says too little"),
        }
    }

    async fn explain_access(&self, credentials: Credentials<'_>) -> Explanation {
        let required = &self.0.required;
        self.settle(Taken::Access, required, |now| {
            Looked::one(self.look(&self.0.access, credentials, now, Expected::default(), required))
        })
        .await
    }

    fn look(
        &self,
        slot: &Slot,
        credentials: Credentials<'_>,
        now: &Now<'_>,
        expected: Expected<'_>,
        required: &Requirement,
    ) -> (Examined, Option<Need>) {
        let limits = &self.0.limits;
        let nonces = self.0.nonces.as_ref();
        let circumstances = Circumstances { limits, now: now.unix(), expected, nonces, required };
        slot.explain(credentials, &self.0.sources, now, circumstances)
    }

    /// Looks at a token again and again until its issuer's keys can say nothing new, as
    /// `authenticate` does.
    async fn settle(
        &self,
        taken: Taken,
        required: &Requirement,
        look: impl Fn(&Now<'_>) -> Looked,
    ) -> Explanation {
        let mut arrived = None;
        let mut rounds = 0;
        let (looked, moment) = loop {
            let (looked, moment, part, need) = {
                let now = self.0.now();
                let mut looked = look(&now);
                match looked.need.take() {
                    None => break (looked, now.unix()),
                    Some((part, Need::Keys { source, seen })) => {
                        // Read after the keys were looked at: evidence must be newer.
                        let arrived = *arrived.get_or_insert_with(|| now.monotonic());
                        (looked, now.unix(), part, self.0.consult(source, seen, arrived, &mut rounds))
                    }
                    #[cfg(feature = "remote")]
                    Some((part, Need::Place)) => {
                        break (looked.with_part(part, Examined::without_keys), now.unix());
                    }
                }
            };
            let outcome = match need {
                KeyNeed::TryAgain => KeyOutcome::TryAgain,
                KeyNeed::Lacks => KeyOutcome::Lacks,
                KeyNeed::Unavailable { retry_after } => KeyOutcome::Unavailable { retry_after },
                #[cfg(feature = "remote")]
                KeyNeed::Wait(wait) => wait.await,
            };
            match outcome {
                KeyOutcome::TryAgain => {}
                KeyOutcome::Lacks => break (looked.with_part(part, Examined::lacking_key), moment),
                KeyOutcome::Unavailable { .. } => {
                    break (looked.with_part(part, Examined::without_keys), moment);
                }
            }
        };
        Explanation::new(taken, looked.parts, looked.pair, required.clone(), moment)
    }
}

/// One look at the tokens: what was found out, and what would tell more about one of them.
struct Looked {
    parts: Vec<Examined>,
    pair: Option<Finding>,
    need: Option<(usize, Need)>,
}

impl Looked {
    fn one((examined, need): (Examined, Option<Need>)) -> Self {
        Self { parts: vec![examined], pair: None, need: need.map(|need| (0, need)) }
    }

    fn with_part(mut self, which: usize, change: fn(Examined) -> Examined) -> Self {
        let changed = |(n, part)| if n == which { change(part) } else { part };
        self.parts = self.parts.into_iter().enumerate().map(changed).collect();
        self
    }
}

/// What the rules for pairs ask about a token.
fn half(examined: &Examined) -> Option<Half<'_>> {
    let (extracted, payload) = examined.extracted.as_ref()?;
    Some(Half { issuer: examined.issuer.as_deref()?, extracted, payload })
}

/// What would tell more about a token.
enum Need {
    /// Other keys than those of this generation.
    Keys { source: usize, seen: Option<u64> },
    /// A place among the tenants, which there is none of now.
    #[cfg(feature = "remote")]
    Place,
}

/// A token as far as it could be read, and the circumstances.
struct Subject<'a, 'p> {
    token: Option<&'a UnverifiedToken<'p>>,
    decoded: Option<&'a Decoded<'p>>,
    parsed: Option<&'a Parsed<'p>>,
    circumstances: Circumstances<'a>,
}

impl Subject<'_, '_> {
    /// Judges it by the profile and the keys of one issuer.
    fn examine(
        &self,
        before: Vec<Finding>,
        profile: &CompiledProfile,
        source: usize,
        snapshot: Option<SnapshotRef>,
    ) -> (Examined, Option<Need>) {
        let keys = snapshot.as_deref().map(Snapshot::keys);
        let examined =
            examine(before, profile, keys, (self.token, self.decoded, self.parsed), self.circumstances);
        let seen = snapshot.as_deref().map(Snapshot::generation);
        let need = examined.wants_keys.then_some(Need::Keys { source, seen });
        (examined, need)
    }
}

impl Slot {
    fn explain(
        &self,
        credentials: Credentials<'_>,
        sources: &Sources,
        now: &Now<'_>,
        circumstances: Circumstances<'_>,
    ) -> (Examined, Option<Need>) {
        let limits = circumstances.limits;
        let token = UnverifiedToken::parse(credentials.access, limits);
        let decoded = token.clone().and_then(Decoded::new);
        let parsed = match &decoded {
            Ok(decoded) => decoded.claims(&self.names, limits),
            Err(error) => Err(error.clone()),
        };
        let findings = form(parsed.as_ref().err(), limits);
        let (token, decoded, parsed) = (token.as_ref().ok(), decoded.as_ref().ok(), parsed.as_ref().ok());
        let subject = Subject { token, decoded, parsed, circumstances };
        let (examined, need) = self.explain_parsed(&subject, findings, credentials, sources, now);
        // A key that is known not to exist is found out first, where there is one issuer.
        let only = sources.only().and_then(|keys| Some((keys, keys.peek(|| now.monotonic())?)));
        match (token, only) {
            (Some(token), Some((keys, snapshot)))
                if self.is_hopeless_with(token, keys, &snapshot, limits, now) =>
            {
                (examined.first_for_want_of_key(), None)
            }
            _ => (examined, need),
        }
    }

    fn explain_parsed(
        &self,
        subject: &Subject<'_, '_>,
        mut findings: Vec<Finding>,
        credentials: Credentials<'_>,
        sources: &Sources,
        now: &Now<'_>,
    ) -> (Examined, Option<Need>) {
        let parsed = subject.parsed;

        let iss = match parsed {
            _ if self.selected => Some(selected(credentials.selector)),
            Some(parsed) => Some(self.iss(&parsed.claims)),
            None => None,
        };
        let trusted = match &iss {
            Some(Ok(iss)) => self.fixed(iss, sources),
            _ => None,
        };
        if let Some((source, profile, named)) = trusted {
            findings.push(self.issuer_finding(iss.as_ref(), true));
            return subject.examine(findings, profile, source, named.keys.snapshot(|| now.monotonic()));
        }
        #[cfg(feature = "remote")]
        if let Some(Ok(name)) = iss
            && let Some(like) = sources.tenants_like(name).next()
        {
            let (examined, need) = match sources.tenants_of(name) {
                Some(tenants) => {
                    findings.push(self.issuer_finding(iss.as_ref(), true));
                    self.explain_tenant(subject, findings, tenants, name, now)
                }
                None => (self.explain_untrusted(subject, findings, like, name), None),
            };
            return (examined.reporting(|error| sources.reported_error(name, error)), need);
        }
        findings.push(self.issuer_finding(iss.as_ref(), false));
        match (self.issuers.as_slice(), sources.only()) {
            // There is only one that it can be taken for, and the rest may be right. It starts nothing.
            ([profile], Some(only)) => subject.examine(findings, profile, 0, only.peek(|| now.monotonic())),
            _ => (Examined::without_issuer(findings), None),
        }
    }

    fn issuer_finding(&self, iss: Option<&Result<&str, TokenError>>, trusted: bool) -> Finding {
        let rule =
            if self.selected { "the request names a trusted issuer" } else { "iss names a trusted issuer" };
        let (verdict, shown) = match iss {
            None => return Finding::unchecked(Stage::Issuer, rule, "the token cannot be read"),
            Some(Err(error)) => (Err(error.clone()), None),
            Some(Ok(iss)) if trusted => (Ok(()), Some(Shown::text(iss))),
            Some(Ok(iss)) => (Err(TokenError::UntrustedIssuer), Some(Shown::text(iss))),
        };
        let finding = Finding::of(Stage::Issuer, rule, verdict).showing(shown).fix(|| {
            let names: Vec<_> = self.issuers.iter().map(|profile| &*profile.binding.issuer).collect();
            match names.as_slice() {
                [] => "get a token of a trusted issuer, or trust this one".to_owned(),
                [only] => {
                    format!("get a token of {only:?}, or configure the issuer exactly as it is named here")
                }
                several => format!("get a token of one of {several:?}, or trust this issuer"),
            }
        });
        if self.selected { finding } else { finding.about("iss") }
    }

    /// A token in the name of a tenant that is not trusted.
    #[cfg(feature = "remote")]
    fn explain_untrusted(
        &self,
        subject: &Subject<'_, '_>,
        mut findings: Vec<Finding>,
        tenants: &Tenants<TenantProfiles>,
        iss: &str,
    ) -> Examined {
        let own = tenants.own(&iss.into());
        let untrusted = self.issuer_finding(Some(&Ok(iss)), false);
        match (self.of_tenant)(&own) {
            Some(profile) => subject.examine(findings, profile, usize::MAX, None).0.of_untrusted(untrusted),
            None => {
                findings.extend([no_slot(false), untrusted]);
                Examined::without_issuer(findings)
            }
        }
    }

    /// A token of a tenant, which may be one that is not known yet.
    #[cfg(feature = "remote")]
    fn explain_tenant(
        &self,
        subject: &Subject<'_, '_>,
        mut findings: Vec<Finding>,
        tenants: &Tenants<TenantProfiles>,
        iss: &str,
        now: &Now<'_>,
    ) -> (Examined, Option<Need>) {
        let known = tenants.by_issuer(iss);
        let issuer: Arc<str> = iss.into();
        let own = tenants.own(&issuer);
        let Some(profile) = (self.of_tenant)(&own) else {
            findings.push(no_slot(false));
            return (Examined::without_issuer(findings), None);
        };
        if let Some(tenant) = known {
            return subject.examine(findings, profile, tenant.id, tenant.keys.snapshot(now.monotonic()));
        }
        let (examined, need) = subject.examine(findings, profile, usize::MAX, None);
        // A hopeless token is not worth looking for its issuer.
        let need = need.map(|_| match tenants.admit(&issuer, own, now.monotonic()) {
            Ok(tenant) => Need::Keys { source: tenant.id, seen: None },
            Err(_) => Need::Place,
        });
        (examined, need)
    }
}

/// A token of a kind that is not taken, or in pairs alone.
fn no_slot(in_pairs: bool) -> Finding {
    let rule = "tokens of this kind are taken by themselves";
    Finding::of(Stage::Form, rule, Err(TokenError::WrongType)).fix(|| {
        if in_pairs {
            "send it with the access token that it came with: alone, it is tied to no client"
        } else {
            "give the server the client that ID tokens are for: ResourceServerBuilder::client_id"
        }
    })
}
