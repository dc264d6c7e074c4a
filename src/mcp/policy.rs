//! What a principal may do, by the messages of a request and the items of a list.

use super::{
    message::Messages,
    requirements::{Item, Rows},
};
use crate::{
    http::{Rejection, RequestHead},
    identity::Identity,
    policy::{Compiled, all},
    server::{Denial, ResourceServer},
};

/// Requirements, and the server that judges them.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) server: ResourceServer,
    pub(super) rows: Rows,
}

impl Policy {
    /// The one place that asks whether an identity meets a requirement.
    fn may(&self, who: &Identity, required: &Compiled, head: Option<RequestHead<'_>>) -> Result<(), Denial> {
        self.server.admit_further(who, required, head)
    }

    /// Whether every message of a request is allowed.
    ///
    /// # Errors
    /// The refusal, which names what all of them need together, and what the server requires of every request.
    pub(super) fn permit(
        &self,
        messages: &Messages<'_>,
        who: &Identity,
        head: RequestHead<'_>,
    ) -> Result<(), Rejection> {
        let required = || messages.operations.iter().flat_map(|operation| self.rows.of(operation));
        let Some(unmet) = required().find_map(|row| self.may(who, row, Some(head)).err()) else {
            return Ok(());
        };
        let all = all(required().map(|row| row.requirement().clone()));
        let all = self.server.ready_once(self.server.requires(Some(all)));
        let denial = self.may(who, &all, Some(head)).err().unwrap_or(unmet);
        Err(self.server.refuse(denial, &all))
    }

    /// Whether an item of a list is shown: exactly if the message that asks for it would be allowed; not where a
    /// predicate decides by that request.
    pub(super) fn shows(&self, item: Item<'_>, who: &Identity) -> bool {
        let method = match item {
            Item::Tool(_) => "tools/call",
            Item::Prompt(_) => "prompts/get",
            Item::Resource(_) => "resources/read",
        };
        let rows = [Some(self.rows.of_item(item)), self.rows.of_method(method)];
        rows.into_iter().flatten().all(|row| self.may(who, row, None).is_ok())
    }
}
