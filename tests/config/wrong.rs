//! Wrong files, each with everything that is said of it.

use crate::{ISSUER, file, load, texts};

/// What is said of a file, when it is read or else when its server is built.
fn said(toml: &str) -> Vec<String> {
    let error = match load(toml) {
        Err(error) => error,
        Ok(config) => match config.build() {
            Err(error) => error,
            Ok(_) => return Vec::new(),
        },
    };
    texts(&error).into_iter().map(str::to_owned).collect()
}

/// The name of a row, the keys of the file, and what is said.
type Row = (&'static str, &'static str, &'static [&'static str]);

/// Keys of the whole file, beside a good issuer.
const ROOT: &[Row] = &[
    (
        "an unknown key",
        "nothing_like_it = 1",
        &[
            "nothing_like_it: there is no such key; the configuration has resource, issuers, system, audiences, client_ids, leeway, requirements, scope_implies, scopes_supported, optional, expose_rejection, forward, retain_tokens, grpc_refusals, select_issuer_by, token_locations, token_locations_agree, trusted_origins, remove_credentials, tickets, api_keys, dpop, mtls, fapi2, credentials, id_token, challenges, refusal_body, public_address, metadata, cache, limits, refresh, http, nonces, store",
        ],
    ),
    (
        "a key with a typo",
        r#"audience = ["a"]"#,
        &["audience: there is no such key; did you mean audiences?"],
    ),
    (
        "two keys with typos",
        r#"audiense = ["a"]
leway = "5s""#,
        &[
            "audiense: there is no such key; did you mean audiences?",
            "leway: there is no such key; did you mean leeway?",
        ],
    ),
    (
        "a key of another table",
        r#"realm = "orders""#,
        &["realm: there is no such key here; did you mean challenges.realm?"],
    ),
    (
        "a key of an issuer",
        r#"jwks_uri = "https://issuer.test/keys""#,
        &["jwks_uri: there is no such key here; did you mean issuers[0].jwks_uri?"],
    ),
    (
        "a key in capitals",
        r#"Audiences = ["a"]"#,
        &["Audiences: there is no such key; did you mean audiences?"],
    ),
    ("a text in place of a list", r#"audiences = "orders""#, &[r#"audiences: "orders" is not a list"#]),
    (
        "a number in place of a text",
        "select_issuer_by = 7",
        &["select_issuer_by: 7 is not the name of a header field"],
    ),
    ("a list with a number in it", r#"audiences = ["orders", 7]"#, &["audiences[1]: 7 is not a text"]),
    ("an empty list", "audiences = []", &["audiences: it is empty; write at least one, or leave it out"]),
    (
        "an empty text",
        r#"audiences = ["orders", ""]"#,
        &["audiences[1]: it is empty; write a text, or leave it out"],
    ),
    ("a text in place of true", r#"optional = "yes""#, &[r#"optional: "yes" is not true or false"#]),
    ("a number in place of true", "retain_tokens = 1", &["retain_tokens: 1 is not true or false"]),
    ("a duration without a unit", "leeway = 30", &[r#"leeway: 30 has no unit; write "30s""#]),
    (
        "a duration without a unit, in a text",
        r#"leeway = "30""#,
        &[r#"leeway: "30" has no unit; write "30s""#],
    ),
    (
        "a duration with two units",
        r#"leeway = "1m30s""#,
        &[r#"leeway: "1m30s" is not a duration such as "500ms", "30s", "5m", "6h" or "1d""#],
    ),
    (
        "a duration below zero",
        r#"leeway = "-5s""#,
        &[r#"leeway: "-5s" is not a duration such as "500ms", "30s", "5m", "6h" or "1d""#],
    ),
    (
        "a leeway that hides an expiry",
        r#"leeway = "11m""#,
        &["leeway: a leeway above 600 s hides an expiry; write at most 600s"],
    ),
    (
        "a text in place of a number",
        r#"cache.max_bytes = "16 MiB""#,
        &[r#"cache.max_bytes: "16 MiB" is not a whole number"#],
    ),
    ("a number below zero", "cache.max_bytes = -1", &["cache.max_bytes: -1 is not a whole number"]),
    (
        "a number with a fraction",
        "limits.nesting = 2.5",
        &["limits.nesting: 2.5 is not a whole number from 0 to 4294967295"],
    ),
    (
        "a number that does not fit",
        "refresh.jitter_percent = 300",
        &["refresh.jitter_percent: 300 is not a whole number from 0 to 255"],
    ),
    (
        "a limit beyond the parser's",
        "limits.nesting = 101",
        &["limits.nesting: nesting is above 100, where the JSON parser ends; use 100 or less"],
    ),
    (
        "no key may be tried",
        "limits.keys_tried = 0",
        &["limits.keys_tried: keys_tried is 0, so that no token could be verified; use 1 or more"],
    ),
    (
        "a body of another kind",
        r#"refusal_body = "html""#,
        &[r#"refusal_body: "html" is not one of json, problem_details"#],
    ),
    (
        "a spacing of another kind",
        r#"credentials.spacing = "tabs""#,
        &[r#"credentials.spacing: "tabs" is not one of spaces, whitespace, single_space"#],
    ),
    (
        "two characters in place of one",
        r#"id_token = { after_access_token = true, subject_after = "::" }
client_ids = ["a"]"#,
        &[r#"id_token.subject_after: "::" is not one character; write one, such as ":""#],
    ),
    (
        "a parameter that challenges do not have",
        r#"challenges.order = ["scopes"]"#,
        &[
            r#"challenges.order[0]: "scopes" is not one of error, error_description, acr_values, max_age, scope, resource_metadata, algs, realm; did you mean scope?"#,
        ],
    ),
    (
        "a typo in a table",
        "limits.nestin = 16",
        &["limits.nestin: there is no such key; did you mean nesting?"],
    ),
    ("a text in place of a table", r#"cache = "large""#, &[r#"cache: "large" is not a table"#]),
    (
        "jitter that means nothing",
        "refresh.jitter_percent = 51",
        &["refresh.jitter_percent: jitter_percent is above 50; use 10"],
    ),
    (
        "refresh settings that contradict each other",
        r#"refresh.min_freshness = "1h"
refresh.fetch_timeout = "0s""#,
        &[
            "refresh.min_freshness: min_freshness is above max_freshness; exchange them",
            "refresh.fetch_timeout: fetch_timeout is zero; give it a duration",
        ],
    ),
    (
        "a requirement that cannot be read",
        r#"requirements.always = "scope(orders:read""#,
        &["requirements.always: at character 18: a `)` is missing here"],
    ),
    (
        "a requirement with an unknown word",
        r#"requirements.always = "scopes(orders:read)""#,
        &[
            "requirements.always: at character 1: `scopes` is no requirement; those are scope, any_scope, role, any_role, claim, acr, amr, max_age, client, issuer, audience, actor, authorization_details, any_token, anonymous and never",
        ],
    ),
    (
        "a requirement of a route",
        r#"requirements.routes."GET /orders" = "scope(a) and""#,
        &[
            r#"requirements.routes["GET /orders"]: at character 13: a requirement is expected here, such as `scope(orders:read)`"#,
        ],
    ),
    (
        "a route without a method",
        r#"requirements.routes."/orders" = "scope(a)""#,
        &[
            r#"requirements.routes["/orders"]: "/orders" is not a method and a pattern of paths, such as "GET /orders/{id}""#,
        ],
    ),
    (
        "a route in small letters",
        r#"requirements.routes."get /orders" = "scope(a)""#,
        &[
            r#"requirements.routes["get /orders"]: "get /orders" is not a method and a pattern of paths, such as "GET /orders/{id}""#,
        ],
    ),
    (
        "a route with a bad pattern",
        r#"requirements.routes."GET /orders/{id" = "scope(a)""#,
        &[
            r#"requirements.routes: "/orders/{id" is no pattern of paths, or is in the way of another: Parameters must be registered with a valid name"#,
        ],
    ),
    (
        "two routes for the same paths",
        r#"[requirements.routes]
"GET /orders/{id}" = "scope(a)"
"GET /orders/{name}" = "scope(b)""#,
        &[
            r#"requirements.routes: "/orders/{name}" is no pattern of paths, or is in the way of another: Insertion failed due to conflict with previously registered route: /orders/{id}"#,
        ],
    ),
    (
        "a gRPC method by its name alone",
        r#"requirements.grpc."SayHello" = "scope(a)""#,
        &[
            r#"requirements.grpc.SayHello: "SayHello" is not a path of a gRPC method, such as "/package.Service/Method""#,
        ],
    ),
    (
        "a typo among requirements",
        r#"requirements.allways = "scope(a)""#,
        &["requirements.allways: there is no such key; did you mean always?"],
    ),
    (
        "a scope with a space",
        r#"scope_implies."a b" = ["c"]"#,
        &[r#"scope_implies["a b"]: "a b" is not a scope (RFC 6749 section 3.3)"#],
    ),
    (
        "an implied scope with a quote",
        r#"scope_implies.a = ["b\""]"#,
        &[r#"scope_implies.a[0]: "b\"" is not a scope (RFC 6749 section 3.3)"#],
    ),
    (
        "scopes that imply each other",
        r#"[scope_implies]
a = ["b"]
b = ["a"]"#,
        &["scope_implies.a: a implies itself; leave one scope of the cycle out"],
    ),
    (
        "a scope that leads into a cycle that it is no part of",
        r#"[scope_implies]
a = ["b"]
b = ["c"]
c = ["b"]"#,
        &["scope_implies.b: b implies itself; leave one scope of the cycle out"],
    ),
    (
        "a scope that cannot be one",
        r#"scopes_supported = ["a b"]"#,
        &[r#"scopes_supported[0]: "a b" is not a scope (RFC 6749 section 3.3)"#],
    ),
    (
        "no header name",
        r#"select_issuer_by = "x tenant""#,
        &[r#"select_issuer_by: "x tenant" is not the name of a header field"#],
    ),
    (
        "ID tokens without a client",
        "id_token.after_access_token = true",
        &["id_token: ID tokens are for one client; name it with client_ids"],
    ),
    (
        "ID tokens in two places",
        r#"client_ids = ["web"]
id_token = { after_access_token = true, header = "x-id-token" }"#,
        &["id_token: after_access_token and header are both there; leave one out"],
    ),
    (
        "no place of ID tokens",
        r#"client_ids = ["web"]
id_token = {}"#,
        &["id_token: it has none of after_access_token, header; write one of them"],
    ),
    (
        "a realm that clients misread",
        r#"challenges.realm = "scope=a""#,
        &["challenges.realm: clients that search a challenge for `scope=` would find it there; leave it out"],
    ),
    (
        "a status that is no refusal",
        "challenges.invalid_token.status = 200",
        &["challenges.invalid_token.status: 200 is not a whole number from 400 to 599"],
    ),
    (
        "an answer without a status",
        r#"challenges.invalid_token.error = "expired""#,
        &["challenges.invalid_token.status: it is missing; write the status of the response"],
    ),
    (
        "an error code that is none",
        r#"challenges.invalid_token = { status = 401, error = "a \"b\"" }"#,
        &[r#"challenges: "a \"b\"" cannot be an error code; RFC 6750 section 3 names its characters"#],
    ),
    (
        "a typo in a case",
        "challenges.invalid_tokens.status = 401",
        &["challenges.invalid_tokens: there is no such key; did you mean invalid_token?"],
    ),
    (
        "a public address that is none",
        r#"public_address.url = "api.test""#,
        &[
            r#"public_address: "api.test" is no address; write an http or https URL without user, query and fragment"#,
        ],
    ),
    (
        "a proxy that is no network",
        r#"public_address.trusted_proxies = ["10.0.0.0/33"]"#,
        &[r#"public_address: "10.0.0.0/33" is no network; write it as in 10.0.0.0/8, fd00::/8 or 192.0.2.1"#],
    ),
    (
        "proxies of the whole world",
        r#"public_address.trusted_proxies = ["0.0.0.0/0"]"#,
        &[r#"public_address: "0.0.0.0/0" is every address; name those of the proxies"#],
    ),
    (
        "a page that is no address",
        r#"metadata.resource_documentation = "docs""#,
        &[
            "metadata.resource_documentation: resource_documentation is no address; write an http or https URL",
        ],
    ),
    (
        "keys of the API over http",
        r#"metadata.jwks_uri = "http://api.test/keys""#,
        &["metadata.jwks_uri: jwks_uri is no https URL; keys are trusted by the way they come"],
    ),
    (
        "a member that the server writes",
        r#"metadata.members.resource = "https://other.test""#,
        &["metadata: resource is written by the server; use the key of that name, or leave it out"],
    ),
    (
        "a method of RFC 6750 that does not exist",
        r#"metadata.bearer_methods_supported = ["cookie"]"#,
        &[r#"metadata.bearer_methods_supported[0]: "cookie" is not one of header, body, query"#],
    ),
    (
        "a nonce secret that is short",
        r#"nonces.secret = "hunter2""#,
        &["nonces.secret: a secret of 7 bytes; use at least 32 random ones"],
    ),
    (
        "a nonce secret in two places",
        r#"nonces = { secret = "0123456789abcdef0123456789abcdef", secret_file = "/run/secrets/nonces" }"#,
        &["nonces: secret and secret_file are both there; leave one out"],
    ),
    (
        "the placeholder of a secret",
        r#"nonces.secret = "(secret)""#,
        &[
            "nonces.secret: it is the placeholder of a secret that was not written out; write the secret, or name its file",
        ],
    ),
    (
        "no nonce secret",
        r#"nonces.lifetime = "5m""#,
        &["nonces: it has none of secret, secret_file; write one of them"],
    ),
    (
        "a secret of a wrong type",
        "nonces.secret = 1234567890",
        &["nonces.secret: the value, which is not shown, is not a text"],
    ),
    (
        "a secret in a file that is not there",
        r#"nonces.secret_file = "/nowhere/nonces""#,
        &[r#"nonces.secret_file: the file "/nowhere/nonces" is not there; correct its path"#],
    ),
    (
        "a proxy that is none",
        r#"http.proxy = "user:hunter2@proxy.test""#,
        &[
            "http.proxy: give `http://host:port` or `https://host:port`, and not a link-local or metadata address",
        ],
    ),
    (
        "no authority at all",
        "http.platform_roots = false",
        &["http.platform_roots: there is no other; add root_certificates_file"],
    ),
    (
        "authorities that are not there",
        r#"http.root_certificates_file = "/nowhere/ca.pem""#,
        &[r#"http.root_certificates_file: the file "/nowhere/ca.pem" is not there; correct its path"#],
    ),
    (
        "a token without its origin",
        r#"http.bearer_token.file = "/run/token""#,
        &[
            "http.bearer_token.origin: it is missing; write the only origin that the token is sent to, as in https://kubernetes.default.svc",
        ],
    ),
    (
        "a token for a path",
        r#"http.bearer_token = { origin = "https://issuer.test/keys", file = "/run/token" }"#,
        &[
            "http.bearer_token: an origin has neither path nor query; give `https://host` or `https://host:port`",
        ],
    ),
    (
        "a field that forwards twice",
        r#"forward = { subject = "x-user", client = "x-user" }"#,
        &["forward: another row has it, since _ and - count as the same; write two names"],
    ),
    (
        "a field that is reserved",
        r#"forward.subject = "host""#,
        &["forward: it has a meaning of its own in HTTP; write a name such as x-auth-…"],
    ),
    (
        "a place of tokens twice",
        r#"token_locations = [{ cookie = "a" }, { cookie = "a" }]"#,
        &["token_locations[1]: it is there twice; leave one out"],
    ),
    (
        "two places in one",
        r#"token_locations = [{ cookie = "a", header = "b" }]"#,
        &["token_locations[0]: cookie and header are both there; leave one out"],
    ),
    (
        "a place that does not exist",
        r#"token_locations = [{ cokie = "a" }]"#,
        &["token_locations[0].cokie: there is no such key; did you mean cookie?"],
    ),
    (
        "Authorization as a header",
        r#"token_locations = [{ header = "authorization" }]"#,
        &["token_locations[0]: authorization holds more than a token; use authorization"],
    ),
    (
        "a scheme of a cookie",
        r#"token_locations = [{ cookie = "a", scheme = "Bearer" }]"#,
        &["token_locations[0].scheme: it needs authorization or header beside it"],
    ),
    (
        "origins without a cookie",
        r#"trusted_origins = ["https://app.test"]"#,
        &["trusted_origins: pages matter to cookies alone; name a cookie in token_locations"],
    ),
    (
        "tickets that no request brings",
        r#"tickets.secret = "a secret of more than 32 bytes: 2b7e1516""#,
        &["tickets: no request can bring one; name a ticket in token_locations"],
    ),
    (
        "API keys that are none",
        r#"api_keys.keys = [{ name = "a", subject = "b", sha256 = "abc" }, { name = "a", subject = "c", secret = "hunter2" }]"#,
        &[
            "api_keys.keys[0]: its hash is not 64 hexadecimal digits; write the SHA-256 of the secret",
            "api_keys.keys[1]: its secret can be guessed; make it of 128 random bits or more",
            "api_keys.keys[1]: another key has its name; call the two by different names",
        ],
    ),
    (
        "bound tokens in a mode that does not exist",
        r#"dpop.mode = "require""#,
        &[r#"dpop.mode: "require" is not one of allowed, required; did you mean required?"#],
    ),
    (
        "bound tokens in no mode",
        r#"dpop.window = "5m""#,
        &[
            "dpop.mode: it is missing; write whether bound tokens are taken beside bearer tokens (allowed), or alone (required)",
        ],
    ),
    (
        "certificates in a mode that does not exist",
        r#"mtls.mode = "require""#,
        &[r#"mtls.mode: "require" is not one of allowed, required; did you mean required?"#],
    ),
    (
        "certificates in no mode",
        r#"mtls.header = "client-cert""#,
        &[
            "mtls.mode: it is missing; write whether tokens that are bound to a certificate are taken beside others (allowed), or alone (required)",
        ],
    ),
    (
        "certificates in a header that is not known",
        r#"mtls = { mode = "allowed", header = "client-certs" }"#,
        &[
            r#"mtls.header: "client-certs" is not one of client-cert, ssl-client-cert, x-forwarded-client-cert, x-amzn-mtls-clientcert, x-amzn-mtls-clientcert-leaf; did you mean client-cert?"#,
        ],
    ),
    (
        "certificates of no proxy",
        r#"mtls = { mode = "allowed", header = "client-cert" }"#,
        &[
            "mtls.header: a certificate in a header is believed of trusted proxies alone; name their networks with public_address.trusted_proxies, or leave the header out",
        ],
    ),
    (
        "certificates alone, and API keys",
        r#"mtls.mode = "required"
api_keys.keys = [{ name = "a", sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", subject = "a" }]"#,
        &[
            "mtls: only bound tokens are taken, and what is no token is bound to nothing; use Mtls::allowed() with a requirement, or leave out API keys and the verifier",
        ],
    ),
    (
        "proofs of a shared secret",
        r#"dpop = { mode = "allowed", algorithms = ["HS256"] }"#,
        &["dpop.algorithms: a proof brings its own key, which is public; leave HMAC out"],
    ),
    (
        "proofs of yesterday",
        r#"dpop = { mode = "allowed", window = "1d" }"#,
        &["dpop: proofs are of this time; use a window of an hour and a leeway of ten minutes at most"],
    ),
    (
        "bound tokens in a header of a proxy",
        r#"dpop.mode = "required"
token_locations = [{ header = "x-assertion" }]"#,
        &[
            "dpop: bound tokens are in Authorization, in a scheme of their own beside Bearer; leave out dpop, or what else says where tokens are",
        ],
    ),
    (
        "a secret of proofs that is short",
        r#"dpop = { mode = "allowed", nonces.secret = "hunter2" }"#,
        &["dpop.nonces.secret: a secret of 7 bytes; use at least 32 random ones"],
    ),
    (
        "a secret of proofs that is nowhere",
        r#"dpop = { mode = "allowed", nonces.secret_file = "/nowhere" }"#,
        &[r#"dpop.nonces.secret_file: the file "/nowhere" is not there; correct its path"#],
    ),
    (
        "FAPI 2.0 and bearer tokens",
        r#"fapi2 = true
dpop = { mode = "allowed", window = "0s" }"#,
        &["dpop.mode: every token is bound to its sender; write required, or leave dpop out"],
    ),
    (
        "FAPI 2.0 and weak proofs of five minutes",
        r#"fapi2 = true
dpop = { mode = "required", algorithms = ["RS256"], window = "5m" }"#,
        &[
            "dpop.algorithms: only PS256, ES256 and EdDSA are accepted; leave the others out",
            "dpop.window: an iat is taken that is 10 s ahead, and none that is more than 60 s; leave dpop.window and dpop.leeway out",
        ],
    ),
    (
        "FAPI 2.0 and tokens in a cookie",
        r#"fapi2 = true
token_locations = [{ cookie = "__Host-session" }]"#,
        &[
            "fapi2: tokens are in Authorization alone, under Bearer or DPoP; leave out what else says where they are",
        ],
    ),
    (
        "FAPI 2.0 and clocks that are ten minutes off",
        r#"fapi2 = true
leeway = "10m""#,
        &[
            "leeway: a token is taken that is 10 s ahead, and none that is more than 60 s; use a leeway between them",
        ],
    ),
    (
        "a secret before none",
        r#"dpop = { mode = "allowed", nonces.previous_secret = "0123456789abcdef0123456789abcdef" }"#,
        &["dpop.nonces.previous_secret: it needs secret or secret_file beside it"],
    ),
    (
        "a secret before that is short",
        r#"dpop = { mode = "allowed", nonces = { secret = "0123456789abcdef0123456789abcdef", previous_secret = "hunter2" } }"#,
        &["dpop.nonces.previous_secret: a secret of 7 bytes; use at least 32 random ones"],
    ),
    (
        "a store of another kind",
        r#"store.url = "http://user:hunter2@one""#,
        &[
            "store.url: a URL of a store begins with redis://, rediss://, redis+sentinel:// or redis+cluster://",
        ],
    ),
    (
        "a store that is nowhere",
        r#"store.prefix = "orders""#,
        &["store: it has none of url, url_file; write one of them"],
    ),
    (
        "a prefix that is none",
        r#"store = { url = "redis://one", prefix = "{" }"#,
        &["store.prefix: a prefix of keys is 1 to 64 of the characters A-Z a-z 0-9 - _ . : /"],
    ),
    (
        "authorities that are not there",
        r#"store = { url = "rediss://one", certificate_authorities_file = "/nowhere" }"#,
        &[r#"store.certificate_authorities_file: the file "/nowhere" is not there; correct its path"#],
    ),
    (
        "an API key without a secret",
        r#"api_keys.keys = [{ name = "a", subject = "b" }]"#,
        &["api_keys.keys[0]: it has none of sha256, secret, secret_file; write one of them"],
    ),
];

/// Keys of the only issuer.
const ISSUERS: &[Row] = &[
    (
        "no issuer and no preset",
        r#"jwks_uri = "https://issuer.test/keys""#,
        &["issuers[0]: it has none of issuer, preset; write one of them"],
    ),
    (
        "an issuer and a preset",
        r#"issuer = "https://issuer.test"
profile = "jwt"
preset.auth0.domain = "shop.eu.auth0.com""#,
        &[
            "issuers[0]: issuer and preset are both there; leave one out",
            "issuers[0]: preset and profile are both there; leave one out",
        ],
    ),
    ("no profile", r#"issuer = "https://issuer.test""#, &["issuers[0].issuer: it needs profile beside it"]),
    (
        "a profile with a typo",
        r#"issuer = "https://issuer.test"
profile = "rfc9086""#,
        &[
            r#"issuers[0].profile: "rfc9086" is not one of rfc9068, jwt, auth0, entra_v1, entra_v2, keycloak, okta; did you mean rfc9068?"#,
        ],
    ),
    (
        "a profile that does not exist",
        r#"issuer = "https://issuer.test"
profile = "oauth""#,
        &[
            r#"issuers[0].profile: "oauth" is not one of rfc9068, jwt, auth0, entra_v1, entra_v2, keycloak, okta; did you mean auth0?"#,
        ],
    ),
    (
        "a key of an issuer with a typo",
        r#"isuer = "https://issuer.test"
profile = "jwt""#,
        &["issuers[0].isuer: there is no such key; did you mean issuer?"],
    ),
    (
        "a preset with a typo",
        r#"preset.keycloack = { server = "https://keycloak.test", realm = "shop" }"#,
        &["issuers[0].preset.keycloack: there is no such key; did you mean keycloak?"],
    ),
    (
        "a preset without an argument",
        r#"preset.keycloak.server = "https://keycloak.test""#,
        &["issuers[0].preset.keycloak.realm: it is missing; write the name of the realm"],
    ),
    (
        "a preset with an argument too many",
        r#"preset.auth0 = { domain = "shop.eu.auth0.com", realm = "shop" }"#,
        &["issuers[0].preset.auth0.realm: there is no such key; a tenant of Auth0 has domain"],
    ),
    (
        "two presets",
        r#"preset.auth0.domain = "shop.eu.auth0.com"
preset.okta.domain = "shop.okta.com""#,
        &["issuers[0].preset: auth0 and okta are both there; leave one out"],
    ),
    (
        "a profile in place of what binds workflows to their repositories",
        r#"preset.github_actions = { repositories = ["1296269"] }
profile = "jwt""#,
        &["issuers[0]: preset and profile are both there; leave one out"],
    ),
    (
        "a profile in place of what binds tokens to accounts",
        r#"profile = "rfc9068"
preset.google_service_accounts = { accounts = ["shop@example-project.iam.gserviceaccount.com"] }"#,
        &["issuers[0]: preset and profile are both there; leave one out"],
    ),
    (
        "a profile in place of what binds tokens to service accounts of a cluster",
        r#"preset.kubernetes = { issuer = "https://cluster.test", accounts = [{ namespace = "shop", name = "web" }] }
profile = "jwt""#,
        &["issuers[0]: preset and profile are both there; leave one out"],
    ),
    (
        "a profile beside a preset that has one of that name",
        r#"preset.keycloak = { server = "https://keycloak.test", realm = "shop", clients = ["shop"] }
profile = "keycloak""#,
        &["issuers[0]: preset and profile are both there; leave one out"],
    ),
    (
        "no preset",
        "preset = {}",
        &[
            "issuers[0].preset: it has none of auth0, authentik, aws_alb, aws_verified_access, clerk, cloudflare_access, cognito, entra, entra_tenants, firebase, fusion_auth, github_actions, gitlab_ci, google_iap, google_service_accounts, google_users, keycloak, kinde, kubernetes, okta, ory, ping_one, pomerium, spiffe, stytch, supabase, teleport, workos, zitadel; write one of them",
        ],
    ),
    (
        "a version that does not exist",
        r#"preset.entra = { tenant = "6babcaad-604b-40ac-a9d7-9fd97c0b779f", version = "2" }"#,
        &[r#"issuers[0].preset.entra.version: "2" is not one of v1, v2; did you mean v2?"#],
    ),
    (
        "a preset whose name has no underscore",
        r#"preset.cloudflareaccess = { team = "shop", applications = ["a1"] }"#,
        &["issuers[0].preset.cloudflareaccess: there is no such key; did you mean cloudflare_access?"],
    ),
    (
        "a proxy without its backends",
        "preset.google_iap = {}",
        &[
            "issuers[0].preset.google_iap.audiences: it is missing; write the backends, as in /projects/123456789012/global/backendServices/4242",
        ],
    ),
    (
        "an environment that does not exist",
        r#"preset.stytch = { environment = "live", project = "project-live-1" }"#,
        &[r#"issuers[0].preset.stytch.environment: "live" is not one of api, test"#],
    ),
    (
        "workflows of every repository",
        "preset.github_actions = { reusable = true }",
        &[
            "issuers[0].preset.github_actions: it has none of repositories, owners, enterprises; write one of them",
        ],
    ),
    (
        "an id that is a number",
        r#"preset.gitlab_ci = { instance = "https://gitlab.com", projects = [46573356] }"#,
        &["issuers[0].preset.gitlab_ci.projects[0]: 46573356 is not a text"],
    ),
    (
        "two kinds of ids",
        r#"preset.gitlab_ci = { instance = "https://gitlab.com", projects = ["1"], namespaces = ["2"] }"#,
        &["issuers[0].preset.gitlab_ci: namespaces and projects are both there; leave one out"],
    ),
    (
        "a cluster without accounts",
        r#"preset.kubernetes = { issuer = "https://cluster.test", accounts = [] }"#,
        &["issuers[0].preset.kubernetes.accounts: it is empty; write at least one, or leave it out"],
    ),
    (
        "an account without its namespace",
        r#"preset.kubernetes = { issuer = "https://cluster.test", accounts = [{ name = "web" }] }"#,
        &[
            "issuers[0].preset.kubernetes.accounts[0].namespace: it is missing; write the namespace of the account",
        ],
    ),
    (
        "a bundle over http",
        r#"preset.spiffe = { trust_domain = "shop.test", bundle = "http://spire.test/bundle" }"#,
        &[
            r#"issuers[0].preset: its jwks_uri "http://spire.test/bundle": not https (plain http is for loopback, and only when opted into); use https, or in a network that is trusted dangerous.plain_http_to ("spire.test")"#,
        ],
    ),
    (
        "keys in two places",
        r#"issuer = "https://issuer.test"
profile = "jwt"
jwks_uri = "https://issuer.test/keys"
jwks_file = "keys.json""#,
        &["issuers[0]: jwks_file and jwks_uri are both there; leave one out"],
    ),
    (
        "keys that are not there",
        r#"issuer = "https://issuer.test"
profile = "jwt"
jwks_file = "/nowhere/keys.json""#,
        &[r#"issuers[0].jwks_file: the file "/nowhere/keys.json" is not there; correct its path"#],
    ),
    (
        "keys that are not there, of one issuer, and wrong ones of another",
        r#"issuer = "https://issuer.test"
profile = "jwt"
jwks_file = "/nowhere/keys.json"
[[issuers]]
issuer = "https://other.test"
profile = "jwt"
jwks_uri = "http://other.test""#,
        &[
            r#"issuers[0].jwks_file: the file "/nowhere/keys.json" is not there; correct its path"#,
            r#"issuers[1].jwks_uri: its jwks_uri "http://other.test": not https (plain http is for loopback, and only when opted into); use https, or in a network that is trusted dangerous.plain_http_to ("other.test")"#,
        ],
    ),
    (
        "keys over http",
        r#"issuer = "https://issuer.test"
profile = "jwt"
jwks_uri = "http://issuer.test/keys""#,
        &[
            r#"issuers[0].jwks_uri: its jwks_uri "http://issuer.test/keys": not https (plain http is for loopback, and only when opted into); use https, or in a network that is trusted dangerous.plain_http_to ("issuer.test")"#,
        ],
    ),
    (
        "keys over http on this machine",
        r#"issuer = "http://127.0.0.1:8080"
profile = "jwt""#,
        &[
            "issuers[0].issuer: not https (plain http is for loopback, and only when opted into); use https, or allow it with allow_loopback_http",
        ],
    ),
    (
        "keys from a metadata service",
        r#"issuer = "https://issuer.test"
profile = "jwt"
jwks_uri = "https://169.254.169.254/keys""#,
        &[
            r#"issuers[0].jwks_uri: its jwks_uri "https://169.254.169.254/keys": the address is not one that keys may be fetched from"#,
        ],
    ),
    (
        "a password in an address",
        r#"issuer = "https://issuer.test"
profile = "jwt"
jwks_uri = "https://user:hunter2@issuer.test/keys""#,
        &[
            r#"issuers[0].jwks_uri: its jwks_uri "https://issuer.test/keys": the URL contains a user name or password"#,
        ],
    ),
    (
        "a password in an address that is no URL",
        r#"issuer = "https://issuer.test"
profile = "jwt"
jwks_uri = "https://user:hunter2@issuer.test:99999/keys""#,
        &[
            r#"issuers[0].jwks_uri: its jwks_uri "https://issuer.test:99999/keys": not an absolute URL with a host"#,
        ],
    ),
    (
        "an issuer that is no URL",
        r#"issuer = "issuer.test"
profile = "jwt""#,
        &["issuers[0].issuer: not an absolute URL with a host"],
    ),
    (
        "a key without an algorithm",
        r#"issuer = "https://issuer.test"
profile = "jwt"
keys = [{ pem_file = "key.pem" }]"#,
        &["issuers[0].keys[0].algorithm: it is missing; write the algorithm that the key is for"],
    ),
    (
        "an algorithm that does not exist",
        r#"issuer = "https://issuer.test"
profile = "jwt"
keys = [{ algorithm = "RS265", pem_file = "key.pem" }]"#,
        &[
            r#"issuers[0].keys[0].algorithm: "RS265" is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512; did you mean RS256?"#,
        ],
    ),
    (
        "a key that is nowhere",
        r#"issuer = "https://issuer.test"
profile = "jwt"
keys = [{ algorithm = "RS256" }]"#,
        &["issuers[0].keys[0]: it has none of pem, pem_file, secret, secret_file; write one of them"],
    ),
    (
        "a key that is no PEM",
        r#"issuer = "https://issuer.test"
profile = "jwt"
keys = [{ algorithm = "RS256", pem = "MIIB" }]"#,
        &[
            "issuers[0].keys[0].pem: it is no such key: not PEM: it has no line -----BEGIN ...-----; give the whole block with both of its lines",
        ],
    ),
    (
        "a secret that is too short",
        r#"issuer = "https://issuer.test"
profile = "jwt"
keys = [{ algorithm = "HS256", secret = "hunter2" }]"#,
        &[
            "issuers[0].keys[0].secret: it is no such key: HMAC secret of 7 bytes; the algorithm needs at least 32",
        ],
    ),
    (
        "a secret that others know",
        r#"issuer = "https://issuer.test"
profile = "jwt"
keys = [{ algorithm = "HS256", secret = "secretsecretsecretsecretsecretsecret" }]"#,
        &[
            "issuers[0].keys[0].secret: it is no such key: a secret that repeats one short pattern; use random bytes",
        ],
    ),
    (
        "a secret for a profile that wants none",
        r#"issuer = "https://issuer.test"
profile = "jwt"
keys = [{ algorithm = "HS256", secret = "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFi" }]"#,
        &[
            "issuers[0].keys: none of its keys fits an accepted algorithm {RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA}; name theirs with tokens.algorithms",
        ],
    ),
    (
        "HMAC with fetched keys",
        r#"issuer = "https://issuer.test"
profile = "jwt"
tokens.algorithms = ["HS256"]"#,
        &[
            "issuers[0].tokens.algorithms: HMAC with keys from the network would let anyone sign who can read them; accept asymmetric algorithms only, or give the secret with also_keys",
        ],
    ),
    (
        "tokens for any resource",
        r#"issuer = "https://issuer.test"
profile = "jwt"
tokens.without_rules_on = ["aud"]"#,
        &["issuers[0].tokens: no rule binds a token to this server; leave aud out of without_rules_on"],
    ),
    (
        "tokens for ever",
        r#"issuer = "https://issuer.test"
profile = "jwt"
tokens.without_rules_on = ["exp", "nbf", "iat"]"#,
        &["issuers[0].tokens: no rule is about time; leave exp out of without_rules_on"],
    ),
    (
        "a claim that nothing finds",
        r#"issuer = "https://issuer.test"
profile = "jwt"
tokens.scope_claims = ["/a~2b"]"#,
        &[
            r#"issuers[0].tokens: "/a~2b" is no JSON Pointer (RFC 6901), so no claim is ever found by it; write ~0 for a ~ in a name, and ~1 for a /"#,
        ],
    ),
    (
        "two kinds of types",
        r#"issuer = "https://issuer.test"
profile = "jwt"
tokens = { require_types = ["JWT"], accept_types = ["JWT"] }"#,
        &["issuers[0].tokens: accept_types and require_types are both there; leave one out"],
    ),
    (
        "keys by the last segment, from the network",
        r#"issuer = "https://issuer.test"
profile = "jwt"
tokens.select_key_by = "last_segment""#,
        &["issuers[0].tokens.select_key_by: keys from the network are found by their whole names; write kid"],
    ),
    (
        "tenants of no pattern",
        r#"issuer = "https://issuer.test"
profile = "jwt"
tenants.allow = ["a"]"#,
        &["issuers[0].issuer: a pattern has {tenant} where the name stands"],
    ),
    (
        "tenants of a preset of one",
        r#"preset.auth0.domain = "shop.eu.auth0.com"
tenants.allow = ["a"]"#,
        &[
            "issuers[0].tenants: it is no pattern and has no tenants; write {tenant} where the name stands, or leave tenants out",
        ],
    ),
    (
        "a preset of tenants that are not named",
        r#"preset.entra_tenants.version = "v2""#,
        &[
            "issuers[0].tenants: it is not said which tenants there are; name them with tenants.allow, or trust all with dangerous.any_tenant",
        ],
    ),
    (
        "no tenant may live",
        r#"preset.entra_tenants.version = "v2"
tenants = { allow = ["a"], max_live = 0 }"#,
        &["issuers[0].tenants.max_live: max_live is zero; give it a value"],
    ),
    (
        "plain http to no host",
        r#"issuer = "http://keycloak:8080/realms/shop"
profile = "jwt"
dangerous.plain_http_to = ["http://keycloak"]"#,
        &[
            r#"issuers[0].dangerous.plain_http_to: plain_http_to("http://keycloak") names no host; leave out scheme, port and path"#,
            r#"issuers[0].issuer: not https (plain http is for loopback, and only when opted into); use https, or in a network that is trusted dangerous.plain_http_to ("keycloak")"#,
        ],
    ),
    (
        "a leeway of one issuer",
        r#"issuer = "https://issuer.test"
profile = "jwt"
leeway = "1h""#,
        &["issuers[0].leeway: a leeway above 600 s hides an expiry; write at most 600s"],
    ),
    (
        "an address of keys without a place for their names",
        r#"issuer = "https://issuer.test"
profile = "jwt"
pem_per_kid = { url = "https://issuer.test/pem", kid = "uuid" }"#,
        &[
            r#"issuers[0].pem_per_kid: its address "https://issuer.test/pem": it must have {kid} in it, once; write it where the name of the key belongs"#,
        ],
    ),
    (
        "names of keys of no form",
        r#"issuer = "https://issuer.test"
profile = "jwt"
pem_per_kid = { url = "https://issuer.test/{kid}", kid = "any" }"#,
        &[r#"issuers[0].pem_per_kid.kid: "any" is not one of uuid, url_safe"#],
    ),
    (
        "keys under their names, and in a file",
        r#"issuer = "https://issuer.test"
profile = "jwt"
jwks_file = "a"
pem_per_kid = { url = "https://issuer.test/{kid}", kid = "uuid" }"#,
        &["issuers[0]: jwks_file and pem_per_kid are both there; leave one out"],
    ),
    (
        "two things that count once",
        r#"issuer = "https://issuer.test"
profile = "jwt"
tokens = { single_use = "jti", spends_nonce = "nonce" }"#,
        &["issuers[0].tokens: single_use and spends_nonce are both there; leave one out"],
    ),
    (
        "what must be pinned and is not",
        r#"issuer = "https://issuer.test"
profile = "jwt"
tokens.pin_one_of = ["repository_id"]"#,
        &[
            r#"issuers[0].tokens: no rule names values of one of repository_id, and other claims can pass to others; add claim("repository_id").one_of([..])"#,
        ],
    ),
    (
        "a kind of token without a profile",
        r#"issuer = "https://issuer.test"
profile = "jwt"
kinds = [{ where = { gty = ["client-credentials"] } }]"#,
        &["issuers[0].kinds[0].profile: it is missing; write what such tokens look like"],
    ),
    (
        "a kind of token that no claim can mark",
        r#"issuer = "https://issuer.test"
profile = "jwt"
kinds = [{ where = { "/a~2b" = ["x"] }, profile = "jwt" }]"#,
        &[
            r#"issuers[0].kinds: "/a~2b" is no JSON Pointer (RFC 6901), so no claim is ever found by it; write ~0 for a ~ in a name, and ~1 for a /"#,
        ],
    ),
    (
        "an issuer twice",
        r#"issuer = "https://issuer.test"
profile = "jwt"
[[issuers]]
issuer = "https://issuer.test"
profile = "rfc9068""#,
        &["issuers[1].issuer: it is there twice; merge both into one"],
    ),
    (
        "problems of two issuers",
        r#"isuer = "a"
profile = "jwt"
[[issuers]]
issuer = "https://other.test"
profile = "x"
tokens.algorithms = ["none"]"#,
        &[
            "issuers[0].isuer: there is no such key; did you mean issuer?",
            r#"issuers[1].profile: "x" is not one of rfc9068, jwt, auth0, entra_v1, entra_v2, keycloak, okta"#,
            r#"issuers[1].tokens.algorithms[0]: "none" is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384, HS512"#,
        ],
    ),
];

#[test]
fn each_wrong_file_is_told_what_is_wrong_with_it() {
    let roots = ROOT.iter().map(|(name, keys, said)| (name, file(keys, ISSUER), said));
    let issuers = ISSUERS.iter().map(|(name, keys, said)| (name, file("", keys), said));
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, toml, expected) in roots.chain(issuers) {
        count += 1;
        let found = said(&toml);
        if found != *expected {
            wrong.push(format!("{name}\n{toml}\n  said:     {found:#?}\n  expected: {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(count >= 60, "{count} wrong files");
}

/// What is wrong with the whole is told beside the files that are not there.
#[test]
fn everything_is_told_where_no_issuer_can_be_made() {
    let issuer = "issuer = \"https://issuer.test\"\nprofile = \"jwt\"\njwks_file = \"/nowhere/keys.json\"";
    let no_file = "issuers[0].jwks_file: the file \"/nowhere/keys.json\" is not there; correct its path";
    let cases: [(&str, &str, &str, &[&str]); 4] = [
        ("nothing", "", "", &[]),
        (
            "a limit",
            "limits.keys_tried = 0",
            "",
            &["limits.keys_tried: keys_tried is 0, so that no token could be verified; use 1 or more"],
        ),
        (
            "a location and another file",
            "trusted_origins = [\"https://app.test\"]\nnonces.secret_file = \"/nowhere/nonces\"",
            "",
            &[
                "nonces.secret_file: the file \"/nowhere/nonces\" is not there; correct its path",
                "trusted_origins: pages matter to cookies alone; name a cookie in token_locations",
            ],
        ),
        (
            "nothing: the issuer names the client",
            "id_token.header = \"x-id-token\"",
            "client_ids = [\"web\"]",
            &[],
        ),
    ];
    for (name, root, of_issuer, expected) in cases {
        let mut expected = [&[no_file], expected].concat();
        expected.sort_unstable();
        let mut found = said(&file(root, &format!("{issuer}\n{of_issuer}")));
        found.sort_unstable();
        assert_eq!(found, expected, "{name}");
    }
}
