//! The text of every public error: one line, no trailing period, and nothing of what was given.
#![cfg(all(
    feature = "identity-provider",
    feature = "issuer",
    feature = "redis",
    feature = "remote",
    feature = "test-util"
))]

use std::{io::ErrorKind, time::Duration};

use http::StatusCode;
use tower_resource_server::{
    CredentialError, ReplaceApiKeysError, ReplaceKeysError, ResourceServer, RevokeKeyError, TrustedIssuer,
    error::{Malformed, TokenError},
    http::{InvalidLoginPage, Reason, RequestError},
    identity_provider::{AnswerError, ExchangeError, StateError, UserIdentityError},
    issuer::{IssueError, SigningKey, SigningKeyError},
    keys::{Algorithm, JwksError, KeyError, KeySet, PemError, VerifyingKey, WeakSecret},
    net::{BearerTokenError, HttpError, ReqwestClient, SourceUrl, UrlError},
    policy::Requirement,
    preset::VcapError,
    profile::TokenProfile,
    source::{FetchError, MetadataError, RefreshError},
    store::{
        NonceError, NonceSetupError, Nonces, SpendError,
        redis::{RedisProblem, RedisSettingsError},
    },
    test_util::TestIssuer,
    token::TokenKind,
};

/// What a text of an error must be, whatever it is about.
fn assert_good(name: &str, text: &str) {
    assert!(!text.trim().is_empty(), "{name}: no text");
    assert_eq!(text.trim(), text, "{name}: white space around it: {text:?}");
    assert!(!text.chars().any(char::is_control), "{name}: more than a line: {text:?}");
    assert!(!text.ends_with(['.', '!', ':', ';', ',']), "{name}: it ends like a sentence: {text:?}");
}

macro_rules! rows {
    ($($error:expr),* $(,)?) => { vec![$((stringify!($error), $error.to_string())),*] };
}

