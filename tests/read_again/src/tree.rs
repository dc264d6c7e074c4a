//! A payload as a tree, which is the judge here: it knows names that occur twice, private names, and how
//! deep it nests, because it was made and not read.

use serde_json::{Map, Value};

use crate::{PRIVATE, random::Random};

#[derive(Clone, Debug)]
pub enum Tree {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// How deep a payload may nest.
const NESTING: usize = 32;

/// What must not be in a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pub twice: bool,
    pub private: bool,
    pub too_deep: bool,
    pub out_of_range: bool,
}

impl Faults {
    pub fn of(payload: &Tree) -> Self {
        let mut faults = Self::default();
        faults.find(payload, 1);
        faults
    }

    pub fn are_none(self) -> bool {
        self == Self::default()
    }

    fn find(&mut self, tree: &Tree, level: usize) {
        match tree {
            Tree::Number(text) => self.out_of_range |= !text.parse::<f64>().is_ok_and(f64::is_finite),
            Tree::Array(items) => {
                self.too_deep |= level > NESTING;
                items.iter().for_each(|item| self.find(item, level + 1));
            }
            Tree::Object(members) => {
                self.too_deep |= level > NESTING;
                for (n, (name, value)) in members.iter().enumerate() {
                    self.twice |= members[..n].iter().any(|(other, _)| other == name);
                    self.private |= name.starts_with(PRIVATE);
                    self.find(value, level + 1);
                }
            }
            Tree::Null | Tree::Bool(_) | Tree::Text(_) => {}
        }
    }
}

/// How a text is spelt.
#[derive(Clone, Copy)]
pub struct Spelling {
    pub escapes: bool,
    pub blanks: &'static [&'static str],
}

impl Tree {
    /// What a reader must find, made without reading but for each number. Only of trees without faults.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(is) => Value::Bool(*is),
            Self::Number(text) => Value::Number(text.parse().expect("a number")),
            Self::Text(text) => Value::String(text.clone()),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Self::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), value.to_value()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// A JSON Pointer to something in it.
    pub fn pointer(&self, random: &mut Random) -> String {
        let (mut tree, mut pointer) = (self, String::new());
        loop {
            let (step, inner) = match tree {
                Self::Array(items) if !items.is_empty() => {
                    let n = random.below(items.len());
                    (n.to_string(), &items[n])
                }
                Self::Object(members) if !members.is_empty() => {
                    let (name, value) = random.one(members);
                    (name.replace('~', "~0").replace('/', "~1"), value)
                }
                _ => return pointer,
            };
            pointer = format!("{pointer}/{step}");
            tree = inner;
            if random.one_in(3) {
                return pointer;
            }
        }
    }

    pub fn write(&self, spelling: Spelling, random: &mut Random, text: &mut String) {
        let blank =
            |random: &mut Random, text: &mut String| text.push_str(random.one::<&str>(spelling.blanks));
        blank(random, text);
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(is) => text.push_str(if *is { "true" } else { "false" }),
            Self::Number(number) => text.push_str(number),
            Self::Text(string) => write_text(string, spelling, random, text),
            Self::Array(items) => {
                text.push('[');
                for (n, item) in items.iter().enumerate() {
                    text.push_str(if n == 0 { "" } else { "," });
                    item.write(spelling, random, text);
                }
                blank(random, text);
                text.push(']');
            }
            Self::Object(members) => {
                text.push('{');
                for (n, (name, value)) in members.iter().enumerate() {
                    text.push_str(if n == 0 { "" } else { "," });
                    blank(random, text);
                    write_text(name, spelling, random, text);
                    blank(random, text);
                    text.push(':');
                    value.write(spelling, random, text);
                }
                blank(random, text);
                text.push('}');
            }
        }
        blank(random, text);
    }
}

fn write_text(string: &str, spelling: Spelling, random: &mut Random, text: &mut String) {
    text.push('"');
    for char in string.chars() {
        match char {
            '"' | '\\' => text.extend(['\\', char]),
            '\n' if !spelling.escapes => text.push_str("\\n"),
            _ if char < ' ' || (spelling.escapes && random.one_in(3)) => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
            _ => text.push(char),
        }
    }
    text.push('"');
}
