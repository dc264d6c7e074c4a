//! What a profile demands beside its rules on claims, in words: for people who ask why a token fails.

use super::{CompiledProfile, Fact, KeySelection, Once};
use crate::{keys::Algorithm, token::TokenLimits};

impl CompiledProfile {
    /// What must hold of the header, in the order of the checks.
    pub(crate) fn header_in_words(&self, limits: &TokenLimits) -> Vec<String> {
        let algorithms: Vec<_> = self.algorithms.iter().map(Algorithm::name).collect();
        let types = self.typ.accepted.join(" or ");
        let rules = [
            "the header is a JSON object with alg, and no member is there twice".into(),
            "there is no crit, b64, enc or zip, and cty is not JWT".into(),
            format!("kid has at most {} bytes", limits.kid_bytes),
            format!("alg is one of {}", algorithms.join(" ")),
            match (types.as_str(), self.typ.required) {
                ("", false) => "typ may be anything".into(),
                ("", true) => "typ is there".into(),
                (types, true) => format!("typ is {types}"),
                (types, false) => format!("typ is {types}, if present"),
            },
            self.cty.as_ref().map_or("cty may be anything".into(), |cty| format!("cty is {cty}")),
        ];
        rules.into_iter().chain(self.requires_kid.then(|| "kid is there".into())).collect()
    }

    /// What must hold of the claims that a fact is read from; `None` where the profile reads no such fact.
    pub(crate) fn fact_in_words(&self, fact: Fact) -> Option<String> {
        let names: Vec<_> = self.claims_of(fact).iter().map(|(_, name)| name.as_str()).collect();
        let what = match fact {
            Fact::Subject => "names the subject",
            Fact::Client => "names the client, if present",
            Fact::Scopes => "lists the scopes, if present",
            Fact::Spent if self.once() == Some(Once::Id) => "is the identifier that the token spends",
            Fact::Spent => "is the nonce that the token spends",
            Fact::Confirmation => self.confirmation.as_ref()?.in_words(),
        };
        let names = match (names.as_slice(), fact) {
            ([], _) => return None,
            ([_, _, ..], Fact::Scopes) => {
                return Some(format!("{} list the scopes, if present", names.join(" and ")));
            }
            (names, _) => names.join(" or "),
        };
        Some(format!("{names} {what}"))
    }

    /// What must hold of the key of a token with this `kid`.
    pub(crate) fn key_in_words(&self, kid: Option<&str>) -> &'static str {
        match (self.key_selection, kid) {
            (KeySelection::Any, _) => "the issuer has a key for this alg, whatever the kid",
            (_, None) => "the issuer has a key for this alg, as there is no kid",
            (KeySelection::Kid, _) => "kid names a key of the issuer that is for this alg",
            (KeySelection::LastSegment, _) => {
                "kid names a key of the issuer that is for this alg, by what follows its last slash"
            }
        }
    }

    /// What must hold of what a token spends, if it spends anything.
    pub(crate) fn spent_in_words(&self) -> Option<String> {
        let (_, name) = self.claims_of(Fact::Spent).first()?;
        Some(match self.once()? {
            Once::Nonce => format!("{} is a nonce of this server, and was not spent", name.as_str()),
            Once::Id => format!("no token with this {} was used before", name.as_str()),
        })
    }
}
