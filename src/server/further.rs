//! What one operation requires of an identity that was admitted before, asked by hand.

use std::sync::Arc;

use super::{Inner, ResourceServer};
use crate::{
    explain::{Explanation, Taken},
    http::{Challenger, Credentials, Reason, Rejection},
    identity::Identity,
    policy::{Compiled, Requirement},
};

impl ResourceServer {
    /// Whether an identity of this server meets a requirement, for handlers that find out late what an
    /// operation needs. What the server requires of every request was checked before, and is not again.
    ///
    /// A [predicate](Requirement::predicate) is not met: there is no request to ask it about. It does not look
    /// whether the token is still good: for what lasts longer than a request, see
    /// [`valid_until`](Identity::valid_until).
    ///
    /// # Errors
    /// The [`Rejection`] that a [`guard`](Self::guard) would answer with: its status, its challenge and its
    /// [body](crate::ResourceServerBuilder::reject_with), with the configured address of the metadata. With the feature
    /// `axum` it is a response, with `tonic` a `Status`. An identity that another server verified is refused
    /// with [`Reason::ForeignIdentity`] (promise 12).
    ///
    /// ```
    /// # use tower_resource_server::{Identity, ResourceServer, http::Rejection, policy::scope};
    /// fn remove(api: &ResourceServer, who: &Identity) -> Result<(), Rejection> {
    ///     api.check(who, &scope("files:write"))?;
    ///     // ...
    ///     Ok(())
    /// }
    /// ```
    pub fn check(&self, who: &Identity, requirement: &Requirement) -> Result<(), Rejection> {
        let required = self.ready_once(requirement.clone());
        if who.server() != self.tag() {
            return Err(self.refuse(self.foreign(who).into(), &required));
        }
        self.admit_alone(who, &required)
    }

    /// Explains what a [`guard`](Self::guard) with this requirement would say of an access token: as
    /// [`explain`](Self::explain), which looks at what the server requires of every request alone. A
    /// [predicate](Requirement::predicate) is not met.
    ///
    /// ```
    /// # use tower_resource_server::{ResourceServer, policy::{role, scope}};
    /// # async fn why(api: &ResourceServer, token: &str) {
    /// let cancel = scope("orders:write").or(role("clerk"));
    /// println!("{}", api.explain_for(&cancel, token).await);
    /// # }
    /// ```
    pub async fn explain_for(&self, requirement: &Requirement, access_token: &str) -> Explanation {
        let required = self.ready_once(self.requires(Some(requirement.clone())));
        self.explain_credentials(Taken::Access, Credentials::access(access_token.as_bytes()), &required, None)
            .await
    }

    /// Whether an identity of this server meets what is ready, where there is no request to look at.
    ///
    /// # Errors
    /// The refusal, in the scheme `DPoP` for a client that has proved its key.
    pub(crate) fn admit_alone(&self, who: &Identity, required: &Compiled) -> Result<(), Rejection> {
        self.admit_further(who, required, None).map_err(|denial| {
            let why = self.refuse(denial, required);
            let in_dpop = who.key_thumbprint().and_then(|_| why.in_dpop());
            in_dpop.unwrap_or(why)
        })
    }

    /// Whether an identity of this server meets what is ready, for the request with this head.
    ///
    /// # Errors
    /// The refusal of that request.
    #[cfg(feature = "axum")]
    pub(crate) fn admit_to(
        &self,
        who: &Identity,
        required: &Compiled,
        head: crate::http::RequestHead<'_>,
    ) -> Result<(), Rejection> {
        let refuse = |denial| self.at_address_of(&self.refuse(denial, required), head);
        self.admit_further(who, required, Some(head)).map_err(refuse)
    }

    /// The refusal of a request without credentials, which was counted before.
    #[cfg(any(feature = "axum", feature = "tonic"))]
    pub(crate) fn uninvited(&self, required: &Compiled) -> Rejection {
        self.write_refusal(Reason::NoCredentials.into(), required)
    }

    /// Why an identity of another server is refused.
    pub(crate) fn foreign(&self, who: &Identity) -> Reason {
        Reason::ForeignIdentity {
            verified_by: Arc::clone(who.server().resource()),
            guarded_by: Arc::clone(self.tag().resource()),
        }
    }
}

impl Identity {
    /// Whether this identity meets a requirement: as [`ResourceServer::check`] of the server that verified it.
    ///
    /// # Errors
    /// The [`Rejection`] that a guard of that server would answer with. Where the server is gone, nothing is
    /// allowed.
    ///
    /// ```
    /// # use tower_resource_server::{Identity, http::Rejection, policy::scope};
    /// async fn remove(who: Identity) -> Result<&'static str, Rejection> {
    ///     who.require(&scope("files:write"))?;
    ///     Ok("removed")
    /// }
    /// ```
    pub fn require(&self, requirement: &Requirement) -> Result<(), Rejection> {
        match self.verifier() {
            Some(server) => server.check(self, requirement),
            None => Err(self.refusal_without_server(requirement)),
        }
    }

    /// The server that verified it, as long as it is there.
    pub(crate) fn verifier(&self) -> Option<ResourceServer> {
        self.server().server().and_then(|server| server.downcast::<Inner>().ok()).map(ResourceServer)
    }

    /// Where there is no server left to judge by, nothing is allowed.
    pub(crate) fn refusal_without_server(&self, requirement: &Requirement) -> Rejection {
        let required = Compiled::once(requirement.clone());
        let scope = required.first_scopes().map(Into::into);
        Challenger::default().refuse(Reason::InsufficientScope { scope }, None, None)
    }
}
