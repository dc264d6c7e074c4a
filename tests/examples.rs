//! The examples as their users meet them: run without arguments, with flags, and stopped by a signal.
#![cfg(all(unix, feature = "axum", feature = "issuer", feature = "remote"))]
#![allow(clippy::unwrap_used, clippy::expect_used)] // also in the helpers of tests

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tower_resource_server::{
    ClientCertificate,
    issuer::{SceytIssuer, SigningKey, TokenBuilder, TokenIssuer},
    keys::Algorithm,
};

/// Beyond this something hangs; nothing here is measured.
const LIMIT: Duration = Duration::from_secs(60);

/// `cargo test` builds the examples next to this test.
fn example(name: &str) -> Command {
    let path: PathBuf =
        env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is missing: build it with `cargo build --examples`", path.display());
    let mut command = Command::new(path);
    command.env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

fn run(name: &str, arguments: &[&str]) -> Output {
    example(name).args(arguments).output().unwrap()
}

/// A running `protected_api`; ends with the test, whatever becomes of it.
struct Api {
    process: Child,
    lines: Receiver<String>,
    /// What it printed until it listened.
    greeting: Vec<String>,
    address: String,
}

impl Api {
    fn start(arguments: &[&str]) -> Self {
        Self::start_in(arguments, &[])
    }

    /// With these variables in its environment.
    fn start_in(arguments: &[&str], variables: &[(&str, &OsStr)]) -> Self {
        let mut command = example("protected_api");
        let variables = variables.iter().copied();
        let mut process = command.args(arguments).envs(variables).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut api = Self { process, lines, greeting: Vec::new(), address: String::new() };
        loop {
            let line = api.lines.recv_timeout(LIMIT).expect("it says where it listens");
            if let Some(address) = line.strip_prefix("listening on http://") {
                api.address = address.to_owned();
                return api;
            }
            api.greeting.push(line);
        }
    }

    fn request(&self, method: &str, target: &str, authorization: Option<&str>) -> Answer {
        request(&self.address, method, target, authorization)
    }

    /// Sends a signal and returns the exit status.
    fn stop(mut self, signal: &str) -> Option<i32> {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        // Its stdout closes when it ends.
        assert_eq!(self.lines.recv_timeout(LIMIT), Err(RecvTimeoutError::Disconnected));
        self.process.wait().unwrap().code()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Answer {
    fn challenge(&self) -> &str {
        self.headers.get("www-authenticate").map_or("", String::as_str)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn request(address: &str, method: &str, target: &str, authorization: Option<&str>) -> Answer {
    let fields: Vec<_> = authorization.map(|value| ("Authorization", value)).into_iter().collect();
    send(address, method, target, &fields)
}

fn send(address: &str, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status,
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
        body: body.to_owned(),
    }
}

/// An issuer, and its keys in a file of that name.
fn issuer_with_file(name: &str) -> (TokenIssuer, PathBuf) {
    let issuer = TokenIssuer::builder("https://login.example")
        .signing_key(SigningKey::generate(Algorithm::ES256).unwrap())
        .default_audience("https://api.example")
        .build()
        .unwrap();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, issuer.jwks().to_string()).unwrap();
    (issuer, path)
}

fn bearer(token: &TokenBuilder) -> String {
    format!("Bearer {}", token.mint().unwrap())
}

#[cfg(feature = "config")]
#[test]
fn a_configuration_file_is_read_and_read_again() {
    let (issuer, keys) = issuer_with_file("config-keys.json");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("config.toml");
    let write = |more: &str| {
        let text = format!(
            "resource = \"https://api.example\"\n{more}\n[[issuers]]\nissuer = \"https://login.example\"\n\
             profile = \"rfc9068\"\njwks_file = {keys:?}\n"
        );
        fs::write(&file, text).unwrap();
    };
    write("requirements.routes.\"GET /orders\" = \"scope(read)\"");
    let api = Api::start(&["--config", file.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    let [read, write_token] =
        ["read", "write"].map(|scope| bearer(&issuer.access_token("alice").client_id("web").scope(scope)));
    let statuses =
        || [Some(&*read), Some(&*write_token), None].map(|token| api.request("GET", "/orders", token).status);
    assert_eq!(statuses(), [200, 403, 401]);
    assert_eq!(api.request("GET", "/orders", Some(&read)).json()["subject"], "alice");

    let hang_up = || {
        let id = api.process.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
        // Several lines, where several things are wrong.
        api.lines.recv_timeout(LIMIT).unwrap()
    };
    write("requirements.routes.\"GET /orders\" = \"scope(write)\"");
    assert_eq!(hang_up(), "the new configuration is in force");
    assert_eq!(statuses(), [403, 200, 401]);
    for (more, said) in [
        ("leway = \"5s\"", "the old configuration stays in force: this configuration cannot work:"),
        ("leeway = 5s # hunter2", "the old configuration stays in force: "),
    ] {
        write(more);
        let line = hang_up();
        assert!(line.starts_with(said) && !line.contains("hunter2"), "{line}");
        while api.lines.recv_timeout(Duration::from_millis(200)).is_ok() {}
        assert_eq!(statuses(), [403, 200, 401], "{more}");
    }
    assert_eq!(api.stop("-TERM"), Some(0));

    let (code, said) = {
        write("leway = \"5s\"\noptional = 1");
        let output = run("protected_api", &["--config", file.to_str().unwrap()]);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(code, Some(1));
    assert!(
        said.contains(
            "  - leway: there is no such key; did you mean leeway?\n  - optional: 1 is not true or false"
        ),
        "{said}"
    );
}

#[cfg(feature = "config")]
#[test]
fn variables_are_laid_over_a_configuration_file() {
    const KEY: &str = "shop_3q2-7wAAKjX0iE9s1vBQmZpT";
    let (issuer, keys) = issuer_with_file("variables-keys.json");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (file, secret) = (folder.join("variables.toml"), folder.join("variables-secret"));
    let write = |more: &str| {
        let text = format!(
            "resource = \"https://api.example\"\n{more}\napi_keys.keys = [{{ name = \"ci\", subject = \"billing\" }}]\n\
             [[issuers]]\nissuer = \"https://login.example\"\nprofile = \"rfc9068\"\njwks_file = \"/nowhere\"\n"
        );
        fs::write(&file, text).unwrap();
    };
    write("requirements.always = \"scope(read)\"");
    fs::write(&secret, format!("{KEY}\n")).unwrap();
    let arguments = ["--config", file.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let variables = [
        ("PROTECTED_API_ISSUERS_0_JWKS_FILE", keys.as_os_str()),
        ("PROTECTED_API_API_KEYS_KEYS_0_SECRET_FILE", secret.as_os_str()),
        ("PROTECTED_API_API_KEYS_KEYS_0_SCOPES", OsStr::new("write")),
        ("PROTECTED_API_REQUIREMENTS_ALWAYS", OsStr::new("scope(write)")),
    ];
    let others = [
        // No key of the file, since what follows the prefix is no underscore.
        ("PROTECTED_APIS", OsStr::new("hunter2")),
        ("PROTECTED_APIS_RESOURCE", OsStr::from_bytes(b"hunter2\xff")),
    ];
    let api = Api::start_in(&arguments, &[&variables[..], &others].concat());
    let [read, write_token] =
        ["read", "write"].map(|scope| bearer(&issuer.access_token("alice").client_id("web").scope(scope)));
    let key = format!("Bearer {KEY}");
    let statuses =
        || [&read, &write_token, &key].map(|value| api.request("GET", "/orders", Some(value)).status);
    assert_eq!(statuses(), [403, 200, 200]);
    assert_eq!(api.request("GET", "/orders", Some(&key)).json()["subject"], "billing");
    // The file is read again, and they are laid over that, too.
    write("requirements.routes.\"GET /orders\" = \"scope(read) or scope(write)\"");
    let id = api.process.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    assert_eq!(api.lines.recv_timeout(LIMIT).unwrap(), "the new configuration is in force");
    assert_eq!(statuses(), [403, 200, 200]);
    assert_eq!(api.stop("-TERM"), Some(0));

    for (name, variable, value, said) in [
        (
            "no Unicode",
            "PROTECTED_API_RESOURCE",
            OsStr::from_bytes(b"hunter2\xff"),
            "PROTECTED_API_RESOURCE: its value is not Unicode; write it in UTF-8",
        ),
        (
            "an unknown one",
            "PROTECTED_API_LEWAY",
            OsStr::new("hunter2"),
            "PROTECTED_API_LEWAY: there is no such key; did you mean PROTECTED_API_LEEWAY?",
        ),
        (
            "a file that is not there",
            "PROTECTED_API_API_KEYS_KEYS_0_SECRET_FILE",
            OsStr::new("/nowhere"),
            "PROTECTED_API_API_KEYS_KEYS_0_SECRET_FILE: the file \"/nowhere\" is not there; correct its path",
        ),
    ] {
        let mut command = example("protected_api");
        let output = command.args(arguments).envs(variables).env(variable, value).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(printed.contains(said) && !printed.contains("hunter2"), "{name}: {printed}");
    }
}

#[test]
fn each_printed_curl_line_does_what_it_says() {
    let api = Api::start(&[]);
    assert!(api.greeting.iter().all(|line| !line.contains('\x1b')), "no colours outside a terminal");

    let mut seen = Vec::new();
    for pair in api.greeting.windows(2) {
        let [said, curl] = pair else { continue };
        let Some(arguments) = curl.strip_prefix("curl -i ") else { continue };
        let (authorization, url) = match arguments.strip_prefix("-H 'Authorization: ") {
            Some(rest) => rest.split_once("' ").map(|(value, url)| (Some(value), url)).unwrap(),
            None => (None, arguments),
        };
        let target = url.strip_prefix(&format!("http://{}", api.address)).unwrap();
        let (_, expected) = said.split_once(" → ").unwrap();
        let (status, error) = expected.split_at(3);

        let answer = api.request("GET", target, authorization);
        assert_eq!(answer.status.to_string(), status, "{said}: {answer:?}");
        match error.strip_prefix(", ") {
            None => assert_eq!(answer.challenge(), "", "{said}"),
            Some("with a challenge") => {
                assert!(answer.challenge().starts_with("Bearer "), "{said}: {answer:?}");
                assert!(!answer.challenge().contains("error="), "{said}: {answer:?}");
            }
            Some(error) => {
                let parameter = format!("Bearer error=\"{error}\"");
                assert!(answer.challenge().starts_with(&parameter), "{said}: {answer:?}");
            }
        }
        if status != "200" {
            assert!(answer.challenge().contains("scope=\"orders:read\""), "{said}: {answer:?}");
        }
        seen.push(status);
    }
    assert_eq!(seen, ["401", "200", "401", "403", "200"]);

    let metadata = api.request("GET", "/.well-known/oauth-protected-resource", None);
    assert_eq!(metadata.status, 200);
    assert_eq!(metadata.json()["scopes_supported"], json!(["orders:read", "orders:write"]));
    assert_eq!(api.stop("-INT"), Some(0));
}

#[test]
fn without_arguments_every_path_names_the_scope_that_it_needs() {
    let api = Api::start(&[]);
    for (method, target, scope) in [
        ("GET", "/", "orders:read"),
        ("GET", "/orders", "orders:read"),
        ("POST", "/orders/new/", "orders:read"),
        ("BREW", "/a/b?c=d", "orders:read"),
        ("GET", "/orders/new", "orders:write"),
        ("POST", "/orders/new", "orders:write"),
    ] {
        let answer = api.request(method, target, None);
        assert_eq!(answer.status, 401, "{method} {target}: {answer:?}");
        let scope = format!("scope=\"{scope}\"");
        assert!(answer.challenge().contains(&scope), "{method} {target}: {answer:?}");
    }
    assert_eq!(api.request("GET", "/healthz", None).status, 200);
}

#[test]
fn with_flags_it_protects_every_path_and_method() {
    let (issuer, keys) = issuer_with_file("protected.jwks.json");
    let keys = keys.to_str().unwrap();
    let api = Api::start(&[
        "--listen",
        "127.0.0.1:0",
        "--issuer",
        "https://login.example",
        "--audience",
        "https://api.example",
        "--audience",
        "https://old.example",
        "--jwks-file",
        keys,
        "--token-type",
        "at+jwt",
        "--algorithms",
        "ES256,EdDSA",
        "--leeway",
        "5",
        "--scope",
        "read list",
    ]);
    assert_eq!(api.greeting, Vec::<String>::new());

    let token = || issuer.access_token("alice").client_id("web").scope("list read");
    let good = bearer(&token());
    let long_ago = issuer.now().saturating_sub(Duration::from_secs(3600));
    for (name, method, target, authorization, status) in [
        ("no token", "GET", "/", None, 401),
        ("OPTIONS", "OPTIONS", "/a", None, 401),
        ("OPTIONS of all", "OPTIONS", "*", None, 401),
        ("TRACE", "TRACE", "/a", None, 401),
        ("a method of its own", "BREW", "/a/b?c=d", None, 401),
        ("an odd path", "GET", "//%00/..", None, 401),
        ("below /healthz", "GET", "/healthz/", None, 401),
        ("beside /.well-known", "GET", "/.well-knownish", None, 401),
        ("health", "GET", "/healthz", None, 200),
        ("metadata", "GET", "/.well-known/oauth-protected-resource", None, 200),
        ("no such document", "GET", "/.well-known/none", None, 404),
        ("a good token", "GET", "/any/path", Some(&good), 200),
        ("in any method", "BREW", "/any/path", Some(&good), 200),
        ("for the other audience", "GET", "/", Some(&bearer(&token().audience("https://old.example"))), 200),
        ("for another audience", "GET", "/", Some(&bearer(&token().audience("https://x.example"))), 401),
        ("of the wrong type", "GET", "/", Some(&bearer(&token().typ("JWT"))), 401),
        ("past the leeway", "GET", "/", Some(&bearer(&token().issued_at(long_ago))), 401),
        (
            "half of the scopes",
            "GET",
            "/",
            Some(&bearer(&issuer.access_token("a").client_id("b").scope("read"))),
            403,
        ),
        ("another scheme", "GET", "/", Some(&"Basic YTpi".to_owned()), 401),
        ("no token68", "GET", "/", Some(&"Bearer a b".to_owned()), 400),
    ] {
        let answer = api.request(method, target, authorization.map(String::as_str));
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        if matches!(status, 401 | 403) {
            assert!(answer.challenge().contains("scope=\"read list\""), "{name}: {answer:?}");
            assert_eq!(answer.json()["status"], status, "{name}");
        }
    }
    assert_eq!(api.stop("-TERM"), Some(0));
}

#[test]
fn a_good_token_is_answered_with_what_it_says() {
    let (issuer, keys) = issuer_with_file("who_am_i.jwks.json");
    let api = Api::start(&[
        "--listen",
        "localhost:0",
        "--issuer",
        "https://login.example",
        "--audience",
        "https://api.example",
        "--jwks-file",
        keys.to_str().unwrap(),
    ]);
    let expiry = issuer.now().saturating_add(Duration::from_secs(300));
    let full = issuer.access_token("alice").client_id("web").scope("a b").expires_at(expiry);
    let answer = api.request("GET", "/", Some(&bearer(&full))).json();
    let members: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    let expected =
        ["actor", "audiences", "claims", "client_id", "expires_at", "issuer", "roles", "scopes", "subject"];
    assert_eq!(
        BTreeMap::from_iter(members.iter().map(|m| (*m, ()))).into_keys().collect::<Vec<_>>(),
        expected
    );
    assert_eq!(answer["subject"], "alice");
    assert_eq!(answer["issuer"], "https://login.example");
    assert_eq!(answer["client_id"], "web");
    assert_eq!(answer["audiences"], json!(["https://api.example"]));
    assert_eq!(answer["scopes"], json!(["a", "b"]));
    assert_eq!(answer["expires_at"], expiry.as_secs());
    assert_eq!(answer["claims"]["sub"], "alice");

    let bare = issuer.access_token("bob").without("client_id").without("jti");
    let answer = api.request("GET", "/", Some(&bearer(&bare))).json();
    assert_eq!((&answer["client_id"], &answer["scopes"]), (&Value::Null, &json!([])));
    assert_eq!(answer.get("context"), None, "no vendor's system");
}

#[test]
fn what_operations_require_is_taken_from_flags() {
    let (issuer, keys) = issuer_with_file("requirements.jwks.json");
    let trusted = |more: &[&'static str]| -> Vec<String> {
        let flags = ["--listen", "localhost:0", "--issuer", "https://login.example", "--audience"];
        let flags = flags.into_iter().chain(["https://api.example", "--jwks-file", keys.to_str().unwrap()]);
        flags.chain(more.iter().copied()).map(str::to_owned).collect()
    };
    let start = |more: &[&'static str]| {
        let flags = trusted(more);
        Api::start(&flags.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let token = |claims: Value| {
        let mut token = issuer.access_token("alice").client_id("web");
        for (name, value) in claims.as_object().unwrap() {
            token = token.claim(name, value.clone());
        }
        bearer(&token)
    };

    let api = start(&[
        "--require",
        "scope(api)",
        "--route",
        "GET /orders/{id} = scope(orders:read) or role(clerk)",
        "--route",
        "POST /orders = scope(orders:write) and acr(gold)",
        "--roles-claim",
        "/realm/roles",
        "--scope-implies",
        "admin = api orders:read",
    ]);
    let clerk = token(json!({"scope": "api", "realm": {"roles": ["clerk"]}, "act": {"sub": "bot"}}));
    let admin = token(json!({"scope": "admin"}));
    let writer = token(json!({"scope": "api orders:write", "acr": "silver"}));
    for (method, target, authorization, status, challenge) in [
        ("GET", "/orders/7", None, 401, r#"scope="api orders:read""#),
        ("GET", "/orders/7", Some(&clerk), 200, ""),
        ("GET", "/orders/7", Some(&admin), 200, ""),
        ("GET", "/orders/7", Some(&writer), 403, r#"scope="api orders:read""#),
        ("POST", "/orders", Some(&admin), 401, r#"acr_values="gold", scope="api orders:write""#),
        ("POST", "/orders", Some(&writer), 401, r#"acr_values="gold""#),
        (
            "POST",
            "/orders/",
            Some(&writer),
            401,
            r#"acr_values="gold", scope="api orders:read orders:write""#,
        ),
        ("DELETE", "/orders/7", Some(&clerk), 401, r#"acr_values="gold", scope="api orders:write""#),
    ] {
        let answer = api.request(method, target, authorization.map(String::as_str));
        assert_eq!(answer.status, status, "{method} {target}: {answer:?}");
        assert!(answer.challenge().contains(challenge), "{method} {target}: {answer:?}");
    }
    let answer = api.request("GET", "/orders/7", Some(&clerk)).json();
    assert_eq!((&answer["roles"], &answer["actor"]), (&json!(["clerk"]), &json!("bot")));
    drop(api);

    let open =
        start(&["--require", "anonymous or scope(api)", "--route", "GET /open = anonymous or any_token"]);
    for (target, authorization, status) in [
        ("/open", None, 200),
        ("/open", Some("Bearer a.b.c"), 401),
        ("/open", Some(&*token(json!({"scope": "x"}))), 403),
        ("/open", Some(&*clerk), 200),
    ] {
        assert_eq!(open.request("GET", target, authorization).status, status, "{target}");
    }
    assert_eq!(open.request("GET", "/open", None).json()["subject"], Value::Null);
    drop(open);
    let optional = start(&["--scope", "a", "--optional"]);
    assert_eq!(optional.request("GET", "/", None).status, 200);
    assert_eq!(optional.request("GET", "/", Some(&clerk)).status, 403);
    drop(optional);

    // It is `anonymous or (…)` around everything that is required, a row of the table and what has none included.
    let optional = start(&[
        "--optional",
        "--require",
        "scope(api)",
        "--route",
        "GET /orders/{id} = scope(orders:read)",
        "--route",
        "POST /orders = acr(gold)",
    ]);
    let reader = token(json!({"scope": "api orders:read"}));
    let elsewhere = token(json!({"scope": "orders:read"}));
    for (method, target, authorization, status) in [
        ("GET", "/orders/7", None, 200),
        ("POST", "/orders", None, 200),
        ("DELETE", "/orders/7", None, 200),
        ("GET", "/orders/7", Some(&*reader), 200),
        ("GET", "/orders/7", Some(&*clerk), 403),
        ("GET", "/orders/7", Some(&*elsewhere), 403),
        ("POST", "/orders", Some(&*reader), 401),
        ("DELETE", "/orders/7", Some(&*reader), 401),
        ("GET", "/orders/7", Some("Bearer a.b.c"), 401),
        ("POST", "/orders", Some("Bearer a.b.c"), 401),
        ("DELETE", "/orders/7", Some("Basic YTpi"), 200),
    ] {
        let answer = optional.request(method, target, authorization);
        assert_eq!(answer.status, status, "{method} {target} with {authorization:?}: {answer:?}");
    }
    drop(optional);

    for (flag, value, problem) in [
        ("--require", "scope(a) &", "at character 10: `and` or `or` is expected here"),
        ("--route", "GET /a scope(a)", "write METHOD PATTERN = TEXT"),
        ("--route", "get /a = scope(a)", "\"get\" is no method"),
        ("--route", "GET /{a = scope(a)", "is no pattern of paths"),
        ("--route", "GET /x?q = scope(a)", "a query is no part of a path"),
        ("--route", "GET /x#q = scope(a)", "a fragment is no part of a request"),
        ("--route", "GET /a = scope(a", "at character 17: a `)` is missing here"),
        ("--scope-implies", "a = a", "scope_implies: a implies itself; leave one scope of the cycle out"),
        ("--scope-implies", "a =", "write SCOPE = SCOPES"),
    ] {
        let flags = trusted(&[flag, value]);
        let output = run("protected_api", &flags.iter().map(String::as_str).collect::<Vec<_>>());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(problem), "{flag} {value}: {said}");
    }
    let of = |declared: &[&'static str]| {
        let flags = trusted(&declared.iter().flat_map(|one| ["--scope-implies", one]).collect::<Vec<_>>());
        run("protected_api", &flags.iter().map(String::as_str).collect::<Vec<_>>())
    };
    // A cycle that the first scope leads into, and is no part of.
    let output = of(&["a = b", "b = c", "c = b"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("scope_implies: b implies itself"), "{said}");
}

#[test]
fn sceyt_is_spoken_with_its_bodies_and_its_context() {
    let key = SigningKey::from_pem(include_str!("sceyt/one.private.pem"), Algorithm::RS256).unwrap();
    let backend = TokenIssuer::builder("https://backend.example").signing_key(key).build().unwrap();
    let (now, hour) = (backend.now().as_secs(), Duration::from_secs(3600));
    let issuer = SceytIssuer::new(backend.clone(), hour).unwrap();
    let good = format!("Bearer {}", issuer.mint("alice", hour).unwrap());
    let expired = bearer(&backend.token().without_header("kid").claim("sub", "alice").claim("exp", now - 30));

    let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sceyt/one.public.pem");
    let flags = ["--listen", "127.0.0.1:0", "--profile", "sceyt", "--tenant", "chat", "--pem", pem];
    let api = Api::start(&flags);
    let ask = |api: &Api, fields: &[(&str, &str)]| send(&api.address, "GET", "/anything", fields);

    let answer = ask(&api, &[("Authorization", &good), ("app-id", "chat")]);
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!((&body["subject"], &body["issuer"]), (&json!("alice"), &json!("chat")));
    let context = body["context"].as_object().unwrap();
    let members: Vec<_> = context.keys().map(String::as_str).collect();
    assert_eq!(members, ["application", "expires_at", "remaining", "user", "will_expire"]);
    assert_eq!((&context["user"], &context["application"]), (&json!("alice"), &json!("chat")));
    assert_eq!((&context["expires_at"], &context["will_expire"]), (&body["expires_at"], &json!(false)));
    assert!((3500..=3600).contains(&context["remaining"].as_u64().unwrap()), "{body}");

    for (name, fields, status, code) in [
        ("no token", &[("app-id", "chat")][..], 401, 1302),
        ("no application", &[("Authorization", &*good)], 401, 1302),
        ("another application", &[("Authorization", &good), ("app-id", "other")], 401, 1302),
        ("expired", &[("Authorization", &expired), ("app-id", "chat")], 401, 1020),
        ("two applications", &[("Authorization", &good), ("app-id", "chat"), ("app-id", "chat")], 400, 40000),
    ] {
        let answer = ask(&api, fields);
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{name}");
    }
    assert_eq!(request(&api.address, "GET", "/healthz", None).status, 200);

    let lenient = Api::start(&[&flags[..], &["--leeway", "60"]].concat());
    let answer = ask(&lenient, &[("Authorization", &expired), ("app-id", "chat")]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["context"]["remaining"], 0);

    let private = pem.replace("public", "private");
    for (line, said) in [
        ("--profile sceyt --tenant chat", "--pem"),
        ("--profile sceyt --tenant chat --pem /nowhere/key.pem", "/nowhere/key.pem"),
        (&*format!("--profile sceyt --tenant chat --pem {private}"), &*private),
        (
            &*format!("--profile sceyt --tenant chat --pem {pem} --server-url https://s.example"),
            "--server-url",
        ),
    ] {
        let output = run("protected_api", &line.split(' ').collect::<Vec<_>>());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}: {errors}");
        assert!(errors.contains(said), "{line}: {errors}");
    }
}

#[test]
fn a_provider_that_is_down_stops_neither_the_start_nor_the_health_check() {
    // Port 1 of loopback: nothing listens there.
    let api = Api::start(&[
        "--listen",
        "127.0.0.1:0",
        "--issuer",
        "http://127.0.0.1:1",
        "--audience",
        "api",
        "--allow-loopback-http",
    ]);
    let unreachable = TokenIssuer::builder("http://127.0.0.1:1")
        .signing_key(SigningKey::generate(Algorithm::ES256).unwrap())
        .default_audience("api")
        .build()
        .unwrap();
    let token = bearer(&unreachable.access_token("alice").client_id("web"));

    assert_eq!(api.request("GET", "/healthz", None).status, 200);
    assert_eq!(api.request("GET", "/", None).status, 401);
    let answer = api.request("GET", "/", Some(&token));
    assert_eq!((answer.status, answer.challenge()), (503, ""), "{answer:?}");
    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    assert_eq!(api.request("GET", "/healthz", None).status, 200);
    assert_eq!(api.stop("-TERM"), Some(0));
}

#[test]
fn behind_a_proxy_challenges_and_metadata_have_the_public_address() {
    let (issuer, keys) = issuer_with_file("public_address.json");
    let token = bearer(&issuer.access_token("alice").client_id("web"));
    let start = |flags: &str| {
        let line =
            "--listen 127.0.0.1:0 --issuer https://login.example --audience https://api.example --jwks-file";
        let keys = keys.to_str().unwrap();
        Api::start(&line.split(' ').chain([keys]).chain(flags.split_whitespace()).collect::<Vec<_>>())
    };
    let told = [("X-Forwarded-Host", "told.example"), ("X-Forwarded-Prefix", "/shop")];
    for (name, flags, resource) in [
        ("no flag", "", "https://api.example"),
        ("a fixed address", "--public-url https://public.example/v1", "https://public.example/v1"),
        (
            "a trusted proxy",
            "--trust-proxy 10.0.0.0/8 --trust-proxy 127.0.0.0/8",
            "https://told.example/shop",
        ),
        ("another proxy", "--trust-proxy 10.0.0.0/8", "https://api.example"),
        (
            "both",
            "--public-url https://public.example/v1 --trust-proxy 127.0.0.1",
            "https://told.example/shop",
        ),
    ] {
        let api = start(flags);
        let (scheme_and_host, path) =
            resource.split_at(resource.find(".example").unwrap() + ".example".len());
        let metadata = format!("/.well-known/oauth-protected-resource{path}");
        let challenge = format!("Bearer resource_metadata=\"{scheme_and_host}{metadata}\"");
        assert_eq!(send(&api.address, "GET", "/orders", &told).challenge(), challenge, "{name}");
        let document = send(&api.address, "GET", &metadata, &told);
        assert_eq!(document.json()["resource"], resource, "{name}");
        let authorized = [told[0], told[1], ("Authorization", &*token)];
        assert_eq!(send(&api.address, "GET", "/orders", &authorized).status, 200, "{name}");
    }
}

#[test]
fn a_certificate_is_told_in_the_header_that_a_flag_names() {
    let (issuer, keys) = issuer_with_file("certificates.json");
    // As much of a certificate as is looked at.
    let certificate = ClientCertificate::from_der([0x30, 2, 5, 0]);
    let token = issuer.access_token("alice").client_id("web");
    let bound = bearer(&token.clone().bound_to_certificate(certificate.thumbprint()));
    let unbound = bearer(&token);
    let start = |flags: &str| {
        let line =
            "--listen 127.0.0.1:0 --issuer https://login.example --audience https://api.example --jwks-file";
        let keys = keys.to_str().unwrap();
        Api::start(&line.split(' ').chain([keys]).chain(flags.split_whitespace()).collect::<Vec<_>>())
    };
    let allowed = start("--mtls-header Client-Cert --trust-proxy 127.0.0.1");
    let required = start("--mtls-header client-cert --mtls required --trust-proxy 127.0.0.1");
    let distrustful = start("--mtls-header client-cert --trust-proxy 10.0.0.0/8");
    let own = ("Client-Cert", ":MAIFAA==:");
    for (name, api, token, told, status) in [
        ("its own", &allowed, &bound, &[own][..], 200),
        ("none", &allowed, &bound, &[], 401),
        ("another", &allowed, &bound, &[("Client-Cert", ":MAIFAQ==:")], 401),
        ("two", &allowed, &bound, &[own, own], 400),
        ("not bound", &allowed, &unbound, &[], 200),
        ("not bound where it must be", &required, &unbound, &[own], 401),
        ("its own where it must be bound", &required, &bound, &[own], 200),
        ("of a proxy that is not trusted", &distrustful, &bound, &[own], 401),
    ] {
        let fields = [&[("Authorization", token.as_str())], told].concat();
        let answer = send(&api.address, "GET", "/orders", &fields);
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        if status == 200 {
            let is_bound = *token == bound;
            let expected =
                if is_bound { json!({ "x5t#S256": certificate.thumbprint() }) } else { Value::Null };
            assert_eq!(answer.json()["confirmation"], expected, "{name}");
        }
    }
}

#[test]
fn tokens_are_taken_where_flags_say() {
    let (issuer, keys) = issuer_with_file("locations.json");
    let bearer = bearer(&issuer.access_token("alice").client_id("web"));
    let token = bearer.strip_prefix("Bearer ").unwrap();
    let flags = "--listen 127.0.0.1:0 --issuer https://login.example --audience https://api.example \
                 --token-location header:X-Assertion --token-location cookie:__Host-session \
                 --token-location websocket:bearer. --jwks-file";
    let arguments: Vec<_> = flags.split_whitespace().chain([keys.to_str().unwrap()]).collect();
    let api = Api::start(&arguments);
    let (cookie, protocols) = (format!("__Host-session={token}"), format!("chat, bearer.{token}"));
    let foreign = ("Origin", "https://evil.example");
    for (name, method, fields, status) in [
        ("nothing", "GET", &[][..], 401),
        ("Authorization", "GET", &[("Authorization", &*bearer)], 200),
        ("a header", "GET", &[("X-Assertion", token)], 200),
        ("a cookie", "GET", &[("Cookie", &*cookie)], 200),
        ("a cookie of another page", "POST", &[("Cookie", &*cookie), foreign], 403),
        ("a subprotocol", "GET", &[("Sec-WebSocket-Protocol", &*protocols)], 200),
        ("two places", "GET", &[("Authorization", &*bearer), ("Cookie", &*cookie)], 400),
    ] {
        assert_eq!(send(&api.address, method, "/orders", fields).status, status, "{name}");
    }
}

#[test]
fn what_cannot_work_is_said_before_it_listens() {
    const ISSUER: &str = "--issuer https://login.example --audience a";
    for (line, status, said) in [
        ("--audience a", 2, "--issuer"),
        ("--issuer https://login.example", 2, "--audience"),
        ("--scope a", 2, "--issuer"),
        ("--jwks-file f --audience a", 2, "--issuer"),
        ("--issuer i --issuer j --audience a", 2, "--issuer"),
        (&format!("{ISSUER} --jwks-uri https://u.example --jwks-file f"), 2, "--jwks-file"),
        (&format!("{ISSUER} --algorithms none"), 2, "algorithm"),
        (&format!("{ISSUER} --algorithms RS256,,ES256"), 2, "algorithm"),
        (&format!("{ISSUER} --token-type jwt"), 2, "at+jwt"),
        (&format!("{ISSUER} --leeway 1m"), 2, "--leeway"),
        (&format!("{ISSUER} --scope \""), 2, "--scope"),
        (&format!("{ISSUER} --profile jwt --token-type any"), 2, "--token-type"),
        (&format!("{ISSUER} --profile saml"), 2, "--profile"),
        (&format!("{ISSUER} --tenant t --profile jwt"), 2, "--tenant"),
        ("--profile rfc9068", 2, "--issuer"),
        ("--tenant t", 2, "--profile"),
        ("--profile jwt --server-url https://s.example --issuer i --audience a", 1, "--server-url"),
        ("--profile app-id --tenant t --server-url s --scope-status 402", 2, "--scope-status"),
        ("--profile jwt --tenant t", 1, "--profile"),
        ("--profile mobile-client-access --issuer i --audience a", 1, "--tenant"),
        ("--profile mobile-client-access --tenant t", 1, "--server-url"),
        ("--profile mobile-client-access --tenant t --server-url https://s.example --pem k", 1, "--pem"),
        ("--profile mobile-client-access --tenant t --server-url http://127.0.0.1:1", 1, "\n  - issuer"),
        (
            "--profile mobile-client-access --tenant t --server-url https://s.example --audience a",
            1,
            "--audience",
        ),
        ("--profile app-id --tenant t", 1, "--server-url"),
        ("--profile app-id --tenant t --server-url us-south --pem k", 1, "--pem"),
        ("--profile app-id --tenant a/b --server-url us-south", 1, "\n  - app_id"),
        ("--profile app-id --tenant t --server-url http://127.0.0.1:1", 1, "\n  - issuer"),
        ("--listen nowhere", 2, "--listen"),
        ("--surprise", 2, "--surprise"),
        (&format!("{ISSUER} --jwks-file /nowhere/keys.json"), 1, "/nowhere/keys.json"),
        ("--issuer http://login.example --audience a", 1, "\n  - issuer"),
        (&format!("{ISSUER} --leeway 601"), 1, "\n  - issuer"),
        (&format!("{ISSUER} --algorithms HS256"), 1, "\n  - issuer"),
        ("--public-url https://a.example", 2, "--issuer"),
        ("--trust-proxy 10.0.0.0/8", 2, "--issuer"),
        ("--token-location cookie:a", 2, "--issuer"),
        (
            &format!("{ISSUER} --token-location body:a"),
            2,
            "expected header:NAME, cookie:NAME or websocket:PREFIX",
        ),
        (&format!("{ISSUER} --token-location cookie:"), 2, "--token-location"),
        (&format!("{ISSUER} --token-location cookie:a;b"), 1, "\n  - token_location"),
        (&format!("{ISSUER} --mtls-header client-cert"), 2, "--trust-proxy"),
        (&format!("{ISSUER} --trust-proxy 10.0.0.0/8 --mtls-header x-cert"), 2, "ssl-client-cert"),
        (&format!("{ISSUER} --trust-proxy 10.0.0.0/8 --mtls required"), 2, "--mtls-header"),
        (&format!("{ISSUER} --public-url a.example"), 1, "\n  - public_address"),
        (&format!("{ISSUER} --trust-proxy 10.0.0.0/8"), 1, "\n  - public_address"),
        (
            &format!("{ISSUER} --public-url https://a.example --trust-proxy 0.0.0.0/0"),
            1,
            "\n  - public_address",
        ),
    ] {
        let arguments: Vec<_> = line.split(' ').collect();
        let output = run("protected_api", &arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{line}: {errors}");
        assert!(errors.contains(said), "{line}: {errors}");
        assert!(output.stdout.is_empty(), "{line}");
    }
    let help = String::from_utf8(run("protected_api", &["--help"]).stdout).unwrap();
    for flag in [
        "--listen",
        "--profile",
        "--tenant",
        "--server-url",
        "--pem",
        "--scope-status",
        "--issuer",
        "--audience",
        "--jwks-uri",
        "--jwks-file",
        "--algorithms",
        "--token-type",
        "--leeway",
        "--scope",
        "--allow-loopback-http",
        "--public-url",
        "--trust-proxy",
        "--token-location",
    ] {
        assert!(help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")), "{flag}: {help}");
    }
}

#[test]
fn static_keys_shows_one_answer_for_each_request() {
    let output = run("static_keys", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let answers: Vec<_> = text.lines().filter(|line| line.starts_with("< ")).collect();
    for (line, beginning) in answers.iter().zip([
        "< 401 ",
        "< WWW-Authenticate: Bearer resource_metadata=",
        "< 200 ",
        "< the orders of alice",
        "< 401 ",
        "< WWW-Authenticate: Bearer error=\"invalid_token\", error_description=\"the token has expired\"",
        "< 401 ",
        "< WWW-Authenticate: Bearer error=\"invalid_token\", error_description=\"the token was signed by an unknown key\"",
        "< 403 ",
        "< WWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"orders:write\"",
    ]) {
        assert!(line.starts_with(beginning), "{line:?} should begin with {beginning:?}");
    }
    assert_eq!(answers.len(), 10, "{text}");
}

#[cfg(feature = "identity-provider")]
#[test]
fn mobile_client_access_runs_to_its_end() {
    let output = run("mobile_client_access", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let mut rest = text.as_str();
    for said in [
        "401, Bearer realm=\"imfAuthentication\", scope=\"bankRealm\"",
        "WL-Composite-Challenge",
        "\"retriesLeft\":2",
        "success, userIdentity of Bob Smith",
        "200, an access token and an ID token",
        "\"imf.user\"",
        "no one else is asked",
        "\"retriesLeft\":1",
        "WL-Authentication-Failure",
    ] {
        (_, rest) = rest.split_once(said).unwrap_or_else(|| panic!("no {said} in {text}"));
    }
}

#[test]
fn own_profile_accepts_the_vendors_token_and_says_why_it_refuses_the_others() {
    let output = run("own_profile", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let verdicts: Vec<_> = text
        .lines()
        .map(|line| line.split_once("refused (").map_or("good", |(_, why)| why.split(')').next().unwrap()))
        .collect();
    assert_eq!(
        verdicts,
        [
            "good",
            "wrong_type",
            "wrong_audience",
            "invalid_claim",
            "invalid_claim",
            "foreign_claim",
            "missing_claim",
            "expired"
        ]
    );
}

#[test]
fn three_providers_at_once() {
    let output = run("three_providers", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let (keycloak, auth0, entra) = (
        "of https://id.shop.example/realms/shop",
        "of https://shop.eu.auth0.com/",
        "of https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0",
    );
    let expected = [
        ("Keycloak, a user", format!("reads: yes; deletes: yes; client shop-web; 1 {keycloak}")),
        ("Keycloak, no role", format!("reads: yes; deletes: no; client shop-web; 1 {keycloak}")),
        ("Keycloak, the audience of another", "refused (wrong_audience)".to_owned()),
        ("Keycloak, an ID token", "refused (invalid_claim)".to_owned()),
        ("Auth0, a user", format!("reads: yes; deletes: yes; client shop-spa; auth0|1 {auth0}")),
        ("Auth0, an application", format!("reads: yes; deletes: yes; client worker; worker@clients {auth0}")),
        ("Auth0, the issuer without its slash", "refused (untrusted_issuer)".to_owned()),
        ("Auth0, an ID token", "refused (foreign_claim)".to_owned()),
        ("Entra, a user", format!("reads: yes; deletes: yes; client 5a2b9d1e-desk; 1 {entra}")),
        ("Entra, an application", format!("reads: yes; deletes: no; client 5a2b9d1e-desk; 1 {entra}")),
        (
            "Entra, an application without roles",
            format!("reads: no; deletes: no; client 5a2b9d1e-desk; 1 {entra}"),
        ),
        (
            "Entra, too many groups, an admin",
            format!("reads: yes; deletes: yes, says the directory; client 5a2b9d1e-desk; 1 {entra}"),
        ),
        (
            "Entra, too many groups, another",
            format!("reads: yes; deletes: no; client 5a2b9d1e-desk; 1 {entra}"),
        ),
        ("Entra, another tenant", "refused (invalid_claim)".to_owned()),
        ("Entra, an ID token", "refused (foreign_claim)".to_owned()),
        ("Entra, signed by Auth0", "refused (unknown_key)".to_owned()),
    ];
    let lines: Vec<_> = text.lines().map(|line| line.split_at(36)).collect();
    let lines: Vec<_> =
        lines.iter().map(|(what, verdict)| (what.trim_end(), verdict.trim().to_owned())).collect();
    assert_eq!(lines, expected);
}
