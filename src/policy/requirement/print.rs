//! The text form of a requirement, printed so that it reads back to the same value.

use std::fmt;

use super::{Leaf, Node, Requirement, leaf::ClaimTest};

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node().fmt(f)
    }
}

impl fmt::Display for Node<Leaf> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, between) = match self {
            Self::AnyToken => return f.write_str("any_token"),
            Self::Anonymous => return f.write_str("anonymous"),
            Self::Leaf(leaf) => return leaf.fmt(f),
            Self::Any(nodes) if nodes.is_empty() => return f.write_str("never"),
            Self::All(nodes) => (nodes, " and "),
            Self::Any(nodes) => (nodes, " or "),
        };
        for (n, node) in nodes.iter().enumerate() {
            if n > 0 {
                f.write_str(between)?;
            }
            match (self, node) {
                (Self::All(_), Self::Any(parts)) if !parts.is_empty() => write!(f, "({node})")?,
                _ => node.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list =
            |values: &[Box<str>]| values.iter().map(|value| plain(value)).collect::<Vec<_>>().join(" ");
        let name = match self {
            Self::Claim(path, test) => {
                let name = path.as_str();
                let is_plain =
                    !name.is_empty() && !name.contains(char::is_whitespace) && !name.starts_with('"');
                let name = if is_plain { name.to_owned() } else { quote(name) };
                return write!(f, "claim({name} {test})");
            }
            Self::Scopes(_) => "scope",
            Self::AnyScope(_) => "any_scope",
            Self::Roles(_) => "role",
            Self::AnyRole(_) => "any_role",
            Self::Acr(_) => "acr",
            Self::Amr(_) => "amr",
            Self::MaxAge(seconds) => return write!(f, "max_age({seconds})"),
            Self::Client(_) => "client",
            Self::Issuer(issuer) => return write!(f, "issuer({})", plain(issuer)),
            Self::Audience(audience) => return write!(f, "audience({})", plain(audience)),
            Self::NotDelegated => return f.write_str("actor(none)"),
            Self::SenderConstrained => return f.write_str("sender_constrained"),
            Self::Actor(subjects) => {
                let subjects = subjects.iter().map(|subject| match &**subject {
                    "none" => quote(subject),
                    subject => plain(subject),
                });
                return write!(f, "actor({})", subjects.collect::<Vec<_>>().join(" "));
            }
            Self::Details(details) => {
                write!(f, "authorization_details({}", plain(&details.kind))?;
                details.actions.iter().try_for_each(|action| write!(f, " action {}", quote(action)))?;
                details
                    .locations
                    .iter()
                    .try_for_each(|location| write!(f, " location {}", quote(location)))?;
                return f.write_str(")");
            }
            Self::Predicate(name, _) => return write!(f, "predicate({})", plain(name)),
        };
        let values: &[Box<str>] = match self {
            Self::Scopes(values)
            | Self::AnyScope(values)
            | Self::Roles(values)
            | Self::AnyRole(values)
            | Self::Acr(values)
            | Self::Amr(values)
            | Self::Client(values) => values,
            _ => &[],
        };
        write!(f, "{name}({})", list(values))
    }
}

impl fmt::Display for ClaimTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, texts) = match self {
            Self::Equals(text) => ("=", std::slice::from_ref(text)),
            Self::OneOf(texts) => ("in", &**texts),
            Self::ContainsAny(texts) if texts.len() == 1 => ("contains", &**texts),
            Self::ContainsAny(texts) => ("contains_any", &**texts),
            Self::ContainsAll(texts) => ("contains_all", &**texts),
            Self::IsTrue => return f.write_str("is true"),
        };
        f.write_str(word)?;
        texts.iter().try_for_each(|text| write!(f, " {}", quote(text)))
    }
}

/// A value as it is, in quotes where it must be.
fn plain(value: &str) -> String {
    let special = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"');
    if value.is_empty() || value.contains(special) { quote(value) } else { value.to_owned() }
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}
