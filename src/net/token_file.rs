//! A bearer token that another program keeps fresh in a file, as Kubernetes does for service accounts.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use http::HeaderValue;
use url::Origin;
use zeroize::Zeroizing;

use super::BearerTokenError;

/// The largest file that is read, in bytes: as large as a token that this crate accepts.
const MAX_TOKEN: u64 = 16 * 1024;

/// What the token stands behind.
const SCHEME: &[u8] = b"Bearer ";

/// The file, and the only origin that its token is for.
#[derive(Clone)]
pub(super) struct TokenFile {
    origin: Origin,
    path: Arc<Path>,
}

impl TokenFile {
    pub(super) fn new(origin: Origin, path: PathBuf) -> Self {
        Self { origin, path: path.into() }
    }

    pub(super) fn is_for(&self, origin: &Origin) -> bool {
        self.origin == *origin
    }

    /// The value of `Authorization`, as the file is at this moment. The runtime is not blocked.
    pub(super) async fn authorization(&self) -> Result<HeaderValue, BearerTokenError> {
        let path = Arc::clone(&self.path);
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        // Not run at all, since the runtime is shutting down.
        read.unwrap_or(Err(BearerTokenError::Unreadable(io::ErrorKind::Other)))
    }
}

fn read(path: &Path) -> Result<HeaderValue, BearerTokenError> {
    let unreadable = |error: io::Error| BearerTokenError::Unreadable(error.kind());
    // A pipe would be waited for.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(BearerTokenError::NotAFile);
    }
    // It does not grow, so that nothing of the token stays behind in memory of before.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_TOKEN as usize + 1));
    File::open(path).and_then(|file| file.take(MAX_TOKEN + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_TOKEN {
        return Err(BearerTokenError::TooLarge { limit: MAX_TOKEN });
    }
    authorization(bytes.trim_ascii()).ok_or(BearerTokenError::Malformed)
}

/// `None` unless it is a `b64token` of RFC 6750 section 2.1. The value is wiped when it is dropped.
fn authorization(token: &[u8]) -> Option<HeaderValue> {
    let padded = token.iter().rposition(|byte| *byte != b'=')? + 1;
    let is_token_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    if !token.get(..padded)?.iter().all(is_token_byte) {
        return None;
    }
    let mut value = Zeroizing::new(Vec::with_capacity(SCHEME.len() + token.len()));
    value.extend_from_slice(SCHEME);
    value.extend_from_slice(token);
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
#[path = "token_file_tests.rs"]
mod tests;
