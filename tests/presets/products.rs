//! The tokens of further identity providers.

use serde_json::{Value, json};
use tower_resource_server::{
    keys::Algorithm,
    policy::role,
    preset::{
        authentik, clerk, firebase, fusion_auth, kinde, ory, ping_one, stytch, supabase, workos, zitadel,
    },
    profile::TokenProfile,
};

use crate::{
    NOW,
    tables::{Table, unchanged},
};

const API: &str = "https://api.example";

fn table(issuer: &'static str, profile: TokenProfile, algorithm: Algorithm, claims: Value) -> Table {
    let header = json!({"alg": algorithm.name(), "kid": "kid-1", "typ": "JWT"});
    Table { issuer, audience: API, profile, algorithm, header, claims, set: unchanged }
}

#[tokio::test]
async fn a_user_of_supabase() {
    let issuer = "https://abcdefghijklmnopqrst.supabase.co/auth/v1";
    let claims = json!({
        "iss": issuer, "aud": "authenticated", "exp": NOW + 3600, "iat": NOW,
        "sub": "123e4567-e89b-12d3-a456-426614174000", "role": "authenticated", "aal": "aal1",
        "session_id": "223e4567-e89b-12d3-a456-426614174000", "email": "jane@shop.example", "phone": "",
        "is_anonymous": false, "amr": [{"method": "password", "timestamp": NOW}], "user_metadata": {"role": "admin"}
    });
    let user = table(issuer, supabase::access_token(), Algorithm::ES256, claims);
    let none = json!({});
    assert!(user.admits(role("authenticated"), &none) && !user.admits(role("admin"), &none));
    user.check_claims(&[
        ("the anonymous key", json!({"role": "anon", "aud": "anon"}), Some("wrong_audience")),
        ("the role of the anonymous key", json!({"role": "anon"}), Some("invalid_claim")),
        ("the service key", json!({"role": "service_role", "session_id": null}), Some("invalid_claim")),
        ("no role", json!({"role": null}), Some("missing_claim")),
        ("no session", json!({"session_id": null}), Some("missing_claim")),
        ("no user", json!({"sub": null}), Some("missing_claim")),
        ("a hook makes an array", json!({"aud": ["authenticated"]}), None),
        ("another project", json!({"iss": "https://evil.supabase.co/auth/v1"}), Some("untrusted_issuer")),
    ])
    .await;
}

#[tokio::test]
async fn a_session_of_clerk() {
    let issuer = "https://clerk.shop.example";
    let claims = json!({
        "azp": "https://shop.example", "exp": NOW + 60, "fva": [0, -1], "iat": NOW, "iss": issuer, "jti": "a1", "nbf": NOW - 10,
        "sid": "sess_2b", "sts": "active", "sub": "user_2b", "v": 2
    });
    let session = table(issuer, clerk::session_token(["https://shop.example"]), Algorithm::RS256, claims);
    assert_eq!(session.good().await.client_id(), Some("https://shop.example"));
    for (name, claims, expected) in [
        ("in an organisation", json!({"org_role": "org:admin"}), true),
        ("as another", json!({"org_role": "org:member"}), false),
        ("in none", json!({}), false),
    ] {
        assert_eq!(session.admits(role("org:admin"), &claims), expected, "{name}");
    }
    session
        .check_claims(&[
            ("a page of a subdomain", json!({"azp": "https://blog.shop.example"}), Some("wrong_audience")),
            ("of no page", json!({"azp": null}), Some("missing_claim")),
            ("of a JWT template", json!({"sid": null}), Some("missing_claim")),
            ("pending", json!({"sts": "pending"}), Some("foreign_claim")),
            ("of version 1", json!({"sts": null, "v": null}), None),
            ("not yet", json!({"nbf": NOW + 61}), Some("not_yet_valid")),
            ("no user", json!({"sub": null}), Some("missing_claim")),
        ])
        .await;
}

#[tokio::test]
async fn a_user_of_firebase() {
    let issuer = "https://securetoken.google.com/shop-12345";
    let claims = json!({
        "iss": issuer, "aud": "shop-12345", "auth_time": NOW - 60, "user_id": "ZvFq", "sub": "ZvFq", "iat": NOW,
        "exp": NOW + 3600, "email": "jane@shop.example", "email_verified": false,
        "firebase": {"identities": {"email": ["jane@shop.example"]}, "sign_in_provider": "password"}
    });
    let user = table(issuer, firebase::id_token("shop-12345"), Algorithm::RS256, claims);
    user.check_claims(&[
        ("another project", json!({"aud": "shop-1"}), Some("wrong_audience")),
        ("an array", json!({"aud": ["shop-12345"]}), Some("invalid_claim")),
        (
            "a session cookie",
            json!({"iss": "https://session.firebase.google.com/shop-12345"}),
            Some("untrusted_issuer"),
        ),
        ("no user", json!({"sub": ""}), Some("invalid_claim")),
        ("the longest user", json!({"sub": "u".repeat(128)}), None),
        ("a longer user", json!({"sub": "u".repeat(129)}), Some("invalid_claim")),
        ("a login to come", json!({"auth_time": NOW + 61}), Some("issued_in_future")),
        ("no login", json!({"auth_time": null}), Some("missing_claim")),
    ])
    .await;
    assert_eq!(user.verify(&json!({"kid": null}), &json!({})).await.err(), Some("unknown_key"));
}

