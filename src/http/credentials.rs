//! Which headers carry tokens, and which of them the verdict depends on.
//!
//! Read as bytes, from the request as it is: exactly one `Authorization` field, cut by the server's
//! [`Grammar`] into one token (or two, where the server takes ID tokens there), each in the `token68`
//! grammar of RFC 9110 section 11.2. A server may name other [locations](super::TokenLocation).
//!
//! The characters of a token are looked at only when it is refused ([`RequestProfile::check`]): a
//! token that is accepted is strict base64url and dots, which is inside `token68`, and walking over
//! a kilobyte byte by byte would cost more than everything else that a cached token costs.

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};

use super::{
    DpopScheme, Grammar, RequestHead,
    dpop::PROOF,
    grammar::Cut,
    locations::{Found, FoundIn, Locations},
};

/// Why the credentials of a request cannot be read: each is a 400 (RFC 6750 section 3.1,
/// `invalid_request`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.description())]
#[non_exhaustive]
pub enum RequestError {
    /// More than one `Authorization` field.
    SeveralAuthorizations,
    /// The scheme is right and what follows is not its grammar.
    MalformedAuthorization,
    /// The header that carries the ID token occurs twice or does not hold one token.
    MalformedIdToken,
    /// The header of the ID token came without an access token.
    IdTokenAlone,
    /// The header that names the issuer occurs twice.
    SeveralSelectors,
    /// A bearer token with a DPoP proof beside it.
    ProofOfBearer,
    /// A trusted proxy tells several [certificates](super::CertificateHeader) of the client.
    SeveralCertificates,
    /// What a trusted proxy tells is no certificate, or not in the form of its header.
    MalformedCertificate,
    /// There are tokens in more than one of the server's [locations](super::TokenLocation).
    SeveralLocations,
    /// The server's locations must hold the same token, and do not.
    LocationsDisagree,
    /// The header of the token occurs twice.
    SeveralHeaders,
    /// The header of the token does not hold one.
    MalformedHeader,
    /// More than one `Cookie` field, before HTTP/2.
    SeveralCookieFields,
    /// More cookies than are looked at.
    TooManyCookies,
    /// The cookie of the token occurs twice.
    SeveralCookies,
    /// The cookie of the token does not hold one.
    MalformedCookie,
    /// More than one WebSocket subprotocol carries a token.
    SeveralSubprotocols,
    /// The WebSocket subprotocol of the token does not hold one.
    MalformedSubprotocol,
    /// There is no WebSocket subprotocol beside that of the token, to answer with.
    SubprotocolAlone,
    /// The query has the parameter of the token twice.
    SeveralParameters,
    /// The parameter of the token does not hold one.
    MalformedParameter,
    /// The form has the parameter of the token twice.
    SeveralFormParameters,
    /// The form's parameter of the token does not hold one.
    MalformedFormParameter,
    /// The form is larger than is read for its token, or ended early.
    UnreadableForm,
}

impl RequestError {
    /// The fixed phrase for this error.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::SeveralAuthorizations => "the request has several Authorization fields",
            Self::MalformedAuthorization => "the Authorization field is malformed",
            Self::MalformedIdToken => "the ID token field is malformed",
            Self::IdTokenAlone => "the request carries an ID token without an access token",
            Self::SeveralSelectors => "the request names the issuer several times",
            Self::ProofOfBearer => "the request has a DPoP proof and a token of another scheme",
            Self::SeveralCertificates => "the request has several client certificates",
            Self::MalformedCertificate => "the client certificate field is malformed",
            Self::SeveralLocations => "the request has tokens in several places",
            Self::LocationsDisagree => "the request does not have the same token in every place",
            Self::SeveralHeaders => "the request has several header fields of the token",
            Self::MalformedHeader => "the header field of the token is malformed",
            Self::SeveralCookieFields => "the request has several Cookie fields",
            Self::TooManyCookies => "the request has too many cookies",
            Self::SeveralCookies => "the request has several cookies of the token",
            Self::MalformedCookie => "the cookie of the token is malformed",
            Self::SeveralSubprotocols => "the request has tokens in several subprotocols",
            Self::MalformedSubprotocol => "the subprotocol of the token is malformed",
            Self::SubprotocolAlone => "the request offers no subprotocol beside that of the token",
            Self::SeveralParameters => "the query has several parameters of the token",
            Self::MalformedParameter => "the query parameter of the token is malformed",
            Self::SeveralFormParameters => "the form has several parameters of the token",
            Self::MalformedFormParameter => "the form parameter of the token is malformed",
            Self::UnreadableForm => "the form is too large or ended early",
        }
    }
}

