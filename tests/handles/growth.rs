//! A type that users match or write completely either may grow, or says that it does not.

use crate::public::{Kind, types};

/// Written by `settings!`, which adds `#[non_exhaustive]`.
const BY_MACRO: [&str; 2] = ["source::settings::RefreshSettings", "source::settings::TenantSettings"];

/// What the documentation says of a type that has everything it will ever have.
const COMPLETE: &str = "and no other";

#[test]
fn each_enum_and_each_struct_with_public_fields_may_grow_or_says_that_it_does_not() {
    let mut wrong = Vec::new();
    for found in types().into_iter().filter(|found| found.kind != Kind::Closed) {
        let may_grow = found.may_grow || BY_MACRO.contains(&&*found.path);
        match (may_grow, found.docs.contains(COMPLETE)) {
            (false, false) => {
                wrong.push(format!("{}: neither #[non_exhaustive] nor {COMPLETE:?}", found.path))
            }
            (true, true) => wrong.push(format!("{}: both #[non_exhaustive] and {COMPLETE:?}", found.path)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
