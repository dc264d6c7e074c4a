//! One static API key: the hash of a secret, and who has it.

use std::{fmt, sync::Arc};

use super::digest::Digest;
use crate::{keys::secret, policy::is_scope_token, time::UnixTime};

/// The shortest secret: 128 random bits in base64url (RFC 6749 section 10.10 wants a guess to succeed in at most one of
/// 2^128 cases).
pub(super) const MIN_SECRET: usize = 22;

/// The longest secret. A credential that is longer is not hashed: that bounds the work for one that is made up.
pub(super) const MAX_SECRET: usize = 512;

/// Random secrets of the shortest length have more different characters, in hexadecimal too.
const MIN_DIFFERENT: usize = 8;

/// The longest name: it stands in logs, and in the health document.
const MAX_NAME: usize = 64;

/// A static API key: who its holder is, what the holder may do, and the SHA-256 of the secret. The secret itself is not
/// kept.
///
/// A key is a bearer credential without an issuer, a time of issue or an audience, so a token is better in each
/// respect. It is for clients that cannot get tokens yet: mark it [`deprecated`](Self::deprecated) when they can, and
/// let it [end](Self::not_after).
///
/// ```
/// use tower_resource_server::{ApiKey, time::UnixTime};
///
/// // printf %s "$SECRET" | sha256sum
/// let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
/// let key = ApiKey::from_sha256("billing-2026", hash, "billing")
///     .client("billing")
///     .scopes("orders:read invoices:write")
///     .roles(["clerk"])
///     .not_after(UnixTime::from_secs(1_798_758_000));
/// assert_eq!(key.name(), "billing-2026");
/// ```
#[derive(Clone, PartialEq)]
#[must_use]
pub struct ApiKey {
    pub(super) name: Arc<str>,
    /// Or what is wrong with the secret, or with its hash.
    pub(super) digest: Result<Digest, &'static str>,
    pub(super) subject: Box<str>,
    pub(super) issuer: Option<Arc<str>>,
    pub(super) client: Option<Box<str>>,
    pub(super) scopes: Box<str>,
    pub(super) roles: Box<[Box<str>]>,
    pub(super) not_after: Option<UnixTime>,
    pub(super) deprecated: bool,
}

impl ApiKey {
    /// A key by the SHA-256 of its secret, in 64 hexadecimal digits: for configuration, which then holds nothing that
    /// opens anything. `name` tells keys apart, in logs and in
    /// [`Identity::credential`](crate::Identity::credential): two keys of one holder, while one replaces the other,
    /// have the same `subject` and two names.
    ///
    /// How good the secret is, a hash does not show: make it of 128 random bits or more (`openssl rand -hex 32`). One with
    /// two dots or more has the form of a JWT, and is never found.
    pub fn from_sha256(name: impl Into<Arc<str>>, sha256: &str, subject: impl Into<Box<str>>) -> Self {
        // Of what a variable of a shell holds that is not set.
        let of_nothing = |digest: &Digest| *digest == Digest::of(b"") || *digest == Digest::of(b"\n");
        let digest = match Digest::from_hex(sha256) {
            None => Err("its hash is not 64 hexadecimal digits; write the SHA-256 of the secret"),
            Some(digest) if of_nothing(&digest) => {
                Err("its hash is that of an empty secret; write the SHA-256 of the secret")
            }
            Some(digest) => Ok(digest),
        };
        Self::new(name.into(), digest, subject.into())
    }

    /// A key by its secret, which is hashed at once and not kept.
    ///
    /// `build()` refuses a secret that is too short for 128 random bits, repeats itself, is the text of a public key, has
    /// the form of a JWT, or has a character that no bearer token has (RFC 6750 section 2.1).
    pub fn from_secret(name: impl Into<Arc<str>>, secret: &str, subject: impl Into<Box<str>>) -> Self {
        let digest = problem_of(secret).map_or_else(|| Ok(Digest::of(secret.as_bytes())), Err);
        Self::new(name.into(), digest, subject.into())
    }

    fn new(name: Arc<str>, digest: Result<Digest, &'static str>, subject: Box<str>) -> Self {
        Self {
            name,
            digest,
            subject,
            issuer: None,
            client: None,
            scopes: Box::default(),
            roles: Box::default(),
            not_after: None,
            deprecated: false,
        }
    }

