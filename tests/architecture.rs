//! The direction of imports: a module may use the modules before it, never one behind. And the one module that
//! reads JSON.
//!
//! The sources are parsed, not searched: comments, documentation and tests do not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::{UseTree, visit::Visit};

/// The modules in order; those on one line do not use each other.
const ORDER: &[&[&str]] = &[
    &["time", "error"],
    &["json"],
    &["token"],
    &["keys"],
    &["policy"],
    &["proof"],
    &["profile"],
    &["verify"],
    &["identity"],
    &["metrics"],
    &["net"],
    &["source", "store", "introspection"],
    &["http"],
    &["explain"],
    &["server"],
    &["preset"],
    &["middleware"],
    &["mcp"],
    &["axum", "tonic", "config"],
];

/// Modules beside the list, and all that they may use.
const BESIDE: &[(&str, &[&str])] = &[
    ("issuer", &["token", "keys", "time"]),
    // It knows of resource servers in its documentation only: who protects it puts a layer around.
    ("identity_provider", &["time", "error", "json", "net", "store"]),
];

/// May use everything: it exists for tests.
const FREE: &[&str] = &["lib", "test_util"];

fn allowed(from: &str, to: &str) -> bool {
    if from == to || FREE.contains(&from) {
        return true;
    }
    if let Some((_, modules)) = BESIDE.iter().find(|(beside, _)| *beside == from) {
        return modules.contains(&to);
    }
    let place = |module: &str| ORDER.iter().position(|modules| modules.contains(&module));
    match (place(from), place(to)) {
        (Some(from), Some(to)) => to < from,
        _ => false,
    }
}

/// The modules that a file names through `crate::`.
struct Names<'a> {
    /// What `lib.rs` exports by another path: the item and its module.
    exports: &'a BTreeMap<String, String>,
    found: BTreeSet<String>,
}

impl Names<'_> {
    fn note(&mut self, first: &str) {
        let module = self.exports.get(first).map_or(first, String::as_str);
        self.found.insert(module.to_owned());
    }
}

