//! Everything that the profile of one issuer and its keys say about a token.

use std::sync::Arc;

use crate::{
    error::TokenError,
    keys::{Algorithm, KeySet, verify_signature},
    policy::{Expected, Finding, Requirement, Shown, Stage, Verdict, Window},
    profile::{CompiledProfile, Extracted, scope_names},
    store::{NonceError, Nonces},
    time::UnixTime,
    token::{JoseHeader, TokenLimits, UnverifiedToken},
    verify::{Decoded, Parsed},
};

/// What a verdict depends on beside the token and its issuer.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    pub(crate) limits: &'a TokenLimits,
    pub(crate) now: UnixTime,
    pub(crate) expected: Expected<'a>,
    /// Where nonces are spent.
    pub(crate) nonces: Option<&'a Nonces>,
    /// The scopes that every request needs, where the token is one that has scopes.
    pub(crate) required: &'a Requirement,
}

/// What was found out about a token.
pub(crate) struct Examined {
    pub(crate) issuer: Option<Arc<str>>,
    pub(crate) findings: Vec<Finding>,
    /// What is judged after everything else, of all tokens: the nonce, then the scopes.
    pub(crate) nonce: Option<Finding>,
    pub(crate) scope: Option<Finding>,
    /// What an identity would be made of, with the payload that it points into.
    pub(crate) extracted: Option<(Extracted, String)>,
    /// Whether newer keys could change what is said of key and signature, and so the whole.
    pub(crate) wants_keys: bool,
    /// What verification reports when there is no such key.
    lacking: TokenError,
}

impl Examined {
    /// What can be said of a token whose issuer is not known.
    pub(crate) fn without_issuer(mut findings: Vec<Finding>) -> Self {
        const UNKNOWN: &str = "whose token it is, is not known";
        findings.extend([
            Finding::unchecked(Stage::Header, "the header is as the profile of the issuer has it", UNKNOWN),
            Finding::unchecked(
                Stage::Claims,
                "the claims are as the profile of the issuer has them",
                UNKNOWN,
            ),
            Finding::unchecked(Stage::Key, "it was signed by a key of the issuer", UNKNOWN),
            Finding::unchecked(Stage::Signature, SIGNATURE, UNKNOWN),
        ]);
        Self {
            issuer: None,
            findings,
            nonce: None,
            scope: None,
            extracted: None,
            wants_keys: false,
            lacking: TokenError::UnknownKey,
        }
    }

    /// Whether nothing speaks against the token but perhaps its nonce and its scopes.
    pub(crate) fn is_good(&self) -> bool {
        let good = |finding: &Finding| matches!(finding.verdict(), Verdict::Passed | Verdict::NotApplicable);
        self.findings.iter().all(good)
    }

    /// The same when it turned out that the issuer has no such key.
    pub(crate) fn lacking_key(mut self) -> Self {
        let open =
            |finding: &&mut Finding| finding.stage() == Stage::Key && finding.verdict() == Verdict::Unchecked;
        for finding in self.findings.iter_mut().filter(open) {
            let shown = finding.shown().cloned();
            let unknown = Finding::of(Stage::Key, finding.rule(), Err(TokenError::UnknownKey));
            *finding = unknown.about("kid").showing(shown).reported_as(self.lacking.clone());
        }
        self
    }

    /// The same where verification reports each error as `report` says.
    #[cfg(feature = "remote")]
    pub(crate) fn reporting(mut self, report: impl Fn(TokenError) -> TokenError) -> Self {
        for finding in &mut self.findings {
            if let Some(error) = finding.error().cloned() {
                *finding = finding.clone().reported_as(report(error));
            }
        }
        Self { lacking: report(self.lacking), ..self }
    }

    /// The same of a token whose issuer is not trusted, which is said after everything else that is
    /// judged without a key.
    #[cfg(feature = "remote")]
    pub(crate) fn of_untrusted(mut self, issuer: Finding) -> Self {
        self = self.withdrawing_key("the issuer is not trusted");
        let key = self.findings.iter().position(|finding| finding.stage() == Stage::Key);
        self.findings.insert(key.unwrap_or(self.findings.len()), issuer);
        Self { issuer: None, wants_keys: false, ..self }
    }

