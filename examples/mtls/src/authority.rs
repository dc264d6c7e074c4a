//! An authority of this example's own, and the certificates that it signs: of the server, and of clients.

use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use tower_resource_server::ClientCertificate;

use crate::AnyError;

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// As tokens name it.
    pub(crate) thumbprint: String,
    /// The digest in hexadecimal, as Envoy writes it.
    hash: String,
}

impl Authority {
    pub(crate) fn new() -> Result<Self, AnyError> {
        let mut params = CertificateParams::new([])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of an example");
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its own certificate, in PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// The certificate of the server, at this program's addresses.
    pub(crate) fn server(&self) -> Result<Pair, AnyError> {
        self.sign(CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?)
    }

    /// The certificate of a client.
    pub(crate) fn client(&self, name: &str) -> Result<Pair, AnyError> {
        let mut params = CertificateParams::new([])?;
        params.distinguished_name.push(DnType::CommonName, name);
        self.sign(params)
    }

    /// The certificate of a client that has itself called what ends an element of Envoy's header, and begins one
    /// with the digest of `other`.
    pub(crate) fn intruder(&self, other: &Pair) -> Result<Pair, AnyError> {
        let mut params = CertificateParams::new([])?;
        let name = format!("https://intruder.example/,Hash={}", other.hash);
        params.subject_alt_names.push(SanType::URI(name.try_into()?));
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Result<Pair, AnyError> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        let thumbprint = ClientCertificate::from_der(certificate.der()).thumbprint().to_owned();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate.der());
        let hash = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem(), thumbprint, hash })
    }
}

/// Makes an authority and certificates, and writes them into a folder: `NAME.pem` and `NAME-key.pem`.
pub(crate) fn write_into(folder: &Path) -> Result<(), AnyError> {
    let authority = Authority::new()?;
    let client = authority.client("client")?;
    let intruder = authority.intruder(&client)?;
    fs::create_dir_all(folder)?;
    fs::write(folder.join("authority.pem"), authority.pem())?;
    let pairs = [
        ("server", authority.server()?),
        ("client", client),
        ("other", authority.client("other")?),
        ("intruder", intruder),
    ];
    for (name, pair) in pairs {
        fs::write(folder.join(format!("{name}.pem")), pair.certificate)?;
        fs::write(folder.join(format!("{name}-key.pem")), pair.key)?;
    }
    Ok(())
}
