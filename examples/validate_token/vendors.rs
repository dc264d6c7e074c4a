//! The servers that the presets of the vendors' systems make of the flags.

use std::{fs, time::Duration};

use tower_resource_server::{
    ResourceServerBuilder,
    keys::{Algorithm, AlgorithmSet, KeySet, VerifyingKey},
    preset,
    preset::{layer::Provider, sceyt::Application},
    store::{Life, Nonces, SpendError, Spending, SpentStore},
    time::UnixTime,
};

use crate::{
    AnyError,
    cli::Cli,
    server::{given_keys, needed, read},
};

/// All of them sign so.
const ALGORITHM: Algorithm = Algorithm::RS256;

pub(crate) fn mobile_client_access(cli: &Cli) -> Result<ResourceServerBuilder, AnyError> {
    let preset = preset::mobile_client_access::server(tenant(cli)?).leeway(leeway(cli));
    let preset = match (&cli.server_url, &cli.issuer) {
        (None, None) => return Err(needed("--server-url")),
        (Some(url), None) => preset.server_url(url),
        (None, Some(name)) => preset.issuer_name(name),
        (Some(url), Some(name)) => preset.server_url(url).issuer_name(name),
    };
    let preset = match keys(cli)? {
        Some(keys) => preset.keys(keys),
        None => preset,
    };
    Ok(preset.allow_loopback_http(cli.allow_loopback_http).into_builder())
}

pub(crate) fn app_id(cli: &Cli) -> Result<ResourceServerBuilder, AnyError> {
    let server_url = cli.server_url.as_deref().ok_or_else(|| needed("--server-url"))?;
    let preset = preset::app_id::server(server_url, tenant(cli)?).leeway(leeway(cli));
    let preset = cli.audience.iter().fold(preset, |preset, audience| preset.audience(audience.as_str()));
    let preset = match keys(cli)? {
        Some(keys) => preset.keys(keys),
        None => preset,
    };
    Ok(preset.allow_loopback_http(cli.allow_loopback_http).into_builder())
}

pub(crate) fn layer(cli: &Cli) -> Result<ResourceServerBuilder, AnyError> {
    let provider = Provider::new(cli.issuer.as_deref().ok_or_else(|| needed("--issuer"))?);
    let keys = keys(cli)?.ok_or_else(|| needed("--pem or --jwks-file"))?;
    let name = |key: &VerifyingKey| match (&cli.kid, key.kid()) {
        (Some(kid), _) => Ok(kid.clone()),
        (None, Some(kid)) => Ok(kid.to_owned()),
        (None, None) => Err(needed("--kid")),
    };
    let provider = keys
        .iter()
        .try_fold(provider, |provider, key| Ok::<_, AnyError>(provider.key(name(key)?, key.clone())))?;
    let path = cli.nonce_secret.as_deref().ok_or_else(|| needed("--nonce-secret"))?;
    let nonces = Nonces::with_secret(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(preset::layer::server(provider).nonces(nonces.store(Unspent)))
}

/// Nothing was spent, as far as is known here: the nonces are of servers that have begun before.
struct Unspent;

impl SpentStore for Unspent {
    fn spend(&self, _: &[u8], _: Life, _: UnixTime) -> Spending {
        Spending::Done(Err(SpendError::Unavailable))
    }
}

pub(crate) fn sceyt(cli: &Cli) -> Result<ResourceServerBuilder, AnyError> {
    let path = cli.pem.as_deref().ok_or_else(|| needed("--pem"))?;
    let pem = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let application = Application::from_pem(tenant(cli)?, &pem);
    let application = application.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(preset::sceyt::server(application).leeway(leeway(cli)).into_builder())
}

fn tenant(cli: &Cli) -> Result<&str, AnyError> {
    cli.tenant.as_deref().ok_or_else(|| needed("--tenant"))
}

/// None unless told, as in the vendors' own software.
fn leeway(cli: &Cli) -> Duration {
    Duration::from_secs(cli.leeway.unwrap_or_default())
}

fn keys(cli: &Cli) -> Result<Option<KeySet>, AnyError> {
    given_keys(cli, AlgorithmSet::from(ALGORITHM))
}
