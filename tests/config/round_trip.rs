//! Whatever loads is written out as something that loads to the same; secrets are never written out.

use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};
use tower_resource_server::config::{ReloadableServer, ServerConfig, Settings, json_schema};

use crate::{ISSUER, built::Folder, file, load, log::Log, texts};

/// A value that a schema allows; of an object a choice of its keys, within what its rules say.
fn of_schema(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(words) = schema["enum"].as_array() {
        return select(words.clone()).boxed();
    }
    match (schema["type"].as_str(), schema["pattern"].as_str()) {
        (Some("boolean"), _) => any::<bool>().prop_map(Value::from).boxed(),
        (Some("integer"), _) => {
            let bound = |name: &str| schema[name].as_u64().unwrap();
            (bound("minimum")..=bound("maximum").min(1 << 40)).prop_map(Value::from).boxed()
        }
        (Some("string"), Some(pattern)) if pattern.contains("ms") => {
            (0u32..10_000, select(&["ms", "s", "m", "h", "d"][..]))
                .prop_map(|(number, unit)| json!(format!("{number}{unit}")))
                .boxed()
        }
        (Some("string"), Some(_)) => "[a-z]{1,8}".prop_map(Value::from).boxed(),
        (Some("string"), None) => "[ -~äß€]{1,12}".prop_map(Value::from).boxed(),
        (Some("array"), _) => {
            prop::collection::vec(of_schema(&schema["items"]), 1..3).prop_map(Value::from).boxed()
        }
        (Some("object"), _) => of_object(schema),
        _ => select(vec![json!(1), json!("text"), json!([true, "a"]), json!({"a": 2.5})]).boxed(),
    }
}

fn of_object(schema: &Value) -> BoxedStrategy<Value> {
    let Some(properties) = schema["properties"].as_object() else {
        let name = match schema["propertyNames"]["pattern"].as_str() {
            Some("^[A-Z]+ /") => "(GET|POST) /[a-z]{1,6}",
            Some("^/[^/]+/[^/]+$") => "/[a-z.]{1,6}/[A-Z]{1,6}",
            _ => "[a-z]{1,6}",
        };
        let item = of_schema(&schema["additionalProperties"]);
        return prop::collection::btree_map(name, item, 0..3).prop_map(|all| json!(all)).boxed();
    };
    let names = |list: &Value| -> Vec<String> {
        let required = list.as_array().into_iter().flatten().filter_map(|one| one["required"][0].as_str());
        required.map(str::to_owned).collect()
    };
    let rules: Vec<&Value> = schema["allOf"].as_array().into_iter().flatten().collect();
    // One of each of these, and whether there must be one.
    let choices: Vec<(Vec<String>, bool)> = rules
        .iter()
        .filter(|rule| rule["oneOf"].is_array())
        .map(|rule| {
            (names(&rule["oneOf"]), rule["oneOf"].as_array().unwrap().iter().all(|one| one["not"].is_null()))
        })
        .collect();
    let needed = rules.iter().flat_map(|rule| names(&rule["then"]["anyOf"]));
    // The first of two of which one must be there.
    let needed = needed.chain(rules.iter().flat_map(|rule| names(&rule["anyOf"]).into_iter().take(1)));
    let mut always: Vec<String> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    always.extend(needed);
    always.extend(choices.iter().filter(|(_, must)| *must).flat_map(|(names, _)| names.clone()));
    let entries: Vec<_> = properties
        .iter()
        .map(|(name, property)| {
            let value = of_schema(property);
            let value = match always.contains(name) {
                true => value.prop_map(Some).boxed(),
                false => prop::option::weighted(0.3, value).boxed(),
            };
            (Just(name.clone()), value)
        })
        .collect();
    (entries, any::<usize>())
        .prop_map(move |(entries, choice)| {
            let there = entries.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let mut object: serde_json::Map<String, Value> = there.collect();
            for (names, _) in &choices {
                let present: Vec<_> =
                    names.iter().filter(|name| object.contains_key(*name)).cloned().collect();
                let kept = present.get(choice % present.len().max(1)).cloned();
                object.retain(|name, _| !present.contains(name) || Some(name) == kept.as_ref());
            }
            Value::Object(object)
        })
        .boxed()
}

