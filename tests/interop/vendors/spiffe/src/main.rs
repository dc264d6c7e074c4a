//! Puts JWT-SVIDs to the verifier of the crate `spiffe`. Usage: spiffe-judge TRUST_DOMAIN AUDIENCE JWK, with a token on
//! each line of standard input. Prints a line for each: `good`, or why it is not.

use std::{env, error::Error, io};

use spiffe::{JwtBundle, JwtBundleSet, JwtSvid, TrustDomain};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [domain, audience, jwk] = arguments.as_slice() else {
        return Err("usage: spiffe-judge TRUST_DOMAIN AUDIENCE JWK".into());
    };
    let mut bundle = JwtBundle::new(TrustDomain::new(domain)?);
    bundle.add_jwk_authority_json(jwk.as_bytes())?;
    let mut bundles = JwtBundleSet::new();
    bundles.add_bundle(bundle);
    for token in io::stdin().lines() {
        match JwtSvid::parse_and_validate(&token?, &bundles, &[audience]) {
            Ok(_) => println!("good"),
            Err(error) => println!("{}", error.to_string().replace('\n', " ")),
        }
    }
    Ok(())
}
