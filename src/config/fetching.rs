//! How keys are fetched: the keys of an HTTP client, and the clients that are made of them.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    files::{self, Unread},
    problems::Found,
    schema::{
        Apply::Client,
        Kind::{self, Bool, Secret, Text},
        Object, Rule, Target as _, doing, key, needed,
    },
    tree::Node,
};
use crate::net::{HttpClient, ReqwestClient};

pub(super) static HTTP: Object = Object {
    what: "an HTTP client",
    keys: &[
        key("root_certificates_file", Text, "A PEM file of further authorities to trust"),
        doing(
            "platform_roots",
            Bool,
            Client(|client, node| client.platform_roots(node.is_true())),
            "Whether the authorities of the platform are trusted; true",
        ),
        key("proxy", Secret, "The URL of the proxy that keys are fetched through; it may hold a password"),
        key("proxy_file", Text, "A file with the URL of the proxy"),
        key(
            "bearer_token",
            Kind::Object(&BEARER_TOKEN),
            "A token to fetch keys with, read anew for each request",
        ),
    ],
    rules: &[Rule::AtMostOne(&["proxy", "proxy_file"])],
};

static BEARER_TOKEN: Object = Object {
    what: "a bearer token",
    keys: &[
        needed(
            "origin",
            Text,
            "The only origin that the token is sent to, as in https://kubernetes.default.svc",
        ),
        needed("file", Text, "The file that holds the token"),
    ],
    rules: &[],
};

/// The HTTP clients, one for each table that describes one. A reload hands them on, so that a source of keys
/// whose table did not change is the same.
#[derive(Clone, Default)]
pub(super) struct Clients {
    used: Vec<Known>,
    of_before: Vec<Known>,
}

#[derive(Clone)]
struct Known {
    table: Node,
    files: Files,
    client: Arc<dyn HttpClient>,
}

/// What the files hold that a table names.
#[derive(Clone, Default, PartialEq)]
struct Files {
    roots: Option<Zeroizing<Vec<u8>>>,
    proxy: Option<Zeroizing<Vec<u8>>>,
}

impl Clients {
    /// These, for the configuration that takes the place of theirs: those that it does not use are left out.
    pub(super) fn handed_on(&self) -> Self {
        Self { used: Vec::new(), of_before: self.used.clone() }
    }

    pub(super) fn of(&mut self, table: &Node, found: &mut Found<'_>) -> Option<Arc<dyn HttpClient>> {
        let files = Files::read(table, found)?;
        let is_it = |known: &&Known| known.table == *table && known.files == files;
        if let Some(known) = self.used.iter().find(is_it) {
            return Some(Arc::clone(&known.client));
        }
        let client = match self.of_before.iter().find(is_it) {
            Some(known) => Arc::clone(&known.client),
            None => Arc::new(client(table, &files, found)?),
        };
        self.used.push(Known { table: table.clone(), files, client: Arc::clone(&client) });
        Some(client)
    }
}

impl Clients {
    /// The client of everything that has no table of its own.
    pub(super) fn of_whole(&mut self, root: &Node, found: &mut Found<'_>) -> Option<Arc<dyn HttpClient>> {
        match root.get("http") {
            Some(http) => found.within_root("http", |found| self.of(http, found)),
            None => self.of(&Node::default(), found),
        }
    }
}

impl Files {
    /// `None` where it has been said which cannot be read.
    fn read(table: &Node, found: &mut Found<'_>) -> Option<Self> {
        let before = found.count();
        let mut keep =
            |read: Result<_, Unread>| read.map_err(|(name, why)| found.add(table, &name, "file", &why)).ok();
        let roots = table
            .text_of("root_certificates_file")
            .map(|path| keep(files::read(path).map_err(|why| ("root_certificates_file".to_owned(), why))));
        let proxy = files::secret(table, "proxy").map(&mut keep);
        let files = Self { roots: roots.flatten(), proxy: proxy.flatten() };
        (found.count() == before).then_some(files)
    }
}

fn client(table: &Node, files: &Files, found: &mut Found<'_>) -> Option<ReqwestClient> {
    let mut client = ReqwestClient::builder().applying(&HTTP, table);
    if let Some(pem) = &files.roots {
        client = client.root_certificates(&**pem);
    }
    if let Some(url) = &files.proxy {
        client = client.proxy(String::from_utf8_lossy(url).trim());
    }
    if let Some(token) = table.get("bearer_token")
        && let (Some(origin), Some(file)) = (token.text_of("origin"), token.text_of("file"))
    {
        client = client.bearer_token_file(origin, file);
    }
    let problems = match client.build() {
        Ok(client) => return Some(client),
        Err(error) => error,
    };
    for problem in problems.problems() {
        let (name, why) = problem.text().split_once(": ").unwrap_or(("", problem.text()));
        let name = match name {
            "root_certificates" => "root_certificates_file",
            "bearer_token_file" => "bearer_token",
            "proxy" if table.get("proxy").is_none() => "proxy_file",
            name => name,
        };
        let name = if table.get(name).is_some() { name } else { "platform_roots" };
        found.add(
            table,
            name,
            "http_client",
            &why.replace("root_certificates(..)", "root_certificates_file"),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::{config::Settings, net::loopback_tests::https_server};

    #[tokio::test]
    async fn a_file_says_with_which_authority_and_token_keys_are_fetched() {
        let (server, seen) = https_server().await;
        let folder =
            std::env::temp_dir().join(format!("tower-resource-server-fetching-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("ca.pem"), include_bytes!("../net/testdata/authority.pem")).unwrap();
        std::fs::write(folder.join("token"), "of-the-file").unwrap();
        let folder_name = folder.display();
        let http = format!(
            "root_certificates_file = \"{folder_name}/ca.pem\"\n\
             bearer_token = {{ origin = \"https://{server}\", file = \"{folder_name}/token\" }}"
        );
        let issuer = format!(
            "[[issuers]]\nissuer = \"https://issuer.test\"\nprofile = \"jwt\"\njwks_uri = \"https://{server}/keys\""
        );
        for (name, toml) in [
            ("of the server", format!("resource = \"https://api.test\"\n[http]\n{http}\n{issuer}")),
            ("of the issuer", format!("resource = \"https://api.test\"\n{issuer}\n[issuers.http]\n{http}")),
        ] {
            let config = toml::from_str::<Settings>(&toml).unwrap().resolve().unwrap();
            let configured = config.build().unwrap();
            assert!(configured.server().refresh_now().await.is_err(), "{name}: the server has no keys");
            let heads = seen.take();
            assert_eq!(heads.len(), 1, "{name}: {heads:?}");
            assert!(heads[0].starts_with("get /keys http/1.1\r\n"), "{name}: {heads:?}");
            assert!(heads[0].contains("\r\nauthorization: bearer of-the-file\r\n"), "{name}: {heads:?}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
