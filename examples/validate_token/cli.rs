//! The command line.

use std::path::PathBuf;

use clap::{ArgGroup, Parser, ValueEnum};
use tower_resource_server::{
    ApiKey,
    keys::Algorithm,
    policy::{Requirement, RequirementError},
};

use crate::output::Style;

/// Says whether a token is good, and if not, everything that is wrong with it.
///
/// Exit status: 0 when the token is valid, 1 when it is not, 2 when it could not be checked (keys
/// that cannot be had, flags that make no sense, a file that cannot be read).
#[derive(Debug, Parser)]
#[command(name = "validate_token")]
#[command(group = ArgGroup::new("keys").args(["jwks_uri", "jwks_file", "pem"]))]
pub(crate) struct Cli {
    /// The token; from standard input when it is not here, or `-`
    ///
    /// Other users of the machine can see arguments: for tokens that still count, use standard input.
    pub(crate) token: Option<String>,

    /// The ID token that comes with the access token (Mobile Client Access, App ID)
    #[arg(long, value_name = "TOKEN")]
    pub(crate) id_token: Option<String>,

    /// What kind of token it must be
    #[arg(long, value_enum)]
    pub(crate) profile: Profile,

    /// The issuer to trust, exactly as in the `iss` of its tokens
    ///
    /// Its keys are found through its discovery document, unless --jwks-uri, --jwks-file or --pem
    /// says where they are.
    #[arg(long, value_name = "NAME")]
    pub(crate) issuer: Option<String>,

    /// The name of your API in the `aud` of tokens; repeatable
    ///
    /// App ID: a client of the tenant, and any will do when none is named.
    #[arg(long, value_name = "AUD")]
    pub(crate) audience: Vec<String>,

    /// Your client, which ID tokens are for
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,

    /// The nonce of the login that the ID token answers
    #[arg(long, value_name = "NONCE")]
    pub(crate) nonce: Option<String>,

    /// The vendor's name for your API: the tenant, or the application of SCEYT
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,

    /// Where the vendor's server is
    ///
    /// Mobile Client Access: what stands before /authorization/v1/apps/…; App ID: the region, or the
    /// OAuth server URL, before /publickeys.
    #[arg(long, value_name = "URL")]
    pub(crate) server_url: Option<String>,

    /// A file with the secret that your nonces are made with, of 32 bytes at least (Layer)
    ///
    /// Whether a nonce was spent already is known to your service alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) nonce_secret: Option<PathBuf>,

    /// The name of the key in --pem (Layer)
    #[arg(long, value_name = "ID", requires = "pem")]
    pub(crate) kid: Option<String>,

    /// Where the issuer's keys are
    #[arg(long, value_name = "URL")]
    pub(crate) jwks_uri: Option<String>,

    /// A file with the issuer's keys: a JWK Set, or one JWK
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks_file: Option<PathBuf>,

    /// A file with the issuer's one public key, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) pem: Option<PathBuf>,

    /// The signature algorithms to accept, as far as the keys are made for them
    ///
    /// Every asymmetric one unless told otherwise.
    #[arg(long, value_name = "RS256,ES256,…", value_delimiter = ',')]
    pub(crate) algorithms: Vec<Algorithm>,

    /// The scopes that the token must have, separated by spaces
    #[arg(long, value_name = "\"a b\"", value_parser = Requirement::scopes)]
    pub(crate) scope: Option<Requirement>,

    /// What the token must meet, such as `scope(orders:write) and acr(gold) or role(clerk)`
    #[arg(long, value_name = "TEXT", value_parser = requirement)]
    pub(crate) require: Option<Requirement>,

    /// Where the token has its roles: the name of a claim, or a JSON Pointer; repeatable
    #[arg(long, value_name = "PATH")]
    pub(crate) roles_claim: Vec<String>,

    /// An API key that the server accepts beside tokens, by the SHA-256 of its secret in hexadecimal; repeatable
    #[arg(long, value_name = "NAME=SHA256", value_parser = api_key)]
    pub(crate) api_key: Vec<ApiKey>,

    /// How far the issuer's clock and this one may disagree; at most 600 seconds
    ///
    /// 60 unless told otherwise; none for the vendors' systems, as in their own software.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) leeway: Option<u64>,

    /// The moment to check for, in seconds since 1970-01-01T00:00:00Z, instead of now
    #[arg(long, value_name = "SECONDS")]
    pub(crate) at: Option<u64>,

    /// Accept http:// addresses, if they are on this machine; for development
    #[arg(long)]
    pub(crate) allow_loopback_http: bool,

    /// Print only the judgement and what did not pass
    #[arg(long, conflicts_with = "json")]
    pub(crate) brief: bool,

    /// Print JSON for programs instead of a table for people
    #[arg(long)]
    pub(crate) json: bool,
}

fn api_key(text: &str) -> Result<ApiKey, &'static str> {
    let (name, hash) = text.split_once('=').ok_or("write the name of the key, =, and the hash")?;
    Ok(ApiKey::from_sha256(name, hash, name))
}

fn requirement(text: &str) -> Result<Requirement, String> {
    text.parse().map_err(|error: RequirementError| error.to_string())
}

impl Cli {
    pub(crate) const fn style(&self) -> Style {
        match (self.json, self.brief) {
            (true, _) => Style::Json,
            (false, true) => Style::Brief,
            (false, false) => Style::Table,
        }
    }
}

/// The kinds of token that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// An access token that is a JWT of any kind; needs --issuer and --audience
    Jwt,
    /// An access token as in RFC 9068: the header says `at+jwt`; needs --issuer and --audience
    Rfc9068,
    /// An OpenID Connect ID token; needs --issuer and --client-id
    OidcIdToken,
    /// An access token of IBM Mobile Client Access; needs --tenant and --server-url
    MobileClientAccess,
    /// An access token of IBM App ID; needs --tenant and --server-url
    AppId,
    /// A Layer identity token; needs --issuer (the provider), --pem and --kid (or --jwks-file), and
    /// --nonce-secret
    Layer,
    /// A SCEYT token; needs --tenant (the application) and --pem
    Sceyt,
}
