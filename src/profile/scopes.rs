//! The scopes of a token: collected from its claims at verification, so that no JSON is read when they
//! are asked for. Most tokens have one list, which is kept as it stands.

use std::{borrow::Cow, collections::HashSet, fmt, sync::Arc};

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::compiled::position;
use crate::{
    policy::{Moment, Window},
    time::UnixTime,
    token::{ClaimId, ClaimValue, Claims},
};

/// The scopes of a token, in the order in which they stand there: those of several claims each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scopes {
    /// Each of one scope, or one of all of them, with spaces between.
    places: SmallVec<[Place; 3]>,
    /// The scopes that do not stand in the payload as they are, one after the other.
    others: String,
}

/// Where a scope is, in the payload with the others behind it.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    end: u32,
}

impl Scopes {
    /// The scopes of the token with this payload.
    pub(crate) fn iter<'a>(&'a self, payload: &'a str) -> impl Iterator<Item = &'a str> + Clone {
        let lists = self.places.iter().map(move |place| place.get(payload, &self.others));
        lists.flat_map(|list| list.split(' ')).filter(|scope| !scope.is_empty())
    }

    /// The scopes of a list that does not stand in the payload.
    pub(crate) fn given(list: &str, payload: &str) -> Self {
        let place = |start: usize, end: usize| {
            Some(Place { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
        };
        let place = place(payload.len(), payload.len().saturating_add(list.len()));
        Self { places: place.into_iter().collect(), others: list.to_owned() }
    }

    /// The scopes of a list that stands in the payload, if it does.
    #[inline]
    pub(super) fn of_list(list: &str, payload: &str) -> Option<Self> {
        let (start, end) = position(list, payload)?;
        let mut places = SmallVec::new();
        places.push(Place { start, end });
        Some(Self { places, others: String::new() })
    }

    /// Takes out what is there again, in time linear in their number.
    #[cold]
    fn keep_first(&mut self, payload: &str) {
        let Self { places, others } = self;
        let mut seen: HashSet<&str, RandomState> = HashSet::default();
        places.retain(|place| seen.insert(place.get(payload, others)));
    }

    /// What they take beside the payload, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.places.len() * size_of::<Place>() + self.others.capacity()
    }
}

impl Place {
    fn get<'a>(self, payload: &'a str, others: &'a str) -> &'a str {
        let (start, end) = (self.start as usize, self.end as usize);
        let text = match start.checked_sub(payload.len()) {
            Some(start) => others.get(start..end.saturating_sub(payload.len())),
            None => payload.get(start..end),
        };
        text.unwrap_or_default()
    }
}

/// Whether a text is one scope. One with a space in it is none (RFC 6749 section 3.3), and must not count
/// as several.
fn is_scope(text: &str) -> bool {
    !text.is_empty() && !text.contains(' ')
}

/// Makes another scope of one that stands in a claim, or none.
type Rename = dyn Fn(&str, &str) -> Option<String> + Send + Sync;

/// What becomes of each scope, in order.
#[derive(Clone, Default)]
pub(super) struct Renames(Vec<Arc<Rename>>);

impl Renames {
    pub(super) fn push(&mut self, rename: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) {
        self.0.push(Arc::new(rename));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a scope of `claim` is called here.
    fn apply<'a>(&self, claim: &str, scope: &'a str) -> Option<Cow<'a, str>> {
        self.0.iter().try_fold(Cow::Borrowed(scope), |scope, rename| rename(claim, &scope).map(Cow::Owned))
    }
}

impl fmt::Debug for Renames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Renames({})", self.0.len())
    }
}

/// Collects the scopes of one token.
pub(super) struct Collector<'a> {
    payload: &'a str,
    renames: &'a Renames,
    scopes: &'a mut Scopes,
}

/// Up to so many, comparing each with each is faster than hashing.
const FEW: usize = 8;

impl<'a> Collector<'a> {
    #[inline]
    pub(super) const fn new(payload: &'a str, renames: &'a Renames, scopes: &'a mut Scopes) -> Self {
        Self { payload, renames, scopes }
    }

    /// Adds the scopes of a claim that is a list or an array; `None` when it is neither.
    pub(super) fn add(&mut self, claim: &str, value: ClaimValue<'_>) -> Option<()> {
        match value {
            ClaimValue::String(list) => match position(list, self.payload) {
                Some((start, end)) if self.renames.is_empty() => self.add_list(list.as_bytes(), start, end),
                _ => list.split(' ').for_each(|scope| self.add_one(claim, scope)),
            },
            ClaimValue::Strings(each) => {
                each.iter().filter(|scope| is_scope(scope)).for_each(|scope| self.add_one(claim, scope));
            }
            _ => return None,
        }
        Some(())
    }

    /// Adds the scopes of a list that stands in the payload, as they are.
    fn add_list(&mut self, list: &[u8], start: u32, end: u32) {
        let mut from = start;
        for (at, byte) in (start..).zip(list) {
            if *byte == b' ' {
                self.add_place(Place { start: from, end: at });
                from = at + 1;
            }
        }
        self.add_place(Place { start: from, end });
    }

    /// Adds the members of an object that have not ended. Narrows `window` to the time when none of
    /// them has.
    pub(super) fn add_members(
        &mut self,
        claim: (ClaimId, &str),
        claims: &Claims<'_>,
        moment: Moment,
        window: &mut Window,
    ) {
        let (id, claim) = claim;
        for member in claims.members(id) {
            if let Some(ends) = member.ends {
                let until = ends.saturating_add(moment.leeway);
                if moment.now >= until {
                    continue;
                }
                window.narrow(UnixTime::from_secs(0), until);
            }
            if is_scope(&member.name) {
                self.add_one(claim, &member.name);
            }
        }
    }

