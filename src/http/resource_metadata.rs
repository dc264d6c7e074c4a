//! What the metadata document says beside what the server knows by itself.

use std::{collections::BTreeMap, error::Error, fmt, sync::Arc};

use http::Uri;
use serde::Serialize;
use serde_json::{Map, Value};

/// Signs the members of a metadata document.
type Signer = Arc<dyn Fn(&Map<String, Value>) -> Result<String, Box<dyn Error + Send + Sync>> + Send + Sync>;

/// Members of the protected resource metadata document (RFC 9728 section 2) that only the application
/// knows, for [`ResourceServerBuilder::metadata`](crate::ResourceServerBuilder::metadata).
///
/// `resource`, `authorization_servers` and `scopes_supported` are made of the server's configuration and
/// of what its layers and guards require.
///
/// ```
/// use tower_resource_server::http::ResourceMetadata;
///
/// let metadata = ResourceMetadata::new()
///     .resource_name("Orders")
///     .member("resource_name#de", "Bestellungen")
///     .resource_documentation("https://api.example/docs")
///     .authorization_details_types_supported(["order"]);
/// # let _ = metadata;
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct ResourceMetadata {
    pub(super) members: Members,
    pub(super) signer: Option<Signer>,
}

/// In the order of RFC 9728 section 2.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Members {
    bearer_methods_supported: Option<Vec<Box<str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_policy_uri: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_tos_uri: Option<Box<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details_types_supported: Vec<Box<str>>,
    #[serde(flatten)]
    others: BTreeMap<Box<str>, Value>,
}

/// The members that have a setter, or that the server writes.
const WRITTEN: [&str; 14] = [
    "resource",
    "authorization_servers",
    "scopes_supported",
    "bearer_methods_supported",
    "jwks_uri",
    "resource_name",
    "resource_documentation",
    "resource_policy_uri",
    "resource_tos_uri",
    "authorization_details_types_supported",
    "dpop_signing_alg_values_supported",
    "dpop_bound_access_tokens_required",
    "tls_client_certificate_bound_access_tokens",
    "signed_metadata",
];

impl ResourceMetadata {
    /// `bearer_methods_supported` is what the server's [locations](super::TokenLocation) are in the terms of RFC
    /// 6750: `header` for `Authorization`, `query` for a parameter. Other locations have no name there. Nothing
    /// else is said.
    pub fn new() -> Self {
        Self::default()
    }

    /// The methods of RFC 6750 section 2, where the application takes tokens in others than the header:
    /// `header`, `body`, `query`. None at all says that no bearer tokens are taken. This changes what the
    /// document says, and not where the server looks.
    pub fn bearer_methods_supported<T: Into<Box<str>>>(
        mut self,
        methods: impl IntoIterator<Item = T>,
    ) -> Self {
        self.members.bearer_methods_supported = Some(methods.into_iter().map(Into::into).collect());
        self
    }

    /// Where the *resource's own* public keys are, with which it signs answers for example. They are not the
    /// keys that tokens are verified with.
    pub fn jwks_uri(mut self, url: impl Into<Box<str>>) -> Self {
        self.members.jwks_uri = Some(url.into());
        self
    }

    /// The name of the resource, to be shown to people.
    pub fn resource_name(mut self, name: impl Into<Box<str>>) -> Self {
        self.members.resource_name = Some(name.into());
        self
    }

    /// A page for developers who use the resource.
    pub fn resource_documentation(mut self, url: impl Into<Box<str>>) -> Self {
        self.members.resource_documentation = Some(url.into());
        self
    }

    /// A page about how clients may use the data of the resource.
    pub fn resource_policy_uri(mut self, url: impl Into<Box<str>>) -> Self {
        self.members.resource_policy_uri = Some(url.into());
        self
    }

    /// The terms of service.
    pub fn resource_tos_uri(mut self, url: impl Into<Box<str>>) -> Self {
        self.members.resource_tos_uri = Some(url.into());
        self
    }

    /// The types of authorization details (RFC 9396) that the resource understands.
    pub fn authorization_details_types_supported<T: Into<Box<str>>>(
        mut self,
        types: impl IntoIterator<Item = T>,
    ) -> Self {
        self.members.authorization_details_types_supported = types.into_iter().map(Into::into).collect();
        self
    }

    /// Any other member: a text in another language (`resource_name#de`), or an extension. `build()` refuses
    /// those that have a setter of their own or that the server writes.
    pub fn member(mut self, name: impl Into<Box<str>>, value: impl Into<Value>) -> Self {
        self.members.others.insert(name.into(), value.into());
        self
    }

    /// Adds `signed_metadata` (RFC 9728 section 2.2): the JWT that `sign` makes of the other members. With
    /// the feature `issuer`, `SigningKey::sign_resource_metadata` makes one.
    ///
    /// It is called when the document is asked for and has changed since. Where it fails, that is logged and
    /// the document goes without. `build()` refuses it beside
    /// [`PublicAddress::from_trusted_proxies`](super::PublicAddress::from_trusted_proxies): what is signed is
    /// not a request's to say.
    pub fn signed_by<E: Into<Box<dyn Error + Send + Sync>>>(
        mut self,
        sign: impl Fn(&Map<String, Value>) -> Result<String, E> + Send + Sync + 'static,
    ) -> Self {
        self.signer = Some(Arc::new(move |members| sign(members).map_err(Into::into)));
        self
    }

    /// Says where the server looks, unless the application said otherwise.
    pub(crate) fn looking_at(mut self, methods: Vec<Box<str>>) -> Self {
        self.members.bearer_methods_supported.get_or_insert(methods);
        self
    }

    /// Whether the document is signed.
    pub(crate) const fn is_signed(&self) -> bool {
        self.signer.is_some()
    }

    /// What cannot be in a document, each with what to write instead.
    pub(crate) fn problems(&self) -> Vec<String> {
        let Members { bearer_methods_supported, jwks_uri, others, .. } = &self.members;
        let mut problems = Vec::new();
        for method in bearer_methods_supported.iter().flatten() {
            if !matches!(&**method, "header" | "body" | "query") {
                problems.push(format!("{method:?} is no method of RFC 6750; use header, body or query"));
            }
        }
        let scheme = |url: &str| {
            let uri: Uri = url.parse().ok()?;
            uri.authority()?;
            uri.scheme_str().map(str::to_owned)
        };
        for (name, url) in self.members.pages() {
            if !url.is_none_or(|url| matches!(scheme(url).as_deref(), Some("http" | "https"))) {
                problems.push(format!("{name} is no address; write an http or https URL"));
            }
        }
        if jwks_uri.as_deref().is_some_and(|url| scheme(url).as_deref() != Some("https")) {
            problems.push("jwks_uri is no https URL; keys are trusted by the way they come".to_owned());
        }
        for name in others.keys().filter(|name| WRITTEN.contains(&&***name)) {
            problems.push(format!(
                "{name} is written by the server; use the setter of that name, or leave it out"
            ));
        }
        problems
    }
}

impl Members {
    fn pages(&self) -> [(&'static str, Option<&str>); 3] {
        [
            ("resource_documentation", self.resource_documentation.as_deref()),
            ("resource_policy_uri", self.resource_policy_uri.as_deref()),
            ("resource_tos_uri", self.resource_tos_uri.as_deref()),
        ]
    }
}

impl fmt::Debug for ResourceMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceMetadata")
            .field("members", &self.members)
            .field("is_signed", &self.is_signed())
            .finish()
    }
}
