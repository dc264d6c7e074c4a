//! Size, parts, encoding and JSON: what must be right before anything in a token means something.

use crate::{
    error::{Malformed, TokenError},
    policy::{Finding, Stage},
    token::TokenLimits,
};

/// What reading a token came to, error by error.
///
/// After a failure the other checks are left open: they are made in one pass, which ends there.
pub(crate) fn form(error: Option<&TokenError>, limits: &TokenLimits) -> Vec<Finding> {
    type Blames = fn(&TokenError) -> bool;
    let checks: [(String, Blames, &'static str); 4] = [
        (
            format!(
                "it has at most {} bytes, and its header at most {}",
                limits.token_bytes, limits.header_bytes
            ),
            |error| *error == TokenError::TooLarge,
            "put fewer claims into it, or raise the TokenLimits of the server",
        ),
        (
            "it has three parts with dots between them".to_owned(),
            |error| *error == Malformed::Parts.into(),
            "send a signed JWT as it was issued: not an opaque or an encrypted token, and all of it",
        ),
        (
            "each part is strict base64url".to_owned(),
            |error| *error == Malformed::Base64.into(),
            "send it as it was issued: no padding, line breaks, spaces or quotes, and nothing cut off",
        ),
        (
            format!(
                "the payload is a JSON object, no member is there twice, and it nests at most {} deep",
                limits.nesting
            ),
            |error| matches!(error, TokenError::Malformed(_)),
            "have the issuer write the claims as RFC 7519 section 4 has it",
        ),
    ];
    let guilty = error.and_then(|error| checks.iter().position(|(_, blames, _)| blames(error)));
    let finding = |(n, (rule, _, fix)): (usize, (String, Blames, &'static str))| match error {
        None => Finding::of(Stage::Form, rule, Ok(())),
        // An error that no check stands for is the last one's, so that none goes unsaid.
        Some(error) if n == guilty.unwrap_or(3) => {
            Finding::of(Stage::Form, rule, Err(error.clone())).fix(|| fix)
        }
        Some(_) => Finding::unchecked(Stage::Form, rule, "the token cannot be read"),
    };
    checks.into_iter().enumerate().map(finding).collect()
}
