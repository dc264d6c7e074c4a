//! Header values that stay for as long as the process runs.
//!
//! Anyone can cause a refusal, on all cores at once, and each puts the same challenge into its
//! response. A shared value counts who has it, in one place that all cores write to; a text that is
//! never given back needs no count.
//!
//! Nothing of a request may come here: what is kept is bounded, and would be taken up by it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::HeaderValue;

/// How many bytes are kept at most: the challenges of some hundred configurations. Beyond it values
/// are shared as before.
const MAX_KEPT: usize = 256 * 1024;

static KEPT: Mutex<BTreeSet<&[u8]>> = Mutex::new(BTreeSet::new());

/// The same value, which costs nothing to clone if it can be kept within the bound.
pub(super) fn lasting(value: HeaderValue) -> HeaderValue {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let text: &'static [u8] = match kept.get(value.as_bytes()) {
        Some(text) => text,
        None if kept.iter().map(|text| text.len()).sum::<usize>() + value.len() > MAX_KEPT => return value,
        None => {
            let text: Box<[u8]> = value.as_bytes().into();
            let text = Box::leak(text);
            kept.insert(text);
            text
        }
    };
    HeaderValue::from_maybe_shared(Bytes::from_static(text)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_text_and_what_is_kept_is_bounded() {
        let value = |text: String| HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap();
        let [first, second] = ["Bearer realm=\"lasting\""; 2].map(|text| lasting(value(text.to_owned())));
        assert_eq!(first, "Bearer realm=\"lasting\"");
        assert_eq!(first.as_bytes().as_ptr(), second.as_bytes().as_ptr());

        // A value that would exceed the bound is handed back as it came.
        let long = value("x".repeat(MAX_KEPT));
        let same = lasting(long.clone());
        assert_eq!(same.as_bytes().as_ptr(), long.as_bytes().as_ptr());
        assert_eq!(first, lasting(first.clone()), "what is there stays");
    }
}
