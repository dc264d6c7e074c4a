//! What of a token the leaves of a requirement look at.

use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeSet, HashMap, HashSet},
    rc::Rc,
    time::Duration,
};

use foldhash::fast::RandomState;
use serde_json::Value;

use super::leaf::strings;
use crate::{
    json,
    policy::{Moment, membership::Texts},
    time::{UnixTime, distance},
    token::ClaimPath,
};

/// Where a profile finds what requirements look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct FactPlaces {
    /// The claims that hold roles.
    pub(crate) roles: Vec<ClaimPath>,
    /// Roles that no claim holds: those of a credential that is no token.
    pub(crate) given_roles: Box<[Box<str>]>,
    /// Whether the members of an object are roles.
    pub(crate) roles_as_members: bool,
    pub(crate) null_is_absent: bool,
    pub(crate) leeway: Duration,
}

impl FactPlaces {
    /// The roles of a token with these claims: of each place the texts of an array, the words of a text, or,
    /// where the profile says so, the names of an object's members. A place that holds anything else has none.
    pub(crate) fn roles<'v>(&'v self, claims: &'v Value) -> Vec<&'v str> {
        let of = |value: &'v Value| -> Vec<&'v str> {
            match value {
                Value::String(text) => text.split(' ').filter(|role| !role.is_empty()).collect(),
                Value::Object(members) if self.roles_as_members => {
                    members.keys().map(String::as_str).collect()
                }
                value => strings(value).unwrap_or_default(),
            }
        };
        let in_claims = self.roles.iter().filter_map(|path| path.look_up(claims)).flat_map(of);
        self.given_roles.iter().map(AsRef::as_ref).chain(in_claims).collect()
    }
}

/// The scopes that each scope implies, itself left out; closed, so that one look finds all.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScopeImplications(HashMap<Box<str>, Vec<Box<str>>>);

impl ScopeImplications {
    /// Closes what is declared.
    ///
    /// # Errors
    /// A scope that implies itself.
    pub(crate) fn close(declared: &[(Box<str>, Vec<Box<str>>)]) -> Result<Self, Box<str>> {
        let mut direct: HashMap<&str, Vec<&str>> = HashMap::new();
        for (scope, implied) in declared {
            direct.entry(scope).or_default().extend(implied.iter().map(AsRef::as_ref));
        }
        let mut closed = HashMap::new();
        for scope in declared.iter().map(|(scope, _)| &**scope) {
            let mut all: Vec<&str> = Vec::new();
            let mut open = vec![scope];
            while let Some(next) = open.pop() {
                for implied in direct.get(next).into_iter().flatten().copied() {
                    if implied == scope {
                        return Err(scope.into());
                    }
                    if !all.contains(&implied) {
                        all.push(implied);
                        open.push(implied);
                    }
                }
            }
            closed.insert(scope.into(), all.into_iter().map(Into::into).collect());
        }
        Ok(Self(closed))
    }

    /// These scopes, with those that they imply.
    fn of<'a>(&'a self, granted: Vec<&'a str>) -> Vec<&'a str> {
        if self.0.is_empty() {
            return granted;
        }
        let mut all: HashSet<&str, RandomState> = HashSet::default();
        for scope in granted {
            // Of one that is there already, so is what it implies.
            if all.insert(scope) {
                all.extend(self.0.get(scope).into_iter().flatten().map(AsRef::as_ref));
            }
        }
        all.into_iter().collect()
    }
}

/// What a token says, as it was read when it was verified.
pub(crate) trait Contents {
    /// The configured name of its issuer.
    fn issuer(&self) -> &str;
    fn client_id(&self) -> Option<&str>;
    fn audiences(&self) -> Vec<&str>;
    fn scopes(&self) -> Vec<&str>;
    fn payload(&self) -> &str;
    fn places(&self) -> &FactPlaces;
}

/// The claims of a token, read again when the first leaf looks at one.
#[derive(Debug, Default)]
pub(crate) struct ClaimsAgain(OnceCell<Value>);

/// What requirements look at in a token, found out when it is first looked at.
pub(crate) struct Facts<'a> {
    contents: &'a dyn Contents,
    implications: &'a ScopeImplications,
    now: UnixTime,
    claims: &'a ClaimsAgain,
    /// In a box, since a hit seldom needs any.
    lists: OnceCell<Box<Lists<'a>>>,
}

/// What many leaves look for one name in: each list is made once, however many leaves there are.
#[derive(Default)]
struct Lists<'a> {
    scopes: OnceCell<Texts<'a>>,
    roles: OnceCell<Texts<'a>>,
    audiences: OnceCell<Texts<'a>>,
    /// Arrays of claims, by where they are; none where something else than a string is in it.
    arrays: RefCell<HashMap<*const Value, Option<Rc<Texts<'a>>>, RandomState>>,
}

