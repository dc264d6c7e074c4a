//! Private keys and secrets that are decoded here are wiped before their memory is given back.
//!
//! The allocator looks for a piece of the secret in all that is freed on this thread. What the crypto
//! library holds in C has an allocator of its own, and wipes itself.
#![cfg(feature = "issuer")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use base64_simd::STANDARD;
use tower_resource_server::{
    issuer::SigningKey,
    keys::{Algorithm, VerifyingKey},
    preset::layer::Provider,
    store::{Nonces, Tickets},
};

struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

thread_local! {
    static SOUGHT: Cell<Option<&'static [u8]>> = const { Cell::new(None) };
    static FOUND: Cell<u32> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator as it came; a block is read before it is freed,
// within its size, as bytes that the optimizer may assume nothing about.
#[expect(unsafe_code, reason = "a global allocator cannot be written without")]
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let sought = SOUGHT.try_with(Cell::get).ok().flatten();
        if let Some(sought) = sought {
            let byte = |at: usize| unsafe { block.add(at).read_volatile() };
            let holds = |at: usize| sought.iter().enumerate().all(|(n, sought)| byte(at + n) == *sought);
            if (0..(layout.size() + 1).saturating_sub(sought.len())).any(holds) {
                FOUND.set(FOUND.get() + 1);
            }
        }
        unsafe { System.dealloc(block, layout) }
    }
}

/// How many blocks with `piece` in them are freed while `work` runs.
fn freed_with(piece: &[u8], work: impl FnOnce()) -> u32 {
    let piece: &'static [u8] = piece.to_vec().leak();
    FOUND.set(0);
    SOUGHT.set(Some(piece));
    work();
    SOUGHT.set(None);
    FOUND.get()
}

fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode_to_vec(lines).unwrap()
}

#[test]
fn what_is_not_wiped_is_found() {
    let piece = b"0123456789abcdef";
    assert_eq!(freed_with(piece, || drop([&b"before"[..], piece, b"after"].concat())), 1);
    assert_eq!(freed_with(piece, || drop(piece[..15].to_vec())), 0);
}

#[test]
fn private_keys_are_wiped_whatever_comes_of_them() {
    const RSA: &str = include_str!("../src/issuer/testdata/rsa2048-pkcs8.pem");
    const PKCS1: &str = include_str!("../src/issuer/testdata/rsa2048-pkcs1.pem");
    const EC: &str = include_str!("../src/issuer/testdata/p256-pkcs8.pem");
    const SEC1: &str = include_str!("../src/issuer/testdata/p256-sec1.pem");
    const ED25519: &str = include_str!("../src/issuer/testdata/ed25519-pkcs8.pem");
    // Where in the DER a piece of the private key is: within a prime, or within the scalar.
    for (name, pem, algorithm, at) in [
        ("RSA", RSA, Algorithm::RS256, 700),
        ("RSA, PKCS#1", PKCS1, Algorithm::RS256, 700),
        ("P-256", EC, Algorithm::ES256, 40),
        ("P-256, SEC 1", SEC1, Algorithm::ES256, 10),
        ("Ed25519", ED25519, Algorithm::EdDSA, 20),
    ] {
        let der = der(pem);
        let piece = &der[at..at + 16];
        let other = if algorithm == Algorithm::ES384 { Algorithm::ES256 } else { Algorithm::ES384 };
        let cut_short = pem.replace("-----END", "*\n-----END");
        let works: [(&str, &dyn Fn() -> bool); 5] = [
            ("loaded", &|| SigningKey::from_pem(pem, algorithm).is_ok()),
            ("for another algorithm", &|| SigningKey::from_pem(pem, other).is_err()),
            ("malformed", &|| SigningKey::from_pem(&cut_short, algorithm).is_err()),
            ("for a public key", &|| VerifyingKey::from_pem(pem, algorithm).is_err()),
            ("for an old one", &|| Provider::new("p").dangerous().old_rsa_key("k", pem).is_err()),
        ];
        for (what, work) in works {
            assert_eq!(freed_with(piece, || assert!(work(), "{name}, {what}")), 0, "{name}, {what}");
        }
    }
}

