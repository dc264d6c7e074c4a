//! Who a user is: what only a complete answer can make.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeStruct};
use serde_json::{Map, Value, json};

use super::{UserIdentityError, object::Object};

/// The user that a provider vouches for: a name for machines, a name for people, and whatever else
/// the provider says. Both names are there and not blank, however it was made.
///
/// `Debug` shows none of it.
///
/// ```
/// use tower_resource_server::identity_provider::UserIdentity;
///
/// let bob = UserIdentity::new("bob.smith", "Bob Smith")?.with_attribute("age", 30);
/// assert_eq!(bob.attributes()["age"], 30);
/// assert!(UserIdentity::new("__proto__", "").is_err());
/// # Ok::<(), tower_resource_server::identity_provider::UserIdentityError>(())
/// ```
///
/// In JSON it is the contract's `{"userName", "displayName", "attributes"}`; `username` is read as well.
#[derive(Clone, PartialEq, Eq)]
pub struct UserIdentity {
    user_name: String,
    display_name: String,
    attributes: Map<String, Value>,
}

impl UserIdentity {
    /// A user without attributes. The names are taken as they are: not trimmed, not normalised.
    ///
    /// # Errors
    /// [`UserIdentityError`] names the one that is empty or blank.
    pub fn new(
        user_name: impl Into<String>,
        display_name: impl Into<String>,
    ) -> Result<Self, UserIdentityError> {
        let (user_name, display_name) = (user_name.into(), display_name.into());
        if user_name.trim().is_empty() {
            return Err(UserIdentityError::UserName);
        }
        if display_name.trim().is_empty() {
            return Err(UserIdentityError::DisplayName);
        }
        Ok(Self { user_name, display_name, attributes: Map::new() })
    }

    /// Sets an attribute to any JSON value.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// The name that tells users apart: `userName`, later `imf.user.id`.
    #[must_use]
    pub fn user_name(&self) -> &str {
        &self.user_name
    }

    /// The name to show.
    #[must_use]
    pub fn display_name(&self) -> &str {
        &self.display_name
    }

    /// Whatever else the provider says, as it says it.
    #[must_use]
    pub const fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// The claim `imf.user` of a Mobile Client Access ID token, as its service derives it: `id`,
    /// `authBy` (the realm), `displayName`, and `attributes` where there are any.
    #[must_use]
    pub fn imf_user(&self, realm: &str) -> Value {
        let mut user = json!({
            "id": self.user_name,
            "authBy": realm,
            "displayName": self.display_name,
        });
        if let (Some(members), false) = (user.as_object_mut(), self.attributes.is_empty()) {
            members.insert("attributes".into(), Value::Object(self.attributes.clone()));
        }
        user
    }
}

impl fmt::Debug for UserIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserIdentity").finish_non_exhaustive()
    }
}

impl Serialize for UserIdentity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("UserIdentity", 3)?;
        members.serialize_field("userName", &self.user_name)?;
        members.serialize_field("displayName", &self.display_name)?;
        members.serialize_field("attributes", &self.attributes)?;
        members.end()
    }
}

/// The members before they are judged; `null` is as good as absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unjudged {
    #[serde(alias = "username")]
    user_name: Option<String>,
    display_name: Option<String>,
    attributes: Option<Map<String, Value>>,
}

impl TryFrom<Unjudged> for UserIdentity {
    type Error = UserIdentityError;

    fn try_from(said: Unjudged) -> Result<Self, UserIdentityError> {
        let user_name = said.user_name.ok_or(UserIdentityError::UserName)?;
        let display_name = said.display_name.ok_or(UserIdentityError::DisplayName)?;
        let mut user = Self::new(user_name, display_name)?;
        user.attributes = said.attributes.unwrap_or_default();
        Ok(user)
    }
}

impl UserIdentity {
    pub(super) fn from_value(value: Value) -> Result<Self, UserIdentityError> {
        let Object(said): Object<Unjudged> =
            Object::deserialize(value).map_err(|_| UserIdentityError::Malformed)?;
        said.try_into()
    }
}

