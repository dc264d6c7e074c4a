//! Tools and prompts that ask the client back (`input_required`), as the fixtures say: in rounds.

use rmcp::{
    ErrorData, RoleServer,
    model::{InputRequiredResult, InputResponses},
    service::RequestContext,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::FIXTURES;

/// Where a conversation is.
pub(super) enum Round {
    /// Something is asked for.
    Open(InputRequiredResult),
    /// Everything was answered.
    Closed(Value),
}

/// The next round of a tool or prompt; `None` where it has none.
pub(super) fn next(
    name: &str,
    responses: Option<&InputResponses>,
    state: Option<&str>,
    context: &RequestContext<RoleServer>,
) -> Result<Option<Round>, ErrorData> {
    let Some(entry) = FIXTURES.get("rounds").and_then(|all| all.get(name)) else { return Ok(None) };
    let rounds = entry.get("rounds").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let state_of = |round: &Value| round.get("requestState").and_then(Value::as_str).map(str::to_owned);
    let at = match state {
        None => 0,
        Some(state) => {
            let found = rounds.iter().position(|round| state_of(round).as_deref() == Some(state));
            found.ok_or_else(|| ErrorData::invalid_params("requestState is not of this server", None))?
        }
    };
    let closed = |entry: &Value| Round::Closed(entry.get("result").cloned().unwrap_or_default());
    let Some(round) = rounds.get(at) else { return Ok(Some(closed(entry))) };
    let mut requests = round.get("inputRequests").and_then(Value::as_object).cloned().unwrap_or_default();
    if entry.get("declared").is_some() {
        keep_declared(&mut requests, context);
    }
    let is_answered = |key: &String| responses.and_then(|all| all.get(key)).is_some_and(Value::is_object);
    let is_over = state_of(round).as_deref() == state && requests.keys().all(is_answered);
    let round = if is_over { rounds.get(at + 1) } else { Some(round) };
    let Some(round) = round else { return Ok(Some(closed(entry))) };
    let requests =
        if is_over { round.get("inputRequests").cloned().unwrap_or_default() } else { requests.into() };
    let mut required = json!({"resultType": "input_required", "inputRequests": requests});
    if let (Some(state), Some(required)) = (state_of(round), required.as_object_mut()) {
        required.insert("requestState".to_owned(), state.into());
    }
    Ok(Some(Round::Open(read(required)?)))
}

/// Keeps the requests that the client has said it can answer.
fn keep_declared(requests: &mut Map<String, Value>, context: &RequestContext<RoleServer>) {
    let declared = context.meta.client_capabilities().unwrap_or_default();
    requests.retain(|_, request| match request.get("method").and_then(Value::as_str) {
        Some("elicitation/create") => declared.elicitation.is_some(),
        Some("sampling/createMessage") => declared.sampling.is_some(),
        Some("roots/list") => declared.roots.is_some(),
        _ => false,
    });
}

/// A result as the newer version wants it: it says what it is.
pub(super) fn read<T: DeserializeOwned>(mut value: Value) -> Result<T, ErrorData> {
    if let Some(result) = value.as_object_mut() {
        result.entry("resultType").or_insert_with(|| "complete".into());
    }
    serde_json::from_value(value).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}
