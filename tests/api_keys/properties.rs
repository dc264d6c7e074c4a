//! Whatever is sent: one of the secrets is a key, anything else is what it is without keys.

use std::sync::LazyLock;

use proptest::{prelude::*, sample::select};
use tower_resource_server::{Credential, ResourceServer};

use crate::site::{SECRETS, Site, builder};

static SITE: LazyLock<(Site, ResourceServer)> = LazyLock::new(|| {
    let site = Site::new();
    let bare = builder(&site.issuer).build().unwrap();
    (site, bare)
});

/// A secret, or one that was changed a little, or put beside another; tokens; anything.
fn credential() -> impl Strategy<Value = String> {
    let secret = || select(SECRETS.to_vec()).prop_map(str::to_owned);
    let changed = (secret(), any::<prop::sample::Index>(), "[ -~]").prop_map(|(secret, at, with)| {
        let at = at.index(secret.len());
        format!("{}{with}{}", &secret[..at], &secret[at + 1..])
    });
    let joined =
        (secret(), "[.=_-]{0,4}", secret()).prop_map(|(one, between, other)| one + &between + &other);
    let parts = prop::collection::vec(
        prop_oneof![secret(), "[A-Za-z0-9_-]{0,9}", Just("eyJhbGciOiJFUzI1NiJ9".into())],
        1..7,
    )
    .prop_map(|parts| parts.join("."));
    prop_oneof![secret(), changed, joined, parts, "[ -~]{0,40}", ".{0,40}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_a_secret_is_a_key(credential in credential()) {
        let (site, bare) = &*SITE;
        match site.api.verify_now(&credential) {
            Ok(who) => {
                prop_assert!(SECRETS.contains(&credential.as_str()), "{credential:?}");
                prop_assert!(matches!(who.credential(), Credential::ApiKey(_)));
            }
            Err(refused) => {
                prop_assert!(!SECRETS.contains(&credential.as_str()), "{credential:?}");
                let without = bare.verify_now(&credential).unwrap_err();
                prop_assert_eq!((refused.status(), refused.headers()), (without.status(), without.headers()));
            }
        }
    }
}
