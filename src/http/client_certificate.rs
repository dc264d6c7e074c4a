//! Which certificate a client has shown: what the connection says, or the proxy that ended it, in a header.
//!
//! A header counts from a trusted proxy alone, once, and in its one form. What is no certificate there is
//! refused, and never taken for none.

use base64_simd::STANDARD;
use http::{Extensions, HeaderMap};

use super::xfcc;
use crate::{
    keys::PemBlock,
    proof::{CertificateFault, ClientCertificate},
};

/// The longest field with a certificate, in bytes: a chain of ten large ones in PEM.
const MAX_CERTIFICATE_FIELD: usize = 32 * 1024;

/// Where the certificate of a connection is that clients make to this program: a closure over the extensions of
/// a request, for [`Mtls::peer_certificate`](crate::Mtls::peer_certificate).
///
/// Of the crate `axum-server` (0.9.1 or newer), which leaves an `Arc<TlsInfo>` in each request:
///
/// ```
/// # struct TlsInfo { peer_certificates: Vec<Vec<u8>> }
/// use std::sync::Arc;
/// use http::Extensions;
/// use tower_resource_server::{ClientCertificate, Mtls};
///
/// let mtls = Mtls::required().peer_certificate(|extensions: &Extensions| {
///     let tls: &Arc<TlsInfo> = extensions.get()?;
///     tls.peer_certificates.first().map(ClientCertificate::from_der)
/// });
/// # let _ = mtls;
/// ```
pub trait PeerCertificate: Send + Sync + 'static {
    /// The certificate that the client of the connection has shown.
    fn peer_certificate(&self, extensions: &Extensions) -> Option<ClientCertificate>;
}

impl<F> PeerCertificate for F
where
    F: Fn(&Extensions) -> Option<ClientCertificate> + Send + Sync + 'static,
{
    fn peer_certificate(&self, extensions: &Extensions) -> Option<ClientCertificate> {
        self(extensions)
    }
}

/// A header in which a proxy that ends TLS tells the certificate of the client, for
/// [`Mtls::header`](crate::Mtls::header).
///
/// | | name | form |
/// |---|---|---|
/// | [`rfc9440`](Self::rfc9440) | `Client-Cert` | `:` and `:` around base64 |
/// | [`nginx`](Self::nginx) | `ssl-client-cert` | PEM, URL-encoded |
/// | [`envoy`](Self::envoy) | `x-forwarded-client-cert` | one element, `Hash=` or `Cert=` in it |
/// | [`aws_alb`](Self::aws_alb) | `x-amzn-mtls-clientcert` | PEM of the chain, URL-encoded |
/// | [`aws_alb_leaf`](Self::aws_alb_leaf) | `x-amzn-mtls-clientcert-leaf` | PEM, URL-encoded |
///
/// ```
/// use tower_resource_server::http::CertificateHeader;
///
/// assert_eq!(CertificateHeader::named("Client-Cert"), Some(CertificateHeader::rfc9440()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateHeader {
    name: &'static str,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    ByteSequence,
    Pem,
    PemChain,
    Xfcc,
}

impl CertificateHeader {
    /// Every header that is known.
    pub const ALL: [Self; 5] =
        [Self::rfc9440(), Self::nginx(), Self::envoy(), Self::aws_alb(), Self::aws_alb_leaf()];

    /// `Client-Cert` ([RFC 9440] section 2.2): a byte sequence of structured fields.
    ///
    /// [RFC 9440]: https://www.rfc-editor.org/rfc/rfc9440
    #[must_use]
    pub const fn rfc9440() -> Self {
        Self { name: "client-cert", form: Form::ByteSequence }
    }

    /// What nginx sends by `proxy_set_header ssl-client-cert $ssl_client_escaped_cert;`, and its ingress
    /// controller of Kubernetes by itself.
    #[must_use]
    pub const fn nginx() -> Self {
        Self { name: "ssl-client-cert", form: Form::Pem }
    }

    /// Envoy's `x-forwarded-client-cert`, with `forward_client_cert_details: SANITIZE_SET`.
    ///
    /// A header with several elements is refused. Only the last one can be of the proxy that is trusted, and
    /// that it is cannot be seen: Envoy writes names of the certificate without quotes, so that one with a
    /// comma in it would end the element, and let the client write the next.
    #[must_use]
    pub const fn envoy() -> Self {
        Self { name: "x-forwarded-client-cert", form: Form::Xfcc }
    }

    /// What an AWS Application Load Balancer sends where it passes mutual TLS through: the chain, of which the
    /// first certificate is the client's.
    #[must_use]
    pub const fn aws_alb() -> Self {
        Self { name: "x-amzn-mtls-clientcert", form: Form::PemChain }
    }

    /// What an AWS Application Load Balancer sends where it verifies the certificate.
    #[must_use]
    pub const fn aws_alb_leaf() -> Self {
        Self { name: "x-amzn-mtls-clientcert-leaf", form: Form::Pem }
    }

