//! CI jobs, pods and workloads.

use serde_json::json;
use tower_resource_server::{
    ResourceServer, TrustedIssuer,
    keys::{Algorithm, KeySet},
    policy::claim,
    preset::{github_actions, gitlab_ci, kubernetes, spiffe},
    profile::TokenProfile,
};

use crate::{
    NOW,
    tables::{Table, unchanged},
};

const AUDIENCE: &str = "https://deploy.example";

fn table(
    issuer: &'static str,
    profile: TokenProfile,
    algorithm: Algorithm,
    claims: serde_json::Value,
) -> Table {
    let header = json!({"alg": algorithm.name(), "kid": "kid-1", "typ": "JWT"});
    Table { issuer, audience: AUDIENCE, profile, algorithm, header, claims, set: unchanged }
}

#[tokio::test]
async fn a_workflow_run_of_github() {
    let rules = [claim("repository_id").one_of(["74", "75"])];
    let run = table(
        github_actions::ISSUER,
        github_actions::token(rules),
        Algorithm::RS256,
        json!({
            "jti": "example-id", "sub": "repo:octo-org@123456/octo-repo@74:environment:prod", "environment": "prod",
            "aud": AUDIENCE, "ref": "refs/heads/main", "sha": "example-sha", "repository": "octo-org/octo-repo",
            "repository_owner": "octo-org", "actor_id": "12", "repository_visibility": "private", "repository_id": "74",
            "repository_owner_id": "65", "run_id": "example-run-id", "run_number": "10", "run_attempt": "2",
            "runner_environment": "github-hosted", "actor": "octocat", "workflow": "example-workflow",
            "event_name": "workflow_dispatch", "ref_type": "branch",
            "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
            "iss": github_actions::ISSUER, "nbf": NOW, "exp": NOW + 900, "iat": NOW
        }),
    );
    run.check_claims(&[
        ("the other repository", json!({"repository_id": "75"}), None),
        ("another repository", json!({"repository_id": "76"}), Some("invalid_claim")),
        ("another with the old name", json!({"repository_id": "7400"}), Some("invalid_claim")),
        ("the id as a number", json!({"repository_id": 74}), Some("invalid_claim")),
        ("no id", json!({"repository_id": null}), Some("missing_claim")),
        ("the default audience", json!({"aud": "https://github.com/octo-org"}), Some("wrong_audience")),
        ("no identifier", json!({"jti": null}), Some("missing_claim")),
        ("not yet", json!({"nbf": NOW + 61}), Some("not_yet_valid")),
        ("no subject", json!({"sub": null}), Some("missing_claim")),
    ])
    .await;
    // Once.
    let (server, token) = (run.server(), run.sign(&run.header, &run.claims));
    assert!(server.verify_access_token(&token).await.is_ok());
    let again = server.verify_access_token(&token).await.map_err(|refused| refused.reason().code());
    assert_eq!(again.err(), Some("already_used"));
    let reusable = github_actions::reusable_token([claim("repository_owner_id").equals("65")]);
    let server = Table { profile: reusable, ..run }.server();
    for _ in 0..2 {
        assert!(server.verify_access_token(&token).await.is_ok());
    }
}

#[tokio::test]
async fn a_job_of_gitlab() {
    let rules = [claim("project_id").equals("46573356"), claim("ref_protected").is_true_or_text()];
    let job = table(
        "https://gitlab.com",
        gitlab_ci::token(rules),
        Algorithm::RS256,
        json!({
            "namespace_id": "68413579", "namespace_path": "org", "project_id": "46573356", "project_path": "org/repo",
            "user_id": "184239", "user_login": "user", "pipeline_id": "1519139981", "pipeline_source": "push",
            "job_id": "8222997048", "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main",
            "ref_protected": "true", "runner_id": 12_270_835, "runner_environment": "gitlab-hosted",
            "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b", "iss": "https://gitlab.com", "iat": NOW, "nbf": NOW - 5,
            "exp": NOW + 300, "sub": "project_path:org/repo:ref_type:branch:ref:main", "aud": AUDIENCE
        }),
    );
    job.check_claims(&[
        ("another project", json!({"project_id": "1"}), Some("invalid_claim")),
        ("the id as a number", json!({"project_id": 46_573_356}), Some("invalid_claim")),
        ("no project", json!({"project_id": null}), Some("missing_claim")),
        ("a branch that is not protected", json!({"ref_protected": "false"}), Some("invalid_claim")),
        ("a boolean, should it become one", json!({"ref_protected": true}), None),
        ("another audience", json!({"aud": "https://gitlab.com"}), Some("wrong_audience")),
        ("no identifier", json!({"jti": null}), Some("missing_claim")),
        ("another instance", json!({"iss": "https://gitlab.example"}), Some("untrusted_issuer")),
    ])
    .await;
}