/// Where a server takes ID tokens from, beside the access token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdTokenLocation {
    /// `Authorization: Bearer <access token> <ID token>`.
    AfterAccessToken,
    /// A header of its own, holding nothing but the token.
    Header(HeaderName),
}

/// What a server reads from a request: which slots there are, and where they stand.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestProfile {
    pub(crate) grammar: Grammar,
    pub(crate) id_token: Option<IdTokenLocation>,
    /// The header that names the issuer, where tokens do not.
    pub(crate) selector: Option<HeaderName>,
    /// The scheme of tokens that come with a proof, where it is taken.
    pub(crate) dpop: Option<DpopScheme>,
    /// Where tokens are, unless in `Authorization` alone.
    pub(crate) locations: Option<Box<Locations>>,
    /// Whether the inner service gets the tokens, too.
    pub(crate) removes_credentials: bool,
    /// Whether it gets what tells of certificates.
    pub(crate) removes_certificates: bool,
    /// Whether anything is read beside one field, as [`settle`](Self::settle) found.
    pub(super) elsewhere: bool,
    /// Whether the locations are fields, and nothing is read beside them, as it found, too.
    pub(super) only_fields: bool,
    /// The fields with credentials in them, as it found, too.
    pub(super) marked: Vec<HeaderName>,
}

/// A token, and the one behind it.
type Tokens<'a> = (&'a [u8], Option<&'a [u8]>);

/// The tokens of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Credentials<'a> {
    pub(crate) access: &'a [u8],
    pub(crate) id: Option<&'a [u8]>,
    /// Which issuer the request names beside its tokens.
    pub(crate) selector: Option<&'a [u8]>,
}

impl<'a> Credentials<'a> {
    /// An access token by itself.
    pub(crate) const fn access(token: &'a [u8]) -> Self {
        Self { access: token, id: None, selector: None }
    }
}

/// What a server that names locations reads from a request.
pub(crate) struct Located<'a> {
    pub(crate) found: Found<'a>,
    pub(crate) id: Option<&'a [u8]>,
    selector: Option<&'a [u8]>,
}

impl Located<'_> {
    /// The tokens of the request.
    pub(crate) fn credentials(&self) -> Credentials<'_> {
        Credentials { access: &self.found.access, id: self.id, selector: self.selector }
    }
}

impl RequestProfile {
    /// Makes ready what a server reads, once all settings are there.
    pub(crate) fn settle(&mut self) {
        let own = matches!(self.id_token, Some(IdTokenLocation::Header(_)));
        let beside = self.selector.is_some() || own || self.dpop.is_some();
        self.elsewhere = beside || self.locations.is_some();
        self.only_fields = !beside && self.locations.as_ref().is_some_and(|locations| locations.are_fields());
        let shared = self.locations.iter().flat_map(|locations| locations.shared_fields());
        self.marked = self.fields().chain(shared).cloned().collect();
    }

    /// Whether one field is all that there is to read, and it is there once at most.
    pub(crate) fn reads_one_field(&self, headers: &HeaderMap) -> bool {
        !self.elsewhere && !repeats_fields(headers)
    }