#[tokio::test]
async fn a_user_of_zitadel() {
    let issuer = "https://shop-abc123.zitadel.cloud";
    let roles = "urn:zitadel:iam:org:project:roles";
    let claims = json!({
        "iss": issuer, "sub": "165460784409546753", "aud": ["165460784409546753@shop", API], "exp": NOW + 3600, "iat": NOW,
        "nbf": NOW, "jti": "165460784409550849", "client_id": "165460784409546753@shop",
        roles: {"clerk": {"165460784409546752": "shop.zitadel.cloud"}}
    });
    let user = table(issuer, zitadel::access_token(), Algorithm::RS256, claims);
    assert_eq!(user.good().await.roles(), ["clerk"]);
    user.check_claims(&[
        ("another project", json!({"aud": ["165460784409546753@shop"]}), Some("wrong_audience")),
        ("an ID token", json!({"jti": null, "azp": "165460784409546753@shop"}), Some("missing_claim")),
        ("the mark of an ID token", json!({"at_hash": "x"}), Some("foreign_claim")),
        ("a login", json!({"nonce": "x"}), Some("foreign_claim")),
        ("no user", json!({"sub": null}), Some("missing_claim")),
        ("no roles", json!({roles: null}), None),
    ])
    .await;
}

#[tokio::test]
async fn a_user_of_authentik() {
    let issuer = "https://authentik.example/application/o/shop/";
    let claims = json!({
        "iss": issuer, "sub": "5f2c", "aud": "9n3SEbTzlKDlxhhJ", "exp": NOW + 300, "iat": NOW, "auth_time": NOW,
        "acr": "goauthentik.io/providers/oauth2/default", "nonce": "n", "sid": "s", "email": "jane@shop.example",
        "groups": ["admins"], "azp": "9n3SEbTzlKDlxhhJ", "uid": "Tn4Y"
    });
    let user = Table {
        set: |issuer| issuer.audience("9n3SEbTzlKDlxhhJ"),
        ..table(issuer, authentik::access_token(), Algorithm::RS256, claims)
    };
    assert_eq!(user.good().await.roles(), ["admins"]);
    user.check_claims(&[
        ("the ID token", json!({"azp": null, "uid": null}), Some("missing_claim")),
        ("without what marks it", json!({"uid": null}), Some("missing_claim")),
        ("another client", json!({"aud": "x", "azp": "x"}), Some("wrong_audience")),
        (
            "another application",
            json!({"iss": "https://authentik.example/application/o/blog/"}),
            Some("untrusted_issuer"),
        ),
        (
            "without the slash",
            json!({"iss": "https://authentik.example/application/o/shop"}),
            Some("untrusted_issuer"),
        ),
        ("a logout token", json!({"events": {}}), Some("foreign_claim")),
    ])
    .await;
}

#[tokio::test]
async fn a_client_of_hydra() {
    let issuer = "https://hydra.example/";
    let claims = json!({
        "aud": [API], "client_id": "my-client", "exp": NOW + 3600, "ext": {}, "iat": NOW, "iss": issuer,
        "jti": "27ee5a3c", "nbf": NOW, "scp": ["orders:read", "offline"], "sub": "alice"
    });
    let user = table(issuer, ory::access_token(), Algorithm::RS256, claims);
    let who = user.good().await;
    assert!(who.has_scope("orders:read") && who.client_id() == Some("my-client"));
    user.check_claims(&[
        ("no audience was asked for", json!({"aud": []}), Some("wrong_audience")),
        (
            "an ID token",
            json!({"client_id": null, "scp": null, "aud": ["my-client"]}),
            Some("wrong_audience"),
        ),
        ("an ID token for this audience", json!({"client_id": null, "scp": null}), Some("missing_claim")),
        ("without the slash", json!({"iss": "https://hydra.example"}), Some("untrusted_issuer")),
        ("no identifier", json!({"jti": null}), Some("missing_claim")),
        ("scopes of a wrong type", json!({"scp": {}}), Some("invalid_claim")),
        ("scopes as RFC 9068 has them", json!({"scp": null, "scope": "orders:read"}), None),
    ])
    .await;
}