#[tokio::test]
async fn a_service_account_of_kubernetes() {
    let issuer = "https://kubernetes.default.svc.cluster.local";
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let account = table(
            issuer,
            kubernetes::token([kubernetes::subject_of([("shop", "web"), ("shop", "worker")])]),
            algorithm,
            json!({
                "aud": [AUDIENCE], "exp": NOW + 3600, "iat": NOW, "nbf": NOW, "iss": issuer,
                "jti": "e51f1fbc-4733-4b85-a59f-ba80c0523874", "sub": "system:serviceaccount:shop:web",
                "kubernetes.io": {
                    "namespace": "shop", "node": {"name": "worker", "uid": "517eb86e"},
                    "pod": {"name": "shell", "uid": "0d8b260e"}, "serviceaccount": {"name": "web", "uid": "e6a8680e"}
                }
            }),
        );
        account
            .check_claims(&[
                ("the other account", json!({"sub": "system:serviceaccount:shop:worker"}), None),
                (
                    "another account",
                    json!({"sub": "system:serviceaccount:shop:default"}),
                    Some("invalid_claim"),
                ),
                (
                    "another namespace",
                    json!({"sub": "system:serviceaccount:evil:web"}),
                    Some("invalid_claim"),
                ),
                ("no account", json!({"sub": null}), Some("missing_claim")),
                ("for the API server", json!({"aud": [issuer]}), Some("wrong_audience")),
                ("of an old Secret", json!({"aud": null, "exp": null}), Some("missing_claim")),
                ("another cluster", json!({"iss": "kubernetes/serviceaccount"}), Some("untrusted_issuer")),
            ])
            .await;
        let by_uid = kubernetes::token([claim("/kubernetes.io/serviceaccount/uid").equals("e6a8680e")]);
        let by_uid = Table { profile: by_uid, ..account };
        let made_again = json!({"kubernetes.io": {"serviceaccount": {"name": "web", "uid": "00000000"}}});
        assert_eq!(by_uid.verify(&json!({}), &made_again).await.err(), Some("invalid_claim"));
        assert!(by_uid.verify(&json!({}), &json!({})).await.is_ok());
    }
}

#[tokio::test]
async fn a_workload_of_a_trust_domain() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384] {
        let svid = table(
            "spiffe://shop.example",
            spiffe::jwt_svid(),
            algorithm,
            json!({"sub": "spiffe://shop.example/ns/shop/sa/web", "aud": [AUDIENCE], "exp": NOW + 300, "iat": NOW}),
        );
        assert_eq!(svid.good().await.subject(), "spiffe://shop.example/ns/shop/sa/web");
        let none = || json!({});
        svid.check(&[
            (
                "another trust domain",
                none(),
                json!({"sub": "spiffe://evil.example/web"}),
                Some("missing_claim"),
            ),
            ("a longer one", none(), json!({"sub": "spiffe://shop.example.evil/web"}), Some("missing_claim")),
            ("no workload", none(), json!({"sub": "spiffe://shop.example"}), Some("missing_claim")),
            ("no subject", none(), json!({"sub": null}), Some("missing_claim")),
            ("another audience", none(), json!({"aud": ["other"]}), Some("wrong_audience")),
            ("no audience", none(), json!({"aud": null}), Some("missing_claim")),
            ("expired", none(), json!({"exp": NOW - 60}), Some("expired")),
            ("no expiry", none(), json!({"exp": null}), Some("missing_claim")),
            ("no key", json!({"kid": null}), none(), Some("unknown_key")),
            ("JOSE", json!({"typ": "JOSE"}), none(), None),
            ("an access token", json!({"typ": "at+jwt"}), none(), Some("wrong_type")),
            ("an issuer, which means nothing", none(), json!({"iss": "https://spire.example"}), None),
        ])
        .await;
    }
}

