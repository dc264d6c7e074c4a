//! From flags to a `ResourceServer`: whom to trust, and which tokens.
//!
//! The example `grpc` shares this file.

use std::{
    error::Error,
    fs,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use clap::{ArgGroup, Args, ValueEnum};
use tower_resource_server::{
    ResourceServer, ResourceServerBuilder, TrustedIssuer, error::ConfigError, keys::Algorithm,
    keys::AlgorithmSet, keys::KeySet, policy::Requirement, profile::DEFAULT_LEEWAY, profile::TokenProfile,
};

#[path = "vendor_flags.rs"]
mod vendor_flags;

use self::vendor_flags::VendorFlags;

/// How long a start without keys is normal; after that it is said on stderr.
const PATIENCE: Duration = Duration::from_secs(5);

type AnyError = Box<dyn Error + Send + Sync>;

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("trusted").args(["issuer", "tenant"]))]
pub(crate) struct IssuerFlags {
    /// The system that the tokens are of
    ///
    /// The first two are for the issuer of --issuer, the others for the one of --tenant.
    #[arg(long, requires = "trusted", value_enum, default_value = "jwt")]
    profile: Profile,

    /// The issuer to trust, exactly as in the `iss` of its tokens
    ///
    /// Its keys are found through its discovery document, unless --jwks-uri or --jwks-file says
    /// where they are.
    #[arg(long, value_name = "URL", requires = "audience")]
    issuer: Option<String>,

    /// The name of this API in the `aud` of tokens; repeatable
    ///
    /// The first is also its resource identifier (RFC 8707, RFC 9728). A token must be for one of
    /// them. App ID: a client of the tenant, and any will do when none is named.
    #[arg(long, value_name = "AUD", requires = "trusted")]
    audience: Vec<String>,

    /// Where the issuer's keys are; no discovery document is read
    #[arg(long, value_name = "URL", requires = "issuer", conflicts_with = "jwks_file")]
    jwks_uri: Option<String>,

    /// A file with the issuer's keys, a JWK Set; nothing is fetched
    #[arg(long, value_name = "PATH", requires = "issuer")]
    jwks_file: Option<PathBuf>,

    /// The signature algorithms to accept, as far as the issuer's keys are made for them
    ///
    /// Every asymmetric one unless told otherwise.
    #[arg(long, value_name = "RS256,ES256,…", requires = "issuer", value_delimiter = ',')]
    algorithms: Vec<Algorithm>,

    /// The kind of JWT to accept: at+jwt is --profile rfc9068, any is --profile jwt
    #[arg(long, requires = "issuer", conflicts_with = "profile", value_enum)]
    token_type: Option<TokenType>,

    #[command(flatten)]
    vendor: VendorFlags,

    /// How far the issuer's clock and this one may disagree; at most 600 seconds
    ///
    /// 60 unless told otherwise; with --tenant none, as in the vendors' own software.
    #[arg(long, value_name = "SECONDS", requires = "trusted")]
    leeway: Option<u64>,

    /// The scopes that every request needs, separated by spaces
    #[arg(long, value_name = "\"a b\"", requires = "trusted", value_parser = Requirement::scopes)]
    scope: Option<Requirement>,

    /// Where tokens have their roles: the name of a claim, or a JSON Pointer; repeatable
    #[arg(long, value_name = "PATH", requires = "issuer")]
    roles_claim: Vec<String>,

    /// Accept http:// addresses of the issuer, if they are on this machine; for development
    #[arg(long, requires = "trusted")]
    allow_loopback_http: bool,
}

/// The systems whose tokens are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Any access token that is a JWT: `typ` may be absent, `JWT` or `at+jwt`; most issuers need this
    Jwt,
    /// RFC 9068 only: the header says `at+jwt`; no other kind of token can pass, so use it if you can
    Rfc9068,
    /// IBM Mobile Client Access: one token or two; needs --tenant and --server-url
    MobileClientAccess,
    /// IBM App ID: one token or two; needs --tenant and --server-url
    AppId,
    /// SCEYT: the application is in the header `app-id`; needs --tenant and --pem
    Sceyt,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TokenType {
    Any,
    #[value(name = "at+jwt")]
    AtJwt,
}

impl IssuerFlags {
    /// The system that the tokens are of.
    pub(crate) fn profile(&self) -> Profile {
        match self.token_type {
            None => self.profile,
            Some(TokenType::Any) => Profile::Jwt,
            Some(TokenType::AtJwt) => Profile::Rfc9068,
        }
    }

