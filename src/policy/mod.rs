//! Rules about claims, as data.
//!
//! - `rule`: one rule on one claim: [`claim`]`("exp").after_now()`; or on one member of the header: [`header`].
//! - `evaluate`: what a list of rules says about the claims of a token at a moment. Every check of
//!   every kind of token goes through this one function; the kinds differ only in their rows.
//! - `requirement`: what an operation demands of an identity that is already verified;
//!   `membership`: whether what one list names is in another.
//! - `advice`: what to do about a token that fails a rule, for [`explain`](crate::explain).
//!
//! Nothing in here knows a vendor, a header or a clock.

mod advice;
mod evaluate;
mod membership;
mod requirement;
mod rule;
mod searched;

pub(crate) use advice::{NOT_THERE, get_token_of};
pub(crate) use evaluate::{
    Binding, CompiledRule, Expected, Moment, NameForm, Policy, RuleContext, Window, last_segment,
};
pub(crate) use membership::has_any;
pub(crate) use requirement::{
    ClaimsAgain, Compiled, Contents, FactPlaces, Facts, Judge, KnownLeaves, Leaf, Memo, Met,
    ScopeImplications, Unmet, actor, is_scope_token,
};
pub use requirement::{
    InvalidScope, Operation, RequiredClaim, RequiredDetails, Requirement, RequirementError, StepUp, acr,
    actor_is, all, amr, anonymous_or, any, any_role, any_scope, audience, authorization_details, client,
    issuer, max_age, not_delegated, role, scope, sender_constrained,
};
pub(crate) use rule::{Check, Presence};
pub use rule::{ClaimRule, Rule, claim, header};
pub(crate) use searched::searched_parameter;
