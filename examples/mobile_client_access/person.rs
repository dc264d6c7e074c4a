//! The user, as far as an app meets one.

use serde_json::{Map, Value, json};

use crate::client::AuthenticationDelegate;

/// Knows a password and some PINs, and tries them in their order. An app would show forms.
pub(crate) struct Person {
    user_name: &'static str,
    password: &'static str,
    pins: Vec<&'static str>,
}

impl Person {
    pub(crate) fn new(user_name: &'static str, password: &'static str, pins: &[&'static str]) -> Self {
        Self { user_name, password, pins: pins.iter().rev().copied().collect() }
    }
}

impl AuthenticationDelegate for Person {
    fn answer(&mut self, challenge: &Map<String, Value>) -> Option<Map<String, Value>> {
        let answer = match challenge.get("ask")?.as_str()? {
            "password" => json!({"username": self.user_name, "password": self.password}),
            "pincode" => json!({"pincode": self.pins.pop()?}),
            _ => return None,
        };
        answer.as_object().cloned()
    }
}
