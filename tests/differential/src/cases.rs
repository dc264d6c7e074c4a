//! A good token, and the edits that make every other one out of it.

/// The issuer and the audience that both verifiers expect.
pub const ISSUER: &str = "https://login.example";
pub const AUDIENCE: &str = "https://api.example";
pub const KID: &str = "k1";

/// One thing done to a good token. The name tells the family of edits and the edit in it:
/// `exp: at the bound`.
#[derive(Clone, Debug)]
pub struct Edit {
    pub name: String,
    pub act: Act,
}

/// What becomes of a signed token.
pub type Change = fn(&str) -> String;

#[derive(Clone, Debug)]
pub enum Act {
    Nothing,
    /// Sets a member of the header to this JSON text, or takes it out.
    Header(&'static str, Option<String>),
    /// Puts one more member behind the others, even if there is one of that name.
    MoreHeader(&'static str, String),
    Claim(&'static str, Option<String>),
    MoreClaim(&'static str, String),
    /// Replaces the payload as a whole.
    Payload(Vec<u8>),
    /// Changes the signed token.
    Token(Change),
}

/// The token before it is signed: members as JSON text, in order.
pub struct Draft {
    header: Vec<(String, String)>,
    claims: Vec<(String, String)>,
    raw_payload: Option<Vec<u8>>,
    after: Vec<Change>,
}

fn quote(text: &str) -> String {
    format!("\"{text}\"")
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

impl Draft {
    pub fn good(algorithm: &str, now: u64) -> Self {
        let own = |members: &[(&str, String)]| {
            members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        Self {
            header: own(&[("alg", quote(algorithm)), ("typ", quote("JWT")), ("kid", quote(KID))]),
            claims: own(&[
                ("iss", quote(ISSUER)),
                ("aud", quote(AUDIENCE)),
                ("sub", quote("alice")),
                ("exp", (now + 600).to_string()),
                ("nbf", (now - 600).to_string()),
                ("iat", (now - 600).to_string()),
                ("client_id", quote("web")),
                ("scope", quote("read write")),
            ]),
            raw_payload: None,
            after: Vec::new(),
        }
    }

    pub fn apply(&mut self, act: &Act) {
        let set = |members: &mut Vec<(String, String)>, name: &str, value: &Option<String>| {
            members.retain(|(known, _)| known != name);
            members.extend(value.iter().map(|value| (name.to_owned(), value.clone())));
        };
        match act {
            Act::Nothing => {}
            Act::Header(name, value) => set(&mut self.header, name, value),
            Act::MoreHeader(name, value) => self.header.push(((*name).to_owned(), value.clone())),
            Act::Claim(name, value) => set(&mut self.claims, name, value),
            Act::MoreClaim(name, value) => self.claims.push(((*name).to_owned(), value.clone())),
            Act::Payload(bytes) => self.raw_payload = Some(bytes.clone()),
            Act::Token(change) => self.after.push(*change),
        }
    }

    pub fn sign(&self, sign: impl FnOnce(&str, &[u8]) -> String) -> String {
        let header = object(&self.header);
        let payload = self.raw_payload.clone().unwrap_or_else(|| object(&self.claims).into_bytes());
        self.after.iter().fold(sign(&header, &payload), |token, change| change(&token))
    }
}

/// Every edit, for tokens verified at `now` with this leeway.
pub fn edits(now: u64, leeway: u64) -> Vec<Edit> {
    let mut edits = vec![Edit { name: "nothing".into(), act: Act::Nothing }];
    let mut add =
        |family: &str, what: &str, act: Act| edits.push(Edit { name: format!("{family}: {what}"), act });

    // Dates, around each bound and of every shape.
    let (past, future) = (now - leeway, now + leeway);
    for name in ["exp", "nbf", "iat"] {
        for (what, value) in [
            ("long past", 1.to_string()),
            ("before the lower bound", (past - 1).to_string()),
            ("at the lower bound", past.to_string()),
            ("after the lower bound", (past + 1).to_string()),
            ("a little before the lower bound", format!("{}.6", past - 1)),
            ("a little after the lower bound", format!("{past}.4")),
            ("now", now.to_string()),
            ("before the upper bound", (future - 1).to_string()),
            ("at the upper bound", future.to_string()),
            ("after the upper bound", (future + 1).to_string()),
            ("a little after the upper bound", format!("{future}.4")),
            ("far future", (now * 2).to_string()),
            ("zero", "0".into()),
            ("exponent", "4e9".into()),
            ("the last u64", u64::MAX.to_string()),
            ("beyond u64", "1e30".into()),
            ("beyond f64", "1e999".into()),
            ("negative", "-1".into()),
            ("negative zero", "-0".into()),
            ("negative fraction", "-0.5".into()),
        ] {
            add(name, what, Act::Claim(name, Some(value)));
        }
    }
    // Every claim, absent and of every type.
    for name in [
        "exp",
        "nbf",
        "iat",
        "iss",
        "aud",
        "sub",
        "jti",
        "client_id",
        "azp",
        "scope",
        "scp",
        "nonce",
        "at_hash",
        "c_hash",
        "s_hash",
        "events",
        "token_use",
        "typ",
        "cnf",
        "other",
    ] {
        add(name, "absent", Act::Claim(name, None));
        for (what, value) in [
            ("null", "null"),
            ("a boolean", "true"),
            ("a number", "7"),
            ("a fraction", "7.5"),
            ("an empty string", "\"\""),
            ("a string", "\"x\""),
            ("a number in a string", "\"4000000000\""),
            ("an empty array", "[]"),
            ("an array of strings", "[\"x\",\"y\"]"),
            ("a mixed array", "[\"x\",7]"),
            ("an empty object", "{}"),
            ("an object", "{\"x\":{\"y\":[1,2]}}"),
        ] {
            add(name, what, Act::Claim(name, Some(value.into())));
        }
    }
    for (name, own) in [("iss", ISSUER), ("aud", AUDIENCE), ("sub", "alice")] {
        for (what, value) in [
            ("in an array", format!("[\"{own}\"]")),
            ("in an array with others", format!("[\"x\",\"{own}\",\"y\"]")),
            ("twice in an array", format!("[\"{own}\",\"{own}\"]")),
            ("in an array with a number", format!("[\"{own}\",7]")),
            ("in an array in an array", format!("[[\"{own}\"]]")),
            ("with a slash", format!("\"{own}/\"")),
            ("in capitals", format!("\"{}\"", own.to_uppercase())),
            ("with a blank", format!("\" {own}\"")),
            ("with an escape", format!("\"\\u{:04x}{}\"", u32::from(own.as_bytes()[0]), &own[1..])),
            ("in two values", format!("\"{own} {own}\"")),
        ] {
            add(name, what, Act::Claim(name, Some(value)));
        }
    }
    for (name, value) in [("token_use", "id"), ("token_use", "access"), ("typ", "ID"), ("typ", "Bearer")] {
        add(name, value, Act::Claim(name, Some(quote(value))));
    }
    add(
        "cnf",
        "a thumbprint",
        Act::Claim("cnf", Some(r#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#.into())),
    );

    // The header.
    for alg in [
        "none", "NONE", "", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
        "EdDSA", "Ed25519", "ES256K", "HS256", "HS384", "HS512", "hs256", "RSA-OAEP",
    ] {
        add("alg", alg, Act::Header("alg", Some(quote(alg))));
    }
    for name in [
        "alg", "typ", "kid", "cty", "crit", "b64", "enc", "zip", "jku", "jwk", "x5u", "x5c", "x5t",
        "x5t#S256", "url", "nonce", "other",
    ] {
        let family = format!("header {name}");
        add(&family, "absent", Act::Header(name, None));
        for (what, value) in [
            ("null", "null"),
            ("a boolean", "false"),
            ("a number", "7"),
            ("an empty string", "\"\""),
            ("a string", "\"x\""),
            ("an array of strings", "[\"exp\"]"),
            ("an empty array", "[]"),
            ("an object", "{\"x\":1}"),
            ("JWT", "\"JWT\""),
            ("at+jwt", "\"at+jwt\""),
        ] {
            add(&family, what, Act::Header(name, Some(value.into())));
        }
    }
    for (what, value) in [
        ("jwt", "jwt"),
        ("application/jwt", "application/jwt"),
        ("application/at+jwt", "application/AT+JWT"),
        ("logout+jwt", "logout+jwt"),
        ("dpop+jwt", "dpop+jwt"),
    ] {
        add("header typ", what, Act::Header("typ", Some(quote(value))));
    }
    add("header cty", "application/jwt", Act::Header("cty", Some(quote("application/jwt"))));
    add("header kid", "of 256 bytes", Act::Header("kid", Some(quote(&"k".repeat(256)))));
    add("header kid", "of 257 bytes", Act::Header("kid", Some(quote(&"k".repeat(257)))));
    add("header kid", "with an escape", Act::Header("kid", Some("\"\\u006b1\"".into())));
    add("header size", "5 KiB", Act::Header("other", Some(quote(&"x".repeat(5 * 1024)))));

    // Duplicates and nesting.
    for (name, value) in [("alg", "\"none\""), ("kid", "\"k1\""), ("typ", "\"JWT\"")] {
        add("header duplicate", name, Act::MoreHeader(name, value.into()));
    }
    add("header duplicate", "in an object", Act::Header("other", Some(r#"{"a":1,"a":1}"#.into())));
    for (name, value) in [
        ("exp", "4000000000"),
        ("iss", "\"https://login.example\""),
        ("aud", "\"https://api.example\""),
        ("scope", "\"admin\""),
        ("sub", "\"root\""),
    ] {
        add("duplicate", name, Act::MoreClaim(name, value.into()));
    }
    add("duplicate", "in an object", Act::Claim("other", Some(r#"{"a":1,"a":2}"#.into())));
    add("duplicate", "with an escape", Act::Claim("other", Some(r#"{"a":1,"\u0061":2}"#.into())));
    for depth in [30, 31, 32, 33, 100, 126, 127, 128, 1000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        add("nesting", &format!("{depth} arrays"), Act::Claim("other", Some(nested)));
        let nested = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        add("nesting", &format!("{depth} objects"), Act::Claim("other", Some(nested)));
    }
    for length in [1024, 8 * 1024, 17 * 1024] {
        add("size", &format!("{length} bytes more"), Act::Claim("other", Some(quote(&"x".repeat(length)))));
    }

    // Payloads that are no object of claims, or are one in an odd spelling.
    let (iat, exp) = (now - 600, now + 600);
    for (what, payload) in [
        ("empty", String::new()),
        ("an empty object", "{}".into()),
        ("null", "null".into()),
        ("a string", "\"x\"".into()),
        ("claims in an array", format!("[{exp},{iat},\"alice\",\"{ISSUER}\",\"{AUDIENCE}\"]")),
        ("an array with the object", format!("[{{\"exp\":{exp}}}]")),
        (
            "two objects",
            format!("{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"a\",\"exp\":{exp}}}{{}}"),
        ),
        (
            "text behind",
            format!("{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"a\",\"exp\":{exp}}}x"),
        ),
        (
            "white space around",
            format!(" \r\n\t{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"a\",\"exp\":{exp}}}\n "),
        ),
        (
            "a comma too many",
            format!("{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"a\",\"exp\":{exp},}}"),
        ),
        (
            "a comment",
            format!("{{\"iss\":\"{ISSUER}\",/**/\"aud\":\"{AUDIENCE}\",\"sub\":\"a\",\"exp\":{exp}}}"),
        ),
        ("single quotes", format!("{{'iss':'{ISSUER}','aud':'{AUDIENCE}','sub':'a','exp':{exp}}}")),
        (
            "a leading zero",
            format!("{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"a\",\"exp\":0{exp}}}"),
        ),
        (
            "a plus sign",
            format!("{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"a\",\"exp\":+{exp}}}"),
        ),
        ("NaN", format!("{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"a\",\"exp\":NaN}}")),
        (
            "a byte order mark",
            format!("\u{feff}{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"a\",\"exp\":{exp}}}"),
        ),
        (
            "half a surrogate pair",
            format!("{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"\\ud800\",\"exp\":{exp}}}"),
        ),
        (
            "a control character",
            format!("{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"a\nb\",\"exp\":{exp}}}"),
        ),
        ("cut short", format!("{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"a\",\"exp\":{exp}")),
    ] {
        add("payload", what, Act::Payload(payload.into_bytes()));
    }
    let mut not_utf8 = format!(
        "{{\"iss\":\"{ISSUER}\",\"aud\":\"{AUDIENCE}\",\"sub\":\"a\",\"exp\":{exp},\"other\":\"?\"}}"
    )
    .into_bytes();
    for byte in not_utf8.iter_mut().filter(|byte| **byte == b'?') {
        *byte = 0xff;
    }
    add("payload", "not UTF-8", Act::Payload(not_utf8));

    // The token as a text.
    let changes: [(&str, Change); 22] = [
        ("empty", |_| String::new()),
        ("without its signature", |token| token[..token.rfind('.').unwrap_or(0)].to_owned()),
        ("with an empty signature", |token| token[..=token.rfind('.').unwrap_or(0)].to_owned()),
        ("with a fourth part", |token| format!("{token}.e30")),
        ("with an empty fourth part", |token| format!("{token}.")),
        ("as a JWE of five parts", |token| format!("{token}.e30.e30")),
        ("with a dot first", |token| format!(".{token}")),
        ("padded", |token| format!("{token}=")),
        ("padded twice", |token| format!("{token}==")),
        ("with a blank behind", |token| format!("{token} ")),
        ("with a blank before", |token| format!(" {token}")),
        ("with a line feed behind", |token| format!("{token}\n")),
        ("with a zero byte behind", |token| format!("{token}\0")),
        ("with its signature cut", |token| token[..token.len() - 4].to_owned()),
        ("with a longer signature", |token| format!("{token}AAAA")),
        ("with an enormous signature", |token| format!("{token}{}", "A".repeat(4000))),
        ("with another first byte of the signature", |token| {
            change(token, token.rfind('.').unwrap_or(0) + 1)
        }),
        ("with another byte inside the signature", |token| change(token, token.rfind('.').unwrap_or(0) + 12)),
        ("with another last character", |token| change(token, token.len() - 1)),
        ("with another byte of the payload", |token| change(token, token.find('.').unwrap_or(0) + 9)),
        ("with another byte of the header", |token| change(token, 9)),
        ("in the other base64 alphabet", |token| token.replace('-', "+").replace('_', "/")),
    ];
    for (what, act) in changes {
        add("token", what, Act::Token(act));
    }
    edits
}

/// The token with another base64url character at `at`.
fn change(token: &str, at: usize) -> String {
    let mut bytes = token.as_bytes().to_vec();
    if let Some(byte) = bytes.get_mut(at) {
        *byte = if *byte == b'A' { b'B' } else { b'A' };
    }
    String::from_utf8(bytes).unwrap_or_default()
}