impl<'a> Facts<'a> {
    /// The facts of a token at this moment.
    pub(crate) const fn new(
        contents: &'a dyn Contents,
        claims: &'a ClaimsAgain,
        implications: &'a ScopeImplications,
        now: UnixTime,
    ) -> Self {
        Self { contents, implications, now, claims, lists: OnceCell::new() }
    }

    /// The moment, and the leeway of the token's profile.
    pub(super) fn moment(&self) -> Moment {
        Moment { now: self.now, leeway: self.contents.places().leeway }
    }

    fn lists(&self) -> &Lists<'a> {
        self.lists.get_or_init(Box::default)
    }

    fn scopes(&self) -> &Texts<'a> {
        self.lists().scopes.get_or_init(|| Texts::new(self.implications.of(self.contents.scopes())))
    }

    fn claims(&self) -> &'a Value {
        // The payload was read strictly before, so it is an object.
        self.claims.0.get_or_init(|| json::read_again(self.contents.payload()).unwrap_or_default())
    }

    /// Whether the claims could be read again, as they always can.
    pub(super) fn is_readable(&self) -> bool {
        self.claims().is_object()
    }

    pub(super) fn issuer(&self) -> &str {
        self.contents.issuer()
    }

    pub(super) fn client_id(&self) -> Option<&str> {
        self.contents.client_id()
    }

    pub(super) fn audiences(&self) -> &Texts<'a> {
        self.lists().audiences.get_or_init(|| Texts::new(self.contents.audiences()))
    }

    pub(super) fn has_scope(&self, scope: &str) -> bool {
        self.scopes().has(scope)
    }

    pub(super) fn sorted_scopes(&self) -> BTreeSet<&str> {
        self.scopes().list().iter().copied().collect()
    }

    pub(super) fn roles(&self) -> &Texts<'a> {
        self.lists().roles.get_or_init(|| Texts::new(self.contents.places().roles(self.claims())))
    }

    pub(super) fn claim(&self, path: &ClaimPath) -> Option<&'a Value> {
        path.look_up(self.claims()).filter(|value| !self.counts_as_absent(value))
    }

    pub(super) fn member(&self, name: &str) -> Option<&'a Value> {
        self.claims().get(name).filter(|value| !self.counts_as_absent(value))
    }

    /// The one string of this claim, or the strings of an array of nothing else.
    pub(super) fn texts(&self, claim: &'a Value) -> Option<Rc<Texts<'a>>> {
        let texts = || strings(claim).map(|texts| Rc::new(Texts::new(texts)));
        if !claim.is_array() {
            return texts();
        }
        self.lists().arrays.borrow_mut().entry(std::ptr::from_ref(claim)).or_insert_with(texts).clone()
    }

    fn counts_as_absent(&self, value: &Value) -> bool {
        self.contents.places().null_is_absent && value.is_null()
    }

    /// The subject of the outermost `act`, if it is one.
    pub(super) fn actor(&self) -> Option<&str> {
        actor(self.member("act")?)
    }

    /// When the user logged in; an error where that is no date.
    pub(super) fn auth_time(&self) -> Result<Option<UnixTime>, NoDate> {
        let Some(value) = self.member("auth_time") else { return Ok(None) };
        value.as_f64().and_then(UnixTime::from_secs_f64).map(Some).ok_or(NoDate)
    }

    pub(super) fn is_login_within(&self, seconds: u64) -> bool {
        self.auth_time().is_ok_and(|at| is_within(at, seconds, self.moment()))
    }

    pub(super) fn login_in_words(&self) -> String {
        match self.auth_time() {
            Ok(Some(at)) => format!("the user logged in {}", distance(at, self.now)),
            Ok(None) => "the token has no auth_time".to_owned(),
            Err(NoDate) => "its auth_time is no date".to_owned(),
        }
    }
}

/// `auth_time` is no `NumericDate` (RFC 7519 section 2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoDate;

/// Whether a login was at most so many seconds ago, and not in the future beyond the leeway.
pub(super) fn is_within(at: Option<UnixTime>, seconds: u64, Moment { now, leeway }: Moment) -> bool {
    at.is_some_and(|at| {
        let until = at.saturating_add(Duration::from_secs(seconds)).saturating_add(leeway);
        now <= until && at <= now.saturating_add(leeway)
    })
}

/// The subject of an `act` claim (RFC 8693 section 4.1).
pub(crate) fn actor(act: &Value) -> Option<&str> {
    act.as_object()?.get("sub")?.as_str()
}
