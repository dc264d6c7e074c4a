//! What `build()` refuses.

use http::HeaderName;
use tower_resource_server::{
    ResourceServerBuilder,
    http::{IdTokenLocation, TokenLocation},
    test_util::TestIssuer,
};

use crate::site::server;

#[test]
fn contradictions_are_refused_each_with_what_to_write_instead() {
    type Change = fn(ResourceServerBuilder) -> ResourceServerBuilder;
    /// Path, code, and what to write instead.
    type Problem = (&'static str, &'static str, &'static str);
    let issuer = TestIssuer::new();
    let rows: &[(&str, Change, Option<Problem>)] = &[
        ("nothing", |server| server, None),
        ("Authorization", |server| server.token_location(TokenLocation::authorization()), None),
        (
            "two cookies",
            |server| {
                server
                    .token_location(TokenLocation::cookie("__Host-a"))
                    .token_location(TokenLocation::cookie("b"))
            },
            None,
        ),
        (
            "twice",
            |server| {
                let header = TokenLocation::header("X-Assertion");
                server
                    .token_location(header)
                    .token_location(TokenLocation::header_with_scheme("x-assertion", "Bearer"))
            },
            Some(("token_locations[1]", "twice", "leave one out")),
        ),
        (
            "a header that is none",
            |server| server.token_location(TokenLocation::header("x assertion")),
            Some(("token_locations[0]", "invalid_setting", "use a token")),
        ),
        (
            "Authorization as a header",
            |server| server.token_location(TokenLocation::header("Authorization")),
            Some(("token_locations[0]", "invalid_setting", "use TokenLocation::authorization")),
        ),
        (
            "Cookie as a header",
            |server| server.token_location(TokenLocation::header("cookie")),
            Some(("token_locations[0]", "invalid_setting", "use TokenLocation::cookie")),
        ),
        (
            "the header of the issuer",
            |server| {
                let name = HeaderName::from_static("x-tenant");
                server.select_issuer_by(name).token_location(TokenLocation::header("X-Tenant"))
            },
            Some(("token_locations[0]", "invalid_setting", "use another field")),
        ),
        (
            "a scheme that is none",
            |server| server.token_location(TokenLocation::authorization_with_scheme("a b")),
            Some(("token_locations[0]", "invalid_setting", "use a token")),
        ),
        (
            "a cookie without a name",
            |server| server.token_location(TokenLocation::cookie("")),
            Some(("token_locations[0]", "invalid_setting", "use a token (RFC 6265 section 4.1.1)")),
        ),
        (
            "a subprotocol that is none",
            |server| server.token_location(TokenLocation::websocket("bearer,")),
            Some(("token_locations[0]", "invalid_setting", "use a token (RFC 6455 section 4.1)")),
        ),
        (
            "a parameter that is none",
            |server| server.token_location(TokenLocation::dangerous().query("a&b")),
            Some(("token_locations[0]", "invalid_setting", "use letters and digits")),
        ),
        (
            "a parameter of a form that is none",
            |server| server.token_location(TokenLocation::dangerous().form("a b")),
            Some(("token_locations[0]", "invalid_setting", "use letters and digits")),
        ),
        (
            "two parameters of a form",
            |server| {
                let form = |name: &str| TokenLocation::dangerous().form(name);
                server.token_location(form("access_token")).token_location(form("token"))
            },
            Some(("token_locations[1]", "twice", "leave one out")),
        ),
        (
            "pages without a cookie",
            |server| server.trusted_origin("https://app.test"),
            Some((
                "trusted_origins",
                "no_cookie",
                "name one with .token_location(TokenLocation::cookie(..))",
            )),
        ),
        (
            "a page that is no origin",
            |server| {
                server.token_location(TokenLocation::cookie("__Host-a")).trusted_origin("https://app.test/")
            },
            Some((
                "trusted_origins",
                "invalid_setting",
                "write a scheme, a host and a port that is not the default: https://app.example",
            )),
        ),
        (
            "every page",
            |server| server.token_location(TokenLocation::cookie("__Host-a")).trusted_origin("*"),
            Some((
                "trusted_origins",
                "invalid_setting",
                "write a scheme, a host and a port that is not the default: https://app.example",
            )),
        ),
        (
            "one that agrees",
            |server| server.token_location(TokenLocation::cookie("__Host-a")).token_locations_agree(true),
            Some((
                "token_locations",
                "one_location",
                "name another with .token_location(..), or leave it out",
            )),
        ),
        (
            "a second token in a field that is not read",
            |server| {
                server
                    .client_id("web")
                    .id_token(IdTokenLocation::AfterAccessToken)
                    .token_location(TokenLocation::cookie("__Host-a"))
            },
            Some(("id_token", "no_authorization", "use IdTokenLocation::Header")),
        ),
    ];
    for (name, change, expected) in rows {
        let result = change(server(&issuer)).build();
        let problems = result.err().map(|error| {
            error
                .problems()
                .iter()
                .map(|problem| {
                    (problem.path().to_owned(), problem.code(), problem.instead().unwrap().to_owned())
                })
                .collect::<Vec<_>>()
        });
        let expected =
            expected.map(|(path, code, instead)| vec![(path.to_owned(), code, instead.to_owned())]);
        assert_eq!(problems, expected, "{name}");
    }
}
