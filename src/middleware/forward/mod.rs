//! The verified identity, handed on as header fields.
//!
//! - this file: [`ForwardedIdentity`], the table, and what it does to the fields of a request.
//! - `builder`: from names to a table, with every contradiction named.
//! - `value`: how a claim is written as the value of a field.

mod builder;
mod value;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Request, header::CONNECTION};
use serde_json::Value;
use smallvec::SmallVec;

pub use self::builder::ForwardedIdentityBuilder;
use crate::{
    http::RequestProfile,
    identity::{Identity, TokenClaims},
    token::ClaimPath,
};

/// Which header fields tell the inner service who makes a request; for
/// [`AuthLayer::forward`](super::AuthLayer::forward). A cheap clone.
///
/// ```
/// # fn main() -> Result<(), tower_resource_server::error::ConfigError> {
/// use tower_resource_server::middleware::ForwardedIdentity;
///
/// let forwarded = ForwardedIdentity::builder()
///     .subject("x-auth-subject")
///     .issuer("x-auth-issuer")
///     .scopes("x-auth-scopes")
///     .claim("/realm_access/roles", "x-auth-roles")
///     .build()?;
/// assert!(forwarded.covers("X_Auth_Subject"));
/// # fn layer(api: &tower_resource_server::ResourceServer, forwarded: ForwardedIdentity) {
/// let layer = api.layer().forward(forwarded);
/// # let _ = layer;
/// # }
/// # Ok(())
/// # }
/// ```
///
/// # What is removed
///
/// From every request that is admitted, anonymous ones included, before anything is set:
///
/// - every field whose name is one of the table's, whatever its case, and with any character that is neither
///   letter nor digit counted as `-`: CGI and its descendants (RFC 3875 section 4.1.18) make one variable of
///   `X-Auth-Subject` and `X_Auth_Subject`, and some of `X.Auth.Subject` too;
/// - a `Connection` field that names one of them: the next hop would remove the field as hop-by-hop
///   (RFC 9110 section 7.6.1);
/// - `Authorization`, the field of the ID token where the server reads one, and the fields and cookies of its
///   [token locations](crate::http::TokenLocation), unless
///   [kept](ForwardedIdentityBuilder::keep_authorization).
///
/// # How values are written
///
/// | value | field |
/// |---|---|
/// | text | every byte of its UTF-8 that is not visible ASCII, and `%` and `,`, as `%` and two hexadecimal digits (RFC 3986 section 2.1) |
/// | scopes | each written as a text, with one space in between |
/// | number, `true`, `false` | as JSON has it |
/// | array of those | each written as a text, with `,` in between; empty texts are left out |
/// | object, or any other array | its JSON, written as a text |
/// | absent, `null`, an empty text or array | no field |
///
/// So to read a list, cut it first and decode each piece after that: one text with a comma never looks like two.
/// A field has no types: the text `true` and the value `true` look alike.
///
/// # What it does not do
///
/// It signs nothing: what is behind must be reachable through this service alone. It does not look at trailers,
/// which no server joins with the header fields by itself, or into bodies. It bounds no value beyond the bound
/// on tokens: a claim of 16 KiB is a field of up to 48.
#[derive(Clone, Debug)]
pub struct ForwardedIdentity(Arc<Table>);

#[derive(Debug)]
struct Table {
    rows: Vec<Row>,
    keep_authorization: bool,
}

/// One field, and what it says.
#[derive(Clone, Debug)]
struct Row {
    name: HeaderName,
    fact: Fact,
}

#[derive(Clone, Debug)]
enum Fact {
    Subject,
    Issuer,
    Client,
    Scopes,
    Claim(ClaimPath),
    /// A claim of the ID token.
    IdClaim(ClaimPath),
}

impl ForwardedIdentity {
    /// Begins a table without rows.
    pub fn builder() -> ForwardedIdentityBuilder {
        ForwardedIdentityBuilder::default()
    }

