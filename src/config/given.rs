//! Keys that a configuration holds or names in files.

use super::{
    files::{self, secret},
    problems::Found,
    schema::{
        Kind::{Secret, Text, Word},
        Object, Rule, key, needed,
    },
    tree::Node,
};
use crate::{
    error::shown,
    keys::{KeySet, VerifyingKey},
};

/// The names of all algorithms.
pub(super) static ALGORITHMS: [&str; 13] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256",
    "HS384", "HS512",
];

pub(super) static KEY: Object = Object {
    what: "a key",
    keys: &[
        needed("algorithm", Word(&ALGORITHMS), "The algorithm that the key is for"),
        key("kid", Text, "Its name in the header of tokens"),
        key("pem", Text, "The public key or certificate in PEM"),
        key("pem_file", Text, "A file with the public key or certificate in PEM"),
        key("secret", Secret, "The secret of an HMAC"),
        key("secret_file", Text, "A file with the secret of an HMAC, without the line break at its end"),
    ],
    rules: &[Rule::One(&["pem", "pem_file", "secret", "secret_file"])],
};

/// The keys of a list; `None` where it has been said which of them is none.
pub(super) fn keys(list: &Node, found: &mut Found<'_>) -> Option<KeySet> {
    let (mut keys, before) = (Vec::new(), found.count());
    for (n, table) in list.items().iter().enumerate() {
        found.within(&format!("[{n}]"), |found| keys.extend(of_table(table, found)));
    }
    (found.count() == before).then(|| KeySet::from_keys(keys))
}

fn of_table(table: &Node, found: &mut Found<'_>) -> Option<VerifyingKey> {
    // The table of keys has the names of all algorithms.
    let algorithm = table.text_of("algorithm")?.parse().ok()?;
    let (name, bytes) = match secret(table, "secret").or_else(|| secret(table, "pem"))? {
        Ok(bytes) => {
            let names = ["secret", "secret_file", "pem", "pem_file"];
            (names.into_iter().find(|name| table.get(name).is_some())?.to_owned(), bytes)
        }
        Err((name, why)) => {
            found.add(table, &name, "file", &why);
            return None;
        }
    };
    let key = if name.starts_with("secret") {
        VerifyingKey::from_hmac_secret(&bytes, algorithm)
    } else {
        VerifyingKey::from_pem(&String::from_utf8_lossy(&bytes), algorithm)
    };
    match key {
        Ok(key) => Some(match table.text_of("kid") {
            Some(kid) => key.with_kid(kid),
            None => key,
        }),
        Err(error) => {
            found.add(table, &name, "key", &format!("it is no such key: {error}"));
            None
        }
    }
}

/// The keys of a JWK Set in a file; `None` where it has been said what is wrong with it.
pub(super) fn jwks(table: &Node, path: &str, found: &mut Found<'_>) -> Option<KeySet> {
    let read = files::read(path).and_then(|json| {
        KeySet::from_jwks(&json).map_err(|error| format!("the file {} is no JWK Set: {error}", shown(path)))
    });
    read.map_err(|why| found.add(table, "jwks_file", "file", &why)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Algorithm;

    #[test]
    fn every_algorithm_can_be_named() {
        assert_eq!(ALGORITHMS, Algorithm::ALL.map(Algorithm::name));
    }
}
