//! PEM texts (RFC 7468).

use spki::der::pem;
use zeroize::Zeroizing;

/// The label of the one block in `text`, and its bytes: wiped when they are dropped, since a private
/// key may be among them, also where a public one was asked for.
pub(crate) fn decode(text: &str) -> Option<(&str, Zeroizing<Vec<u8>>)> {
    // Longer than what it decodes to. A buffer that grew would leave its beginnings behind.
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let (label, decoded) = pem::decode(text.as_bytes(), &mut bytes).ok()?;
    let length = decoded.len();
    bytes.truncate(length);
    Some((label, bytes))
}