    /// The names of its fields, in the order of the table.
    pub fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.rows.iter().map(|row| &row.name)
    }

    /// Whether a field of this name is taken for one of the table's, and so is removed when a client sends it.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        self.covers_bytes(name.as_bytes())
    }

    fn covers_bytes(&self, name: &[u8]) -> bool {
        self.names().any(|own| is_same_field(own.as_str().as_bytes(), name))
    }

    /// Removes every field that is taken for one of the table's, and sets those of `identity`; none for an
    /// anonymous request. `Authorization` is left alone.
    ///
    /// For the response of a service that a proxy asks (forward auth), and for requests that are made by hand;
    /// the layer does it by itself.
    ///
    /// ```
    /// use http::Response;
    /// use tower_resource_server::{Identity, middleware::ForwardedIdentity};
    ///
    /// fn allowed(forwarded: &ForwardedIdentity, who: Option<&Identity>) -> Response<()> {
    ///     let mut response = Response::new(());
    ///     forwarded.set(who, response.headers_mut());
    ///     response
    /// }
    /// ```
    pub fn set(&self, identity: Option<&Identity>, headers: &mut HeaderMap) {
        remove_all(headers, |name| self.covers_bytes(name));
        let Some(identity) = identity else { return };
        let mut claims = Claims::default();
        for Row { name, fact } in &self.0.rows {
            if let Some(value) = claims.write(fact, identity) {
                headers.insert(name, value);
            }
        }
    }

    /// Whether the credentials are not handed on.
    pub(super) fn removes_credentials(&self) -> bool {
        !self.0.keep_authorization
    }

    /// Hands on the identity of an admitted request.
    // Apart from what every request runs through: few layers forward anything.
    #[inline(never)]
    pub(super) fn forward<B>(&self, request: &mut Request<B>, credentials: &RequestProfile) {
        let identity = request.extensions().get::<Identity>().cloned();
        let headers = request.headers_mut();
        if self.removes_credentials() {
            let carriers =
                |name: &[u8]| credentials.fields().any(|own| is_same_field(own.as_str().as_bytes(), name));
            remove_all(headers, carriers);
        }
        if self.is_named_in_connection(headers) {
            headers.remove(CONNECTION);
        }
        self.set(identity.as_ref(), headers);
    }

    fn is_named_in_connection(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(CONNECTION).iter();
        values.any(|value| {
            let mut options = value.as_bytes().split(|byte| *byte == b',');
            options.any(|option| self.covers_bytes(option.trim_ascii()))
        })
    }
}

/// Whether two names are one to HTTP, or to something behind that makes variables of them.
fn is_same_field(one: &[u8], other: &[u8]) -> bool {
    let fold = |byte: &u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    one.len() == other.len() && one.iter().map(fold).eq(other.iter().map(fold))
}

fn remove_all(headers: &mut HeaderMap, is_meant: impl Fn(&[u8]) -> bool) {
    let meant = headers.keys().filter(|name| is_meant(name.as_str().as_bytes()));
    let found: SmallVec<[HeaderName; 4]> = meant.cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

/// The claims of the tokens, read when the first row asks for one.
#[derive(Default)]
struct Claims {
    main: Option<Value>,
    id: Option<Value>,
}

impl Claims {
    /// The value of a field; `None` where there is nothing to say.
    fn write(&mut self, fact: &Fact, identity: &Identity) -> Option<HeaderValue> {
        let written = match fact {
            Fact::Subject => value::text(identity.subject()),
            Fact::Issuer => value::text(identity.issuer()),
            Fact::Client => value::text(identity.client_id()?),
            Fact::Scopes => value::list(identity.scopes(), ' '),
            Fact::Claim(path) => {
                let read = || identity.claims().unwrap_or_default();
                value::claim(path.find(self.main.get_or_insert_with(read))?)
            }
            Fact::IdClaim(path) => {
                let read = || identity.id_token().and_then(|id| TokenClaims::claims(&id).ok());
                value::claim(path.find(self.id.get_or_insert_with(|| read().unwrap_or_default()))?)
            }
        };
        if written.is_empty() { None } else { HeaderValue::try_from(written).ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_http_and_cgi_do() {
        for (one, other, same) in [
            ("x-auth-subject", "X-Auth-Subject", true),
            ("x-auth-subject", "X_AUTH_SUBJECT", true),
            ("x-auth-subject", "x-auth_subject", true),
            ("x-auth-subject", "x.auth~subject", true),
            ("x_auth_subject", "x-auth-subject", true),
            ("x-auth-subject", "x-auth-subjec", false),
            ("x-auth-subject", "x-auth-subject-", false),
            ("x-auth-subject", "xaauth-subject", false),
            ("x-auth-subject", "x--auth-subject", false),
            ("x-auth-1", "x-auth-2", false),
        ] {
            assert_eq!(is_same_field(one.as_bytes(), other.as_bytes()), same, "{one} {other}");
        }
    }
}
