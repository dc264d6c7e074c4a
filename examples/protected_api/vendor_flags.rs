//! The flags of the vendors' systems, and the server that a preset makes of them.

use std::{fs, path::PathBuf, time::Duration};

use clap::Args;
use tower_resource_server::{ResourceServerBuilder, preset, preset::sceyt::Application};

use super::{AnyError, Profile};

#[derive(Args, Debug)]
pub(super) struct VendorFlags {
    /// The vendor's name for this API: the tenant, or the application of SCEYT
    #[arg(long, value_name = "ID", requires = "profile")]
    tenant: Option<String>,

    /// Where the vendor's server is
    ///
    /// Mobile Client Access: what comes before /authorization/v1/apps/…; App ID: the OAuth server
    /// URL, before /publickeys, or a region such as us-south.
    #[arg(long, value_name = "URL", requires = "tenant")]
    server_url: Option<String>,

    /// A file with the public key of the application (SCEYT): PUBLIC KEY or RSA PUBLIC KEY in PEM
    #[arg(long, value_name = "FILE", requires = "tenant")]
    pem: Option<PathBuf>,

    /// The status when a scope is missing (App ID): 401, which its clients expect, or 403 as in RFC 6750
    #[arg(long, value_name = "401|403", requires = "tenant", value_parser = ["401", "403"])]
    scope_status: Option<String>,
}

impl VendorFlags {
    /// Whether there is a tenant to trust.
    pub(super) const fn is_named(&self) -> bool {
        self.tenant.is_some()
    }

    /// Refuses the flags that mean nothing under a profile, all but those in `known`.
    pub(super) fn refuse_others(&self, known: &[&str]) -> Result<(), AnyError> {
        for (flag, given) in [
            ("--server-url", self.server_url.is_some()),
            ("--pem", self.pem.is_some()),
            ("--scope-status", self.scope_status.is_some()),
        ] {
            if given && !known.contains(&flag) {
                return Err(format!("{flag} means nothing under this --profile").into());
            }
        }
        Ok(())
    }

    /// What the preset of that system makes of the flags. No leeway unless told, as the vendors do.
    pub(super) fn server(
        &self,
        profile: Profile,
        audiences: &[String],
        leeway: Option<Duration>,
        allow_loopback_http: bool,
    ) -> Result<ResourceServerBuilder, AnyError> {
        let leeway = leeway.unwrap_or_default();
        let tenant = needed("--tenant", self.tenant.as_deref())?;
        if profile != Profile::AppId && !audiences.is_empty() {
            return Err("--audience means nothing under this --profile".into());
        }
        match profile {
            Profile::MobileClientAccess => {
                self.refuse_others(&["--server-url"])?;
                let server_url = needed("--server-url", self.server_url.as_deref())?;
                let preset =
                    preset::mobile_client_access::server(tenant).server_url(server_url).leeway(leeway);
                Ok(preset.allow_loopback_http(allow_loopback_http).into_builder())
            }
            Profile::AppId => {
                self.refuse_others(&["--server-url", "--scope-status"])?;
                let server_url = needed("--server-url", self.server_url.as_deref())?;
                let preset = preset::app_id::server(server_url, tenant).leeway(leeway);
                let preset = if self.scope_status.as_deref() == Some("403") {
                    preset.scope_status_403(true)
                } else {
                    preset
                };
                let preset =
                    audiences.iter().fold(preset, |preset, audience| preset.audience(audience.as_str()));
                Ok(preset.allow_loopback_http(allow_loopback_http).into_builder())
            }
            Profile::Sceyt => {
                self.refuse_others(&["--pem"])?;
                let path = self.pem.as_deref().ok_or("--pem is needed under this --profile")?;
                let read = fs::read_to_string(path).map_err(|error| error.to_string());
                let application = read
                    .and_then(|pem| Application::from_pem(tenant, &pem).map_err(|error| error.to_string()));
                let application = application.map_err(|error| format!("{}: {error}", path.display()))?;
                Ok(preset::sceyt::server(application).leeway(leeway).into_builder())
            }
            Profile::Jwt | Profile::Rfc9068 => Err("--tenant: this --profile is of no vendor".into()),
        }
    }
}

fn needed<'a>(flag: &str, value: Option<&'a str>) -> Result<&'a str, String> {
    value.ok_or_else(|| format!("{flag} is needed under this --profile"))
}
