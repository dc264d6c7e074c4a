//! An event stream, cut into events (WHATWG HTML section 9.2.6, "Interpreting an event stream").

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

/// Cuts a stream into events, however it arrives; no byte is lost or added.
#[derive(Debug, Default)]
pub(super) struct Events {
    buffer: BytesMut,
    /// Where the line begins that has not ended yet.
    line: usize,
    /// Up to where its end has been looked for.
    seen: usize,
}

impl Events {
    pub(super) fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// How much is waiting for the end of its event.
    pub(super) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// The next whole event, with the empty line that ends it.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        loop {
            let rest = self.buffer.get(self.seen..).unwrap_or_default();
            let Some(found) = memchr::memchr2(b'\r', b'\n', rest) else {
                self.seen = self.buffer.len();
                return None;
            };
            let at = self.seen + found;
            let (byte, next) = (self.buffer.get(at), self.buffer.get(at + 1));
            let is_empty = at == self.line;
            let length = match (byte, next) {
                (Some(b'\r'), Some(b'\n')) => 2,
                // Whether the line end has a second byte is not known yet. It does not matter where
                // the event ends here: that byte would be an empty line by itself.
                (Some(b'\r'), None) if !is_empty => {
                    self.seen = at;
                    return None;
                }
                _ => 1,
            };
            (self.line, self.seen) = (at + length, at + length);
            if is_empty {
                let event = self.buffer.split_to(at + length).freeze();
                (self.line, self.seen) = (0, 0);
                return Some(event);
            }
        }
    }

    /// What is left at the end of the stream: clients ignore an event that has not ended, but some do not.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        (self.line, self.seen) = (0, 0);
        Some(self.buffer.split().freeze()).filter(|rest| !rest.is_empty())
    }
}

/// The same event with `change` applied to its data; `None` when `change` has no answer, or the event is not in
/// UTF-8. An event without data, such as a comment, is not changed.
pub(super) fn change_data(event: Bytes, change: impl FnOnce(&str) -> Option<Cow<'_, str>>) -> Option<Bytes> {
    let text = str::from_utf8(&event).ok()?;
    let data: Vec<&str> = lines(text).filter_map(|(line, _)| data_of(line)).collect();
    let data = data.join("\n");
    if data.trim_ascii().is_empty() {
        return Some(event);
    }
    let Cow::Owned(changed) = change(&data)? else { return Some(event) };
    let mut written = String::with_capacity(text.len());
    let mut is_written = false;
    for (line, end) in lines(text) {
        if data_of(line).is_none() {
            written.extend([line, end]);
        } else if !is_written {
            is_written = true;
            let end = if end.is_empty() { "\n" } else { end };
            changed.split('\n').for_each(|line| written.extend(["data: ", line, end]));
        }
    }
    Some(written.into())
}

/// The value of a line of data. A byte order mark may come before the first line of a stream.
fn data_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('\u{feff}').unwrap_or(line).strip_prefix("data")?;
    match rest.strip_prefix(':') {
        Some(value) => Some(value.strip_prefix(' ').unwrap_or(value)),
        None => Some(rest).filter(|rest| rest.is_empty()),
    }
}

/// The lines of a text, each with its end.
fn lines(mut text: &str) -> impl Iterator<Item = (&str, &str)> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let at = text.find(['\r', '\n']).unwrap_or(text.len());
        let (line, rest) = text.split_at_checked(at)?;
        let length = if rest.starts_with("\r\n") { 2 } else { rest.len().min(1) };
        let (end, behind) = rest.split_at_checked(length)?;
        text = behind;
        Some((line, end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(stream: &str, at: &[usize]) -> Vec<String> {
        let (mut events, mut found, mut from) = (Events::default(), Vec::new(), 0);
        for &to in at.iter().chain([&stream.len()]) {
            events.push(&stream.as_bytes()[from..to]);
            found.extend(std::iter::from_fn(|| events.next()));
            from = to;
        }
        found.extend(events.rest());
        found.into_iter().map(|event| String::from_utf8(event.to_vec()).unwrap()).collect()
    }

    #[test]
    fn an_event_ends_with_an_empty_line_however_it_arrives() {
        for (stream, expected) in [
            ("data: a\n\ndata: b\n\n", &["data: a\n\n", "data: b\n\n"][..]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", &["data: a\r\n\r\n", "data: b\r\n\r\n"]),
            ("data: a\r\rdata: b\r\r", &["data: a\r\r", "data: b\r\r"]),
            ("data: a\n\r\ndata: b", &["data: a\n\r\n", "data: b"]),
            (": ping\n\nid: 1\ndata\n\n", &[": ping\n\n", "id: 1\ndata\n\n"]),
        ] {
            assert_eq!(cut(stream, &[]), expected, "{stream:?}");
            for first in 0..=stream.len() {
                for second in first..=stream.len() {
                    let found = cut(stream, &[first, second]);
                    assert_eq!(found.concat(), stream);
                    // Between the two bytes of a last line end, an event ends with the first.
                    let found: Vec<_> = found.iter().map(|event| event.trim_matches(['\r', '\n'])).collect();
                    let found: Vec<_> = found.into_iter().filter(|event| !event.is_empty()).collect();
                    let expected: Vec<_> =
                        expected.iter().map(|event| event.trim_matches(['\r', '\n'])).collect();
                    assert_eq!(found, expected, "{stream:?}, cut at {first} and {second}");
                }
            }
        }
    }

    #[test]
    fn data_is_changed_and_the_other_fields_stay() {
        let change = |event: &'static str| {
            let changed = change_data(event.into(), |data| match data {
                "same" => Some(Cow::Borrowed(data)),
                "bad" => None,
                other => Some(Cow::Owned(other.replace('b', "c"))),
            });
            changed.map(|event| String::from_utf8(event.to_vec()).unwrap())
        };
        for (event, expected) in [
            ("id: 1\nevent: message\ndata: b\n\n", Some("id: 1\nevent: message\ndata: c\n\n")),
            ("data:a\r\nid:1\r\ndata: b\r\n\r\n", Some("data: a\r\ndata: c\r\nid:1\r\n\r\n")),
            ("data:  b\r\r", Some("data:  c\r\r")),
            ("data: b", Some("data: c\n")),
            ("\u{feff}data: b\n\n", Some("data: c\n\n")),
            ("data:same\n: b\n\n", Some("data:same\n: b\n\n")),
            ("data\nid: b\n\n", Some("data\nid: b\n\n")),
            ("database: b\n\n", Some("database: b\n\n")),
            (": b\n\n", Some(": b\n\n")),
            ("data: bad\n\n", None),
        ] {
            assert_eq!(change(event).as_deref(), expected, "{event:?}");
        }
        assert_eq!(change_data(Bytes::from_static(b"data: \xff\n\n"), |data| Some(data.into())), None);
    }
}
