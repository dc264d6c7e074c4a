//! Public keys as people have them, good and mistaken. The keys were made for these tests by openssl.

use super::*;

/// A P-256 key.
const EC: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOk/nO1/gUgYuXVGAST4efZws81Dz
Xd1hIM4tIXFv/RcK6YAOqM3J05umaUsC0ALpw8Zyor3vYZ016Gyzf2iUtQ==
-----END PUBLIC KEY-----
";

/// A certificate of that key (X.509 version 3), with names and extensions.
const EC_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIB6jCCAY+gAwIBAgIURko6VJSz8jBKWKXfxivK2f91NwAwCgYIKoZIzj0EAwIw
PTELMAkGA1UEBhMCREUxFjAUBgNVBAoMDUV4YW1wbGUgIkluYyIxFjAUBgNVBAMM
DWxvZ2luLmV4YW1wbGUwHhcNMjYxMTI3MTM1MDQ3WhcNMzYxMTI0MTM1MDQ3WjA9
MQswCQYDVQQGEwJERTEWMBQGA1UECgwNRXhhbXBsZSAiSW5jIjEWMBQGA1UEAwwN
bG9naW4uZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDpP5ztf4FIG
Ll1RgEk+Hn2cLPNQ813dYSDOLSFxb/0XCumADqjNydObpmlLAtAC6cPGcqK972Gd
Nehss39olLWjbTBrMB0GA1UdDgQWBBQDF+K7W15TlUp2tmeMzlNUg9K4kTAfBgNV
HSMEGDAWgBQDF+K7W15TlUp2tmeMzlNUg9K4kTAPBgNVHRMBAf8EBTADAQH/MBgG
A1UdEQQRMA+CDWxvZ2luLmV4YW1wbGUwCgYIKoZIzj0EAwIDSQAwRgIhAOzSYhil
1ht67XHQ5VRJcyy0MAtrGB7+0N3uUT6egAM8AiEA7dVGFvL4eMHTkedAekFGyyX3
GC8OxtoyWZFXOeCMMp4=
-----END CERTIFICATE-----
";

/// A certificate of that key without a version, and expired.
const EC_CERTIFICATE_V1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBEjCBuQIUIv9twKAma6tA79TctK/QsAkad2cwCgYIKoZIzj0EAwIwDDEKMAgG
A1UEAwwBYTAeFw0yNjExMjcxMzUwNDhaFw0yNjExMjgxMzUwNDhaMAwxCjAIBgNV
BAMMAWEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ6T+c7X+BSBi5dUYBJPh59
nCzzUPNd3WEgzi0hcW/9FwrpgA6ozcnTm6ZpSwLQAunDxnKive9hnTXobLN/aJS1
MAoGCCqGSM49BAMCA0gAMEUCIGPmSFnlRignbea9vsPwIFa0aHfse+ROEjBB3Dvk
VnsUAiEAjCfWsvY+ce2Mzyw9wyfGsmwMlqralAVo8u9FMzdG4pg=
-----END CERTIFICATE-----
";

/// A certificate request of that key.
const EC_REQUEST: &str = "\
-----BEGIN CERTIFICATE REQUEST-----
MIHGMG4CAQAwDDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BDpP5ztf4FIGLl1RgEk+Hn2cLPNQ813dYSDOLSFxb/0XCumADqjNydObpmlLAtAC
6cPGcqK972GdNehss39olLWgADAKBggqhkjOPQQDAgNIADBFAiEA05M+v0DgE/rX
jk1nCFRw8k3fNAO3+aNGbrfFbDIEDM0CIEi0ysb34He1OlYBFo0918iZGA8da0y8
dNMFIN7UhnfM
-----END CERTIFICATE REQUEST-----
";

/// The private half of that key.
const EC_PRIVATE: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8frm6j5hS+k+9U0G
nOOm2aKGjrBrpI5mM9epOilmsjGhRANCAAQ6T+c7X+BSBi5dUYBJPh59nCzzUPNd
3WEgzi0hcW/9FwrpgA6ozcnTm6ZpSwLQAunDxnKive9hnTXobLN/aJS1
-----END PRIVATE KEY-----
";

/// An Ed25519 key.
const ED25519: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAvTelXTlI1rT5LN92M4R4eyaShDtYI792ecwLNpLcsQc=
-----END PUBLIC KEY-----
";

/// A certificate of that key.
const ED25519_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBLjCB4aADAgECAhRS6KEgOx9gB5+GDxSVc4tIqrc4fTAFBgMrZXAwDTELMAkG
A1UEAwwCZWQwHhcNMjYxMTI3MTM1MDQ3WhcNMjYxMTI4MTM1MDQ3WjANMQswCQYD
VQQDDAJlZDAqMAUGAytlcAMhAL03pV05SNa0+SzfdjOEeHsmkoQ7WCO/dnnMCzaS
3LEHo1MwUTAdBgNVHQ4EFgQU+QMoJRzo1JqIwAggJAAX8n4HlRAwHwYDVR0jBBgw
FoAU+QMoJRzo1JqIwAggJAAX8n4HlRAwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXAD
QQC6Ew+UARZ2RwIBxXFJcwEHGWq0Ho/jsJ7aUxRmYZBt5jCW4xfaiRIobwbrwXpP
UgTl7Cdbvgy8W3wgGLhlabsN
-----END CERTIFICATE-----
";