#[test]
fn secrets_are_wiped_where_they_are_looked_through() {
    let secret: Vec<u8> = (1..=64).map(|n: u8| n.wrapping_mul(37)).collect();
    let base64 = STANDARD.encode_to_string(&secret);
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    for (name, text) in
        [("bytes", &secret[..]), ("base64", base64.as_bytes()), ("hexadecimal", hex.as_bytes())]
    {
        for (of_what, piece) in [("what it stands for", &secret[20..36]), ("itself", &text[20..36])] {
            let verifying = || drop(VerifyingKey::from_hmac_secret(text, Algorithm::HS512).unwrap());
            assert_eq!(freed_with(piece, verifying), 0, "{name}, {of_what}");
            let signing = || drop(SigningKey::from_hmac_secret(text, Algorithm::HS512).unwrap());
            assert_eq!(freed_with(piece, signing), 0, "{name}, {of_what}");
            let nonces = || drop(Nonces::with_secret(text).unwrap());
            assert_eq!(freed_with(piece, nonces), 0, "{name}, {of_what}");
            let tickets = || drop(Tickets::with_secret(text).unwrap());
            assert_eq!(freed_with(piece, tickets), 0, "{name}, {of_what}");
            #[cfg(feature = "mcp")]
            assert_eq!(freed_with(piece, || bind_sessions(text)), 0, "{name}, {of_what}");
        }
    }
}

#[cfg(feature = "mcp")]
fn bind_sessions(secret: &[u8]) {
    use tower_resource_server::{
        ResourceServer, TrustedIssuer, keys::KeySet, mcp::McpRequirements, profile::TokenProfile,
    };

    let keys = KeySet::from_keys([VerifyingKey::from_ed25519_bytes(&[7; 32]).unwrap()]);
    let trusted = TrustedIssuer::with_keys("https://issuer.test", keys, TokenProfile::rfc9068());
    let api = ResourceServer::builder("https://mcp.test").issuer(trusted).build().unwrap();
    drop(api.mcp_guard(McpRequirements::new()).session_secret(secret).unwrap());
}

/// The thread that reads the file frees no memory with the token in it, whatever becomes of the request.
#[cfg(feature = "remote")]
#[test]
fn the_token_of_a_file_is_wiped_where_it_is_read() {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use tower_resource_server::{ResourceServer, TrustedIssuer, net::ReqwestClient, profile::TokenProfile};

    let token = b"3q2-7wAAKjX0iE9s1vBQmZpTw8kd0s7v";
    let path = std::env::temp_dir().join(format!("wiped-{}", std::process::id()));
    std::fs::write(&path, token).unwrap();
    let found = Arc::new(AtomicU32::new(0));
    let all = Arc::clone(&found);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_start(|| SOUGHT.set(Some(&token[8..24])))
        .on_thread_stop(move || {
            SOUGHT.set(None);
            all.fetch_add(FOUND.get(), Ordering::SeqCst);
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        // Nothing answers here.
        let client = ReqwestClient::builder().bearer_token_file("http://127.0.0.1:1", &path).build().unwrap();
        let uri = "http://127.0.0.1:1/keys";
        let trusted = TrustedIssuer::with_jwks_uri("https://issuer.test", uri, TokenProfile::rfc9068());
        let trusted = trusted.allow_loopback_http(true).http_client(client);
        let api = ResourceServer::builder("https://api.test").issuer(trusted).build().unwrap();
        let error = api.refresh_now().await.unwrap_err().to_string();
        assert!(error.contains("the connection failed"), "the token was read: {error}");
    });
    drop(runtime);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(found.load(Ordering::SeqCst), 0);
}
