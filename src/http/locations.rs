//! The token of a request, from the locations of a server that names some.
//!
//! A request has its token in one location. Two are refused: what reads the request next might take the other
//! one. Where a server says that all must be there, they must hold the same bytes.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue, header};

use super::{
    Credentials, Grammar, RequestError, RequestHead, TokenLocation, cookie,
    credentials::single,
    form,
    grammar::Cut,
    query, subprotocol,
    token_location::{Place, Subprotocol},
};

/// Where a server looks for tokens, other than in `Authorization` alone.
#[derive(Clone, Debug)]
pub(crate) struct Locations {
    pub(super) all: Box<[Location]>,
    /// Whether each must be there, with the same token.
    pub(super) agree: bool,
    /// Whether one is a cookie.
    pub(crate) have_cookies: bool,
}

/// One location, ready to be read.
#[derive(Clone, Debug)]
pub(super) enum Location {
    Authorization(Grammar),
    Header(HeaderName, Option<Grammar>),
    Cookie(Box<str>),
    WebSocket(Subprotocol),
    Ticket(Box<str>),
    Query(Box<str>),
    Form(Box<str>),
}

/// Which kind of location a token was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundIn {
    Authorization,
    Header,
    Cookie,
    WebSocket,
    /// What was found is a ticket, with the tokens in it.
    Ticket,
    Query,
    Form,
}

/// A token, the one behind it in the same field, and where they were.
#[derive(Clone, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) access: Cow<'a, [u8]>,
    pub(super) second: Option<&'a [u8]>,
    pub(crate) place: FoundIn,
    /// Whether a browser may have added it to a request of another site.
    pub(crate) is_ambient: bool,
}

impl FoundIn {
    /// What a request is told whose token there is none by its characters.
    pub(super) const fn malformed(self) -> RequestError {
        match self {
            Self::Authorization => RequestError::MalformedAuthorization,
            Self::Header => RequestError::MalformedHeader,
            Self::Cookie => RequestError::MalformedCookie,
            Self::WebSocket => RequestError::MalformedSubprotocol,
            Self::Ticket | Self::Query => RequestError::MalformedParameter,
            Self::Form => RequestError::MalformedFormParameter,
        }
    }
}

impl<'a> Found<'a> {
    #[inline]
    fn new(access: impl Into<Cow<'a, [u8]>>, place: FoundIn) -> Self {
        Self { access: access.into(), second: None, place, is_ambient: place == FoundIn::Cookie }
    }

    /// The tokens of a request that brings nothing else.
    #[inline]
    pub(crate) fn credentials(&self) -> Credentials<'_> {
        Credentials { id: self.second, ..Credentials::access(&self.access) }
    }
}

impl Locations {
    /// `None` where `Authorization` in the server's grammar is all there is.
    pub(crate) fn new(named: &[TokenLocation], agree: bool, grammar: &Grammar) -> Option<Self> {
        if matches!(named, [] | [TokenLocation(Place::Authorization { scheme: None })]) {
            return None;
        }
        let all: Box<[_]> =
            named.iter().filter_map(|TokenLocation(place)| Location::new(place, grammar)).collect();
        let have_cookies = all.iter().any(|location| matches!(location, Location::Cookie(_)));
        Some(Self { all, agree, have_cookies })
    }

    /// The token of a request; a second one behind it in `Authorization` only when `pairs` may come.
    pub(super) fn find<'a>(
        &self,
        head: RequestHead<'a>,
        pairs: bool,
    ) -> Result<Option<Found<'a>>, RequestError> {
        let mut found: Option<Found<'a>> = None;
        let mut missing = false;
        for location in &self.all {
            let Some(next) = location.find(head, pairs)? else {
                missing = true;
                continue;
            };
            found = Some(match found {
                None => next,
                Some(_) if !self.agree => return Err(RequestError::SeveralLocations),
                Some(first) if first.access != next.access => return Err(RequestError::LocationsDisagree),
                Some(first) => Found {
                    is_ambient: first.is_ambient || next.is_ambient,
                    second: first.second.or(next.second),
                    ..first
                },
            });
        }
        if self.agree && missing && found.is_some() {
            return Err(RequestError::LocationsDisagree);
        }
        Ok(found)
    }

    /// The ticket of a request.
    pub(crate) fn ticket<'a>(&self, head: RequestHead<'a>) -> Option<&'a [u8]> {
        self.all.iter().find_map(|location| match location {
            Location::Ticket(parameter) => query::find(head.uri, parameter).ok()?,
            _ => None,
        })
    }

    /// The parameter of forms.
    pub(crate) fn form(&self) -> Option<&str> {
        self.all.iter().find_map(|location| match location {
            Location::Form(parameter) => Some(&**parameter),
            _ => None,
        })
    }

    /// The fields that hold a token and nothing else.
    pub(super) fn own_fields(&self) -> impl Iterator<Item = &HeaderName> {
        self.all.iter().filter_map(|location| match location {
            Location::Header(name, _) => Some(name),
            _ => None,
        })
    }

    /// The fields that hold a token among other things.
    pub(super) fn shared_fields(&self) -> impl Iterator<Item = &HeaderName> {
        self.all.iter().filter_map(|location| match location {
            Location::Cookie(_) => Some(&header::COOKIE),
            Location::WebSocket(_) => Some(&header::SEC_WEBSOCKET_PROTOCOL),
            _ => None,
        })
    }

    /// Whether a token is in one that an inner service must not see, whatever is asked for.
    pub(super) fn remove_always(&self) -> bool {
        self.subprotocols().next().is_some() || self.parameters().next().is_some() || self.form().is_some()
    }

    pub(super) fn cookies(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter_map(|location| match location {
            Location::Cookie(name) => Some(&**name),
            _ => None,
        })
    }

    pub(super) fn subprotocols(&self) -> impl Iterator<Item = &Subprotocol> {
        self.all.iter().filter_map(|location| match location {
            Location::WebSocket(form) => Some(form),
            _ => None,
        })
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter_map(|location| match location {
            Location::Ticket(parameter) | Location::Query(parameter) => Some(&**parameter),
            _ => None,
        })
    }
}