/// An RSA key of 2048 bits.
const RSA: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqAv6d1bf/7t4LuR3vcDE
A2ogPo3F64yq9zF+6lPORpLi1P024OjlQk7aite9zJ5vBA+wUJ+JcFLA3CEVaYza
pWzpMwOIhL5SPQNSrGUVrd77YptFimNtau56pySa24R6G9P5B8yoMtL5FUg7DSf6
24v9pvuS6n0dBpZJE4fetM4vY9h8svuMXCIaNU+CeE6LGNm8fx5kwAf8IPpDLPJD
1QjX7DIPuT/JA/yNFi3oYy4QJJsXtxui1NEPAgUiQ57Y/+fHV6uMKQGy7IY+eIZc
PA16wqgLRgfbE0MEbCNI6vNGLglK6TuyIhJSNYtkEeaJJQL/5a5aCc7/zI5VBO0a
AwIDAQAB
-----END PUBLIC KEY-----
";

/// A certificate of that key.
const RSA_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIC/TCCAeWgAwIBAgIUZQ8PErr0t/hw1tSwFQH03hQzfAYwDQYJKoZIhvcNAQEL
BQAwDjEMMAoGA1UEAwwDcnNhMB4XDTI2MTEyNzEzNTA0OVoXDTI2MTEyODEzNTA0
OVowDjEMMAoGA1UEAwwDcnNhMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKC
AQEAqAv6d1bf/7t4LuR3vcDEA2ogPo3F64yq9zF+6lPORpLi1P024OjlQk7aite9
zJ5vBA+wUJ+JcFLA3CEVaYzapWzpMwOIhL5SPQNSrGUVrd77YptFimNtau56pySa
24R6G9P5B8yoMtL5FUg7DSf624v9pvuS6n0dBpZJE4fetM4vY9h8svuMXCIaNU+C
eE6LGNm8fx5kwAf8IPpDLPJD1QjX7DIPuT/JA/yNFi3oYy4QJJsXtxui1NEPAgUi
Q57Y/+fHV6uMKQGy7IY+eIZcPA16wqgLRgfbE0MEbCNI6vNGLglK6TuyIhJSNYtk
EeaJJQL/5a5aCc7/zI5VBO0aAwIDAQABo1MwUTAdBgNVHQ4EFgQUKjhV5E/JTcHt
8hGm9ShJz9AWr6QwHwYDVR0jBBgwFoAUKjhV5E/JTcHt8hGm9ShJz9AWr6QwDwYD
VR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOCAQEAhu2tttQNSCNDAFmgnIUB
jax+WzgU4K6dt79/IvJgslQhxFMe4SND4kR86ON+cXEZHpMFmQbalcSASuXGoFB6
WiK/hoQTDLQ1u2vknkX69IXE7WyFBom8pBLN+GgVjcaZ3oK6L+yrCub6OJO1kibv
5AmgZgzuHTh3jcpXbBdb6Vgk19oy3f/xJYAXYqPNviqzj005QSA7BOya1D/5KlXu
u5Ef+WFLIYlie3WbY2X7tUSTxtTNesl0OgnncKAqDtOzvXDr3xz/TFW41KLgQ7Zi
cUSxJKXT7zJzTYuxxVueKt8DO4wh8wSF8EXu+vafaSGc/hXAIKCJ84EX7sTtVtX0
pg==
-----END CERTIFICATE-----
";

fn thumbprint(pem: &str, algorithm: Algorithm) -> Result<String, KeyError> {
    VerifyingKey::from_pem(pem, algorithm).map(|key| key.thumbprint().to_owned())
}

/// The same block with its data in lines of this length.
fn in_lines(pem: &str, length: usize, line_break: &str) -> String {
    let lines: Vec<_> = pem.lines().collect();
    let [begin, data @ .., end] = lines.as_slice() else { panic!("a block") };
    let data = data.concat();
    let lines: Vec<_> =
        data.as_bytes().chunks(length).map(|line| std::str::from_utf8(line).unwrap()).collect();
    [&[*begin], lines.as_slice(), &[*end], &[""]].concat().join(line_break)
}

