//! The security context: what the vendor's package hands to the application.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{ClaimsError, FromIdentity, Identity};

/// Who makes a request, as the vendor's package says it (`request.securityContext`).
///
/// Its JSON has the same four members. With an ID token they are its claims: the subject, the user
/// (an empty object when the client is anonymous), the device and the application, each absent where
/// the claim is. Without one the subject is the client, and the others are empty objects.
///
/// ```json
/// {
///   "imf.sub": "alice:6380…",
///   "imf.user": {"id": "alice", "authBy": "myRealm", "displayName": "Alice", "attributes": {"age": 30}},
///   "imf.device": {"id": "…", "platform": "android", "model": "…", "osVersion": "14"},
///   "imf.application": {"id": "org.example.app", "version": "1.0"}
/// }
/// ```
///
/// The claims were signed by the authorization service, which checks neither their types nor what a
/// custom identity provider puts into `attributes`: the methods answer `None` for what has another
/// type than IBM documents.
#[derive(Clone, PartialEq, Serialize)]
pub struct SecurityContext {
    #[serde(rename = "imf.sub")]
    sub: String,
    #[serde(rename = "imf.user")]
    user: Value,
    #[serde(rename = "imf.device", skip_serializing_if = "Option::is_none")]
    device: Option<Value>,
    #[serde(rename = "imf.application", skip_serializing_if = "Option::is_none")]
    application: Option<Value>,
}

/// The user in an ID token (`imf.user`).
#[derive(Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct User<'a> {
    /// The user's name, as the identity provider of `auth_by` knows it: unique only there.
    pub id: &'a str,
    /// The realm that authenticated the user (`authBy`).
    pub auth_by: Option<&'a str>,
    /// How to address the user (`displayName`).
    pub display_name: Option<&'a str>,
    /// What the identity provider says of the user beside (`attributes`), in whatever form.
    pub attributes: Option<&'a Map<String, Value>>,
}

/// The device that a client runs on (`imf.device`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device<'a> {
    /// The device, as the client names it.
    pub id: Option<&'a str>,
    /// `android`, `iOS`, ….
    pub platform: Option<&'a str>,
    /// The model.
    pub model: Option<&'a str>,
    /// The version of the operating system (`osVersion`).
    pub os_version: Option<&'a str>,
}

/// The application that a client is (`imf.application`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientApplication<'a> {
    /// The package or bundle; the service writes `null` where it does not know.
    pub id: Option<&'a str>,
    /// The version.
    pub version: Option<&'a str>,
}

/// Shows nothing that a token says.
impl fmt::Debug for SecurityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecurityContext").finish_non_exhaustive()
    }
}

/// Shows nothing that a token says.
impl fmt::Debug for User<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").finish_non_exhaustive()
    }
}

impl SecurityContext {
    /// The subject of the ID token; without one the client.
    #[must_use]
    pub fn sub(&self) -> &str {
        &self.sub
    }

    /// The user; `None` without an ID token, and for an anonymous client.
    #[must_use]
    pub fn user(&self) -> Option<User<'_>> {
        let user = self.user.as_object()?;
        Some(User {
            id: text(user, "id")?,
            auth_by: text(user, "authBy"),
            display_name: text(user, "displayName"),
            attributes: user.get("attributes").and_then(Value::as_object),
        })
    }

    /// The device; `None` without an ID token that names it.
    #[must_use]
    pub fn device(&self) -> Option<Device<'_>> {
        let device = object(self.device.as_ref())?;
        Some(Device {
            id: text(device, "id"),
            platform: text(device, "platform"),
            model: text(device, "model"),
            os_version: text(device, "osVersion"),
        })
    }

    /// The application; `None` without an ID token that names it.
    #[must_use]
    pub fn application(&self) -> Option<ClientApplication<'_>> {
        let application = object(self.application.as_ref())?;
        Some(ClientApplication { id: text(application, "id"), version: text(application, "version") })
    }
}

/// An object with anything in it.
fn object(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object).filter(|members| !members.is_empty())
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

#[derive(Deserialize)]
struct AccessClaims {
    prn: String,
}

#[derive(Deserialize)]
struct IdClaims {
    sub: String,
    #[serde(rename = "imf.user", default, deserialize_with = "present")]
    user: Option<Value>,
    #[serde(rename = "imf.device", default, deserialize_with = "present")]
    device: Option<Value>,
    #[serde(rename = "imf.application", default, deserialize_with = "present")]
    application: Option<Value>,
}

/// A member that is there, though it be `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl FromIdentity for SecurityContext {
    fn from_identity(identity: &Identity) -> Result<Self, ClaimsError> {
        let nothing = || Value::Object(Map::new());
        match identity.id_token() {
            Some(id) => {
                let IdClaims { sub, user, device, application } = id.claims()?;
                Ok(Self { sub, user: user.unwrap_or_else(nothing), device, application })
            }
            None => {
                let AccessClaims { prn } = identity.claims()?;
                Ok(Self { sub: prn, user: nothing(), device: Some(nothing()), application: Some(nothing()) })
            }
        }
    }
}