impl Location {
    /// `None` for what `build()` refuses.
    fn new(place: &Place, grammar: &Grammar) -> Option<Self> {
        let scheme = |scheme: &str| Grammar::scheme(scheme);
        Some(match place {
            Place::Authorization { scheme: own } => {
                Self::Authorization(own.as_deref().map_or_else(|| grammar.clone(), scheme))
            }
            Place::Header { name, scheme: own } => {
                Self::Header(name.parse().ok()?, own.as_deref().map(scheme))
            }
            Place::Cookie { name } => Self::Cookie(name.clone()),
            Place::WebSocket(form) => Self::WebSocket(form.clone()),
            Place::Ticket { parameter } => Self::Ticket(parameter.clone()),
            Place::Query { parameter } => Self::Query(parameter.clone()),
            Place::Form { parameter } => Self::Form(parameter.clone()),
        })
    }

    fn find<'a>(&self, head: RequestHead<'a>, pairs: bool) -> Result<Option<Found<'a>>, RequestError> {
        let headers = head.headers;
        match self {
            Self::Authorization(_) => {
                let value = single(headers, &header::AUTHORIZATION)
                    .map_err(|()| RequestError::SeveralAuthorizations)?;
                value.map_or(Ok(None), |value| self.read(value, pairs))
            }
            Self::Header(name, _) => {
                let value = single(headers, name).map_err(|()| RequestError::SeveralHeaders)?;
                value.map_or(Ok(None), |value| self.read(value, pairs))
            }
            Self::Cookie(name) => {
                let value = cookie::find(head, name)?;
                Ok(value.map(|value| Found::new(value, FoundIn::Cookie)))
            }
            Self::WebSocket(form) => {
                let token = subprotocol::find(headers, form)?;
                Ok(token.map(|token| Found::new(token, FoundIn::WebSocket)))
            }
            Self::Ticket(parameter) => {
                let value = query::find(head.uri, parameter)?;
                Ok(value.map(|value| Found::new(value, FoundIn::Ticket)))
            }
            Self::Query(parameter) => {
                let value = query::find(head.uri, parameter)?;
                Ok(value.map(|value| Found::new(value, FoundIn::Query)))
            }
            Self::Form(parameter) => {
                let value = form::find(head, parameter)?;
                Ok(value.map(|value| Found::new(value, FoundIn::Form)))
            }
        }
    }

    /// What the value of its field holds, if it is one, and the field is there once.
    #[inline]
    pub(super) fn read<'a>(
        &self,
        value: &'a HeaderValue,
        pairs: bool,
    ) -> Result<Option<Found<'a>>, RequestError> {
        match self {
            Self::Authorization(grammar) => {
                found(grammar.cut(value.as_bytes(), pairs), FoundIn::Authorization)
            }
            Self::Header(_, grammar) => {
                found(cut_header(value.as_bytes(), grammar.as_ref()), FoundIn::Header)
            }
            Self::Cookie(name) => {
                let value = cookie::find_in(value, name)?;
                Ok(value.map(|value| Found::new(value, FoundIn::Cookie)))
            }
            Self::WebSocket(_) | Self::Ticket(_) | Self::Query(_) | Self::Form(_) => Ok(None),
        }
    }
}

#[inline]
fn found(cut: Cut<'_>, place: FoundIn) -> Result<Option<Found<'_>>, RequestError> {
    match cut {
        Cut::Nothing => Ok(None),
        Cut::Malformed => Err(place.malformed()),
        Cut::Tokens { first, second } => Ok(Some(Found { second, ..Found::new(first, place) })),
    }
}

/// A field that is there without a scheme is a token: an empty one must not look like its absence.
#[inline]
fn cut_header<'a>(value: &'a [u8], grammar: Option<&Grammar>) -> Cut<'a> {
    match (value, grammar) {
        (_, Some(grammar)) => grammar.cut(value, false),
        ([], None) => Cut::Malformed,
        (first, None) => Cut::Tokens { first, second: None },
    }
}
