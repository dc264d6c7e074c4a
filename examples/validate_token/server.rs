//! From flags to the `ResourceServer` that would get the token.

use std::{fs, path::Path, time::Duration};

use tower_resource_server::{
    Issuer, ResourceServer, ResourceServerBuilder,
    error::ConfigError,
    keys::{Algorithm, AlgorithmSet, KeySet, VerifyingKey},
    profile::{DEFAULT_LEEWAY, TokenProfile},
    time::{Clock, Sleep, SystemClock, UnixTime},
};

use crate::{
    AnyError,
    cli::{Cli, Profile},
};

/// The server that the flags describe. Nothing is fetched yet.
pub(crate) fn of(cli: &Cli) -> Result<ResourceServer, AnyError> {
    refuse_meaningless(cli)?;
    let server = match cli.profile {
        Profile::Jwt => access_tokens(cli, TokenProfile::jwt()),
        Profile::Rfc9068 => access_tokens(cli, TokenProfile::rfc9068()),
        Profile::OidcIdToken => id_tokens(cli),
    }?;
    let server = match &cli.scope {
        Some(scopes) => server.require(scopes.clone()),
        None => server,
    };
    let server = match cli.at {
        Some(secs) => server.clock(At(UnixTime::from_secs(secs))),
        None => server,
    };
    server.build().map_err(|error| one_by_one(&error).into())
}

fn access_tokens(cli: &Cli, profile: TokenProfile) -> Result<ResourceServerBuilder, AnyError> {
    let [first, further @ ..] = cli.audience.as_slice() else { return Err(needed("--audience")) };
    let issuer = issuer(cli)?.profile(with_flags(cli, profile));
    let server = ResourceServer::builder(first).issuer(issuer);
    Ok(further.iter().fold(server, |server, audience| server.audience(audience.as_str())))
}

fn id_tokens(cli: &Cli) -> Result<ResourceServerBuilder, AnyError> {
    let client = cli.client_id.as_deref().ok_or_else(|| needed("--client-id"))?;
    let issuer = issuer(cli)?.id_token_profile(with_flags(cli, TokenProfile::oidc_id_token()));
    // It is the client that ID tokens are for; no access token is ever asked about.
    Ok(ResourceServer::builder(client).client_id(client).issuer(issuer))
}

fn issuer(cli: &Cli) -> Result<Issuer, AnyError> {
    let name = cli.issuer.as_deref().ok_or_else(|| needed("--issuer"))?;
    let issuer = match (given_keys(cli, accepted(cli))?, &cli.jwks_uri) {
        (Some(keys), _) => Issuer::with_keys(name, keys),
        (None, Some(address)) => Issuer::with_jwks_uri(name, address),
        (None, None) => Issuer::discover(name),
    };
    Ok(if cli.allow_loopback_http { issuer.allow_loopback_http() } else { issuer })
}

/// The keys of a file, if one is named.
fn given_keys(cli: &Cli, algorithms: AlgorithmSet) -> Result<Option<KeySet>, AnyError> {
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    if let Some(path) = &cli.jwks_file {
        let keys = KeySet::from_jwks(read(path)?.as_bytes());
        return Ok(Some(keys.map_err(|error| format!("{}: {error}", path.display()))?));
    }
    let Some(path) = &cli.pem else { return Ok(None) };
    let pem = read(path)?;
    // A key is for the algorithms of its kind.
    let fits = |algorithm: &Algorithm| VerifyingKey::from_pem(&pem, *algorithm).is_ok();
    let fitting: AlgorithmSet = algorithms.iter().filter(fits).collect();
    let key = VerifyingKey::from_pem(&pem, if fitting.is_empty() { algorithms } else { fitting });
    let key = key.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Some(KeySet::from_keys([key])))
}

fn accepted(cli: &Cli) -> AlgorithmSet {
    match cli.algorithms.as_slice() {
        [] => AlgorithmSet::ASYMMETRIC,
        some => some.iter().copied().collect(),
    }
}

fn with_flags(cli: &Cli, profile: TokenProfile) -> TokenProfile {
    let leeway = cli.leeway.map_or(DEFAULT_LEEWAY, Duration::from_secs);
    profile.algorithms(accepted(cli)).leeway(leeway)
}

/// A flag that changes nothing would let its user believe that something was checked.
fn refuse_meaningless(cli: &Cli) -> Result<(), AnyError> {
    let is_id_token = cli.profile == Profile::OidcIdToken;
    for (flag, given, means_something) in [
        ("--audience", !cli.audience.is_empty(), !is_id_token),
        ("--client-id", cli.client_id.is_some(), is_id_token),
        ("--nonce", cli.nonce.is_some(), is_id_token),
        ("--scope", cli.scope.is_some(), !is_id_token),
    ] {
        if given && !means_something {
            return Err(format!("{flag} means nothing with this --profile").into());
        }
    }
    Ok(())
}

fn needed(flag: &str) -> AnyError {
    format!("{flag} is needed with this --profile").into()
}

fn one_by_one(error: &ConfigError) -> String {
    let problems = error.problems().iter().map(|problem| format!("\n  - {problem}"));
    format!("this configuration cannot work:{}", problems.collect::<String>())
}

/// A clock on which it is always the same time of day, while waiting goes on as ever.
struct At(UnixTime);

impl Clock for At {
    fn unix(&self) -> UnixTime {
        self.0
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }

    fn sleep_until(&self, deadline: Duration) -> Sleep {
        SystemClock.sleep_until(deadline)
    }
}
