//! Generated payloads: what `Identity::claims` and `Identity::claim` read is what was judged.

use read_again::{
    random::{self, Random},
    site::{Facts, Site},
    tree::{Faults, Tree},
};
use serde_json::Value;

/// In each program: with and without each of the features of serde_json.
const PAYLOADS: u64 = 1_000_000;

/// How often each fault was there alone, and how often none.
#[derive(Default, Debug)]
struct Seen {
    admitted: u32,
    unacceptable: u32,
    twice: u32,
    private: u32,
    too_deep: u32,
    out_of_range: u32,
    changed_and_admitted: u32,
}

impl Seen {
    fn count(&mut self, faults: Faults, admitted: bool) {
        let none = Faults::default();
        let counter = match faults {
            _ if faults == none && admitted => &mut self.admitted,
            _ if faults == none => &mut self.unacceptable,
            _ if faults == (Faults { twice: true, ..none }) => &mut self.twice,
            _ if faults == (Faults { private: true, ..none }) => &mut self.private,
            _ if faults == (Faults { too_deep: true, ..none }) => &mut self.too_deep,
            _ if faults == (Faults { out_of_range: true, ..none }) => &mut self.out_of_range,
            _ => return,
        };
        *counter += 1;
    }
}

#[test]
fn promise_5_what_is_judged_is_what_is_read() {
    let threads = 4;
    let counts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|n| scope.spawn(move || run(n, PAYLOADS / threads))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a property that holds")).collect::<Vec<_>>()
    });
    for seen in counts {
        let enough = [
            seen.admitted / 50,
            seen.unacceptable,
            seen.twice,
            seen.private,
            seen.too_deep,
            seen.out_of_range,
        ];
        assert!(enough.iter().all(|count| *count > 1_000) && seen.changed_and_admitted > 1_000, "{seen:?}");
    }
}

fn run(thread: u64, payloads: u64) -> Seen {
    let site = Site::new(Site::profile());
    let mut seen = Seen::default();
    for n in 0..payloads {
        let mut random = Random::new(thread << 32 | n);
        let payload = random::payload(&mut random);
        let spelling = random::spelling(&mut random);
        let mut text = String::new();
        payload.write(spelling, &mut random, &mut text);
        let faults = Faults::of(&payload);
        seen.count(faults, check(&site, &payload, faults, &text, &mut random));
        if random.one_in(5) {
            seen.changed_and_admitted +=
                u32::from(check_changed(&site, &random::changed(&text, &mut random)));
        }
    }
    seen
}

/// Whether the payload was admitted, as it must be or must not be.
fn check(site: &Site, payload: &Tree, faults: Faults, text: &str, random: &mut Random) -> bool {
    let verified = verify_twice(site, text);
    if !faults.are_none() {
        let why = verified.expect_err(text);
        let fault = match &*why {
            "a member name occurs twice in the token" => faults.twice,
            "a member name in the token is reserved" => faults.private,
            "the token is nested too deeply" => faults.too_deep,
            "the token's payload is not a JSON object" => faults.out_of_range,
            _ => false,
        };
        assert!(fault, "{why}: {text}");
        return false;
    }
    let expected = payload.to_value();
    let Some((identity, claims)) = verified.map_or_else(
        |why| {
            assert_eq!((&*why, Facts::read_from(&expected)), ("a claim is not acceptable", None), "{text}");
            None
        },
        |identity| {
            let claims: Value = identity.claims().expect(text);
            Some((identity, claims))
        },
    ) else {
        return false;
    };
    assert_eq!(claims, expected, "{text}");
    assert_eq!(Some(Facts::of(&identity)), Facts::read_from(&expected), "{text}");
    let Tree::Object(members) = payload else { unreachable!("a payload is an object") };
    for name in [random.one(members).0.as_str(), "banned", "absent"] {
        if !name.starts_with('/') {
            assert_eq!(identity.claim(name).as_ref(), expected.get(name), "{name}: {text}");
        }
    }
    let pointer = payload.pointer(random);
    assert_eq!(identity.claim(&pointer).as_ref(), expected.pointer(&pointer), "{pointer}: {text}");
    true
}

/// A line feed behind a payload is no part of it, and keeps the quick pass out.
fn verify_twice(site: &Site, text: &str) -> Result<tower_resource_server::Identity, String> {
    let strictly = site.verify(format!("{text}\n").as_bytes());
    let verified = site.verify(text.as_bytes());
    match (&verified, &strictly) {
        (Ok(one), Ok(other)) => assert_eq!(Facts::of(one), Facts::of(other), "{text}"),
        (one, other) => assert_eq!(one.as_ref().err(), other.as_ref().err(), "{text}"),
    }
    verified
}

/// Of a text that may be anything, what is known is that an application reads what was judged.
fn check_changed(site: &Site, text: &str) -> bool {
    let Ok(identity) = verify_twice(site, text) else { return false };
    let claims: Value = identity.claims().expect(text);
    assert_eq!(Some(Facts::of(&identity)), Facts::read_from(&claims), "{text}");
    assert!(!claims.to_string().contains("\"$serde_json::private::RawValue\":"), "{text}");
    true
}
