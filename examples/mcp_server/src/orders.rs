//! The MCP server: three tools about orders, which ask the request who makes it.

use http::request::Parts;
use rmcp::{
    ErrorData, ServerHandler,
    handler::server::{common::Extension, router::tool::ToolRouter, wrapper::Parameters},
    schemars, tool, tool_handler, tool_router,
};
use serde::Deserialize;
use tower_resource_server::Identity;

#[derive(Clone)]
pub(crate) struct Orders {
    tool_router: ToolRouter<Self>,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Cancel {
    /// The number of the order
    order: u32,
}

#[tool_router]
impl Orders {
    pub(crate) fn new() -> Self {
        Self { tool_router: Self::tool_router() }
    }

    #[tool(description = "List the caller's orders")]
    async fn list_orders(&self, Extension(parts): Extension<Parts>) -> Result<String, ErrorData> {
        Ok(format!("the orders of {}: 7 and 8", caller(&parts)?.subject()))
    }

    #[tool(description = "Cancel one of the caller's orders")]
    async fn cancel_order(
        &self,
        Parameters(Cancel { order }): Parameters<Cancel>,
        Extension(parts): Extension<Parts>,
    ) -> Result<String, ErrorData> {
        Ok(format!("{} cancelled the order {order}", caller(&parts)?.subject()))
    }

    #[tool(description = "Forget every order")]
    async fn reset(&self) -> String {
        "no orders are left".to_owned()
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Orders {}

/// The identity that the guard put into the request.
fn caller(parts: &Parts) -> Result<&Identity, ErrorData> {
    let missing = || ErrorData::internal_error("no guard is in front of this server", None);
    parts.extensions.get().ok_or_else(missing)
}
