//! Proxies that pass on an assertion of their own, each in a header field of its own.

use super::{
    super::schema::{
        Key,
        Kind::{List, Text},
        Object, key, needed,
    },
    preset, text,
};
use crate::{
    policy::claim,
    preset::{aws_alb, aws_verified_access, cloudflare_access, google_iap, pomerium, teleport},
};

pub(super) const AWS_ALB: Key = preset(
    "aws_alb",
    &Object {
        what: "load balancers of AWS",
        keys: &[
            needed("region", Text, "The region, as in eu-central-1"),
            needed("issuer", Text, "The identity provider that the load balancers are set to"),
            needed("load_balancers", List(&Text), "The ARNs of the load balancers"),
            needed("clients", List(&Text), "The clients at the identity provider"),
        ],
        rules: &[],
    },
    |table| {
        let (region, issuer) = (text(table, "region"), text(table, "issuer"));
        aws_alb::region(region, issuer, table.texts_of("load_balancers"), table.texts_of("clients"))
    },
    "Application Load Balancers of AWS, for token_locations = [{ header = \"x-amzn-oidc-data\" }]",
);

pub(super) const AWS_VERIFIED_ACCESS: Key = preset(
    "aws_verified_access",
    &Object {
        what: "instances of AWS Verified Access",
        keys: &[
            needed("region", Text, "The region, as in eu-central-1"),
            needed("issuer", Text, "The issuer that the trust provider is set to"),
            needed("instances", List(&Text), "The ARNs of the instances"),
        ],
        rules: &[],
    },
    |table| {
        aws_verified_access::region(text(table, "region"), text(table, "issuer"), table.texts_of("instances"))
    },
    "Instances of AWS Verified Access, for token_locations = [{ header = \"x-amzn-ava-user-context\" }]",
);

pub(super) const CLOUDFLARE_ACCESS: Key = preset(
    "cloudflare_access",
    &Object {
        what: "a team of Cloudflare Access",
        keys: &[
            needed("team", Text, "The team, shop of shop.cloudflareaccess.com"),
            needed("applications", List(&Text), "The tags (AUD) of the applications"),
            key(
                "service_tokens",
                List(&Text),
                "The client IDs of service tokens that are accepted beside users",
            ),
        ],
        rules: &[],
    },
    |table| {
        let tags = table.texts_of("applications");
        let issuer = cloudflare_access::team(text(table, "team"), tags.clone());
        match table.get("service_tokens") {
            Some(clients) => issuer.access_tokens_where(
                [claim("sub").equals("")],
                cloudflare_access::service_token(tags, clients.texts()),
            ),
            None => issuer,
        }
    },
    "A team of Cloudflare Access, for token_locations = [{ header = \"cf-access-jwt-assertion\" }]",
);

pub(super) const GOOGLE_IAP: Key = preset(
    "google_iap",
    &Object {
        what: "a Google Identity-Aware Proxy",
        keys: &[needed(
            "audiences",
            List(&Text),
            "The backends, as in /projects/123456789012/global/backendServices/4242",
        )],
        rules: &[],
    },
    |table| google_iap::proxy(table.texts_of("audiences")),
    "Identity-Aware Proxy of Google Cloud, for token_locations = [{ header = \"x-goog-iap-jwt-assertion\" }]",
);

pub(super) const POMERIUM: Key = preset(
    "pomerium",
    &Object {
        what: "a route of Pomerium",
        keys: &[needed("host", Text, "The host of the route, as in orders.example")],
        rules: &[],
    },
    |table| pomerium::route(text(table, "host")),
    "A route of Pomerium, for token_locations = [{ header = \"x-pomerium-jwt-assertion\" }]",
);

pub(super) const TELEPORT: Key = preset(
    "teleport",
    &Object {
        what: "a cluster of Teleport",
        keys: &[
            needed("cluster", Text, "The name of the cluster"),
            needed("proxy", Text, "The host of the proxy service, with its port"),
            needed("applications", List(&Text), "The URIs of the applications"),
        ],
        rules: &[],
    },
    |table| teleport::cluster(text(table, "cluster"), text(table, "proxy"), table.texts_of("applications")),
    "A cluster of Teleport, for token_locations = [{ header = \"teleport-jwt-assertion\" }]",
);
