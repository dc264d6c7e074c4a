//! A tree against the tables of keys: everything that is wrong with it, each with the key as the user spelt
//! it. What comes out has the kinds that the tables say, secrets among them.

use zeroize::Zeroizing;

use super::{
    duration,
    issuers::ISSUER,
    keys::ROOT,
    near::nearest,
    schema::{Kind, NameForm, Object, Rule},
    tree::{Node, PLACEHOLDER, Value},
};
use crate::{
    error::{ConfigProblem, without_user},
    policy::{Requirement, is_scope_token},
};

/// The longest part of a value that an error shows, in characters.
const SHOWN: usize = 60;

/// Checks a whole configuration, whose keys the user finds under `path`.
pub(super) fn check(root: &Node, path: &str, problems: &mut Vec<ConfigProblem>) -> Node {
    Checker { problems }.object(root, &ROOT, path).unwrap_or_default()
}

struct Checker<'p> {
    problems: &'p mut Vec<ConfigProblem>,
}

/// A key within its table.
pub(super) fn below(path: &str, name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match (path, !name.is_empty() && name.bytes().all(is_plain)) {
        ("", true) => name.to_owned(),
        (path, true) => format!("{path}.{name}"),
        (path, false) => format!("{path}[{name:?}]"),
    }
}

/// The name of a key of an environment variable.
fn variable_below(variable: &str, name: &str) -> String {
    format!("{variable}_{}", name.to_uppercase())
}

/// What the user called the place of a node.
fn spelt<'a>(node: &'a Node, path: &'a str) -> &'a str {
    node.variable.as_deref().unwrap_or(path)
}

/// What stands in `entry` of a table: the variable, or the key.
fn spelt_key((name, node): &(String, Node)) -> &str {
    node.variable.as_deref().unwrap_or(name)
}

