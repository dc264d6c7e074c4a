//! One challenge as it was sent, and what it is to say.

use http::{HeaderMap, header::WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::reader::{self, Challenge};

/// What each challenge of an answer is to say; what is not there is not to be found.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    pub schemes: Vec<&'static str>,
    pub error: Option<String>,
    pub error_description: Option<&'static str>,
    pub acr_values: Option<&'static str>,
    pub max_age: Option<&'static str>,
    pub scope: Option<&'static str>,
    pub resource_metadata: Option<String>,
    pub realm: Option<&'static str>,
    /// In the challenge of the scheme DPoP alone (RFC 9449 section 7.1).
    pub algs: Option<&'static str>,
}

impl Expected {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("error", self.error.clone()),
            ("error_description", self.error_description.map(str::to_owned)),
            ("acr_values", self.acr_values.map(str::to_owned)),
            ("max_age", self.max_age.map(str::to_owned)),
            ("scope", self.scope.map(str::to_owned)),
            ("resource_metadata", self.resource_metadata.clone()),
            ("realm", self.realm.map(str::to_owned)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Reads what was sent by the grammar, both as it is and joined as by a proxy, compares it, and returns it
/// for the other parsers.
pub fn checked(group: &str, name: &str, status: u16, headers: &HeaderMap, expected: &Expected) -> Value {
    let fields = headers.get_all(WWW_AUTHENTICATE).iter();
    let fields: Vec<&str> = fields.map(|field| field.to_str().unwrap()).collect();
    let each: Vec<_> = fields.iter().map(|field| sorted(field)).collect();
    let wanted: Vec<_> = expected
        .schemes
        .iter()
        .map(|scheme| {
            let mut parameters = expected.parameters();
            let algs = expected.algs.filter(|_| *scheme == "DPoP");
            parameters.extend(algs.map(|algs| ("algs", algs.to_owned())));
            parameters.sort_unstable();
            let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            Challenge { scheme: (*scheme).to_owned(), parameters }
        })
        .collect();
    assert_eq!(each, wanted.iter().map(|one| vec![one.clone()]).collect::<Vec<_>>(), "{name}: {fields:?}");
    assert_eq!(sorted(&fields.join(", ")), wanted, "{name}, joined: {fields:?}");
    let parameters: Value = expected
        .parameters()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect();
    json!({
        "group": group, "name": name, "status": status, "fields": fields,
        "expected": { "schemes": expected.schemes, "parameters": parameters, "algs": expected.algs },
    })
}

fn sorted(field: &str) -> Vec<Challenge> {
    let mut challenges = reader::read(field).unwrap_or_else(|| panic!("no challenge: {field}"));
    challenges.iter_mut().for_each(|challenge| challenge.parameters.sort_unstable());
    challenges
}
