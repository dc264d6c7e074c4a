//! Texts of a configuration as errors show them.

use std::borrow::Cow;

/// A text of the configuration in quotes, without the user name and the password that it may have as a URL.
pub(crate) fn shown(text: &str) -> String {
    format!("{:?}", without_user(text))
}

/// A text of the configuration without the user name and the password that it may have as a URL.
///
/// It is cut and not parsed: what is shown is often no URL. A password may have a slash or an `@` in it that is not
/// escaped, so what may be one goes, to the last `@`; a path that has one may go with it.
pub(crate) fn without_user(text: &str) -> Cow<'_, str> {
    let start = text.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = text.split_at(start);
    let Some((_, behind)) = rest.rsplit_once('@') else { return text.into() };
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    // Before a path or a query with that `@` in it.
    let is_host = !scheme.is_empty() && !authority.is_empty() && !authority.contains([':', '@']);
    if is_host { text.into() } else { [scheme, behind].concat().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_passwords_are_cut() {
        for (name, text, expected) in [
            ("a URL", "https://issuer.test/keys", "https://issuer.test/keys"),
            ("a user and a password", "https://user:hunter2@issuer.test/keys", "https://issuer.test/keys"),
            ("a password alone", "https://:hunter2@issuer.test/keys", "https://issuer.test/keys"),
            (
                "a user alone, who may be a token",
                "https://hunter2@issuer.test/keys",
                "https://issuer.test/keys",
            ),
            ("a port that is none", "https://user:hunter2@issuer.test:99999/", "https://issuer.test:99999/"),
            ("a slash in the password", "https://user:hunter2/x@issuer.test/", "https://issuer.test/"),
            ("a query in the password", "https://user:hunter2?x@issuer.test/", "https://issuer.test/"),
            ("an @ in the password", "https://user:x@hunter2@issuer.test/", "https://issuer.test/"),
            ("an @ and a slash in it", "https://user:x@hunter2/x@issuer.test/", "https://issuer.test/"),
            ("no scheme", "user:hunter2@issuer.test", "issuer.test"),
            ("no scheme, and slashes", "//user:hunter2@issuer.test", "issuer.test"),
            ("one slash", "https:/user:hunter2@issuer.test", "issuer.test"),
            ("three slashes", "https:///user:hunter2@issuer.test", "https://issuer.test"),
            ("reversed slashes", r"https://\user:hunter2@issuer.test", "https://issuer.test"),
            ("two schemes", "https://https://user:hunter2@issuer.test/", "https://issuer.test/"),
            ("an @ in a path", "https://issuer.test/@shop/keys", "https://issuer.test/@shop/keys"),
            ("an @ in a query", "https://issuer.test?a@b", "https://issuer.test?a@b"),
            ("nothing", "", ""),
        ] {
            assert_eq!(shown(text), format!("{expected:?}"), "{name}");
        }
    }
}
