//! Takes what a client may not use out of the lists of an answer.

use std::{borrow::Cow, ops::Range};

use super::requirements::Item;
use crate::json::Outline;

/// The members of a result that are lists.
const LISTS: [&str; 4] = ["tools", "prompts", "resources", "resourceTemplates"];

/// The same text without the items that are not `shown`; every other byte is as it was. `None` when the text
/// is no message, or one that two readers would read in two ways: it must not be passed on.
pub(super) fn filter<'a>(text: &'a str, shown: impl Fn(Item<'_>) -> bool) -> Option<Cow<'a, str>> {
    let outline = Outline::of(text)?;
    let mut cuts = Vec::new();
    match outline.elements() {
        None => filter_message(text, outline, &shown, &mut cuts)?,
        Some(mut batch) => batch.try_for_each(|message| filter_message(text, message, &shown, &mut cuts))?,
    }
    if cuts.is_empty() {
        return Some(Cow::Borrowed(text));
    }
    // The lists of one result may stand in any order.
    cuts.sort_by_key(|(range, _)| range.start);
    let (mut filtered, mut from) = (String::with_capacity(text.len()), 0);
    for (range, list) in cuts {
        filtered.push_str(text.get(from..range.start)?);
        filtered.push_str(&list);
        from = range.end;
    }
    filtered.push_str(text.get(from..)?);
    Some(Cow::Owned(filtered))
}

/// Notes what is to stand in the place of each list of one message that loses an item.
fn filter_message(
    whole: &str,
    message: Outline<'_>,
    shown: &impl Fn(Item<'_>) -> bool,
    cuts: &mut Vec<(Range<usize>, String)>,
) -> Option<()> {
    let [result] = message.pick(["result"]).ok()?;
    let Some(result) = result.filter(|result| result.is_object()) else { return Some(()) };
    let lists = result.pick(LISTS).ok()?;
    for (name, list) in LISTS.into_iter().zip(lists) {
        let Some(list) = list else { continue };
        let (mut kept, mut all) = (Vec::new(), 0);
        for element in list.elements()? {
            all += 1;
            if is_shown(name, element, shown)? {
                kept.push(element.as_str());
            }
        }
        if kept.len() < all {
            let start = list.start_in(whole)?;
            cuts.push((start..start + list.as_str().len(), format!("[{}]", kept.join(","))));
        }
    }
    Some(())
}

/// Whether an element of a list is shown; one without a name is not. `None` when it is not clear which it is.
fn is_shown(list: &str, element: Outline<'_>, shown: &impl Fn(Item<'_>) -> bool) -> Option<bool> {
    if !element.is_object() {
        return Some(false);
    }
    let [name, uri, template] = element.pick(["name", "uri", "uriTemplate"]).ok()?;
    let of = |value: Option<Outline<'_>>, item: fn(&str) -> Item<'_>| {
        value.and_then(Outline::text).is_some_and(|text| shown(item(&text)))
    };
    Some(match list {
        "tools" => of(name, |name| Item::Tool(name)),
        "prompts" => of(name, |name| Item::Prompt(name)),
        "resources" => of(uri, |uri| Item::Resource(uri)),
        _ => of(template, |template| Item::Resource(template)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows what begins with an `a`.
    fn filtered(text: &str) -> Option<String> {
        let shown = |item: Item<'_>| match item {
            Item::Tool(name) | Item::Prompt(name) | Item::Resource(name) => name.starts_with('a'),
        };
        filter(text, shown).map(Cow::into_owned)
    }

    #[test]
    fn items_are_taken_out_and_every_other_byte_stays() {
        for (name, text, expected) in [
            (
                "tools",
                r#" {"jsonrpc":"2.0","id":1.0,"result":{ "tools" : [ {"name":"a"} , {"name":"b","x":[{}]} ],"nextCursor":"b"} }"#,
                Some(r#" {"jsonrpc":"2.0","id":1.0,"result":{ "tools" : [{"name":"a"}],"nextCursor":"b"} }"#),
            ),
            ("prompts", r#"{"result":{"prompts":[{"name":"b"}]}}"#, Some(r#"{"result":{"prompts":[]}}"#)),
            (
                "resources by URI",
                r#"{"result":{"resources":[{"name":"a","uri":"b:"},{"name":"b","uri":"a:"}]}}"#,
                Some(r#"{"result":{"resources":[{"name":"b","uri":"a:"}]}}"#),
            ),
            (
                "templates",
                r#"{"result":{"resourceTemplates":[{"uriTemplate":"b:{x}"},{"uriTemplate":"a:{x}"}]}}"#,
                Some(r#"{"result":{"resourceTemplates":[{"uriTemplate":"a:{x}"}]}}"#),
            ),
            (
                "several lists, in any order",
                r#"{"result":{"prompts":[{"name":"b"}],"tools":[{"name":"b"}]}}"#,
                Some(r#"{"result":{"prompts":[],"tools":[]}}"#),
            ),
            (
                "a batch",
                r#"[{"result":{"tools":[{"name":"b"}]}},{"result":{}},{"result":{"tools":[{"name":"b"}]}}]"#,
                Some(r#"[{"result":{"tools":[]}},{"result":{}},{"result":{"tools":[]}}]"#),
            ),
            (
                "escapes in a name",
                r#"{"result":{"tools":[{"name":"\u0061"},{"name":"\u0062"}]}}"#,
                Some(r#"{"result":{"tools":[{"name":"\u0061"}]}}"#),
            ),
            (
                "escapes in the names of members",
                r#"{"\u0072esult":{"t\u006fols":[{"n\u0061me":"b"}]}}"#,
                Some(r#"{"\u0072esult":{"t\u006fols":[]}}"#),
            ),
            (
                "items without a name",
                r#"{"result":{"tools":[{},null,"a",{"name":1}]}}"#,
                Some(r#"{"result":{"tools":[]}}"#),
            ),
            ("no list", r#"{"id":"x","result":{"content":[{"name":"b"}]}}"#, None),
            ("an error", r#"{"id":"x","error":{"code":1,"message":"tools"}}"#, None),
            ("a request of the server", r#"{"method":"x","params":{"tools":[{"name":"b"}]}}"#, None),
        ] {
            assert_eq!(filtered(text).as_deref(), Some(expected.unwrap_or(text)), "{name}");
        }
    }

    #[test]
    fn what_is_not_clear_is_not_passed_on() {
        for (name, text) in [
            ("no JSON", r#"{"result":{"tools":[{"name":"b"}]}"#),
            ("no message", r#""tools""#),
            ("a batch in a batch", r#"[[{"result":{"tools":[{"name":"b"}]}}]]"#),
            ("two results", r#"{"result":{},"result":{"tools":[{"name":"b"}]}}"#),
            ("a result in another case", r#"{"Result":{"tools":[{"name":"b"}]}}"#),
            ("two lists", r#"{"result":{"tools":[],"tools":[{"name":"b"}]}}"#),
            ("two names", r#"{"result":{"tools":[{"name":"a","name":"b"}]}}"#),
            ("names in two cases", r#"{"result":{"tools":[{"name":"a","Name":"b"}]}}"#),
            ("no array", r#"{"result":{"tools":{"0":{"name":"b"}}}}"#),
        ] {
            assert_eq!(filtered(text), None, "{name}");
        }
    }
}
