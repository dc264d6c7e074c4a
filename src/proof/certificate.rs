//! The certificate of a client in mutual TLS, and the token that is bound to it (RFC 8705 section 3).

use std::fmt;

use crate::{error::TokenError, keys::Sha256Text};

/// The certificate that a client proved to hold in mutual TLS, by its thumbprint.
///
/// As an extension of a request it says whose connection the request came by, to servers that take tokens which
/// are bound to a certificate ([`Mtls`](crate::Mtls)). It is made once for each connection, and copied for each
/// request:
///
/// ```
/// use tower_resource_server::ClientCertificate;
///
/// /// What a TLS library has of the peer: the certificate of the client first.
/// fn accept<B>(request: &mut http::Request<B>, peer_certificates: &[Vec<u8>]) {
///     if let Some(der) = peer_certificates.first() {
///         request.extensions_mut().insert(ClientCertificate::from_der(der));
///     }
/// }
/// # let mut request = http::Request::new(());
/// # accept(&mut request, &[b"a".to_vec()]);
/// # let certificate: &ClientCertificate = request.extensions().get().unwrap();
/// # assert_eq!(certificate.thumbprint(), "ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs");
/// ```
///
/// Insert what the handshake says, and nothing that was read from a header: for those there is
/// [`CertificateHeader`](crate::http::CertificateHeader).
///
/// It does not say who signed the certificate, nor whether it has expired: that is for TLS to check, where the
/// authorization server binds tokens to certificates of an authority (RFC 8705 section 2.1). The binding alone
/// needs no more than the client's proof that it holds the key, which is a part of the handshake.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientCertificate(Sha256Text);

impl ClientCertificate {
    /// The certificate with this encoding, which is not looked at.
    #[must_use]
    pub fn from_der(der: impl AsRef<[u8]>) -> Self {
        Self(Sha256Text::of(der.as_ref()))
    }

    /// The certificate whose DER encoding has this digest.
    #[must_use]
    pub fn from_sha256(digest: [u8; 32]) -> Self {
        Self(Sha256Text::from_digest(digest))
    }

    /// The SHA-256 of its DER encoding in base64url, as a token has it in `x5t#S256` (RFC 8705 section 3.1).
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientCertificate").field(&self.thumbprint()).finish()
    }
}

/// Why it cannot be said which certificate a client has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateFault {
    /// It is told more than once.
    Several,
    /// What is told is no certificate.
    Malformed,
}

/// Whether a token came with the certificate that it is bound to, if it is bound to one.
///
/// # Errors
/// It came with none, or with another; or it is not bound, and must be.
pub(crate) fn verify_certificate(
    bound_to: Option<&str>,
    shown: Option<&ClientCertificate>,
    must_be_bound: bool,
) -> Result<(), TokenError> {
    match (bound_to, shown) {
        (None, _) if must_be_bound => Err(TokenError::NotSenderConstrained),
        (None, _) => Ok(()),
        (Some(_), None) => Err(TokenError::CertificateMissing),
        (Some(thumbprint), Some(shown)) if shown.thumbprint() == thumbprint => Ok(()),
        (Some(_), Some(_)) => Err(TokenError::WrongCertificate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_8_a_bound_token_needs_its_certificate_and_no_other() {
        let [own, other] = ["own", "other"].map(ClientCertificate::from_der);
        let thumbprint = own.thumbprint();
        let padded = format!("{thumbprint}=");
        use TokenError::{CertificateMissing, NotSenderConstrained, WrongCertificate};
        for (name, bound_to, shown, must_be_bound, expected) in [
            ("its own", Some(thumbprint), Some(&own), false, Ok(())),
            ("its own where it must be bound", Some(thumbprint), Some(&own), true, Ok(())),
            ("another", Some(thumbprint), Some(&other), false, Err(WrongCertificate)),
            ("none", Some(thumbprint), None, false, Err(CertificateMissing)),
            ("none where it must be bound", Some(thumbprint), None, true, Err(CertificateMissing)),
            ("bound to an empty text", Some(""), Some(&own), false, Err(WrongCertificate)),
            ("bound to a beginning", thumbprint.get(..42), Some(&own), false, Err(WrongCertificate)),
            ("bound with padding", Some(&*padded), Some(&own), false, Err(WrongCertificate)),
            ("not bound", None, None, false, Ok(())),
            ("not bound, with a certificate", None, Some(&own), false, Ok(())),
            ("not bound, and must be", None, Some(&own), true, Err(NotSenderConstrained)),
            ("not bound, without a certificate, and must be", None, None, true, Err(NotSenderConstrained)),
        ] {
            assert_eq!(verify_certificate(bound_to, shown, must_be_bound), expected, "{name}");
        }
    }

    #[test]
    fn a_thumbprint_is_the_digest_in_base64url() {
        // FIPS 180-2, appendix B.1, written with RFC 4648 section 5.
        let abc = ClientCertificate::from_der("abc");
        assert_eq!(abc.thumbprint(), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        assert_eq!(format!("{abc:?}"), r#"ClientCertificate("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0")"#);
    }
}
