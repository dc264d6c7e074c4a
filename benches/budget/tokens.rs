//! Tokens of a realistic size, signed here, and the services that they are sent through.
#![expect(dead_code, reason = "no bench needs all of it")]

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    hint::black_box,
    ops::Range,
    pin::pin,
    task::{Context, Poll, Waker},
};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, ParsedPublicKey, RsaKeyPair},
};
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, Request, Response, header::AUTHORIZATION};
use tower::{Layer, Service};
use tower_resource_server::{
    ApiKey, ApiKeys, CacheSettings, Identity, ResourceServer, ResourceServerBuilder, TrustedIssuer,
    http::TokenLocation,
    keys::{Algorithm, KeySet, VerifyingKey, verify_jws},
    policy::Requirement,
    profile::TokenProfile,
    token::TokenLimits,
};

use crate::measure::Candidate;

pub(crate) const ISSUER: &str = "https://login.example/realms/production";
pub(crate) const API: &str = "https://api.example";
const SECRET: &[u8] = b"a secret that is as long as the hash, or longer";

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Rs256,
    Es256,
    EdDsa,
    Hs256,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        self.algorithm().name()
    }

    const fn algorithm(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
            Self::Hs256 => Algorithm::HS256,
        }
    }

    /// How many verifications make a sample of some milliseconds.
    pub(crate) const fn batch(self) -> usize {
        match self {
            Self::Rs256 => 300,
            Self::Es256 | Self::EdDsa => 100,
            Self::Hs256 => 2_000,
        }
    }
}

pub(crate) enum Signer {
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Hmac(Box<hmac::Key>),
}

impl Signer {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Rs256 => Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
            Kind::Es256 => {
                Self::Ec(EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
            }
            Kind::EdDsa => Self::Ed(Ed25519KeyPair::generate().unwrap()),
            Kind::Hs256 => Self::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, SECRET))),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
            Self::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
        }
    }

    pub(crate) fn verifying_key(&self) -> VerifyingKey {
        match self {
            Self::Rsa(key) => {
                let public = key.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                VerifyingKey::from_rsa_components(n, e, Algorithm::RS256)
            }
            Self::Ec(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                VerifyingKey::from_ec_components(x, y, Algorithm::ES256)
            }
            Self::Ed(key) => VerifyingKey::from_ed25519_bytes(key.public_key().as_ref()),
            Self::Hmac(_) => VerifyingKey::from_hmac_secret(SECRET, Algorithm::HS256),
        }
        .unwrap()
    }

    /// The limit: the signature check of the library alone.
    pub(crate) fn raw(&self) -> Check {
        let key = match self {
            Self::Rsa(key) => {
                ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref())
            }
            Self::Ec(key) => {
                ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, key.public_key().as_ref())
            }
            Self::Ed(key) => ParsedPublicKey::new(&signature::ED25519, key.public_key().as_ref()),
            Self::Hmac(key) => {
                let key = key.clone();
                return Box::new(move |message, signature| hmac::verify(&key, message, signature).is_ok());
            }
        }
        .unwrap();
        Box::new(move |message, signature| key.verify_sig(message, signature).is_ok())
    }
}

/// Whether a signature over a message is good.
pub(crate) type Check = Box<dyn Fn(&[u8], &[u8]) -> bool + Send>;

pub(crate) type Bare = tower::util::ServiceFn<fn(Request<()>) -> Ready<Result<Response<()>, Infallible>>>;

pub(crate) fn answer(request: Request<()>) -> Ready<Result<Response<()>, Infallible>> {
    black_box(&request);
    ready(Ok(Response::new(())))
}

/// A server, and tokens that it accepts.
pub(crate) struct Bench {
    signer: Signer,
    /// Further keys of the issuer.
    others: Vec<Signer>,
    kind: Kind,
    server: ResourceServer,
    headers: Vec<HeaderValue>,
    /// The field that holds them.
    field: HeaderName,
}

/// When tokens expire unless something else is said.
pub(crate) const FAR: u64 = 4_000_000_000;
/// When tokens were issued.
pub(crate) const ISSUED: u64 = 1_700_000_000;

pub(crate) const KID: &str = "production-2026-11";

impl Bench {
    /// A server that trusts one issuer with one key, and `tokens` different tokens.
    pub(crate) fn new(kind: Kind, tokens: usize, cache_bytes: usize) -> Self {
        let cache = CacheSettings::default().max_bytes(cache_bytes);
        let mut bench = Self::with_keys(kind, 1);
        bench.serve(|server| server.cache(cache));
        bench.mint(0..tokens, FAR);
        bench
    }