#[test]
fn every_error_is_one_line_without_a_period() {
    let status = |status, retry_after| FetchError::Status { status, retry_after };
    let fetched = TrustedIssuer::discover("https://login.test", TokenProfile::rfc9068());
    let api = ResourceServer::builder("https://api.test").issuer(fetched).build().unwrap();
    let no_runtime = api.start().unwrap_err();
    let rows = [
        rows![
            Malformed::Parts,
            Malformed::Base64,
            Malformed::Header,
            Malformed::Payload,
            Malformed::DuplicateMember,
            Malformed::ReservedName,
            Malformed::TooDeep,
            TokenError::TooLarge,
            TokenError::Malformed(Malformed::Parts),
            TokenError::AlgorithmNotAllowed,
            TokenError::UnsupportedExtension,
            TokenError::WrongType,
            TokenError::UntrustedIssuer,
            TokenError::UnverifiedTenant,
            TokenError::UnknownKey,
            TokenError::KeyAlgorithmMismatch,
            TokenError::InvalidSignature,
            TokenError::Expired,
            TokenError::NotYetValid,
            TokenError::IssuedInFuture,
            TokenError::LifetimeOutOfBounds,
            TokenError::WrongAudience,
            TokenError::SenderConstrained,
            TokenError::NotSenderConstrained,
            TokenError::CertificateMissing,
            TokenError::WrongCertificate,
            TokenError::WrongNonce,
            TokenError::WrongAccessTokenHash,
            TokenError::AuthenticationTooOld,
            TokenError::PairMismatch,
            TokenError::StaleNonce,
            TokenError::UnknownCredential,
            TokenError::StaleTicket,
            TokenError::AlreadyUsed,
        ],
        rows![
            RequestError::SeveralAuthorizations,
            RequestError::MalformedAuthorization,
            RequestError::MalformedIdToken,
            RequestError::IdTokenAlone,
            RequestError::SeveralSelectors,
            RequestError::SeveralCertificates,
            RequestError::MalformedCertificate,
            RequestError::SeveralLocations,
            RequestError::LocationsDisagree,
            RequestError::SeveralHeaders,
            RequestError::MalformedHeader,
            RequestError::SeveralCookieFields,
            RequestError::TooManyCookies,
            RequestError::SeveralCookies,
            RequestError::MalformedCookie,
            RequestError::SeveralSubprotocols,
            RequestError::MalformedSubprotocol,
            RequestError::SubprotocolAlone,
            RequestError::SeveralParameters,
            RequestError::MalformedParameter,
            RequestError::SeveralFormParameters,
            RequestError::MalformedFormParameter,
            RequestError::UnreadableForm,
            Reason::NoCredentials,
            Reason::InvalidRequest(RequestError::IdTokenAlone),
            Reason::InvalidToken { token: TokenKind::Access, error: TokenError::Expired },
            Reason::InsufficientScope { scope: None },
            Reason::CrossOrigin,
            Reason::KeysUnavailable,
            Reason::SpentStoreUnavailable,
            Reason::VerifierUnavailable,
            Reason::ForeignIdentity { verified_by: "a".into(), guarded_by: "b".into() },
            RevokeKeyError::UnknownIssuer,
            RevokeKeyError::UntrustedTenant,
            ReplaceKeysError::UnknownIssuer,
            ReplaceKeysError::NotGiven,
            ReplaceKeysError::Unusable,
            ReplaceKeysError::Empty,
            ReplaceApiKeysError::NoApiKeys,
            CredentialError::Refused,
            CredentialError::Unavailable,
            Requirement::scopes("a\"b").unwrap_err(),
        ],
        rows![
            KeyError::MalformedJwk,
            KeyError::Pem(PemError::Empty),
            KeyError::MalformedPublicKey,
            KeyError::MalformedCertificate,
            KeyError::Unsupported,
            KeyError::WrongUse,
            KeyError::AlgorithmMismatch,
            KeyError::PrivateMaterial,
            KeyError::RsaModulusSize { bits: 512 },
            KeyError::RsaExponent,
            KeyError::InvalidPoint,
            KeyError::SecretTooShort { length: 1, minimum: 32 },
            KeyError::WeakSecret(WeakSecret::Public),
            WeakSecret::Repeats,
            WeakSecret::Public,
            PemError::Empty,
            PemError::NoBegin,
            PemError::NoEnd,
            PemError::Labels,
            PemError::EscapedLineBreaks,
            PemError::Base64,
            PemError::PrivateKey,
            PemError::NoPublicKey,
            JwksError::Malformed,
            JwksError::TooManyKeys { limit: 1 },
            JwksError::NoUsableKey { skipped: Vec::new() },
            JwksError::NoUsableKey { skipped: vec![KeyError::WrongUse, KeyError::RsaExponent] },
            "XS256".parse::<Algorithm>().unwrap_err(),
        ],
        rows![
            HttpError::Resolve,
            HttpError::Connect,
            HttpError::Tls,
            HttpError::AddressRefused,
            HttpError::Timeout,
            HttpError::TooLarge { limit: 1 },
            HttpError::Broken,
            HttpError::BearerToken(BearerTokenError::Malformed),
            HttpError::Other("a reason of one's own"),
            BearerTokenError::Unreadable(ErrorKind::NotFound),
            BearerTokenError::NotAFile,
            BearerTokenError::TooLarge { limit: 1 },
            BearerTokenError::Malformed,
            UrlError::Malformed,
            UrlError::Insecure,
            UrlError::Credentials,
            UrlError::QueryOrFragment,
            UrlError::AddressRefused,
            FetchError::Http(HttpError::Connect),
            status(StatusCode::FOUND, None),
            status(StatusCode::BAD_GATEWAY, Some(Duration::from_secs(1))),
            FetchError::NotModified,
            MetadataError::Malformed,
            MetadataError::IssuerMismatch,
            MetadataError::JwksUri(UrlError::Insecure),
            RefreshError::MetadataFetch(FetchError::NotModified),
            RefreshError::Metadata(MetadataError::Malformed),
            RefreshError::KeySetFetch(FetchError::NotModified),
            RefreshError::KeySet(JwksError::Malformed),
            RefreshError::Key(KeyError::MalformedPublicKey),
            RefreshError::Panicked,
            no_runtime,
            RefreshError::NoRuntime(no_runtime),
        ],
        rows![
            NonceError::Malformed,
            NonceError::Forged,
            NonceError::Expired,
            NonceError::AlreadySpent,
            NonceError::Full,
            NonceError::Unavailable,
            NonceSetupError::NoRandomness,
            NonceSetupError::SecretTooShort { length: 1, minimum: 32 },
            NonceSetupError::WeakSecret(WeakSecret::Repeats),
            SpendError::AlreadySpent,
            SpendError::Full,
            SpendError::Forgotten,
            SpendError::Unavailable,
            VcapError::Malformed,
            VcapError::NoService,
            VcapError::MissingCredential("tenantId"),
            InvalidLoginPage,
        ],
        rows![
            SigningKeyError::Pem(PemError::Base64),
            SigningKeyError::PemLabel,
            SigningKeyError::Rejected { algorithm: Algorithm::RS256 },
            SigningKeyError::WrongFamily { algorithm: Algorithm::RS256 },
            SigningKeyError::SecretTooShort { length: 1, minimum: 32 },
            SigningKeyError::Generation,
            IssueError::IssuerUrl,
            IssueError::Path,
            IssueError::NoSigningKey,
            IssueError::DuplicateKid,
            IssueError::LongKid,
            IssueError::UnknownKey,
            IssueError::StillSigning,
            IssueError::MissingClaim { claim: "jti" },
            IssueError::LifetimeOutOfBounds {
                lifetime: Duration::ZERO,
                min: Duration::from_secs(1),
                max: Duration::from_secs(2),
            },
            IssueError::EmptySubject,
            IssueError::Signing,
            UserIdentityError::UserName,
            UserIdentityError::DisplayName,
            UserIdentityError::Malformed,
            ExchangeError::Unanswered(HttpError::Timeout),
            ExchangeError::Status(StatusCode::IM_A_TEAPOT),
            ExchangeError::Malformed,
            ExchangeError::UserIdentity(UserIdentityError::UserName),
            AnswerError,
            StateError::Full,
            StateError::TooLarge,
            StateError::Unavailable,
            StateError::Randomness,
            RedisSettingsError::Scheme,
            RedisSettingsError::Server,
            RedisSettingsError::NoMaster,
            RedisSettingsError::Database,
            RedisSettingsError::Prefix,
            RedisSettingsError::Certificates,
            RedisProblem::NoMajority,
            RedisProblem::Evicts { server: "one:6379".to_owned() },
        ],
    ];
    for (name, text) in rows.iter().flatten() {
        assert_good(name, text);
    }
}

