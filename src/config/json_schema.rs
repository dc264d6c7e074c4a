//! The tables of keys as a JSON Schema (draft 2020-12), for editors that complete and check files.

use serde_json::{Map, Value, json};

use super::{
    keys::ROOT,
    schema::{Kind, NameForm, Object, Rule},
};

/// A JSON Schema (draft 2020-12) of [`ServerConfig`](super::ServerConfig): each key with its kind and what it is
/// for. It is made of the tables that files are checked against.
///
/// It does not say everything that [`Settings::resolve`](super::Settings::resolve) checks: whether a requirement
/// can be read, for example.
///
/// ```
/// let schema = tower_resource_server::config::json_schema();
/// assert_eq!(schema["properties"]["resource"]["type"], "string");
/// ```
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = of_object(&ROOT);
    if let Some(members) = schema.as_object_mut() {
        members.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        members.insert("title".to_owned(), json!("tower-resource-server"));
    }
    schema
}

fn of_object(object: &'static Object) -> Value {
    let properties: Map<String, Value> = object
        .keys
        .iter()
        .map(|key| {
            let mut schema = of_kind(&key.kind);
            if let Some(members) = schema.as_object_mut() {
                members.insert("description".to_owned(), json!(key.doc));
            }
            (key.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<_> = object.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let rules: Vec<Value> = object.rules.iter().map(|rule| of_rule(rule, object)).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let Some(members) = schema.as_object_mut() {
        if !required.is_empty() {
            members.insert("required".to_owned(), json!(required));
        }
        if !rules.is_empty() {
            members.insert("allOf".to_owned(), json!(rules));
        }
    }
    schema
}

fn of_rule(rule: &Rule, object: &Object) -> Value {
    let there =
        |names: &[&str]| -> Vec<Value> { names.iter().map(|name| json!({ "required": [name] })).collect() };
    match rule {
        Rule::One(_) | Rule::OneOfAll => json!({ "oneOf": there(&rule.names(object)) }),
        Rule::AtMostOne(names) => {
            let none = json!({ "not": { "anyOf": there(names) } });
            let choices: Vec<_> = there(names).into_iter().chain([none]).collect();
            json!({ "oneOf": choices })
        }
        Rule::Needs(name, others) => {
            json!({ "if": { "required": [name] }, "then": { "anyOf": there(others) } })
        }
        Rule::Unless(name, other) => json!({ "anyOf": there(&[name, other]) }),
    }
}

fn of_kind(kind: &'static Kind) -> Value {
    match kind {
        Kind::Text | Kind::Requirement => json!({ "type": "string", "minLength": 1 }),
        Kind::Secret => json!({ "type": "string", "minLength": 1, "writeOnly": true }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Number(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Duration => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" }),
        Kind::Scope => json!({ "type": "string", "pattern": SCOPE }),
        Kind::HeaderName => json!({ "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" }),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
        Kind::List(item) => json!({ "type": "array", "minItems": 1, "items": of_kind(item) }),
        Kind::Map(form, item) => json!({
            "type": "object",
            "propertyNames": { "pattern": match form {
                NameForm::Scope => SCOPE,
                NameForm::Route => "^[A-Z]+ /",
                NameForm::GrpcMethod => "^/[^/]+/[^/]+$",
                NameForm::Claim | NameForm::Any => "^.",
            } },
            "additionalProperties": of_kind(item),
        }),
        Kind::Object(object) => of_object(object),
        Kind::Any => json!({}),
    }
}

/// A scope token (RFC 6749 section 3.3).
const SCOPE: &str = r"^[\x21\x23-\x5B\x5D-\x7E]+$";
