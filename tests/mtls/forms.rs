//! How proxies write a certificate.

use base64_simd::STANDARD;
use tower_resource_server::http::CertificateHeader;

use crate::ClientCertificate;

/// The certificate as the proxy of this header writes it.
pub fn of(header: CertificateHeader, der: &[u8]) -> String {
    match header.name() {
        "client-cert" => byte_sequence(der),
        "ssl-client-cert" => nginx(&pem(der)),
        "x-forwarded-client-cert" => envoy(der),
        "x-amzn-mtls-clientcert" | "x-amzn-mtls-clientcert-leaf" => alb(&pem(der)),
        other => panic!("{other}"),
    }
}

pub fn byte_sequence(der: &[u8]) -> String {
    format!(":{}:", STANDARD.encode_to_string(der))
}

/// As RFC 7468 section 5 has it.
pub fn pem(der: &[u8]) -> String {
    labelled("CERTIFICATE", der)
}

pub fn labelled(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode_to_string(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// `$ssl_client_escaped_cert`: all is escaped but what RFC 3986 calls unreserved.
pub fn nginx(pem: &str) -> String {
    escaped(pem, "-._~")
}

/// The same with `+`, `=` and `/` as they are.
pub fn alb(pem: &str) -> String {
    escaped(pem, "-._~+=/")
}

/// One element, with what `set_current_client_cert_details` adds.
pub fn envoy(der: &[u8]) -> String {
    let cert = escaped(&pem(der), "-._~");
    format!(
        "By=spiffe://api.test;Hash={};Cert=\"{cert}\";Subject=\"CN=client,O=\\\"a;b\\\"\";URI=;DNS=client.test",
        hash(der)
    )
}

/// The SHA-256 in hexadecimal.
pub fn hash(der: &[u8]) -> String {
    let thumbprint = ClientCertificate::from_der(der);
    let digest = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(thumbprint.thumbprint()).unwrap();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn escaped(text: &str, plain: &str) -> String {
    let escape = |character: char| match character {
        _ if character.is_ascii_alphanumeric() || plain.contains(character) => character.to_string(),
        _ => format!("%{:02X}", u32::from(character)),
    };
    text.chars().map(escape).collect()
}
