//! What stands for issuers whose keys are fetched in a program without the feature `remote`: they
//! cannot be made.

pub(super) mod fetched {
    /// Where keys are fetched from.
    #[derive(Clone)]
    pub(in super::super) enum Location {}

    impl Location {
        pub(in super::super) const fn is_pattern(&self) -> bool {
            match *self {}
        }
    }

    #[derive(Clone, Default)]
    pub(in super::super) struct RemoteSettings(pub(super) ());

    impl RemoteSettings {
        pub(in super::super) const fn takes_plain_http(&self) -> bool {
            let Self(()) = self;
            false
        }
    }
}

pub(super) mod key_sources {
    use std::sync::Arc;

    use super::super::{TrustedIssuer, issuers::Profiles, problems::Problems, trusted_issuer::KeysFrom};
    use super::fetched::RemoteSettings;
    use crate::{
        source::{KeySource, Tenants},
        time::Clock,
    };

    /// Makes the key sources of one server.
    pub(in super::super) struct KeySources;

    impl KeySources {
        pub(in super::super) const fn new(_: &[TrustedIssuer], _: &Arc<dyn Clock>) -> Self {
            Self
        }

        pub(in super::super) fn of(
            &mut self,
            issuer: &TrustedIssuer,
            _: &mut Problems<'_>,
        ) -> Option<KeySource> {
            match &issuer.keys {
                KeysFrom::Given(keys) => {
                    Some(KeySource::fixed(issuer.profile.selects_key_by().rename(keys.clone())))
                }
                KeysFrom::Fetched(never) => match *never {},
            }
        }

        pub(in super::super) fn tenants(
            &mut self,
            issuer: &TrustedIssuer,
            _: Profiles,
            _: &mut Problems<'_>,
        ) -> Option<Tenants<Profiles>> {
            match &issuer.keys {
                KeysFrom::Given(_) => None,
                KeysFrom::Fetched(never) => match *never {},
            }
        }
    }

    pub(in super::super) fn check_given<A>(_: &TrustedIssuer, _: A, _: &mut Problems<'_>) {}

    pub(in super::super) fn check(issuer: &TrustedIssuer, _: &mut Problems<'_>) {
        let RemoteSettings(()) = issuer.remote;
    }
}
