//! Settings: by hand and out of `VCAP_SERVICES`, and those that cannot work.

use tower_resource_server::{
    preset,
    preset::{VcapError, app_id::AppId},
    test_util::ManualClock,
};

use crate::{SERVER, TENANT, access_with, keys, seconds, settings, verdict};

fn problems(settings: AppId) -> Vec<String> {
    let error = settings.build().err();
    error.iter().flat_map(|error| error.problems()).map(ToString::to_string).collect()
}

#[test]
fn what_cannot_work_is_named() {
    let app = |server: &str, tenant: &str| preset::app_id::server(server, tenant).keys(keys());
    for (name, settings, word) in [
        ("a region that is none", app("us south", TENANT), "neither a region"),
        ("a host", app("us-south.appid.cloud.ibm.com", TENANT), "neither a region"),
        ("nothing", app("", TENANT), "neither a region"),
        ("a tenant that is a path", app("us-south", "../x"), "is no tenant"),
        ("no tenant", app("us-south", ""), "is no tenant"),
        ("no tenant at a URL", app(SERVER, ""), "resource: it is empty"),
        ("an empty audience", settings().audience(""), "an audience is empty"),
        ("too much leeway", settings().leeway(seconds(601)), "at most 600 s"),
    ] {
        let found = problems(settings);
        assert!(found.iter().any(|problem| problem.contains(word)), "{name}: {found:?}");
    }
    assert_eq!(problems(settings()), [""; 0]);
}

#[cfg(feature = "remote")]
#[test]
fn keys_come_from_https_or_from_loopback_when_told() {
    for (server, loopback, good) in [
        (SERVER, false, true),
        ("us-south", false, true),
        ("http://127.0.0.1:8080/oauth/v4/T", false, false),
        ("http://127.0.0.1:8080/oauth/v4/T", true, true),
        ("http://login.example/oauth/v4/T", true, false),
        ("ftp://login.example/oauth/v4/T", true, false),
    ] {
        let settings = preset::app_id::server(server, TENANT);
        let settings = settings.allow_loopback_http(loopback);
        assert_eq!(settings.build().is_ok(), good, "{server}");
    }
}

#[cfg(feature = "remote")]
#[tokio::test]
async fn keys_are_fetched_through_the_client_that_is_given() {
    use std::{
        future::ready,
        sync::{Arc, Mutex},
    };

    use http::{Request, Response};
    use serde_json::json;
    use tower_resource_server::{
        net::{Body, HttpClient, HttpFuture, Limits},
        test_util::TestIssuer,
    };

    use crate::{RSA, built};

    /// Publishes the key, and notes where it was asked.
    #[derive(Clone, Default)]
    struct Published(Arc<Mutex<Vec<String>>>);

    impl HttpClient for Published {
        fn send(&self, request: Request<Body>, _: Limits) -> HttpFuture<'_> {
            self.0.lock().unwrap().push(request.uri().to_string());
            let jwks = TestIssuer::builder().signing_key(RSA.clone()).build().jwks();
            Box::pin(ready(Ok(Response::new(jwks.to_string().into()))))
        }
    }

    let client = Published::default();
    let api = built(preset::app_id::server("us-south", TENANT).http_client(client.clone()));
    let token = access_with(json!({}));
    assert!(api.verify_access_token(&token).await.is_ok());
    assert_eq!(*client.0.lock().unwrap(), [format!("{SERVER}/publickeys")]);
}

#[cfg(not(feature = "remote"))]
#[test]
fn without_a_way_to_fetch_them_keys_must_be_given() {
    let found = problems(preset::app_id::server("us-south", TENANT));
    assert!(found.iter().any(|problem| problem.contains("it has no key")), "{found:?}");
}

#[tokio::test]
async fn vcap_services_say_whom_to_trust() {
    let service =
        |name: &str, credentials: &str| format!(r#"{{"{name}":[{{"credentials":{{{credentials}}}}}]}}"#);
    let tenant = format!(r#""tenantId":"{TENANT}""#);
    let endpoint = r#""appidServiceEndpoint":"https://us-south.appid.cloud.ibm.com""#;
    let missing = |name| Err(VcapError::MissingCredential(name));
    let url = |name: &str, url: &str| format!(r#"{tenant},"{name}":"{url}""#);
    for (name, text, expected) in [
        ("today's", service("AppID", &url("oauthServerUrl", SERVER)), Ok(())),
        ("a slash at the end", service("AppID", &url("oauthServerUrl", &format!("{SERVER}/"))), Ok(())),
        ("under its first name", service("AdvancedMobileAccess", &url("oauthServerUrl", SERVER)), Ok(())),
        ("a credential of an application", service("AppID", &url("oAuthServerUrl", SERVER)), Ok(())),
        (
            "both spellings: the SDK's choice",
            service(
                "AppID",
                &format!(r#"{},"oAuthServerUrl":"{SERVER}""#, url("oauthServerUrl", "https://x.example")),
            ),
            Ok(()),
        ),
        ("endpoint and version", service("AppID", &format!(r#"{tenant},{endpoint},"version":4"#)), Ok(())),
        (
            "the version in a string",
            service("AppID", &format!(r#"{tenant},{endpoint},"version":"4""#)),
            Ok(()),
        ),
        (
            "endpoint with a slash",
            service("AppID", &format!(r#"{tenant},{},"version":4"#, endpoint.replace(".com", ".com/"))),
            Ok(()),
        ),
        ("endpoint without version", service("AppID", &format!("{tenant},{endpoint}")), missing("version")),
        (
            "a version that is none",
            service("AppID", &format!(r#"{tenant},{endpoint},"version":"four""#)),
            missing("version"),
        ),
        ("no tenant", service("AppID", &format!(r#""oauthServerUrl":"{SERVER}""#)), missing("tenantId")),
        ("no address", service("AppID", &tenant), missing("oauthServerUrl")),
        ("another service", service("cloudant", &tenant), Err(VcapError::NoService)),
        ("no JSON", "{".into(), Err(VcapError::Malformed)),
    ] {
        let read = AppId::from_vcap_services(&text);
        assert_eq!(read.as_ref().map(drop).map_err(|error| *error), expected, "{name}");
        if let Ok(settings) = read {
            let builder = settings.keys(keys()).into_builder().clock(ManualClock::default());
            let api = builder.build().unwrap();
            let token = access_with(serde_json::json!({}));
            assert_eq!(verdict(&api, &token, None).await, None, "{name}");
            assert_eq!(&*api.health()[0].issuer, SERVER, "{name}");
        }
    }
}
