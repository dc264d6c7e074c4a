//! How a claim is written as the value of a header field; the table is at
//! [`ForwardedIdentity`](super::ForwardedIdentity).

use serde_json::Value;

/// A text in visible ASCII without `,`, from which percent-decoding (RFC 3986 section 2.1) gives it back.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    write_text(&mut out, text);
    out
}

fn write_text(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'%' | b',') {
            out.push(char::from(byte));
        } else {
            let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'A' + value - 10 });
            out.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
}

/// Texts in one value. `separator` must be a character that is encoded inside them.
pub(super) fn list(items: impl IntoIterator<Item = impl AsRef<str>>, separator: char) -> String {
    let mut out = String::new();
    for item in items {
        let item = item.as_ref();
        if !out.is_empty() && !item.is_empty() {
            out.push(separator);
        }
        write_text(&mut out, item);
    }
    out
}

/// Any claim; empty where there is nothing to say.
pub(super) fn claim(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(items) => match items.iter().map(scalar).collect::<Option<Vec<_>>>() {
            Some(texts) => list(texts, ','),
            None => text(&value.to_string()),
        },
        _ => text(&scalar(value).unwrap_or_else(|| value.to_string())),
    }
}

/// The text of a value that is not made of others, as far as it has one.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_json_type_has_one_form() {
        for (name, value, expected) in [
            ("null", json!(null), ""),
            ("true", json!(true), "true"),
            ("an integer", json!(-42), "-42"),
            ("a fraction", json!(1.5), "1.5"),
            ("a text", json!("clerk"), "clerk"),
            ("an empty text", json!(""), ""),
            ("a text with a comma", json!("a,b"), "a%2Cb"),
            ("a text with a percent sign", json!("100%2C"), "100%252C"),
            ("spaces", json!(" a b "), "%20a%20b%20"),
            ("control characters", json!("a\r\nx: b\0\t\u{7f}"), "a%0D%0Ax:%20b%00%09%7F"),
            ("not ASCII", json!("Zoë €"), "Zo%C3%AB%20%E2%82%AC"),
            ("an array", json!(["a", "b,c"]), "a,b%2Cc"),
            ("an array of scalars", json!(["a", 1, false]), "a,1,false"),
            ("an empty array", json!([]), ""),
            ("empty texts in an array", json!(["", "a", "", "b", ""]), "a,b"),
            ("nothing but an empty text", json!([""]), ""),
            ("an array in an array", json!([["a"], "b"]), "[[\"a\"]%2C\"b\"]"),
            ("null in an array", json!(["a", null]), "[\"a\"%2Cnull]"),
            ("an object", json!({"a": 1, "b": "c d"}), "{\"a\":1%2C\"b\":\"c%20d\"}"),
            ("an empty object", json!({}), "{}"),
        ] {
            assert_eq!(claim(&value), expected, "{name}");
        }
    }

    #[test]
    fn a_space_separates_and_stands_in_no_item() {
        assert_eq!(list(["a b", "", "c"], ' '), "a%20b c");
    }
}
