//! Tokens that are bound to a certificate of their sender (mutual TLS, RFC 8705), which a proxy tells.

use clap::{Args, ValueEnum, builder::PossibleValuesParser};
use tower_resource_server::{Mtls, http::CertificateHeader};

#[derive(Args, Debug)]
pub(crate) struct MtlsFlags {
    /// The header in which a proxy that ends TLS tells the certificate of the client: takes tokens that are bound
    /// to one (RFC 8705)
    ///
    /// It counts from the proxies of --trust-proxy alone.
    #[arg(
        long,
        value_name = "NAME",
        requires = "trust_proxy",
        ignore_case = true,
        value_parser = PossibleValuesParser::new(CertificateHeader::ALL.map(CertificateHeader::name))
    )]
    mtls_header: Option<String>,

    /// Whether other tokens are taken beside those that are bound to a certificate; `allowed` unless told otherwise
    #[arg(long, value_name = "MODE", requires = "mtls_header", value_enum)]
    mtls: Option<Mode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Tokens that are bound to the certificate, and those that are bound to none
    Allowed,
    /// Tokens that are bound to the certificate, and no others
    Required,
}

impl MtlsFlags {
    /// What the flags say of tokens that are bound to a certificate.
    pub(crate) fn settings(&self) -> Option<Mtls> {
        let header = self.mtls_header.as_deref().and_then(CertificateHeader::named)?;
        let mtls = match self.mtls {
            Some(Mode::Required) => Mtls::required(),
            Some(Mode::Allowed) | None => Mtls::allowed(),
        };
        Some(mtls.header(header))
    }
}
