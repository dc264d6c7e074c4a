//! The settings of a server that say where its tokens are.

use http::{HeaderName, header};

#[cfg(doc)]
use super::ResourceServer;
use super::{ResourceServerBuilder, problems::Problems};
use crate::{
    error::ConfigProblem,
    http::{IdTokenLocation, Locations, Place, Subprotocol, TokenLocation, TrustedOrigins, is_token},
    store::Tickets,
};

/// Where the tokens of requests are.
#[derive(Clone, Debug, Default)]
pub(super) struct LocationSettings {
    named: Vec<TokenLocation>,
    agree: bool,
    trusted_origins: Vec<Box<str>>,
    tickets: Option<Tickets>,
}

impl LocationSettings {
    fn takes_tickets(&self) -> bool {
        self.named.iter().any(|location| matches!(location.0, Place::Ticket { .. }))
    }

    pub(super) const fn names_any(&self) -> bool {
        !self.named.is_empty()
    }

    /// The methods of RFC 6750 section 2 among the locations.
    pub(super) fn bearer_methods(&self) -> Vec<Box<str>> {
        let method = |TokenLocation(place): &TokenLocation| match place {
            Place::Authorization { .. } => Some("header"),
            Place::Query { .. } => Some("query"),
            Place::Form { .. } => Some("body"),
            _ => None,
        };
        match self.named.as_slice() {
            [] => vec!["header".into()],
            named => named.iter().filter_map(method).map(Into::into).collect(),
        }
    }
}

impl ResourceServerBuilder {
    /// Reads tokens in this location. Called again, it adds one; those that are named are all there are, so
    /// name [`TokenLocation::authorization`] to keep it. Unless any is named, it is the only one.
    ///
    /// A request with tokens in two of them is refused (400), whatever the tokens are: what reads the request
    /// next might take the other one.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use tower_resource_server::{TrustedIssuer, keys::{KeySet, VerifyingKey}, profile::TokenProfile};
    /// # let keys = KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32])?]);
    /// # let issuer = TrustedIssuer::with_keys("a", keys, TokenProfile::rfc9068());
    /// use tower_resource_server::{ResourceServer, http::TokenLocation};
    ///
    /// let api = ResourceServer::builder("https://api.example")
    ///     .issuer(issuer)
    ///     .token_location(TokenLocation::authorization())
    ///     .token_location(TokenLocation::cookie("__Host-session"))
    ///     .build()?;
    /// # let _ = api;
    /// # Ok(())
    /// # }
    /// ```
    pub fn token_location(mut self, location: TokenLocation) -> Self {
        self.locations.named.push(location);
        self
    }

    /// Whether every named location must hold the token, and the same: off unless turned on. For proxies that
    /// pass on in one place what a client sent in another.
    pub fn token_locations_agree(mut self, agree: bool) -> Self {
        self.locations.agree = agree;
        self
    }

    /// Takes requests with a [cookie](TokenLocation::cookie) from pages of this origin, too: `https://app.example`.
    /// Called again, it adds one.
    pub fn trusted_origin(mut self, origin: impl Into<Box<str>>) -> Self {
        self.locations.trusted_origins.push(origin.into());
        self
    }

    /// The [tickets](ResourceServer::issue_ticket) of a server that names a [location](TokenLocation::ticket) for them.
    /// Unless told otherwise they are this process's own; several that serve the same clients share a secret and
    /// a store.
    pub fn tickets(mut self, tickets: Tickets) -> Self {
        self.locations.tickets = Some(tickets);
        self
    }

    /// Removes the tokens of an admitted request before the inner service gets it, instead of marking them as
    /// sensitive: the fields that hold nothing else, `Authorization` whatever its scheme, and of the cookies the
    /// one of the token. Off unless turned on.
    ///
    /// A subprotocol and a parameter are removed anyway: one must not be echoed, and the other stands in the address
    /// that services log, or among the fields of a form.
    pub fn remove_credentials(mut self, remove: bool) -> Self {
        self.request.removes_credentials = remove;
        self
    }

    /// Where tokens are, and which pages may send cookies.
    pub(super) fn settle_locations(&mut self, all: &mut Vec<ConfigProblem>) -> TrustedOrigins {
        let LocationSettings { named, agree, trusted_origins, .. } = &self.locations;
        let origins = TrustedOrigins::new(trusted_origins).unwrap_or_else(|texts| {
            Problems::of(all, "trusted_origins", "trusted_origin").extend("invalid_setting", texts);
            TrustedOrigins::default()
        });
        self.request.locations = Locations::new(named, *agree, &self.request.grammar).map(Box::new);
        self.request.settle();
        origins
    }

    /// Tickets of this process, for a server that takes them and was given none.
    pub(super) fn spendable_tickets(
        &mut self,
        before: Option<&Tickets>,
        all: &mut Vec<ConfigProblem>,
    ) -> Option<Tickets> {
        let given = self.locations.tickets.take().map(|given| match before {
            Some(before) => given.succeeding(before),
            None => given,
        });
        if given.is_some() || !self.locations.takes_tickets() {
            return given;
        }
        if before.is_some() {
            return before.cloned();
        }
        let own = Tickets::new().map_err(|error| format!("{error}; give them with .tickets(..)"));
        Problems::of(all, "tickets", "tickets").keep("unavailable", own)
    }

