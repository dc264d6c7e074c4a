//! Requirements judge the holder of a key by what the configuration says; what it does not say meets nothing.

use std::time::Duration;

use tower_resource_server::policy::{
    Requirement, acr, actor_is, amr, any_role, any_scope, audience, authorization_details, client, issuer,
    max_age, not_delegated, role, scope,
};

use crate::site::{BILLING, Site, builder, keys};

#[test]
fn every_leaf_looks_at_the_data_of_the_key() {
    let site = Site::new();
    let who = site.api.verify_now(BILLING).unwrap();
    let claim = Requirement::claim;
    for (required, code) in [
        (Requirement::any_token(), None),
        (scope("read"), None),
        (scope("read write"), None),
        (scope("admin"), Some("insufficient_scope")),
        (any_scope(["admin", "write"]), None),
        (role("clerk"), None),
        (role("manager"), Some("insufficient_scope")),
        (any_role(["manager", "clerk"]), None),
        (client(["billing-client"]), None),
        (client(["billing"]), Some("insufficient_scope")),
        (issuer("https://api.test"), None),
        (issuer("https://issuer.test"), Some("insufficient_scope")),
        (audience("https://api.test"), Some("insufficient_scope")),
        (not_delegated(), None),
        (actor_is(["billing"]), Some("insufficient_scope")),
        (acr(["gold"]), Some("insufficient_user_authentication")),
        (amr(["pwd"]), Some("insufficient_scope")),
        (max_age(Duration::from_secs(u64::MAX)), Some("insufficient_user_authentication")),
        (claim("sub").equals("billing"), Some("insufficient_scope")),
        (claim("roles").contains_any(["clerk"]), Some("insufficient_scope")),
        (authorization_details("payment").into(), Some("insufficient_scope")),
        (scope("admin").or(role("clerk")), None),
        (scope("read").and(role("manager")), Some("insufficient_scope")),
        (Requirement::never(), Some("insufficient_scope")),
    ] {
        let refused = who.require(&required).err();
        assert_eq!(refused.map(|refused| refused.reason().code()), code, "{required}");
    }
}

#[test]
fn what_the_server_requires_of_every_request_holds_for_keys_too() {
    let issuer = Site::new().issuer;
    let server = |required| builder(&issuer).require(required).api_keys(keys(&issuer)).build().unwrap();
    assert!(server(scope("write")).verify_now(BILLING).is_ok());
    let refused = server(scope("admin")).verify_now(BILLING).unwrap_err();
    assert_eq!((refused.status().as_u16(), refused.reason().code()), (403, "insufficient_scope"));
    let implied = builder(&issuer).scope_implies("write", ["list"]).require(scope("list"));
    assert!(implied.api_keys(keys(&issuer)).build().unwrap().verify_now(BILLING).is_ok());
}
