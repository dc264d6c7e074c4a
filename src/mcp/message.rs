//! What a body asks for: the methods of its messages, and what they are about.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{fault::Fault, requirements::Item};
use crate::json::{Found, Outline, PickedTwo, one_or_several};

/// How many messages a batch may have: batches were part of the specification of 2025-03-26 alone.
const MAX_BATCH: usize = 64;

/// Methods whose answers are lists, which are filtered.
const LISTS: [&str; 4] = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];

/// Methods for which any token is enough beside these.
const OPEN: [&str; 3] = ["initialize", "server/discover", "ping"];

/// What a client asks for, or tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operation<'a> {
    pub(super) method: Cow<'a, str>,
    params: Params<'a>,
    pub(super) subject: Subject<'a>,
}

/// The members of `params` by which some method says what it is about. Another method may have anything there.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Params<'a> {
    name: Found<'a>,
    uri: Found<'a>,
    reference: Found<'a>,
    notifications: Found<'a>,
    task: Found<'a>,
}

/// The names of the members that decide on a message.
const MEMBERS: [&str; 4] = ["method", "params", "result", "error"];

/// Those of the members of `params`, in the order of [`Params`].
const PARAMS: [&str; 5] = ["name", "uri", "ref", "notifications", "taskId"];

/// What an operation is about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Subject<'a> {
    Tool(Cow<'a, str>),
    Prompt(Cow<'a, str>),
    Resource(Cow<'a, str>),
    Resources(Vec<Cow<'a, str>>),
    /// Nothing for which a requirement is needed.
    Open,
    /// A method that the specification does not say enough about.
    Unknown,
}

impl Subject<'_> {
    pub(super) fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let (one, several) = match self {
            Self::Tool(name) => (Some(Item::Tool(name)), &[][..]),
            Self::Prompt(name) => (Some(Item::Prompt(name)), &[][..]),
            Self::Resource(uri) => (Some(Item::Resource(uri)), &[][..]),
            Self::Resources(uris) => (None, uris.as_slice()),
            Self::Open | Self::Unknown => (None, &[][..]),
        };
        one.into_iter().chain(several.iter().map(|uri| Item::Resource(uri)))
    }
}

/// The messages of a body.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Messages<'a> {
    pub(super) operations: SmallVec<[Operation<'a>; 1]>,
    /// Whether there are answers of the client among them.
    pub(super) answers: bool,
}

impl<'a> Messages<'a> {
    /// # Errors
    /// The first that is wrong; [`Fault::NotJson`] whatever else is wrong.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Fault> {
        let text = str::from_utf8(body).map_err(|_| Fault::NotJson)?;
        let (mut messages, mut read) = (Self::default(), Ok(()));
        let mut count = 0;
        let is_json = one_or_several(text, |scan| {
            let picked = scan.pick_two(MEMBERS, "params", PARAMS)?;
            count += 1;
            if read.is_ok() {
                read = if count > MAX_BATCH { Err(Fault::BatchTooLarge) } else { messages.add(picked) };
            }
            Some(())
        });
        is_json.ok_or(Fault::NotJson).and(read)?;
        if messages.operations.is_empty() && !messages.answers {
            Err(Fault::EmptyBatch)
        } else {
            Ok(messages)
        }
    }

    /// Adds a request, a notification, or an answer.
    fn add(&mut self, members: PickedTwo<'a, 4, 5>) -> Result<(), Fault> {
        let ([method, params, result, error], inner) = members.map_err(|_| Fault::UnclearMessage)?;
        let is_answer = result.is_some() || error.is_some();
        match method {
            None if is_answer => self.answers = true,
            None => return Err(Fault::NoMethod),
            Some(_) if is_answer => return Err(Fault::UnclearMessage),
            Some(method) => {
                let method = method.text().ok_or(Fault::NoMethod)?;
                if params.is_some_and(|params| !params.is_null() && !params.is_object()) {
                    return Err(Fault::PositionalParams);
                }
                let [name, uri, reference, notifications, task] = inner;
                let params = Params { name, uri, reference, notifications, task };
                let subject = Subject::of(&method, params)?;
                self.operations.push(Operation { method, params, subject });
            }
        }
        Ok(())
    }

    /// Whether an answer to one of them is a list.
    pub(super) fn ask_for_a_list(&self) -> bool {
        self.operations.iter().any(|operation| LISTS.contains(&&*operation.method))
    }
}

impl<'a> Subject<'a> {
    fn of(method: &str, params: Params<'a>) -> Result<Self, Fault> {
        Ok(match method {
            "tools/call" => Self::Tool(text_of(params.name)?),
            "prompts/get" => Self::Prompt(text_of(params.name)?),
            // A version without these methods is asked for them, too, and its server says so: a message that names
            // no resource is about one without a row.
            "resources/subscribe" | "resources/unsubscribe" if params.uri == Ok(None) => {
                Self::Resource(Cow::Borrowed(""))
            }
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                Self::Resource(text_of(params.uri)?)
            }
            "completion/complete" => {
                let reference = clear(params.reference)?;
                match &*text_of(member(reference, "type"))? {
                    "ref/prompt" => Self::Prompt(text_of(member(reference, "name"))?),
                    "ref/resource" => Self::Resource(text_of(member(reference, "uri"))?),
                    _ => return Err(Fault::NotNamed),
                }
            }
            "subscriptions/listen" => {
                let wanted = clear(params.notifications)?;
                match clear(member(wanted, "resourceSubscriptions"))? {
                    None => Self::Open,
                    Some(uris) => {
                        let uris = uris.elements().ok_or(Fault::NotNamed)?;
                        Self::Resources(
                            uris.map(Outline::text).collect::<Option<_>>().ok_or(Fault::NotNamed)?,
                        )
                    }
                }
            }
            _ if OPEN.contains(&method) || LISTS.contains(&method) => Self::Open,
            _ if method.starts_with("notifications/") => Self::Open,
            _ => Self::Unknown,
        })
    }
}

impl<'a> Operation<'a> {
    /// Whether this text is what the message names: a tool, a prompt or a task by its name, a resource by its
    /// URI.
    pub(super) fn is_named(&self, name: &str) -> Result<bool, Fault> {
        Ok(match &self.subject {
            Subject::Tool(own) | Subject::Prompt(own) | Subject::Resource(own) => own == name,
            Subject::Resources(_) | Subject::Open | Subject::Unknown => {
                let Params { name: own, uri, task, .. } = self.params;
                let names = [clear(own)?, clear(uri)?, clear(task)?];
                names.into_iter().flatten().any(|own| own.text().is_some_and(|own| own == name))
            }
        })
    }
}

fn clear(found: Found<'_>) -> Result<Option<Outline<'_>>, Fault> {
    found.map_err(|_| Fault::UnclearMessage)
}

fn member<'a>(object: Option<Outline<'a>>, name: &str) -> Found<'a> {
    let Some(object) = object else { return Ok(None) };
    object.pick([name]).map(|[member]| member)
}

fn text_of(found: Found<'_>) -> Result<Cow<'_, str>, Fault> {
    clear(found)?.and_then(Outline::text).ok_or(Fault::NotNamed)
}