    /// The header of this name, in upper or lower case, if it is one of these.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|header| header.name.eq_ignore_ascii_case(name))
    }

    /// Its name, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The certificate that is told; `None` where the header is not there.
    pub(crate) fn read(self, headers: &HeaderMap) -> Result<Option<ClientCertificate>, CertificateFault> {
        let mut values = headers.get_all(self.name).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Ok(None),
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Err(CertificateFault::Several),
        };
        let text = value.to_str().ok().filter(|text| text.len() <= MAX_CERTIFICATE_FIELD);
        let text = text.ok_or(CertificateFault::Malformed)?;
        let certificate = match self.form {
            Form::ByteSequence => byte_sequence(text),
            Form::Pem => escaped_pem(text).filter(|told| told.blocks == 1).map(|told| told.first),
            Form::PemChain => escaped_pem(text).map(|told| told.first),
            Form::Xfcc => return xfcc::certificate(text).map(Some),
        };
        certificate.map(Some).ok_or(CertificateFault::Malformed)
    }
}

/// The names of all fields that tell of a client's certificate. On a server that looks at one, no inner service
/// gets any of them: what was not judged is what a client may have written.
pub(super) fn fields() -> impl Iterator<Item = &'static str> {
    CertificateHeader::ALL.into_iter().map(CertificateHeader::name).chain(["client-cert-chain"])
}

/// RFC 8941 section 3.3.5, without parameters, as RFC 9440 section 2.2 has it.
fn byte_sequence(text: &str) -> Option<ClientCertificate> {
    let base64 = text.trim_matches(' ').strip_prefix(':')?.strip_suffix(':')?;
    of_der(&STANDARD.decode_to_vec(base64).ok()?)
}

/// What PEM in a header tells.
pub(super) struct Told {
    pub(super) first: ClientCertificate,
    pub(super) blocks: usize,
}

/// Certificates in PEM, URL-encoded: nothing else is before, between or behind them but white space.
pub(super) fn escaped_pem(text: &str) -> Option<Told> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let text = unescaped(text)?;
    let pem = text.trim_ascii();
    let mut blocks = 0;
    for block in pem.strip_prefix(BEGIN)?.strip_suffix(END)?.split(BEGIN) {
        let inside = block.trim_ascii_end().strip_suffix(END).unwrap_or(block);
        if inside.contains('-') {
            return None;
        }
        blocks += 1;
    }
    let first = PemBlock::first_of(pem).ok()?.decode().ok()?;
    Some(Told { first: of_der(&first)?, blocks })
}

/// A text whose escapes are of RFC 3986 section 2.1; `None` where a character had to be escaped and is not.
/// A `+` is a `+`: no proxy writes a space so.
fn unescaped(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = Vec::with_capacity(text.len());
    bytes.extend(pieces.next()?.bytes());
    let mut is_plain = bytes.iter().all(|byte| is_unescaped(*byte));
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        is_plain &= rest.bytes().all(is_unescaped);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).ok().filter(|_| is_plain)
}

fn is_unescaped(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// The certificate with this encoding: one SEQUENCE and nothing behind it, as every certificate is. What was cut
/// off or put together is not.
fn of_der(der: &[u8]) -> Option<ClientCertificate> {
    let (0x30, rest) = der.split_first().map(|(tag, rest)| (*tag, rest))? else { return None };
    let (first, rest) = rest.split_first()?;
    let (length, content) = match *first {
        0..=0x7f => (usize::from(*first), rest),
        // X.690 section 10.1: the definite form. Four bytes tell more than any field holds.
        0x81..=0x84 => {
            let (digits, content) = rest.split_at_checked(usize::from(*first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), content)
        }
        _ => return None,
    };
    (length > 0 && length == content.len()).then(|| ClientCertificate::from_der(der))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_one_sequence_and_nothing_else() {
        let long = |head: &[u8], length: usize| [head, &vec![7; length]].concat();
        for (name, der, expected) in [
            ("short", long(&[0x30, 2], 2), true),
            ("of 200 bytes", long(&[0x30, 0x81, 200], 200), true),
            ("of 700 bytes", long(&[0x30, 0x82, 2, 188], 700), true),
            ("nothing", Vec::new(), false),
            ("the tag alone", vec![0x30], false),
            ("empty", vec![0x30, 0], false),
            ("of another tag", long(&[0x31, 2], 2), false),
            ("cut off", long(&[0x30, 0x82, 2, 188], 699), false),
            ("a byte behind", long(&[0x30, 0x82, 2, 188], 701), false),
            ("its length cut off", vec![0x30, 0x82, 2], false),
            ("of indefinite length", long(&[0x30, 0x80], 2), false),
            ("a length of five bytes", long(&[0x30, 0x85, 0, 0, 0, 0, 2], 2), false),
        ] {
            assert_eq!(of_der(&der).is_some(), expected, "{name}");
        }
    }

    #[test]
    fn escapes_are_those_of_urls() {
        for (text, expected) in [
            ("a-b", Some("a-b")),
            ("a%20b%0A", Some("a b\n")),
            ("%2B+%2f/%3D=", Some("++//==")),
            ("%2520", Some("%20")),
            ("", Some("")),
            ("a b", None),
            ("a%", None),
            ("a%2", None),
            ("a%zz", None),
            ("a%+1", None),
            ("%ff", None),
            ("a\tb", None),
            ("a\"b", None),
        ] {
            assert_eq!(unescaped(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn each_header_is_known_by_its_name_alone() {
        for header in CertificateHeader::ALL {
            assert_eq!(CertificateHeader::named(&header.name().to_ascii_uppercase()), Some(header));
            assert!(fields().any(|field| field == header.name()), "{header:?}");
        }
        for name in
            ["", "client-certificate", "client-cert-chain", "authorization", "x-amzn-mtls-clientcert-"]
        {
            assert_eq!(CertificateHeader::named(name), None, "{name}");
        }
    }
}
