//! From an issuer identifier to its key set: OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3.

use serde::Deserialize;
use url::Url;

use super::MetadataError;
use crate::{
    keys::{Algorithm, AlgorithmSet},
    net::{SourceUrl, UrlError},
};

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// Where an issuer's metadata is, and what it must say.
#[derive(Clone, Debug)]
pub(crate) struct Discovery {
    issuer: String,
    allow_loopback_http: bool,
    candidates: Vec<SourceUrl>,
}

impl Discovery {
    /// The three well-known locations, in the order they are tried: the OpenID Connect suffix
    /// appended, the RFC 8414 one inserted before the path, the OpenID Connect one inserted.
    ///
    /// # Errors
    /// [`UrlError`] when the issuer identifier is not a URL that keys may come from.
    pub(crate) fn new(issuer: &str, allow_loopback_http: bool) -> Result<Self, UrlError> {
        let base = SourceUrl::parse(issuer, allow_loopback_http)?;
        if issuer.contains(['?', '#']) {
            return Err(UrlError::QueryOrFragment);
        }
        let path = base.url().path().trim_end_matches('/').to_owned();
        let mut candidates = Vec::with_capacity(3);
        for path in [format!("{path}{OPENID}"), format!("{OAUTH}{path}"), format!("{OPENID}{path}")] {
            let mut url = base.url().clone();
            url.set_path(&path);
            let url = SourceUrl::check(url, allow_loopback_http)?;
            if !candidates.contains(&url) {
                candidates.push(url);
            }
        }
        Ok(Self { issuer: issuer.to_owned(), allow_loopback_http, candidates })
    }

    pub(super) fn candidates(&self) -> &[SourceUrl] {
        &self.candidates
    }

    /// Reads a metadata document that came from `from`: the location of the key set.
    pub(super) fn jwks_uri(&self, from: &SourceUrl, document: &[u8]) -> Result<SourceUrl, MetadataError> {
        #[derive(Deserialize)]
        struct Metadata {
            issuer: String,
            jwks_uri: String,
        }

        let metadata: Metadata = serde_json::from_slice(document).map_err(|_| MetadataError::Malformed)?;
        if metadata.issuer != self.issuer {
            return Err(MetadataError::IssuerMismatch);
        }
        // What was found over https stays on https, opt-in or not.
        let allow_loopback_http = self.allow_loopback_http && from.is_loopback_http();
        let url = Url::parse(&metadata.jwks_uri).map_err(|_| MetadataError::JwksUri(UrlError::Malformed))?;
        SourceUrl::check(url, allow_loopback_http).map_err(MetadataError::JwksUri)
    }
}

