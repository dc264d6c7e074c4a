//! Tools that say something to the client, or ask it, before they answer.
#![allow(deprecated)] // logging and sampling are, in the newer version; the older one is tested with them

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolResult, ClientCapabilities, ContentBlock, CreateMessageRequestParams, ElicitRequestParams,
        JsonObject, LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam,
        SamplingMessage,
    },
    service::{RequestContext, ServiceError, SubscriptionContext, SubscriptionSink},
};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::FIXTURES;

/// The streams of clients that listen.
#[derive(Clone, Default)]
pub(super) struct Subscribers(Arc<Mutex<Vec<SubscriptionSink>>>);

impl Subscribers {
    /// Keeps a stream until it ends.
    pub(super) async fn keep(&self, context: &SubscriptionContext) {
        self.0.lock().await.push(context.sink().clone());
        context.cancelled().await;
    }

    async fn tell(&self, tool: &str) {
        for sink in self.0.lock().await.iter() {
            // One that has ended is of no interest any more.
            let _ = match tool {
                "test_trigger_tool_change" => sink.notify_tool_list_changed().await,
                _ => sink.notify_prompt_list_changed().await,
            };
        }
    }
}

/// What a tool of this kind answers; `None` where the fixtures have the whole answer.
pub(super) async fn call(
    tool: &str,
    arguments: &JsonObject,
    context: &RequestContext<RoleServer>,
    subscribers: &Subscribers,
) -> Result<Option<CallToolResult>, ErrorData> {
    let peer = &context.peer;
    let log = |level, text: &'static str| {
        let message = LoggingMessageNotificationParam::new(level, json!(text));
        peer.notify_logging_message(message)
    };
    let of = |name: &str| arguments.get(name).and_then(Value::as_str);
    match tool {
        "test_tool_with_logging" => {
            for text in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                log(LoggingLevel::Info, text).await.map_err(internal)?;
            }
        }
        "test_logging_tool" => {
            if let Some(level) = context.meta.log_level() {
                log(level, "the level was asked for").await.map_err(internal)?;
            }
        }
        "test_tool_with_progress" => {
            let token = context.meta.get_progress_token();
            for progress in [0.0, 50.0, 100.0] {
                let Some(token) = token.clone() else { break };
                let progress = ProgressNotificationParam::new(token, progress).with_total(100.0);
                peer.notify_progress(progress).await.map_err(internal)?;
            }
        }
        "test_trigger_tool_change" | "test_trigger_prompt_change" => subscribers.tell(tool).await,
        "test_missing_capability" => {
            if context.meta.client_capabilities().unwrap_or_default().sampling.is_none() {
                let sampling = ClientCapabilities::builder().enable_sampling().build();
                return Err(ErrorData::missing_required_client_capability(sampling));
            }
        }
        "test_custom_header" => {
            let value = of("value").ok_or_else(|| ErrorData::invalid_params("value must be a text", None))?;
            return Ok(Some(said(value)));
        }
        "test_sampling" => {
            let prompt = SamplingMessage::user_text(of("prompt").unwrap_or_default());
            let answer = peer.create_message(CreateMessageRequestParams::new(vec![prompt], 100)).await;
            let answer = serde_json::to_string(&answer.map_err(internal)?).unwrap_or_default();
            return Ok(Some(said(&format!("LLM response: {answer}"))));
        }
        _ => {
            let Some(mut asked) = FIXTURES.get("elicitations").and_then(|all| all.get(tool)).cloned() else {
                return Ok(None);
            };
            if let Some(asked) = asked.as_object_mut() {
                asked.insert("mode".to_owned(), "form".into());
                asked.extend(of("message").map(|message| ("message".to_owned(), message.into())));
            }
            let asked: ElicitRequestParams = serde_json::from_value(asked).map_err(unreadable)?;
            let answer = peer.create_elicitation(asked).await.map_err(internal)?;
            let answer = serde_json::to_value(&answer).unwrap_or_default();
            let of = |name| answer.get(name).cloned().unwrap_or_default();
            let action = of("action").as_str().unwrap_or_default().to_owned();
            return Ok(Some(said(&format!("User response: action={action}, content={}", of("content")))));
        }
    }
    Ok(None)
}

fn said(text: &str) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

fn unreadable(error: serde_json::Error) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

fn internal(error: ServiceError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
