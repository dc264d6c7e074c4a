//! What every public handle and error can be relied on for: it is checked by compiling.
#![cfg(all(
    feature = "axum",
    feature = "identity-provider",
    feature = "issuer",
    feature = "remote",
    feature = "test-util"
))]

use std::{error::Error, fmt::Debug, fmt::Display};

use bytes::Bytes;
use tower_resource_server as crate_;

use crate_::{
    Authentication, CacheSettings, ClaimsError, DangerousIssuer, Explanation, HealthService,
    IdTokenExpectations, Identity, KeyRevocation, PairRules, Principal, ReplaceKeysError, ResourceServer,
    ResourceServerBuilder, RevokeKeyError, TokenClaims, TrustedIssuer,
    error::{ClaimName, ConfigError, Malformed, TokenError},
    explain::{Finding, Html, Shown, Stage, Verdict},
    http::{
        AsServer, ChallengeRow, ChallengeTable, Empty, Grammar, IdTokenLocation, InvalidLoginPage, Json,
        LoginRedirect, MetadataService, ProblemDetails, Reason, RefusalBody, Rejection, RequestError,
        Spacing,
    },
    identity_provider::{
        AnswerError, Challenge, ExchangeError, HandleChallengeAnswer, IdentityProviderClient,
        IdentityProviderClientBuilder, StartAuthorization, StateError, States, UserIdentity,
        UserIdentityError,
    },
    issuer::{
        Fetches, IssueError, IssuerService, KeySelector, SceytIssuer, SigningKey, SigningKeyError,
        TokenBuilder, TokenIssuer, TokenIssuerBuilder,
    },
    keys::{
        Algorithm, AlgorithmSet, JwksError, KeyError, KeySet, PemError, UnknownAlgorithm, VerifyingKey,
        WeakSecret,
    },
    middleware::{AuthLayer, AuthService, PatternError, RequirementTable, Requirements},
    net::{
        BearerTokenError, Body, HttpError, Limits, ReqwestClient, ReqwestClientBuilder, SourceUrl, UrlError,
    },
    policy::{ClaimRule, InvalidScope, Requirement, Rule},
    preset::{
        VcapError,
        app_id::{AppId, AuthorizationContext},
        layer,
        mobile_client_access::{MobileClientAccess, SecurityContext},
        sceyt::{self, Sceyt},
    },
    profile::{DangerousProfile, KeySelection, TokenProfile},
    source::{
        FetchError, Health, MetadataError, NoRuntime, RefreshError, RefreshSettings, SourceState, TenantKeys,
        TenantSettings,
    },
    store::{MemorySpentStore, NonceError, NonceSetupError, Nonces, SpendError},
    test_util::{ManualClock, TestIssuer, TestIssuerBuilder},
    time::{SystemClock, UnixTime},
    token::{TokenKind, TokenLimits},
};

/// Goes between threads, is kept anywhere, and shows itself in a log.
fn sent<T: Debug + Send + Sync + 'static>() {}

/// The same, and is handed around by cloning.
fn handle<T: Clone + Debug + Send + Sync + 'static>() {}

/// Goes into `Box<dyn Error + Send + Sync>`, is cloned and compared.
fn error<T: Error + Clone + PartialEq + Send + Sync + 'static>() {}

/// Has a text of its own.
fn shown<T: Display>() {}

#[test]
fn handles_and_errors_have_the_traits_that_users_expect() {
    macro_rules! all {
        ($check:ident: $($type:ty,)*) => { $($check::<$type>();)* };
    }
    all![handle:
        ResourceServer, TrustedIssuer, PairRules, CacheSettings, IdTokenExpectations<'static>,
        HealthService<Bytes>, KeyRevocation,
        Identity, Authentication, Principal<'static>, TokenClaims<'static>, Explanation, Finding, Shown, Stage,
        Verdict, Html<&'static str>,
        UnixTime, SystemClock, TokenLimits, TokenKind, ClaimName,
        Algorithm, AlgorithmSet, KeySet, VerifyingKey,
        Requirement, Rule, ClaimRule, TokenProfile, KeySelection,
        ReqwestClient, SourceUrl, Limits, RefreshSettings, TenantSettings, TenantKeys, Health, SourceState,
        Nonces, crate_::store::DpopNonces, crate_::Dpop, crate_::test_util::DpopKey,
        crate_::test_util::DpopProof,
        Grammar, Spacing, IdTokenLocation, Reason, Rejection, ChallengeRow, ChallengeTable, Empty, Json,
        MetadataService<Bytes>, AsServer, LoginRedirect<Json>, ProblemDetails, RefusalBody,
        crate_::axum::Allowed<TestIssuer>,
        AuthLayer, AuthService<(), Empty>, Requirements, RequirementTable,
        AppId, AuthorizationContext, MobileClientAccess, SecurityContext, Sceyt, sceyt::Application,
        sceyt::Context, sceyt::ErrorBody, layer::Provider, layer::User,
        SigningKey, TokenIssuer, TokenBuilder, IssuerService<Bytes>, SceytIssuer, KeySelector,
        Fetches,
        IdentityProviderClient, UserIdentity, Challenge, States<()>,
        ManualClock,
    ];
    all![sent:
        ResourceServerBuilder, DangerousIssuer, MemorySpentStore, TokenIssuerBuilder, StartAuthorization,
        HandleChallengeAnswer, DangerousProfile, ReqwestClientBuilder, Body,
        IdentityProviderClientBuilder, TestIssuer, TestIssuerBuilder, crate_::axum::ExtractorRejection,
    ];
    all![error:
        ConfigError, TokenError, Malformed, ClaimsError, RevokeKeyError, ReplaceKeysError,
        KeyError, JwksError, PemError, UnknownAlgorithm, WeakSecret, InvalidScope,
        HttpError, BearerTokenError, UrlError, FetchError, MetadataError, RefreshError, NoRuntime,
        crate_::proof::ProofError, NonceError, NonceSetupError, SpendError, RequestError, VcapError,
        SigningKeyError, IssueError, UserIdentityError, ExchangeError, AnswerError, StateError,
        InvalidLoginPage, PatternError,
    ];
    all![shown:
        Explanation, Shown, Stage, KeyRevocation, Rejection, Reason, Requirement, Rule, UnixTime, Algorithm,
        ClaimName, SourceState,
    ];
}
