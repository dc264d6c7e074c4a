//! Why there is no response, and why a URL is not asked.
//!
//! None of these carries text of a response: each can be logged and shown as it is.

/// Why a request got no complete response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The host's name could not be resolved.
    #[error("the host name could not be resolved")]
    Resolve,
    /// No connection: refused, reset, unreachable.
    #[error("the connection failed")]
    Connect,
    /// No connection, because of TLS: an untrusted, expired or foreign certificate, or no common version.
    #[error("the TLS handshake failed")]
    Tls,
    /// The address, as written or as resolved, is one that no key server has: link-local, metadata
    /// service, multicast, reserved, unspecified; or plain http reached something other than loopback.
    #[error("the address is not one that keys may be fetched from")]
    AddressRefused,
    /// Not done within the deadline.
    #[error("no complete answer within the deadline")]
    Timeout,
    /// The body of the response is larger than accepted.
    #[error("the document is larger than {limit} bytes")]
    TooLarge {
        /// How much is accepted, in bytes.
        limit: usize,
    },
    /// The connection broke while the response came in, or the response is not HTTP.
    #[error("the answer broke off or is not HTTP")]
    Broken,
    /// The bearer token that goes with the request cannot be had from its file; nothing was sent.
    #[error("the bearer token for this host: {0}")]
    BearerToken(BearerTokenError),
    /// For clients of your own: any other reason, as a fixed phrase.
    #[error("{0}")]
    Other(&'static str),
}

/// Why there is no token in a [file](super::ReqwestClientBuilder::bearer_token_file), at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BearerTokenError {
    /// It is not there, may not be read, or reading failed.
    #[error("its file cannot be read: {0}")]
    Unreadable(std::io::ErrorKind),
    /// A directory, a pipe or a device.
    #[error("its file is not a regular file")]
    NotAFile,
    /// The file is larger than a token.
    #[error("its file is larger than {limit} bytes")]
    TooLarge {
        /// How much is accepted, in bytes.
        limit: u64,
    },
    /// The file does not hold one token of the form that RFC 6750 section 2.1 gives it.
    #[error("its file does not hold one bearer token and nothing else")]
    Malformed,
}

/// Why a URL is not one that keys are fetched from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Not an absolute URL with a host.
    #[error("not an absolute URL with a host")]
    Malformed,
    /// Not https; plain http is for loopback and for hosts that are named, and only where that was
    /// allowed.
    #[error("not https (plain http is for loopback, and only when opted into)")]
    Insecure,
    /// The URL carries a user name or password.
    #[error("the URL contains a user name or password")]
    Credentials,
    /// An issuer identifier has neither query nor fragment (RFC 8414 section 2).
    #[error("an issuer identifier has neither query nor fragment")]
    QueryOrFragment,
    /// A literal address of the link-local, metadata-service, multicast, reserved or unspecified kind.
    #[error("the address is not one that keys may be fetched from")]
    AddressRefused,
}