    /// The issuer by which [`Identity::principal`](crate::Identity::principal) knows the holder: the resource identifier
    /// of the server unless it is set. Records that are kept under a principal stay the holder's when tokens replace
    /// the key, if this is the issuer of those tokens, and the subject theirs.
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// The client that the holder is: what a [`client`](crate::policy::client) requirement looks at.
    pub fn client(mut self, client: impl Into<Box<str>>) -> Self {
        self.client = Some(client.into());
        self
    }

    /// The scopes of the holder, with spaces between; none unless it is set.
    pub fn scopes(mut self, list: impl Into<Box<str>>) -> Self {
        self.scopes = list.into();
        self
    }

    /// The roles of the holder; none unless it is set.
    pub fn roles<R: Into<Box<str>>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// The moment from which on the key is refused, without leeway. None unless it is set.
    pub fn not_after(mut self, moment: impl Into<Option<UnixTime>>) -> Self {
        self.not_after = moment.into();
        self
    }

    /// Whether its holder should have a token by now. Such a key is good as any other; that it is used is logged once,
    /// counted as a kind of its own ([`metrics`](mod@crate::metrics)) and told by
    /// [`ResourceServer::api_keys`](crate::ResourceServer::api_keys). `false` unless it is set.
    pub const fn deprecated(mut self, deprecated: bool) -> Self {
        self.deprecated = deprecated;
        self
    }

    /// What the key is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its name may be shown: not where the hash or the secret may stand in its place.
    pub(super) fn has_good_name(&self) -> bool {
        let name = &*self.name;
        let is_secret = self.digest.is_ok_and(|digest| digest == Digest::of(name.as_bytes()));
        let is_text = !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control);
        is_text && !is_secret && Digest::from_hex(name).is_none()
    }

    /// What cannot work: a code, and what to write instead.
    pub(super) fn problems(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let empty = |text: Option<&str>| text.is_some_and(str::is_empty);
        let scopes = self.scopes.split(' ').filter(|scope| !scope.is_empty());
        [
            self.digest.err().map(|problem| ("secret", problem)),
            (!self.has_good_name()).then_some((
                "name",
                "its name is empty, long, or a secret or a hash; write a short word that may stand in logs",
            )),
            self.subject.is_empty().then_some(("empty", "its subject is empty; name who has the key")),
            empty(self.issuer.as_deref()).then_some(("empty", "its issuer is empty; leave it out")),
            empty(self.client.as_deref()).then_some(("empty", "its client is empty; leave it out")),
            (!{ scopes }.all(is_scope_token)).then_some((
                "scopes",
                "one of its scopes is no scope token (RFC 6749 section 3.3); write them with spaces between",
            )),
            self.roles
                .iter()
                .any(|role| role.is_empty())
                .then_some(("empty", "a role is empty; leave it out")),
        ]
        .into_iter()
        .flatten()
    }
}

/// What is wrong with a secret.
fn problem_of(secret: &str) -> Option<&'static str> {
    let mut seen = [false; 256];
    for byte in secret.bytes() {
        seen.get_mut(usize::from(byte)).into_iter().for_each(|seen| *seen = true);
    }
    let different = seen.iter().filter(|seen| **seen).count();
    if secret.len() < MIN_SECRET || different < MIN_DIFFERENT {
        Some("its secret can be guessed; make it of 128 random bits or more")
    } else if secret.len() > MAX_SECRET {
        Some("its secret is longer than is looked at; use 512 bytes or less")
    } else if secret::check(secret.as_bytes()).is_err() {
        Some("its secret is known to others, or repeats itself; use random bytes")
    } else if super::is_jwt(secret.as_bytes()) {
        Some("its secret has the form of a JWT, which no API key has; use one without dots")
    } else if !crate::http::is_token68(secret.as_bytes()) {
        Some("its secret has a character that no bearer token has; use base64url or hexadecimal")
    } else {
        None
    }
}

/// Without the hash.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("name", if self.has_good_name() { &self.name } else { &"(not shown)" })
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("client", &self.client)
            .field("scopes", &self.scopes)
            .field("roles", &self.roles)
            .field("not_after", &self.not_after)
            .field("deprecated", &self.deprecated)
            .finish_non_exhaustive()
    }
}