#[test]
fn a_bundle_has_keys_for_other_things_beside() {
    let key = |name: &str, key_use: &str| {
        let n = if name == "a" {
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        } else {
            "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"
        };
        json!({"kty": "OKP", "crv": "Ed25519", "kid": name, "x": n, "use": key_use})
    };
    let bundle =
        json!({"spiffe_sequence": 1, "keys": [key("a", "jwt-svid"), key("b", "x509-svid"), key("b", "sig")]});
    let keys = KeySet::from_jwks_for(bundle.to_string().as_bytes(), "jwt-svid").unwrap();
    assert_eq!((keys.len(), keys.skipped().len(), keys.iter().next().unwrap().kid()), (1, 2, Some("a")));
    assert_eq!(
        KeySet::from_jwks(bundle.to_string().as_bytes()).unwrap().iter().next().unwrap().kid(),
        Some("b")
    );
}

#[test]
fn a_policy_of_mutable_claims_alone_is_refused() {
    let built = |profile: TokenProfile| {
        let keys = Table {
            profile: profile.clone(),
            ..table("https://ci.example", profile.clone(), Algorithm::ES256, json!({}))
        };
        let key = crate::tables::key(keys.algorithm);
        let jwks = json!({"keys": [key.public_jwk().unwrap()]});
        let keys = KeySet::from_jwks(jwks.to_string().as_bytes()).unwrap();
        let profile = profile.algorithms([Algorithm::ES256]);
        let issuer = TrustedIssuer::with_keys("https://ci.example", keys, profile);
        ResourceServer::builder(AUDIENCE).issuer(issuer).build().map(drop).map_err(|error| error.to_string())
    };
    let repository = claim("repository").equals("octo-org/octo-repo");
    let subject = claim("sub").equals("repo:octo-org/octo-repo:ref:refs/heads/main");
    for (name, profile, good) in [
        ("no rule", github_actions::token([]), false),
        ("names", github_actions::token([repository.clone(), subject.clone()]), false),
        (
            "the workflow",
            github_actions::token([claim("job_workflow_ref").equals("a/b/c.yml@refs/heads/main")]),
            false,
        ),
        ("any id", github_actions::token([claim("repository_id").non_empty_string()]), false),
        (
            "an id if there is one",
            github_actions::token([claim("repository_id").equals("1").if_present()]),
            false,
        ),
        ("names and an id", github_actions::token([repository, claim("repository_id").equals("1")]), true),
        ("the owner", github_actions::reusable_token([claim("repository_owner_id").equals("1")]), true),
        ("a path", gitlab_ci::token([claim("project_path").equals("org/repo")]), false),
        ("a namespace", gitlab_ci::token([claim("namespace_id").one_of(["1"])]), true),
        ("the name of a pod", kubernetes::token([claim("/kubernetes.io/pod/name").equals("a")]), false),
        (
            "a namespace of the cluster",
            kubernetes::token([claim("/kubernetes.io/namespace").equals("a")]),
            true,
        ),
    ] {
        let result = built(profile);
        assert_eq!(result.is_ok(), good, "{name}: {result:?}");
        if let Err(error) = result {
            assert!(error.contains("no rule names values of one of"), "{name}: {error}");
        }
    }
}

#[cfg(feature = "remote")]
#[test]
fn the_issuers() {
    for (issuer, expected) in [
        (github_actions::repositories(["1"]), "https://token.actions.githubusercontent.com"),
        (gitlab_ci::projects("https://gitlab.com", ["1"]), "https://gitlab.com"),
        (kubernetes::cluster("https://cluster.example", [("shop", "web")]), "https://cluster.example"),
        (spiffe::trust_domain("shop.example", "https://spire.example/bundle"), "spiffe://shop.example"),
    ] {
        assert_eq!(crate::issuer_name(issuer), expected);
    }
    let outside = kubernetes::in_cluster("https://kubernetes.default.svc.cluster.local", [("shop", "web")]);
    assert!(outside.is_err(), "there are no files of a service account here");
}