/// `#[cfg(test)]` and `#[cfg(doc)]`.
fn is_for_tests_or_docs(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let condition: Option<syn::Path> = attribute.parse_args().ok();
        condition.is_some_and(|condition| condition.is_ident("test") || condition.is_ident("doc"))
    })
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests_or_docs(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let UseTree::Path(path) = &item.tree
            && path.ident == "crate"
            && !is_for_tests_or_docs(&item.attrs)
        {
            for first in firsts(&path.tree) {
                self.note(&first);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments = path.segments.iter();
        if segments.next().is_some_and(|first| first.ident == "crate")
            && let Some(module) = segments.next()
        {
            self.note(&module.ident.to_string());
        }
        syn::visit::visit_path(self, path);
    }
}

/// The first name of each path of a `use` tree.
fn firsts(tree: &UseTree) -> Vec<String> {
    match tree {
        UseTree::Path(path) => vec![path.ident.to_string()],
        UseTree::Name(name) => vec![name.ident.to_string()],
        UseTree::Rename(rename) => vec![rename.ident.to_string()],
        UseTree::Group(group) => group.items.iter().flat_map(firsts).collect(),
        UseTree::Glob(_) => vec!["*".to_owned()],
    }
}

/// The upward imports of one file.
fn violations(module: &str, source: &str, exports: &BTreeMap<String, String>) -> Vec<String> {
    let file = syn::parse_file(source).unwrap();
    let mut names = Names { exports, found: BTreeSet::new() };
    names.visit_file(&file);
    names.found.into_iter().filter(|to| !allowed(module, to)).collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// `pub use identity::{Identity, ..}` in lib.rs: where each re-exported name lives.
fn exports() -> BTreeMap<String, String> {
    let lib = syn::parse_file(&fs::read_to_string(src().join("lib.rs")).unwrap()).unwrap();
    let uses = lib.items.iter().filter_map(|item| match item {
        syn::Item::Use(syn::ItemUse { tree: UseTree::Path(path), .. }) => Some(path),
        _ => None,
    });
    uses.flat_map(|path| firsts(&path.tree).into_iter().map(|name| (name, path.ident.to_string()))).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Files that only the tests compile: `mod tests;` and the like.
fn is_test_file(path: &Path) -> bool {
    let stem = path.file_stem().unwrap().to_string_lossy();
    if path == Path::new("issuer/check.rs") {
        return true;
    }
    stem == "tests" || stem.ends_with("_tests") || path.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn imports_go_one_way() {
    let exports = exports();
    let all = rust_files(&src());
    assert!(all.len() > 40, "only {} files were found", all.len());

    let mut wrong = Vec::new();
    for path in all {
        let relative = path.strip_prefix(src()).unwrap();
        if is_test_file(relative) {
            continue;
        }
        let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs");
        for to in violations(module, &fs::read_to_string(&path).unwrap(), &exports) {
            wrong.push(format!("src/{}: {module} uses {to}", relative.display()));
        }
    }
    assert!(wrong.is_empty(), "upward imports:\n{}", wrong.join("\n"));
}

#[test]
fn a_planted_upward_import_is_found() {
    let exports = exports();
    for (name, module, source, expected) in [
        ("a use", "token", "use crate::server::Slot;", &["server"][..]),
        ("a group", "keys", "use crate::{error::X, http::{A, B}};", &["http"]),
        ("a path in code", "policy", "fn f() { crate::source::g(); }", &["source"]),
        ("a path in a type", "time", "struct S(crate::keys::KeySet);", &["keys"]),
        ("a re-exported name", "http", "use crate::ResourceServer;", &["server"]),
        ("a glob", "http", "use crate::*;", &["*"]),
        ("the network from the core", "verify", "use crate::net::HttpClient;", &["net"]),
        ("sources from the network", "net", "use crate::source::FetchError;", &["source"]),
        ("beside each other", "axum", "use crate::tonic::X;", &["tonic"]),
        ("one beside into the list", "issuer", "use crate::server::X;", &["server"]),
        ("the list into one beside", "server", "use crate::issuer::X;", &["issuer"]),
        ("one beside into another", "identity_provider", "use crate::issuer::X;", &["issuer"]),
        ("downward", "server", "use crate::{http::X, keys::Y};", &[]),
        ("in a test", "token", "#[cfg(test)] mod tests { use crate::server::X; }", &[]),
        ("in documentation", "token", "#[cfg(doc)] use crate::server::X;", &[]),
    ] {
        assert_eq!(violations(module, source, &exports), expected, "{name}");
    }
}

/// What reads JSON: a call of one of these is a reading that the strict pass may not have seen.
const READERS: [&str; 8] = [
    "de",
    "from_reader",
    "from_slice",
    "from_str",
    "from_value",
    "Deserializer",
    "StreamDeserializer",
    "RawValue",
];

/// The ways into serde_json's deserializers that a file takes.
#[derive(Default)]
struct Readings(BTreeSet<String>);

impl Readings {
    fn of(source: &str) -> BTreeSet<String> {
        let mut readings = Self::default();
        readings.visit_file(&syn::parse_file(source).unwrap());
        readings.0
    }

    fn note(&mut self, names: impl IntoIterator<Item = String>) {
        self.0.extend(names.into_iter().filter(|name| READERS.contains(&name.as_str())));
    }
}

impl<'ast> Visit<'ast> for Readings {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests_or_docs(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_use_path(&mut self, path: &'ast syn::UsePath) {
        if path.ident == "serde_json" {
            self.note(all(&path.tree));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.first().is_some_and(|first| first.ident == "serde_json") {
            self.note(path.segments.iter().map(|segment| segment.ident.to_string()));
        }
        syn::visit::visit_path(self, path);
    }
}

/// Every name of a `use` tree.
fn all(tree: &UseTree) -> Vec<String> {
    match tree {
        UseTree::Path(path) => [path.ident.to_string()].into_iter().chain(all(&path.tree)).collect(),
        UseTree::Group(group) => group.items.iter().flat_map(all).collect(),
        other => firsts(other),
    }
}

#[test]
fn json_is_read_in_one_module() {
    let mut wrong = Vec::new();
    for path in rust_files(&src()) {
        let relative = path.strip_prefix(src()).unwrap();
        if relative.starts_with("json") || is_test_file(relative) {
            continue;
        }
        for reading in Readings::of(&fs::read_to_string(&path).unwrap()) {
            wrong.push(format!("src/{}: serde_json's {reading}", relative.display()));
        }
    }
    assert!(wrong.is_empty(), "read it through crate::json:\n{}", wrong.join("\n"));
}

#[test]
fn a_planted_reading_is_found() {
    for (name, source, expected) in [
        ("a call", "fn f() { serde_json::from_str::<u8>(\"1\"); }", &["from_str"][..]),
        ("a use", "use serde_json::{Map, value::{RawValue, Value}};", &["RawValue"]),
        ("a use by another name", "use serde_json::from_slice as read;", &["from_slice"]),
        (
            "a deserializer",
            "fn f() { serde_json::Deserializer::from_str(\"1\"); }",
            &["Deserializer", "from_str"],
        ),
        ("a type", "struct S<'a>(&'a serde_json::value::RawValue);", &["RawValue"]),
        ("writing", "use serde_json::{Value, json, to_vec}; fn f() { serde_json::to_string(&1); }", &[]),
        ("another crate", "fn f() { toml::from_str(\"\"); }", &[]),
        ("in a test", "#[cfg(test)] mod tests { use serde_json::from_str; }", &[]),
    ] {
        let found = Readings::of(source);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{name}");
    }
}