    /// What cannot work in the locations of tokens.
    pub(super) fn check_locations(&self, all: &mut Vec<ConfigProblem>) {
        let LocationSettings { named, agree, trusted_origins, tickets } = &self.locations;
        let mut problems = Problems::of(all, "tickets", "tickets");
        let takes_tickets = self.locations.takes_tickets();
        problems.refuse(
            tickets.is_some() && !takes_tickets,
            "no_location",
            "no request can bring one; name a parameter with .token_location(TokenLocation::ticket(..))",
        );
        problems.refuse(
            takes_tickets && *agree,
            "agreeing",
            "a ticket is another text than the token; leave out token_locations_agree",
        );
        problems.refuse(
            takes_tickets && self.request.selector.is_some(),
            "selected",
            "a ticket does not say which issuer a header named; leave out select_issuer_by",
        );
        let is_cookie = |location: &TokenLocation| matches!(location.0, Place::Cookie { .. });
        Problems::of(all, "trusted_origins", "trusted_origin").refuse(
            !trusted_origins.is_empty() && !named.iter().any(is_cookie),
            "no_cookie",
            "pages matter to cookies alone; name one with .token_location(TokenLocation::cookie(..))",
        );
        Problems::of(all, "token_locations", "token_locations_agree").refuse(
            *agree && named.len() < 2,
            "one_location",
            "one location agrees with none; name another with .token_location(..), or leave it out",
        );
        let pairs = self.request.id_token == Some(IdTokenLocation::AfterAccessToken);
        let is_authorization = |location: &TokenLocation| matches!(location.0, Place::Authorization { .. });
        Problems::of(all, "id_token", "id_token").refuse(
            pairs && !named.is_empty() && !named.iter().any(is_authorization),
            "no_authorization",
            "an ID token follows the access token in Authorization alone; use IdTokenLocation::Header",
        );
        for (n, location) in named.iter().enumerate() {
            let mut problems = Problems::of(all, format!("token_locations[{n}]"), "token_location");
            let before = named.iter().take(n);
            problems.refuse(
                before.clone().any(|other| other.is_same_place(location)),
                "twice",
                "it is there twice; leave one out",
            );
            problems.extend("invalid_setting", self.location_problem(location));
        }
    }

    fn location_problem(&self, TokenLocation(place): &TokenLocation) -> Option<String> {
        match place {
            Place::Authorization { scheme } => bad_scheme(scheme.as_deref()),
            Place::Header { name, scheme } => {
                let Ok(header) = name.parse::<HeaderName>() else {
                    return Some(format!("{name:?} cannot name a header field; use a token"));
                };
                let instead = match &header {
                    name if *name == header::AUTHORIZATION => "TokenLocation::authorization",
                    name if *name == header::COOKIE => "TokenLocation::cookie",
                    name if *name == header::SEC_WEBSOCKET_PROTOCOL => "TokenLocation::websocket",
                    _ => return self.taken_header(&header).or_else(|| bad_scheme(scheme.as_deref())),
                };
                Some(format!("{name} holds more than a token; use {instead}"))
            }
            Place::Cookie { name } if !is_token(name) => {
                Some(format!("{name:?} cannot name a cookie; use a token (RFC 6265 section 4.1.1)"))
            }
            Place::Cookie { name } => {
                if !["__Host-", "__Host-Http-"].iter().any(|prefix| name.starts_with(prefix)) {
                    tracing::warn!(
                        cookie = &**name,
                        "pages of neighbouring hosts can set a cookie whose name does not begin with __Host-"
                    );
                }
                None
            }
            Place::WebSocket(
                Subprotocol::Prefix(text) | Subprotocol::EncodedPrefix(text) | Subprotocol::Behind(text),
            ) => (!is_token(text)).then(|| {
                format!("{text:?} cannot be a WebSocket subprotocol; use a token (RFC 6455 section 4.1)")
            }),
            Place::Ticket { parameter } | Place::Query { parameter } | Place::Form { parameter } => {
                bad_parameter(parameter)
            }
        }
    }

    /// A field that holds something else already.
    fn taken_header(&self, header: &HeaderName) -> Option<String> {
        let id = matches!(&self.request.id_token, Some(IdTokenLocation::Header(name)) if name == header);
        let selects = self.request.selector.as_ref() == Some(header);
        (id || selects).then(|| format!("{header} holds something else already; use another field"))
    }
}

fn bad_scheme(scheme: Option<&str>) -> Option<String> {
    let scheme = scheme.filter(|scheme| !is_token(scheme))?;
    Some(format!("{scheme:?} cannot name a scheme; use a token"))
}

fn bad_parameter(parameter: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (parameter.is_empty() || !parameter.bytes().all(is_plain))
        .then(|| format!("{parameter:?} cannot name a parameter; use letters and digits"))
}