    /// The scopes that every request needs, if any were named.
    pub(crate) fn scope(&self) -> Option<Requirement> {
        self.scope.clone()
    }

    /// The server that these flags describe, if they name an issuer or a tenant to trust, with what `and` adds.
    /// Nothing is fetched yet.
    pub(crate) fn resource_server(
        &self,
        and: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder,
    ) -> Result<Option<ResourceServer>, AnyError> {
        if self.issuer.is_none() && !self.vendor.is_named() {
            return Ok(None);
        }
        let server = match self.profile() {
            Profile::Jwt => self.standard(TokenProfile::jwt()),
            Profile::Rfc9068 => self.standard(TokenProfile::rfc9068()),
            _ if !self.roles_claim.is_empty() => {
                Err("--roles-claim means nothing under this --profile".into())
            }
            vendor => self.vendor.server(vendor, &self.audience, self.leeway(), self.allow_loopback_http),
        }?;
        and(server).build().map(Some).map_err(|error| one_by_one(&error).into())
    }

    /// How far clocks may disagree, if it was said.
    pub(crate) fn leeway(&self) -> Option<Duration> {
        self.leeway.map(Duration::from_secs)
    }

    /// A server for the tokens of an issuer that follows the standards.
    fn standard(&self, mut profile: TokenProfile) -> Result<ResourceServerBuilder, AnyError> {
        if self.issuer.is_none() {
            return Err(
                "--tenant: these tokens are of no vendor; name one with --profile, or an --issuer".into()
            );
        }
        self.vendor.refuse_others(&[])?;
        let accepted: AlgorithmSet = match self.algorithms.as_slice() {
            [] => AlgorithmSet::ASYMMETRIC,
            some => some.iter().copied().collect(),
        };
        let leeway = self.leeway().unwrap_or(DEFAULT_LEEWAY);
        if !self.roles_claim.is_empty() {
            profile = profile.role_claims(&self.roles_claim).roles_as_members(true);
        }
        let issuer = self.issuer(profile.algorithms(accepted).leeway(leeway))?;
        let mut audiences = self.audience.iter();
        let mut server =
            ResourceServer::builder(audiences.next().cloned().unwrap_or_default()).issuer(issuer);
        for further in audiences {
            server = server.audience(further.as_str());
        }
        Ok(server)
    }

    fn issuer(&self, profile: TokenProfile) -> Result<TrustedIssuer, String> {
        let name = self.issuer.clone().unwrap_or_default();
        let issuer = match (&self.jwks_file, &self.jwks_uri) {
            (Some(path), _) => {
                let read = fs::read(path).map_err(|error| error.to_string());
                let keys = read.and_then(|json| KeySet::from_jwks(&json).map_err(|error| error.to_string()));
                TrustedIssuer::with_keys(
                    name,
                    keys.map_err(|error| format!("{}: {error}", path.display()))?,
                    profile,
                )
            }
            (None, Some(address)) => TrustedIssuer::with_jwks_uri(name, address.as_str(), profile),
            (None, None) => TrustedIssuer::discover(name, profile),
        };
        Ok(issuer.allow_loopback_http(self.allow_loopback_http))
    }
}

pub(crate) fn one_by_one(error: &ConfigError) -> String {
    let mut text = "this configuration cannot work:".to_owned();
    for problem in error.problems() {
        text.push_str("\n  - ");
        text.push_str(problem.text());
    }
    text
}

/// Reads a HOST:PORT to listen on.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| error.to_string())?;
    found.next().ok_or_else(|| "no such address".to_owned())
}

/// Says on stderr when the keys are late, and when they are there.
pub(crate) async fn report_keys(api: ResourceServer) {
    let mut late = false;
    while let Err(_timeout) = tokio::time::timeout(PATIENCE, api.ready()).await {
        if !late {
            for of in api.health().into_iter().filter(|of| !of.keys.state.serves()) {
                let (issuer, why) = (of.issuer, of.keys.last_error);
                let why = why.map(|error| format!(" ({error})")).unwrap_or_default();
                eprintln!("no keys from {issuer} yet{why}; requests are answered 503 until they are there");
            }
        }
        late = true;
    }
    if late {
        eprintln!("the keys are there");
    }
}