    /// The same where the missing key is found out before all else.
    pub(crate) fn first_for_want_of_key(mut self) -> Self {
        if let Some(at) = self.findings.iter().position(|finding| finding.stage() == Stage::Key) {
            let key = self.findings.remove(at);
            let unknown = Finding::of(Stage::Key, key.rule(), Err(TokenError::UnknownKey));
            let advice = key.advice().unwrap_or("get a token that a key of the issuer signed").to_owned();
            self.findings.insert(0, unknown.about("kid").showing(key.shown().cloned()).fix(|| advice));
        }
        self
    }

    /// The same when the keys cannot be had.
    pub(crate) fn without_keys(self) -> Self {
        self.withdrawing_key("the issuer's keys are not available right now")
    }

    fn withdrawing_key(mut self, because: &'static str) -> Self {
        for finding in &mut self.findings {
            if matches!(finding.stage(), Stage::Key | Stage::Signature) {
                *finding = finding.clone().withdrawn(because);
            }
        }
        self
    }
}

const SIGNATURE: &str = "the signature is good";

/// What could be read of a token: its parts, its payload, its claims.
pub(crate) type Read<'a, 'p> =
    (Option<&'a UnverifiedToken<'p>>, Option<&'a Decoded<'p>>, Option<&'a Parsed<'p>>);

/// Judges a token by this profile and these keys, if they are there. `before` was found out on the
/// way here.
pub(crate) fn examine(
    before: Vec<Finding>,
    profile: &CompiledProfile,
    keys: Option<&KeySet>,
    (token, decoded, parsed): Read<'_, '_>,
    circumstances: Circumstances<'_>,
) -> Examined {
    const UNREAD: &str = "the token cannot be read";
    let Circumstances { limits, now, expected, nonces, required } = circumstances;
    let mut findings = before;

    let json = token.map(UnverifiedToken::header_json).transpose();
    let header = json.as_ref().map(|json| json.as_deref().map(|json| JoseHeader::read(json, limits)));
    let header = match header {
        Ok(read) => read.transpose(),
        Err(error) => Err(error.clone()),
    };
    let (header_findings, algorithm) = match &header {
        Ok(Some(header)) => profile.header_findings(header, limits),
        Ok(None) => (profile.unread_header(None, limits, UNREAD), None),
        Err(error) => (profile.unread_header(Some(error.clone()), limits, "the header cannot be read"), None),
    };
    findings.extend(header_findings);

    match (parsed, decoded) {
        (Some(parsed), Some(decoded)) => {
            let payload = &decoded.payload;
            findings.extend(profile.claims_findings(&parsed.claims, payload, algorithm, now, expected));
        }
        _ => findings.extend(profile.unchecked_claims(UNREAD)),
    }

    let failed = findings.iter().any(|finding| finding.verdict() == Verdict::Failed);
    let kid = header.as_ref().ok().and_then(|header| header.as_ref()?.kid.as_deref());
    let trial = Trial { profile, kid, algorithm, keys };
    let (key_findings, unknown) = trial.run(token);
    findings.extend(key_findings);

    let nonce = profile.nonce_rule().map(|rule| {
        let nonce = parsed.zip(decoded).map(|(parsed, decoded)| {
            let nonce = profile.nonce(&parsed.claims, &decoded.payload);
            nonce.ok().flatten().map(|nonce| nonce.get(&decoded.payload).to_owned())
        });
        self::nonce(rule, nonce.flatten().as_deref(), nonces, now)
    });
    let scope = (!required.is_none()).then(|| {
        let lists = parsed.zip(decoded).map(|(parsed, decoded)| {
            let mut window = Window::ALWAYS;
            let lists = profile.scopes(&parsed.claims, &decoded.payload, now, &mut window);
            (lists, decoded.payload.as_str())
        });
        match lists {
            Some((Ok(lists), payload)) => self::scope(required, scope_names(&lists, payload)),
            _ => Finding::unchecked(Stage::Scope, scope_rule(required), "the scopes cannot be read"),
        }
    });
    let extracted = parsed.zip(decoded).and_then(|(parsed, decoded)| {
        let extracted = profile.extract(&parsed.claims, &decoded.payload, now, &mut { Window::ALWAYS });
        Some((extracted.ok()?, decoded.payload.clone()))
    });
    let issuer = Some(Arc::clone(&profile.binding.issuer));
    let lacking = TokenError::UnknownKey;
    Examined { issuer, findings, nonce, scope, extracted, wants_keys: unknown && !failed, lacking }
}

