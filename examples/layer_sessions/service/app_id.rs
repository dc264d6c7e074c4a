//! Application identifiers. This service has no applications, and takes any that is well-formed.

/// `layer:///apps/{production|staging}/{uuid}`, the same with two slashes (guides have both), or the
/// UUID by itself.
pub(crate) fn is_well_formed(app_id: &str) -> bool {
    let path = app_id.strip_prefix("layer:///apps/").or_else(|| app_id.strip_prefix("layer://apps/"));
    let uuid = match path.map(|path| path.split_once('/')) {
        None => Some(app_id),
        Some(Some(("production" | "staging", uuid))) => Some(uuid),
        Some(_) => None,
    };
    uuid.is_some_and(is_uuid)
}

/// RFC 9562 section 4.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
