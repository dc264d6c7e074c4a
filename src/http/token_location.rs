//! Where in a request its token is, as data.

/// Where a request may carry its token, for
/// [`ResourceServerBuilder::token_location`](crate::ResourceServerBuilder::token_location).
///
/// | location | for |
/// |---|---|
/// | [`authorization`](Self::authorization) | every client that can set the field; read unless others are named |
/// | [`header`](Self::header), [`header_with_scheme`](Self::header_with_scheme) | proxies that verify a login and pass its token on |
/// | [`cookie`](Self::cookie) | pages of the same origin |
/// | [`websocket`](Self::websocket), [`websocket_base64url`](Self::websocket_base64url), [`websocket_after`](Self::websocket_after) | WebSockets that a page opens: it can set no other field |
/// | [`ticket`](Self::ticket) | an `EventSource` or a WebSocket that a page opens |
/// | [`dangerous`](Self::dangerous) | clients that can set none: a query parameter, or one of a form |
///
/// ```
/// use tower_resource_server::http::TokenLocation;
///
/// let locations = [
///     TokenLocation::authorization(),
///     TokenLocation::header("x-id-assertion"),
///     TokenLocation::cookie("__Host-session"),
///     TokenLocation::websocket_base64url("base64url.bearer.authorization.k8s.io."),
/// ];
/// # let _ = locations;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct TokenLocation(pub(crate) Place);

/// One place, as it was named; `build()` says whether the names are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Authorization { scheme: Option<Box<str>> },
    Header { name: Box<str>, scheme: Option<Box<str>> },
    Cookie { name: Box<str> },
    WebSocket(Subprotocol),
    Ticket { parameter: Box<str> },
    Query { parameter: Box<str> },
    Form { parameter: Box<str> },
}

/// How a WebSocket subprotocol carries a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subprotocol {
    /// `bearer.<token>`
    Prefix(Box<str>),
    /// The same, with the token in base64url.
    EncodedPrefix(Box<str>),
    /// `access_token, <token>`: the element behind this one.
    Behind(Box<str>),
}

impl TokenLocation {
    /// The `Authorization` field (RFC 6750 section 2.1), in the server's
    /// [grammar](crate::ResourceServerBuilder::credentials): `Bearer`, unless told otherwise.
    pub fn authorization() -> Self {
        Self(Place::Authorization { scheme: None })
    }

    /// The `Authorization` field with another scheme: `Authorization: Token …`. Challenges name the scheme of
    /// the [`ChallengeTable`](super::ChallengeTable).
    pub fn authorization_with_scheme(scheme: impl Into<Box<str>>) -> Self {
        Self(Place::Authorization { scheme: Some(scheme.into()) })
    }

    /// A header field of this name that holds the token and nothing else.
    ///
    /// A proxy that writes it must remove what a client sent under this name. The signature of the token does
    /// not replace that: a token that leaked from another request would pass.
    pub fn header(name: impl Into<Box<str>>) -> Self {
        Self(Place::Header { name: name.into(), scheme: None })
    }

    /// A header field of this name that holds a scheme and the token: `X-Forwarded-Authorization: Bearer …`.
    pub fn header_with_scheme(name: impl Into<Box<str>>, scheme: impl Into<Box<str>>) -> Self {
        Self(Place::Header { name: name.into(), scheme: Some(scheme.into()) })
    }

    /// A cookie of this name (RFC 6265), in double quotes or without.
    ///
    /// Browsers send a cookie with requests of every page. So a request with an unsafe method, or one that
    /// leaves HTTP for another protocol, must come from a page of the server's own origin, or of a
    /// [trusted](crate::ResourceServerBuilder::trusted_origin) one: otherwise it is refused with
    /// [`Reason::CrossOrigin`](super::Reason::CrossOrigin). Requests with `GET`, `HEAD` and `OPTIONS` pass, so
    /// they must change nothing.
    ///
    /// Prefer a name that begins with `__Host-`: browsers take such a cookie over TLS and from this very host
    /// alone. Any other can be set by a page of a neighbouring host, and `build()` warns of it in the log.
    /// Set it with `Secure; HttpOnly; SameSite=Lax; Path=/`: none of these can be seen in a request, and
    /// none is checked.
    pub fn cookie(name: impl Into<Box<str>>) -> Self {
        Self(Place::Cookie { name: name.into() })
    }

