//! Headers of proxies: each form, from each peer, once and several times, and beside what a client wrote.

use tower_resource_server::{Mtls, http::CertificateHeader};

use crate::{
    ClientCertificate,
    Peer::{self, Client, Proxy, Unknown},
    Site, certificate,
    forms::{alb, byte_sequence, envoy, hash, labelled, nginx, of, pem},
};

type Fields = Vec<(&'static str, String)>;
type Row = (String, Peer, Fields, &'static str);

const OWN: &str = "200 bound";
const MISSING: &str = "401 Bearer invalid_token certificate_missing";
const WRONG: &str = "401 Bearer invalid_token wrong_certificate";
const REFUSED: &str = "400 Bearer invalid_request invalid_request";

/// What holds of each header, whatever its form. The token is bound to `own`.
fn of_each_form(header: CertificateHeader, own: &[u8], other: &[u8]) -> Vec<Row> {
    let name = header.name();
    let field = |text: String| (name, text);
    let [good, wrong] = [own, other].map(|der| of(header, der));
    let cut_off = of(header, &own[..own.len() - 1]);
    let longer = of(header, &[own, &[0]].concat());
    // Envoy tells a digest beside, which stays as it is.
    let no_certificate = of(header, b"no certificate");
    let elsewhere = |der: &[u8]| -> Fields {
        let others = CertificateHeader::ALL.into_iter().filter(|known| *known != header);
        others.map(|known| (known.name(), of(known, der))).collect()
    };
    let beside = |first: Fields, second: Fields| [first, second].concat();
    let row = |what: &str, peer, fields, expected| (format!("{name}: {what}"), peer, fields, expected);
    vec![
        row("good", Proxy, vec![field(good.clone())], OWN),
        row("another certificate", Proxy, vec![field(wrong.clone())], WRONG),
        row("none", Proxy, vec![], MISSING),
        row("empty", Proxy, vec![field(String::new())], REFUSED),
        row("a space", Proxy, vec![field(" ".into())], REFUSED),
        row("twice", Proxy, vec![field(good.clone()), field(good.clone())], REFUSED),
        row("twice, another first", Proxy, vec![field(wrong.clone()), field(good.clone())], REFUSED),
        row("twice, another last", Proxy, vec![field(good.clone()), field(wrong.clone())], REFUSED),
        row("twice, an empty one first", Proxy, vec![field(String::new()), field(good.clone())], REFUSED),
        row("with a comma between two", Proxy, vec![field(format!("{good},{good}"))], REFUSED),
        row("with a comma behind", Proxy, vec![field(format!("{good},"))], REFUSED),
        row("a byte cut off", Proxy, vec![field(cut_off)], REFUSED),
        row("a byte too many", Proxy, vec![field(longer)], REFUSED),
        row("no certificate", Proxy, vec![field(no_certificate)], REFUSED),
        row("a word", Proxy, vec![field("none".into())], REFUSED),
        row("null, as some proxies say", Proxy, vec![field("(null)".into())], REFUSED),
        row("as long as ten chains", Proxy, vec![field(format!("{good}{}", "A".repeat(40_000)))], REFUSED),
        row("of a client", Client, vec![field(good.clone())], MISSING),
        row("of a client, twice", Client, vec![field(good.clone()), field(wrong.clone())], MISSING),
        row("of a client, malformed", Client, vec![field("none".into())], MISSING),
        row("of an unknown peer", Unknown, vec![field(good.clone())], MISSING),
        row("in every other header", Proxy, elsewhere(own), MISSING),
        row(
            "beside another one in every other header",
            Proxy,
            beside(vec![field(good)], elsewhere(other)),
            OWN,
        ),
        row(
            "another one, beside it in every other header",
            Proxy,
            beside(vec![field(wrong)], elsewhere(own)),
            WRONG,
        ),
    ]
}

#[tokio::test]
async fn promise_8_a_certificate_counts_in_the_header_of_a_trusted_proxy_alone_and_once() {
    let other = certificate("other.test");
    let mut judged = 0;
    for header in CertificateHeader::ALL {
        for mtls in [Mtls::allowed(), Mtls::required()] {
            for site in Site::hit_and_miss(mtls.header(header)).await {
                for (name, peer, fields, expected) in of_each_form(header, &site.der, &other) {
                    let told = site.told(site.sent(peer, &site.token, &fields)).await;
                    assert_eq!(told, expected, "{name}");
                    judged += 1;
                }
            }
        }
    }
    assert_eq!(judged, 5 * 4 * 24);
}

/// What is particular to a form.
fn of_one_form(own: &[u8], other: &[u8]) -> Vec<(&'static str, CertificateHeader, String, &'static str)> {
    let rfc9440 = CertificateHeader::rfc9440();
    let ngx = CertificateHeader::nginx();
    let xfcc = CertificateHeader::envoy();
    let chain = CertificateHeader::aws_alb();
    let leaf = CertificateHeader::aws_alb_leaf();
    let sequence = byte_sequence(own);
    let base64 = sequence.trim_matches(':').to_owned();
    let digest = hash(own);
    let quoted = nginx(&pem(own));
    vec![
        ("a byte sequence between spaces", rfc9440, format!(" {sequence} "), OWN),
        ("a byte sequence without colons", rfc9440, base64.clone(), REFUSED),
        ("a byte sequence without its end", rfc9440, format!(":{base64}"), REFUSED),
        ("a byte sequence without its beginning", rfc9440, format!("{base64}:"), REFUSED),
        ("a byte sequence with a parameter", rfc9440, format!("{sequence};a=1"), REFUSED),
        ("a byte sequence in a list", rfc9440, format!("{sequence}, {sequence}"), REFUSED),
        ("a string", rfc9440, format!("\"{base64}\""), REFUSED),
        ("a byte sequence with a space inside", rfc9440, format!(":{base64} :"), REFUSED),
        ("an empty byte sequence", rfc9440, "::".into(), REFUSED),
        (
            "a byte sequence in base64url",
            rfc9440,
            format!(":{}:", base64.replace('+', "-").replace('/', "_") + "_"),
            REFUSED,
        ),
        ("a byte sequence with padding alone", rfc9440, ":====:".into(), REFUSED),
        ("PEM in Client-Cert", rfc9440, quoted.clone(), REFUSED),
        ("a byte sequence in nginx's header", ngx, sequence, REFUSED),
        ("escapes in lower case", ngx, lower_escapes(&quoted), OWN),
        ("CRLF in the PEM", ngx, nginx(&pem(own).replace('\n', "\r\n")), OWN),
        ("one line of PEM", ngx, nginx(&pem(own).replace('\n', "")), OWN),
        ("+ and / as they are", ngx, alb(&pem(own)), OWN),
        ("spaces that are not escaped", ngx, quoted.replace("%20", " "), REFUSED),
        ("line breaks as spaces", ngx, pem(own).replace('\n', " "), REFUSED),
        ("spaces as +", ngx, quoted.replace("%20", "+"), REFUSED),
        ("escaped twice", ngx, nginx(&quoted), REFUSED),
        ("an escape cut off", ngx, format!("{quoted}%0"), REFUSED),
        ("a chain in nginx's header", ngx, nginx(&(pem(own) + &pem(other))), REFUSED),
        ("a key before the certificate", ngx, nginx(&(labelled("PRIVATE KEY", b"0") + &pem(own))), REFUSED),
        ("a text before the certificate", ngx, nginx(&format!("subject=CN\n{}", pem(own))), REFUSED),
        ("a text behind the certificate", ngx, nginx(&format!("{}subject=CN", pem(own))), REFUSED),
        ("another label", ngx, nginx(&labelled("TRUSTED CERTIFICATE", own)), REFUSED),
        ("base64 without its boundaries", ngx, base64, REFUSED),
        ("the end of the PEM cut off", ngx, nginx(pem(own).trim_end().trim_end_matches('-')), REFUSED),
        ("a digest alone", xfcc, format!("Hash={digest}"), OWN),
        ("a digest in upper case", xfcc, format!("Hash={}", digest.to_uppercase()), OWN),
        ("the certificate alone", xfcc, format!("Cert=\"{quoted}\""), OWN),
        ("the certificate without quotes", xfcc, format!("Cert={quoted}"), OWN),
        (
            "a digest of another than the certificate",
            xfcc,
            format!("Hash={};Cert=\"{quoted}\"", hash(other)),
            REFUSED,
        ),
        ("two elements, the own last", xfcc, format!("{},{}", envoy(other), envoy(own)), REFUSED),
        ("two elements, the own first", xfcc, format!("{},{}", envoy(own), envoy(other)), REFUSED),
        ("a name that writes an element", xfcc, format!("Hash={};URI=a,Hash={digest}", hash(other)), REFUSED),
        ("a name that writes a digest", xfcc, format!("Hash={};URI=a;Hash={digest}", hash(other)), REFUSED),
        (
            "a subject that writes a digest",
            xfcc,
            format!("Hash={};Subject=\"CN=a;Hash={digest}\"", hash(other)),
            WRONG,
        ),
        ("a chain and no certificate", xfcc, format!("By=a;Chain=\"{quoted}\""), REFUSED),
        ("a chain beside another digest", xfcc, format!("Hash={};Chain=\"{quoted}\"", hash(other)), WRONG),
        ("names alone", xfcc, "By=spiffe://api.test;URI=spiffe://client.test".into(), REFUSED),
        (
            "a digest in base64url",
            xfcc,
            format!("Hash={}", ClientCertificate::from_der(own).thumbprint()),
            REFUSED,
        ),
        ("a chain, the client's first", chain, alb(&(pem(own) + &pem(other))), OWN),
        ("a chain, the client's last", chain, alb(&(pem(other) + &pem(own))), WRONG),
        ("a chain with an empty line", chain, alb(&format!("{}\n{}", pem(own), pem(other))), OWN),
        (
            "a chain with a key",
            chain,
            alb(&(pem(own) + &labelled("PRIVATE KEY", b"0") + &pem(other))),
            REFUSED,
        ),
        ("a chain that is cut off", chain, alb(pem(own).as_str()) + "-----BEGIN%20CERTIFICATE-----", REFUSED),
        ("a chain of which all is escaped", chain, nginx(&(pem(own) + &pem(other))), OWN),
        ("a chain in the leaf's header", leaf, alb(&(pem(own) + &pem(other))), REFUSED),
    ]
}

fn lower_escapes(text: &str) -> String {
    let mut pieces = text.split('%');
    let first = pieces.next().unwrap().to_owned();
    let lower = |piece: &str| format!("%{}{}", piece[..2].to_lowercase(), &piece[2..]);
    first + &pieces.map(lower).collect::<String>()
}

#[tokio::test]
async fn each_form_is_read_strictly() {
    let (own, other) = (certificate("client.test"), certificate("other.test"));
    for (name, header, text, expected) in of_one_form(&own, &other) {
        let site = Site::of(crate::TestIssuer::new(), own.clone(), |server| {
            server.mtls(Mtls::allowed().header(header))
        });
        for time in ["first", "again"] {
            let told = site.told(site.sent(Proxy, &site.token, &[(header.name(), text.clone())])).await;
            assert_eq!(told, expected, "{name}, {time}");
        }
    }
}

#[tokio::test]
async fn promise_8_the_certificate_of_a_proxy_is_never_the_clients() {
    let header = CertificateHeader::rfc9440();
    let (own, other) = (certificate("client.test"), certificate("other.test"));
    let told_own = vec![(header.name(), of(header, &own))];
    let told_other = vec![(header.name(), of(header, &other))];
    let site =
        Site::of(crate::TestIssuer::new(), own.clone(), |server| server.mtls(Mtls::allowed().header(header)));
    for (name, peer, of_connection, fields, expected) in [
        ("a proxy that shows the own one", Proxy, &own, vec![], MISSING),
        ("a proxy that shows another, and tells the own one", Proxy, &other, told_own.clone(), OWN),
        ("a proxy that shows the own one, and tells another", Proxy, &own, told_other.clone(), WRONG),
        ("a client that shows the own one", Client, &own, vec![], OWN),
        ("a client that shows the own one, and writes another", Client, &own, told_other, OWN),
        ("a client that shows another, and writes the own one", Client, &other, told_own.clone(), WRONG),
        ("an unknown peer that shows another, and writes the own one", Unknown, &other, told_own, WRONG),
    ] {
        let mut request = site.sent(peer, &site.token, &fields);
        request.extensions_mut().insert(ClientCertificate::from_der(of_connection));
        assert_eq!(site.told(request).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_field_that_cannot_be_read_is_refused_with_any_token_and_removed_with_any() {
    let header = CertificateHeader::nginx();
    let site = Site::new(Mtls::allowed().header(header));
    let bearer = site.bearer();
    let field = |text: &str| (header.name(), text.to_owned());
    let good = of(header, &site.der);
    let chain = ("client-cert-chain", byte_sequence(&site.der));
    for (name, peer, fields, expected) in [
        ("a good one", Proxy, vec![field(&good)], "200 unbound"),
        ("a malformed one", Proxy, vec![field("none")], REFUSED),
        ("two", Proxy, vec![field(&good), field(&good)], REFUSED),
        ("a malformed one of a client", Client, vec![field("none")], "200 unbound"),
        ("two of a client", Client, vec![field(&good), field(&good)], "200 unbound"),
        ("a chain beside", Proxy, vec![field(&good), chain], "200 unbound"),
    ] {
        assert_eq!(site.told(site.sent(peer, &bearer, &fields)).await, expected, "{name}");
    }
}

#[tokio::test]
async fn servers_that_look_at_no_certificate_leave_the_fields_alone() {
    let site = Site::with(|server| server);
    for header in CertificateHeader::ALL {
        let fields = [(header.name(), "none".to_owned()), ("x-leaks", "1".to_owned())];
        assert_eq!(
            site.told(site.sent(Proxy, &site.bearer(), &fields)).await,
            format!("200 {}", header.name())
        );
    }
    let bound = site.told(site.shown(&site.der, &site.token)).await;
    assert_eq!(bound, "401 Bearer invalid_token sender_constrained");
}
