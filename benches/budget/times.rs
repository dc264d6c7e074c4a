//! Nanoseconds beside their control, which took turns with them in the same run.

use crate::{
    cases::{EIGHT_LEAVES, ONE_SCOPE, in_cookie, in_header},
    dpop::{self, Client},
    measure::{self, Rounds},
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

/// What one candidate takes beside what others take in the same round.
fn beside<const N: usize>(
    name: impl Into<String>,
    rounds: &Rounds<N>,
    measured: impl Fn([f64; N]) -> f64,
    control: impl Fn([f64; N]) -> f64,
) -> Row {
    let over = rounds.median(|round| measured(round) - control(round));
    Row::new(name, rounds.median(measured), Unit::Nanoseconds).beside(rounds.median(control), over)
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
    let rounds = measure::interleaved(candidates, rounds, kind.batch());
    let name = kind.name();
    let control = |[bare, raw, ..]: [f64; 7]| raw + bare;
    [
        beside(format!("miss {name}, beside raw and bare"), &rounds, |[_, _, miss, ..]| miss, control),
        beside(format!("miss {name}, cache on"), &rounds, |[.., miss]| miss, |[.., bare, raw, _]| raw + bare),
        beside(format!("bad signature {name}"), &rounds, |[_, _, _, bad, ..]| bad, control),
    ]
}

fn hmac(rounds: usize) -> Row {
    let bench = Bench::new(Kind::Hs256, 1, 1 << 20);
    let candidates = [bench.bare(), bench.raw(), bench.layer(200)];
    let rounds = measure::interleaved(candidates, rounds, Kind::Hs256.batch());
    beside("miss HS256, beside raw and bare", &rounds, |[.., miss]| miss, |[bare, raw, _]| raw + bare)
}

/// Hits beside the bare service.
fn hits(many: usize, rounds: usize) -> [Row; 2] {
    // One after the other: in turns with ten times as many, hot tokens would come back to cold caches.
    [(many.min(1_000), "hit, one of 1 000"), (many, "hit, random of 10 000")].map(|(tokens, name)| {
        let bench = Bench::new(Kind::EdDsa, tokens, 64 << 20);
        // Twice: the cache admits under contention only what it can.
        bench.layer(200).run(2 * tokens);
        let rounds = measure::interleaved([bench.bare(), bench.layer(200)], rounds, 2_000);
        beside(name, &rounds, |[_, hit]| hit, |[bare, _]| bare)
    })
}

/// What the layer adds to a request with a cached token in another place, beside what it adds to one with the token in
/// `Authorization`.
fn located(rounds: usize) -> [Row; 2] {
    let (plain, header, cookie) = (Bench::new(Kind::EdDsa, 1, 1 << 20), in_header(), in_cookie());
    let candidates =
        [plain.bare(), plain.layer(200), header.bare(), header.layer(200), cookie.bare(), cookie.layer(200)];
    let rounds = measure::interleaved(candidates, rounds, 2_000);
    let row = |name: &str, added: fn([f64; 6]) -> f64| {
        let name = format!("hit, {name} location, over bare");
        beside(name, &rounds, added, |[bare, hit, ..]| hit - bare)
    };
    [
        row("header", |[_, _, bare, header, ..]| header - bare),
        row("cookie", |[.., bare, cookie]| cookie - bare),
    ]
}

/// A request with an API key beside the bare service.
fn api_key(rounds: usize) -> Row {
    let bench = Bench::with_api_keys();
    let rounds = measure::interleaved([bench.bare(), bench.layer(200)], rounds, 2_000);
    beside("API key", &rounds, |[_, key]| key, |[bare, _]| bare)
}

/// A hit of which eight leaves are required beside one of which a scope is.
fn leaves(rounds: usize) -> Row {
    let bench = Bench::new(Kind::EdDsa, 1_000, 64 << 20);
    let candidates = [bench.requiring(ONE_SCOPE), bench.requiring(EIGHT_LEAVES)];
    let rounds = measure::interleaved(candidates, rounds, 2_000);
    beside("hit, 8 leaves, beside one scope", &rounds, |[_, eight]| eight, |[one, _]| one)
}

/// A request with a proof, whose token is in the cache, beside the raw signature check of the proof and the bare
/// service.
fn proofs(rounds: usize) -> Row {
    let batch = Kind::Es256.batch();
    let client = Client::new((rounds + 1) * batch);
    let candidates = [client.bare(), client.raw(), client.layer()];
    let rounds = measure::interleaved(candidates, rounds, batch);
    let name = "DPoP, token in the cache, beside raw and bare";
    beside(name, &rounds, |[.., proven]| proven, |[bare, raw, _]| raw + bare)
}

/// A spent id in memory; 1 µs at the most.
fn spent_ids(rounds: usize) -> Row {
    let spending = dpop::spending(100_000, (rounds + 1) * 100);
    let [spent] = measure::interleaved([spending], rounds, 100).medians();
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
        let rounds = measure::interleaved(candidates, rounds, 2_000);
        beside(format!("reject, {name}"), &rounds, |[_, refused]| refused, |[control, _]| control)
    })
}
