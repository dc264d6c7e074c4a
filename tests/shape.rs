//! The shape of the sources, as far as it can be counted: lines, conditions, calls, and words that the
//! field does not use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::visit::Visit;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder, or the file itself, by their paths from the root; what is built, fetched
/// or generated is left out.
fn files(path: &str) -> Vec<PathBuf> {
    let full = root().join(path);
    if !full.is_dir() {
        return if full.exists() { vec![path.into()] } else { Vec::new() };
    }
    let entries = fs::read_dir(full).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries
        .filter(|name| {
            !["node_modules", ".venv", "target", "package-lock.json", "Cargo.lock"].contains(&name.as_str())
        })
        .flat_map(|name| files(&format!("{path}/{name}")))
        .collect()
}

fn sources(path: &str) -> Vec<PathBuf> {
    files(path)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The text of a file; empty where it is none.
fn text(path: &Path) -> String {
    String::from_utf8(fs::read(root().join(path)).unwrap()).unwrap_or_default()
}

fn lines(paths: &[PathBuf]) -> usize {
    paths.iter().map(|path| text(path).lines().count()).sum()
}

#[test]
fn the_readme_can_be_read_in_one_go() {
    let readme = lines(&["README.md".into()]);
    assert!(readme <= 150, "README.md has {readme} lines; what is longer belongs into src/guide");
    let first_code = text(Path::new("README.md")).lines().position(|line| line.starts_with("```")).unwrap();
    assert!(first_code < 25, "the first code of README.md begins in line {}", first_code + 1);
}

/// Words, in pieces so that this file does not have them: metaphors, and what reads like a riddle.
const WORDS: [&str; 6] = [
    concat!("ho", "use"),
    concat!("ro", "om"),
    concat!("do", "or"),
    concat!("flo", "or"),
    concat!("who", "ever"),
    concat!("no", "body"),
];
const PHRASE: &str = concat!("verdict", " stands");

/// Texts of others, which stay as they are: the file, and what the line quotes.
const QUOTED: [(&str, &str); 1] = [("tests/rfc_examples.rs", "a dangerous business, Frodo")];

/// The words of a line in lower case; those that make up a name are words of their own, however they are joined.
fn words(line: &str) -> Vec<String> {
    let chars: Vec<char> = line.chars().collect();
    let mut spaced = String::new();
    for (n, char) in chars.iter().enumerate() {
        let (before, next) = (n.checked_sub(1).and_then(|n| chars.get(n)), chars.get(n + 1));
        let before_is = |is: fn(char) -> bool| before.is_some_and(|char| is(*char));
        let in_capitals = before_is(char::is_uppercase) && next.is_none_or(|next| !next.is_lowercase());
        if char.is_uppercase() && before_is(char::is_alphanumeric) && !in_capitals {
            spaced.push(' ');
        }
        spaced.push(*char);
    }
    let words = spaced.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn forbidden(line: &str) -> bool {
    let words = words(line);
    words.iter().any(|word| WORDS.contains(&word.strip_suffix('s').unwrap_or(word)))
        || line.to_lowercase().replace('_', " ").contains(PHRASE)
}

#[test]
fn the_words_are_those_of_the_field() {
    let mut found = Vec::new();
    for path in ["src", "tests", "benches", "examples", "README.md"].into_iter().flat_map(files) {
        for (number, line) in text(&path).lines().enumerate() {
            let is_quoted = |(file, quote): &(&str, &str)| path == Path::new(file) && line.contains(quote);
            if forbidden(line) && !QUOTED.iter().any(is_quoted) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "{} lines; say it in the terms of CONTRIBUTING.md:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn a_planted_word_is_found() {
    for (name, line, expected) in [
        ("a word", format!("/// A {} of its own.", WORDS[1]), true),
        ("of several", format!("two {}s", WORDS[2]), true),
        ("in capitals", WORDS[5].to_uppercase(), true),
        ("with a hyphen", format!("in-{}", WORDS[0]), true),
        ("the phrase", format!("while the {PHRASE},"), true),
        ("within a word", format!("ware{} and {}keeper", WORDS[0], WORDS[2]), false),
        ("of a name", format!("fn a_{}_without_keys() {{}}", WORDS[1]), true),
        ("of a constant", format!("const {}_COUNT: u8 = 1;", WORDS[2].to_uppercase()), true),
        ("of a type", format!("struct HTTPD{}Keys;", &WORDS[2][1..]), true),
        ("of a name in camel case", format!("let aD{} = 1;", &WORDS[2][1..]), true),
        ("of a type behind a digit", format!("struct Tls13D{};", &WORDS[2][1..]), true),
        ("the phrase as a name", format!("fn {}() {{}}", PHRASE.replace(' ', "_")), true),
        ("across a name's words", format!("let {}_{} = 1;", &WORDS[2][..2], &WORDS[2][2..]), false),
        ("no such word", "a layer, a module, a route".to_owned(), false),
    ] {
        assert_eq!(forbidden(&line), expected, "{name}: {line}");
    }
}

#[test]
fn dead_code_is_not_allowed_in_the_whole_crate() {
    let lib = syn::parse_file(&text(Path::new("src/lib.rs"))).unwrap();
    let lists = lib.attrs.iter().filter_map(|attribute| attribute.meta.require_list().ok());
    let hiding: Vec<_> =
        lists.map(|list| list.tokens.to_string()).filter(|tokens| tokens.contains("dead_code")).collect();
    assert!(hiding.is_empty(), "src/lib.rs hides dead code: {hiding:?}");
}

#[test]
fn the_server_reads_alike_with_and_without_the_network() {
    let conditions = |path: &PathBuf| {
        let text = text(path);
        // What only marks an item in the documentation compiles nothing away.
        let lines = text.lines().filter(|line| !line.contains("doc(cfg("));
        lines.map(|line| line.matches(r#"feature = "remote""#).count()).sum::<usize>()
    };
    let counts: Vec<_> = sources("src/server").iter().map(|path| (path.clone(), conditions(path))).collect();
    let count: usize = counts.iter().map(|(_, count)| count).sum();
    let where_they_are: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    assert!(count <= 12, "{count} conditions on the feature remote: {where_they_are:?}");
}

#[test]
fn explanations_are_words_and_no_second_verification() {
    let server: Vec<_> = sources("src/server")
        .into_iter()
        .filter(|path| path.strip_prefix("src/server").unwrap().to_string_lossy().starts_with("explain"))
        .collect();
    let explain = sources("src/explain");
    assert!(!server.is_empty() && !explain.is_empty(), "explain is elsewhere: correct this test");
    let count = lines(&server) + lines(&explain);
    assert!(count <= 1_000, "{count} lines of explain");
}

/// Calls of a method or function, by its name.
struct Calls<'a> {
    name: &'a str,
    count: usize,
}

impl Calls<'_> {
    fn in_source(name: &str, source: &str) -> usize {
        let mut calls = Calls { name, count: 0 };
        calls.visit_file(&syn::parse_file(source).unwrap());
        calls.count
    }
}

impl<'ast> Visit<'ast> for Calls<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
        };
        if !item.attrs.iter().any(is_test) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.count += usize::from(call.method == self.name);
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        let last = path.path.segments.last();
        self.count += usize::from(last.is_some_and(|segment| segment.ident == self.name));
        syn::visit::visit_expr_path(self, path);
    }
}

#[test]
fn a_requirement_is_checked_in_one_place() {
    let is_tests = |path: &PathBuf| path.components().any(|part| part.as_os_str() == "tests");
    let calls = sources("src").into_iter().filter(|path| !is_tests(path)).filter_map(|path| {
        let count = Calls::in_source("is_met_by", &text(&path));
        (count > 0).then(|| (path.display().to_string(), count))
    });
    assert_eq!(calls.collect::<Vec<_>>(), [("src/server/admit.rs".to_owned(), 1)]);
}

#[test]
fn planted_calls_are_counted() {
    for (name, source, expected) in [
        ("a method", "fn f(x: X) { x.is_met_by(y); x.other(); }", 1),
        ("by its path", "fn f() { Requirement::is_met_by(&x, y); }", 1),
        ("handed on", "fn f() { all.iter().all(X::is_met_by); }", 1),
        ("its definition", "impl X { fn is_met_by(&self) {} }", 0),
        ("in a test", "#[cfg(test)] mod tests { fn f() { x.is_met_by(y); } }", 0),
    ] {
        assert_eq!(Calls::in_source("is_met_by", source), expected, "{name}");
    }
}
