//! Tokens as the user pool of moto (PyPI) writes them, with what moto takes each for.
//!
//! `tests/interop/vendors` has moto write new ones, in the file that `MOTO_TOKENS` names; the one beside is what it wrote
//! once, at the fixed time of these tests.

use serde::Deserialize;
use serde_json::{Value, json};
use tower_resource_server::{
    IdTokenExpectations, ResourceServer, TrustedIssuer, keys::KeySet, preset::cognito, test_util::ManualClock,
};

use crate::NOW;

#[derive(Deserialize)]
struct Written {
    region: String,
    pool: String,
    client: String,
    now: u64,
    jwks: Value,
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
struct Token {
    name: String,
    token: String,
    is_access_token: bool,
}

fn written() -> Written {
    let text = match std::env::var("MOTO_TOKENS") {
        Ok(path) => std::fs::read_to_string(path).unwrap(),
        Err(_) => include_str!("moto.json").to_owned(),
    };
    serde_json::from_str(&text).unwrap()
}

impl Written {
    fn server(&self) -> ResourceServer {
        let issuer = format!("https://cognito-idp.{}.amazonaws.com/{}", self.region, self.pool);
        let keys = KeySet::from_jwks(self.jwks.to_string().as_bytes()).unwrap();
        let pool = TrustedIssuer::with_keys(issuer, keys, cognito::access_token([self.client.clone()]))
            .id_token_profile(cognito::id_token());
        ResourceServer::builder("https://api.example")
            .client_id(self.client.clone())
            .issuer(pool)
            .clock(ManualClock::default())
            .build()
            .unwrap()
    }
}

/// Each token as an access token and as an ID token: what is said of it here, and what moto takes it for.
pub async fn rows() -> Vec<Value> {
    let written = written();
    assert_eq!(written.now, NOW);
    let server = written.server();
    let mut rows = Vec::new();
    for Token { name, token, is_access_token } in &written.tokens {
        let access = server.verify_access_token(token).await.map(drop);
        let id = server.verify_id_token(token, IdTokenExpectations::default()).await.map(drop);
        for (role, said, theirs) in [("access", access, *is_access_token), ("ID", id, !is_access_token)] {
            rows.push(json!({
                "vendor": "moto", "name": format!("{name}, as an {role} token"), "token": token,
                "ours": said.err().map(|refused| refused.reason().code().to_owned()),
                "theirs": (!theirs).then_some("it is of the other kind"),
            }));
        }
    }
    rows
}

#[tokio::test]
async fn tokens_of_a_user_pool_of_moto_are_taken_for_what_they_are() {
    let rows = rows().await;
    assert_eq!(rows.len(), 8);
    for row in rows {
        assert_eq!(row["ours"].is_null(), row["theirs"].is_null(), "{}: {}", row["name"], row["ours"]);
    }
    let written = written();
    let who = written.server().verify_access_token(&written.tokens[0].token).await.unwrap();
    assert_eq!((who.client_id(), who.roles()), (Some(&*written.client), vec!["clerks".into()]));
    assert!(who.has_scope("aws.cognito.signin.user.admin"));
}
