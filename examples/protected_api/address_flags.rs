//! Where clients reach this server, if it stands behind a proxy.

use clap::Args;
use tower_resource_server::{ResourceServerBuilder, http::PublicAddress};

#[derive(Args, Debug)]
pub(crate) struct AddressFlags {
    /// Where clients reach this server: the origin, and the prefix of paths that a proxy strips
    ///
    /// It is the resource identifier in the metadata document and where challenges lead; tokens may be for
    /// it, too.
    #[arg(long, value_name = "URL", requires = "trusted")]
    public_url: Option<String>,

    /// A network of proxies that tell where clients reach this server, with Forwarded or X-Forwarded-*;
    /// repeatable
    ///
    /// By the address of the connection's other end. Where they tell nothing, --public-url stands, else the
    /// first --audience, which must be a URL then.
    #[arg(long, value_name = "CIDR", requires = "trusted")]
    trust_proxy: Vec<String>,
}

impl AddressFlags {
    /// A server at this address.
    pub(crate) fn on(&self, server: ResourceServerBuilder) -> ResourceServerBuilder {
        let fixed = self.public_url.as_deref();
        let address = match (self.trust_proxy.as_slice(), fixed) {
            ([], None) => return server,
            ([], Some(url)) => PublicAddress::fixed(url),
            (proxies, None) => PublicAddress::from_trusted_proxies(proxies),
            (proxies, Some(url)) => PublicAddress::from_trusted_proxies(proxies).otherwise(url),
        };
        server.public_address(address)
    }
}
