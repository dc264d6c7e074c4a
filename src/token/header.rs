//! The JOSE header (RFC 7515 section 4): what selects, and what is refused whatever it selects.

use std::{borrow::Cow, fmt};

use serde::de::{Error, MapAccess, Visitor};

use super::TokenLimits;
use crate::{
    error::{Malformed, TokenError},
    json::{Name, Names, Skip, Strict},
};

/// The header members that matter here. `jwk`, `jku`, `x5u`, `x5c`, `jpk` and all others are read
/// past: key material in a token says nothing about who signed it.
#[derive(Debug, Default)]
pub(crate) struct JoseHeader<'a> {
    pub(crate) alg: Cow<'a, str>,
    pub(crate) kid: Option<Cow<'a, str>>,
    pub(crate) typ: Option<Cow<'a, str>>,
    pub(crate) cty: Option<Cow<'a, str>>,
    unsupported: bool,
}

impl<'a> JoseHeader<'a> {
    /// Reads the header and refuses what no profile can allow: critical extensions (RFC 7515
    /// section 4.1.11), unencoded payloads (RFC 7797), encryption, compression and nested tokens.
    pub(crate) fn parse(json: &'a [u8], limits: &TokenLimits) -> Result<Self, TokenError> {
        let header = Self::read(json, limits)?;
        header.check_extensions()?;
        header.check_kid(limits)?;
        Ok(header)
    }

    /// The members, whatever they say.
    pub(crate) fn read(json: &'a [u8], limits: &TokenLimits) -> Result<Self, TokenError> {
        let strict = Strict::new(limits.nesting);
        let json = std::str::from_utf8(json).map_err(|_| Malformed::Header)?;
        Ok(strict.read(json, HeaderVisitor(&strict), Malformed::Header)?)
    }

    pub(crate) fn check_extensions(&self) -> Result<(), TokenError> {
        let nested = self.cty.as_deref().is_some_and(|cty| is_media_type(cty, "jwt"));
        if self.unsupported || nested { Err(TokenError::UnsupportedExtension) } else { Ok(()) }
    }

    pub(crate) fn check_kid(&self, limits: &TokenLimits) -> Result<(), TokenError> {
        let too_long = self.kid.as_ref().is_some_and(|kid| kid.len() > limits.kid_bytes);
        if too_long { Err(TokenError::TooLarge) } else { Ok(()) }
    }

    /// A copy that borrows nothing.
    pub(crate) fn to_owned(&self) -> JoseHeader<'static> {
        let owned = |text: &Option<Cow<'_, str>>| text.as_ref().map(|text| Cow::Owned((**text).to_owned()));
        JoseHeader {
            alg: Cow::Owned((*self.alg).to_owned()),
            kid: owned(&self.kid),
            typ: owned(&self.typ),
            cty: owned(&self.cty),
            unsupported: self.unsupported,
        }
    }
}

/// Compares a `typ` or `cty` as RFC 7515 section 4.1.9 has it: without case, and with
/// `application/` understood where there is no slash.
pub(crate) fn is_media_type(value: &str, expected: &str) -> bool {
    const PREFIX: &str = "application/";
    if value == expected {
        return true;
    }
    let short = |text: &str| -> Option<usize> {
        let head = text.get(..PREFIX.len())?;
        head.eq_ignore_ascii_case(PREFIX).then_some(PREFIX.len())
    };
    let value = value.get(short(value).unwrap_or(0)..).unwrap_or(value);
    value.eq_ignore_ascii_case(expected)
}

struct HeaderVisitor<'s>(&'s Strict);

