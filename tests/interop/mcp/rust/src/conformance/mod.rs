//! The server that the official conformance suite asks for: by itself, and behind the guard, which a token opens.
#![allow(deprecated)] // logging is, in the newer version; the older one is tested with it

mod peer;
mod rounds;

use std::{future::ready, sync::LazyLock};

use axum::{Router, extract::Request, http::HeaderValue, middleware::map_request};
use clap::Args;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
        CompletionInfo, GetPromptRequestParams, GetPromptResponse, GetPromptResult, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
        PromptMessage, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Role,
        ServerCapabilities, ServerConfig, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter,
        Tool, UnsubscribeRequestParams,
    },
    service::{RequestContext, SubscriptionContext},
    transport::{
        StreamableHttpServerConfig, StreamableHttpService,
        streamable_http_server::session::local::LocalSessionManager,
    },
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    issuer::{SigningKey, TokenIssuer},
    keys::{Algorithm, KeySet},
    mcp::McpRequirements,
    policy::scope,
    profile::TokenProfile,
};

use self::{peer::Subscribers, rounds::Round};
use crate::AnyError;

const SCOPE: &str = "conformance";

#[derive(Args, Debug)]
pub(crate) struct Flags {
    /// Where to listen, as ADDRESS:PORT; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
}

/// Serves `/plain`, and `/guarded` for which requests get a token on the way.
pub(crate) async fn run(flags: &Flags) -> Result<(), AnyError> {
    let listener = TcpListener::bind(&flags.listen).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let resource = format!("{origin}/guarded");
    let issuer = TokenIssuer::builder("https://login.example")
        .signing_key(SigningKey::generate(Algorithm::ES256)?)
        .default_audience(&resource)
        .build()?;
    let keys = KeySet::from_jwks(issuer.jwks().to_string().as_bytes())?;
    let api = ResourceServer::builder(&resource)
        .issuer(TrustedIssuer::with_keys(issuer.issuer(), keys, TokenProfile::rfc9068()))
        .build()?;
    let token = issuer.access_token("alice").client_id("conformance").scope(SCOPE).mint()?;
    let authorization = HeaderValue::try_from(format!("Bearer {token}"))?;
    let with_token = move |mut request: Request| {
        request.headers_mut().insert("authorization", authorization.clone());
        ready(request)
    };
    let requirements = McpRequirements::new().otherwise(scope(SCOPE));
    let guarded = Router::new()
        .route_service("/guarded", service())
        .layer(api.mcp_guard(requirements))
        .layer(map_request(with_token));
    println!("listening on {origin}");
    axum::serve(listener, Router::new().route_service("/plain", service()).merge(guarded)).await?;
    Ok(())
}

fn service() -> StreamableHttpService<Conformance, LocalSessionManager> {
    let server = Conformance::default();
    let new = move || Ok(server.clone());
    StreamableHttpService::new(
        new,
        LocalSessionManager::default().into(),
        StreamableHttpServerConfig::default(),
    )
}

static FIXTURES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("fixtures.json")).unwrap_or_default());

/// What the fixtures have under these names.
fn find<T: DeserializeOwned>(list: &str, name: &str) -> Option<T> {
    rounds::read(FIXTURES.get(list)?.get(name)?.clone()).ok()
}

fn list<T: DeserializeOwned>(name: &str) -> Result<T, ErrorData> {
    rounds::read(FIXTURES.get(name).cloned().unwrap_or_default())
}

fn unknown(name: &str) -> ErrorData {
    ErrorData::invalid_params(format!("there is no {name}"), None)
}

#[derive(Clone, Default)]
struct Conformance {
    subscribers: Subscribers,
}

type Context = RequestContext<RoleServer>;
type Page = Option<PaginatedRequestParams>;

impl ServerHandler for Conformance {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_logging()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_tools()
            .enable_tool_list_changed();
        ServerConfig::new(capabilities.build())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tools: ListToolsResult = list("tools").ok()?;
        tools.tools.into_iter().find(|tool| tool.name == name)
    }

    async fn list_tools(&self, _: Page, _: Context) -> Result<ListToolsResult, ErrorData> {
        list("tools")
    }

    async fn list_prompts(&self, _: Page, _: Context) -> Result<ListPromptsResult, ErrorData> {
        list("prompts")
    }

    async fn list_resources(&self, _: Page, _: Context) -> Result<ListResourcesResult, ErrorData> {
        list("resources")
    }

    async fn list_resource_templates(
        &self,
        _: Page,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        list("templates")
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        let (responses, state) = (request.input_responses.as_ref(), request.request_state.as_deref());
        match rounds::next(&request.name, responses, state, &context)? {
            Some(Round::Open(required)) => return Ok(required.into()),
            Some(Round::Closed(result)) => return Ok(rounds::read::<CallToolResult>(result)?.into()),
            None => {}
        }
        let arguments = request.arguments.unwrap_or_default();
        if let Some(result) = peer::call(&request.name, &arguments, &context, &self.subscribers).await? {
            return Ok(result.into());
        }
        find::<CallToolResult>("results", &request.name).map(Into::into).ok_or_else(|| unknown(&request.name))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        let (responses, state) = (request.input_responses.as_ref(), request.request_state.as_deref());
        match rounds::next(&request.name, responses, state, &context)? {
            Some(Round::Open(required)) => return Ok(required.into()),
            Some(Round::Closed(result)) => return Ok(rounds::read::<GetPromptResult>(result)?.into()),
            None => {}
        }
        if request.name == "test_prompt_with_arguments" {
            let arguments = request.arguments.unwrap_or_default();
            let of = |name| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
            let text = format!("Prompt with arguments: arg1='{}', arg2='{}'", of("arg1"), of("arg2"));
            return Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).into());
        }
        find::<GetPromptResult>("messages", &request.name)
            .map(Into::into)
            .ok_or_else(|| unknown(&request.name))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        if let Some(id) = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data")) {
            let text =
                json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")}).to_string();
            let contents = json!({
                "contents": [{"uri": uri, "mimeType": "application/json", "text": text}],
                "ttlMs": 60_000, "cacheScope": "public",
            });
            return Ok(rounds::read::<ReadResourceResult>(contents)?.into());
        }
        let missing = || ErrorData::resource_not_found("there is none", Some(json!({"uri": uri})));
        find::<ReadResourceResult>("contents", &uri).map(Into::into).ok_or_else(missing)
    }

    async fn complete(&self, _: CompleteRequestParams, _: Context) -> Result<CompleteResult, ErrorData> {
        let values = CompletionInfo::new(vec!["paris".to_owned(), "park".to_owned()]);
        Ok(CompleteResult::new(values.map_err(|error| ErrorData::internal_error(error, None))?))
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.subscribers.keep(&context).await;
        Ok(())
    }
}
