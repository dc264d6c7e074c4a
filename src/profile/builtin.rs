//! The profiles that the standards define, as tables.

use super::TokenProfile;
use crate::policy::claim;

impl TokenProfile {
    /// JWT access tokens of [RFC 9068]: `typ` is `at+jwt`, and `iss`, `exp`, `aud`, `sub`,
    /// `client_id`, `iat` and `jti` are there.
    ///
    /// The profile of choice: an ID token, or any other JWT of the issuer, can never pass.
    ///
    /// It does not check that a `jti` is used once, nor what `acr`, `amr` and `auth_time` say.
    ///
    /// [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068#section-4
    pub fn rfc9068() -> Self {
        access_token()
            .require_type(["at+jwt"])
            .rule(claim("client_id").non_empty_string())
            .rule(claim("iat").not_in_future())
            .rule(claim("jti").non_empty_string())
            .client_claims(["client_id"])
            .scope_claims(["scope"])
            .role_claims(["roles"])
    }

    /// JWT access tokens of issuers that do not follow RFC 9068: `iss`, `aud`, `exp` and `sub` must
    /// be there; `nbf`, `iat`, `client_id` and `scope` are checked when they are.
    ///
    /// Nothing but custom tells an ID token from such an access token, so the marks of other kinds
    /// of token are refused: `nonce` and the hashes of OpenID Connect, `token_use` of Cognito, the
    /// claim `typ` of Keycloak. An ID token without any mark whose `aud` is this server passes:
    /// prefer [`rfc9068`](Self::rfc9068) where the issuer can do it.
    pub fn jwt() -> Self {
        access_token()
            .accept_types(["JWT", "at+jwt", "JOSE"])
            .rule(claim("iat").not_in_future().if_present())
            .rule(claim("client_id").non_empty_string().if_present())
            .rule(claim("azp").non_empty_string().if_present())
            .rule(claim("scp").string_or_strings().if_present())
            .rule(claim("jti").non_empty_string().if_present())
            .rule(claim("nonce").absent())
            .rule(claim("at_hash").absent())
            .rule(claim("c_hash").absent())
            .rule(claim("s_hash").absent())
            .rule(claim("events").absent())
            .rule(claim("token_use").none_of(["id"]).if_present())
            .rule(claim("typ").none_of(["ID", "Refresh", "Offline", "Logout"]).if_present())
            .client_claims(["client_id", "azp"])
            .scope_claims(["scope", "scp"])
            .role_claims(["roles"])
    }

    /// ID tokens of [OpenID Connect Core], for the client that the server is configured with: the
    /// steps of section 3.1.3.7 as rows, `nonce`, `at_hash` and `auth_time` included where the
    /// caller expects them.
    ///
    /// Where an access token has no `typ` of its own and its audience is the client, only its claims
    /// tell it from an ID token. So those that access tokens carry are refused: `scope` (RFC 9068
    /// section 2.2.3), `scp`, `client_id`, a `token_use` other than `id` (Amazon Cognito), the claim
    /// `typ` of Keycloak's other tokens; and `events`, the mark of a logout token (OpenID Connect
    /// Back-Channel Logout section 2.4). For a provider that writes one of them into its ID tokens,
    /// take that rule out with [`without_rules_on`](Self::without_rules_on), and add one on whatever
    /// its access tokens have instead. An access token without any of these marks passes.
    ///
    /// [OpenID Connect Core]: https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
    pub fn oidc_id_token() -> Self {
        Self::empty()
            .accept_types(["JWT", "JOSE"])
            .rule(claim("iss").is_issuer())
            .rule(claim("aud").names_client())
            .rule(claim("azp").is_client().if_present())
            .rule(claim("azp").present().if_several("aud"))
            .rule(claim("sub").non_empty_string())
            .rule(claim("exp").after_now())
            .rule(claim("iat").not_in_future())
            .rule(claim("nbf").not_before().if_present())
            .rule(claim("auth_time").within_max_age())
            .rule(claim("nonce").is_expected_nonce())
            .rule(claim("at_hash").hashes_access_token())
            .rule(claim("scope").absent())
            .rule(claim("scp").absent())
            .rule(claim("client_id").absent())
            .rule(claim("events").absent())
            .rule(claim("token_use").equals("id").if_present())
            .rule(claim("typ").none_of(["Bearer", "DPoP", "Refresh", "Offline", "Logout"]).if_present())
            .client_claims(["azp"])
    }
}

/// What every access token has in common (RFC 9068 section 2.2, RFC 7519 section 4.1).
fn access_token() -> TokenProfile {
    TokenProfile::empty()
        .rule(claim("iss").is_issuer())
        .rule(claim("aud").names_resource())
        .rule(claim("exp").after_now())
        .rule(claim("nbf").not_before().if_present())
        .rule(claim("sub").non_empty_string())
        .rule(claim("scope").string_or_strings().if_present())
}
