//! Nanoseconds beside their control, which took turns with them in the same run.

use crate::{
    cases::{EIGHT_LEAVES, ONE_SCOPE, in_cookie, in_header},
    dpop::{self, Client},
    measure,
    row::{Row, Unit},
    tokens::{Bench, Kind},
};

pub(crate) fn rows(smoke: bool, add: &mut impl FnMut(Row)) {
    let (rounds, many) = if smoke { (1, 100) } else { (201, 10_000) };
    for kind in [Kind::Rs256, Kind::Es256, Kind::EdDsa] {
        misses(kind, rounds).into_iter().for_each(&mut *add);
    }
    add(hmac(rounds));
    hits(many, rounds).into_iter().for_each(&mut *add);
    located(rounds).into_iter().for_each(&mut *add);
    add(leaves(rounds));
    add(api_key(rounds));
    add(proofs(rounds));
    add(spent_ids(rounds));
    rejects(rounds).into_iter().for_each(add);
}

fn nanoseconds(name: impl Into<String>, measured: f64, control: f64) -> Row {
    Row::new(name, measured, Unit::Nanoseconds).beside(control)
}

/// Misses and bad signatures beside the raw signature check of the same tokens and the bare service.
fn misses(kind: Kind, rounds: usize) -> [Row; 3] {
    let uncached = Bench::new(kind, 1, 0);
    // Far more tokens than the cache may hold, so that each insert evicts.
    let evicting = Bench::new(kind, 400, 64 * 1024);
    let candidates = [
        uncached.bare(),
        uncached.raw(),
        uncached.layer(200),
        uncached.bad_signature(),
        evicting.bare(),
        evicting.raw(),
        evicting.layer(200),
    ];
    let [bare, raw, miss, bad, bare_of_many, raw_of_many, cached] =
        measure::interleaved(candidates, rounds, kind.batch());
    let name = kind.name();
    [
        nanoseconds(format!("miss {name}, beside raw and bare"), miss, raw + bare),
        nanoseconds(format!("miss {name}, cache on"), cached, raw_of_many + bare_of_many),
        nanoseconds(format!("bad signature {name}"), bad, raw + bare),
    ]
}

fn hmac(rounds: usize) -> Row {
    let bench = Bench::new(Kind::Hs256, 1, 1 << 20);
    let [bare, raw, miss] =
        measure::interleaved([bench.bare(), bench.raw(), bench.layer(200)], rounds, Kind::Hs256.batch());
    nanoseconds("miss HS256, beside raw and bare", miss, raw + bare)
}

/// Hits beside the bare service.
fn hits(many: usize, rounds: usize) -> [Row; 2] {
    // One after the other: in turns with ten times as many, hot tokens would come back to cold caches.
    [(many.min(1_000), "hit, one of 1 000"), (many, "hit, random of 10 000")].map(|(tokens, name)| {
        let bench = Bench::new(Kind::EdDsa, tokens, 64 << 20);
        // Twice: the cache admits under contention only what it can.
        bench.layer(200).run(2 * tokens);
        let [bare, hit] = measure::interleaved([bench.bare(), bench.layer(200)], rounds, 2_000);
        nanoseconds(name, hit, bare)
    })
}

/// What the layer adds to a request with a cached token in another place, beside what it adds to one with the token in
/// `Authorization`.
fn located(rounds: usize) -> [Row; 2] {
    let (plain, header, cookie) = (Bench::new(Kind::EdDsa, 1, 1 << 20), in_header(), in_cookie());
    let candidates =
        [plain.bare(), plain.layer(200), header.bare(), header.layer(200), cookie.bare(), cookie.layer(200)];
    let [bare, hit, bare_header, header, bare_cookie, cookie] =
        measure::interleaved(candidates, rounds, 2_000);
    [("header", header - bare_header), ("cookie", cookie - bare_cookie)]
        .map(|(name, added)| nanoseconds(format!("hit, {name} location, over bare"), added, hit - bare))
}

/// A request with an API key beside the bare service.
fn api_key(rounds: usize) -> Row {
    let bench = Bench::with_api_keys();
    let [bare, key] = measure::interleaved([bench.bare(), bench.layer(200)], rounds, 2_000);
    nanoseconds("API key", key, bare)
}

/// A hit of which eight leaves are required beside one of which a scope is.
fn leaves(rounds: usize) -> Row {
    let bench = Bench::new(Kind::EdDsa, 1_000, 64 << 20);
    let candidates = [bench.requiring(ONE_SCOPE), bench.requiring(EIGHT_LEAVES)];
    let [one, eight] = measure::interleaved(candidates, rounds, 2_000);
    nanoseconds("hit, 8 leaves, beside one scope", eight, one)
}

/// A request with a proof, whose token is in the cache, beside the raw signature check of the proof and the bare
/// service.
fn proofs(rounds: usize) -> Row {
    let batch = Kind::Es256.batch();
    let client = Client::new((rounds + 1) * batch);
    let candidates = [client.bare(), client.raw(), client.layer()];
    let [bare, raw, proven] = measure::interleaved(candidates, rounds, batch);
    nanoseconds("DPoP, token in the cache, beside raw and bare", proven, raw + bare)
}

/// A spent id in memory; 1 µs at the most.
fn spent_ids(rounds: usize) -> Row {
    let [spent] = measure::interleaved([dpop::spending(100_000, (rounds + 1) * 100)], rounds, 100);
    Row::new("id spent in memory, 100 000 live", spent, Unit::Nanoseconds)
}

/// Refusals beside the bare service, which answers 200 to the same request.
fn rejects(rounds: usize) -> [Row; 5] {
    let bench = Bench::new(Kind::EdDsa, 1, 1 << 20);
    [
        ("no header", None),
        ("garbage", Some("Bearer abcdefghijklmnopqrstuvwxyz".to_owned())),
        ("unknown kid", Some(bench.unknown_kid())),
        ("expired", Some(bench.expired())),
        ("wrong issuer", Some(bench.wrong_issuer())),
    ]
    .map(|(name, authorization)| {
        let candidates = [bench.control(authorization.clone()), bench.reject(authorization)];
        let [control, refused] = measure::interleaved(candidates, rounds, 2_000);
        nanoseconds(format!("reject, {name}"), refused, control)
    })
}
