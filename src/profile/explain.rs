//! What a profile says about a token, check by check, by the functions that verification runs.

use std::{borrow::Cow, sync::Arc};

use super::{CompiledProfile, KeySelection, TypeRule};
use crate::{
    error::{ClaimName, TokenError},
    keys::Algorithm,
    policy::{Context, Expected, Finding, Moment, Shown, Stage, Window},
    time::UnixTime,
    token::{ClaimId, Claims, JoseHeader, TokenLimits},
};

impl CompiledProfile {
    fn header_rules(&self, limits: &TokenLimits) -> [String; 6] {
        let accepted: Vec<_> = self.algorithms.iter().map(Algorithm::name).collect();
        [
            "the header is a JSON object with alg, and no member is there twice".to_owned(),
            "there is no crit, b64, enc or zip, and cty is not JWT".to_owned(),
            format!("kid has at most {} bytes", limits.kid_bytes),
            format!("alg is one of {}", accepted.join(" ")),
            self.typ.words("typ"),
            match &self.cty {
                Some(cty) => format!("cty is {cty}"),
                None => "cty may be anything".to_owned(),
            },
        ]
    }

    /// The header's members; and the algorithm, if it is an accepted one.
    pub(crate) fn header_findings(
        &self,
        header: &JoseHeader<'_>,
        limits: &TokenLimits,
    ) -> (Vec<Finding>, Option<Algorithm>) {
        let [form, extensions, kid_size, alg, typ, cty] = self.header_rules(limits);
        let shown = |text: &Option<Cow<'_, str>>| text.as_deref().map(Shown::text);
        let algorithm = self.check_algorithm(header);
        let kid_size = match header.kid {
            Some(_) => Finding::of(Stage::Header, kid_size, header.check_kid(limits)),
            None => Finding::not_applicable(Stage::Header, kid_size, NOT_THERE),
        };
        let mut findings = vec![
            Finding::of(Stage::Header, form, Ok(())),
            Finding::of(Stage::Header, extensions, header.check_extensions())
                .fix(|| "have the issuer sign without extensions (RFC 7515 section 4.1.11)"),
            kid_size.about("kid").fix(|| "use shorter key ids, or raise TokenLimits::kid_bytes"),
            Finding::of(Stage::Header, alg, algorithm.clone().map(drop))
                .about("alg")
                .showing(Some(Shown::text(&header.alg)))
                .fix(|| "have the issuer sign with one of these, or accept it with TokenProfile::algorithms"),
            self.typ.finding("typ", typ, header.typ.as_deref()).showing(shown(&header.typ)),
            match header.cty {
                None if self.cty.is_none() => Finding::not_applicable(Stage::Header, cty, NOT_THERE),
                _ => Finding::of(Stage::Header, cty, self.check_content_type(header)).fix(|| OTHER_TYPE),
            }
            .about("cty")
            .showing(shown(&header.cty)),
        ];
        if self.requires_kid {
            let kid = Finding::of(Stage::Header, KID, self.check_names_key(header)).about("kid");
            findings.push(kid.fix(|| "have the issuer name the key that it signs with"));
        }
        (findings, algorithm.ok())
    }

    /// The same of a header that could not be read: because of `error`, or because nothing could.
    pub(crate) fn unread_header(
        &self,
        error: Option<TokenError>,
        limits: &TokenLimits,
        because: &'static str,
    ) -> Vec<Finding> {
        let unread = |rule| Finding::unchecked(Stage::Header, rule, because);
        let [form, others @ ..] = self.header_rules(limits);
        let form = match error {
            Some(error) => Finding::of(Stage::Header, form, Err(error))
                .fix(|| "have the issuer write the header as RFC 7515 section 4 has it"),
            None => unread(form),
        };
        let kid = self.requires_kid.then(|| unread(KID.to_owned()));
        [form].into_iter().chain(others.map(unread)).chain(kid).collect()
    }

