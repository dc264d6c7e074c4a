//! Envoy's `x-forwarded-client-cert`: elements with a comma between them, each of pairs with a semicolon between
//! them, each with a value that may be in quotes.

use super::{client_certificate::escaped_pem, is_token};
use crate::proof::{CertificateFault, ClientCertificate};

use CertificateFault::{Malformed, Several};

/// The certificate that the one element of a field tells, by its digest (`Hash`), by itself (`Cert`), or by both.
///
/// Other pairs say what is in the certificate, and are not looked at. A client may have chosen their values: one
/// that would end the pair and begin another is two digests, or two elements, and neither is taken.
pub(super) fn certificate(text: &str) -> Result<ClientCertificate, CertificateFault> {
    let (mut hash, mut whole) = (None, None);
    let mut rest = text;
    loop {
        let (name, behind) = rest.split_once('=').ok_or(Malformed)?;
        if !is_token(name) {
            return Err(Malformed);
        }
        let (value, behind) = value(behind)?;
        let place = match () {
            () if name.eq_ignore_ascii_case("hash") => Some(&mut hash),
            () if name.eq_ignore_ascii_case("cert") => Some(&mut whole),
            () => None,
        };
        if let Some(place) = place
            && place.replace(value).is_some()
        {
            return Err(Several);
        }
        match behind.split_at_checked(1) {
            None => break,
            Some((";", behind)) => rest = behind,
            Some((",", _)) => return Err(Several),
            Some(_) => return Err(Malformed),
        }
    }
    let by_hash = hash.map(|hash| digest(&hash).ok_or(Malformed)).transpose()?;
    let by_itself = whole.map(|pem| one_of_pem(&pem).ok_or(Malformed)).transpose()?;
    match (by_hash, by_itself) {
        (Some(one), Some(other)) if one != other => Err(Malformed),
        (one, other) => one.or(other).ok_or(Malformed),
    }
}

/// A value without its quotes, and what is behind it.
fn value(text: &str) -> Result<(String, &str), CertificateFault> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, behind) = text.split_at(text.find([';', ',']).unwrap_or(text.len()));
        return if value.contains('"') { Err(Malformed) } else { Ok((value.to_owned(), behind)) };
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next().ok_or(Malformed)? {
            '"' => return Ok((value, chars.as_str())),
            '\\' => value.push(chars.next().ok_or(Malformed)?),
            other => value.push(other),
        }
    }
}

/// 32 bytes in hexadecimal.
fn digest(hex: &str) -> Option<ClientCertificate> {
    let mut digest = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (n, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(ClientCertificate::from_sha256(digest))
}

fn one_of_pem(pem: &str) -> Option<ClientCertificate> {
    escaped_pem(pem).filter(|told| told.blocks == 1).map(|told| told.first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_element_tells_one_certificate() {
        let own = ClientCertificate::from_sha256([0xab; 32]);
        let hash = "Ab".repeat(32);
        let element = format!("By=spiffe://a;Hash={hash};URI=spiffe://b");
        for (name, text, expected) in [
            ("a digest", format!("Hash={hash}"), Ok(own)),
            ("in the middle", element.clone(), Ok(own)),
            ("in quotes", format!("Hash=\"{hash}\""), Ok(own)),
            ("its name in lower case", format!("hash={hash}"), Ok(own)),
            ("a subject in quotes", format!("Hash={hash};Subject=\"CN=a,O=\\\"b;c\\\"\""), Ok(own)),
            ("an empty subject", format!("Subject=\"\";Hash={hash}"), Ok(own)),
            ("an empty name", format!("URI=;Hash={hash}"), Ok(own)),
            ("two names", format!("DNS=a;DNS=b;Hash={hash}"), Ok(own)),
            ("an equals sign in a name", format!("URI=https://a/?b=c;Hash={hash}"), Ok(own)),
            ("two elements", format!("{element},{element}"), Err(Several)),
            ("an element behind", format!("{element},Hash={}", "cd".repeat(32)), Err(Several)),
            ("an element before", format!("By=a,{element}"), Err(Several)),
            ("a comma behind", format!("{element},"), Err(Several)),
            ("two digests", format!("Hash={hash};{element}"), Err(Several)),
            ("two digests, one in lower case", format!("Hash={hash};hash={hash}"), Err(Several)),
            ("a name that ends the element", format!("Hash={hash};URI=a,Hash={hash}"), Err(Several)),
            ("a name that begins a pair", format!("Hash={hash};URI=a;Hash={hash}"), Err(Several)),
            ("empty", String::new(), Err(Malformed)),
            ("no digest", "By=spiffe://a;URI=spiffe://b".into(), Err(Malformed)),
            ("an empty digest", "Hash=".into(), Err(Malformed)),
            ("a short digest", format!("Hash={}", &hash[..62]), Err(Malformed)),
            ("a long digest", format!("Hash={hash}ab"), Err(Malformed)),
            ("no hexadecimal", format!("Hash={}", "xy".repeat(32)), Err(Malformed)),
            ("signs in the digest", format!("Hash={}", "+1".repeat(32)), Err(Malformed)),
            ("a digest alone", hash.clone(), Err(Malformed)),
            ("a semicolon behind", format!("Hash={hash};"), Err(Malformed)),
            ("a semicolon before", format!(";Hash={hash}"), Err(Malformed)),
            ("a comma before", format!(",Hash={hash}"), Err(Malformed)),
            ("a space before its name", format!("By=a; Hash={hash}"), Err(Malformed)),
            ("a quote that is not closed", format!("Hash={hash};Subject=\"CN=a"), Err(Malformed)),
            ("an escape that is not ended", format!("Hash={hash};Subject=\"CN=a\\"), Err(Malformed)),
            ("a quote inside", format!("Hash={hash};URI=a\"b"), Err(Malformed)),
            ("a text behind quotes", format!("Hash={hash};Subject=\"CN=a\"b"), Err(Malformed)),
            ("a certificate that is none", format!("Hash={hash};Cert=\"a\""), Err(Malformed)),
        ] {
            assert_eq!(certificate(&text), expected, "{name}");
        }
    }
}
