//! From an issuer identifier to its key set: OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3.

use serde::Deserialize;

use super::MetadataError;
use crate::{
    json::{self, Shallow},
    keys::{Algorithm, AlgorithmSet},
    net::{PlainHttp, SourceUrl, UrlError},
};

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// Where an issuer's metadata is, and what it must say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Discovery {
    issuer: String,
    plain_http: PlainHttp,
    candidates: Vec<SourceUrl>,
}

impl Discovery {
    /// The three well-known locations, in the order they are tried: the OpenID Connect suffix
    /// appended, the RFC 8414 one inserted before the path, the OpenID Connect one inserted.
    ///
    /// # Errors
    /// [`UrlError`] when the issuer identifier is not a URL that keys may come from.
    pub(crate) fn new(issuer: &str, plain_http: &PlainHttp) -> Result<Self, UrlError> {
        let base = SourceUrl::parse_with(issuer, plain_http)?;
        if issuer.contains(['?', '#']) {
            return Err(UrlError::QueryOrFragment);
        }
        let path = base.url().path().trim_end_matches('/').to_owned();
        let mut candidates = Vec::with_capacity(3);
        for path in [format!("{path}{OPENID}"), format!("{OAUTH}{path}"), format!("{OPENID}{path}")] {
            let mut url = base.url().clone();
            url.set_path(&path);
            let url = SourceUrl::check(url, plain_http)?;
            if !candidates.contains(&url) {
                candidates.push(url);
            }
        }
        Ok(Self { issuer: issuer.to_owned(), plain_http: plain_http.clone(), candidates })
    }

    pub(super) fn candidates(&self) -> &[SourceUrl] {
        &self.candidates
    }

    /// Reads a metadata document that came from `from`.
    pub(super) fn read(&self, from: &SourceUrl, document: &[u8]) -> Result<Metadata, MetadataError> {
        #[derive(Deserialize)]
        struct Members {
            issuer: String,
            jwks_uri: String,
            id_token_signing_alg_values_supported: Option<Shallow>,
        }

        let members: Members = json::read_once(document).ok_or(MetadataError::Malformed)?;
        if members.issuer != self.issuer {
            return Err(MetadataError::IssuerMismatch);
        }
        // What was found over https stays on https, allowed or not.
        let (plain, none) = (&self.plain_http, &PlainHttp::default());
        let plain_http = if from.is_plain_http() { plain } else { none };
        Ok(Metadata {
            jwks_uri: SourceUrl::parse_with(&members.jwks_uri, plain_http).map_err(MetadataError::JwksUri)?,
            advertised: match members.id_token_signing_alg_values_supported {
                Some(Shallow::Texts(names)) => advertised(&names),
                _ => AlgorithmSet::ASYMMETRIC,
            },
        })
    }
}

/// What an issuer's metadata says about its keys.
#[derive(Debug, PartialEq)]
pub(super) struct Metadata {
    /// The location of the key set.
    pub(super) jwks_uri: SourceUrl,
    /// What ID tokens are signed with (OpenID Connect Discovery section 3); every asymmetric algorithm
    /// when the metadata says nothing that can be used.
    ///
    /// Nothing is said anywhere about access tokens, and one set of keys signs both. So it narrows what
    /// a key without `alg` may do, and gives no key anything.
    pub(super) advertised: AlgorithmSet,
}

fn advertised(names: &[String]) -> AlgorithmSet {
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
            let discovery = Discovery::new(issuer, &PlainHttp::default()).unwrap();
            let found: Vec<_> = discovery.candidates().iter().map(SourceUrl::as_str).collect();
            assert_eq!(found, expected, "{issuer}");
        }
    }

    #[test]
    fn what_is_advertised_only_narrows() {
        let rs256 = AlgorithmSet::from([Algorithm::RS256]);
        let discovery = Discovery::new("https://login.example", &false.into()).unwrap();
        let advertised = |more: &str| {
            let document =
                format!(r#"{{"issuer":"https://login.example","jwks_uri":"https://login.example/a"{more}}}"#);
            discovery.read(&discovery.candidates()[0], document.as_bytes()).unwrap().advertised
        };
        for (name, value, expected) in [
            ("one", r#"["RS256"]"#, rs256),
            ("with HMAC and none", r#"["none","HS256","RS256"]"#, rs256),
            ("HMAC alone", r#"["HS256"]"#, AlgorithmSet::ASYMMETRIC),
            ("unknown ones", r#"["ML-DSA-44","RS256"]"#, rs256),
            ("nothing", "[]", AlgorithmSet::ASYMMETRIC),
            ("a wrong type", r#""RS256""#, AlgorithmSet::ASYMMETRIC),
            ("null", "null", AlgorithmSet::ASYMMETRIC),
        ] {
            let more = format!(r#","id_token_signing_alg_values_supported":{value}"#);
            assert_eq!(advertised(&more), expected, "{name}");
        }
        assert_eq!(advertised(""), AlgorithmSet::ASYMMETRIC);
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
            assert_eq!(Discovery::new(issuer, &true.into()).unwrap_err(), expected, "{issuer}");
        }
    }

    #[test]
    fn metadata_must_be_of_this_issuer_and_never_lead_downwards() {
        let mut plain_http = PlainHttp::from(true);
        plain_http.allow_host("keycloak");
        let https = Discovery::new("https://login.example", &plain_http).unwrap();
        let loopback = Discovery::new("http://127.0.0.1:7", &plain_http).unwrap();
        let named = Discovery::new("http://keycloak:8080/realms/shop", &plain_http).unwrap();
        let read = |discovery: &Discovery, json: &str| {
            let from = &discovery.candidates()[0];
            discovery.read(from, json.as_bytes()).map(|metadata| metadata.jwks_uri.as_str().to_owned())
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
                "a named host",
                &named,
                r#"{"issuer":"http://keycloak:8080/realms/shop","jwks_uri":"http://keycloak:8080/realms/shop/certs"}"#,
                Ok("http://keycloak:8080/realms/shop/certs".to_owned()),
            ),
            (
                "from a named host to http elsewhere",
                &named,
                r#"{"issuer":"http://keycloak:8080/realms/shop","jwks_uri":"http://keys:8080/certs"}"#,
                Err(MetadataError::JwksUri(UrlError::Insecure)),
            ),
            (
                "from https to a named host",
                &https,
                r#"{"issuer":"https://login.example","jwks_uri":"http://keycloak:8080/certs"}"#,
                Err(MetadataError::JwksUri(UrlError::Insecure)),
            ),
            (
                "a byte order mark",
                &https,
                "\u{feff}{\"issuer\":\"https://login.example\",\"jwks_uri\":\"https://keys.example/a\"}",
                Ok("https://keys.example/a".to_owned()),
            ),
            (
                "two byte order marks",
                &https,
                "\u{feff}\u{feff}{\"issuer\":\"https://login.example\",\"jwks_uri\":\"https://keys.example/a\"}",
                Err(MetadataError::Malformed),
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
