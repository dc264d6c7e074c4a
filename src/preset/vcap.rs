//! `VCAP_SERVICES`: how Cloud Foundry tells an application about the services bound to it.
//!
//! The text is a JSON object of lists of service instances. IBM's two systems are found by how the
//! name of their list begins; of an instance only the members that say whom to trust are kept, and
//! never its secret.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, MapAccess, Visitor},
};

use crate::json::{self, Shallow};

/// What the lists of Mobile Client Access and App ID begin with; either system's SDK takes both.
const NAMES: [&str; 2] = ["AdvancedMobileAccess", "AppID"];

/// Why `VCAP_SERVICES` does not configure a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VcapError {
    /// Not a JSON object of lists of service instances.
    #[error("VCAP_SERVICES is not a JSON object of lists of services")]
    Malformed,
    /// No instance of the service is bound.
    #[error("VCAP_SERVICES has no service whose name begins with AdvancedMobileAccess or AppID")]
    NoService,
    /// The credentials of the service lack this member, or it is not what it should be.
    #[error("the service in VCAP_SERVICES has no credential {0}")]
    MissingCredential(&'static str),
}

/// Which service counts when several are bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    First,
    Last,
}

/// What the presets read of the credentials of a bound service. Members of no name here, the secret
/// among them, are passed over while parsing.
#[derive(Default)]
pub(super) struct BoundCredentials(HashMap<&'static str, Shallow>);

/// The members that say whom to trust.
const MEMBERS: [&str; 6] =
    ["tenantId", "serverUrl", "appidServiceEndpoint", "version", "oAuthServerUrl", "oauthServerUrl"];

/// Shows which members are there, and no value.
impl fmt::Debug for BoundCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BoundCredentials").field(&self.0.keys()).finish()
    }
}

impl BoundCredentials {
    /// Finds the service of that choice, in the order of the text; of its instances the first.
    pub(super) fn find(vcap_services: &str, choice: Choice) -> Result<Self, VcapError> {
        let Services(services) = json::read_once(vcap_services.as_bytes()).ok_or(VcapError::Malformed)?;
        let mut known = services.into_iter();
        let found = match choice {
            Choice::First => known.next(),
            Choice::Last => known.next_back(),
        };
        found.map(|instance| instance.credentials).ok_or(VcapError::NoService)
    }

    /// A credential that is a string and not the empty one.
    pub(super) fn get(&self, name: &'static str) -> Result<&str, VcapError> {
        match self.0.get(name) {
            Some(Shallow::Text(text)) if !text.is_empty() => Ok(text),
            _ => Err(VcapError::MissingCredential(name)),
        }
    }

    /// A credential that is an integer, or a string of its digits.
    pub(super) fn integer(&self, name: &'static str) -> Result<u64, VcapError> {
        let integer = match self.0.get(name) {
            Some(Shallow::Integer(number)) => Some(*number),
            Some(Shallow::Text(digits)) => digits.parse().ok(),
            _ => None,
        };
        integer.ok_or(VcapError::MissingCredential(name))
    }
}

/// The first instance of each list with one of the names and an instance in it, in their order.
struct Services(Vec<Instance>);

#[derive(Deserialize)]
struct Instance {
    #[serde(default)]
    credentials: BoundCredentials,
}

impl<'de> Deserialize<'de> for BoundCredentials {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Members)
    }
}

/// Keeps the members of [`MEMBERS`]; `null` has none of them.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = BoundCredentials;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of credentials")
    }

    fn visit_unit<E>(self) -> Result<BoundCredentials, E> {
        Ok(BoundCredentials::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<BoundCredentials, A::Error> {
        let mut kept = HashMap::new();
        while let Some(name) = members.next_key::<String>()? {
            match MEMBERS.into_iter().find(|known| *known == name) {
                Some(known) => drop(kept.insert(known, members.next_value()?)),
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(BoundCredentials(kept))
    }
}

impl<'de> Deserialize<'de> for Services {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

/// A map type would forget which list came last.
struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Services;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of lists of services")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut lists: A) -> Result<Services, A::Error> {
        let mut found = Vec::new();
        while let Some(name) = lists.next_key::<String>()? {
            if NAMES.iter().any(|known| name.starts_with(known)) {
                found.extend(lists.next_value::<Vec<Instance>>()?.into_iter().next());
            } else {
                lists.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Services(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(text: &str, choice: Choice) -> Result<String, VcapError> {
        BoundCredentials::find(text, choice)?.get("tenantId").map(str::to_owned)
    }

    #[test]
    fn the_service_is_found_by_its_name_and_place() {
        const A: &str = r#"[{"credentials":{"tenantId":"a"}},{"credentials":{"tenantId":"a2"}}]"#;
        const B: &str = r#"[{"name":"b","credentials":{"tenantId":"b","secret":"s"}}]"#;
        let missing = Err(VcapError::MissingCredential("tenantId"));
        let none = Err(VcapError::NoService);
        for (name, text, first, last) in [
            ("alone", format!(r#"{{"AdvancedMobileAccess":{A}}}"#), Ok("a"), Ok("a")),
            ("a longer name", format!(r#"{{"AdvancedMobileAccess-Stage":{A}}}"#), Ok("a"), Ok("a")),
            ("App ID", format!(r#"{{"AppID":{B}}}"#), Ok("b"), Ok("b")),
            ("both", format!(r#"{{"AppID":{B},"AdvancedMobileAccess":{A}}}"#), Ok("b"), Ok("a")),
            (
                "both, the other way",
                format!(r#"{{"AdvancedMobileAccess":{A},"AppID":{B}}}"#),
                Ok("a"),
                Ok("b"),
            ),
            ("beside others", format!(r#"{{"cloudantNoSQLDB":[7],"AppID":{B},"x":null}}"#), Ok("b"), Ok("b")),
            ("an empty list", format!(r#"{{"AppID":{B},"AppID-2":[]}}"#), Ok("b"), Ok("b")),
            ("only an empty list", r#"{"AppID":[]}"#.into(), none, none),
            ("another name", format!(r#"{{"MyAppID":{B},"appid":{B}}}"#), none, none),
            ("nothing", "{}".into(), none, none),
            ("no credentials", r#"{"AppID":[{}]}"#.into(), missing, missing),
            ("no tenant", r#"{"AppID":[{"credentials":{}}]}"#.into(), missing, missing),
            ("empty", r#"{"AppID":[{"credentials":{"tenantId":""}}]}"#.into(), missing, missing),
            ("a number", r#"{"AppID":[{"credentials":{"tenantId":7}}]}"#.into(), missing, missing),
        ] {
            for (choice, expected) in [(Choice::First, first), (Choice::Last, last)] {
                assert_eq!(tenant(&text, choice), expected.map(str::to_owned), "{name}, {choice:?}");
            }
        }
        for text in ["", "[]", "null", "{", r#"{"AppID":{}}"#, r#"{"AppID":[7]}"#, r#"{"AppID":null}"#] {
            assert_eq!(tenant(text, Choice::Last), Err(VcapError::Malformed), "{text}");
        }
    }

    #[test]
    fn no_secret_is_kept_or_shown() {
        const TEXT: &str = r#"{"AppID":[{"credentials":{"tenantId":"t-1","secret":"s-1","clientId":"c-1",
            "nested":{"password":"p-1"}}}]}"#;
        let credentials = BoundCredentials::find(TEXT, Choice::First).unwrap();
        assert_eq!(credentials.0.keys().collect::<Vec<_>>(), [&"tenantId"]);
        assert_eq!(format!("{credentials:?}"), r#"BoundCredentials(["tenantId"])"#);
    }
}
