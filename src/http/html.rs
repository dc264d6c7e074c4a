//! Text from outside in a page of HTML.

use std::fmt::{self, Write};

/// A text whose characters that mean something in HTML are written as character references: fit for
/// the content of an element, and for the value of an attribute in quotes. `{:#}` is passed on.
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
        let text = if f.alternate() { format!("{:#}", self.0) } else { self.0.to_string() };
        text.chars().try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => f.write_char(other),
        })
    }
}