/// What a requirement must look like is more than the schema says.
fn with_requirements(config: &mut Value) {
    let texts = ["scope(a)", "role(a) or acr(gold)", "any_token"];
    if let Some(says) = config.get_mut("requirements").and_then(Value::as_object_mut) {
        for (name, value) in says {
            match name.as_str() {
                "always" | "otherwise" => *value = json!(texts[0]),
                "routes" | "grpc" => {
                    for (n, (_, value)) in value.as_object_mut().unwrap().iter_mut().enumerate() {
                        *value = json!(texts[n % 3]);
                    }
                }
                _ => {}
            }
        }
    }
}

fn from_json(text: &str) -> Result<ServerConfig, String> {
    let settings: Settings = serde_json::from_str(text).map_err(|error| error.to_string())?;
    settings.resolve().map_err(|error| error.to_string())
}

/// How a server behaves, as far as it says.
fn described(config: &ServerConfig) -> String {
    match config.build() {
        Ok(configured) => format!(
            "{:?} {:?} {:?} {:?}",
            configured.server(),
            configured.server().health(),
            configured.requirements(),
            configured.layer()
        ),
        Err(error) => error.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_loads_is_written_as_what_loads_to_the_same(config in of_schema(&json_schema())) {
        let mut config = config;
        with_requirements(&mut config);
        loads_to_the_same(&config)?;
    }

    /// Most of these build, so that the servers are compared, too.
    #[test]
    fn a_part_of_the_sample_is_written_as_what_loads_to_the_same_server(config in part_of(&sample())) {
        loads_to_the_same(&config)?;
    }
}

fn loads_to_the_same(config: &Value) -> Result<(), TestCaseError> {
    let Ok(loaded) = from_json(&config.to_string()) else {
        return Ok(()); // A rule between its keys does not hold.
    };
    let written = serde_json::to_string(&loaded).unwrap();
    if written.contains("\"(secret)\"") {
        prop_assert!(from_json(&written).unwrap_err().contains("placeholder of a secret"));
        return Ok(());
    }
    let again = from_json(&written).unwrap();
    prop_assert!(again == loaded, "{} and {}", written, serde_json::to_string(&again).unwrap());
    prop_assert_eq!(described(&again), described(&loaded));
    // The formats agree.
    let in_toml = toml::to_string(&loaded).unwrap();
    let from_toml = toml::from_str::<Settings>(&in_toml).unwrap().resolve().unwrap();
    prop_assert!(from_toml == loaded, "{}", in_toml);
    Ok(())
}

/// The sample, which builds.
fn sample() -> Value {
    serde_json::to_value(load(crate::sample::SAMPLE).unwrap()).unwrap()
}

/// A configuration with some of its members left out, and some items of its lists, but for what nothing is without.
fn part_of(value: &Value) -> BoxedStrategy<Value> {
    let part = |value: &Value| prop::option::weighted(0.8, part_of(value));
    let whole = |value: &Value| Just(Some(value.clone())).boxed();
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let part = match name.as_str() {
                    "resource" | "issuer" | "profile" | "preset" | "status" | "where" => whole(value),
                    "issuers" => part_of(value).prop_map(Some).boxed(),
                    _ => part(value).boxed(),
                };
                (Just(name.clone()), part)
            };
            let members: Vec<_> = members.iter().map(member).collect();
            let there = |(name, value): (String, Option<Value>)| Some((name, value?));
            members.prop_map(move |all| Value::Object(all.into_iter().filter_map(there).collect())).boxed()
        }
        Value::Array(items) => {
            let item = |(n, item): (usize, &Value)| match item.get("issuer") {
                Some(_) => part_of(item).prop_map(Some).boxed(),
                None if n == 0 => whole(item),
                None => prop::option::of(Just(item.clone())).boxed(),
            };
            let items: Vec<_> = items.iter().enumerate().map(item).collect();
            items.prop_map(|all| Value::Array(all.into_iter().flatten().collect())).boxed()
        }
        scalar => Just(scalar.clone()).boxed(),
    }
}

/// The share of made-up configurations that load is large enough for the property to mean something.
#[test]
fn many_of_the_configurations_load_or_build() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};

    let mut runner = TestRunner::deterministic();
    let strategy = of_schema(&json_schema());
    let loads = (0..200).filter(|_| {
        let mut config = strategy.new_tree(&mut runner).unwrap().current();
        with_requirements(&mut config);
        from_json(&config.to_string()).is_ok()
    });
    let count = loads.count();
    assert!(count >= 20, "{count} of 200");
    let strategy = part_of(&sample());
    let builds = (0..200).filter(|_| {
        let config = strategy.new_tree(&mut runner).unwrap().current();
        from_json(&config.to_string()).is_ok_and(|config| config.build().is_ok())
    });
    let count = builds.count();
    assert!(count >= 40, "{count} of 200");
}