    /// The WebSocket subprotocol that begins so: `Sec-WebSocket-Protocol: chat, bearer.<token>`. What follows
    /// the prefix is the token as it is.
    ///
    /// The handshake must offer another subprotocol, as a browser takes no answer without one. The layer
    /// removes the one with the token before the inner service chooses, so it is never echoed.
    pub fn websocket(prefix: impl Into<Box<str>>) -> Self {
        Self(Place::WebSocket(Subprotocol::Prefix(prefix.into())))
    }

    /// The same with the token in base64url, as the API server of Kubernetes reads it behind
    /// `base64url.bearer.authorization.k8s.io.`.
    pub fn websocket_base64url(prefix: impl Into<Box<str>>) -> Self {
        Self(Place::WebSocket(Subprotocol::EncodedPrefix(prefix.into())))
    }

    /// The WebSocket subprotocol behind the one of this name: `Sec-WebSocket-Protocol: access_token, <token>`.
    /// The one of this name stays, and is what the inner service answers with.
    pub fn websocket_after(name: impl Into<Box<str>>) -> Self {
        Self(Place::WebSocket(Subprotocol::Behind(name.into())))
    }

    /// A parameter of the query that holds a [ticket](crate::ResourceServer::issue_ticket): good for one request
    /// within seconds. A page gets it in a request that carries its token, and opens an `EventSource` or a
    /// WebSocket with it at once.
    ///
    /// The layer removes the parameter before the inner service sees it.
    pub fn ticket(parameter: impl Into<Box<str>>) -> Self {
        Self(Place::Ticket { parameter: parameter.into() })
    }

    /// Whether both are in one and the same place of a request.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Place::Authorization { .. }, Place::Authorization { .. }) => true,
            (Place::Header { name, .. }, Place::Header { name: other, .. }) => {
                name.eq_ignore_ascii_case(other)
            }
            (
                Place::Ticket { parameter } | Place::Query { parameter },
                Place::Ticket { parameter: other } | Place::Query { parameter: other },
            ) => parameter == other,
            // One layer reads the form, for one parameter.
            (Place::Form { .. }, Place::Form { .. }) => true,
            (place, other) => place == other,
        }
    }

    /// Locations that leak tokens.
    pub const fn dangerous() -> DangerousLocations {
        DangerousLocations(())
    }
}

/// Locations that leak tokens; see [`TokenLocation::dangerous`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct DangerousLocations(());

impl DangerousLocations {
    /// A parameter of the query: `?access_token=…` (RFC 6750 section 2.3).
    ///
    /// Addresses stand in logs of servers and proxies, in histories and in `Referer` fields; RFC 9700 section
    /// 4.3.2 forbids tokens there. The layer removes the parameter before the inner service sees it. It does
    /// not set `Cache-Control`, which RFC 6750 asks of the answers.
    pub fn query(self, parameter: impl Into<Box<str>>) -> TokenLocation {
        TokenLocation(Place::Query { parameter: parameter.into() })
    }

    /// A parameter of a form: `access_token=…` in a body that is `application/x-www-form-urlencoded` (RFC 6750 section
    /// 2.2), of a request with `POST`, `PUT` or `PATCH`.
    ///
    /// **The server's layer reads no bodies**: put [`form_tokens`](crate::ResourceServer::form_tokens) outside of it, which
    /// says what it does to the body. Without that layer no form has a token.
    ///
    /// Any page can have a browser send a form, though not with a token that the page does not know. What logs bodies
    /// logs tokens; a service that reads the form has the token as a field among others, which is why the layer takes it
    /// out. RFC 6750 wants this where participants cannot set `Authorization`, and nowhere else.
    pub fn form(self, parameter: impl Into<Box<str>>) -> TokenLocation {
        TokenLocation(Place::Form { parameter: parameter.into() })
    }
}