#[tokio::test]
async fn a_session_of_workos() {
    let issuer = "https://api.workos.com";
    let claims = json!({
        "iss": issuer, "sub": "user_01HBEQKA6K4QJAS93VPE39W1JT", "org_id": "org_01HRDMC6CM357W30QMHMQ96Q0S",
        "role": "member", "roles": ["member"], "permissions": ["posts:read", "posts:write"],
        "entitlements": ["audit-logs"], "sid": "session_01HQSXZGF8FHF7A9ZZFCW4387R", "jti": "01HQSXZXPPFPKMDD32RKTFY6PV",
        "exp": NOW + 300, "iat": NOW
    });
    let session = table(issuer, workos::access_token(), Algorithm::RS256, claims);
    let who = session.good().await;
    assert!(who.has_scope("posts:write") && who.roles().iter().any(|role| role == "member"));
    for (name, needed, claims, expected) in [
        ("the role", "member", json!({"roles": null}), true),
        ("the roles", "admin", json!({"roles": ["member", "admin"]}), true),
        ("a permission", "posts:write", json!({}), true),
        ("another", "posts", json!({}), false),
    ] {
        assert_eq!(session.admits(role(needed), &claims), expected, "{name}");
    }
    session
        .check_claims(&[
            ("no session", json!({"sid": null}), Some("missing_claim")),
            ("no identifier", json!({"jti": null}), Some("missing_claim")),
            ("no user", json!({"sub": null}), Some("missing_claim")),
            (
                "another issuer of WorkOS",
                json!({"iss": "https://shop.authkit.app"}),
                Some("untrusted_issuer"),
            ),
            (
                "no organisation",
                json!({"org_id": null, "role": null, "roles": null, "permissions": null}),
                None,
            ),
            ("permissions of a wrong type", json!({"permissions": [7]}), Some("invalid_claim")),
        ])
        .await;
    assert_eq!(session.verify(&json!({"kid": null}), &json!({})).await.err(), Some("unknown_key"));
}

#[tokio::test]
async fn a_session_of_stytch() {
    let (issuer, project) = ("stytch.com/project-live-8aed2e54", "project-live-8aed2e54");
    let claims = json!({
        "aud": [project], "exp": NOW + 300, "iat": NOW, "nbf": NOW, "iss": issuer, "sub": "user-live-16d9ba61",
        "https://stytch.com/session": {
            "id": "session-live-fe6c042b", "started_at": "2021-08-09T07:41:52Z", "roles": ["stytch_user"],
            "authentication_factors": [], "attributes": {}
        }
    });
    let session = table(issuer, stytch::session_token(project), Algorithm::RS256, claims);
    assert_eq!(session.good().await.roles(), ["stytch_user"]);
    session
        .check_claims(&[
            ("another project", json!({"aud": ["project-test-1"]}), Some("wrong_audience")),
            (
                "with a scheme",
                json!({"iss": "https://stytch.com/project-live-8aed2e54"}),
                Some("untrusted_issuer"),
            ),
            ("no session", json!({"https://stytch.com/session": null}), Some("missing_claim")),
            ("not yet", json!({"nbf": NOW + 61}), Some("not_yet_valid")),
            ("no user", json!({"sub": null}), Some("missing_claim")),
            ("no audience", json!({"aud": null}), Some("missing_claim")),
        ])
        .await;
}

#[tokio::test]
async fn users_and_machines_of_kinde() {
    let issuer = "https://shop.kinde.com";
    let user = json!({
        "aud": [API], "azp": "d4d3c5b7", "exp": NOW + 86400, "iat": NOW, "iss": issuer, "jti": "f95ed3e0", "sub": "kp_1",
        "org_code": "org_1", "permissions": ["write:flags"], "scp": ["openid", "offline"]
    });
    let machine = json!({
        "aud": [API], "azp": "d4d3c5b7", "exp": NOW + 86400, "gty": ["client_credentials"], "iat": NOW, "iss": issuer,
        "jti": "f95ed3e0", "scope": "read:users write:flags", "scp": ["read:users", "write:flags"], "v": "2"
    });
    for (claims, subject) in [(user, "kp_1"), (machine, "d4d3c5b7")] {
        let table = table(issuer, kinde::access_token(), Algorithm::RS256, claims);
        let who = table.good().await;
        assert!(who.has_scope("write:flags") && who.subject() == subject);
        for (name, claims, expected) in [
            ("a permission", json!({"permissions": ["read:flags", "write:flags"]}), true),
            ("another", json!({"permissions": ["read:flags"]}), false),
            ("a scope is none", json!({"permissions": null, "scp": ["write:flags"]}), false),
        ] {
            assert_eq!(table.admits(role("write:flags"), &claims), expected, "{name}");
        }
        table
            .check_claims(&[
                ("no audience was asked for", json!({"aud": []}), Some("wrong_audience")),
                ("an ID token", json!({"scp": null}), Some("missing_claim")),
                ("the mark of an ID token", json!({"at_hash": "x"}), Some("foreign_claim")),
                ("no client", json!({"azp": null}), Some("missing_claim")),
                ("no identifier", json!({"jti": null}), Some("missing_claim")),
                ("scopes as a text", json!({"scp": "openid"}), Some("invalid_claim")),
            ])
            .await;
    }
}

