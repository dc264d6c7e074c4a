//! From a [`TestIssuer`] to the server under test, and to handlers tested without one.

use http::{Extensions, Request};
use tower::{Layer, layer::layer_fn, util::MapRequest};

use super::TestIssuer;
use crate::{Identity, ResourceServer, TrustedIssuer, http::Rejection, keys::KeySet, profile::TokenProfile};

impl TestIssuer {
    /// This issuer as a server trusts it: its keys of this moment, RFC 9068 access tokens.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use tower_resource_server::{ResourceServer, test_util::TestIssuer};
    ///
    /// let issuer = TestIssuer::new();
    /// let api = ResourceServer::builder(issuer.audience())
    ///     .issuer(issuer.trusted())
    ///     .clock(issuer.clock().clone())
    ///     .build()?;
    /// # let _ = api;
    /// # Ok(())
    /// # }
    /// ```
    pub fn trusted(&self) -> TrustedIssuer {
        // An issuer without a usable key gives a server that `build` refuses, with the reason.
        let keys = KeySet::from_jwks(self.jwks().to_string().as_bytes()).unwrap_or_default();
        TrustedIssuer::with_keys(self.issuer(), keys, TokenProfile::rfc9068())
    }

    /// A server for this issuer's audience, at this issuer's time.
    ///
    /// # Panics
    /// When this issuer was built with settings that no server can work with.
    #[expect(clippy::expect_used, reason = "documented: a tool for tests")]
    #[must_use]
    pub fn server(&self) -> ResourceServer {
        ResourceServer::builder(self.audience())
            .issuer(self.trusted())
            .client_id(self.client_id())
            .clock(self.clock().clone())
            .build()
            .expect("the test issuer's own settings")
    }

    /// The identity that [`server`](Self::server) makes of `token`. Handlers may require more of it: that server is kept
    /// for as long as the process lives.
    ///
    /// # Errors
    /// The server's [`Rejection`] of the token.
    pub fn identity(&self, token: &str) -> Result<Identity, Rejection> {
        let server = self.server();
        let identity = server.verify_now(token);
        // An identity does not keep its server.
        std::mem::forget(server);
        identity
    }
}

/// Puts an identity where a layer would, so that a handler can be tested without one. A guard still
/// refuses it: it is not its server's.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{Authentication, test_util::{TestIssuer, insert_identity}};
///
/// let issuer = TestIssuer::new();
/// let alice = issuer.identity(&issuer.access_token("alice").mint()?)?;
/// let mut request = http::Request::new(());
/// insert_identity(request.extensions_mut(), alice);
/// assert!(Authentication::of(request.extensions()).is_some());
/// # Ok(())
/// # }
/// ```
pub fn insert_identity(extensions: &mut Extensions, identity: Identity) {
    extensions.insert(identity);
}

/// A layer that gives every request this identity: [`insert_identity`] for a whole router.
pub fn inject<S, B>(
    identity: Identity,
) -> impl Layer<S, Service = MapRequest<S, impl Fn(Request<B>) -> Request<B> + Clone>> + Clone {
    layer_fn(move |inner| {
        let identity = identity.clone();
        MapRequest::new(inner, move |mut request: Request<B>| {
            insert_identity(request.extensions_mut(), identity.clone());
            request
        })
    })
}
