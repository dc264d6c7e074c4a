//! JSON from outside: judged by one strict pass, and read only as that pass saw it.
//!
//! serde_json leaves two things to its callers, and does a third that no caller expects:
//!
//! - It takes a member name that occurs twice in one object, and a type such as
//!   [`Value`](serde_json::Value) keeps the last (RFC 7519 section 4, RFC 8725 section 2.4).
//! - Its own bound on nesting is far above what a token needs.
//! - An object whose first member has one of its private names, such as
//!   `$serde_json::private::RawValue`, is not read as an object: `Value` takes the text of that member
//!   for JSON, or for a number. Which of these names work depends on the features of serde_json that
//!   *any* crate of the program turns on (`raw_value`, `arbitrary_precision`). Somebody who may choose
//!   a member name inside a token could so show one thing to the rules and another to the application.
//!
//! [`Strict`] therefore refuses these names, whatever the features, and with them names that occur
//! twice, deep nesting and numbers beyond the range of `f64`. A text that passed holds nothing that
//! serde_json would read in another way later: that makes it safe to [read again](read_again).
//!
//! Documents of which a few members matter (key sets, metadata, settings) do not go through it, so that
//! an odd member elsewhere in them does no harm. They are [read once](read_once), into types that hold
//! no `Value`: what is judged is all that there is.
//!
//! Messages that are passed on, as those of the Model Context Protocol, are not read into values at all:
//! `outline` finds the few members that a decision needs where they stand, in the pass over all of RFC 8259 that
//! is `grammar`, and refuses names that occur twice, or in another case, among those.
//!
//! These functions are the only way to serde_json's deserializers in this crate; a test in
//! `tests/architecture.rs` sees to that.

#[cfg(feature = "mcp")]
mod grammar;
#[cfg(feature = "mcp")]
mod outline;
#[cfg(feature = "mcp")]
mod scan;
mod shallow;
mod strict;

use serde::Deserialize;

use crate::error::Malformed;

#[cfg(feature = "mcp")]
pub(crate) use self::outline::{Found, Outline, PickedTwo, one_or_several};
pub(crate) use self::{
    shallow::Shallow,
    strict::{Map, Name, Names, Skip, Strict},
};

/// The deepest nesting that any document may have: serde_json has a bound of its own at 128.
pub(crate) const MAX_NESTING: u32 = 100;

/// Reads a text that the strict pass accepted before, such as the payload of a verified token.
///
/// # Errors
/// Those of serde_json, when the text does not have the shape of `T`.
pub(crate) fn read_again<'a, T: Deserialize<'a>>(accepted: &'a str) -> serde_json::Result<T> {
    serde_json::from_str(accepted)
}

/// Reads a document of which a few members matter, once; `None` when it does not have the shape of `T`.
/// Nothing is refused for what other members hold, so `T` must not keep what could be read in two ways:
/// no [`Value`](serde_json::Value), but [`Shallow`]. A byte order mark before the document is skipped
/// (RFC 8259 section 8.1).
pub(crate) fn read_once<'a, T: Deserialize<'a>>(document: &'a [u8]) -> Option<T> {
    serde_json::from_str(text_of(document)?).ok()
}

/// The text of a document, behind a byte order mark (RFC 8259 section 8.1).
fn text_of(document: &[u8]) -> Option<&str> {
    let text = str::from_utf8(document).ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Whether the strict pass accepts a text as one JSON object that nests at most so deep.
pub(crate) fn is_strict(text: &str, nesting: u32) -> bool {
    let strict = Strict::new(nesting);
    strict.read(text, Skip { strict: &strict, level: 1 }, Malformed::Payload).is_ok()
}

/// Reads a body that is one JSON object and is kept whole, after the strict pass over it; `None` when
/// the pass refuses it, or it does not have the shape of `T`. A byte order mark before it is skipped, as in
/// [`read_once`].
#[cfg(feature = "identity-provider")]
pub(crate) fn read_whole<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    let body = text_of(body)?;
    if is_strict(body, MAX_NESTING) { read_again(body).ok() } else { None }
}
