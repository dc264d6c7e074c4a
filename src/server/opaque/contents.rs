//! What an identity without a token is made of, in the form that tokens are read into: so that requirements, guards and
//! forwarding need not know the difference.

use std::sync::Arc;

use crate::{
    policy::{FactPlaces, Window},
    profile::{Extracted, Scopes, Text, Texts},
    time::UnixTime,
    verify::TokenContents,
};

/// Who it is and what they may do, as the configuration or the application says.
pub(super) struct Given<'a> {
    pub(super) issuer: Arc<str>,
    pub(super) subject: &'a str,
    pub(super) client: Option<&'a str>,
    /// With spaces between.
    pub(super) scopes: &'a str,
    pub(super) roles: Box<[Box<str>]>,
    /// A JSON object that the strict pass has accepted.
    pub(super) claims: Box<str>,
    pub(super) until: Option<UnixTime>,
}

impl Given<'_> {
    pub(super) fn contents(self) -> TokenContents {
        let until = self.until.unwrap_or(Window::ALWAYS.until);
        TokenContents {
            header: None,
            issuer: self.issuer,
            extracted: Extracted {
                subject: Text::Owned(self.subject.into()),
                client_id: self.client.map(|client| Text::Owned(client.into())),
                audiences: Texts::new(),
                scopes: Scopes::given(self.scopes, &self.claims),
                spends: None,
                confirmation: None,
                expires_at: self.until,
            },
            places: Arc::new(FactPlaces { given_roles: self.roles, ..FactPlaces::default() }),
            window: Window { until, ..Window::ALWAYS },
            payload: self.claims,
        }
    }
}
