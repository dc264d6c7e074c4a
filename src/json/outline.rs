//! Where the members of an object and the elements of an array stand in a text.
//!
//! For messages that are passed on as they came: a few members decide, and the rest, which may be large,
//! is neither kept nor copied. What is looked for is found in the pass that sees that the text is well formed,
//! so that there is no second reading that could differ from it.
//!
//! Names that occur twice are refused among the members that decide, and so is a name that differs from one
//! of these in its case alone: a reader that takes the last of several, or compares names without regard
//! to case (as Go's `encoding/json` does) or beyond a null (as C does), would see another message.

use std::borrow::Cow;

use super::scan::Scan;

/// A JSON value by its text, which is well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outline<'a>(&'a str);

/// Not an object, or one that two readers would read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unclear;

/// A member that was looked for: not there, there once, or not clear.
pub(crate) type Found<'a> = Result<Option<Outline<'a>>, Unclear>;

/// The members of an object that decide, and those that decide of one of its members. Which of the inner ones
/// matter is decided later: each is unclear by itself.
pub(crate) type PickedTwo<'a, const N: usize, const M: usize> =
    Result<([Option<Outline<'a>>; N], [Found<'a>; M]), Unclear>;

/// Reads a text that is one value, or an array of values: `each` reads one. `None` when the text is not exactly
/// that, whatever `each` found before.
pub(crate) fn one_or_several<'a>(
    text: &'a str,
    mut each: impl FnMut(&mut Scan<'a>) -> Option<()>,
) -> Option<()> {
    let mut scan = Scan::new(text);
    if scan.peek()? == b'[' {
        scan.pass();
        scan.list(b']', each)?;
    } else {
        each(&mut scan)?;
    }
    scan.end()
}

impl<'a> Scan<'a> {
    /// Reads one value, and notes the members with these names where it is an object.
    fn pick<const N: usize>(&mut self, names: [&str; N]) -> Option<(Outline<'a>, [Found<'a>; N])> {
        let mut found = [Ok(None); N];
        let whole = self.object(|scan, name| {
            let value = scan.value()?;
            note(name.text().as_deref(), value, names, &mut found);
            Some(())
        })?;
        Some((whole, found))
    }

    /// Reads one value: the members with these names, and of the member `outer`, where that is an object, those
    /// with the names of `inner`. [`Unclear`] when it is no object, or one of `names` is there twice or in
    /// another case.
    pub(crate) fn pick_two<const N: usize, const M: usize>(
        &mut self,
        names: [&str; N],
        outer: &str,
        inner: [&str; M],
    ) -> Option<PickedTwo<'a, N, M>> {
        let (mut found, mut inside) = ([Ok(None); N], [Ok(None); M]);
        let whole = self.object(|scan, name| {
            let name = name.text();
            let value = if name.as_deref() == Some(outer) {
                let (value, picked) = scan.pick(inner)?;
                inside = picked;
                value
            } else {
                scan.value()?
            };
            note(name.as_deref(), value, names, &mut found);
            Some(())
        })?;
        Some(if whole.is_object() { all_of(found).map(|found| (found, inside)) } else { Err(Unclear) })
    }
}

impl<'a> Outline<'a> {
    /// Of a text that was read as one value.
    pub(super) const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// `None` when the text is not exactly one value.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        let mut scan = Scan::new(text);
        let value = scan.value()?;
        scan.end().map(|()| value)
    }

    /// The values of the members with these names, where they are.
    ///
    /// # Errors
    /// [`Unclear`] when the value is no object, or one of the names is there twice or in another case.
    pub(crate) fn pick<const N: usize>(self, names: [&str; N]) -> Result<[Option<Self>; N], Unclear> {
        let (whole, found) = Scan::new(self.0).pick(names).ok_or(Unclear)?;
        if whole.is_object() { all_of(found) } else { Err(Unclear) }
    }

    /// The text of a string, escapes decoded; `None` of another value, and of half a surrogate pair.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        // Most are short: a search that gets ready for long texts would take longer.
        if inner.as_bytes().contains(&b'\\') {
            return serde_json::from_str(self.0).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(inner))
    }

    /// The elements of an array; `None` of another value.
    pub(crate) fn elements(self) -> Option<impl Iterator<Item = Self>> {
        let mut scan = Scan::new(self.0);
        scan.expect(b'[')?;
        Some(std::iter::from_fn(move || {
            if scan.peek()? == b',' {
                scan.pass();
            }
            // What closes the array is no value.
            scan.value()
        }))
    }

    pub(crate) fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    pub(crate) fn is_null(self) -> bool {
        self.0 == "null"
    }

    pub(crate) const fn as_str(self) -> &'a str {
        self.0
    }

    /// Where it begins in the text that it was found in.
    pub(crate) fn start_in(self, whole: &str) -> Option<usize> {
        (self.0.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)
    }
}

/// Notes a member if its name is one of those looked for. One in another case, or a second one, makes it unclear;
/// a name that is no text, all of them.
fn note<'a, const N: usize>(
    name: Option<&str>,
    value: Outline<'a>,
    names: [&str; N],
    found: &mut [Found<'a>; N],
) {
    let Some(name) = name else {
        *found = [Err(Unclear); N];
        return;
    };
    let is_plain = name.bytes().all(|byte| matches!(byte, 1..0x80));
    let is_like = |wanted: &str| match is_plain {
        true => name.eq_ignore_ascii_case(wanted),
        false => folded(name).eq(folded(wanted)),
    };
    if let Some((wanted, place)) = names.iter().zip(found).find(|(wanted, _)| is_like(wanted)) {
        *place = if name == *wanted && *place == Ok(None) { Ok(Some(value)) } else { Err(Unclear) };
    }
}

fn all_of<const N: usize>(found: [Found<'_>; N]) -> Result<[Option<Outline<'_>>; N], Unclear> {
    let all = found.map(Result::unwrap_or_default);
    if found.iter().all(Result::is_ok) { Ok(all) } else { Err(Unclear) }
}

/// A name without regard to case, for names in ASCII: two characters outside it fold into it. It ends with a
/// null, as texts do in C.
fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().take_while(|c| *c != '\0').map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => c.to_ascii_lowercase(),
    })
}

#[cfg(test)]
#[path = "outline_tests.rs"]
mod tests;
