//! A server from a file, which SIGHUP reads again.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use tower_resource_server::config::{ReloadableServer, ServerConfig, Settings};

use crate::{AnyError, DEFAULT_ADDRESS, api, issuer_flags::one_by_one};

/// What the names of environment variables begin with that are laid over the file.
const PREFIX: &str = "PROTECTED_API";

/// Guards as the file says.
pub(crate) async fn run(path: PathBuf, listen: Option<SocketAddr>) -> Result<(), AnyError> {
    let server = ReloadableServer::new(&read(&path)?).map_err(|error| one_by_one(&error))?;
    on_hangup(server.clone(), path)?;
    let router = api::reloadable(&server);
    let listener = crate::bind(listen.unwrap_or(DEFAULT_ADDRESS)).await?;
    crate::serve(listener, router, server.current().server(), "").await
}

/// Reads a file: JSON if it ends so, TOML otherwise.
fn read(path: &Path) -> Result<ServerConfig, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| named(&error))?;
    let settings: Settings = if path.extension().is_some_and(|extension| extension == "json") {
        serde_json::from_str(&text).map_err(|error| named(&error))?
    } else {
        // Its `Display` shows the line, which may hold a secret.
        toml::from_str(&text).map_err(|error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(1, |before| before.matches('\n').count() + 1);
            named(&format!("line {line}: {}", error.message()))
        })?
    };
    settings.with_process_env(PREFIX).resolve().map_err(|error| one_by_one(&error))
}

/// Reads the file again with each SIGHUP.
#[cfg(unix)]
fn on_hangup(server: ReloadableServer, path: PathBuf) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            let reloaded =
                read(&path).and_then(|config| server.reload(&config).map_err(|error| one_by_one(&error)));
            match reloaded {
                Ok(()) => println!("the new configuration is in force"),
                Err(error) => println!("the old configuration stays in force: {error}"),
            }
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn on_hangup(_: ReloadableServer, _: PathBuf) -> std::io::Result<()> {
    Ok(())
}