impl Checker<'_> {
    fn add(&mut self, key: &str, code: &'static str, text: impl AsRef<str>) {
        self.problems.push(ConfigProblem::new(key, code, format!("{key}: {}", text.as_ref())));
    }

    fn wrong(&mut self, node: &Node, kind: &Kind, path: &str) {
        let text = format!("{} is not {}", shown(node, kind), expected(kind));
        self.add(spelt(node, path), "wrong_type", text);
    }

    /// The node, as its kind has it; `None` where it has been said what is wrong.
    fn node(&mut self, node: &Node, kind: &'static Kind, path: &str) -> Option<Node> {
        let value = match kind {
            Kind::Object(object) => return self.object(node, object, path),
            Kind::List(kind) => self.list(node, kind, path)?,
            Kind::Map(form, kind) => self.map(node, *form, kind, path)?,
            Kind::Any => return Some(node.clone()),
            Kind::Bool => self.flag(node, kind, path)?,
            Kind::Number(least, most) => self.number(node, (*least, *most), kind, path)?,
            Kind::Duration if matches!(node.value, Value::Whole(_)) => {
                let number = node.number();
                let text = format!(r#"{number} has no unit; write "{number}s""#);
                self.add(spelt(node, path), "wrong_type", text);
                return None;
            }
            Kind::Text
            | Kind::Secret
            | Kind::Duration
            | Kind::Requirement
            | Kind::Scope
            | Kind::HeaderName
            | Kind::Word(_) => self.text(node, kind, path)?,
        };
        Some(Node { value, variable: node.variable.clone() })
    }

    fn flag(&mut self, node: &Node, kind: &Kind, path: &str) -> Option<Value> {
        match (&node.value, node.variable.is_some()) {
            (Value::Bool(value), _) => return Some(Value::Bool(*value)),
            (Value::Text(text), true) if text == "true" => return Some(Value::Bool(true)),
            (Value::Text(text), true) if text == "false" => return Some(Value::Bool(false)),
            _ => self.wrong(node, kind, path),
        }
        None
    }

    fn number(&mut self, node: &Node, (least, most): (u64, u64), kind: &Kind, path: &str) -> Option<Value> {
        let number = match (&node.value, node.variable.is_some()) {
            (Value::Whole(number), _) => Some(*number),
            (Value::Text(text), true) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        };
        match number.filter(|number| (least..=most).contains(number)) {
            Some(number) => Some(Value::Whole(number)),
            None => {
                self.wrong(node, kind, path);
                None
            }
        }
    }

    fn text(&mut self, node: &Node, kind: &'static Kind, path: &str) -> Option<Value> {
        let Value::Text(text) = &node.value else {
            self.wrong(node, kind, path);
            return None;
        };
        let key = spelt(node, path);
        if text.is_empty() {
            self.add(key, "empty", format!("it is empty; write {}, or leave it out", expected(kind)));
            return None;
        }
        let problem = match kind {
            Kind::Secret if text == PLACEHOLDER => Some((
                "placeholder",
                "it is the placeholder of a secret that was not written out; write the secret, or name its file"
                    .to_owned(),
            )),
            Kind::Duration => {
                duration::read(text).err().map(|why| ("wrong_type", format!("{} {why}", shown(node, kind))))
            }
            Kind::Requirement => {
                text.parse::<Requirement>().err().map(|error| ("requirement", error.to_string()))
            }
            Kind::Scope if !is_scope_token(text) => {
                Some(("wrong_type", format!("{} is not {}", shown(node, kind), expected(kind))))
            }
            Kind::HeaderName if text.parse::<http::HeaderName>().is_err() => {
                Some(("wrong_type", format!("{} is not {}", shown(node, kind), expected(kind))))
            }
            Kind::Word(words) if !words.contains(&text.as_str()) => {
                let near = nearest(text, words.iter().copied());
                let near = near.map(|word| format!("; did you mean {word}?")).unwrap_or_default();
                Some(("not_one_of", format!("{} is not {}{near}", shown(node, kind), expected(kind))))
            }
            _ => None,
        };
        match (problem, kind) {
            (Some((code, text)), _) => {
                self.add(key, code, text);
                None
            }
            (None, Kind::Secret) => Some(Value::Secret(Zeroizing::new(text.clone()))),
            (None, _) => Some(Value::Text(text.clone())),
        }
    }

    fn list(&mut self, node: &Node, kind: &'static Kind, path: &str) -> Option<Value> {
        let items = match (&node.value, node.variable.is_some()) {
            (Value::List(items), _) => items.clone(),
            // One variable holds the whole list.
            (Value::Text(text), true) if !text.is_empty() && !matches!(kind, Kind::Object(_)) => {
                let item = |text: &str| Node {
                    value: Value::Text(text.trim().to_owned()),
                    variable: node.variable.clone(),
                };
                text.split(',').map(item).collect()
            }
            _ => {
                self.wrong(node, &Kind::List(kind), path);
                return None;
            }
        };
        let before = self.problems.len();
        if items.is_empty() {
            self.add(spelt(node, path), "empty", "it is empty; write at least one, or leave it out");
        }
        let numbered = items.iter().enumerate();
        let items = numbered.filter_map(|(n, item)| self.node(item, kind, &format!("{path}[{n}]"))).collect();
        (self.problems.len() == before).then_some(Value::List(items))
    }

    fn map(&mut self, node: &Node, form: NameForm, kind: &'static Kind, path: &str) -> Option<Value> {
        let entries = match (&node.value, node.variable.is_some()) {
            (Value::Table(entries), _) => entries.clone(),
            (Value::Text(text), true) if !text.is_empty() => self.lines(node, text)?,
            _ => {
                self.wrong(node, &Kind::Map(form, kind), path);
                return None;
            }
        };
        let before = self.problems.len();
        self.refuse_twice(&entries, path);
        let mut checked = Vec::new();
        for (name, item) in &entries {
            let path = below(path, name);
            if let Some(wanted) = misfit(name, form) {
                self.add(spelt(item, &path), "name", format!("{name:?} is not {wanted}"));
            }
            checked.extend(self.node(item, kind, &path).map(|item| (name.clone(), item)));
        }
        (self.problems.len() == before).then_some(Value::Table(checked))
    }

    /// A map in one variable: a line for each name, `NAME = VALUE`.
    fn lines(&mut self, node: &Node, text: &str) -> Option<Vec<(String, Node)>> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let entry = |line: &str| {
            let (name, value) = line.split_once(" = ")?;
            let value = Value::Text(value.trim().to_owned());
            Some((name.trim().to_owned(), Node { value, variable: node.variable.clone() }))
        };
        let entries: Option<Vec<_>> = lines.map(entry).collect();
        if entries.is_none() {
            self.add(spelt(node, ""), "wrong_type", "a line is not NAME = VALUE; write one on each line");
        }
        entries
    }

    fn refuse_twice(&mut self, entries: &[(String, Node)], path: &str) {
        for (n, (name, node)) in entries.iter().enumerate() {
            if entries.iter().take(n).any(|(other, _)| other == name) {
                let path = below(path, name);
                self.add(spelt(node, &path), "twice", "it is there twice; leave one out");
            }
        }
    }

    fn object(&mut self, node: &Node, object: &'static Object, path: &str) -> Option<Node> {
        let Value::Table(entries) = &node.value else {
            let text =
                format!("{} is not {}", shown(node, &Kind::Object(object)), expected(&Kind::Object(object)));
            self.add(
                spelt(node, if path.is_empty() { "the configuration" } else { path }),
                "wrong_type",
                text,
            );
            return None;
        };
        let before = self.problems.len();
        self.refuse_twice(entries, path);
        let mut checked = Vec::new();
        for (name, item) in entries {
            let path = below(path, name);
            match object.key(name) {
                Some(key) => {
                    checked.extend(self.node(item, &key.kind, &path).map(|item| (name.clone(), item)))
                }
                None => self.add(spelt(item, &path), "unknown_key", unknown(name, object)),
            }
        }
        for key in object.keys.iter().filter(|key| key.required && node.get(key.name).is_none()) {
            self.missing(node, entries, key.name, key.doc, path);
        }
        for rule in object.rules {
            self.rule(node, entries, rule, object, path);
        }
        let value = Value::Table(checked);
        (self.problems.len() == before).then(|| Node { value, variable: node.variable.clone() })
    }

    /// Whether this table is filled by variables, so that what it lacks is one, too.
    fn in_environment<'n>(node: &'n Node, entries: &[(String, Node)]) -> Option<&'n str> {
        let all = entries.iter().all(|(_, item)| item.variable.is_some());
        node.variable.as_deref().filter(|_| all && !entries.is_empty())
    }

    fn missing(&mut self, node: &Node, entries: &[(String, Node)], name: &str, doc: &str, path: &str) {
        let mut letters = doc.chars();
        let doc: String = letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
        let (key, beside) = match (Self::in_environment(node, entries), entries.first()) {
            (Some(variable), Some(first)) => {
                (variable_below(variable, name), format!(" beside {}", spelt_key(first)))
            }
            _ => (below(path, name), String::new()),
        };
        self.add(&key, "missing", format!("it is missing{beside}; write {doc}"));
    }

    fn rule(&mut self, node: &Node, entries: &[(String, Node)], rule: &Rule, object: &Object, path: &str) {
        let place = spelt(node, if path.is_empty() { object.what } else { path });
        // A key that is mistyped has been named, and may be the one.
        let mistyped = |wanted: &[&str]| {
            let mut unknown = entries.iter().filter(|(name, _)| object.key(name).is_none());
            unknown.any(|(name, _)| nearest(name, wanted.iter().copied()).is_some())
        };
        let entry = |wanted: &str| entries.iter().find(|(name, _)| name == wanted);
        if let Rule::Needs(name, others) = rule {
            if let Some((_, one)) = entry(name)
                && others.iter().all(|other| entry(other).is_none())
                && !mistyped(others)
            {
                let text = format!("it needs {} beside it", others.join(" or "));
                self.add(spelt(one, &below(path, name)), "missing", text);
            }
            return;
        }
        if let Rule::Unless(name, other) = rule {
            let missing = object.key(name).filter(|_| entry(name).is_none() && entry(other).is_none());
            if let Some(key) = missing {
                self.missing(node, entries, key.name, key.doc, path);
            }
            return;
        }
        let names = rule.names(object);
        let there: Vec<_> = entries.iter().filter(|(name, _)| names.contains(&name.as_str())).collect();
        match there.as_slice() {
            [] if rule.wants_one() && !mistyped(&names) => {
                let variable = Self::in_environment(node, entries);
                let spelt = |name: &&str| match variable {
                    Some(variable) => variable_below(variable, name),
                    None => (*name).to_owned(),
                };
                let names: Vec<_> = names.iter().map(spelt).collect();
                self.add(place, "missing", format!("it has none of {}; write one of them", names.join(", ")));
            }
            // That one is there twice has been said.
            [first, second, ..] if first.0 != second.0 => {
                let text =
                    format!("{} and {} are both there; leave one out", spelt_key(first), spelt_key(second));
                self.add(place, "both", text);
            }
            _ => {}
        }
    }
}