#[tokio::test]
async fn a_user_of_fusion_auth() {
    let (issuer, application) = ("shop.example", "3c219e58-ed0e-4b18-ad48-f4f92793ae32");
    let claims = json!({
        "aud": application, "exp": NOW + 3600, "iat": NOW, "iss": issuer, "sub": "5f7a1a3e", "jti": "b4b2a6b8",
        "authenticationType": "PASSWORD", "applicationId": application, "roles": ["admin"], "auth_time": NOW,
        "scope": "openid offline_access", "sid": "6e5c", "tid": "30663132"
    });
    let user = Table {
        header: json!({"alg": "RS256", "kid": "kid-1", "typ": "JWT", "gty": ["authorization_code"]}),
        ..table(issuer, fusion_auth::access_token([application]), Algorithm::RS256, claims)
    };
    assert_eq!(user.good().await.roles(), ["admin"]);
    user.check_claims(&[
        ("an ID token", json!({"applicationId": null, "roles": null}), Some("missing_claim")),
        ("an ID token with the mark of one", json!({"at_hash": "x"}), Some("foreign_claim")),
        ("another application", json!({"aud": "x", "applicationId": "x"}), Some("wrong_audience")),
        ("a registration elsewhere", json!({"applicationId": "x"}), Some("invalid_claim")),
        ("the default issuer", json!({"iss": "acme.com"}), Some("untrusted_issuer")),
        ("no identifier", json!({"jti": null}), Some("missing_claim")),
    ])
    .await;
}

#[tokio::test]
async fn an_environment_of_ping_one() {
    let issuer = "https://auth.pingone.eu/4e98b8f5/as";
    let claims = json!({
        "client_id": "3ca2e0ac", "iss": issuer, "jti": "d1f4", "iat": NOW, "exp": NOW + 3600, "aud": [API],
        "env": "4e98b8f5", "org": "1f2e", "sub": "b0b8", "scope": "orders:read openid", "sid": "c2", "acr": "Single_Factor",
        "auth_time": NOW
    });
    let user = table(issuer, ping_one::access_token(), Algorithm::RS256, claims);
    assert!(user.good().await.has_scope("orders:read"));
    assert!(user.verify(&json!({"typ": "at+jwt"}), &json!({})).await.is_ok(), "from 2027 on");
    let machine = user.verify(&json!({}), &json!({"sub": null})).await.unwrap();
    assert_eq!(machine.subject(), "3ca2e0ac");
    user.check_claims(&[
        ("for PingOne itself", json!({"aud": ["https://api.pingone.eu"]}), Some("wrong_audience")),
        ("an ID token", json!({"client_id": null, "aud": "3ca2e0ac"}), Some("wrong_audience")),
        ("an ID token for this audience", json!({"client_id": null}), Some("missing_claim")),
        ("a login", json!({"nonce": "x"}), Some("foreign_claim")),
        ("another environment", json!({"iss": "https://auth.pingone.eu/other/as"}), Some("untrusted_issuer")),
        ("no audience", json!({"aud": null}), Some("missing_claim")),
    ])
    .await;
    assert_eq!(user.verify(&json!({"kid": null}), &json!({})).await.err(), Some("unknown_key"));
}

#[cfg(feature = "remote")]
#[test]
fn the_issuers() {
    for (issuer, expected) in [
        (supabase::project("abc"), "https://abc.supabase.co/auth/v1"),
        (
            clerk::instance("https://clerk.shop.example", ["https://shop.example"]),
            "https://clerk.shop.example",
        ),
        (firebase::project("shop-1"), "https://securetoken.google.com/shop-1"),
        (zitadel::instance("https://shop.zitadel.cloud"), "https://shop.zitadel.cloud"),
        (authentik::application("idp.example", "shop", "c"), "https://idp.example/application/o/shop/"),
        (ory::hydra("https://hydra.example/"), "https://hydra.example/"),
        (workos::client("client_1"), "https://api.workos.com"),
        (stytch::project("test", "project-test-1"), "stytch.com/project-test-1"),
        (kinde::business("https://shop.kinde.com"), "https://shop.kinde.com"),
        (fusion_auth::tenant("acme.com", "idp.example", ["a"]), "acme.com"),
        (ping_one::environment("eu", "1"), "https://auth.pingone.eu/1/as"),
    ] {
        assert_eq!(crate::issuer_name(issuer), expected);
    }
}