impl<'de> Deserialize<'de> for UserIdentity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(said): Object<Unjudged> = Object::deserialize(deserializer)?;
        said.try_into().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use UserIdentityError::Malformed;

    use super::*;
    use crate::json;

    fn read(json: &str) -> Result<UserIdentity, UserIdentityError> {
        UserIdentity::from_value(json::read_whole(json.as_bytes()).ok_or(Malformed)?)
    }

    #[test]
    fn only_complete_ones_can_be_read() {
        use UserIdentityError::{DisplayName, UserName};
        for (name, json, expected) in [
            ("complete", r#"{"userName":"bob","displayName":"Bob","attributes":{"age":30}}"#, Ok(1)),
            ("twice", r#"{"userName":"bob","userName":"eve","displayName":"Bob"}"#, Err(Malformed)),
            ("no attributes", r#"{"userName":"bob","displayName":"Bob"}"#, Ok(0)),
            ("attributes null", r#"{"userName":"bob","displayName":"Bob","attributes":null}"#, Ok(0)),
            ("username, as in the guide", r#"{"username":"bob","displayName":"Bob"}"#, Ok(0)),
            ("unknown members", r#"{"userName":"bob","displayName":"Bob","roles":[1]}"#, Ok(0)),
            ("what IBM's sample sends", r#"{"userName":"__proto__","attributes":{}}"#, Err(DisplayName)),
            ("no name", r#"{"displayName":"Bob"}"#, Err(UserName)),
            ("an empty name", r#"{"userName":"","displayName":"Bob"}"#, Err(UserName)),
            ("a blank name", r#"{"userName":" \t","displayName":"Bob"}"#, Err(UserName)),
            ("a name that is null", r#"{"userName":null,"displayName":"Bob"}"#, Err(UserName)),
            ("an empty display name", r#"{"userName":"bob","displayName":""}"#, Err(DisplayName)),
            ("a name that is a number", r#"{"userName":7,"displayName":"Bob"}"#, Err(Malformed)),
            ("a name that is a list", r#"{"userName":["bob"],"displayName":"Bob"}"#, Err(Malformed)),
            ("a name twice", r#"{"userName":"bob","userName":"eve","displayName":"B"}"#, Err(Malformed)),
            (
                "a name in both ways",
                r#"{"userName":"bob","username":"eve","displayName":"B"}"#,
                Err(Malformed),
            ),
            ("attributes as a list", r#"{"userName":"b","displayName":"B","attributes":[]}"#, Err(Malformed)),
            ("attributes as text", r#"{"userName":"b","displayName":"B","attributes":"{}"}"#, Err(Malformed)),
            ("no object", r#""bob""#, Err(Malformed)),
            ("the members as a list", r#"["bob","Bob",{}]"#, Err(Malformed)),
            ("null", "null", Err(Malformed)),
            ("two of them", r#"{"userName":"b","displayName":"B"}{}"#, Err(Malformed)),
        ] {
            assert_eq!(read(json).map(|user| user.attributes().len()), expected, "{name}");
            assert_eq!(serde_json::from_str::<UserIdentity>(json).is_ok(), expected.is_ok(), "{name}");
        }
    }

    #[test]
    fn it_survives_the_wire_and_debug_tells_nothing() {
        let bob = UserIdentity::new("bob.smith", "Bob Smith").unwrap().with_attribute("age", 30);
        let json = serde_json::to_string(&bob).unwrap();
        assert_eq!(json, r#"{"userName":"bob.smith","displayName":"Bob Smith","attributes":{"age":30}}"#);
        assert_eq!(read(&json), Ok(bob.clone()));
        assert_eq!(format!("{bob:?}"), "UserIdentity { .. }");
    }

    #[test]
    fn the_claim_of_an_id_token() {
        let bob = UserIdentity::new("bob.smith", "Bob Smith").unwrap();
        let plain = json!({"id": "bob.smith", "authBy": "realm", "displayName": "Bob Smith"});
        assert_eq!(bob.imf_user("realm"), plain);
        let rich = bob.with_attribute("lastLogin", json!({"day": 1})).imf_user("realm");
        assert_eq!(rich["attributes"], json!({"lastLogin": {"day": 1}}));
    }
}
