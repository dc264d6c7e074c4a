//! The page of limits names every number there is, with its value.
//!
//! Fields of settings are taken from their defaults, constants from the sources.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use syn::visit::Visit;
use tower_resource_server::{
    CacheSettings, CredentialVerifierSettings,
    source::{RefreshSettings, TenantSettings},
    token::TokenLimits,
};

const PAGE: &str = include_str!("../src/guide/limits.md");

/// Numbers that limit nothing: sizes that memory is set aside in, codes, layouts, the last date there is, and
/// where one way of doing the same becomes faster than another.
const NO_LIMITS: [&str; 42] = [
    "config::locations::LAST_DATE",
    "http::challenge::TYPICAL_LENGTH",
    "json::strict::FIRST_INNER_LEVEL",
    "json::strict::HASHED_FROM",
    "keys::curve::MAX_FIELD_BYTES",
    "keys::hash::SHA256_TEXT",
    "policy::membership::FEW",
    "policy::requirement::memo::IN_A_WORD",
    "policy::requirement::nearest::MAX_CLASSES",
    "profile::scopes::FEW",
    "preset::sceyt::error_body::BAD_USER_NAME",
    "preset::sceyt::error_body::EXPIRED_TOKEN",
    "preset::sceyt::error_body::INTERNAL",
    "preset::sceyt::error_body::INVALID_TOKEN",
    "preset::sceyt::error_body::MALFORMED",
    "preset::sceyt::error_body::NOT_ACTIVE",
    "preset::sceyt::error_body::NOT_ALLOWED",
    "preset::sceyt::error_body::UNAUTHORIZED",
    "preset::sceyt::error_body::UNAVAILABLE",
    "proof::dpop::END_INCLUDED",
    "proof::holder::KEY_BYTES",
    "proof::holder::MAX_BYTES",
    "server::cache::ENTRY_OVERHEAD",
    "server::cache::TAIL",
    "server::cache_shards::EMPTY_SHARD",
    "server::cache_shards::FEWEST_ENTRIES",
    "server::cache_shards::MAX_SHARDS",
    "server::cache_shards::TYPICAL_ENTRY",
    "source::tenants::GRAIN",
    "store::memory::CLEARED_PER_CALL",
    "store::redis::WHOLE_SECOND",
    "store::redis::link::LATEST",
    "store::redis::settings::SENTINEL_PORT",
    "store::redis::shards::FORMAT",
    "store::redis::shards::IN_A_CLUSTER",
    "store::redis::shards::NAME",
    "store::redis::shards::SLOTS",
    "store::seal::RANDOM",
    "token::claims::INLINE",
    "token::names::MARKS",
    "token::plain::MEMBERS",
    "test_util::defect::LONG",
];

/// A number, or seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Number(u64),
    Time(Duration),
}

impl Value {
    /// As the page writes it: `16 KiB`, `1 024`, `10 min`, `64 characters`.
    fn read(text: &str) -> Self {
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

    /// As `Debug` writes a field.
    fn of_field(text: &str) -> Option<Self> {
        match text.strip_suffix('s').map(str::parse) {
            Some(Ok(seconds)) => Some(Self::Time(Duration::from_secs(seconds))),
            _ => text.parse().ok().map(Self::Number),
        }
    }

    /// The value of a constant that is written in numbers; `None` of one that is made of others.
    fn of(expression: &syn::Expr) -> Option<Self> {
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

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// `source/settings.rs` is `source::settings`; `None` for files that are tests, or no Rust.
fn module(path: &Path) -> Option<String> {
    let path = Path::new(path.to_str()?.strip_suffix(".rs")?);
    let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
    let is_test = parts.iter().any(|part| *part == "tests" || part.ends_with("_tests"));
    let parts: Vec<_> = parts.into_iter().filter(|part| *part != "mod").collect();
    (!is_test).then(|| parts.join("::"))
}

/// Every constant of the sources by its path.
fn constants() -> BTreeMap<String, Value> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = BTreeMap::new();
    for path in files(&src) {
        let Some(module) = module(path.strip_prefix(&src).unwrap()) else { continue };
        let mut constants = Constants::default();
        constants.visit_file(&syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap());
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

/// The rows of the page: the name, and its value.
fn rows() -> Vec<(&'static str, Value)> {
    let columns = PAGE.lines().map(|line| line.split(" | ").collect::<Vec<_>>());
    let rows = columns.filter_map(|columns| match columns[..] {
        [_, value, name, _, _] => Some((name.strip_prefix('`')?.strip_suffix('`')?, Value::read(value))),
        _ => None,
    });
    rows.collect()
}

/// Whether `short` is a name for `path`: the same module and constant, with what lies between left out.
fn names(short: &str, path: &str) -> bool {
    let mut path_parts = path.split("::");
    let ends_alike = short.split("::").last() == path.split("::").last();
    let begins_alike = short.split("::").next() == path.split("::").next();
    begins_alike && ends_alike && short.split("::").all(|part| path_parts.any(|other| other == part))
}

#[test]
fn every_row_has_the_value_of_what_it_names_and_nothing_is_left_out() {
    let mut unnamed = constants();
    unnamed.extend(fields(&TokenLimits::default()));
    unnamed.extend(fields(&RefreshSettings::default()));
    unnamed.extend(fields(&TenantSettings::default()));
    unnamed.extend(fields(&CacheSettings::default()));
    unnamed.extend(fields(&CredentialVerifierSettings::default()));
    assert!(unnamed.len() > 60, "only {} numbers were found", unnamed.len());

    let mut wrong = Vec::new();
    for name in NO_LIMITS {
        if unnamed.remove(name).is_none() {
            wrong.push(format!("{name}: no such number; take it out of NO_LIMITS"));
        }
    }
    for (name, value) in rows() {
        let found: Vec<_> = unnamed.keys().filter(|path| names(name, path)).cloned().collect();
        match found.as_slice() {
            [path] => {
                let real = unnamed.remove(path);
                if real != Some(value) {
                    wrong.push(format!("{name}: {value:?} on the page, {real:?} in the sources"));
                }
            }
            [] => wrong.push(format!("{name}: no such number, or two rows for it")),
            several => wrong.push(format!("{name}: may be any of {several:?}")),
        }
    }
    wrong.extend(unnamed.into_keys().map(|name| format!("{name}: no row, and not in NO_LIMITS")));
    assert!(wrong.is_empty(), "src/guide/limits.md:\n{}", wrong.join("\n"));
}

#[test]
fn values_are_read_as_they_are_written() {
    let minutes = |minutes: u64| Value::Time(Duration::from_secs(minutes * 60));
    for (text, expected) in [
        ("4", Value::Number(4)),
        ("1 024", Value::Number(1024)),
        ("1 024 bytes", Value::Number(1024)),
        ("16 KiB", Value::Number(16 << 10)),
        ("16 MiB", Value::Number(16 << 20)),
        ("10 %", Value::Number(10)),
        ("60 s", minutes(1)),
        ("15 min", minutes(15)),
        ("6 h", minutes(360)),
    ] {
        assert_eq!(Value::read(text), expected, "{text}");
    }
    for (text, expected) in [
        ("16 * 1024", Some(Value::Number(16 << 10))),
        ("1 << 18", Some(Value::Number(1 << 18))),
        ("10_000", Some(Value::Number(10_000))),
        ("Duration::from_secs(5 * 60)", Some(minutes(5))),
        ("OTHER", None),
        ("size_of::<u64>()", None),
    ] {
        assert_eq!(Value::of(&syn::parse_str(text).unwrap()), expected, "{text}");
    }
}
