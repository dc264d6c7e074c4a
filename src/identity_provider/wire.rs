//! The JSON of the contract, in both directions.
//!
//! A body is read whole or not at all: a member name that is there twice, at any level, makes it none
//! of the contract. A member that is `null` counts as absent. `stateID` is read where `stateId` is written, and
//! `username` where `userName` is: the vendor's guide has both spellings.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Challenge, ExchangeError, Outcome, UserIdentity, object::Object};
use crate::json;

/// What the authorization service sends.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    headers: Map<String, Value>,
    #[serde(alias = "stateID")]
    state_id: Option<String>,
    challenge_answer: Option<Map<String, Value>>,
}

/// A request, read.
pub(super) struct Question {
    pub(super) headers: HeaderMap,
    pub(super) state_id: Option<String>,
    pub(super) answer: Option<Map<String, Value>>,
}

/// `None` when the body is not one of the contract.
pub(super) fn read_question(body: &[u8]) -> Option<Question> {
    let Object(asked): Object<Asked> = json::read_whole(body)?;
    let headers = read_headers(&asked.headers)?;
    Some(Question { headers, state_id: asked.state_id, answer: asked.challenge_answer })
}

/// A header is text, or where it came several times a list of texts, as Node.js has it.
fn read_headers(named: &Map<String, Value>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in named {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            let value = HeaderValue::from_bytes(value.as_str()?.as_bytes()).ok()?;
            headers.try_append(name.clone(), value).ok()?;
        }
    }
    Some(headers)
}

/// The body of a request. Values of headers that are marked sensitive, or are no UTF-8, stay behind.
pub(super) fn write_question(
    headers: &HeaderMap,
    state_id: Option<&str>,
    answer: Option<&Map<String, Value>>,
) -> Bytes {
    let mut named: Map<String, Value> = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter().filter(|value| !value.is_sensitive());
        let mut values = values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
        if let Some(first) = values.next() {
            // RFC 9110 section 5.3: fields of one name are one list.
            let joined = values.fold(first.to_owned(), |all, next| all + ", " + next);
            named.insert(name.as_str().into(), joined.into());
        }
    }
    let mut asked = Map::from_iter([("headers".to_owned(), Value::Object(named))]);
    if let Some(id) = state_id {
        asked.insert("stateId".into(), id.into());
    }
    if let Some(answer) = answer {
        asked.insert("challengeAnswer".into(), Value::Object(answer.clone()));
    }
    Value::Object(asked).to_string().into()
}

/// What the provider says; what the status does not call for is not looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    status: Status,
    #[serde(alias = "stateID")]
    state_id: Option<Value>,
    challenge: Option<Value>,
    user_identity: Option<Value>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Success,
    Challenge,
    Failure,
}

pub(super) fn read_outcome(body: &[u8]) -> Result<Outcome, ExchangeError> {
    let Object(said): Object<Said> = json::read_whole(body).ok_or(ExchangeError::Malformed)?;
    match said.status {
        Status::Failure => Ok(Outcome::Failure),
        Status::Success => {
            Ok(Outcome::Success(UserIdentity::from_value(said.user_identity.unwrap_or_default())?))
        }
        Status::Challenge => {
            let Some(Value::Object(content)) = said.challenge else { return Err(ExchangeError::Malformed) };
            let challenge = Challenge::from(content);
            match said.state_id {
                Some(Value::String(id)) => Ok(Outcome::Challenge(challenge.with_state_id(id))),
                Some(_) => Err(ExchangeError::Malformed),
                None => Ok(Outcome::Challenge(challenge)),
            }
        }
    }
}