/// Whether a nonce can be spent, which it is not here.
fn nonce(rule: String, nonce: Option<&str>, nonces: Option<&Nonces>, now: UnixTime) -> Finding {
    let Some(nonce) = nonce else { return Finding::unchecked(Stage::Nonce, rule, "there is no nonce") };
    match nonces.map_or(Err(NonceError::Unavailable), |nonces| nonces.peek(nonce, now)) {
        Ok(()) => Finding::of(Stage::Nonce, rule, Ok(())),
        Err(error) if error.is_temporary() => {
            Finding::unchecked(Stage::Nonce, rule, "no nonce can be spent right now")
        }
        Err(_) => Finding::of(Stage::Nonce, rule, Err(TokenError::StaleNonce))
            .fix(|| "get a new nonce of this server, and a token with it: each counts once, and for minutes"),
    }
}

fn scope_rule(required: &Requirement) -> String {
    format!("the scopes hold {required}")
}

fn scope<'a>(required: &Requirement, granted: impl Iterator<Item = &'a str> + Clone) -> Finding {
    let rule = scope_rule(required);
    let shown = granted.clone().collect::<Vec<_>>().join(" ");
    let finding = if required.is_met_by(granted) {
        Finding::of(Stage::Scope, rule, Ok(()))
    } else {
        let because = "the token lacks a scope that every request needs";
        Finding::failed(Stage::Scope, rule, because)
            .fix(|| format!("request the token with the scopes {required}"))
    };
    finding.showing(Some(Shown::text(&shown)))
}

/// A token whose signer is looked for.
struct Trial<'a> {
    profile: &'a CompiledProfile,
    kid: Option<&'a str>,
    algorithm: Option<Algorithm>,
    keys: Option<&'a KeySet>,
}

impl Trial<'_> {
    /// What can be said of key and signature, and whether newer keys could say otherwise.
    fn run(&self, token: Option<&UnverifiedToken<'_>>) -> ([Finding; 2], bool) {
        let shown = self.kid.map(Shown::text);
        let rule = self.profile.key_rule(self.kid.is_some());
        let unchecked = |because: &'static str| {
            let key = Finding::unchecked(Stage::Key, rule, because).showing(shown.clone());
            [key, Finding::unchecked(Stage::Signature, SIGNATURE, because)]
        };
        let (Some(token), Some(algorithm)) = (token, self.algorithm) else {
            return (unchecked("the header says no algorithm that is accepted"), false);
        };
        let Some(keys) = self.keys else {
            return (unchecked("the issuer's keys were not fetched yet"), true);
        };
        let name = self.profile.key_name(self.kid);
        let tried = keys.candidates(name, algorithm).count();
        let verdict = verify_signature(token, name, algorithm, keys).map(drop);
        let unknown = verdict == Err(TokenError::UnknownKey);
        let key = |verdict| {
            let finding = Finding::of(Stage::Key, rule, verdict).fix(|| self.advice(keys));
            finding.about("kid").showing(shown.clone())
        };
        let findings = match (tried, verdict) {
            (0, Err(TokenError::UnknownKey)) => {
                let signature =
                    Finding::unchecked(Stage::Signature, SIGNATURE, "there is no key to check it with");
                [key(Err(TokenError::UnknownKey)), signature]
            }
            (0, verdict) => [
                // Judged before any key is looked for: too long for all of them.
                Finding::not_applicable(Stage::Key, rule, "the signature is of no key")
                    .showing(shown.clone()),
                Finding::of(Stage::Signature, SIGNATURE, verdict).fix(|| CHANGED),
            ],
            (_, verdict) => [key(Ok(())), Finding::of(Stage::Signature, SIGNATURE, verdict).fix(|| CHANGED)],
        };
        (findings, unknown)
    }

    /// Which keys there are to choose from.
    fn advice(&self, keys: &KeySet) -> String {
        const MAX_NAMES: usize = 8;
        let names: Vec<_> = keys.iter().filter_map(|key| key.kid()).take(MAX_NAMES).collect();
        let there = match (names.as_slice(), keys.len()) {
            ([], count) => format!("{count} without a name"),
            (names, count) if count > names.len() => format!("{names:?} and others"),
            (names, _) => format!("{names:?}"),
        };
        format!(
            "get a token that a key of {:?} signed, or trust the issuer's new key; the keys at hand are {there}",
            self.profile.binding.issuer
        )
    }
}

const CHANGED: &str =
    "send the token as it was issued: it was changed, or signed by another key than the one it names";
