//! Tokens that are bound to a key of their sender (DPoP, RFC 9449).

use std::{fs, path::Path, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use tower_resource_server::{Dpop, store::DpopNonces};

#[derive(Args, Debug)]
pub(crate) struct DpopFlags {
    /// Whether tokens are taken that are bound to a key of their sender (DPoP, RFC 9449), or these alone
    #[arg(long, value_name = "MODE", requires = "trusted", value_enum, default_value_t = Mode::Off)]
    dpop: Mode,

    /// Want a nonce of this server in each proof
    #[arg(long)]
    dpop_nonce: bool,

    /// Hold the server to the FAPI 2.0 Security Profile: bound tokens alone, signed with PS256, ES256 or Ed25519
    #[arg(long, requires = "trusted")]
    fapi2: bool,

    /// How far the `iat` of a proof may be off, beyond the leeway; 60 unless told otherwise
    #[arg(long, value_name = "SECONDS")]
    dpop_window: Option<u64>,

    /// A file with the secret of the nonces, 64 hexadecimal digits: servers with the same one take each other's
    ///
    /// Unless told, it is random, and of this process alone.
    #[arg(long, value_name = "FILE")]
    nonce_secret: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// A bound token is refused
    Off,
    /// Bound tokens with their proofs, and bearer tokens
    Allowed,
    /// Bound tokens with their proofs, and no others
    Required,
}

impl DpopFlags {
    /// Whether the server is held to FAPI 2.0.
    pub(crate) const fn is_fapi2(&self) -> bool {
        self.fapi2
    }

    /// What the flags say of bound tokens, whose senders' clocks may be off by `leeway`, if that is said.
    pub(crate) fn settings(&self, leeway: Option<Duration>) -> Result<Option<Dpop>, String> {
        let dpop = match self.dpop {
            Mode::Off | Mode::Required if self.fapi2 => Dpop::fapi2(),
            Mode::Off if self.dpop_nonce || self.dpop_window.is_some() || self.nonce_secret.is_some() => {
                return Err(
                    "--dpop-nonce, --dpop-window and --nonce-secret need --dpop allowed or required".into()
                );
            }
            Mode::Off => return Ok(None),
            Mode::Allowed => Dpop::allowed(),
            Mode::Required => Dpop::required(),
        };
        let mut dpop = match leeway {
            Some(leeway) => dpop.leeway(leeway),
            None => dpop,
        };
        if let Some(seconds) = self.dpop_window {
            dpop = dpop.window(Duration::from_secs(seconds));
        }
        let nonces = match &self.nonce_secret {
            Some(path) => secret(path).and_then(|secret| {
                DpopNonces::with_secret(&secret).map_err(|error| format!("{}: {error}", path.display()))
            })?,
            None => DpopNonces::new().map_err(|error| error.to_string())?,
        };
        Ok(Some(dpop.nonces(self.dpop_nonce.then_some(nonces))))
    }
}

/// The secret in a file: 64 hexadecimal digits, and perhaps the end of a line.
fn secret(path: &Path) -> Result<Vec<u8>, String> {
    let told = |what: &str| format!("--nonce-secret {}: {what}", path.display());
    let text = fs::read_to_string(path).map_err(|error| told(&error.to_string()))?;
    let digits: Option<Vec<u32>> = text.trim_ascii_end().chars().map(|digit| digit.to_digit(16)).collect();
    let bytes = digits.filter(|digits| digits.len() == 64).map(|digits| {
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8)).collect()
    });
    bytes.ok_or_else(|| told("the file must hold 64 hexadecimal digits"))
}
