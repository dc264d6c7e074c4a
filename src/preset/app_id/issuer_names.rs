//! Where a tenant's OAuth server is, and every name that its tokens call it by.

use http::Uri;

/// What follows the region in the host of every OAuth server since 2019.
const HOST: &str = ".appid.cloud.ibm.com";

/// What stands around the region in the host of those before.
const OLD_HOST: (&str, &str) = ("appid-oauth.", ".bluemix.net");

/// The old name of the one region that was renamed: its old name, and the one of today.
const RENAMED: (&str, &str) = ("ng", "us-south");

/// The URL of the OAuth server: as given, or that of a region.
pub(super) fn server_url(region_or_url: &str, tenant: &str) -> Result<String, String> {
    if region_or_url.contains("://") {
        // One slash at the end is read past, as the vendor's SDK does.
        let url = region_or_url.strip_suffix('/').unwrap_or(region_or_url);
        return Ok(url.to_owned());
    }
    // Both become part of an address.
    if !is_label(region_or_url) {
        return Err(format!(
            "app_id: {region_or_url:?} is neither a region, such as \"us-south\", nor an https URL"
        ));
    }
    if !is_label(tenant) {
        return Err(format!("app_id: {tenant:?} is no tenant; use the tenantId of its credentials, a GUID"));
    }
    Ok(url_in(region_or_url, tenant))
}

/// Every `iss` that tokens of the tenant may have beside the server's own URL; see the page of the
/// preset.
pub(super) fn others(server_url: &str, tenant: &str) -> Vec<String> {
    let uri: Option<Uri> = server_url.parse().ok();
    let Some(host) = uri.as_ref().and_then(Uri::host) else { return Vec::new() };
    let mut names = vec![host.to_owned()];
    if let Some(region) = region_of(host) {
        let (before, after) = OLD_HOST;
        let old_region = if region == RENAMED.1 { RENAMED.0 } else { region };
        let old = format!("{before}{old_region}{after}");
        let further = [url_in(region, tenant), format!("{region}{HOST}"), old];
        names.extend(further.into_iter().filter(|name| *name != host && *name != server_url));
    }
    names
}

fn url_in(region: &str, tenant: &str) -> String {
    format!("https://{region}{HOST}/oauth/v4/{tenant}")
}

/// The region of one of IBM's hosts, by the name that it has today.
fn region_of(host: &str) -> Option<&str> {
    let (before, after) = OLD_HOST;
    let old = || host.strip_prefix(before)?.strip_suffix(after);
    let region = host.strip_suffix(HOST).or_else(old).filter(|region| is_label(region))?;
    Some(if region == RENAMED.0 { RENAMED.1 } else { region })
}

/// Letters, digits and hyphens: it can end neither a host nor a path.
fn is_label(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_or_a_url_says_where_the_server_is() {
        let good = |url: &str| Some(url.to_owned());
        for (given, expected) in [
            ("us-south", good("https://us-south.appid.cloud.ibm.com/oauth/v4/T")),
            ("https://x.example/oauth/v4/T", good("https://x.example/oauth/v4/T")),
            ("https://x.example/oauth/v4/T/", good("https://x.example/oauth/v4/T")),
            ("http://127.0.0.1:8080/oauth/v4/T", good("http://127.0.0.1:8080/oauth/v4/T")),
            ("", None),
            ("us south", None),
            ("evil.example/", None),
            ("evil.example#", None),
            ("us-south.appid.cloud.ibm.com", None),
        ] {
            assert_eq!(server_url(given, "T").ok(), expected, "{given:?}");
        }
        for tenant in ["", "a/b", "a?b", "..", "ä", &"a".repeat(65)] {
            assert!(server_url("us-south", tenant).is_err(), "{tenant:?}");
        }
    }

    #[test]
    fn an_issuer_has_the_names_of_its_versions() {
        const NEW: &str = "https://us-south.appid.cloud.ibm.com/oauth/v4/T";
        const HOST: &str = "us-south.appid.cloud.ibm.com";
        const OLD: &str = "appid-oauth.ng.bluemix.net";
        for (url, expected) in [
            (NEW, &[HOST, OLD][..]),
            ("https://us-south.appid.cloud.ibm.com/oauth/v3/T", &[HOST, NEW, OLD]),
            ("https://appid-oauth.ng.bluemix.net/oauth/v3/T", &[OLD, NEW, HOST]),
            (
                "https://appid-oauth.eu-gb.bluemix.net/oauth/v3/T",
                &[
                    "appid-oauth.eu-gb.bluemix.net",
                    "https://eu-gb.appid.cloud.ibm.com/oauth/v4/T",
                    "eu-gb.appid.cloud.ibm.com",
                ],
            ),
            ("http://127.0.0.1:8080/oauth/v4/T", &["127.0.0.1"]),
            ("https://proxy.example/T", &["proxy.example"]),
            // Not IBM's, however much they look like it.
            (
                "https://appid-oauth.ng.bluemix.net.evil.example/T",
                &["appid-oauth.ng.bluemix.net.evil.example"],
            ),
            ("https://a.b.appid.cloud.ibm.com/T", &["a.b.appid.cloud.ibm.com"]),
            ("not a URL", &[]),
        ] {
            assert_eq!(others(url, "T"), expected, "{url}");
        }
    }
}
