//! A client and the server in one process, and what they say to each other.

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    AnyError, say,
    site::{Issuer, Site},
};

/// The part of a conversation that stays the same.
struct Talk {
    client: Client,
    url: String,
}

/// What one request says.
#[derive(Clone, Copy, Default)]
struct Said<'a> {
    token: Option<&'a str>,
    session: Option<&'a str>,
    headers: &'a [(&'a str, &'a str)],
}

const OLD: (&str, &str) = ("mcp-protocol-version", "2025-11-25");

pub(crate) async fn run() -> Result<(), AnyError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let site = Site::new(&origin, Issuer::Embedded { client_secret: None })?;
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, site.app.clone()).with_graceful_shutdown(async move {
        // Either way the conversation is over.
        let _ = stopped.await;
    });
    let server = tokio::spawn(server.into_future());
    say(&format!("An MCP server behind the guard listens on {}.", site.url))?;
    let talk = Talk { client: Client::new(), url: site.url.clone() };
    converse(&talk, &site).await?;
    drop(talk);
    drop(stop);
    server.await??;
    Ok(())
}

async fn converse(talk: &Talk, site: &Site) -> Result<(), AnyError> {
    let reader = site.token("alice", "orders:read")?;
    let writer = site.token("alice", "orders:read orders:write")?;
    let bob = site.token("bob", "orders:read")?;
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    let call = |name: &str| {
        let params = json!({"name": name, "arguments": {"order": 7}});
        json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params})
    };

    talk.post("tools/list without a token", 401, Said::default(), &list).await?;
    let version = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "demo", "version": "1"}});
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": version});
    let said = Said { token: Some(&reader), ..Said::default() };
    let begun = talk.post("initialize with a token of the scope orders:read", 200, said, &initialize).await?;
    let session = begun.session.ok_or("the server began no session")?;
    let said = Said { session: Some(&session), headers: &[OLD], ..said };
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    talk.post("notifications/initialized", 202, said, &initialized).await?;

    let tools = talk.post("tools/list shows what the token may call", 200, said, &list).await?;
    if tools.text.contains("cancel_order") || !tools.text.contains("list_orders") {
        return Err("the list of tools is not filtered".into());
    }
    talk.post("tools/call of list_orders", 200, said, &call("list_orders")).await?;
    talk.post("tools/call of cancel_order", 403, said, &call("cancel_order")).await?;
    let headers = [OLD, ("mcp-method", "tools/call"), ("mcp-name", "list_orders")];
    let lie = Said { headers: &headers, ..said };
    talk.post("the same, with a header that names another tool", 400, lie, &call("cancel_order")).await?;
    let other = Said { token: Some(&bob), ..said };
    talk.post("the session of alice with a token of bob", 404, other, &list).await?;
    let more = Said { token: Some(&writer), ..said };
    talk.post("tools/call of cancel_order with a token of both scopes", 200, more, &call("cancel_order"))
        .await?;

    let said = Said { session: Some(&session), ..said };
    let answer = talk.request(Method::DELETE, said, String::new()).await?;
    say(&format!("\n> DELETE ends the session\n< {}", answer.status()))?;

    // The version of 2026-07-28 has no sessions, and says in headers what the body says.
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "demo", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let new = ("mcp-protocol-version", "2026-07-28");
    let mut call = call("list_orders");
    if let Some(params) = call.get_mut("params").and_then(Value::as_object_mut) {
        params.insert("_meta".to_owned(), meta);
    }
    let headers = [new, ("mcp-method", "tools/call"), ("mcp-name", "list_orders")];
    let said = Said { token: Some(&reader), session: None, headers: &headers };
    talk.post("tools/call of list_orders in the version 2026-07-28", 200, said, &call).await?;
    Ok(())
}

/// What matters of an answer.
struct Heard {
    session: Option<String>,
    text: String,
}

impl Talk {
    /// Sends a message, and shows what comes back.
    async fn post(
        &self,
        what: &str,
        expected: u16,
        said: Said<'_>,
        message: &Value,
    ) -> Result<Heard, AnyError> {
        let answer = self.request(Method::POST, said, message.to_string()).await?;
        let status = answer.status();
        say(&format!("\n> {what}\n< {status}"))?;
        for name in ["www-authenticate", "mcp-session-id"] {
            if let Some(value) = answer.headers().get(name) {
                say(&format!("< {name}: {}", value.to_str()?))?;
            }
        }
        let session = answer.headers().get("mcp-session-id").map(|value| value.to_str().map(str::to_owned));
        let session = session.transpose()?;
        let text = answer.text().await?;
        for line in text.lines().filter(|line| line.contains("\"jsonrpc\"")) {
            say(&format!("< {line}"))?;
        }
        if status != expected {
            return Err(format!("{what}: {status} instead of {expected}").into());
        }
        Ok(Heard { session, text })
    }

    async fn request(&self, method: Method, said: Said<'_>, body: String) -> Result<Response, AnyError> {
        let mut request = self
            .client
            .request(method, &self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if let Some(token) = said.token {
            request = request.bearer_auth(token);
        }
        if let Some(session) = said.session {
            request = request.header("mcp-session-id", session);
        }
        for (name, value) in said.headers {
            request = request.header(*name, *value);
        }
        Ok(request.body(body).send().await?)
    }
}