    /// Adds a text without a space.
    #[inline]
    fn add_one(&mut self, claim: &str, scope: &str) {
        if scope.is_empty() {
            return;
        }
        if self.renames.is_empty() {
            self.keep(scope);
        } else if let Some(scope) = self.renames.apply(claim, scope).filter(|scope| is_scope(scope)) {
            self.keep(&scope);
        }
    }

    fn keep(&mut self, scope: &str) {
        let range = position(scope, self.payload).or_else(|| {
            let start = self.payload.len() + self.scopes.others.len();
            self.scopes.others.push_str(scope);
            Some((u32::try_from(start).ok()?, u32::try_from(start + scope.len()).ok()?))
        });
        // A payload is far shorter than 4 GiB: its token has a greatest length.
        if let Some((start, end)) = range {
            self.add_place(Place { start, end });
        }
    }

    /// Adds what stands at `place`, unless it is empty, or there already.
    fn add_place(&mut self, place: Place) {
        let Self { payload, scopes: Scopes { places, others }, .. } = self;
        let length = |place: Place| place.end - place.start;
        let same = |other: &Place| {
            length(*other) == length(place) && other.get(payload, others) == place.get(payload, others)
        };
        if length(place) > 0 && (places.len() >= FEW || !places.iter().any(same)) {
            places.push(place);
        }
    }

    /// Takes out what came again, where there are many.
    #[inline]
    pub(super) fn finish(self) {
        if self.scopes.places.len() > FEW {
            self.scopes.keep_first(self.payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::token::{ClaimNames, TokenLimits};

    #[test]
    fn a_scope_counts_until_its_own_end() {
        const NOW: u64 = 1000;
        for (name, object, leeway, expected, until) in [
            ("none", "{}", 0, "", None),
            ("no end", r#"{"b":{},"a":{"mandatory":true}}"#, 0, "b a", None),
            ("an end of something inside", r#"{"a":{"b":{"exp":7}},"c":{}}"#, 0, "a c", None),
            ("just not ended", r#"{"a":{"exp":1001}}"#, 0, "a", Some(1001)),
            ("the end is not the only member", r#"{"a":{"x":[1],"exp":1001,"y":{}}}"#, 0, "a", Some(1001)),
            ("ends now", r#"{"a":{"exp":1000}}"#, 0, "", None),
            ("the next has none", r#"{"a":{"exp":1000},"b":{}}"#, 0, "b", None),
            ("within the leeway", r#"{"a":{"exp":995}}"#, 6, "a", Some(1001)),
            (
                "the first end counts",
                r#"{"a":{"exp":1009},"b":{"exp":1005},"c":{"exp":7}}"#,
                0,
                "a b",
                Some(1005),
            ),
            ("a fraction", r#"{"a":{"exp":1000.5}}"#, 0, "a", Some(1000)),
            ("no date", r#"{"a":{"exp":"1001"},"b":{"exp":null},"c":{"exp":-1}}"#, 0, "", None),
            ("no object", r#"{"a":true,"b":null,"c":[],"d":1,"e":"x","f":[{"exp":1001}]}"#, 0, "", None),
            ("a space", r#"{"a b":{},"c":{}}"#, 0, "c", None),
            ("an escape", r#"{"\u0061":{"\u0065xp":1001}}"#, 0, "a", Some(1001)),
        ] {
            // The first is read by the quick walk, if all is plain; the other by the strict pass.
            for payload in [format!(r#"{{"s":{object}}}"#), format!("{{\"s\":{object}}}\n")] {
                let mut names = ClaimNames::default();
                let id = names.intern("s");
                names.intern_members(id);
                let mut claims = Claims::none(&names);
                claims.read(&payload, &names, &TokenLimits::default()).unwrap();
                let moment = Moment { now: UnixTime::from_secs(NOW), leeway: Duration::from_secs(leeway) };
                let mut window = Window::ALWAYS;
                let renames = Renames::default();
                let mut scopes = Scopes::default();
                let mut collector = Collector::new(&payload, &renames, &mut scopes);
                collector.add_members((id, "s"), &claims, moment, &mut window);
                collector.finish();
                let texts: Vec<_> = scopes.iter(&payload).collect();
                assert_eq!(texts.join(" "), expected, "{name}");
                let ends = (window != Window::ALWAYS).then(|| window.until.as_secs());
                assert_eq!(ends, until, "{name}");
            }
        }
    }

    #[test]
    fn each_scope_is_kept_once_however_many_there_are() {
        for (count, step) in [(1, 1), (5, 2), (8, 3), (9, 3), (40, 7), (3000, 1000)] {
            let list: Vec<_> = (0..count).map(|n| format!("s{}", n % step)).collect();
            let payload = list.join(" ");
            let renames = Renames::default();
            let mut scopes = Scopes::default();
            let mut collector = Collector::new(&payload, &renames, &mut scopes);
            collector.add("scope", ClaimValue::String(&payload)).unwrap();
            // The same in another claim, not out of the payload.
            let again: Vec<Cow<'_, str>> = list.iter().map(|scope| scope.clone().into()).collect();
            collector.add("scp", ClaimValue::Strings(&again)).unwrap();
            collector.finish();
            let expected: Vec<_> = (0..step.min(count)).map(|n| format!("s{n}")).collect();
            assert_eq!(scopes.iter(&payload).collect::<Vec<_>>(), expected, "{count} of {step}");
        }
    }
}
