//! Which pages may send a cookie: methods, `Sec-Fetch-Site`, `Origin` and `Host`.

use crate::site::{
    Expected::{Admitted, BadRequest, CrossOrigin, NoCredentials},
    Row, row,
};

pub fn rows() -> Vec<Row> {
    let cookie = "Cookie: __Host-session={good}";
    let mut rows = Vec::new();
    // A cookie, the method and other fields.
    for (name, method, fields, expected) in [
        ("GET from another site", "GET", "Sec-Fetch-Site: cross-site\nOrigin: https://evil.test", Admitted),
        ("HEAD from another site", "HEAD", "Sec-Fetch-Site: cross-site", Admitted),
        ("OPTIONS from another site", "OPTIONS", "Sec-Fetch-Site: cross-site", Admitted),
        ("POST without either", "POST", "", Admitted),
        ("POST of the same origin", "POST", "Sec-Fetch-Site: same-origin", Admitted),
        (
            "POST of the same origin, with its name",
            "POST",
            "Sec-Fetch-Site: same-origin\nOrigin: https://api.test",
            Admitted,
        ),
        ("POST that the user made", "POST", "Sec-Fetch-Site: none", Admitted),
        ("POST of the same site", "POST", "Sec-Fetch-Site: same-site", CrossOrigin),
        ("POST of another site", "POST", "Sec-Fetch-Site: cross-site", CrossOrigin),
        (
            "POST of another site under our name",
            "POST",
            "Sec-Fetch-Site: cross-site\nOrigin: https://api.test",
            CrossOrigin,
        ),
        ("PUT of another site", "PUT", "Sec-Fetch-Site: cross-site", CrossOrigin),
        ("PATCH of another site", "PATCH", "Sec-Fetch-Site: cross-site", CrossOrigin),
        ("DELETE of another site", "DELETE", "Sec-Fetch-Site: cross-site", CrossOrigin),
        ("TRACE of another site", "TRACE", "Sec-Fetch-Site: cross-site", CrossOrigin),
        ("a method of its own from another site", "PROPFIND", "Sec-Fetch-Site: cross-site", CrossOrigin),
        ("get in lower case is another method", "get", "Sec-Fetch-Site: cross-site", CrossOrigin),
        ("a site that is no word", "POST", "Sec-Fetch-Site: unknown", CrossOrigin),
        ("an empty site", "POST", "Sec-Fetch-Site:", CrossOrigin),
        ("a site in upper case", "POST", "Sec-Fetch-Site: Same-Origin", CrossOrigin),
        ("a site twice", "POST", "Sec-Fetch-Site: same-origin\nSec-Fetch-Site: cross-site", CrossOrigin),
        ("a list of sites", "POST", "Sec-Fetch-Site: same-origin, cross-site", CrossOrigin),
        ("the origin of the host", "POST", "Origin: http://api.test", Admitted),
        ("the origin of the host over TLS", "POST", "Origin: https://api.test", Admitted),
        ("the origin with the port of its scheme", "POST", "Origin: https://api.test:443", Admitted),
        ("the origin in upper case", "POST", "Origin: https://API.TEST", Admitted),
        ("another port", "POST", "Origin: https://api.test:8443", CrossOrigin),
        ("another host", "POST", "Origin: https://evil.test", CrossOrigin),
        ("a host below", "POST", "Origin: https://x.api.test", CrossOrigin),
        ("a host that begins so", "POST", "Origin: https://api.test.evil.test", CrossOrigin),
        ("a host that ends so", "POST", "Origin: https://evil-api.test", CrossOrigin),
        ("our host as a user", "POST", "Origin: https://api.test@evil.test", CrossOrigin),
        ("our host in a path", "POST", "Origin: https://evil.test/api.test", CrossOrigin),
        ("a path behind our origin", "POST", "Origin: https://api.test/", CrossOrigin),
        ("an opaque origin", "POST", "Origin: null", CrossOrigin),
        ("an empty origin", "POST", "Origin:", CrossOrigin),
        ("an origin without a scheme", "POST", "Origin: api.test", CrossOrigin),
        ("an origin of another scheme", "POST", "Origin: ftp://api.test", CrossOrigin),
        ("two origins in a field", "POST", "Origin: https://api.test https://evil.test", CrossOrigin),
        ("two Origin fields", "POST", "Origin: https://api.test\nOrigin: https://evil.test", CrossOrigin),
        ("an origin that is not ASCII", "POST", "Origin: https://äpi.test", CrossOrigin),
        ("a referrer of another site alone", "POST", "Referer: https://evil.test/", Admitted),
        ("the host with a port", "POST", "Host: api.test:8080\nOrigin: http://api.test:8080", Admitted),
        (
            "the host with another port",
            "POST",
            "Host: api.test:8080\nOrigin: http://api.test:8081",
            CrossOrigin,
        ),
        (
            "what a proxy would tell, from no proxy",
            "POST",
            "X-Forwarded-Host: evil.test\nOrigin: https://evil.test",
            CrossOrigin,
        ),
        (
            "a WebSocket of another site",
            "GET",
            "Connection: close, Upgrade\nUpgrade: websocket\nOrigin: https://evil.test",
            CrossOrigin,
        ),
        (
            "a WebSocket of another site, as its browser says",
            "GET",
            "Connection: close, Upgrade\nUpgrade: websocket\nSec-Fetch-Site: cross-site\nOrigin: https://evil.test",
            CrossOrigin,
        ),
        (
            "a WebSocket of our own page",
            "GET",
            "Connection: close, Upgrade\nUpgrade: websocket\nOrigin: https://api.test",
            Admitted,
        ),
        (
            "another protocol, for another site",
            "GET",
            "Connection: close, Upgrade\nUpgrade: h2c\nOrigin: https://evil.test",
            CrossOrigin,
        ),
        (
            "an override of the method",
            "POST",
            "X-HTTP-Method-Override: GET\nOrigin: https://evil.test",
            CrossOrigin,
        ),
    ] {
        // The answer to HEAD has no body to compare.
        let expected = if method == "HEAD" { crate::site::Expected::Sees("") } else { expected };
        rows.push(row(name, format!("{method} /cookie\n{cookie}\n{fields}"), expected));
    }
    for (name, fields, expected) in [
        ("a trusted origin", "Origin: https://app.test", Admitted),
        (
            "a trusted origin of another site",
            "Sec-Fetch-Site: cross-site\nOrigin: https://app.test",
            Admitted,
        ),
        (
            "a trusted origin with a port",
            "Sec-Fetch-Site: same-site\nOrigin: http://localhost:3000",
            Admitted,
        ),
        ("a trusted origin in another scheme", "Origin: http://app.test", CrossOrigin),
        ("a trusted origin at another port", "Origin: https://app.test:444", CrossOrigin),
        ("a host below a trusted origin", "Origin: https://x.app.test", CrossOrigin),
        ("not trusted", "Origin: https://evil.test", CrossOrigin),
        (
            "not trusted, as its browser says",
            "Sec-Fetch-Site: cross-site\nOrigin: https://evil.test",
            CrossOrigin,
        ),
        ("a trusted origin twice", "Origin: https://app.test\nOrigin: https://app.test", CrossOrigin),
    ] {
        rows.push(row(name, format!("POST /trusting\n{cookie}\n{fields}"), expected));
    }
    let foreign = "Sec-Fetch-Site: cross-site\nOrigin: https://evil.test";
    for (name, request, expected) in [
        ("optional, with a cookie", format!("POST /optional\n{cookie}"), CrossOrigin),
        (
            "optional, a bad cookie",
            "POST /optional\nCookie: __Host-session={expired}".to_owned(),
            CrossOrigin,
        ),
        (
            "optional, a malformed cookie",
            "POST /optional\nCookie: __Host-session=".to_owned(),
            BadRequest("the cookie of the token is malformed"),
        ),
        (
            "optional, a token that no browser adds",
            "POST /optional\nAuthorization: Bearer {good}".to_owned(),
            Admitted,
        ),
        ("no cookie", "POST /cookie".to_owned(), NoCredentials),
        (
            "where a proxy passes the cookie on",
            format!("POST /agree\nX-Assertion: {{good}}\n{cookie}"),
            CrossOrigin,
        ),
    ] {
        rows.push(row(name, format!("{request}\n{foreign}"), expected));
    }
    rows
}
