//! rmcp's client, from nothing: it is refused, finds the issuer, gets a token, calls, is refused for a scope,
//! gets another token, and calls again.

use clap::Args;
use rmcp::{
    ClientLifecycleMode, ClientServiceExt, RoleClient, ServiceError,
    model::{CallToolRequestParams, ProtocolVersion},
    service::RunningService,
    transport::{
        StreamableHttpClientTransport,
        auth::{
            AuthClient, AuthorizationCallback, AuthorizationManager, AuthorizationRequest,
            ClientCredentialsConfig, OAuthState, WWWAuthenticateParams,
        },
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Map, json};
use url::Url;

use crate::AnyError;

const REDIRECT_URI: &str = "http://127.0.0.1:1/callback";

#[derive(Args, Debug)]
pub(crate) struct Flags {
    /// Where the server is
    url: Url,
    /// What goes through a login in the place of a browser: `GET {browser}?url=…` answers with the address that
    /// the login ends at
    #[arg(long)]
    browser: Option<Url>,
    /// The secret of the client `demo`, which logs no one in
    #[arg(long, conflicts_with = "browser")]
    client_secret: Option<String>,
    /// Speak the version of 2026-07-28 alone
    #[arg(long)]
    modern: bool,
}

type Client = RunningService<RoleClient, ()>;

pub(crate) async fn run(flags: &Flags) -> Result<(), AnyError> {
    let challenge = refused(flags).await?;
    let manager = match &flags.client_secret {
        Some(secret) => with_secret(flags, secret, scope_of(&challenge, &flags.url)?).await?,
        None => with_login(flags, &challenge).await?,
    };
    let auth = AuthClient::new(reqwest::Client::new(), manager);
    let client = connect(flags, auth.clone()).await?;
    let tools = tools(&client).await?;
    let listed = call(&client, "list_orders").await?;
    let refusal = match call(&client, "cancel_order").await {
        Ok(text) => return Err(format!("called without the scope: {text}").into()),
        Err(refusal) => refusal.auth_challenge().ok_or("refused without a challenge")?.to_owned(),
    };
    let scope = scope_of(&refusal, &flags.url)?;
    match &flags.client_secret {
        Some(secret) => *auth.auth_manager.lock().await = with_secret(flags, secret, scope).await?,
        None => {
            let manager = auth.auth_manager.lock().await;
            let address = manager.request_scope_upgrade(&scope).await?;
            let callback = AuthorizationCallback::from_redirect_url(&login(flags, &address).await?)?;
            manager
                .exchange_code_for_token_with_issuer(
                    &callback.code,
                    &callback.csrf_token,
                    callback.issuer.as_deref(),
                )
                .await?;
        }
    }
    let cancelled = call(&client, "cancel_order").await?;
    let tools_after = self::tools(&client).await?;
    client.cancel().await?;
    let report =
        json!({"tools": tools, "listed": listed, "cancelled": cancelled, "tools_after": tools_after});
    println!("{report}");
    Ok(())
}

/// The challenge that a client without a token gets.
async fn refused(flags: &Flags) -> Result<String, AnyError> {
    let transport = StreamableHttpClientTransport::from_uri(flags.url.as_str());
    match ().serve_with_lifecycle(transport, lifecycle(flags)).await {
        Ok(_) => Err("served without a token".into()),
        Err(refusal) => Ok(refusal.auth_challenge().ok_or_else(|| refusal.to_string())?.to_owned()),
    }
}

fn lifecycle(flags: &Flags) -> ClientLifecycleMode {
    if flags.modern {
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
    } else {
        ClientLifecycleMode::Initialize
    }
}

async fn connect(flags: &Flags, auth: AuthClient<reqwest::Client>) -> Result<Client, AnyError> {
    let config = StreamableHttpClientTransportConfig::with_uri(flags.url.as_str());
    let transport = StreamableHttpClientTransport::with_client(auth, config);
    Ok(().serve_with_lifecycle(transport, lifecycle(flags)).await?)
}

/// Every scope that a challenge names.
fn scope_of(challenge: &str, url: &Url) -> Result<String, AnyError> {
    Ok(WWWAuthenticateParams::parse(challenge, url).scope.ok_or("the challenge names no scope")?)
}

async fn with_login(flags: &Flags, challenge: &str) -> Result<AuthorizationManager, AnyError> {
    let mut state = OAuthState::new(flags.url.clone(), None).await?;
    let request =
        AuthorizationRequest::new(REDIRECT_URI).with_challenge(challenge).with_initial_scope_selection();
    state.start_authorization(request).await?;
    let callback = login(flags, &state.get_authorization_url().await?).await?;
    state.handle_callback_url(&callback).await?;
    Ok(state.into_authorization_manager().ok_or("not authorized")?)
}

async fn with_secret(flags: &Flags, secret: &str, scope: String) -> Result<AuthorizationManager, AnyError> {
    let mut state = OAuthState::new(flags.url.clone(), None).await?;
    let config = ClientCredentialsConfig::ClientSecret {
        client_id: "demo".to_owned(),
        client_secret: secret.to_owned(),
        scopes: scope.split(' ').map(str::to_owned).collect(),
        resource: Some(flags.url.to_string()),
    };
    state.authenticate_client_credentials(config).await?;
    Ok(state.into_authorization_manager().ok_or("not authorized")?)
}

/// The address that the login at `address` ends at.
async fn login(flags: &Flags, address: &str) -> Result<String, AnyError> {
    let mut browser = flags.browser.clone().ok_or("there is no browser")?;
    browser.query_pairs_mut().append_pair("url", address);
    Ok(reqwest::get(browser).await?.error_for_status()?.text().await?)
}

async fn tools(client: &Client) -> Result<Vec<String>, ServiceError> {
    let tools = client.list_all_tools().await?;
    let mut names: Vec<_> = tools.into_iter().map(|tool| tool.name.into_owned()).collect();
    names.sort();
    Ok(names)
}

async fn call(client: &Client, tool: &'static str) -> Result<String, ServiceError> {
    let arguments = Map::from_iter([("order".to_owned(), 7.into())]);
    let result = client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await?;
    let texts = result.content.iter().filter_map(|content| content.as_text());
    Ok(texts.map(|text| text.text.as_str()).collect())
}
