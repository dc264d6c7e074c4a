//! Texts of an explanation in a page of HTML.

use std::fmt::{self, Write};

use super::Explanation;

/// A text whose characters that mean something in HTML are written as character references: fit for
/// the content of an element, and for the value of an attribute in quotes.
///
/// An [`Explanation`] shows what a token says, and anybody can write a token. `{:#}` is passed on.
///
/// ```
/// use tower_resource_server::explain::Html;
///
/// let rule = Html(r#"aud is one of ["<b>"]"#).to_string();
/// assert_eq!(rule, "aud is one of [&quot;&lt;b&gt;&quot;]");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Html<T>(pub T);

impl<T: fmt::Display> fmt::Display for Html<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brief = f.alternate();
        let mut escaping = Escaping(f);
        if brief { write!(escaping, "{:#}", self.0) } else { write!(escaping, "{}", self.0) }
    }
}

impl Explanation {
    /// The table of its [`Display`](fmt::Display) for a page of HTML, where it goes into a `<pre>`.
    ///
    /// ```
    /// # fn page(explanation: &tower_resource_server::Explanation) -> String {
    /// format!("<pre>{}</pre>", explanation.to_html())
    /// # }
    /// ```
    #[must_use]
    pub fn to_html(&self) -> Html<&Self> {
        Html(self)
    }
}

struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((before, found, after)) = split_at_special(rest) {
            self.0.write_str(before)?;
            self.0.write_str(found)?;
            rest = after;
        }
        self.0.write_str(rest)
    }
}

/// What is before the first character that is special, what stands for it, and what is behind it.
fn split_at_special(text: &str) -> Option<(&str, &'static str, &str)> {
    const REFERENCES: [(char, &str); 5] =
        [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];
    let (at, special) = text.char_indices().find(|(_, c)| REFERENCES.iter().any(|(known, _)| known == c))?;
    let (_, reference) = REFERENCES.iter().find(|(known, _)| *known == special)?;
    let (before, after) = text.split_at(at);
    Some((before, reference, after.strip_prefix(special)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_html_is_written_as_a_reference() {
        for (text, expected) in [
            ("", ""),
            ("plain, ünïcödé", "plain, ünïcödé"),
            ("<", "&lt;"),
            (
                "<script>alert('1' && \"2\")</script>",
                "&lt;script&gt;alert(&#39;1&#39; &amp;&amp; &quot;2&quot;)&lt;/script&gt;",
            ),
            ("&lt;", "&amp;lt;"),
            ("\"><img src=x onerror=alert(1)>", "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;"),
        ] {
            assert_eq!(Html(text).to_string(), expected);
        }
    }
}