/// What is wrong with a name that no table has at this place.
fn unknown(name: &str, object: &'static Object) -> String {
    let names = || object.keys.iter().map(|key| key.name);
    if let Some(near) = nearest(name, names()) {
        return format!("there is no such key; did you mean {near}?");
    }
    // Between the whole and its issuers keys are easily misplaced.
    if std::ptr::eq(object, &ROOT) || std::ptr::eq(object, &ISSUER) {
        let places = places_of(name, &ROOT, "");
        if let Some(place) = places.iter().min_by_key(|place| place.matches('.').count()) {
            return format!("there is no such key here; did you mean {place}?");
        }
    }
    format!("there is no such key; {} has {}", object.what, names().collect::<Vec<_>>().join(", "))
}

/// Where keys of this name are.
fn places_of(name: &str, object: &'static Object, path: &str) -> Vec<String> {
    let of_kind = |kind: &'static Kind, path: String| match kind {
        Kind::Object(inner) => places_of(name, inner, &path),
        Kind::List(Kind::Object(inner)) => places_of(name, inner, &format!("{path}[0]")),
        _ => Vec::new(),
    };
    let here = object.key(name).map(|key| below(path, key.name)).into_iter();
    here.chain(object.keys.iter().flat_map(|key| of_kind(&key.kind, below(path, key.name)))).collect()
}

