//! Authentication on a server that names the locations of its tokens.

use http::{HeaderMap, Request};

use super::{Admission, Denial, ResourceServer, Step, StoreWait, admit::SpendFailure};
use crate::{
    error::TokenError,
    http::{Credentials, FoundIn, Locations, Look, Reason, RequestError, RequestHead, TokenKind},
    identity::Identity,
    store::{Spending, TicketError},
};

impl ResourceServer {
    /// Begins where there is more to read than one field, and marks the credentials as sensitive.
    // Apart from what every request runs through: most servers read one field.
    #[inline(never)]
    pub(super) fn begin_located<B>(&self, request: &mut Request<B>) -> Step {
        let profile = &self.0.request;
        if let Some(locations) = profile.lone_fields(request.headers()) {
            // First, since a token that is found borrows the headers.
            let cookies_may_come = !locations.have_cookies
                || self.0.trusted_origins.allow_plain((&*request).into(), &self.0.address);
            if let Some(step) = self.begin_lone(locations, request.headers_mut(), cookies_may_come) {
                return step;
            }
        }
        profile.mark_sensitive(request.headers_mut());
        self.begin((&*request).into())
    }

    /// Begins with the token of the only field that may have one; `None` where there is more to read.
    #[inline]
    fn begin_lone(
        &self,
        locations: &Locations,
        headers: &mut HeaderMap,
        cookies_may_come: bool,
    ) -> Option<Step> {
        let Look::Lone(found) = locations.look(headers, self.0.request.takes_pairs()) else { return None };
        Some(match found {
            Ok(Some(found)) if found.is_ambient && !cookies_may_come => deny(Reason::CrossOrigin),
            Ok(Some(found)) => {
                self.run_with(found.credentials(), found.place, |credentials| self.begin_with(credentials))
            }
            Ok(None) => Step::Done(Ok(None)),
            Err(error) => deny(Reason::InvalidRequest(error)),
        })
    }

    /// Runs with the tokens that a request has in these locations.
    // Apart from what every request runs through: most servers read one field.
    #[inline(never)]
    pub(super) fn with_located(
        &self,
        locations: &Locations,
        head: RequestHead<'_>,
        run: impl FnOnce(Credentials<'_>) -> Step,
    ) -> Step {
        let located = match self.0.request.locate(locations, head) {
            Ok(Some(located)) => located,
            Ok(None) => return Step::Done(Ok(None)),
            Err(error) => return deny(Reason::InvalidRequest(error)),
        };
        if located.found.is_ambient && !self.0.trusted_origins.allow(head, &self.0.address) {
            return deny(Reason::CrossOrigin);
        }
        let opened;
        let credentials = if located.found.place == FoundIn::Ticket {
            // A ticket stands for all tokens of its request.
            if located.id.is_some() {
                return deny(Reason::InvalidRequest(RequestError::SeveralLocations));
            }
            let now = self.0.clock.unix();
            let tickets = self.0.tickets.as_ref();
            opened = match tickets
                .and_then(|tickets| tickets.unseal(&located.found.access, self.resource(), now))
            {
                Some(opened) => opened,
                None => return Step::Done(Err(stale_ticket())),
            };
            Credentials { id: opened.id(), ..Credentials::access(opened.access()) }
        } else {
            located.credentials()
        };
        self.run_with(credentials, located.found.place, run)
    }
}

fn deny(reason: Reason) -> Step {
    Step::Done(Err(reason.into()))
}

impl ResourceServer {
    /// The parameter of forms that holds a token.
    pub(crate) fn form_parameter(&self) -> Option<&str> {
        self.0.request.locations.as_ref()?.form()
    }

    /// A ticket for the tokens of this identity: good for one request, for this server, and for
    /// [seconds](crate::store::Tickets::lifetime). It costs no memory.
    ///
    /// The server must name a [location](crate::http::TokenLocation::ticket) for tickets. It keeps the tokens of
    /// requests as long as their identities are there, in memory alone.
    ///
    /// ```
    /// use axum::response::IntoResponse;
    /// use http::StatusCode;
    /// use tower_resource_server::{Identity, ResourceServer};
    ///
    /// // POST /ticket, with the token in `Authorization`; then `new EventSource("/events?ticket=…")`.
    /// async fn ticket(api: ResourceServer, who: Identity) -> impl IntoResponse {
    ///     api.issue_ticket(&who).map_err(|_| StatusCode::CONFLICT)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`TicketError`].
    pub fn issue_ticket(&self, identity: &Identity) -> Result<String, TicketError> {
        let tickets = self.0.tickets.as_ref().ok_or(TicketError::NotTaken)?;
        if identity.server() != self.tag() {
            return Err(TicketError::ForeignIdentity);
        }
        let now = self.0.clock.unix();
        if !identity.window().contains(now) {
            return Err(TicketError::Expired);
        }
        if identity.tokens().any(|token| token.spends().is_some()) {
            return Err(TicketError::CountsOnce);
        }
        let raw = identity.raw();
        let access = raw.access.as_deref().ok_or(TicketError::NoToken)?;
        tickets.seal((access, raw.id.as_deref()), self.resource(), now)
    }

    /// Spends the ticket of a request that is admitted otherwise; one that has none is admitted.
    // Apart from what every request runs through: few servers take tickets.
    #[inline(never)]
    pub(super) fn spend_ticket(&self, identity: Identity, head: Option<RequestHead<'_>>) -> Admission {
        let locations = self.0.request.locations.as_ref();
        let ticket = head.and_then(|head| locations?.ticket(head));
        let spending = match (&self.0.tickets, ticket) {
            (Some(tickets), Some(ticket)) => tickets.spend(ticket, self.resource(), self.0.clock.unix()),
            _ => Spending::Done(Ok(())),
        };
        match spending.map_err(SpendFailure::Ticket) {
            Spending::Done(Ok(())) => {
                self.0.counters.good();
                Admission::Done(Ok(identity))
            }
            Spending::Done(Err(error)) => Admission::Done(Err(Denial::of(TokenKind::Access, error.into()))),
            Spending::Wait(answer) => Admission::Wait(StoreWait::new(answer, identity)),
        }
    }
}

fn stale_ticket() -> Denial {
    Reason::InvalidToken { token: TokenKind::Access, error: TokenError::StaleTicket }.into()
}
