//! Access tokens and ID tokens: one is not the other, and two of a request belong together.

use tower_resource_server::test_util::Defect;

use crate::{
    forge::{Forge, MARK, parts},
    site::{
        Case,
        Expected::{self, Admitted, BadRequest, BadToken},
        Place, Raw, case,
    },
};

const TYPE: Expected = BadToken("the token is not of the accepted type");
const PAIR: Expected = BadToken("the two tokens do not belong together");
const MALFORMED: Expected = BadRequest("the Authorization field is malformed");
const MALFORMED_ID: Expected = BadRequest("the ID token field is malformed");
const ALONE: Expected = BadRequest("the request carries an ID token without an access token");
const PARTS: Expected = BadToken("a signed token has exactly three parts");

pub fn cases(forge: &Forge) -> Vec<Case> {
    let access = forge.token();
    let mine = forge.issuer.id_token(MARK);
    let id = mine.mint().unwrap();
    let bound = mine.clone().for_access_token(&access).mint().unwrap();
    let bobs = forge.issuer.id_token("zz-mark-zz-bob").mint().unwrap();
    let other = forge.with("jti", "another");
    let broken = |defect| forge.issuer.broken_from(&mine, defect);
    let [h, p, _] = parts(&id);

    // Each pair in both placements; in this order, so that later ones meet a warm cache.
    let mut cases = Vec::new();
    for (name, access, id, expected) in [
        ("mine and mine", &access, &id, Admitted),
        ("mine and mine again", &access, &id, Admitted),
        ("mine and another's", &access, &bobs, PAIR),
        ("another's on a warm cache", &access, &bobs, PAIR),
        ("bound by at_hash", &access, &bound, Admitted),
        ("bound to another token", &other, &bound, BadToken("the ID token belongs to another access token")),
        ("an access token for an ID token", &access, &access, TYPE),
        ("exchanged", &id, &access, TYPE),
        ("an ID token for an access token", &id, &id, TYPE),
        (
            "the ID token unsigned",
            &access,
            &broken(Defect::AlgNone),
            BadToken("the token's algorithm is not accepted"),
        ),
        (
            "the ID token tampered",
            &access,
            &broken(Defect::TamperedPayload),
            BadToken("the token's signature is invalid"),
        ),
        (
            "the ID token of another client",
            &access,
            &broken(Defect::WrongAudience),
            BadToken("the token is for another audience"),
        ),
        ("the ID token expired", &access, &broken(Defect::Expired), BadToken("the token has expired")),
        ("the ID token without signature", &access, &format!("{h}.{p}"), PARTS),
        ("a word for an ID token", &access, &"something".to_owned(), PARTS),
        ("good once more", &access, &id, Admitted),
    ] {
        let after = Raw::fields([format!("Authorization: Bearer {access} {id}")]);
        cases.push(case(format!("{name}, after"), after, expected).at(Place::After));
        let own = Raw::fields([format!("Authorization: Bearer {access}"), format!("X-ID-Token: {id}")]);
        cases.push(case(format!("{name}, own field"), own, expected).at(Place::Own));
    }
    let raw = |fields: &[&str]| {
        Raw::fields(fields.iter().map(|field| field.replace("@a", &access).replace("@i", &id)))
    };
    for (name, place, fields, expected) in [
        ("access alone, after", Place::After, &["Authorization: Bearer @a"][..], Admitted),
        ("access alone, own field", Place::Own, &["Authorization: Bearer @a"], Admitted),
        ("three tokens", Place::After, &["Authorization: Bearer @a @i @i"], MALFORMED),
        ("joined by a comma", Place::After, &["Authorization: Bearer @a,@i"], MALFORMED),
        ("joined by a comma and a space", Place::After, &["Authorization: Bearer @a, @i"], MALFORMED),
        ("a tab between", Place::After, &["Authorization: Bearer @a\t@i"], MALFORMED),
        ("a space and a tab between", Place::After, &["Authorization: Bearer @a \t@i"], MALFORMED),
        ("two spaces between", Place::After, &["Authorization: Bearer @a  @i"], Admitted),
        (
            "own field where it is not read",
            Place::After,
            &["Authorization: Bearer @a", "X-ID-Token: x"],
            Admitted,
        ),
        ("after where it is not read", Place::Own, &["Authorization: Bearer @a @i"], MALFORMED),
        (
            "own field twice",
            Place::Own,
            &["Authorization: Bearer @a", "X-ID-Token: @i", "X-ID-Token: @i"],
            MALFORMED_ID,
        ),
        ("own field empty", Place::Own, &["Authorization: Bearer @a", "X-ID-Token:"], MALFORMED_ID),
        (
            "own field with a scheme",
            Place::Own,
            &["Authorization: Bearer @a", "X-ID-Token: Bearer @i"],
            MALFORMED_ID,
        ),
        ("own field with two", Place::Own, &["Authorization: Bearer @a", "X-ID-Token: @i @i"], MALFORMED_ID),
        ("own field joined", Place::Own, &["Authorization: Bearer @a", "X-ID-Token: @i,@i"], MALFORMED_ID),
        ("own field alone", Place::Own, &["X-ID-Token: @i"], ALONE),
        (
            "own field under another scheme",
            Place::Own,
            &["Authorization: Basic dTpw", "X-ID-Token: @i"],
            ALONE,
        ),
        ("in both places", Place::Own, &["Authorization: Bearer @a @i", "X-ID-Token: @i"], MALFORMED),
        ("a pair where none is read", Place::Strict, &["Authorization: Bearer @a @i"], MALFORMED),
        ("an ID token where none is read", Place::Strict, &["Authorization: Bearer @i"], TYPE),
        ("an ID token alone, after", Place::After, &["Authorization: Bearer @i"], TYPE),
        ("an ID token alone, own field", Place::Own, &["Authorization: Bearer @i"], TYPE),
    ] {
        cases.push(case(name, raw(fields), expected).at(place));
    }
    for (name, id) in [
        ("an ID token for the resource", mine.clone().audience(forge.issuer.audience())),
        (
            "an ID token with all claims of an access token",
            mine.clone().audience(forge.issuer.audience()).client_id("client-1").scope("read").unique(),
        ),
    ] {
        cases.push(case(name, id.mint().unwrap(), TYPE));
    }
    cases
}
