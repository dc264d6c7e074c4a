//! What a request says under the scheme `DPoP` (RFC 9449 section 7.1): a token that is bound to a key, and the
//! proof of that key in a field of its own.

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};

use super::{
    Grammar, RequestError,
    challenge::DPOP,
    credentials::{RequestProfile, single},
    grammar::Cut,
};
use crate::proof::ProofError;

/// The field of the proof.
pub(super) static PROOF: HeaderName = HeaderName::from_static("dpop");

/// The scheme `DPoP`, of a server that takes tokens under it.
#[derive(Clone, Debug)]
pub(crate) struct DpopScheme {
    grammar: Grammar,
    /// Whether tokens under another scheme are none.
    alone: bool,
}

impl DpopScheme {
    pub(crate) fn new(alone: bool) -> Self {
        Self { grammar: Grammar::scheme(DPOP), alone }
    }

    /// Cuts the tokens out of an `Authorization` field; `None` where it is for the server's own grammar.
    pub(super) fn cut<'a>(&self, value: &'a [u8], pairs: bool) -> Option<Cut<'a>> {
        match self.grammar.cut(value, pairs) {
            Cut::Nothing if !self.alone => None,
            cut => Some(cut),
        }
    }

    /// Whether a field is of this scheme, well formed or not.
    fn is_scheme_of(&self, authorization: &HeaderValue) -> bool {
        !matches!(self.grammar.cut(authorization.as_bytes(), true), Cut::Nothing)
    }
}

impl RequestProfile {
    /// Whether the credentials of a request are under the scheme `DPoP`.
    pub(crate) fn is_under_dpop(&self, headers: &HeaderMap) -> bool {
        let Some(dpop) = &self.dpop else { return false };
        headers.get(AUTHORIZATION).is_some_and(|value| dpop.is_scheme_of(value))
    }

    /// The proof of a request.
    ///
    /// # Errors
    /// There is none, or more than one (RFC 9449 section 4.3).
    pub(crate) fn proof<'a>(&self, headers: &'a HeaderMap) -> Result<&'a [u8], ProofError> {
        let field = single(headers, &PROOF).map_err(|()| ProofError::Several)?;
        field.map(HeaderValue::as_bytes).ok_or(ProofError::Missing)
    }

    /// Whether a request with credentials has a proof where its scheme has one: a bearer token comes without.
    pub(super) fn check_proofs(&self, headers: &HeaderMap) -> Result<(), RequestError> {
        let of_bearer = self.dpop.is_some() && headers.contains_key(&PROOF) && !self.is_under_dpop(headers);
        if of_bearer { Err(RequestError::ProofOfBearer) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::FoundIn;

    #[test]
    fn tokens_are_read_under_the_schemes_that_there_are() {
        use RequestError::{MalformedAuthorization, ProofOfBearer, SeveralAuthorizations};
        let of_scheme = |alone| {
            let mut profile =
                RequestProfile { dpop: Some(DpopScheme::new(alone)), ..RequestProfile::default() };
            profile.settle();
            profile
        };
        let (both, alone) = (of_scheme(false), of_scheme(true));
        let none = RequestProfile::default();
        let (bearer, dpop) = (("authorization", "Bearer a.b.c"), ("authorization", "DPoP a.b.c"));
        let proof = ("dpop", "d.e.f");
        let token = Ok(Some("a.b.c"));
        for (name, profile, fields, expected) in [
            ("bearer", &both, &[bearer][..], token),
            ("bound", &both, &[dpop, proof], token),
            ("bound, in lower case", &both, &[("authorization", "dpop a.b.c"), proof], token),
            ("bound, in upper case", &both, &[("authorization", "DPOP a.b.c"), proof], token),
            ("bound, several spaces", &both, &[("authorization", "DPoP  a.b.c"), proof], token),
            ("bound without a proof", &both, &[dpop], token),
            ("bearer with a proof", &both, &[bearer, proof], Err(ProofOfBearer)),
            ("bearer with two proofs", &both, &[bearer, proof, proof], Err(ProofOfBearer)),
            ("two proofs, which the proof is judged by", &both, &[dpop, proof, proof], token),
            ("a proof alone", &both, &[proof], Ok(None)),
            ("both schemes", &both, &[bearer, dpop, proof], Err(SeveralAuthorizations)),
            ("both schemes in a field", &both, &[("authorization", "DPoP a, Bearer b"), proof], {
                Err(MalformedAuthorization)
            }),
            ("two tokens", &both, &[("authorization", "DPoP a b"), proof], Err(MalformedAuthorization)),
            ("scheme alone", &both, &[("authorization", "DPoP"), proof], Err(MalformedAuthorization)),
            ("a longer scheme", &both, &[("authorization", "DPoPX a.b.c"), proof], Ok(None)),
            ("another scheme", &both, &[("authorization", "Basic dTpw")], Ok(None)),
            ("bearer where it is no scheme", &alone, &[bearer], Ok(None)),
            ("bearer with a proof where it is no scheme", &alone, &[bearer, proof], Ok(None)),
            ("bound where nothing else is taken", &alone, &[dpop, proof], token),
            ("bound where none is taken", &none, &[dpop, proof], Ok(None)),
            ("bearer with a proof where none is taken", &none, &[bearer, proof], token),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            let read = |headers: &HeaderMap| {
                let tokens = profile.read(headers)?;
                tokens.map_or(Ok(()), |tokens| profile.check(tokens, FoundIn::Authorization))?;
                Ok(tokens.map(|tokens| String::from_utf8(tokens.access.to_vec()).unwrap()))
            };
            assert_eq!(read(&headers), expected.map(|token| token.map(str::to_owned)), "{name}");
            let before = headers.clone();
            profile.mark_sensitive(&mut headers);
            assert_eq!(headers, before, "{name}");
            let marked = headers.get("dpop").is_none_or(HeaderValue::is_sensitive);
            assert!(marked || profile.dpop.is_none(), "{name}: the proof is marked");
        }
    }
    #[test]
    fn a_request_has_one_proof() {
        for (fields, expected) in [
            (&[][..], Err(ProofError::Missing)),
            (&["a"], Ok("a")),
            (&[""], Ok("")),
            (&["a", "b"], Err(ProofError::Several)),
            (&["a", "a"], Err(ProofError::Several)),
            (&["", ""], Err(ProofError::Several)),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(fields.iter().map(|field| (PROOF.clone(), HeaderValue::from_static(field))));
            let proof = RequestProfile::default().proof(&headers).map(<[u8]>::to_vec);
            assert_eq!(proof, expected.map(|proof: &str| proof.as_bytes().to_vec()), "{fields:?}");
        }
    }
}