    /// What a request has in these locations; `None` when it has no credentials there.
    pub(crate) fn locate<'a>(
        &self,
        locations: &Locations,
        head: RequestHead<'a>,
    ) -> Result<Option<Located<'a>>, RequestError> {
        let own = self.own_id_token(head.headers)?;
        let Some(found) = locations.find(head, self.takes_pairs())? else {
            return if own.is_some() { Err(RequestError::IdTokenAlone) } else { Ok(None) };
        };
        let (id, selector) = (found.second.or(own), self.selected(head.headers)?);
        Ok(Some(Located { found, id, selector }))
    }

    /// The tokens of a request; `None` when it has no credentials, or those of another scheme.
    pub(crate) fn read<'a>(&self, headers: &'a HeaderMap) -> Result<Option<Credentials<'a>>, RequestError> {
        let own = self.own_id_token(headers)?;
        let authorization =
            single(headers, &AUTHORIZATION).map_err(|()| RequestError::SeveralAuthorizations)?;
        let (access, second) = match self.cut(authorization)? {
            Some(tokens) => tokens,
            None if own.is_some() => return Err(RequestError::IdTokenAlone),
            None => return Ok(None),
        };
        self.check_proofs(headers)?;
        Ok(Some(Credentials { access, id: second.or(own), selector: self.selected(headers)? }))
    }

    /// The ID token that has a field of its own.
    fn own_id_token<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a [u8]>, RequestError> {
        let Some(IdTokenLocation::Header(name)) = &self.id_token else { return Ok(None) };
        let value = single(headers, name).map_err(|()| RequestError::MalformedIdToken)?;
        if value.is_some_and(HeaderValue::is_empty) {
            return Err(RequestError::MalformedIdToken);
        }
        Ok(value.map(HeaderValue::as_bytes))
    }

    /// The issuer that the request names.
    fn selected<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a [u8]>, RequestError> {
        let Some(name) = &self.selector else { return Ok(None) };
        let value = single(headers, name).map_err(|()| RequestError::SeveralSelectors)?;
        Ok(value.map(HeaderValue::as_bytes))
    }

    /// [`read`](Self::read), after [`mark_sensitive`](Self::mark_sensitive), with one look at the headers: where
    /// one field [is all](Self::reads_one_field) that there is to read.
    #[inline]
    pub(crate) fn take<'a>(
        &self,
        headers: &'a mut HeaderMap,
    ) -> Result<Option<Credentials<'a>>, RequestError> {
        let authorization = headers.get_mut(AUTHORIZATION).map(|value| {
            value.set_sensitive(true);
            &*value
        });
        let tokens = self.cut(authorization)?;
        Ok(tokens.map(|(access, id)| Credentials { access, id, selector: None }))
    }

    /// The one or two tokens of the `Authorization` field.
    #[inline]
    fn cut<'a>(&self, authorization: Option<&'a HeaderValue>) -> Result<Option<Tokens<'a>>, RequestError> {
        let Some(value) = authorization else { return Ok(None) };
        let pairs = self.takes_pairs();
        let under_dpop = self.dpop.as_ref().and_then(|dpop| dpop.cut(value.as_bytes(), pairs));
        match under_dpop.unwrap_or_else(|| self.grammar.cut(value.as_bytes(), pairs)) {
            Cut::Tokens { first, second } => Ok(Some((first, second))),
            Cut::Malformed => Err(RequestError::MalformedAuthorization),
            Cut::Nothing => Ok(None),
        }
    }

    /// Whether a second token may follow the first in its field.
    pub(crate) fn takes_pairs(&self) -> bool {
        self.id_token == Some(IdTokenLocation::AfterAccessToken)
    }

    /// Whether tokens that are refused are tokens at all, by their characters.
    pub(crate) fn check(&self, tokens: Credentials<'_>, place: FoundIn) -> Result<(), RequestError> {
        if !is_token68(tokens.access) {
            return Err(place.malformed());
        }
        match (tokens.id.is_none_or(is_token68), &self.id_token) {
            (true, _) => Ok(()),
            (false, Some(IdTokenLocation::Header(_))) => Err(RequestError::MalformedIdToken),
            (false, _) => Err(RequestError::MalformedAuthorization),
        }
    }

    /// The fields that carry tokens and nothing else.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &HeaderName> {
        let own = match &self.id_token {
            Some(IdTokenLocation::Header(name)) => Some(name),
            _ => None,
        };
        let proof = self.dpop.as_ref().map(|_| &PROOF);
        let located = self.locations.iter().flat_map(|locations| locations.own_fields());
        [Some(&AUTHORIZATION), own, proof].into_iter().flatten().chain(located)
    }

    /// Keeps the credentials out of the logs of what handles the request next: every value, also
    /// those of other schemes and of requests that are refused.
    pub(crate) fn mark_sensitive(&self, headers: &mut HeaderMap) {
        if repeats_fields(headers) {
            let values = headers.iter_mut().filter(|(name, _)| self.marked.contains(name));
            return values.for_each(|(_, value)| value.set_sensitive(true));
        }
        for wanted in &self.marked {
            if let Some(value) = headers.get_mut(wanted) {
                value.set_sensitive(true);
            }
        }
    }
}

