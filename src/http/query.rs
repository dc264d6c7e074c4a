//! One parameter of the query of a request. A value must need no escape, as no token does.

use http::Uri;

use super::{RequestError, parameter, parameter::ParameterFault};

/// The value of the only parameter of this name.
///
/// # Errors
/// Several of the name, and one without a value.
pub(super) fn find<'a>(uri: &'a Uri, name: &str) -> Result<Option<&'a [u8]>, RequestError> {
    parameter::find(uri.query().unwrap_or_default().as_bytes(), name).map_err(|fault| match fault {
        ParameterFault::Several => RequestError::SeveralParameters,
        ParameterFault::Empty => RequestError::MalformedParameter,
    })
}

/// The same target without the parameters of a name; `None` where it has none.
pub(super) fn without(uri: &Uri, name: &str) -> Option<Uri> {
    let left = parameter::without(uri.query()?.as_bytes(), name)?;
    let (path, left) = (uri.path(), std::str::from_utf8(&left).ok()?);
    let target = if left.is_empty() { path.to_owned() } else { format!("{path}?{left}") };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}
