//! What a handler would read of a token: the type that peers are told to deserialize.

use serde::Deserialize;

#[derive(Clone, Deserialize)]
#[expect(dead_code, reason = "it is not read here")]
pub(crate) struct Claims {
    iss: String,
    sub: String,
    aud: Vec<String>,
    exp: u64,
    iat: u64,
    client_id: String,
    scope: String,
}