#[test]
fn pem_may_be_in_lines_of_any_form() {
    for (kind, pem, algorithm) in [
        ("EC", EC, Algorithm::ES256),
        ("Ed25519", ED25519, Algorithm::EdDSA),
        ("RSA", RSA, Algorithm::RS256),
        ("a certificate", EC_CERTIFICATE, Algorithm::ES256),
    ] {
        let expected = thumbprint(pem, algorithm);
        assert!(expected.is_ok(), "{kind}");
        for (name, pem) in [
            ("the whole base64 on one line", in_lines(pem, usize::MAX, "\n")),
            ("60 columns", in_lines(pem, 60, "\n")),
            ("76 columns", in_lines(pem, 76, "\n")),
            ("64 columns, CRLF", in_lines(pem, 64, "\r\n")),
            ("61 columns", in_lines(pem, 61, "\n")),
            ("blank lines", in_lines(pem, 64, "\n\n")),
            ("trailing spaces", in_lines(pem, 64, "  \n")),
            ("indented", in_lines(pem, 64, "\n    ")),
            ("one line with spaces, as a shell makes it", in_lines(pem, 64, " ")),
        ] {
            assert_eq!(thumbprint(&pem, algorithm), expected, "{kind}: {name}");
        }
    }
}

#[test]
fn a_certificate_stands_for_its_public_key() {
    let legacy = |label: &str| EC_CERTIFICATE.replace("CERTIFICATE", label);
    for (name, certificate, key, algorithm) in [
        ("EC", EC_CERTIFICATE.to_owned(), EC, Algorithm::ES256),
        ("version 1, expired", EC_CERTIFICATE_V1.to_owned(), EC, Algorithm::ES256),
        ("Ed25519", ED25519_CERTIFICATE.to_owned(), ED25519, Algorithm::EdDSA),
        ("RSA", RSA_CERTIFICATE.to_owned(), RSA, Algorithm::PS512),
        ("the first of a chain", format!("{EC_CERTIFICATE}{RSA_CERTIFICATE}"), EC, Algorithm::ES256),
        ("under an old label", legacy("X509 CERTIFICATE"), EC, Algorithm::ES256),
        ("under another old label", legacy("X.509 CERTIFICATE"), EC, Algorithm::ES256),
    ] {
        let expected = thumbprint(key, algorithm);
        assert!(expected.is_ok(), "{name}");
        assert_eq!(thumbprint(&certificate, algorithm), expected, "{name}");
    }
    let other = thumbprint(EC_CERTIFICATE, Algorithm::RS256);
    assert_eq!(other, Err(KeyError::AlgorithmMismatch), "the algorithm must fit");
}

#[test]
fn each_mistake_has_its_message() {
    let cut = |pem: &str, lines: usize| pem.lines().take(lines).collect::<Vec<_>>().join("\n");
    let relabelled = |pem: &str, label: &str| {
        let from = if pem.contains("CERTIFICATE-") { "CERTIFICATE" } else { "PUBLIC KEY" };
        pem.replace(from, label)
    };
    let mut messages = std::collections::BTreeSet::new();
    for (name, pem, expected) in [
        ("a private key", EC_PRIVATE.to_owned(), PemError::PrivateKey.into()),
        ("an EC private key", relabelled(EC, "EC PRIVATE KEY"), PemError::PrivateKey.into()),
        ("an encrypted private key", relabelled(EC, "ENCRYPTED PRIVATE KEY"), PemError::PrivateKey.into()),
        ("a private key of OpenSSH", relabelled(EC, "OPENSSH PRIVATE KEY"), PemError::PrivateKey.into()),
        ("literal \\n", EC.replace('\n', "\\n"), PemError::EscapedLineBreaks.into()),
        ("no PEM at all", "secret".to_owned(), PemError::NoBegin.into()),
        ("the base64 alone", EC.lines().nth(1).unwrap().to_owned(), PemError::NoBegin.into()),
        ("a JWK", r#"{"kty":"EC"}"#.to_owned(), PemError::NoBegin.into()),
        ("a key of OpenSSH", "ssh-ed25519 AAAAC3Nz alice@host".to_owned(), PemError::NoBegin.into()),
        ("nothing", String::new(), PemError::Empty.into()),
        ("no last line", cut(EC, 3), PemError::NoEnd.into()),
        ("another last line", cut(EC, 3) + "\n-----END CERTIFICATE-----", PemError::Labels.into()),
        ("no base64", EC.replace("MFkw", "M*kw"), PemError::Base64.into()),
        ("a certificate request", EC_REQUEST.to_owned(), PemError::NoPublicKey.into()),
        ("a PGP key", relabelled(EC, "PGP PUBLIC KEY BLOCK"), PemError::NoPublicKey.into()),
        (
            "a certificate labelled as a key",
            relabelled(EC_CERTIFICATE, "PUBLIC KEY"),
            KeyError::MalformedPublicKey,
        ),
        ("a key labelled as a certificate", relabelled(EC, "CERTIFICATE"), KeyError::MalformedCertificate),
        (
            "half a certificate",
            cut(EC_CERTIFICATE, 7) + "\n-----END CERTIFICATE-----",
            KeyError::MalformedCertificate,
        ),
        ("an empty block", cut(EC, 1) + "\n-----END PUBLIC KEY-----", KeyError::MalformedPublicKey),
    ] {
        let error = thumbprint(&pem, Algorithm::ES256).unwrap_err();
        assert_eq!(error, expected, "{name}");
        messages.insert(error.to_string());
    }
    assert_eq!(messages.len(), 10, "{messages:#?}");
}
