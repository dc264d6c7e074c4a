//! What instances of one service share. All or nothing: sessions whose key outlives the process do not end with it, so
//! those that were ended must be known for as long.

use std::{error::Error, fs, path::PathBuf, sync::Arc};

use clap::Args;
use tower_resource_server::{
    issuer::SigningKey,
    keys::Algorithm,
    store::{Nonces, redis::RedisSettings},
};

use super::service::Settings;

#[derive(Args, Debug)]
pub(crate) struct Shared {
    /// The Redis or Valkey of spent nonces and ended sessions, as redis://HOST:PORT; otherwise all is of this process
    #[arg(long, value_name = "URL", requires_all = ["customer_key", "session_key", "nonce_secret"])]
    store: Option<String>,

    /// The private key of the customer, RSA in PEM
    #[arg(long, value_name = "FILE", requires = "store")]
    customer_key: Option<PathBuf>,

    /// The private key of sessions, Ed25519 in PEM
    #[arg(long, value_name = "FILE", requires = "store")]
    session_key: Option<PathBuf>,

    /// The secret of nonces, at least 32 random bytes
    #[arg(long, value_name = "FILE", requires = "store")]
    nonce_secret: Option<PathBuf>,
}

impl Shared {
    pub(crate) fn apply(&self, settings: &mut Settings) -> Result<(), Box<dyn Error>> {
        let (Some(url), Some(customer), Some(session), Some(secret)) =
            (&self.store, &self.customer_key, &self.session_key, &self.nonce_secret)
        else {
            return Ok(());
        };
        let store = Arc::new(RedisSettings::from_url(url)?.build()?);
        settings.customer_key = key(customer, Algorithm::RS256)?;
        settings.session_key = key(session, Algorithm::EdDSA)?;
        settings.nonces = Nonces::with_secret(&read(secret)?)?.store(Arc::clone(&store));
        settings.ended = store;
        Ok(())
    }
}

fn key(path: &PathBuf, algorithm: Algorithm) -> Result<SigningKey, Box<dyn Error>> {
    Ok(SigningKey::from_pem(&String::from_utf8(read(path)?)?, algorithm)?)
}

fn read(path: &PathBuf) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
