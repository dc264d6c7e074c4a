//! The keys of tokens that are bound to a certificate of their sender (mutual TLS, RFC 8705).

use super::{
    schema::{Kind::Word, Object, key, needed},
    tree::Node,
};
use crate::{Mtls, http::CertificateHeader};

/// The names of the headers.
static HEADERS: [&str; CertificateHeader::ALL.len()] = {
    let [rfc9440, nginx, envoy, alb, alb_leaf] = CertificateHeader::ALL;
    [rfc9440.name(), nginx.name(), envoy.name(), alb.name(), alb_leaf.name()]
};

pub(super) static MTLS: Object = Object {
    what: "tokens with a certificate",
    keys: &[
        needed(
            "mode",
            Word(&["allowed", "required"]),
            "Whether tokens that are bound to a certificate are taken beside others (allowed), or alone (required)",
        ),
        key(
            "header",
            Word(&HEADERS),
            "The header in which the proxies of public_address.trusted_proxies tell the certificate; that of the connection counts unless said",
        ),
    ],
    rules: &[],
};

/// What a table says.
pub(super) fn mtls(table: &Node) -> Mtls {
    let mtls = match table.text_of("mode") {
        Some("allowed") => Mtls::allowed(),
        _ => Mtls::required(),
    };
    mtls.header(table.text_of("header").and_then(CertificateHeader::named))
}