/// What a name of a map should be, where it is not.
fn misfit(name: &str, form: NameForm) -> Option<&'static str> {
    let fits = match form {
        NameForm::Scope => is_scope_token(name),
        NameForm::Route => name.split_once(' ').is_some_and(|(method, pattern)| {
            !method.is_empty()
                && method.bytes().all(|byte| byte.is_ascii_uppercase())
                && pattern.starts_with('/')
        }),
        NameForm::GrpcMethod => {
            name.starts_with('/') && name.matches('/').count() == 2 && !name.ends_with('/')
        }
        NameForm::Claim | NameForm::Any => !name.is_empty(),
    };
    (!fits).then_some(match form {
        NameForm::Scope => "a scope (RFC 6749 section 3.3)",
        NameForm::Route => r#"a method and a pattern of paths, such as "GET /orders/{id}""#,
        NameForm::GrpcMethod => r#"a path of a gRPC method, such as "/package.Service/Method""#,
        NameForm::Claim => "the name of a claim",
        NameForm::Any => "a name",
    })
}

/// What may stand there, in words.
fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Text | Kind::Secret => "a text".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Number(0, u64::MAX) => "a whole number".to_owned(),
        Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Duration => duration::FORM.to_owned(),
        Kind::Requirement => r#"a requirement such as "scope(orders:read)""#.to_owned(),
        Kind::Scope => "a scope (RFC 6749 section 3.3)".to_owned(),
        Kind::HeaderName => "the name of a header field".to_owned(),
        Kind::Word(words) => format!("one of {}", words.join(", ")),
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(..) | Kind::Object(_) => "a table".to_owned(),
        Kind::Any => "a value".to_owned(),
    }
}

/// A value as an error shows it: a secret never.
fn shown(node: &Node, kind: &Kind) -> String {
    match (&node.value, kind) {
        (Value::List(_), _) => "a list".to_owned(),
        (Value::Table(_), _) => "a table".to_owned(),
        (_, Kind::Secret) | (Value::Secret(_), _) => "the value, which is not shown,".to_owned(),
        (Value::Null, _) => "null".to_owned(),
        (Value::Bool(value), _) => value.to_string(),
        (Value::Whole(value), _) => value.to_string(),
        (Value::Negative(value), _) => value.to_string(),
        (Value::Real(value), _) => value.to_string(),
        (Value::Text(text), _) if text.contains("-----BEGIN") => "a text in PEM".to_owned(),
        (Value::Text(text), _) => {
            let text = without_user(text);
            match text.char_indices().nth(SHOWN) {
                Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
                None => format!("{text:?}"),
            }
        }
    }
}
