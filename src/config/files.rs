//! Files that settings name: read when a server is built, and again with each reload.

use std::{fs, io::ErrorKind};

use zeroize::Zeroizing;

use super::{problems::Found, tree::Node};
use crate::{error::shown, store::NonceSetupError};

/// The largest file that is read, in bytes: more than any set of keys or authorities has.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// The bytes of a file, wiped when they are dropped.
///
/// # Errors
/// What is wrong with the file, and never what is in it.
pub(super) fn read(path: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    let cannot = |why: &str| format!("the file {} {why}", shown(path));
    let metadata = fs::metadata(path).map_err(|error| {
        cannot(match error.kind() {
            ErrorKind::NotFound => "is not there; correct its path",
            ErrorKind::PermissionDenied => "may not be read; give this program the right to",
            _ => "cannot be read",
        })
    })?;
    if !metadata.is_file() {
        return Err(cannot("is no file; name one"));
    }
    if metadata.len() > MAX_FILE {
        return Err(cannot("is larger than 4 MiB; name another"));
    }
    let bytes = fs::read(path).map(Zeroizing::new);
    bytes.map_err(|error| {
        cannot(match error.kind() {
            ErrorKind::PermissionDenied => "may not be read; give this program the right to",
            _ => "cannot be read",
        })
    })
}

/// The key of a file that cannot be read, and why.
pub(super) type Unread = (String, String);

/// Whether a table has this secret, or names the file that holds it.
pub(super) fn names_secret(table: &Node, name: &str) -> bool {
    table.get(name).or_else(|| table.get(&format!("{name}_file"))).is_some()
}

/// What is made of a secret; `None` where there is none, or it has been said what is wrong with it.
pub(super) fn made_with_secret<T>(
    table: &Node,
    name: &str,
    make: impl FnOnce(&[u8]) -> Result<T, NonceSetupError>,
    found: &mut Found<'_>,
) -> Option<T> {
    let key = if table.get(name).is_some() { name.to_owned() } else { format!("{name}_file") };
    let secret = match secret(table, name)? {
        Ok(secret) => secret,
        Err((name, why)) => {
            found.add(table, &name, "file", &why);
            return None;
        }
    };
    make(&secret).map_err(|error| found.add(table, &key, "secret", &error.to_string())).ok()
}

/// What a secret is: the text, or the bytes of the file without one line break at their end.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn secret(table: &Node, name: &str) -> Option<Result<Zeroizing<Vec<u8>>, Unread>> {
    if let Some(text) = table.text_of(name) {
        return Some(Ok(Zeroizing::new(text.as_bytes().to_vec())));
    }
    let file = format!("{name}_file");
    let path = table.text_of(&file)?;
    let read = read(path).map(|mut bytes| {
        let end = bytes.strip_suffix(b"\n").map(|rest| rest.strip_suffix(b"\r").unwrap_or(rest).len());
        if let Some(end) = end {
            bytes.truncate(end);
        }
        bytes
    });
    let read = read.and_then(|bytes| {
        if bytes.is_empty() {
            Err(format!("the file {} is empty; write the secret into it", shown(path)))
        } else {
            Ok(bytes)
        }
    });
    Some(read.map_err(|why| (file, why)))
}
