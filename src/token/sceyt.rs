//! What both sides of the wire must agree on about SCEYT's tokens: the code that mints them and the
//! code that judges them read it here.

use std::time::Duration;

/// The shortest lifetime of a SCEYT token: 10 minutes, as its guide has it ("minimum 10 minutes").
///
/// Of the longest the guide says "maximum of hours" without a number, so there is no constant for
/// it; the six hours in the vendor's own sample are the only figure there is.
pub const MIN_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The claim that names the application. None of the vendor's own samples writes it.
pub(crate) const APPLICATION_CLAIM: &str = "aid";

/// The header's `typ`.
pub(crate) const TYPE: &str = "JWT";
