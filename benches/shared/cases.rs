//! The paths that a request can take, by name, and what one request on each costs in instructions and
//! allocations: figures that are the same on every machine.
//!
//! Instructions of the crypto library are those that it chooses on valgrind's processor, so the
//! figures of interest are differences: `miss HS256` less `raw HS256` and `bare` is the layer without
//! any signature.

use http::{HeaderName, header::COOKIE};
use tower_resource_server::http::TokenLocation;

use crate::{
    dpop::{self, Client},
    measure::Candidate,
    program::{Case, TIMES},
    tokens::{Bench, Kind},
};

pub(crate) const ONE_SCOPE: &str = "scope(orders:write)";

/// Three alternatives, of which the last is met, and of the others all but the last leaf.
pub(crate) const EIGHT_LEAVES: &str = r#"
    scope(orders:read) and client(orders-frontend) and acr(gold)
    or scope(openid) and role(boss)
    or scope(orders:write) and claim(/realm_access/roles contains "customer") and client(orders-frontend)
"#;

/// `bare` is the service without the layer, called with a good token of 992 bytes, `raw` the signature
/// check alone, and `extension only` the bare service with the extension that the layer inserts.
pub(crate) const CASES: &[Case] = &[
    ("bare", || Bench::new(Kind::Hs256, 1, 0).bare()),
    ("raw HS256", || Bench::new(Kind::Hs256, 1, 0).raw()),
    ("raw EdDSA", || Bench::new(Kind::EdDsa, 1, 0).raw()),
    ("miss HS256", || Bench::new(Kind::Hs256, 1, 0).layer(200)),
    ("miss EdDSA", || Bench::new(Kind::EdDsa, 1, 0).layer(200)),
    ("miss EdDSA, cache on, evicting", || Bench::new(Kind::EdDsa, 400, 64 * 1024).layer(200)),
    ("hit", || Bench::new(Kind::EdDsa, 1, 1 << 20).layer(200)),
    ("hit, extension only", || Bench::new(Kind::EdDsa, 1, 1 << 20).extended()),
    ("hit, header location", || in_header().layer(200)),
    ("hit, header location, extension only", || in_header().extended()),
    ("hit, cookie location", || in_cookie().layer(200)),
    ("hit, cookie location, extension only", || in_cookie().extended()),
    ("hit, one scope", || Bench::new(Kind::EdDsa, 1, 1 << 20).requiring(ONE_SCOPE)),
    ("hit, 8 leaves", || Bench::new(Kind::EdDsa, 1, 1 << 20).requiring(EIGHT_LEAVES)),
    ("API key", || Bench::with_api_keys().layer(200)),
    ("API key, extension only", || Bench::with_api_keys().extended()),
    ("raw proof", || Client::new(2 * TIMES).raw()),
    ("DPoP, bare", || Client::new(2 * TIMES).bare()),
    ("DPoP", || Client::new(2 * TIMES).layer()),
    ("id spent, 100 000 live", || dpop::spending(100_000, 2 * TIMES)),
    ("reject, no header", || Bench::new(Kind::EdDsa, 1, 1 << 20).reject(None)),
    ("reject, garbage", || {
        Bench::new(Kind::EdDsa, 1, 1 << 20).reject(Some("Bearer abcdefghijklmnopqrstuvwxyz".to_owned()))
    }),
    ("reject, unknown kid", || reject(Bench::unknown_kid)),
    ("reject, expired", || reject(Bench::expired)),
    ("reject, wrong issuer", || reject(Bench::wrong_issuer)),
    ("verify_jws HS256", || Bench::new(Kind::Hs256, 1, 0).jws()),
];

pub(crate) fn in_header() -> Bench {
    let field = HeaderName::from_static("x-assertion");
    Bench::located(TokenLocation::header("x-assertion"), field, str::to_owned)
}

pub(crate) fn in_cookie() -> Bench {
    let write = |token: &str| format!("theme=dark; __Host-session={token}; lang=en");
    Bench::located(TokenLocation::cookie("__Host-session"), COOKIE, write)
}

fn reject(authorization: fn(&Bench) -> String) -> Candidate {
    let bench = Bench::new(Kind::EdDsa, 1, 1 << 20);
    bench.reject(Some(authorization(&bench)))
}