    /// A server without a cache whose one issuer has so many keys, and no tokens yet.
    pub(crate) fn with_keys(kind: Kind, keys: usize) -> Self {
        let signer = Signer::new(kind);
        let others: Vec<_> = (1..keys).map(|_| Signer::new(kind)).collect();
        let server = server(&signer, &others, kind, without_cache);
        Self { signer, others, kind, server, headers: Vec::new(), field: AUTHORIZATION }
    }

    /// A server with a hundred API keys, and requests with one of them.
    pub(crate) fn with_api_keys() -> Self {
        let secret = |n: usize| format!("shop_4Zt1mRkq8PwY2vLxN0bHcA{n:05}");
        let keys = (0..100).map(|n| ApiKey::from_secret(format!("key {n}"), &secret(n), "billing"));
        let mut bench = Self::with_keys(Kind::EdDsa, 1);
        bench.serve(|server| server.api_keys(keys.collect::<ApiKeys>()));
        bench.headers = vec![bearer(&secret(50))];
        bench
    }

    /// Replaces the server by another with the same keys and these settings.
    pub(crate) fn serve(&mut self, settings: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder) {
        // First the old one goes, and what it holds.
        self.server = server(&self.signer, &[], self.kind, without_cache);
        self.server = server(&self.signer, &self.others, self.kind, settings);
    }

    /// A server with a cache and one token, which is in another field.
    pub(crate) fn located(location: TokenLocation, field: HeaderName, write: fn(&str) -> String) -> Self {
        let mut bench = Self::new(Kind::EdDsa, 1, 0);
        bench.serve(|server| server.token_location(location));
        let moved = |header: &HeaderValue| write(header.to_str().unwrap().trim_start_matches("Bearer "));
        let moved = bench.headers.iter().map(|header| HeaderValue::try_from(moved(header)).unwrap());
        Self { headers: moved.collect(), field, ..bench }
    }

    /// Replaces the tokens by those of these serial numbers.
    pub(crate) fn mint(&mut self, serials: Range<usize>, exp: u64) {
        self.headers = serials.map(|n| bearer(&self.token(KID, ISSUER, n, exp))).collect();
    }

    /// As [`mint`](Self::mint), with the issuer's keys taking turns.
    pub(crate) fn mint_by_turns(&mut self, serials: Range<usize>) {
        let turns = self.others.len() + 1;
        let mint = |serial: usize| match self.others.get(serial % turns) {
            Some(other) => token(other, self.kind, &kid_of(serial % turns), ISSUER, serial, FAR),
            None => self.token(KID, ISSUER, serial, FAR),
        };
        self.headers = serials.map(|serial| bearer(&mint(serial))).collect();
    }

    /// A token of 18 claims and 1.0 to 1.3 kB.
    fn token(&self, kid: &str, issuer: &str, serial: usize, exp: u64) -> String {
        token(&self.signer, self.kind, kid, issuer, serial, exp)
    }

    pub(crate) fn unknown_kid(&self) -> String {
        format!("Bearer {}", self.token("another", ISSUER, 0, FAR))
    }

    pub(crate) fn expired(&self) -> String {
        format!("Bearer {}", self.token(KID, ISSUER, 0, ISSUED))
    }

    pub(crate) fn wrong_issuer(&self) -> String {
        format!("Bearer {}", self.token(KID, "https://else.example", 0, FAR))
    }

    /// The signature check alone, of every token in turn.
    pub(crate) fn raw(&self) -> Candidate {
        check(self.signer.raw(), self.headers.iter().map(signed).collect())
    }

    /// The same requests through the service without the layer.
    pub(crate) fn bare(&self) -> Candidate {
        let bare: Bare = tower::service_fn(answer as _);
        send(bare, &self.field, self.headers.clone(), 200)
    }

    /// The bare service, with the extension that the layer inserts.
    pub(crate) fn extended(&self) -> Candidate {
        let (headers, field) = (self.headers.clone(), self.field.clone());
        let mut service: Bare = tower::service_fn(answer as _);
        let layered = self.server.layer().layer(tower::service_fn(capture));
        let identity = call(layered, request(&field, &headers[0])).into_body().unwrap();
        Candidate::new(move |times| {
            for header in headers.iter().cycle().take(times) {
                let mut request = request(&field, header);
                request.extensions_mut().insert(identity.clone());
                assert_eq!(poll(service.call(request)).status(), 200);
            }
        })
    }