/// Whether any field occurs twice: rare, and known without looking at one.
#[inline]
pub(super) fn repeats_fields(headers: &HeaderMap) -> bool {
    headers.len() > headers.keys_len()
}

/// The only value of a field; an error when there are several.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, ()> {
    if !repeats_fields(headers) {
        return Ok(headers.get(name));
    }
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(()),
    }
}

/// RFC 9110 section 11.2: one or more of a set of characters, then any number of `=`.
pub(crate) fn is_token68(token: &[u8]) -> bool {
    let end = token.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let (body, _) = token.split_at(end);
    !body.is_empty() && body.iter().all(|byte| TOKEN68.get(usize::from(*byte)) == Some(&true))
}

/// Which bytes a token is made of (RFC 9110 section 11.2): anyone can have a long one looked at.
#[expect(clippy::indexing_slicing, reason = "evaluated when this is compiled")]
static TOKEN68: [bool; 256] = {
    let (mut is, mut byte) = ([false; 256], 0);
    while byte < 0x80 {
        let others = matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        is[byte as usize] = byte.is_ascii_alphanumeric() || others;
        byte += 1;
    }
    is
};

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        profile: &RequestProfile,
        fields: &[(&'static str, &str)],
    ) -> Result<Option<String>, RequestError> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let tokens = profile.read(&headers)?;
        tokens.map_or(Ok(()), |tokens| profile.check(tokens, FoundIn::Authorization))?;
        Ok(tokens.map(|tokens| match tokens.id {
            Some(id) => format!("{} | {}", text(tokens.access), text(id)),
            None => text(tokens.access),
        }))
    }

    #[test]
    fn access_tokens_in_the_authorization_field() {
        use RequestError::{MalformedAuthorization as Malformed, SeveralAuthorizations as Several};
        for (name, values, expected) in [
            ("none", &[][..], Ok(None)),
            ("plain", &["Bearer a.b.c"], Ok(Some("a.b.c"))),
            ("lower case", &["bearer a.b.c"], Ok(Some("a.b.c"))),
            ("upper case", &["BEARER a.b.c"], Ok(Some("a.b.c"))),
            ("several spaces", &["Bearer   a.b.c"], Ok(Some("a.b.c"))),
            ("padding is token68", &["Bearer abc=="], Ok(Some("abc=="))),
            ("another scheme", &["Basic dTpw"], Ok(None)),
            ("a longer scheme", &["BearerX a.b.c"], Ok(None)),
            ("a bare token", &["a.b.c"], Ok(None)),
            ("empty", &[""], Ok(None)),
            ("scheme alone", &["Bearer"], Err(Malformed)),
            ("scheme and space", &["Bearer "], Err(Malformed)),
            ("tab", &["Bearer\ta.b.c"], Err(Malformed)),
            ("a tab later", &["Bearer a.b.c\t"], Err(Malformed)),
            ("a space and a tab", &["Bearer \ta.b.c"], Err(Malformed)),
            ("trailing space", &["Bearer a.b.c "], Err(Malformed)),
            ("two tokens", &["Bearer a.b.c d.e.f"], Err(Malformed)),
            ("joined", &["Bearer a.b.c, Bearer d.e.f"], Err(Malformed)),
            ("joined without space", &["Bearer a.b.c,Bearer d.e.f"], Err(Malformed)),
            ("parameter", &["Bearer token=\"a.b.c\""], Err(Malformed)),
            ("quoted", &["Bearer \"a.b.c\""], Err(Malformed)),
            ("padding alone", &["Bearer =="], Err(Malformed)),
            ("padding inside", &["Bearer a=b"], Err(Malformed)),
            ("not ASCII", &["Bearer ä.b.c"], Err(Malformed)),
            ("two fields", &["Bearer a.b.c", "Bearer a.b.c"], Err(Several)),
            ("two fields, two schemes", &["Basic dTpw", "Bearer a.b.c"], Err(Several)),
        ] {
            let fields: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
            let got = read(&RequestProfile::default(), &fields);
            assert_eq!(got, expected.map(|token| token.map(str::to_owned)), "{name}");
        }
    }

    #[test]
    fn id_tokens_after_the_access_token() {
        let profile =
            RequestProfile { id_token: Some(IdTokenLocation::AfterAccessToken), ..RequestProfile::default() };
        let malformed = Err(RequestError::MalformedAuthorization);
        for (value, expected) in [
            ("Bearer a.b.c", Ok(Some("a.b.c".to_owned()))),
            ("Bearer a.b.c d.e.f", Ok(Some("a.b.c | d.e.f".to_owned()))),
            ("Bearer a.b.c  d.e.f", Ok(Some("a.b.c | d.e.f".to_owned()))),
            ("Bearer a.b.c d.e.f g.h.i", malformed.clone()),
            ("Bearer a.b.c ", malformed.clone()),
            ("Bearer a.b.c \td.e.f", malformed.clone()),
            ("Bearer a.b.c, d.e.f", malformed),
        ] {
            assert_eq!(read(&profile, &[("authorization", value)]), expected, "{value}");
        }
    }

    #[test]
    fn id_tokens_in_a_field_of_their_own() {
        let name = HeaderName::from_static("x-id-token");
        let profile =
            RequestProfile { id_token: Some(IdTokenLocation::Header(name)), ..RequestProfile::default() };
        let access = ("authorization", "Bearer a.b.c");
        for (name, fields, expected) in [
            ("both", &[access, ("x-id-token", "d.e.f")][..], Ok(Some("a.b.c | d.e.f"))),
            ("access alone", &[access], Ok(Some("a.b.c"))),
            ("ID alone", &[("x-id-token", "d.e.f")], Err(RequestError::IdTokenAlone)),
            (
                "ID twice",
                &[access, ("x-id-token", "d"), ("x-id-token", "d")],
                Err(RequestError::MalformedIdToken),
            ),
            ("ID with a scheme", &[access, ("x-id-token", "Bearer d")], Err(RequestError::MalformedIdToken)),
            ("ID empty", &[access, ("x-id-token", "")], Err(RequestError::MalformedIdToken)),
            (
                "ID in two places",
                &[("authorization", "Bearer a b"), ("x-id-token", "d")],
                Err(RequestError::MalformedAuthorization),
            ),
        ] {
            assert_eq!(read(&profile, fields), expected.map(|token| token.map(str::to_owned)), "{name}");
        }
    }
}
