//! Every number of the crate by its name, with its value: fields of settings from their defaults, constants from the
//! sources.

#[path = "../sources/mod.rs"]
mod sources;

use std::{collections::BTreeMap, time::Duration};

use syn::visit::Visit;
use tower_resource_server::{
    CacheSettings, CredentialVerifierSettings,
    source::{RefreshSettings, TenantSettings},
    token::TokenLimits,
};

/// A number, or seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Number(u64),
    Time(Duration),
}

impl Value {
    /// As the page writes it: `16 KiB`, `1 024`, `10 min`, `64 characters`.
    pub fn read(text: &str) -> Self {
        let (digits, unit): (Vec<_>, Vec<_>) = text.split(' ').partition(|part| part.parse::<u64>().is_ok());
        let number: u64 = digits.concat().parse().unwrap_or_else(|_| panic!("{text:?} is no number"));
        let time = |seconds| Self::Time(Duration::from_secs(number * seconds));
        match unit.as_slice() {
            [] | ["bytes" | "bits" | "characters" | "%"] => Self::Number(number),
            ["KiB"] => Self::Number(number * 1024),
            ["MiB"] => Self::Number(number * 1024 * 1024),
            ["ms"] => Self::Time(Duration::from_millis(number)),
            ["s"] => time(1),
            ["min"] => time(60),
            ["h"] => time(3600),
            _ => panic!("{text:?}: no such unit"),
        }
    }

    /// All numbers of a text, in their order. Status codes and what is in backticks are none.
    pub fn all_of(text: &str) -> Vec<Self> {
        const UNITS: [&str; 6] = ["KiB", "MiB", "ms", "s", "min", "h"];
        const STATUSES: [&str; 9] = ["400", "401", "403", "404", "405", "413", "415", "502", "503"];
        let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let mut all = Vec::new();
        for piece in
            text.split('`').step_by(2).flat_map(|part| part.split_inclusive([',', ';', '(', ')', '.']))
        {
            let words = piece.split([' ', '-', ',', ';', '(', ')', '.']).filter(|word| !word.is_empty());
            let mut words = words.peekable();
            while let Some(word) = words.next() {
                if !is_number(word) {
                    assert!(!word.contains(|c: char| c.is_ascii_digit()), "{word:?} is no number: {text}");
                    continue;
                }
                let mut number = word.to_owned();
                while let Some(group) = words.next_if(|word| word.len() == 3 && is_number(word)) {
                    number.push_str(group);
                }
                match words.next_if(|word| UNITS.contains(word)) {
                    Some(unit) => all.push(Self::read(&format!("{number} {unit}"))),
                    None if STATUSES.contains(&&*number) => {}
                    None => all.push(Self::read(&number)),
                }
            }
        }
        all
    }

    /// As `Debug` writes a field.
    fn of_field(text: &str) -> Option<Self> {
        match text.strip_suffix('s').map(str::parse) {
            Some(Ok(seconds)) => Some(Self::Time(Duration::from_secs(seconds))),
            _ => text.parse().ok().map(Self::Number),
        }
    }

    /// The value of a constant that is written in numbers; `None` of one that is made of others.
    pub fn of(expression: &syn::Expr) -> Option<Self> {
        let number = |expression| match Self::of(expression)? {
            Self::Number(number) => Some(number),
            Self::Time(_) => None,
        };
        match expression {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(int), .. }) => {
                int.base10_parse().ok().map(Self::Number)
            }
            syn::Expr::Paren(inner) => Self::of(&inner.expr),
            syn::Expr::Binary(binary) => {
                let (left, right) = (number(&binary.left)?, number(&binary.right)?);
                match binary.op {
                    syn::BinOp::Mul(_) => Some(Self::Number(left * right)),
                    syn::BinOp::Shl(_) => Some(Self::Number(left << right)),
                    _ => None,
                }
            }
            syn::Expr::Call(call) => match (&*call.func, call.args.first()) {
                (syn::Expr::Path(path), Some(count)) => {
                    let time = match &*path.path.segments.last()?.ident.to_string() {
                        "from_secs" => Duration::from_secs,
                        "from_millis" => Duration::from_millis,
                        _ => return None,
                    };
                    number(count).map(|count| Self::Time(time(count)))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// The constants of one file, outside its tests.
#[derive(Default)]
struct Constants(Vec<(String, Value)>);

impl Constants {
    fn note(&mut self, name: &syn::Ident, expression: &syn::Expr) {
        self.0.extend(Value::of(expression).map(|value| (name.to_string(), value)));
    }
}

impl<'ast> Visit<'ast> for Constants {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
        };
        if !item.attrs.iter().any(is_test) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.note(&item.ident, &item.expr);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.note(&item.ident, &item.expr);
    }
}

/// Every constant of the sources by its path.
fn constants() -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (module, source) in sources::modules() {
        let mut constants = Constants::default();
        constants.visit_file(&syn::parse_file(&source).unwrap());
        all.extend(constants.0.into_iter().map(|(name, value)| (format!("{module}::{name}"), value)));
    }
    all
}

/// Every field of a type by its name, from what `Debug` writes of its default: `T { a: 1, b: 2s }`.
fn fields(default: &impl std::fmt::Debug) -> BTreeMap<String, Value> {
    let text = format!("{default:?}");
    let (name, fields) = text.strip_suffix(" }").unwrap().split_once(" { ").unwrap();
    let pairs = fields.split(", ").map(|field| field.split_once(": ").unwrap());
    pairs.filter_map(|(field, value)| Some((format!("{name}::{field}"), Value::of_field(value)?))).collect()
}

/// Whether `short` is a name for `path`: the same module and constant, with what lies between left out.
pub fn names(short: &str, path: &str) -> bool {
    let mut path_parts = path.split("::");
    let ends_alike = short.split("::").last() == path.split("::").last();
    let begins_alike = short.split("::").next() == path.split("::").next();
    begins_alike && ends_alike && short.split("::").all(|part| path_parts.any(|other| other == part))
}

/// Every number by its path.
pub fn all() -> BTreeMap<String, Value> {
    let mut all = constants();
    all.extend(fields(&TokenLimits::default()));
    all.extend(fields(&RefreshSettings::default()));
    all.extend(fields(&TenantSettings::default()));
    all.extend(fields(&CacheSettings::default()));
    all.extend(fields(&CredentialVerifierSettings::default()));
    assert!(all.len() > 60, "only {} numbers were found", all.len());
    all
}

/// The number of this name.
pub fn named(all: &BTreeMap<String, Value>, name: &str) -> Value {
    let mut found = all.iter().filter(|(path, _)| names(name, path));
    match (found.next(), found.next()) {
        (Some((_, value)), None) => *value,
        (None, _) => panic!("{name}: no such number"),
        _ => panic!("{name}: may be any of several"),
    }
}
