//! Properties of proofs, with inputs made at random.

use proptest::{collection::vec, prelude::*};

use crate::fuzzed::check;

proptest! {
    #![proptest_config(ProptestConfig { cases: 700, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same as the fuzz target, for as long as a test may take.
    #[test]
    fn no_bytes_in_the_place_of_a_proof_do_what_they_must_not(kind in any::<u8>(), change in vec(any::<u8>(), 0..60)) {
        let _ = check(&[&[kind], &*change].concat());
    }

    /// Texts that are JSON in most places come further than bytes.
    #[test]
    fn nor_do_texts(
        kind in 1_u8..3,
        at in any::<u8>(),
        length in any::<u8>(),
        text in prop_oneof![
            "[ \"{}:,a-z0-9\\[\\]\\\\]{0,20}",
            "\"(jti|htm|htu|iat|ath|nonce|exp|nbf|typ|alg|jwk|kid|jku|crit)\":[\"0-9A-Z{}]{0,8}",
            "-?[0-9]{1,20}(\\.[0-9]{1,3})?(e[0-9]{1,3})?",
        ],
    ) {
        let _ = check(&[&[kind, at, length], text.as_bytes()].concat());
    }
}

#[test]
fn the_good_proof_that_is_changed_is_good() {
    for data in [&[1][..], &[2], &[3], &[1, 0, 0], &[2, 0, 0], &[3, 0, 0]] {
        let told = check(data);
        assert!(matches!(told, None | Some("proof_replayed")), "{data:?}: {told:?}");
    }
}
