//! From names to a table of forwarded fields.

use std::sync::Arc;

use http::{
    HeaderName,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, FORWARDED, HOST,
        PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
    },
};

use super::{Fact, ForwardedIdentity, Row, Table, is_same_field};
use crate::{
    error::{ConfigError, ConfigProblem},
    token::ClaimPath,
};

/// Fields that mean something to HTTP itself, or are credentials.
const RESERVED: [HeaderName; 15] = [
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    COOKIE,
    EXPECT,
    FORWARDED,
    HOST,
    PROXY_AUTHORIZATION,
    SET_COOKIE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    WWW_AUTHENTICATE,
];

/// Collects the rows of a [`ForwardedIdentity`].
///
/// ```
/// use tower_resource_server::middleware::ForwardedIdentity;
///
/// let error = ForwardedIdentity::builder()
///     .subject("x-auth-user")
///     .claim("email", "x_auth_user")
///     .build()
///     .unwrap_err();
/// assert_eq!(error.problems()[0].path(), "rows[1].name");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct ForwardedIdentityBuilder {
    rows: Vec<(String, Fact)>,
    keep_authorization: bool,
}

impl ForwardedIdentityBuilder {
    /// [`Identity::subject`](crate::Identity::subject), which is unique within its issuer alone: with several
    /// issuers, forward the [issuer](Self::issuer) too.
    pub fn subject(self, name: impl Into<String>) -> Self {
        self.row(name, Fact::Subject)
    }

    /// [`Identity::issuer`](crate::Identity::issuer).
    pub fn issuer(self, name: impl Into<String>) -> Self {
        self.row(name, Fact::Issuer)
    }

    /// [`Identity::client_id`](crate::Identity::client_id).
    pub fn client(self, name: impl Into<String>) -> Self {
        self.row(name, Fact::Client)
    }

    /// [`Identity::scopes`](crate::Identity::scopes), with one space in between.
    pub fn scopes(self, name: impl Into<String>) -> Self {
        self.row(name, Fact::Scopes)
    }

    /// One claim of the token that speaks for the identity, as [`Identity::claim`](crate::Identity::claim)
    /// finds it: of a pair the access token.
    pub fn claim(self, path: impl Into<ClaimPath>, name: impl Into<String>) -> Self {
        self.row(name, Fact::Claim(path.into()))
    }

    /// One claim of the ID token; no field where the request came without one.
    pub fn id_claim(self, path: impl Into<ClaimPath>, name: impl Into<String>) -> Self {
        self.row(name, Fact::IdClaim(path.into()))
    }

    /// Whether the credentials go on to the inner service; off unless asked for. What has the token can use it
    /// wherever it is good.
    ///
    /// A second layer behind this one needs them. A guard does not: it takes the identity that this layer has
    /// put there.
    pub fn keep_authorization(mut self, keep: bool) -> Self {
        self.keep_authorization = keep;
        self
    }

    fn row(mut self, name: impl Into<String>, fact: Fact) -> Self {
        self.rows.push((name.into(), fact));
        self
    }

    /// Makes the table.
    ///
    /// # Errors
    /// [`ConfigError`] with every name that cannot be one, is reserved, or is that of another row when `_` and
    /// `-` are the same, and every claim path that leads nowhere.
    pub fn build(self) -> Result<ForwardedIdentity, ConfigError> {
        let (mut problems, mut rows) = (Vec::new(), Vec::<Row>::new());
        for (n, (text, fact)) in self.rows.into_iter().enumerate() {
            if let Fact::Claim(path) | Fact::IdClaim(path) = &fact
                && let Some(problem) = path.problem()
            {
                problems.push(ConfigProblem::new(format!("rows[{n}].claim"), "invalid_claim_path", problem));
            }
            match checked(&text, &rows) {
                Ok(name) => rows.push(Row { name, fact }),
                Err((code, problem)) => {
                    let problem = format!("forwarded field {text:?}: {problem}");
                    problems.push(ConfigProblem::new(format!("rows[{n}].name"), code, problem));
                }
            }
        }
        let table = Table { rows, keep_authorization: self.keep_authorization };
        ConfigError::unless_empty(problems, ForwardedIdentity(Arc::new(table)))
    }
}

/// A name that no row before has; or the code of what is wrong, and the words for it.
fn checked(text: &str, before: &[Row]) -> Result<HeaderName, (&'static str, &'static str)> {
    let name: HeaderName = text.parse().map_err(|_| {
        ("invalid_header_name", "it is no name of a header field; write letters, digits and -")
    })?;
    let is = |other: &HeaderName| is_same_field(other.as_str().as_bytes(), name.as_str().as_bytes());
    if RESERVED.iter().any(is) {
        return Err((
            "reserved_header_name",
            "it has a meaning of its own in HTTP; write a name such as x-auth-…",
        ));
    }
    if name.as_str().starts_with("grpc-") || name.as_str().ends_with("-bin") {
        return Err((
            "reserved_header_name",
            "gRPC gives it a meaning of its own; write a name such as x-auth-…",
        ));
    }
    if before.iter().any(|row| is(&row.name)) {
        return Err((
            "header_name_twice",
            "another row has it, since _ and - count as the same; write two names",
        ));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused_with_its_place() {
        let one = |name: &str| ForwardedIdentity::builder().subject("x-auth-subject").issuer(name);
        for (name, builder, expected) in [
            ("good", one("X-Auth-Issuer"), None),
            ("with an underscore", one("remote_user"), None),
            ("a space", one("x auth"), Some(("rows[1].name", "invalid_header_name"))),
            ("empty", one(""), Some(("rows[1].name", "invalid_header_name"))),
            ("twice", one("X-AUTH-SUBJECT"), Some(("rows[1].name", "header_name_twice"))),
            ("twice in CGI", one("x_auth_subject"), Some(("rows[1].name", "header_name_twice"))),
            ("credentials", one("Authorization"), Some(("rows[1].name", "reserved_header_name"))),
            ("framing in CGI", one("content_length"), Some(("rows[1].name", "reserved_header_name"))),
            ("gRPC's own", one("grpc-user"), Some(("rows[1].name", "reserved_header_name"))),
            ("bytes of gRPC", one("x-user-bin"), Some(("rows[1].name", "reserved_header_name"))),
            (
                "no pointer",
                ForwardedIdentity::builder().claim("/a~2b", "x-a"),
                Some(("rows[0].claim", "invalid_claim_path")),
            ),
            (
                "no pointer into the ID token",
                ForwardedIdentity::builder().id_claim("/a~", "x-a"),
                Some(("rows[0].claim", "invalid_claim_path")),
            ),
        ] {
            let error = builder.build().err();
            let found = error.as_ref().map(|error| {
                let [problem] = error.problems() else { panic!("{name}: {error}") };
                assert!(problem.instead().is_some(), "{name}: {problem}");
                (problem.path(), problem.code())
            });
            assert_eq!(found, expected, "{name}");
        }
        let both = ForwardedIdentity::builder().subject("host").claim("/~", "x y").build().unwrap_err();
        assert_eq!(both.problems().len(), 3, "all problems are told at once");
    }
}
