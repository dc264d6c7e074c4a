//! Issuers of the tokens of programs. Everyone can get a token of most of them, so each names whose are accepted.

use super::{
    super::{
        schema::{
            Key,
            Kind::{self, Bool, List, Text},
            Object, Rule, key, needed,
        },
        tree::Node,
    },
    preset, text,
};
use crate::{
    TrustedIssuer,
    policy::{Rule as TokenRule, claim},
    preset::{github_actions, gitlab_ci, google, kubernetes, spiffe},
};

pub(super) const GITHUB_ACTIONS: Key = preset(
    "github_actions",
    &Object {
        what: "workflow runs of GitHub Actions",
        keys: &[
            key("repositories", List(&Text), "The ids of the repositories, which are numbers in quotes"),
            key("owners", List(&Text), "The ids of the owners of repositories"),
            key("enterprises", List(&Text), "The ids of the enterprises"),
            key(
                "issuer",
                Text,
                "The issuer of another installation; https://token.actions.githubusercontent.com",
            ),
            key("reusable", Bool, "Whether a token counts more than once; false"),
        ],
        rules: &[Rule::One(&["repositories", "owners", "enterprises"])],
    },
    |table| {
        let ids = [
            ("repositories", "repository_id"),
            ("owners", "repository_owner_id"),
            ("enterprises", "enterprise_id"),
        ];
        let issuer = table.text_of("issuer").unwrap_or(github_actions::ISSUER);
        let profile = match is_reusable(table) {
            true => github_actions::reusable_token(pinned(table, ids)),
            false => github_actions::token(pinned(table, ids)),
        };
        TrustedIssuer::discover(issuer, profile)
    },
    "Workflow runs of GitHub Actions",
);

pub(super) const GITLAB_CI: Key = preset(
    "gitlab_ci",
    &Object {
        what: "jobs of GitLab CI/CD",
        keys: &[
            needed("instance", Text, "The address of the instance, as in https://gitlab.com"),
            key("projects", List(&Text), "The ids of the projects, which are numbers in quotes"),
            key("namespaces", List(&Text), "The ids of the groups or users that the projects are in"),
            key("reusable", Bool, "Whether a token counts more than once; false"),
        ],
        rules: &[Rule::One(&["projects", "namespaces"])],
    },
    |table| {
        let ids = [("projects", "project_id"), ("namespaces", "namespace_id")];
        let profile = match is_reusable(table) {
            true => gitlab_ci::reusable_token(pinned(table, ids)),
            false => gitlab_ci::token(pinned(table, ids)),
        };
        TrustedIssuer::discover(text(table, "instance"), profile)
    },
    "Jobs of GitLab CI/CD",
);

pub(super) const GOOGLE_SERVICE_ACCOUNTS: Key = preset(
    "google_service_accounts",
    &Object {
        what: "service accounts of Google",
        keys: &[needed("accounts", List(&Text), "The addresses of the accounts")],
        rules: &[],
    },
    |table| google::service_accounts(table.texts_of("accounts")),
    "Service accounts of Google Cloud",
);

const ACCOUNT: Object = Object {
    what: "a service account",
    keys: &[
        needed("namespace", Text, "The namespace of the account"),
        needed("name", Text, "The name of the account"),
    ],
    rules: &[],
};

pub(super) const KUBERNETES: Key = preset(
    "kubernetes",
    &Object {
        what: "a cluster of Kubernetes",
        keys: &[
            needed(
                "issuer",
                Text,
                "The issuer of the cluster, as in https://kubernetes.default.svc.cluster.local",
            ),
            needed("accounts", List(&Kind::Object(&ACCOUNT)), "The service accounts, one table each"),
            key(
                "jwks_uri",
                Text,
                "Where its keys are, as in https://kubernetes.default.svc/openid/v1/jwks; found by discovery unless said",
            ),
        ],
        rules: &[],
    },
    |table| {
        let account = |account| (text(account, "namespace"), text(account, "name"));
        let accounts = table.get("accounts").into_iter().flat_map(Node::items).map(account);
        let (issuer, profile) =
            (text(table, "issuer"), kubernetes::token([kubernetes::subject_of(accounts)]));
        match table.text_of("jwks_uri") {
            Some(uri) => TrustedIssuer::with_jwks_uri(issuer, uri, profile),
            None => TrustedIssuer::discover(issuer, profile),
        }
    },
    "Service accounts of a cluster of Kubernetes",
);

pub(super) const SPIFFE: Key = preset(
    "spiffe",
    &Object {
        what: "a trust domain of SPIFFE",
        keys: &[
            needed("trust_domain", Text, "The name of the trust domain, as in shop.example"),
            needed("bundle", Text, "The address of its bundle, under a certificate of the Web PKI"),
        ],
        rules: &[],
    },
    |table| spiffe::trust_domain(text(table, "trust_domain"), text(table, "bundle")),
    "The workloads of a trust domain of SPIFFE",
);

fn is_reusable(table: &Node) -> bool {
    table.get("reusable").is_some_and(Node::is_true)
}

/// For each of these arguments that is there, the rule that its claim is one of the ids.
fn pinned<'t, const N: usize>(
    table: &'t Node,
    arguments: [(&'t str, &'static str); N],
) -> impl Iterator<Item = TokenRule> + 't {
    let rule = |(argument, name)| Some(claim(name).one_of(table.get(argument)?.texts()));
    arguments.into_iter().filter_map(rule)
}
