//! No peer: this program makes tokens and judges results.

use tower_resource_server::keys::Algorithm;

use crate::{service::Sender, tokens::Set};

pub(crate) const NAME: &str = "none";

#[expect(clippy::unused_async, reason = "some peers fetch their keys")]
pub(crate) async fn layer(_: Algorithm, _: &Set) -> Option<Sender> {
    None
}
