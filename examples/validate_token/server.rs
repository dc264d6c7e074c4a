//! From flags to the `ResourceServer` that would get the token.

use std::{fs, path::Path, time::Duration};

use tower_resource_server::{
    ApiKeys, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    error::ConfigError,
    keys::{Algorithm, AlgorithmSet, KeySet, VerifyingKey},
    profile::{DEFAULT_LEEWAY, TokenProfile},
    time::{Clock, Sleep, SystemClock, UnixTime},
};

use crate::{
    AnyError,
    cli::{Cli, Profile},
    vendors,
};

/// The server that the flags describe. Nothing is fetched yet.
pub(crate) fn of(cli: &Cli) -> Result<ResourceServer, AnyError> {
    refuse_meaningless(cli)?;
    let server = match cli.profile {
        Profile::Jwt => access_tokens(cli, TokenProfile::jwt()),
        Profile::Rfc9068 => access_tokens(cli, TokenProfile::rfc9068()),
        Profile::OidcIdToken => id_tokens(cli),
        Profile::MobileClientAccess => vendors::mobile_client_access(cli),
        Profile::AppId => vendors::app_id(cli),
        Profile::Layer => vendors::layer(cli),
        Profile::Sceyt => vendors::sceyt(cli),
    }?;
    let required = cli.scope.iter().chain(&cli.require).cloned();
    let server = required.fold(server, ResourceServerBuilder::require);
    let server = match cli.api_key.as_slice() {
        [] => server,
        keys => server.api_keys(keys.iter().cloned().collect::<ApiKeys>()),
    };
    let server = match cli.at {
        Some(secs) => server.clock(At(UnixTime::from_secs(secs))),
        None => server,
    };
    server.build().map_err(|error| one_by_one(&error).into())
}

fn access_tokens(cli: &Cli, profile: TokenProfile) -> Result<ResourceServerBuilder, AnyError> {
    let [first, further @ ..] = cli.audience.as_slice() else { return Err(needed("--audience")) };
    let issuer = issuer(cli, with_flags(cli, profile))?;
    let server = ResourceServer::builder(first).issuer(issuer);
    Ok(further.iter().fold(server, |server, audience| server.audience(audience.as_str())))
}

fn id_tokens(cli: &Cli) -> Result<ResourceServerBuilder, AnyError> {
    let client = cli.client_id.as_deref().ok_or_else(|| needed("--client-id"))?;
    let issuer = issuer(cli, TokenProfile::rfc9068())?
        .id_token_profile(with_flags(cli, TokenProfile::oidc_id_token()));
    // It is the client that ID tokens are for; no access token is ever asked about.
    Ok(ResourceServer::builder(client).client_id(client).issuer(issuer))
}

fn issuer(cli: &Cli, profile: TokenProfile) -> Result<TrustedIssuer, AnyError> {
    let name = cli.issuer.as_deref().ok_or_else(|| needed("--issuer"))?;
    let issuer = match (given_keys(cli, accepted(cli))?, &cli.jwks_uri) {
        (Some(keys), _) => TrustedIssuer::with_keys(name, keys, profile),
        (None, Some(address)) => TrustedIssuer::with_jwks_uri(name, address, profile),
        (None, None) => TrustedIssuer::discover(name, profile),
    };
    Ok(issuer.allow_loopback_http(cli.allow_loopback_http))
}

/// The keys of a file, if one is named.
pub(crate) fn given_keys(cli: &Cli, algorithms: AlgorithmSet) -> Result<Option<KeySet>, AnyError> {
    if let Some(path) = &cli.jwks_file {
        let keys = KeySet::from_jwks(&read(path)?);
        return Ok(Some(keys.map_err(|error| format!("{}: {error}", path.display()))?));
    }
    let Some(path) = &cli.pem else { return Ok(None) };
    let pem = String::from_utf8_lossy(&read(path)?).into_owned();
    // A key is for the algorithms of its kind.
    let fits = |algorithm: &Algorithm| VerifyingKey::from_pem(&pem, *algorithm).is_ok();
    let fitting: AlgorithmSet = algorithms.iter().filter(fits).collect();
    let key = VerifyingKey::from_pem(&pem, if fitting.is_empty() { algorithms } else { fitting });
    let key = key.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Some(KeySet::from_keys([key])))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, AnyError> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn accepted(cli: &Cli) -> AlgorithmSet {
    match cli.algorithms.as_slice() {
        [] => AlgorithmSet::ASYMMETRIC,
        some => some.iter().copied().collect(),
    }
}

fn with_flags(cli: &Cli, profile: TokenProfile) -> TokenProfile {
    let leeway = cli.leeway.map_or(DEFAULT_LEEWAY, Duration::from_secs);
    let profile = profile.algorithms(accepted(cli)).leeway(leeway);
    if cli.roles_claim.is_empty() {
        profile
    } else {
        profile.role_claims(&cli.roles_claim).roles_as_members(true)
    }
}

/// A flag that changes nothing would let its user believe that something was checked.
fn refuse_meaningless(cli: &Cli) -> Result<(), AnyError> {
    use Profile::{AppId, Jwt, Layer, MobileClientAccess, OidcIdToken, Rfc9068, Sceyt};
    let given: [(&str, bool, &[Profile]); 16] = [
        ("--issuer", cli.issuer.is_some(), &[Jwt, Rfc9068, OidcIdToken, MobileClientAccess, Layer]),
        ("--audience", !cli.audience.is_empty(), &[Jwt, Rfc9068, AppId]),
        ("--client-id", cli.client_id.is_some(), &[OidcIdToken]),
        ("--nonce", cli.nonce.is_some(), &[OidcIdToken]),
        ("--id-token", cli.id_token.is_some(), &[MobileClientAccess, AppId]),
        ("--tenant", cli.tenant.is_some(), &[MobileClientAccess, AppId, Sceyt]),
        ("--server-url", cli.server_url.is_some(), &[MobileClientAccess, AppId]),
        ("--nonce-secret", cli.nonce_secret.is_some(), &[Layer]),
        ("--kid", cli.kid.is_some(), &[Layer]),
        ("--jwks-uri", cli.jwks_uri.is_some(), &[Jwt, Rfc9068, OidcIdToken]),
        (
            "--jwks-file",
            cli.jwks_file.is_some(),
            &[Jwt, Rfc9068, OidcIdToken, MobileClientAccess, AppId, Layer],
        ),
        ("--algorithms", !cli.algorithms.is_empty(), &[Jwt, Rfc9068, OidcIdToken]),
        ("--leeway", cli.leeway.is_some(), &[Jwt, Rfc9068, OidcIdToken, MobileClientAccess, AppId, Sceyt]),
        ("--scope", cli.scope.is_some(), &[Jwt, Rfc9068, MobileClientAccess, AppId]),
        ("--require", cli.require.is_some(), &[Jwt, Rfc9068, MobileClientAccess, AppId, Layer, Sceyt]),
        ("--roles-claim", !cli.roles_claim.is_empty(), &[Jwt, Rfc9068]),
    ];
    for (flag, given, profiles) in given {
        if given && !profiles.contains(&cli.profile) {
            return Err(format!("{flag} means nothing with this --profile").into());
        }
    }
    Ok(())
}

pub(crate) fn needed(flag: &str) -> AnyError {
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
