//! Where the settings come from, and what cannot work.

use serde_json::json;
use tower_resource_server::{preset, preset::VcapError};

use super::*;

fn problems(settings: MobileClientAccess) -> String {
    settings.build().unwrap_err().to_string()
}

#[test]
fn what_cannot_work_is_said() {
    let keys = || KeySet::from_jwks(published(&KEY).as_bytes()).unwrap();
    let tenant = || preset::mobile_client_access::server(TENANT);
    for (name, settings, said) in [
        ("no issuer", tenant(), ".server_url("),
        ("keys of no issuer", tenant().keys(keys()), ".issuer_name("),
        ("a name without keys", tenant().issuer_name("x"), ".keys("),
        ("no tenant", preset::mobile_client_access::server("").server_url(SERVER).keys(keys()), "resource"),
        ("no keys", tenant().server_url(SERVER).keys(KeySet::default()), "no key"),
        ("too much leeway", settings().leeway(std::time::Duration::from_secs(601)), "leeway"),
    ] {
        let problems = problems(settings);
        assert!(problems.contains(said), "{name}: {problems}");
    }
    assert!(tenant().issuer_name("x").keys(keys()).build().is_ok());
}

#[cfg(feature = "remote")]
#[test]
fn a_server_url_is_https_or_loopback_when_opted_into() {
    for (url, loopback, good) in [
        (SERVER, false, true),
        ("http://127.0.0.1:9080/imf", false, false),
        ("http://127.0.0.1:9080/imf", true, true),
        ("http://mca.example", true, false),
        ("mca.example", false, false),
        ("", false, false),
    ] {
        let settings = preset::mobile_client_access::server(TENANT).server_url(url);
        let settings = settings.allow_loopback_http(loopback);
        assert_eq!(settings.build().is_ok(), good, "{url}");
    }
}

#[tokio::test]
async fn the_issuer_is_named_after_the_server_or_as_told() {
    for (url, name, iss, good) in [
        (SERVER, None, ISSUER, true),
        ("https://mca.example/imf-authserver//", None, ISSUER, true),
        (SERVER, None, "http://abms.example:80/imf-authserver/authorization/", false),
        (SERVER, Some("http://abms.example:80/a/"), "http://abms.example:80/a/", true),
        (SERVER, Some("http://abms.example:80/a/"), ISSUER, false),
    ] {
        let mut settings = settings().server_url(url);
        if let Some(name) = name {
            settings = settings.issuer_name(name);
        }
        let api = server(settings);
        let token = sign(&patched(&access(), &json!({"iss": iss})));
        assert_eq!(verdict(&api, &token).await.is_ok(), good, "{url}, {name:?}, {iss}");
    }
}

#[tokio::test]
async fn vcap_services_names_the_tenant_and_the_server() {
    let service = |tenant: &str, server: &str| json!([{"name": "x", "credentials": {"tenantId": tenant, "serverUrl": server, "secret": "s3cret"}}]);
    let of = |text: String| MobileClientAccess::from_vcap_services(&text);
    let ours = service(TENANT, SERVER).to_string();
    let other = service("t", "https://x.example").to_string();
    for (name, text, good) in [
        ("alone", format!(r#"{{"AdvancedMobileAccess":{ours}}}"#), true),
        ("App ID's name", format!(r#"{{"AppID":{ours}}}"#), true),
        ("the last counts", format!(r#"{{"AppID":{other},"AdvancedMobileAccess-2":{ours}}}"#), true),
        ("also the other way", format!(r#"{{"AdvancedMobileAccess-2":{ours},"AppID":{other}}}"#), false),
    ] {
        let keys = KeySet::from_jwks(published(&KEY).as_bytes()).unwrap();
        let settings = of(text).unwrap();
        assert!(!format!("{settings:?}").contains("s3cret"), "{name}");
        assert_eq!(verdict(&server(settings.keys(keys)), &sign(&access())).await.is_ok(), good, "{name}");
    }
    let missing = |name| Some(VcapError::MissingCredential(name));
    for (name, text, expected) in [
        ("no JSON", "x".to_owned(), Some(VcapError::Malformed)),
        ("nothing bound", "{}".to_owned(), Some(VcapError::NoService)),
        ("another service", format!(r#"{{"cloudant":{ours}}}"#), Some(VcapError::NoService)),
        ("no tenant", r#"{"AppID":[{"credentials":{"serverUrl":"https://x"}}]}"#.into(), missing("tenantId")),
        ("no server", r#"{"AppID":[{"credentials":{"tenantId":"t"}}]}"#.into(), missing("serverUrl")),
    ] {
        assert_eq!(of(text).err(), expected, "{name}");
    }
}