    /// The rules on claims, then what an identity is read from.
    pub(crate) fn claims_findings(
        &self,
        claims: &Claims<'_>,
        payload: &str,
        algorithm: Option<Algorithm>,
        now: UnixTime,
        expected: Expected<'_>,
    ) -> Vec<Finding> {
        let moment = Moment { now, leeway: self.leeway };
        // Where it is unknown, the rules that ask for it are not checked, so any will do.
        let context = Context {
            moment,
            binding: &self.binding,
            expected,
            algorithm: algorithm.unwrap_or(Algorithm::RS256),
        };
        let mut findings = self.policy.findings(claims, &context, algorithm.is_some());
        let mut read =
            |names: &[(ClaimId, ClaimName)], what: &str, verdict: Result<(), TokenError>, needed| {
                let rule = identity_rule(names, what, needed);
                let present = names.iter().find_map(|(id, name)| Some((claims.get(*id)?, name.as_str())));
                let finding = match (&verdict, present) {
                    (Ok(()), None) => Finding::not_applicable(Stage::Claims, rule, NOT_THERE),
                    _ => Finding::of(Stage::Claims, rule, verdict)
                        .fix(|| "have the issuer write it as a string that is not empty"),
                };
                let finding =
                    match present.map(|(_, name)| name).or(names.first().map(|(_, name)| name.as_str())) {
                        Some(name) => finding.about(name),
                        None => finding,
                    };
                findings.push(finding.showing(present.map(|(value, name)| Shown::claim(name, value))));
            };
        let subject = std::slice::from_ref(&self.subject);
        read(subject, SUBJECT, self.subject(claims, payload).map(drop), true);
        if !self.clients.is_empty() {
            read(&self.clients, CLIENT, self.client(claims, payload).map(drop), false);
        }
        if !self.scopes.is_empty() {
            read(
                &self.scopes,
                SCOPES,
                self.scopes(claims, payload, now, &mut { Window::ALWAYS }).map(drop),
                false,
            );
        }
        if let Some(nonce) = &self.nonce {
            read(std::slice::from_ref(nonce), NONCE, self.nonce(claims, payload).map(drop), true);
        }
        findings
    }

    /// The same of claims that could not be read.
    pub(crate) fn unchecked_claims(&self, because: &'static str) -> Vec<Finding> {
        let mut findings: Vec<_> = self.policy.unchecked(because).collect();
        let subject = std::slice::from_ref(&self.subject);
        for (names, what, needed) in [
            (subject, SUBJECT, true),
            (&self.clients, CLIENT, false),
            (&self.scopes, SCOPES, false),
            (self.nonce.as_slice(), NONCE, true),
        ] {
            if !names.is_empty() {
                findings.push(Finding::unchecked(Stage::Claims, identity_rule(names, what, needed), because));
            }
        }
        findings
    }

    /// What must hold of the nonce that a token spends, if it spends one.
    pub(crate) fn nonce_rule(&self) -> Option<String> {
        self.nonce
            .as_ref()
            .map(|(_, name)| format!("{} is a nonce of this server, and was not spent", name.as_str()))
    }

    /// How the key must be named.
    pub(crate) const fn key_rule(&self, has_kid: bool) -> &'static str {
        match (self.key_selection, has_kid) {
            (KeySelection::Kid, true) => "kid names a key of the issuer that is for this alg",
            (KeySelection::LastSegment, true) => {
                "kid names a key of the issuer that is for this alg, by what follows its last slash"
            }
            (KeySelection::Any, _) => "the issuer has a key for this alg, whatever the kid",
            (_, false) => "the issuer has a key for this alg, as there is no kid",
        }
    }
}

const KID: &str = "kid is there";
const NOT_THERE: &str = "not there";
const OTHER_TYPE: &str = "send the kind of token that belongs here, or accept this type with the profile";

const SUBJECT: &str = "names the subject";
const CLIENT: &str = "names the client";
const SCOPES: &str = "lists the scopes";
const NONCE: &str = "is the nonce that the token spends";

fn identity_rule(names: &[(ClaimId, ClaimName)], what: &str, needed: bool) -> String {
    let names: Vec<_> = names.iter().map(|(_, name)| name.as_str()).collect();
    format!("{} {what}{}", names.join(" or "), if needed { "" } else { ", if present" })
}

impl TypeRule {
    fn words(&self, member: &str) -> String {
        let accepted: Vec<&str> = self.accepted.iter().map(Arc::as_ref).collect();
        match (accepted.as_slice(), self.required) {
            ([], false) => format!("{member} may be anything"),
            ([], true) => format!("{member} is there"),
            (some, true) => format!("{member} is {}", some.join(" or ")),
            (some, false) => format!("{member} is {}, if present", some.join(" or ")),
        }
    }

    fn finding(&self, member: &str, words: String, value: Option<&str>) -> Finding {
        let finding = match (self.check(value), value) {
            (Ok(()), None) => Finding::not_applicable(Stage::Header, words, NOT_THERE),
            (verdict, _) => Finding::of(Stage::Header, words, verdict).fix(|| OTHER_TYPE),
        };
        finding.about(member)
    }
}