pub(super) fn write_outcome(outcome: &Outcome) -> Bytes {
    let said = match outcome {
        Outcome::Failure => json!({"status": Status::Failure}),
        Outcome::Success(user) => json!({"status": Status::Success, "userIdentity": user}),
        Outcome::Challenge(challenge) => {
            let mut said = json!({"status": Status::Challenge, "challenge": challenge.content()});
            if let (Some(id), Some(members)) = (challenge.state_id(), said.as_object_mut()) {
                members.insert("stateId".into(), id.into());
            }
            said
        }
    };
    said.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_provider::UserIdentityError;

    #[test]
    fn questions_are_read() {
        let nothing = r#"{"headers":{}}"#;
        for (name, body, expected) in [
            ("a start", nothing, Some((None, false))),
            ("a state", r#"{"headers":{},"stateId":"s"}"#, Some((Some("s"), false))),
            ("as the guide spells it", r#"{"headers":{},"stateID":"s"}"#, Some((Some("s"), false))),
            ("a state that is null", r#"{"headers":{},"stateId":null}"#, Some((None, false))),
            ("an answer", r#"{"headers":{},"challengeAnswer":{"a":[1,null]}}"#, Some((None, true))),
            ("unknown members", r#"{"headers":{},"tenant":7}"#, Some((None, false))),
            ("no headers", "{}", None),
            ("headers as a list", r#"{"headers":[]}"#, None),
            ("a header that is a number", r#"{"headers":{"a":1}}"#, None),
            ("a header with a line break", "{\"headers\":{\"a\":\"b\\r\\nc: d\"}}", None),
            ("a name that is none", r#"{"headers":{"a b":"c"}}"#, None),
            ("a state that is a number", r#"{"headers":{},"stateId":1}"#, None),
            ("two states", r#"{"headers":{},"stateId":"a","stateID":"b"}"#, None),
            ("an answer that is text", r#"{"headers":{},"challengeAnswer":"1234"}"#, None),
            ("an answer that is a list", r#"{"headers":{},"challengeAnswer":[]}"#, None),
            ("no JSON", "headers", None),
            ("the members as a list", r#"[{},"s",{}]"#, None),
            ("nothing", "", None),
            ("more behind it", r#"{"headers":{}}{}"#, None),
        ] {
            let read = read_question(body.as_bytes());
            let read = read.as_ref().map(|it| (it.state_id.as_deref(), it.answer.is_some()));
            assert_eq!(read, expected, "{name}");
        }
        let deep = format!(
            r#"{{"headers":{{}},"challengeAnswer":{{"a":{}1{}}}}}"#,
            "[".repeat(500),
            "]".repeat(500)
        );
        assert!(read_question(deep.as_bytes()).is_none(), "nested too deeply");
        assert!(read_question(b"{\"headers\":{\"a\":\"\xff\"}}").is_none(), "no UTF-8");
    }

    #[test]
    fn headers_go_over_and_what_is_sensitive_stays() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("accept", "a/b"), ("accept", "c/d"), ("x-device", "π")] {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers.insert("x-odd", HeaderValue::from_bytes(b"\xff").unwrap());
        let mut secret = HeaderValue::from_static("Bearer token");
        secret.set_sensitive(true);
        headers.insert("authorization", secret);

        let body = write_question(&headers, Some("s-1"), Some(&Map::new()));
        let expected = json!({
            "headers": {"accept": "a/b, c/d", "x-device": "π"}, "stateId": "s-1", "challengeAnswer": {}
        });
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
        let read = read_question(&body).unwrap();
        assert_eq!(read.headers["accept"], "a/b, c/d");
        assert_eq!(read.headers["x-device"].as_bytes(), "π".as_bytes());

        let listed = read_question(br#"{"headers":{"Set-Cookie":["a=1","b=2"]}}"#).unwrap();
        assert_eq!(listed.headers.get_all("set-cookie").iter().count(), 2);
        assert_eq!(&write_question(&HeaderMap::new(), None, None)[..], br#"{"headers":{}}"#);
    }

    #[test]
    fn outcomes_survive_the_wire() {
        let bob = UserIdentity::new("bob", "Bob").unwrap();
        for (outcome, json) in [
            (Outcome::Failure, json!({"status": "failure"})),
            (
                bob.into(),
                json!({
                    "status": "success",
                    "userIdentity": {"userName": "bob", "displayName": "Bob", "attributes": {}}
                }),
            ),
            (Challenge::new().into(), json!({"status": "challenge", "challenge": {}})),
            (
                Challenge::new().with("retriesLeft", 2).with_state_id("s").into(),
                json!({"status": "challenge", "challenge": {"retriesLeft": 2}, "stateId": "s"}),
            ),
        ] {
            let body = write_outcome(&outcome);
            assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json);
            assert_eq!(read_outcome(&body), Ok(outcome));
        }
    }

    #[test]
    fn answers_that_are_none() {
        use ExchangeError::{Malformed, UserIdentity as Identity};
        for (name, body, expected) in [
            ("a page", "<!DOCTYPE html><h1>TypeError</h1>", Malformed),
            ("nothing", "", Malformed),
            ("no object", r#""success""#, Malformed),
            ("no status", "{}", Malformed),
            ("the members as a list", r#"["failure",null,null,null]"#, Malformed),
            ("another status", r#"{"status":"ok"}"#, Malformed),
            ("a status in capitals", r#"{"status":"SUCCESS"}"#, Malformed),
            ("two of them", r#"{"status":"failure","status":"success"}"#, Malformed),
            ("a challenge without one", r#"{"status":"challenge"}"#, Malformed),
            ("a challenge of null", r#"{"status":"challenge","challenge":null}"#, Malformed),
            ("a challenge in text", r#"{"status":"challenge","challenge":"PIN?"}"#, Malformed),
            ("a state in numbers", r#"{"status":"challenge","challenge":{},"stateId":7}"#, Malformed),
            (
                "success without an identity",
                r#"{"status":"success"}"#,
                Identity(UserIdentityError::Malformed),
            ),
            (
                "success of null",
                r#"{"status":"success","userIdentity":null}"#,
                Identity(UserIdentityError::Malformed),
            ),
            (
                "what IBM's sample says to __proto__ without a password",
                r#"{"status":"success","userIdentity":{"userName":"__proto__","attributes":{}}}"#,
                Identity(UserIdentityError::DisplayName),
            ),
            (
                "an identity that says a name twice",
                r#"{"status":"success","userIdentity":{"userName":"a","userName":"b","displayName":"A"}}"#,
                Malformed,
            ),
            (
                "an identity that says a name in both ways",
                r#"{"status":"success","userIdentity":{"userName":"a","username":"b","displayName":"A"}}"#,
                Identity(UserIdentityError::Malformed),
            ),
            (
                "the identity of an earlier word",
                r#"{"status":"success","challenge":{"userName":"a","displayName":"A"}}"#,
                Identity(UserIdentityError::Malformed),
            ),
        ] {
            assert_eq!(read_outcome(body.as_bytes()), Err(expected), "{name}");
        }
    }

    /// What a provider or an authorization service passes on is what this side saw.
    #[test]
    fn a_body_is_read_whole_or_not_at_all() {
        for (name, value) in [
            ("a member twice", r#"{"age":30,"age":31}"#),
            ("deeply twice", r#"{"a":[{"b":{"c":1,"c":1}}]}"#),
            ("twice, once escaped", r#"{"a":1,"\u0061":2}"#),
            ("a raw value", r#"{"a":{"$serde_json::private::RawValue":"{\"role\":\"admin\"}"}}"#),
            ("a raw value itself", r#"{"\u0024serde_json::private::RawValue":"{}"}"#),
            ("a number", r#"{"a":{"$serde_json::private::Number":"1"}}"#),
            ("nested too deeply", &format!(r#"{{"a":{}{}}}"#, "[".repeat(100), "]".repeat(100))),
        ] {
            let user = format!(
                r#"{{"status":"success","userIdentity":{{"userName":"b","displayName":"B","attributes":{value}}}}}"#
            );
            let challenge = format!(r#"{{"status":"challenge","challenge":{value}}}"#);
            for body in [user, challenge] {
                assert_eq!(read_outcome(body.as_bytes()), Err(ExchangeError::Malformed), "{name}: {body}");
            }
            let answer = format!(r#"{{"headers":{{}},"challengeAnswer":{value}}}"#);
            assert!(read_question(answer.as_bytes()).is_none(), "{name}");
        }
    }

    /// As before other documents (RFC 8259 section 8.1).
    #[test]
    fn a_byte_order_mark_before_a_body_is_skipped() {
        let outcome = r#"{"status":"failure"}"#;
        let question = r#"{"headers":{},"challengeAnswer":{"code":"1"}}"#;
        for (name, before, behind, expected) in [
            ("none", "", "", true),
            ("one", "\u{feff}", "", true),
            ("one, then white space", "\u{feff}\r\n ", "", true),
            ("two", "\u{feff}\u{feff}", "", false),
            ("behind white space", " \u{feff}", "", false),
            ("behind the body", "", "\u{feff}", false),
        ] {
            let [outcome, question] = [outcome, question].map(|body| format!("{before}{body}{behind}"));
            assert_eq!(read_outcome(outcome.as_bytes()).is_ok(), expected, "{name}");
            assert_eq!(read_question(question.as_bytes()).is_some(), expected, "{name}");
        }
    }

    #[test]
    fn only_what_the_status_calls_for_is_looked_at() {
        for body in [
            r#"{"status":"failure","userIdentity":{"userName":"bob","displayName":"Bob"}}"#,
            r#"{"status":"failure","stateId":7,"challenge":"x","userIdentity":[]}"#,
        ] {
            assert_eq!(read_outcome(body.as_bytes()), Ok(Outcome::Failure), "{body}");
        }
        let challenge =
            r#"{"status":"challenge","challenge":{},"stateID":"s","userIdentity":{"userName":"b"}}"#;
        let expected = Challenge::new().with_state_id("s").into();
        assert_eq!(read_outcome(challenge.as_bytes()), Ok(expected));
    }
}