    /// Every token in turn through the layer.
    pub(crate) fn layer(&self, status: u16) -> Candidate {
        let bare: Bare = tower::service_fn(answer as _);
        send(self.server.layer().layer(bare), &self.field, self.headers.clone(), status)
    }

    /// As [`layer`](Self::layer), where an operation requires this.
    pub(crate) fn requiring(&self, requirement: &str) -> Candidate {
        let bare: Bare = tower::service_fn(answer as _);
        let layer = self.server.layer().requirements(requirement.parse::<Requirement>().unwrap());
        send(layer.layer(bare), &self.field, self.headers.clone(), 200)
    }

    /// As [`bare`](Self::bare) and [`layer`](Self::layer), with copies of the headers that share no memory
    /// with those of others: as the requests of a connection of its own.
    pub(crate) fn connection(&self, layered: bool) -> Candidate {
        let copy = |header: &HeaderValue| HeaderValue::from_bytes(header.as_bytes()).unwrap();
        let headers = self.headers.iter().map(copy).collect();
        let bare: Bare = tower::service_fn(answer as _);
        if layered {
            send(self.server.layer().layer(bare), &self.field, headers, 200)
        } else {
            send(bare, &self.field, headers, 200)
        }
    }

    /// The signature and the form of the first token, and nothing of what it says.
    pub(crate) fn jws(&self) -> Candidate {
        let token = self.headers[0].to_str().unwrap().trim_start_matches("Bearer ").to_owned();
        let keys = KeySet::from_keys([self.signer.verifying_key().with_kid(KID)]);
        let (algorithm, limits) = (self.kind.algorithm(), TokenLimits::default());
        Candidate::new(move |times| {
            for _ in 0..times {
                assert!(verify_jws(black_box(&token), &keys, algorithm, &limits).is_ok());
            }
        })
    }

    pub(crate) fn bad_signature(&self) -> Candidate {
        let good = self.headers[0].to_str().unwrap();
        let (input, signature) = good.rsplit_once('.').unwrap();
        let mut signature = URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap();
        // The first half of an ECDSA signature stays in range, so that the curve has its work.
        *signature.last_mut().unwrap() ^= 1;
        let bad = format!("{input}.{}", URL_SAFE_NO_PAD.encode_to_string(&signature));
        self.reject(Some(bad))
    }

    /// One request that is refused, through the layer.
    pub(crate) fn reject(&self, authorization: Option<String>) -> Candidate {
        let bare: Bare = tower::service_fn(answer as _);
        repeat(self.server.layer().layer(bare), authorization, 401)
    }

    /// The same request through the service without the layer.
    pub(crate) fn control(&self, authorization: Option<String>) -> Candidate {
        let bare: Bare = tower::service_fn(answer as _);
        repeat(bare, authorization, 200)
    }
}

/// The check of these signatures in turn.
pub(crate) fn check(verify: Check, signed: Vec<(String, Vec<u8>)>) -> Candidate {
    let mut position = 0;
    Candidate::new(move |times| {
        for _ in 0..times {
            position = (position + 1) % signed.len();
            let (input, signature) = &signed[position];
            assert!(verify(black_box(input.as_bytes()), black_box(signature)));
        }
    })
}

/// Verifies every token anew.
pub(crate) fn without_cache(server: ResourceServerBuilder) -> ResourceServerBuilder {
    let cache = CacheSettings::default().max_bytes(0);
    server.cache(cache)
}

/// A server that trusts one issuer with these keys.
pub(crate) fn server(
    signer: &Signer,
    others: &[Signer],
    kind: Kind,
    settings: impl FnOnce(ResourceServerBuilder) -> ResourceServerBuilder,
) -> ResourceServer {
    let others = others.iter().enumerate().map(|(n, other)| other.verifying_key().with_kid(kid_of(n)));
    let keys = KeySet::from_keys(others.chain([signer.verifying_key().with_kid(KID)]));
    let profile = TokenProfile::rfc9068().algorithms([kind.algorithm()]);
    let issuer = TrustedIssuer::with_keys(ISSUER, keys, profile);
    settings(ResourceServer::builder(API).issuer(issuer)).build().unwrap()
}

/// As long as [`KID`].
fn kid_of(other: usize) -> String {
    format!("production-{other:07}")
}

