//! What clients look for in a challenge, wherever it stands.
//!
//! Real clients search the whole text for `scope=` and the like instead of reading the grammar: the SDKs of
//! the Model Context Protocol do, in TypeScript, Python and Rust. A text that comes before the parameter, or
//! stands where there is none, would be taken for it. `tests/interop/challenges` asks these clients.

/// The names, each with the sign by which it is found.
const SEARCHED: [&str; 4] = ["scope=", "error=", "error_description=", "resource_metadata="];

/// The parameter that a client would find in this text. Case does not count, since rmcp searches in lower
/// case; nor do spaces, for clients that allow them around the sign.
pub(crate) fn searched_parameter(text: &str) -> Option<&'static str> {
    let text: String = text.to_ascii_lowercase().split(' ').collect();
    SEARCHED.into_iter().find(|name| text.contains(name))
}