/// The algorithms that a metadata document says ID tokens are signed with (OpenID Connect Discovery
/// section 3); all when it says nothing that can be used.
///
/// Nothing is said anywhere about access tokens, and one set of keys signs both. So it narrows what
/// a key without `alg` may do, and gives no key anything.
pub(super) fn advertised(document: &[u8]) -> AlgorithmSet {
    #[derive(Deserialize)]
    struct Metadata {
        id_token_signing_alg_values_supported: Vec<String>,
    }

    let names = serde_json::from_slice::<Metadata>(document)
        .map(|metadata| metadata.id_token_signing_alg_values_supported)
        .unwrap_or_default();
    let known: AlgorithmSet = names.iter().filter_map(|name| name.parse::<Algorithm>().ok()).collect();
    match known.intersection(AlgorithmSet::ASYMMETRIC) {
        nothing if nothing.is_empty() => AlgorithmSet::ASYMMETRIC,
        some => some,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_locations_are_tried_in_a_fixed_order() {
        for (issuer, expected) in [
            (
                "https://login.example",
                &[
                    "https://login.example/.well-known/openid-configuration",
                    "https://login.example/.well-known/oauth-authorization-server",
                ][..],
            ),
            (
                "https://login.example/",
                &[
                    "https://login.example/.well-known/openid-configuration",
                    "https://login.example/.well-known/oauth-authorization-server",
                ],
            ),
            (
                "https://login.example:8443/tenants/a%2Fb/",
                &[
                    "https://login.example:8443/tenants/a%2Fb/.well-known/openid-configuration",
                    "https://login.example:8443/.well-known/oauth-authorization-server/tenants/a%2Fb",
                    "https://login.example:8443/.well-known/openid-configuration/tenants/a%2Fb",
                ],
            ),
        ] {
            let discovery = Discovery::new(issuer, false).unwrap();
            let found: Vec<_> = discovery.candidates().iter().map(SourceUrl::as_str).collect();
            assert_eq!(found, expected, "{issuer}");
        }
    }

    #[test]
    fn what_is_advertised_only_narrows() {
        let rs256 = AlgorithmSet::from([Algorithm::RS256]);
        for (name, value, expected) in [
            ("one", r#"["RS256"]"#, rs256),
            ("with HMAC and none", r#"["none","HS256","RS256"]"#, rs256),
            ("HMAC alone", r#"["HS256"]"#, AlgorithmSet::ASYMMETRIC),
            ("unknown ones", r#"["ML-DSA-44","RS256"]"#, rs256),
            ("nothing", "[]", AlgorithmSet::ASYMMETRIC),
            ("a wrong type", r#""RS256""#, AlgorithmSet::ASYMMETRIC),
            ("null", "null", AlgorithmSet::ASYMMETRIC),
        ] {
            let document = format!(r#"{{"id_token_signing_alg_values_supported":{value}}}"#);
            assert_eq!(advertised(document.as_bytes()), expected, "{name}");
        }
        assert_eq!(advertised(b"{}"), AlgorithmSet::ASYMMETRIC);
    }

    #[test]
    fn issuers_that_cannot_be_discovered() {
        for (issuer, expected) in [
            ("http://login.example", UrlError::Insecure),
            ("https://login.example/?tenant=a", UrlError::QueryOrFragment),
            ("https://login.example/#a", UrlError::QueryOrFragment),
            ("https://169.254.169.254", UrlError::AddressRefused),
            ("login.example", UrlError::Malformed),
        ] {
            assert_eq!(Discovery::new(issuer, true).unwrap_err(), expected, "{issuer}");
        }
    }

    #[test]
    fn metadata_must_be_of_this_issuer_and_never_lead_downwards() {
        let https = Discovery::new("https://login.example", true).unwrap();
        let loopback = Discovery::new("http://127.0.0.1:7", true).unwrap();
        let read = |discovery: &Discovery, json: &str| {
            let from = &discovery.candidates()[0];
            discovery.jwks_uri(from, json.as_bytes()).map(|url| url.as_str().to_owned())
        };
        for (name, discovery, json, expected) in [
            (
                "good",
                &https,
                r#"{"issuer":"https://login.example","jwks_uri":"https://keys.example/a"}"#,
                Ok("https://keys.example/a".to_owned()),
            ),
            (
                "trailing slash",
                &https,
                r#"{"issuer":"https://login.example/","jwks_uri":"https://keys.example/a"}"#,
                Err(MetadataError::IssuerMismatch),
            ),
            (
                "case",
                &https,
                r#"{"issuer":"https://Login.example","jwks_uri":"https://keys.example/a"}"#,
                Err(MetadataError::IssuerMismatch),
            ),
            (
                "from https to loopback http",
                &https,
                r#"{"issuer":"https://login.example","jwks_uri":"http://127.0.0.1/a"}"#,
                Err(MetadataError::JwksUri(UrlError::Insecure)),
            ),
            (
                "loopback",
                &loopback,
                r#"{"issuer":"http://127.0.0.1:7","jwks_uri":"http://127.0.0.1:7/a"}"#,
                Ok("http://127.0.0.1:7/a".to_owned()),
            ),
            (
                "from loopback http to http elsewhere",
                &loopback,
                r#"{"issuer":"http://127.0.0.1:7","jwks_uri":"http://keys.example/a"}"#,
                Err(MetadataError::JwksUri(UrlError::Insecure)),
            ),
            (
                "metadata service",
                &https,
                r#"{"issuer":"https://login.example","jwks_uri":"https://169.254.169.254/a"}"#,
                Err(MetadataError::JwksUri(UrlError::AddressRefused)),
            ),
            ("no jwks_uri", &https, r#"{"issuer":"https://login.example"}"#, Err(MetadataError::Malformed)),
            (
                "issuer twice",
                &https,
                r#"{"issuer":"https://login.example","issuer":"https://login.example","jwks_uri":"https://keys.example/a"}"#,
                Err(MetadataError::Malformed),
            ),
            ("HTML", &https, "<html>", Err(MetadataError::Malformed)),
        ] {
            assert_eq!(read(discovery, json), expected, "{name}");
        }
    }
}
