//! The token among the subprotocols that a WebSocket handshake offers (RFC 6455 section 4.1).

use std::borrow::Cow;

use base64_simd::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_PROTOCOL};

use super::{RequestError, token_location::Subprotocol};

/// The token; `None` where no subprotocol carries one.
///
/// # Errors
/// Several that do, one that is not what it should be, and no other beside it: the server answers with one of
/// those that were offered, and must not answer with the token.
pub(super) fn find<'a>(
    headers: &'a HeaderMap,
    form: &Subprotocol,
) -> Result<Option<Cow<'a, [u8]>>, RequestError> {
    let mut token = None;
    let mut others = false;
    let mut is_behind = false;
    for element in offered(headers) {
        let carried = match form {
            Subprotocol::Prefix(prefix) | Subprotocol::EncodedPrefix(prefix) => {
                element.strip_prefix(prefix.as_bytes())
            }
            Subprotocol::Behind(_) => is_behind.then_some(element),
        };
        is_behind = !is_behind && matches!(form, Subprotocol::Behind(name) if element == name.as_bytes());
        match carried {
            None => others = true,
            Some(carried) if token.replace(carried).is_some() => {
                return Err(RequestError::SeveralSubprotocols);
            }
            Some(_) => {}
        }
    }
    match (token, form) {
        (None, _) if is_behind => Err(RequestError::MalformedSubprotocol),
        (None, _) => Ok(None),
        (Some([]), _) => Err(RequestError::MalformedSubprotocol),
        (Some(_), _) if is_behind => Err(RequestError::SeveralSubprotocols),
        (Some(_), _) if !others => Err(RequestError::SubprotocolAlone),
        (Some(token), Subprotocol::EncodedPrefix(_)) => {
            let decoded = URL_SAFE_NO_PAD.decode_to_vec(token);
            let decoded = decoded.map_err(|_| RequestError::MalformedSubprotocol)?;
            Ok(Some(decoded.into()))
        }
        (Some(token), _) => Ok(Some(token.into())),
    }
}

/// The elements of the list, of all fields (RFC 9110 section 5.6.1).
fn offered(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let fields = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let elements = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    elements.map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// Takes the elements that carry a token out of what a handshake offers, so that no answer names one.
pub(super) fn remove(headers: &mut HeaderMap, form: &Subprotocol) {
    if !matches!(find(headers, form), Ok(Some(_))) {
        return;
    }
    let mut is_behind = false;
    let others = offered(headers).filter(|element| match form {
        Subprotocol::Prefix(prefix) | Subprotocol::EncodedPrefix(prefix) => {
            !element.starts_with(prefix.as_bytes())
        }
        Subprotocol::Behind(name) => {
            let is_token = is_behind;
            is_behind = *element == name.as_bytes();
            !is_token
        }
    });
    let joined = others.collect::<Vec<_>>().join(b", ".as_slice());
    if let Ok(left) = HeaderValue::from_maybe_shared(Bytes::from(joined)) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, left);
    }
}