impl<'de> Visitor<'de> for HeaderVisitor<'_> {
    type Value = JoseHeader<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut header = JoseHeader::default();
        let mut names = Names::default();
        let mut alg = None;
        while let Some(name) = self.0.next_name(&mut members)? {
            names.insert(name.clone(), self.0)?;
            match &*name {
                "alg" => alg = Some(members.next_value_seed(Name)?),
                "kid" => header.kid = Some(members.next_value_seed(Name)?),
                "typ" => header.typ = Some(members.next_value_seed(Name)?),
                "cty" => header.cty = Some(members.next_value_seed(Name)?),
                other => {
                    header.unsupported |= matches!(other, "crit" | "b64" | "enc" | "zip");
                    members.next_value_seed(Skip { strict: self.0, level: Strict::FIRST_INNER_LEVEL })?;
                }
            }
        }
        header.alg = alg.ok_or_else(|| A::Error::missing_field("alg"))?;
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<JoseHeader<'_>, TokenError> {
        JoseHeader::parse(json.as_bytes(), &TokenLimits::default())
    }

    #[test]
    fn promise_1_extensions_and_nested_content_are_refused() {
        for member in [
            r#""crit":["exp"],"exp":1"#,
            r#""crit":[]"#,
            r#""crit":null"#,
            r#""b64":false"#,
            r#""b64":false,"crit":["b64"]"#,
            r#""enc":"A128GCM""#,
            r#""zip":"DEF""#,
            r#""cty":"JWT""#,
            r#""cty":"jwt""#,
            r#""cty":"application/jwt""#,
        ] {
            let refused = parse(&format!(r#"{{"alg":"RS256",{member}}}"#)).unwrap_err();
            assert_eq!(refused, TokenError::UnsupportedExtension, "{member}");
        }
    }

    #[test]
    fn a_header_is_an_object_with_strings_where_strings_belong() {
        use Malformed::{DuplicateMember, Header, ReservedName, TooDeep};
        let deep = format!(r#"{{"alg":"RS256","x":{}{}}}"#, "[".repeat(32), "]".repeat(32));
        for (name, json, expected) in [
            ("no alg", "{}", Header),
            ("alg null", r#"{"alg":null}"#, Header),
            ("alg number", r#"{"alg":1}"#, Header),
            ("kid number", r#"{"alg":"RS256","kid":1}"#, Header),
            ("typ array", r#"{"alg":"RS256","typ":["JWT"]}"#, Header),
            ("array", r#"["RS256"]"#, Header),
            ("string", r#""RS256""#, Header),
            ("empty", "", Header),
            ("trailing text", r#"{"alg":"RS256"}x"#, Header),
            ("two values", r#"{"alg":"RS256"}{}"#, Header),
            ("alg twice", r#"{"alg":"RS256","alg":"RS256"}"#, DuplicateMember),
            ("alg twice, escaped", r#"{"alg":"RS256","\u0061lg":"none"}"#, DuplicateMember),
            ("unknown twice", r#"{"alg":"RS256","x":1,"x":1}"#, DuplicateMember),
            ("inner twice", r#"{"alg":"RS256","x":[{"y":1,"y":1}]}"#, DuplicateMember),
            ("raw value", r#"{"alg":"RS256","x":{"$serde_json::private::RawValue":"1"}}"#, ReservedName),
            ("raw value first", r#"{"$serde_json::private::RawValue":"{}","alg":"RS256"}"#, ReservedName),
            ("number, escaped", r#"{"alg":"RS256","\u0024serde_json::private::Number":"1"}"#, ReservedName),
            ("too deep", &deep, TooDeep),
        ] {
            assert_eq!(parse(json).unwrap_err(), expected.into(), "{name}");
        }
    }

    #[test]
    fn promise_3_key_material_in_the_header_is_read_past() {
        let json = r#"{"alg":"RS256","jwk":{"kty":"oct"},"jku":"http://x","x5u":1,"x5c":[null],"jpk":{"mod":"AA"},"ver":4}"#;
        let header = parse(json).unwrap();
        assert_eq!((&*header.alg, header.kid), ("RS256", None));
    }

    #[test]
    fn key_ids_are_capped() {
        let of = |length: usize| format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(length));
        assert!(parse(&of(256)).is_ok());
        assert_eq!(parse(&of(257)).unwrap_err(), TokenError::TooLarge);
    }

    #[test]
    fn media_types_compare_without_case_and_prefix() {
        for yes in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(is_media_type(yes, "at+jwt"), "{yes}");
        }
        for no in ["", "jwt", "at+jwt ", "text/at+jwt", "application/application/at+jwt", "ät+jwt"] {
            assert!(!is_media_type(no, "at+jwt"), "{no}");
        }
    }
}
