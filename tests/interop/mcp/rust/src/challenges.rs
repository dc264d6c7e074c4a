//! What rmcp's client finds in each answer.

use std::io;

use rmcp::transport::auth::WWWAuthenticateParams;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::AnyError;

#[derive(Deserialize)]
struct Answer {
    fields: Vec<String>,
}

#[derive(Serialize)]
struct Reading {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_metadata: Option<Url>,
}

/// Of several fields rmcp's client looks at the first, as reqwest hands it out.
pub(crate) fn run() -> Result<(), AnyError> {
    let answers: Vec<Answer> = serde_json::from_reader(io::stdin().lock())?;
    let resource = Url::parse("https://api.test/")?;
    let readings: Vec<_> = answers
        .iter()
        .map(|Answer { fields }| {
            let field = fields.first().map(String::as_str).unwrap_or_default();
            let found = WWWAuthenticateParams::parse(field, &resource);
            Reading {
                error: found.error,
                error_description: found.error_description,
                scope: found.scope,
                resource_metadata: found.resource_metadata_url,
            }
        })
        .collect();
    serde_json::to_writer(io::stdout().lock(), &readings)?;
    Ok(())
}
