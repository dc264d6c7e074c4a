//! What any bytes in the place of a proof must come to; the fuzz target `proof` and the properties of this suite share
//! it.

use std::{
    future::Future as _,
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll, Waker},
};

use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderValue, Request};
use serde_json::{Value, json};
use tower_resource_server::{
    CacheSettings, Dpop, ResourceServer,
    store::MemorySpentStore,
    test_util::{DpopKey, TestIssuer},
};

const URL: &str = "https://api.test/orders";

struct Fixture {
    key: DpopKey,
    token: String,
    header: String,
    claims: String,
    /// The header and the claims of a good proof, and where they are looked at: with the token in the cache, and
    /// without a cache.
    servers: [ResourceServer; 2],
    now: u64,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let (issuer, key) = (TestIssuer::new(), DpopKey::new());
    let server = |cache: CacheSettings| {
        // No run uses as many proofs.
        let dpop = Dpop::required().store(MemorySpentStore::new(1 << 20).share(1 << 20));
        let server = ResourceServer::builder(issuer.audience()).issuer(issuer.trusted());
        server.clock(issuer.clock().clone()).cache(cache).dpop(dpop).build().unwrap()
    };
    let servers = [server(CacheSettings::default()), server(CacheSettings::default().max_bytes(0))];
    let token = issuer.access_token("alice").bound_to_key(key.thumbprint()).mint().unwrap();
    let now = issuer.now();
    let parts: Vec<String> = key
        .proof("GET", URL, &token, now)
        .sign()
        .split('.')
        .map(|part| {
            String::from_utf8(URL_SAFE_NO_PAD.decode_to_vec(part).unwrap_or_default()).unwrap_or_default()
        })
        .collect();
    let [header, claims] = [parts[0].clone(), parts[1].clone()];
    Fixture { key, token, header, claims, servers, now: now.as_secs() }
});

/// A text of which a part is exchanged: the first two bytes say which.
fn spliced(text: &str, change: &[u8]) -> Vec<u8> {
    let [at, length, new @ ..] = change else { return text.as_bytes().to_vec() };
    let at = usize::from(*at) * text.len() / 256;
    let end = text.len().min(at + usize::from(*length) / 4);
    [&text.as_bytes()[..at], new, &text.as_bytes()[end..]].concat()
}

/// The proof that some bytes stand for: themselves, or a good one with a part exchanged, signed or not.
fn proof_of(data: &[u8]) -> Vec<u8> {
    let Fixture { key, header, claims, .. } = &*FIXTURE;
    let Some((kind, change)) = data.split_first() else { return Vec::new() };
    let signed = |header: &[u8], claims: &[u8]| {
        let text = std::str::from_utf8(header).unwrap_or_default();
        key.signing_key().sign_raw(text, claims).unwrap_or_default().into_bytes()
    };
    match kind % 4 {
        0 => change.to_vec(),
        1 => signed(header.as_bytes(), &spliced(claims, change)),
        2 => signed(&spliced(header, change), claims.as_bytes()),
        _ => spliced(&String::from_utf8_lossy(&signed(header.as_bytes(), claims.as_bytes())), change),
    }
}

/// What a server says of a proof: the code of its reason, if it refuses it.
fn told(server: &ResourceServer, proof: &HeaderValue) -> Option<&'static str> {
    let authorization = format!("DPoP {}", FIXTURE.token);
    let request = Request::get("/orders").header("authorization", authorization).header("dpop", proof);
    let head = request.body(()).unwrap();
    let answer = pin!(server.authenticate(&head)).poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(answer) = answer else { panic!("keys and store are at hand: nothing is waited for") };
    answer.err().map(|refused| refused.reason().code())
}

/// What is said of any bytes in the place of a proof; panics where they do what they must not.
pub fn check(data: &[u8]) -> Option<&'static str> {
    let Ok(proof) = HeaderValue::from_bytes(&proof_of(data)) else { return Some("no_field") };
    let [hit, miss] = FIXTURE.servers.each_ref().map(|server| told(server, &proof));
    assert_eq!(hit, miss, "on a hit and on a miss");
    match hit {
        Some(code) => assert!(code.starts_with("proof_"), "{code}"),
        None => accepted(&proof),
    }
    hit
}

/// What must hold of a proof that is let in, read by another reader, and that it counts once.
fn accepted(proof: &HeaderValue) {
    let read = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(part).unwrap()).unwrap()
    };
    let parts: Vec<_> = proof.to_str().unwrap().split('.').collect();
    let (header, claims) = (read(parts[0]), read(parts[1]));
    assert_eq!(parts.len(), 3);
    assert!(header["typ"].as_str().unwrap().to_lowercase().ends_with("dpop+jwt"));
    assert_eq!(header["alg"], "ES256");
    assert_eq!(header["jwk"].get("d"), None);
    assert!((1..=256).contains(&claims["jti"].as_str().unwrap().len()));
    assert_eq!(claims["htm"], "GET");
    let htu = claims["htu"].as_str().unwrap().to_lowercase();
    assert!(htu.starts_with("https://"), "{htu}");
    assert!((claims["iat"].as_f64().unwrap() - FIXTURE.now as f64).abs() <= 120.0);
    let good: Value = serde_json::from_str(&FIXTURE.claims).unwrap();
    assert_eq!(json!(claims["ath"]), json!(good["ath"]));
    for server in &FIXTURE.servers {
        assert_eq!(told(server, proof), Some("proof_replayed"));
    }
}