fn token(signer: &Signer, kind: Kind, kid: &str, issuer: &str, serial: usize, exp: u64) -> String {
    let header = format!(r#"{{"alg":"{}","typ":"at+jwt","kid":"{kid}"}}"#, kind.name());
    sign(signer, &header, &payload(issuer, serial, exp))
}

/// The 18 claims of a token.
pub(crate) fn payload(issuer: &str, serial: usize, exp: u64) -> String {
    format!(
        r#"{{"exp":{exp},"iat":1700000000,"auth_time":1699999990,"jti":"9f1c5a52-2d1b-4d0e-9c62-{serial:012}","iss":"{issuer}","aud":["https://api.example","account"],"sub":"f:5b2c:9d1f6b0e-8a54-4b1b-9d3e-0f8e2f3a7c11","typ":"Bearer","client_id":"orders-frontend","azp":"orders-frontend","sid":"b8c6d9c2-7a3e-4f27-8f7b-2f1f4f8d3a55","acr":"1","scope":"openid profile email orders:read orders:write","realm_access":{{"roles":["offline_access","uma_authorization","customer"]}},"email_verified":true,"name":"Ada Example","preferred_username":"ada@example.com","email":"ada@example.com"}}"#
    )
}

/// A compact JWS.
pub(crate) fn sign(signer: &Signer, header: &str, payload: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode_to_string(text);
    let input = format!("{}.{}", encode(header), encode(payload));
    let signature = URL_SAFE_NO_PAD.encode_to_string(signer.sign(input.as_bytes()));
    format!("{input}.{signature}")
}

fn repeat<S>(mut service: S, authorization: Option<String>, status: u16) -> Candidate
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible> + Send + 'static,
{
    let header = authorization.map(|value| HeaderValue::from_str(&value).unwrap());
    Candidate::new(move |times| {
        for _ in 0..times {
            let mut request = Request::new(());
            if let Some(header) = &header {
                request.headers_mut().insert(AUTHORIZATION, header.clone());
            }
            assert_eq!(poll(service.call(request)).status(), status);
        }
    })
}

fn capture(request: Request<()>) -> Ready<Result<Response<Option<Identity>>, Infallible>> {
    ready(Ok(Response::new(request.extensions().get::<Identity>().cloned())))
}

/// What is signed of a bearer token, and the signature.
fn signed(header: &HeaderValue) -> (String, Vec<u8>) {
    parts(header.to_str().unwrap().trim_start_matches("Bearer "))
}

/// What is signed of a compact JWS, and the signature.
pub(crate) fn parts(jws: &str) -> (String, Vec<u8>) {
    let (input, signature) = jws.rsplit_once('.').unwrap();
    (input.to_owned(), URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap())
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("Bearer {token}")).unwrap()
}

/// A request as a server hands it on: it has just read every byte of the header, so that none is
/// fetched from memory on the layer's account. With 10 000 tokens in turn that is half of a hit.
fn request(field: &HeaderName, header: &HeaderValue) -> Request<()> {
    black_box(header.as_bytes().iter().fold(0, |read, byte| read ^ byte));
    let mut request = Request::new(());
    request.headers_mut().insert(field, header.clone());
    request
}

fn send<S>(mut service: S, field: &HeaderName, headers: Vec<HeaderValue>, status: u16) -> Candidate
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible> + Send + 'static,
{
    let mut position = 0;
    let (stride, field) = (stride(headers.len()), field.clone());
    Candidate::new(move |times| {
        for _ in 0..times {
            position = (position + stride) % headers.len();
            assert_eq!(poll(service.call(request(&field, &headers[position]))).status(), status);
        }
    })
}

/// A step that visits all of so many tokens, in another order than that of insertion: it has no
/// divisor in common with their number.
fn stride(tokens: usize) -> usize {
    tokens / 2 + 1 + usize::from(tokens % 4 == 2)
}

fn call<T>(
    mut service: impl Service<Request<()>, Response = Response<T>, Error = Infallible>,
    request: Request<()>,
) -> Response<T> {
    poll(service.call(request))
}

/// With keys at hand nothing waits: one poll is the whole request.
pub(crate) fn poll<F: Future<Output = Result<Response<T>, Infallible>>, T>(future: F) -> Response<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => response,
        Poll::Ready(Err(never)) => match never {},
        Poll::Pending => unreachable!("the keys are there"),
    }
}
