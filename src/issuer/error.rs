//! Why a key cannot be had, and why the issuer cannot do what it was asked.

use std::time::Duration;

use crate::keys::PemError;

/// Why a [`SigningKey`](super::SigningKey) could not be generated or loaded.
///
/// No variant carries key material, nor the cryptographic library's own words about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// The text holds no PEM block that is well-formed ([RFC 7468]).
    ///
    /// [RFC 7468]: https://www.rfc-editor.org/rfc/rfc7468
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The PEM block holds something else than an unencrypted private key.
    #[error(
        "the PEM block is none of PRIVATE KEY, RSA PRIVATE KEY and EC PRIVATE KEY; \
         encrypted keys have to be decrypted first"
    )]
    PemLabel,
    /// The bytes are no private key of the type that the algorithm signs with: another type or
    /// curve, an RSA modulus outside 2048..8192 bits, or no key at all.
    #[error("not a private key that can sign {algorithm}")]
    Rejected {
        /// The algorithm that was asked for.
        algorithm: super::Algorithm,
    },
    /// The algorithm and the key (or the way it was to be made) are of different families.
    #[error("{algorithm} does not go with this type of key")]
    WrongFamily {
        /// The algorithm that was asked for.
        algorithm: super::Algorithm,
    },
    /// The secret is shorter than the algorithm's hash ([RFC 7518 section 3.2]).
    ///
    /// [RFC 7518 section 3.2]: https://www.rfc-editor.org/rfc/rfc7518#section-3.2
    #[error("HMAC secret of {length} bytes; the algorithm needs at least {minimum}")]
    SecretTooShort {
        /// The length that was refused, in bytes.
        length: usize,
        /// The least length for the algorithm, in bytes.
        minimum: usize,
    },
    /// The random generator or the key generator failed.
    #[error("the cryptographic library could not generate a key")]
    Generation,
}

/// Why a [`TokenIssuer`](super::TokenIssuer) cannot be built, rotate its keys or mint a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The issuer identifier is no absolute `http` or `https` URL without query and fragment
    /// ([RFC 8414 section 2](https://www.rfc-editor.org/rfc/rfc8414#section-2)).
    #[error("the issuer has to be an absolute http or https URL without user, query and fragment")]
    IssuerUrl,
    /// A path of a document is not absolute, or two documents share one path.
    #[error("the path of the JWKS has to start with `/`, hold no `?` or `#`, and be its own")]
    Path,
    /// No key was given to the builder: call `signing_key`.
    #[error("no signing key: call `signing_key` on the builder")]
    NoSigningKey,
    /// A key of the same `kid` and algorithm, or another key of the same `kid`, is published.
    #[error("another key with this `kid` is published already")]
    DuplicateKid,
    /// A `kid` is longer than 256 bytes, beyond what this crate's verifying side takes.
    #[error("a `kid` has at most 256 bytes")]
    LongKid,
    /// No key answers to that `kid` or algorithm.
    #[error("no key of this issuer answers to that `kid` or algorithm")]
    UnknownKey,
    /// The key signs at present: `sign_with` another one before it is retired.
    #[error("this key signs at present: sign with another one before retiring it")]
    StillSigning,
    /// A claim that the token profile requires was neither given nor left out on purpose.
    #[error("no `{claim}`: give it, or leave it out on purpose with `without(\"{claim}\")`")]
    MissingClaim {
        /// The name of the claim.
        claim: &'static str,
    },
    /// The token would live shorter or longer than tokens of its kind may.
    #[error(
        "a lifetime of {} s: it has to be at least {} s and at most {} s",
        .lifetime.as_secs(), .min.as_secs(), .max.as_secs()
    )]
    LifetimeOutOfBounds {
        /// The lifetime that was asked for.
        lifetime: Duration,
        /// The shortest lifetime.
        min: Duration,
        /// The longest lifetime.
        max: Duration,
    },
    /// The subject is the empty string.
    #[error("the subject is empty: name it")]
    EmptySubject,
    /// The cryptographic library failed to sign or to produce randomness.
    #[error("the cryptographic library could not sign")]
    Signing,
}
