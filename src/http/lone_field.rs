//! The token of a request that has one of the fields of its server's locations, and no field twice: so it is with nearly
//! every request.
//!
//! One pass over the fields marks theirs as sensitive and reads the one that is there. To compare a name with a few takes
//! some ten instructions a field, and to look one up some 85, or 150 where its name is not a standard one and is hashed
//! byte by byte: a pass is cheaper for as many fields as browsers send. A handshake, for which a cookie is judged by more,
//! is left to [`Locations::find`], as is every other request.
//!
//! Beyond what a token in `Authorization` costs (`benches/instructions`, callgrind), a field of its own name costs
//! nothing. A cookie costs some 310 instructions: more than half are the search for semicolons in all of the field, which
//! finds a second cookie of the name, and the rest are the comparison of names and the white space around them.

use http::{HeaderMap, HeaderName, header};

use super::{
    RequestError, RequestProfile,
    credentials::repeats_fields,
    locations::{Found, Location, Locations},
};

/// What a look at the fields comes to.
pub(crate) enum Look<'a> {
    /// The token of the only one that is there.
    Lone(Result<Option<Found<'a>>, RequestError>),
    /// There is more to read: several fields, which is not to say that each has a token, or a handshake.
    More,
}

impl RequestProfile {
    /// The locations, where a [look](Locations::look) reads all that there is to read.
    #[inline]
    pub(crate) fn lone_fields(&self, headers: &HeaderMap) -> Option<&Locations> {
        let locations = self.locations.as_deref()?;
        (self.only_fields && !repeats_fields(headers)).then_some(locations)
    }
}

impl Locations {
    /// Whether each is a field of its own, as two cookies are not, and one token is enough.
    pub(super) fn are_fields(&self) -> bool {
        let is_field = |location: &Location| {
            matches!(location, Location::Authorization(_) | Location::Header(..) | Location::Cookie(_))
        };
        !self.agree && self.all.iter().all(is_field) && self.cookies().count() <= 1
    }

    /// Marks the fields as sensitive, and reads the one that is there, where no field is there twice.
    #[inline]
    pub(crate) fn look<'a>(&self, headers: &'a mut HeaderMap, pairs: bool) -> Look<'a> {
        let mut there = None;
        for (name, value) in headers.iter_mut() {
            if let Some(location) = self.all.iter().find(|location| location.is_in(name)) {
                value.set_sensitive(true);
                if there.replace((location, &*value)).is_some() {
                    return Look::More;
                }
            } else if *name == header::AUTHORIZATION {
                // Whatever it holds: credentials are none for the logs where no token is read from them, either.
                value.set_sensitive(true);
            } else if *name == header::UPGRADE && self.have_cookies {
                return Look::More;
            }
        }
        Look::Lone(there.map_or(Ok(None), |(location, value)| location.read(value, pairs)))
    }
}

impl Location {
    /// Whether a field of this name is where it is.
    #[inline]
    fn is_in(&self, field: &HeaderName) -> bool {
        match self {
            Self::Authorization(_) => *field == header::AUTHORIZATION,
            Self::Header(name, _) => field == name,
            Self::Cookie(_) => *field == header::COOKIE,
            Self::WebSocket(_) | Self::Ticket(_) | Self::Query(_) | Self::Form(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;
    use crate::http::{Grammar, IdTokenLocation, RequestHead, TokenLocation};

    fn profile(named: &[TokenLocation], agree: bool) -> RequestProfile {
        let locations = Locations::new(named, agree, &Grammar::bearer()).map(Box::new);
        let mut profile = RequestProfile { locations, ..RequestProfile::default() };
        profile.settle();
        profile
    }

    fn request(fields: &[(&'static str, &'static str)]) -> Request<()> {
        let mut request = Request::new(());
        for (name, value) in fields {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request
    }

    #[test]
    fn a_look_finds_what_a_search_finds_and_marks_all_fields() {
        let [header, scheme] =
            [TokenLocation::header("x-a"), TokenLocation::header_with_scheme("x-b", "Token")];
        let (authorization, cookie) = (TokenLocation::authorization(), TokenLocation::cookie("c"));
        let servers = [
            vec![header.clone()],
            vec![cookie.clone()],
            vec![scheme.clone(), authorization.clone()],
            vec![authorization, header, scheme, cookie],
        ];
        let requests: [&[(&str, &str)]; 16] = [
            &[],
            &[("accept", "*/*")],
            &[("x-a", "t")],
            &[("x-a", "")],
            &[("x-b", "Token t"), ("accept", "*/*")],
            &[("x-b", "Token")],
            &[("x-b", "Other t")],
            &[("authorization", "Bearer t")],
            &[("authorization", "Bearer")],
            &[("authorization", "Basic t"), ("x-a", "t")],
            &[("cookie", "a=b; c=t; d")],
            &[("cookie", "c=t; c=t")],
            &[("cookie", "c=")],
            &[("authorization", "Bearer t"), ("cookie", "c=t"), ("x-a", "t")],
            &[("upgrade", "websocket"), ("x-a", "t")],
            &[("cookie", "c=t"), ("upgrade", "websocket")],
        ];
        let (mut lone, mut more) = (0, 0);
        for named in &servers {
            for fields in requests {
                let (mut looked, mut searched) = (request(fields), request(fields));
                let profile = profile(named, false);
                let locations = profile.lone_fields(looked.headers()).unwrap();
                profile.mark_sensitive(searched.headers_mut());
                let found = locations.find(RequestHead::from(&searched), false);
                match locations.look(looked.headers_mut(), false) {
                    Look::More => more += 1,
                    Look::Lone(seen) => {
                        assert_eq!(format!("{seen:?}"), format!("{found:?}"), "{named:?}: {fields:?}");
                        lone += 1;
                        let marks = |request: &Request<()>| -> Vec<_> {
                            request.headers().values().map(HeaderValue::is_sensitive).collect()
                        };
                        assert_eq!(marks(&looked), marks(&searched), "{named:?}: {fields:?}");
                    }
                }
            }
        }
        assert_eq!(
            (lone, more),
            (58, 6),
            "two fields of the last server are there twice, and handshakes of the two with cookies"
        );
    }

    #[test]
    fn more_than_fields_takes_a_search() {
        let [header, cookie] = [TokenLocation::header("x-a"), TokenLocation::cookie("c")];
        let both = [header.clone(), cookie.clone()];
        let plain = request(&[("x-a", "t")]);
        let looks = |profile: &RequestProfile| profile.lone_fields(plain.headers()).is_some();
        assert!(looks(&profile(&both, false)));
        assert!(!looks(&profile(&both, true)), "all must be there");
        let cookies = [cookie.clone(), TokenLocation::cookie("d")];
        assert!(!looks(&profile(&cookies, false)), "two cookies, which are in one field");
        assert!(!looks(&profile(&[header, TokenLocation::ticket("t")], false)), "a parameter");
        assert!(!looks(&profile(&[cookie, TokenLocation::websocket("b.")], false)), "a subprotocol");
        assert!(!looks(&RequestProfile::default()), "no location is named");
        let mut beside = profile(&both, false);
        beside.id_token = Some(IdTokenLocation::Header(header::FROM));
        beside.settle();
        assert!(!looks(&beside), "an ID token in a field of its own");
        let twice = request(&[("accept", "a"), ("accept", "b")]);
        assert!(profile(&both, false).lone_fields(twice.headers()).is_none(), "a field is there twice");
    }
}
