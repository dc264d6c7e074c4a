//! Every public type, from the sources: what is `pub`, since the lint `unreachable_pub` allows it for nothing else.

use syn::{Attribute, Fields, Item, Visibility};

/// Types that no user can name: they are parts of others.
const PARTS: [&str; 2] = ["mcp::future::JudgeFuture", "mcp::service::Judge"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Enum,
    /// With named fields that are public, some or all.
    Open,
    /// Any other struct: its fields are private, or it has one value, or none.
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    /// From the root of the crate: `source::settings::RefreshSettings`.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    /// `#[non_exhaustive]`.
    pub(crate) may_grow: bool,
    pub(crate) docs: String,
}

/// All of them, in the order of the sources.
pub(crate) fn types() -> Vec<Type> {
    let modules = crate::sources::modules();
    let mut types: Vec<_> = modules.iter().flat_map(|(module, source)| in_source(module, source)).collect();
    for part in PARTS {
        let before = types.len();
        types.retain(|found| found.path != part);
        assert_eq!(types.len() + 1, before, "{part}: no such type; take it out of PARTS");
    }
    assert!(types.len() > 200, "only {} types were found", types.len());
    types
}

fn in_source(module: &str, source: &str) -> Vec<Type> {
    let mut types = Vec::new();
    collect(module, &syn::parse_file(source).unwrap().items, &mut types);
    types
}

fn collect(module: &str, items: &[Item], types: &mut Vec<Type>) {
    for item in items {
        let (visibility, name, attributes, kind) = match item {
            Item::Enum(item) => (&item.vis, &item.ident, &item.attrs, Kind::Enum),
            Item::Struct(item) => (&item.vis, &item.ident, &item.attrs, kind_of(&item.fields)),
            Item::Mod(item) if !is_test(&item.attrs) => {
                let inner = item.content.as_ref().map_or(&[][..], |(_, items)| items);
                collect(&format!("{module}::{}", item.ident), inner, types);
                continue;
            }
            Item::Macro(item) => {
                types.extend(in_macro(module, item));
                continue;
            }
            _ => continue,
        };
        if matches!(visibility, Visibility::Public(_)) {
            types.push(Type {
                path: format!("{module}::{name}"),
                kind,
                may_grow: attributes.iter().any(|attribute| attribute.path().is_ident("non_exhaustive")),
                docs: attributes.iter().filter_map(doc).collect::<Vec<_>>().join(" "),
            });
        }
    }
}

/// A struct of one value without a name is that value.
fn kind_of(fields: &Fields) -> Kind {
    let is_public = fields.iter().any(|field| matches!(field.vis, Visibility::Public(_)));
    match fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Kind::Closed,
        _ if is_public => Kind::Open,
        _ => Kind::Closed,
    }
}

/// What a macro is given, or writes, where it has types in it. What can be parsed is read as it is; of anything else
/// the names are found, and what is written before it says whether it may grow.
fn in_macro(module: &str, item: &syn::ItemMacro) -> Vec<Type> {
    let mut types = Vec::new();
    if let Ok(file) = syn::parse2::<syn::File>(item.mac.tokens.clone()) {
        collect(module, &file.items, &mut types);
        return types;
    }
    let text = item.mac.tokens.to_string();
    for (word, kind) in [("pub struct ", Kind::Open), ("pub enum ", Kind::Enum)] {
        for (at, _) in text.match_indices(word) {
            let rest = &text[at + word.len()..];
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // `$Name` is told by those who use the macro.
            if !name.is_empty() {
                let may_grow = text[..at].contains("non_exhaustive");
                types.push(Type { path: format!("{module}::{name}"), kind, may_grow, docs: String::new() });
            }
        }
    }
    types
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn doc(attribute: &Attribute) -> Option<String> {
    let value = attribute.path().is_ident("doc").then(|| attribute.meta.require_name_value().ok())??;
    match &value.value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
        _ => None,
    }
}

#[test]
fn planted_types_are_found() {
    let source = "
        /// One of these,
        /// and no other.
        #[derive(Clone)]
        pub enum A { B }
        #[non_exhaustive]
        pub struct C { pub d: u8, e: u8 }
        pub struct F { g: u8 }
        pub struct H(pub u8);
        pub struct I(pub u8, pub u8);
        pub(crate) struct J { pub k: u8 }
        struct L;
        mod inner { pub struct M; }
        #[cfg(test)] mod tests { pub struct N; }
        pin_project! { pub struct O { #[pin] p: u8 } }
        settings! { pub struct Q { r: u8 = 1, } }
        macro_rules! s { () => { #[non_exhaustive] pub enum T {} pub struct $U; } }
    ";
    let found: Vec<_> =
        in_source("m", source).into_iter().map(|t| (t.path, t.kind, t.may_grow, t.docs)).collect();
    let expected = [
        ("m::A", Kind::Enum, false, "One of these, and no other."),
        ("m::C", Kind::Open, true, ""),
        ("m::F", Kind::Closed, false, ""),
        ("m::H", Kind::Closed, false, ""),
        ("m::I", Kind::Open, false, ""),
        ("m::inner::M", Kind::Closed, false, ""),
        ("m::O", Kind::Closed, false, ""),
        ("m::Q", Kind::Open, false, ""),
        ("m::T", Kind::Enum, true, ""),
    ];
    let expected = expected.map(|(path, kind, grows, docs)| (path.to_owned(), kind, grows, docs.to_owned()));
    assert_eq!(found, expected);
}