#[test]
fn the_same_from_either_format() {
    let toml = load(&file("audiences = [\"a\"]\nleeway = \"5s\"", ISSUER)).unwrap();
    let json = json!({
        "leeway": "5s",
        "resource": "https://api.test",
        "issuers": [{"issuer": "https://issuer.test", "profile": "rfc9068"}],
        "audiences": ["a"],
    });
    assert!(toml == from_json(&json.to_string()).unwrap());
    assert!(toml == serde_json::from_value::<ServerConfig>(json).unwrap());
}

#[test]
fn wrong_json_is_told_like_wrong_toml() {
    let good = r#""issuers": [{"issuer": "https://issuer.test", "profile": "jwt"}]"#;
    for (name, json, expected) in [
        ("null", format!(r#"{{"resource": null, {good}}}"#), "resource: null is not a text"),
        (
            "twice",
            format!(r#"{{"resource": "a", "resource": "b", {good}}}"#),
            "resource: it is there twice; leave one out",
        ),
        (
            "twice, deeper",
            format!(r#"{{"resource": "a", "cache": {{"digests": true, "digests": false}}, {good}}}"#),
            "cache.digests: it is there twice; leave one out",
        ),
        (
            "two routes",
            format!(
                r#"{{"resource": "a", "requirements": {{"routes": {{"GET /a": "any_token", "GET /a": "never"}}}}, {good}}}"#
            ),
            "requirements.routes[\"GET /a\"]: it is there twice; leave one out",
        ),
        ("a list", "[]".to_owned(), "the configuration: a list is not a table"),
        (
            "a large number",
            format!(r#"{{"resource": "a", "limits": {{"nesting": 99999999999}}, {good}}}"#),
            "limits.nesting: 99999999999 is not a whole number from 0 to 4294967295",
        ),
        (
            "nothing",
            "{}".to_owned(),
            "resource: it is missing; write the resource identifier of this API (RFC 8707), its default audience; issuers: it is missing; write the issuers whose tokens are accepted, one table each",
        ),
    ] {
        assert_eq!(from_json(&json).unwrap_err(), expected, "{name}");
        // The same, where serde reads the configuration at once.
        let error = serde_json::from_str::<ServerConfig>(&json).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{name}: {error}");
    }
}

const SECRET: &str = "hunter2 and what no one would guess: 2b7e1516";

/// A secret at every place that one can be: bound tokens and tickets are of two servers.
#[tokio::test]
async fn secrets_are_in_nothing_that_is_shown() {
    let folder = Folder::new("secrets");
    let secret_file = folder.file("secret", SECRET);
    let store = if cfg!(feature = "redis") { "store.url = \"redis://user:hunter2@127.0.0.1:1\"" } else { "" };
    let bound = format!(
        "nonces.secret = \"{SECRET}\"\n\
         dpop = {{ mode = \"allowed\", nonces = {{ secret = \"{SECRET}\", previous_secret = \"{SECRET}\" }} }}\n\
         http = {{ proxy = \"http://user:hunter2@proxy.test:3128\" }}"
    );
    let with_tickets = format!(
        "token_locations = [{{ authorization = true }}, {{ ticket = \"ticket\" }}]\ntickets.secret = \"{SECRET}\"\n\
         api_keys.keys = [{{ name = \"one\", subject = \"billing\", secret = \"hunter2_3q2-7wAAKjX0iE9s1vBQmZpT\" }}]\n\
         {store}"
    );
    let issuer = format!(
        "{ISSUER}\ntokens.algorithms = [\"HS256\", \"ES256\"]\n\
         also_keys = [{{ algorithm = \"HS256\", secret = \"{SECRET}\" }}, {{ algorithm = \"HS256\", secret_file = {secret_file:?} }}]"
    );
    let of_bound: &[&str] = &["/nonces/secret", "/dpop/nonces/secret", "/dpop/nonces/previous_secret"];
    for (root, places) in [(bound, of_bound), (with_tickets, &["/tickets/secret", "/api_keys/keys/0/secret"])]
    {
        shows_no_secret(&root, &issuer, places);
    }
    assert!(!json_schema().to_string().contains("\"default\":"));
}

/// Nothing that is made of this configuration shows a secret; in JSON there is something else at these places.
fn shows_no_secret(root: &str, issuer: &str, places: &[&str]) {
    let toml = file(root, issuer);
    let settings: Settings = toml::from_str(&toml).unwrap();
    let config = load(&toml).unwrap();
    let configured = config.build().unwrap();
    let json = serde_json::to_value(&config).unwrap();
    let log = Log::default();
    let logging = tracing::subscriber::set_default(log.clone());
    let api = ReloadableServer::new(&config).unwrap();
    let bad = load(&file(&format!("{root}\nlimits.keys_tried = 0"), issuer)).unwrap();
    let error = api.reload(&bad).unwrap_err();
    api.reload(&config).unwrap();
    drop(logging);
    assert!(log.text().contains("the old one stays in force"), "{}", log.text());
    for (name, shown) in [
        ("settings", format!("{settings:?}")),
        ("a configuration", format!("{config:?}")),
        ("a configuration, over lines", format!("{config:#?}")),
        ("JSON", json.to_string()),
        ("TOML", toml::to_string(&config).unwrap()),
        ("a server", format!("{configured:?}")),
        ("a server that reloads", format!("{api:?}")),
        ("the error of a reload", format!("{error} {error:?}")),
        ("the log", log.text()),
        ("the schema", json_schema().to_string()),
    ] {
        assert!(!shown.contains("hunter2"), "{name}: {shown}");
    }
    for place in places {
        assert_eq!(json.pointer(place), Some(&json!("(secret)")), "{place}");
    }
}

/// Whatever is wrong with a secret, or beside it, it is not in the error.
#[test]
fn secrets_are_in_no_error() {
    for (name, root, of_issuer) in [
        ("a number of a secret", "nonces.secret = [\"hunter2\"]", ISSUER),
        ("a short one", "nonces.secret = \"hunter2\"", ISSUER),
        ("a typo in its name", "nonces.secrte = \"hunter2\"", ISSUER),
        ("at an unknown key", "password = \"hunter2\"", ISSUER),
        ("a proxy without a scheme", "http.proxy = \"user:hunter2@proxy.test\"", ISSUER),
        ("a proxy that is refused", "http.proxy = \"ftp://user:hunter2@proxy.test\"", ISSUER),
        (
            "in an address",
            "",
            "issuer = \"https://issuer.test\"\nprofile = \"jwt\"\njwks_uri = \"https://a:hunter2@issuer.test\"",
        ),
        ("in an issuer", "", "issuer = \"https://a:hunter2@issuer.test\"\nprofile = \"jwt\""),
        (
            "in an issuer whose port is none",
            "",
            "issuer = \"https://a:hunter2@issuer.test:99999\"\nprofile = \"jwt\"",
        ),
        ("in an issuer without a scheme", "", "issuer = \"a:hunter2@issuer.test\"\nprofile = \"jwt\""),
        (
            "in an issuer that is there twice",
            "",
            "issuer = \"https://a:hunter2@issuer.test\"\nprofile = \"jwt\"\njwks_uri = \"https://issuer.test\"\n[[issuers]]\nissuer = \"https://a:hunter2@issuer.test\"\nprofile = \"jwt\"",
        ),
        (
            "in tenants",
            "",
            "issuer = \"https://a:hunter2@issuer.test/{tenant}\"\nprofile = \"jwt\"\ntenants.allow = [\"a\"]",
        ),
        (
            "in an address whose port is none",
            "",
            "issuer = \"https://issuer.test\"\nprofile = \"jwt\"\njwks_uri = \"https://user:hunter2@issuer.test:99999/keys\"",
        ),
        (
            "in an address, with a slash",
            "",
            "issuer = \"https://issuer.test\"\nprofile = \"jwt\"\njwks_uri = \"https://user:hunter2/a@issuer.test/keys\"",
        ),
        (
            "in an address without a scheme",
            "",
            "issuer = \"https://issuer.test\"\nprofile = \"jwt\"\njwks_uri = \"user:hunter2@issuer.test/keys\"",
        ),
        (
            "in the address of single keys, whose port is none",
            "",
            "issuer = \"https://issuer.test\"\nprofile = \"jwt\"\npem_per_kid = { url = \"https://user:hunter2@issuer.test:99999/{kid}\", kid = \"uuid\" }",
        ),
        (
            "in the address of single keys, without a place for names",
            "",
            "issuer = \"https://issuer.test\"\nprofile = \"jwt\"\npem_per_kid = { url = \"https://user:hunter2@issuer.test:99999/\", kid = \"uuid\" }",
        ),
        (
            "in a bundle",
            "",
            "preset.spiffe = { trust_domain = \"shop.test\", bundle = \"https://user:hunter2@spire.test:99999/\" }",
        ),
        ("in the host of a preset", "", "preset.auth0.domain = \"user:hunter2@shop.eu.auth0.com\""),
        (
            "in a host of plain http",
            "",
            "issuer = \"http://k/shop\"\nprofile = \"jwt\"\ndangerous.plain_http_to = [\"http://u:hunter2@k\"]",
        ),
        (
            "in the file of keys",
            "",
            "issuer = \"https://issuer.test\"\nprofile = \"jwt\"\njwks_file = \"https://user:hunter2@issuer.test/keys\"",
        ),
        ("in the file of a secret", "nonces.secret_file = \"https://user:hunter2@vault.test/s\"", ISSUER),
        ("in the public address", "public_address.url = \"https://ops:hunter2@api.test\"", ISSUER),
        (
            "in a proxy that is trusted",
            "public_address.trusted_proxies = [\"http://ops:hunter2@10.0.0.1\"]",
            ISSUER,
        ),
        (
            "in an origin",
            "token_locations = [{ cookie = \"s\" }]\ntrusted_origins = [\"https://ops:hunter2@app.test\"]",
            ISSUER,
        ),
        (
            "in an address of the metadata",
            "metadata.resource_documentation = \"//ops:hunter2@api.test\"",
            ISSUER,
        ),
        ("in the keys of the metadata", "metadata.jwks_uri = \"http://ops:hunter2@api.test\"", ISSUER),
        ("in an address that is at the wrong place", "leeway = \"https://ops:hunter2@api.test\"", ISSUER),
        (
            "in a long address at the wrong place",
            "leeway = \"https://ops:hunter2-and-so-on-until-it-is-longer-than-what-is-shown@api.test\"",
            ISSUER,
        ),
        (
            "in a resource with signed proofs, which is no URL",
            "dpop.mode = \"allowed\"\npublic_address.url = \"https://ops:hunter2@api.test:99999\"",
            ISSUER,
        ),
        (
            "a key",
            "",
            "issuer = \"https://issuer.test\"\nprofile = \"jwt\"\nkeys = [{ algorithm = \"HS256\", secret = \"hunter2\" }]",
        ),
        (
            "a key of another kind",
            "",
            "issuer = \"https://issuer.test\"\nprofile = \"jwt\"\nkeys = [{ algorithm = \"RS256\", secret = \"hunter2\" }]",
        ),
        (
            "a private key",
            "",
            "issuer = \"https://issuer.test\"\nprofile = \"jwt\"\nkeys = [{ algorithm = \"RS256\", pem = \"-----BEGIN PRIVATE KEY-----hunter2-----END PRIVATE KEY-----\" }]",
        ),
        (
            "a private key at the wrong place",
            "leeway = \"-----BEGIN PRIVATE KEY-----hunter2-----END PRIVATE KEY-----\"",
            ISSUER,
        ),
        ("two secrets", "nonces = { secret = \"hunter2\", secret_file = \"/run/nonces\" }", ISSUER),
    ] {
        let built = load(&file(root, of_issuer)).and_then(|config| config.build());
        let error = built.err().unwrap_or_else(|| panic!("{name}: it is built"));
        for shown in [error.to_string(), format!("{error:?}"), texts(&error).join(" ")] {
            assert!(!shown.contains("hunter2"), "{name}: {shown}");
        }
    }
    if cfg!(feature = "redis") {
        for url in ["redis://ops:hunter2@[store", "redis:/ops:hunter2@store", "https://ops:hunter2@store"] {
            let error = load(&file(&format!("store.url = {url:?}"), ISSUER)).unwrap().build().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
    let variables =
        [("API_NONCES_SECRET", "hunter2"), ("API_NONCES_SECRETS", "hunter2"), ("API_RESOURCE", "a")];
    let error = ServerConfig::from_env("API", variables).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
