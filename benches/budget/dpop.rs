//! Requests of one client with a token that is bound to its key (DPoP, RFC 9449), and proofs that are spent.

use std::{
    hint::black_box,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::KeyPair,
};
use base64_simd::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, Request, header::AUTHORIZATION};
use tower::{Layer, Service};
use tower_resource_server::{
    CacheSettings, Dpop, ResourceServer,
    store::{Life, MemorySpentStore, Spending, SpentStore},
    time::UnixTime,
};

use crate::{
    alloc,
    measure::Candidate,
    tokens::{self, API, Bare, FAR, ISSUER, KID, Kind, Signer},
};

const PROOF: HeaderName = HeaderName::from_static("dpop");

/// A server, a token that it accepts, and proofs, of which each counts once.
pub(crate) struct Client {
    signer: Signer,
    server: ResourceServer,
    authorization: HeaderValue,
    proofs: Vec<String>,
}

impl Client {
    /// With so many proofs, each for one request.
    pub(crate) fn new(proofs: usize) -> Self {
        let (signer, issuer) = (Signer::new(Kind::Es256), Signer::new(Kind::EdDsa));
        let jwk = jwk(&signer);
        let thumbprint = hash(jwk.as_bytes());
        let payload = tokens::payload(ISSUER, 0, FAR);
        let payload = payload.replacen('{', &format!(r#"{{"cnf":{{"jkt":"{thumbprint}"}},"#), 1);
        let header = format!(r#"{{"alg":"EdDSA","typ":"at+jwt","kid":"{KID}"}}"#);
        let token = tokens::sign(&issuer, &header, &payload);

        // A run with many proofs takes longer than they are good by default.
        let dpop = Dpop::allowed().window(Duration::from_secs(3600));
        let dpop = dpop.store(MemorySpentStore::default().share(proofs));
        let server = tokens::server(&issuer, &[], Kind::EdDsa, |server| {
            server.cache(CacheSettings::default()).dpop(dpop)
        });
        let (now, ath) = (now(), hash(token.as_bytes()));
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{jwk}}}"#);
        let proof = |n: usize| {
            let claims = format!(
                r#"{{"jti":"9f1c5a52-2d1b-4d0e-9c62-{n:012}","htm":"GET","htu":"{API}/orders","iat":{now},"ath":"{ath}"}}"#
            );
            tokens::sign(&signer, &header, &claims)
        };
        let proofs = (0..proofs).map(proof).collect();
        let authorization = HeaderValue::try_from(format!("DPoP {token}")).unwrap();
        Self { signer, server, authorization, proofs }
    }

    /// The signature check of each proof alone.
    pub(crate) fn raw(&self) -> Candidate {
        tokens::check(self.signer.raw(), self.proofs.iter().map(|proof| tokens::parts(proof)).collect())
    }

    /// The requests through the service without the layer.
    pub(crate) fn bare(&self) -> Candidate {
        let bare: Bare = tower::service_fn(tokens::answer as _);
        self.send(bare)
    }

    /// The requests through the layer: the first finds no token in the cache, and every other one its own. Each
    /// proof counts once.
    pub(crate) fn layer(&self) -> Candidate {
        let bare: Bare = tower::service_fn(tokens::answer as _);
        self.send(self.server.layer().layer(bare))
    }

    fn send<S>(&self, mut service: S) -> Candidate
    where
        S: Service<Request<()>, Response = http::Response<()>, Error = std::convert::Infallible>
            + Send
            + 'static,
    {
        let proofs = self.proofs.iter().map(|proof| HeaderValue::try_from(proof).unwrap());
        let mut proofs = proofs.collect::<Vec<_>>().into_iter();
        let authorization = self.authorization.clone();
        Candidate::new(move |times| {
            for _ in 0..times {
                let mut request = Request::get("/orders").body(()).unwrap();
                request.headers_mut().insert(AUTHORIZATION, authorization.clone());
                request.headers_mut().insert(PROOF, proofs.next().unwrap());
                assert_eq!(tokens::poll(service.call(request)).status(), 200);
            }
        })
    }
}

/// Ids that are spent one after the other, each of one of so many owners, in a store where so many at a time have not
/// ended.
struct Ids {
    store: MemorySpentStore,
    begin: UnixTime,
    live: usize,
    owners: usize,
}

/// Its number, its owner and itself.
type Id = (usize, String, String);

impl Ids {
    const PER_SECOND: usize = 800;

    /// Where for each that comes one goes.
    fn new(live: usize, owners: usize) -> Self {
        let store = MemorySpentStore::new(2 * live).share(live);
        let ids = Self { store, begin: UnixTime::from_secs(now()), live, owners };
        (0..2 * live).for_each(|n| ids.spend(ids.id(n)));
        ids
    }

    fn id(&self, n: usize) -> Id {
        (n, format!("{:043}", n % self.owners), format!("9f1c5a52-2d1b-4d0e-9c62-{n:012}"))
    }

    fn at(&self, n: usize) -> UnixTime {
        self.begin.saturating_add(Duration::from_secs((n / Self::PER_SECOND) as u64))
    }

    fn spend(&self, (n, owner, id): Id) {
        let (owner, id) = (black_box(owner.as_bytes()), black_box(id.as_bytes()));
        // What ends in one second does not come in one second.
        let life = Life { issued: self.at(n), until: self.at(n + self.live + n * 7919 % Self::PER_SECOND) };
        assert!(matches!(self.store.spend_of(owner, id, life, self.at(n)), Spending::Done(Ok(()))));
    }
}

/// Ids of 100 owners that are spent where so many have not ended.
pub(crate) fn spending(live: usize, times: usize) -> Candidate {
    let ids = Ids::new(live, 100);
    let further: Vec<_> = (2 * live..2 * live + times).map(|n| ids.id(n)).collect();
    let mut further = further.into_iter();
    Candidate::new(move |times| further.by_ref().take(times).for_each(|id| ids.spend(id)))
}

/// What a store holds for each id, where so many have not ended, after as many have come and gone.
#[allow(dead_code, reason = "one bench asks")]
pub(crate) fn bytes_per_id(live: usize, owners: usize) -> f64 {
    let (ids, bytes) = alloc::bytes_of(|| Ids::new(live, owners));
    bytes as f64 / ids.store.len() as f64
}

#[expect(clippy::disallowed_methods, reason = "a server of the bench reads the same clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The members of a JWK as RFC 7638 has them.
fn jwk(signer: &Signer) -> String {
    let Signer::Ec(key) = signer else { unreachable!("proofs here are of ES256") };
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let [x, y] = [x, y].map(|number| URL_SAFE_NO_PAD.encode_to_string(number));
    format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
}

fn hash(text: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, text))
}
