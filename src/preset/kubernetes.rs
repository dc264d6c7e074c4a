//! Kubernetes: the projected tokens of service accounts.
//!
//! | checked | |
//! |---|---|
//! | `iss` | the issuer of the cluster, `--service-account-issuer` |
//! | `aud` | this server, as the volume of the pod names it |
//! | `sub`, or `kubernetes.io` with its namespace or the uid of the account | **one of your values**: `build()` refuses a profile without |
//! | `exp`, `iat`, `nbf` | as in every token |
//! | algorithm | RS256 or ES256 |
//!
//! Quirks:
//!
//! - All who may create pods in some namespace of the cluster get tokens for any audience: so the audience alone admits the
//!   whole cluster.
//! - `sub` is `system:serviceaccount:{namespace}:{name}`: an account that is deleted and made again has the same.
//!   `/kubernetes.io/serviceaccount/uid` has another.
//! - The tokens of old Secrets have no `exp` and no `aud`: they are refused.
//! - A token of a pod that was deleted is good until it ends. The API server's TokenReview would say so; nothing here asks it.
//! - The API server serves its keys to those alone that it knows, under a certificate of its own: [`in_cluster`]. Managed
//!   clusters publish theirs, and are found by discovery: [`cluster`].
//!
//! **Not checked**: whether the pod, the node or the account is still there.
//!
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/>.

use crate::{
    keys::Algorithm,
    policy::{Rule, claim},
    profile::TokenProfile,
};

/// The claims of which one must be pinned.
const PINNED: [&str; 3] = ["sub", "/kubernetes.io/namespace", "/kubernetes.io/serviceaccount/uid"];

/// The projected tokens of service accounts for which these rules hold.
pub fn token(rules: impl IntoIterator<Item = Rule>) -> TokenProfile {
    super::workload_token(rules, PINNED).algorithms([Algorithm::RS256, Algorithm::ES256])
}

/// The service accounts of a cluster that publishes its keys, each as namespace and name.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_resource_server::{ResourceServer, preset::kubernetes};
///
/// let issuer = "https://oidc.eks.eu-central-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";
/// let api = ResourceServer::builder("https://orders.example")
///     .issuer(kubernetes::cluster(issuer, [("shop", "web"), ("shop", "worker")]))
///     .build()?;
/// # let _ = api;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn cluster<'a>(
    issuer: &str,
    accounts: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> crate::TrustedIssuer {
    crate::TrustedIssuer::discover(issuer, token([subject_of(accounts)]))
}

/// The same for the cluster that this process runs in: its keys are fetched from the API server, with the certificate and
/// the token that every pod is given. `issuer` is `https://kubernetes.default.svc.cluster.local` unless the cluster is
/// set otherwise.
///
/// # Errors
/// The files of the service account cannot be read, or the HTTP client cannot be made.
#[cfg(feature = "remote")]
#[cfg_attr(docsrs, doc(cfg(feature = "remote")))]
pub fn in_cluster<'a>(
    issuer: &str,
    accounts: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> std::io::Result<crate::TrustedIssuer> {
    in_pod(
        "/var/run/secrets/kubernetes.io/serviceaccount",
        "https://kubernetes.default.svc",
        issuer,
        accounts,
    )
}

/// The same, with the files of the service account in `directory`, and the API server at an origin.
#[cfg(feature = "remote")]
fn in_pod<'a>(
    directory: &str,
    server: &str,
    issuer: &str,
    accounts: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> std::io::Result<crate::TrustedIssuer> {
    let client = crate::net::ReqwestClient::builder()
        .root_certificates(std::fs::read(format!("{directory}/ca.crt"))?)
        .bearer_token_file(server, format!("{directory}/token"))
        .build()
        .map_err(std::io::Error::other)?;
    let profile = token([subject_of(accounts)]);
    let keys = format!("{server}/openid/v1/jwks");
    Ok(crate::TrustedIssuer::with_jwks_uri(issuer, keys, profile).http_client(client))
}

/// The rule that `sub` is one of these accounts, each as namespace and name.
pub fn subject_of<'a>(accounts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Rule {
    let subject = |(namespace, name): (&str, &str)| format!("system:serviceaccount:{namespace}:{name}");
    claim("sub").one_of(accounts.into_iter().map(subject))
}

#[cfg(all(test, feature = "remote"))]
mod tests {
    use super::*;
    use crate::{ResourceServer, net::loopback_tests::https_server};

    #[tokio::test]
    async fn a_pod_fetches_the_keys_with_the_certificate_and_the_token_that_it_has() {
        let (server, seen) = https_server().await;
        let folder = std::env::temp_dir().join(format!("tower-resource-server-pod-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("ca.crt"), include_bytes!("../net/testdata/authority.pem")).unwrap();
        std::fs::write(folder.join("token"), "of-the-pod\n").unwrap();
        let directory = folder.to_str().unwrap();
        let issuer =
            in_pod(directory, &format!("https://{server}"), "https://cluster.test", [("shop", "web")]);
        let api = ResourceServer::builder("https://orders.test").issuer(issuer.unwrap()).build().unwrap();
        assert!(api.refresh_now().await.is_err(), "the server has no keys");
        std::fs::remove_file(folder.join("ca.crt")).unwrap();
        assert!(in_pod(directory, "https://localhost", "https://cluster.test", [("shop", "web")]).is_err());
        std::fs::remove_dir_all(&folder).unwrap();

        let heads = seen.take();
        assert_eq!(heads.len(), 1, "{heads:?}");
        assert!(heads[0].starts_with("get /openid/v1/jwks http/1.1\r\n"), "{heads:?}");
        assert!(heads[0].contains("\r\nauthorization: bearer of-the-pod\r\n"), "{heads:?}");
    }
}
