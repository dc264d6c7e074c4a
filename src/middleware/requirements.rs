//! Which requirement an operation has: what the application asks for, and the same made ready for the
//! requests of one server.

use std::{fmt, sync::Arc};

use super::{
    RequirementTable,
    rows::{Find, Rows},
};
use crate::{
    http::RequestHead,
    policy::{Compiled, Requirement, anonymous_or},
    server::ResourceServer,
};

/// Where an [`AuthLayer`](super::AuthLayer) gets the requirement of a request from.
///
/// Made from a fixed [`Requirement`] or a [`RequirementTable`]; a function of the request's head goes to
/// [`AuthLayer::requirements_by`](super::AuthLayer::requirements_by).
#[derive(Clone)]
pub struct Requirements(Kind);

type Choose = dyn Fn(RequestHead<'_>) -> Requirement + Send + Sync;

#[derive(Clone)]
enum Kind {
    Fixed(Requirement),
    Table { table: Arc<RequirementTable>, find: Find },
    PerRequest(Arc<Choose>),
}

/// The requirements of one layer, with what the server always asks, ready for requests.
#[derive(Clone)]
pub(super) enum Ready {
    Fixed(Compiled),
    Table { rows: Arc<Rows<Compiled>>, find: Find, server: ResourceServer },
    PerRequest { choose: Arc<Choose>, server: ResourceServer, optional: bool },
}

impl Requirements {
    pub(super) fn by(choose: impl Fn(RequestHead<'_>) -> Requirement + Send + Sync + 'static) -> Self {
        Self(Kind::PerRequest(Arc::new(choose)))
    }

    pub(super) fn of_table(table: RequirementTable, find: Find) -> Self {
        Self(Kind::Table { table: Arc::new(table), find })
    }

    /// Makes ready what is asked for at one place of a server.
    pub(super) fn ready(asked: Option<&Self>, server: &ResourceServer, optional: bool) -> Ready {
        let whole = |own: Option<&Requirement>| whole(server, own.cloned(), optional);
        match asked.map(|asked| &asked.0) {
            None => Ready::Fixed(server.ready_for(whole(None))),
            Some(Kind::Fixed(own)) => Ready::Fixed(server.ready_for(whole(Some(own)))),
            Some(Kind::Table { table, find }) => {
                // What was forgotten is not opened by an optional layer.
                let unlisted = |own: &Requirement| server.ready_for(server.requires(Some(own.clone())));
                let rows = table.rows(|own| server.ready_for(whole(Some(own))), unlisted);
                Ready::Table { rows: Arc::new(rows), find: *find, server: server.clone() }
            }
            Some(Kind::PerRequest(choose)) => {
                Ready::PerRequest { choose: Arc::clone(choose), server: server.clone(), optional }
            }
        }
    }
}

/// What an operation needs in all.
fn whole(server: &ResourceServer, own: Option<Requirement>, optional: bool) -> Requirement {
    let needed = server.requires(own);
    if optional { anonymous_or(needed) } else { needed }
}

impl Ready {
    /// The requirement, if it is the same for every request.
    #[inline]
    pub(super) fn fixed(&self) -> Option<&Compiled> {
        match self {
            Self::Fixed(requirement) => Some(requirement),
            Self::Table { .. } | Self::PerRequest { .. } => None,
        }
    }

    /// The requirement of this request.
    pub(super) fn of(&self, request: RequestHead<'_>) -> Compiled {
        match self {
            Self::Fixed(requirement) => requirement.clone(),
            Self::Table { rows, find, server } => {
                let operation = find(rows, request);
                let found = operation.and_then(|operation| rows.find(request.method, operation));
                if let (None, Some(name)) = (found, operation.and_then(|operation| rows.name(operation))) {
                    server.note_unlisted(request.method, name);
                }
                found.unwrap_or(rows.otherwise()).clone()
            }
            Self::PerRequest { choose, server, optional } => {
                server.ready_once(whole(server, Some(choose(request)), *optional))
            }
        }
    }
}

impl From<Requirement> for Requirements {
    fn from(requirement: Requirement) -> Self {
        Self(Kind::Fixed(requirement))
    }
}

impl fmt::Debug for Requirements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Fixed(requirement) => f.debug_tuple("Requirements").field(requirement).finish(),
            Kind::Table { table, .. } => f.debug_tuple("Requirements").field(table).finish(),
            Kind::PerRequest(_) => f.write_str("Requirements(per request)"),
        }
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(requirement) => {
                f.debug_tuple("Requirements").field(requirement.requirement()).finish()
            }
            Self::Table { .. } => f.write_str("Requirements(table)"),
            Self::PerRequest { .. } => f.write_str("Requirements(per request)"),
        }
    }
}
