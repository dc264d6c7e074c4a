//! Traits of the public types: they are checked by compiling, and no type is left out.

use std::{
    any::type_name, collections::BTreeSet, convert::Infallible, error::Error, fmt::Debug, fmt::Display,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::util::BoxCloneSyncService;
use tower_resource_server as crate_;

use crate::public::types;
use crate_::{
    ApiKey, ApiKeyState, ApiKeyStatus, ApiKeys, Authentication, CacheSettings, ClaimsError,
    ClientCertificate, Credential, CredentialError, CredentialVerifierSettings, DangerousIssuer, Dpop,
    Explanation, HealthService, IdTokenExpectations, Identity, KeyRevocation, Mtls, OpaqueCredential,
    OwnedPrincipal, PairRules, Principal, ReplaceApiKeysError, ReplaceKeysError, ResourceServer,
    ResourceServerBuilder, RevokeKeyError, TokenClaims, TrustedIssuer, Verification, VerifiedCredential,
    axum::{Allowed, Claims, ExtractorRejection, Refused},
    config::{
        Configured, ReloadableDocument, ReloadableLayer, ReloadableServer, ReloadableService, ServerConfig,
        Settings,
    },
    error::{ClaimName, ConfigError, ConfigProblem, Malformed, TokenError},
    explain::{self, Finding, Html, Shown, Stage, Verdict},
    http::{
        AsServer, BodyOf, CertificateHeader, ChallengeParameter, ChallengeRow, ChallengeTable,
        DangerousLocations, Empty, Grammar, IdTokenLocation, InvalidLoginPage, Json, LoginRedirect,
        MetadataService, PeerAddress, ProblemDetails, PublicAddress, Reason, RefusalBody, RefusalHead,
        Rejection, RequestError, RequestHead, ResourceMetadata, ServerBody, Spacing, TokenLocation,
    },
    identity_provider::{
        self, AnswerError, Challenge, ExchangeError, HandleChallengeAnswer, IdentityProviderClient,
        IdentityProviderClientBuilder, IdentityProviderService, IdentityProviderServiceBuilder, Outcome,
        SealedStates, StartAuthorization, StateError, States, UserIdentity, UserIdentityError,
    },
    issuer::{
        Fetches, IssueError, IssuerService, KeySelector, SceytIssuer, SigningKey, SigningKeyError,
        TokenBuilder, TokenIssuer, TokenIssuerBuilder,
    },
    keys::{
        Algorithm, AlgorithmSet, JwksError, KeyError, KeySet, PemError, SignatureValid, UnknownAlgorithm,
        VerifyingKey, WeakSecret,
    },
    mcp::{McpBody, McpFuture, McpGuard, McpRefusal, McpRequirements, McpService, SessionSecretError},
    middleware::{
        AuthLayer, AuthService, DescriptorError, FormTokenFuture, FormTokenService, FormTokens,
        ForwardedIdentity, ForwardedIdentityBuilder, GrpcMethods, GrpcRowsError, PatternError,
        RequirementTable, Requirements, ResponseFuture,
    },
    net::{
        BearerTokenError, Body, HttpError, Limits, ReqwestClient, ReqwestClientBuilder, SourceUrl, UrlError,
    },
    policy::{
        ClaimRule, InvalidScope, RequiredClaim, RequiredDetails, Requirement, RequirementError, Rule, StepUp,
    },
    preset::{
        VcapError,
        app_id::{AppId, AuthorizationContext},
        layer,
        mobile_client_access::{self as mca, MobileClientAccess, SecurityContext},
        sceyt::{self, Sceyt},
    },
    profile::{DangerousProfile, KeySelection, TokenProfile},
    proof::ProofError,
    source::{
        FetchError, Health, IssuerHealth, IssuerRefreshError, KidForm, MetadataError, NoRuntime,
        RefreshError, RefreshSettings, SourceState, TenantKeys, TenantSettings,
    },
    store::{
        DpopNonces, Life, MemorySpentStore, NonceError, NonceSetupError, Nonces, RefuseAll, SpendError,
        Spending, TicketError, Tickets,
        redis::{
            DangerousRedisSettings, DangerousRedisStore, RedisHealth, RedisProblem, RedisSettings,
            RedisSettingsError, RedisStore,
        },
    },
    test_util::{Defect, DpopKey, DpopProof, ManualClock, TestIssuer, TestIssuerBuilder},
    time::{SystemClock, UnixTime},
    token::{ClaimPath, TokenKind, TokenLimits},
};

/// A service as programs have it, and its bodies.
type Plain = Full<Bytes>;
type Inner = BoxCloneSyncService<Request<Plain>, Response<Plain>, Infallible>;

/// Goes between threads, is kept anywhere, and shows itself in a log.
fn sent<T: Debug + Send + Sync + 'static>() {}

/// The same, and is handed around by cloning.
fn handle<T: Clone + Debug + Send + Sync + 'static>() {}

/// Is waited for by one task, which may go on in another thread.
fn waited_for<T: Debug + Send + 'static>() {}

/// Goes into `Box<dyn Error + Send + Sync>`, is cloned and compared.
fn error<T: Error + Clone + PartialEq + Send + Sync + 'static>() {}

/// Has a text of its own.
fn shown<T: Display>() {}

#[test]
fn handles_and_errors_have_the_traits_that_users_expect() {
    let mut seen = BTreeSet::new();
    macro_rules! all {
        ($check:ident: $($type:ty,)*) => { $($check::<$type>(); seen.insert(path(type_name::<$type>()));)* };
    }
    all![handle:
        ResourceServer, TrustedIssuer, PairRules, CacheSettings, IdTokenExpectations<'static>,
        HealthService<Bytes>, KeyRevocation, Dpop, Mtls,
        Identity, Authentication, Principal<'static>, OwnedPrincipal, TokenClaims<'static>, Credential<'static>,
        ClientCertificate, ApiKey, ApiKeys, ApiKeyState, ApiKeyStatus, CredentialVerifierSettings,
        OpaqueCredential<'static>, VerifiedCredential,
        Explanation, Finding, Shown, Stage, Verdict, explain::Outcome, Html<&'static str>,
        UnixTime, SystemClock, TokenLimits, TokenKind, ClaimName, ClaimPath, ConfigProblem,
        Algorithm, AlgorithmSet, KeySet, VerifyingKey, SignatureValid,
        Requirement, RequiredClaim, RequiredDetails, StepUp, Rule, ClaimRule, TokenProfile, KeySelection,
        ReqwestClient, SourceUrl, Limits, RefreshSettings, TenantSettings, TenantKeys, Health, IssuerHealth,
        SourceState, KidForm,
        Nonces, DpopNonces, Tickets, Life, RefuseAll, RedisStore, RedisSettings, RedisHealth, RedisProblem,
        Grammar, Spacing, IdTokenLocation, TokenLocation, DangerousLocations, Reason, Rejection, RequestHead<'static>,
        ChallengeRow, ChallengeTable, ChallengeParameter, PublicAddress, PeerAddress,
        CertificateHeader, ResourceMetadata, MetadataService<Bytes>,
        Empty, Json, AsServer, ServerBody, BodyOf<fn()>, LoginRedirect<Json>, ProblemDetails, RefusalBody, RefusalHead,
        Allowed<TestIssuer>, Claims<()>,
        AuthLayer, AuthService<(), Empty>, Requirements, RequirementTable, FormTokens, FormTokenService<()>,
        ForwardedIdentity, ForwardedIdentityBuilder, GrpcMethods,
        McpGuard, McpRefusal, McpRequirements, McpService<Inner>,
        Settings, ServerConfig, Configured, ReloadableServer, ReloadableLayer, ReloadableService<()>,
        ReloadableDocument<Bytes>,
        AppId, AuthorizationContext, MobileClientAccess, SecurityContext, mca::User<'static>, mca::Device<'static>,
        mca::ClientApplication<'static>, Sceyt, sceyt::Application, sceyt::Context, sceyt::ErrorBody,
        layer::Provider, layer::User,
        SigningKey, TokenIssuer, TokenBuilder, IssuerService<Bytes>, SceytIssuer, KeySelector, Fetches,
        IdentityProviderClient, IdentityProviderService<(), Bytes>, UserIdentity, Challenge, Outcome,
        States<()>, SealedStates<()>,
        ManualClock, DpopKey, DpopProof, Defect,
    ];
    all![sent:
        ResourceServerBuilder, DangerousIssuer, MemorySpentStore, TokenIssuerBuilder, StartAuthorization,
        HandleChallengeAnswer, DangerousProfile, ReqwestClientBuilder, Body, layer::DangerousProvider,
        DangerousRedisStore, DangerousRedisSettings, IdentityProviderClientBuilder,
        IdentityProviderServiceBuilder<()>, TestIssuer, TestIssuerBuilder, ExtractorRejection, Refused,
        McpBody<Plain>,
    ];
    all![waited_for:
        Verification, Spending, identity_provider::ResponseFuture<Bytes>,
        ResponseFuture<Inner, AsServer, Plain>, FormTokenFuture<Inner, Plain>,
        McpFuture<Inner, McpRefusal, Plain, Plain>,
    ];
    all![error:
        ConfigError, TokenError, Malformed, ClaimsError, RevokeKeyError, ReplaceKeysError, ReplaceApiKeysError,
        CredentialError,
        KeyError, JwksError, PemError, UnknownAlgorithm, WeakSecret, InvalidScope, RequirementError,
        HttpError, BearerTokenError, UrlError, FetchError, MetadataError, RefreshError, IssuerRefreshError,
        NoRuntime, ProofError, NonceError, NonceSetupError, SpendError, TicketError, RedisSettingsError,
        RequestError, VcapError, SessionSecretError, DescriptorError, GrpcRowsError,
        SigningKeyError, IssueError, UserIdentityError, ExchangeError, AnswerError, StateError,
        InvalidLoginPage, PatternError,
    ];
    all![shown:
        Explanation, Shown, Stage, KeyRevocation, Rejection, Reason, Requirement, Rule, UnixTime, Algorithm,
        ClaimName, ClaimPath, ConfigProblem, Credential<'static>, SourceState, RedisProblem, Defect,
    ];

    let public: BTreeSet<_> = types().into_iter().map(|found| found.path).collect();
    let missing: Vec<_> = public.difference(&seen).collect();
    assert!(missing.is_empty(), "put them into a list above: {missing:#?}");
    let unknown: Vec<_> = seen.difference(&public).collect();
    assert!(unknown.is_empty(), "the sources are not read right: {unknown:#?}");
}

/// Where a type is defined, without the crate and what stands for its parameters.
fn path(name: &str) -> String {
    let name = name.split('<').next().unwrap_or_default();
    name.strip_prefix("tower_resource_server::").unwrap_or(name).to_owned()
}