/// The texts of errors that come of input with a secret in it.
#[test]
fn no_error_shows_what_was_given() {
    const SECRET: &str = "hunter2";
    let issuer = TestIssuer::new();
    let token = issuer.access_token(SECRET).claim("iss", SECRET).mint().unwrap();
    let strange = issuer.access_token("alice").claim("aud", SECRET).header("typ", SECRET).mint().unwrap();
    let api = issuer.server();
    let proxy = format!("http://user:{SECRET}@169.254.169.254:1");
    let pem = format!("-----BEGIN {SECRET}-----\n{SECRET}\n-----END {SECRET}-----\n");
    let jwks = format!(r#"{{"keys":[{{"kty":"oct","k":"{SECRET}"}}]}}"#);
    let algorithm = Algorithm::HS256;
    for (name, text) in [
        ("a token", api.verify_now(&token).unwrap_err().to_string()),
        ("a header", api.verify_now(&strange).unwrap_err().to_string()),
        ("no token", api.verify_now(SECRET).unwrap_err().to_string()),
        ("a proxy", ReqwestClient::builder().proxy(&proxy).build().unwrap_err().to_string()),
        ("a URL", SourceUrl::parse(&format!("https://user:{SECRET}@a.test"), false).unwrap_err().to_string()),
        ("PEM", VerifyingKey::from_pem(&pem, Algorithm::RS256).unwrap_err().to_string()),
        ("a private PEM", SigningKey::from_pem(&pem, Algorithm::RS256).unwrap_err().to_string()),
        ("a secret", VerifyingKey::from_hmac_secret(SECRET.as_bytes(), algorithm).unwrap_err().to_string()),
        (
            "a signing secret",
            SigningKey::from_hmac_secret(SECRET.as_bytes(), algorithm).unwrap_err().to_string(),
        ),
        ("a secret of nonces", Nonces::with_secret(SECRET.as_bytes()).unwrap_err().to_string()),
        ("a key set", KeySet::from_jwks(jwks.as_bytes()).unwrap_err().to_string()),
        ("scopes", Requirement::scopes(&format!("\"{SECRET}\"")).unwrap_err().to_string()),
        ("no issuer", ResourceServer::builder("https://api.test").build().unwrap_err().to_string()),
    ] {
        assert_good(name, &text);
        assert!(!text.contains(SECRET), "{name}: {text}");
    }
}
