//! Requirements by operation, as a table.

use std::{collections::HashMap, mem};

use http::Method;

use super::{PatternError, Requirements, pattern::no_path};
use crate::{
    http::{RequestHead, is_plain_path},
    policy::{Compiled, Requirement, all, anonymous_or},
};

/// Requirements by operation: a method with a pattern of paths, or a gRPC method.
///
/// An operation that is not in the table gets the strictest requirement: a good token, and everything that any
/// row asks for, so that a forgotten row refuses instead of admitting. [`otherwise`](Self::otherwise) says
/// something else.
///
/// The layer takes the table as it is, and finds a row of a gRPC method by its path; another by the route
/// that axum matched (which is known where the layer is put on with `Router::layer`, after the
/// routes), or by the path where axum matched none. To go by one of them alone, say
/// `by_matched_path` (feature `axum`) or [`by_path`](Self::by_path).
///
/// A pattern is written as axum has it: `{id}` stands for one segment, `{*rest}` for everything that follows. By
/// the path, an exact pattern counts before one with a `{`; the path counts as the request has it, and with a
/// slash at its end it is another.
///
/// ```
/// use tower_resource_server::{middleware::RequirementTable, policy::scope};
///
/// # fn layer(api: &tower_resource_server::ResourceServer) {
/// let table = RequirementTable::new()
///     .grpc("/hello.Greeter/SayHello", scope("hello"))
///     .grpc("/hello.Greeter/Reset", scope("admin"))
///     .open("/grpc.health.v1.Health/Check")
///     .open_under("/grpc.reflection.");
/// let layer = api.layer().requirements(table);
/// # let _ = layer;
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct RequirementTable {
    rows: Vec<Row>,
    otherwise: Option<Requirement>,
}

#[derive(Clone, Debug)]
struct Row {
    /// Any, where there is none.
    method: Option<Method>,
    place: Place,
    requirement: Requirement,
}

/// Where an operation is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Pattern(Box<str>),
    Grpc(Box<str>),
    Under(Box<str>),
}

impl RequirementTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires `requirement` for `method` on the paths of `pattern`. Of two rows for the same
    /// operation both hold.
    ///
    /// A `HEAD` request without a row of its own is judged as `GET`, as routers answer it.
    pub fn route(self, method: Method, pattern: impl Into<Box<str>>, requirement: Requirement) -> Self {
        self.row(Some(method), Place::Pattern(pattern.into()), requirement)
    }

    /// Requires `requirement` for a gRPC method, by its exact path: `/package.Service/Method`. The method of HTTP
    /// does not matter, since gRPC servers do not look at it.
    pub fn grpc(self, path: impl Into<Box<str>>, requirement: Requirement) -> Self {
        self.row(None, Place::Grpc(path.into()), requirement)
    }

    /// Opens the paths of `pattern` to requests without credentials, whatever the method, where the server
    /// requires nothing of every request that they lack. Bad credentials are refused all the same (promise 9).
    pub fn open(self, pattern: impl Into<Box<str>>) -> Self {
        self.row(None, Place::Pattern(pattern.into()), anonymous_or(Requirement::any_token()))
    }

    /// Opens every path that begins so and that no row lists, whatever the method, as [`open`](Self::open) does.
    /// A path with two readings, such as `/public/../admin`, is not opened: see
    /// [`is_plain_path`](crate::http::is_plain_path).
    pub fn open_under(self, prefix: impl Into<Box<str>>) -> Self {
        self.row(None, Place::Under(prefix.into()), anonymous_or(Requirement::any_token()))
    }

    /// Requires `requirement` for every operation without a row.
    pub fn otherwise(mut self, requirement: Requirement) -> Self {
        self.otherwise = Some(requirement);
        self
    }

    fn row(mut self, method: Option<Method>, place: Place, requirement: Requirement) -> Self {
        match self.rows.iter_mut().find(|row| (&row.method, &row.place) == (&method, &place)) {
            Some(row) => row.requirement = mem::take(&mut row.requirement).and(requirement),
            None => self.rows.push(Row { method, place, requirement }),
        }
        self
    }

    /// Checks that a path can be what every row says, and that no two patterns of a method stand for the same paths: no
    /// path is without its first slash, or has a query, a fragment or white space in it.
    /// A row that fails is found by axum's route alone, if at all; by the path, its operations count as not listed.
    ///
    /// # Errors
    /// The first [`PatternError`].
    pub fn check_patterns(&self) -> Result<(), PatternError> {
        let mut rows = Rows::new(());
        self.rows.iter().try_for_each(|row| rows.add(row, ()))
    }

    /// The paths of the rows of gRPC methods.
    #[cfg(feature = "tonic")]
    pub(super) fn grpc_paths(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(|row| match &row.place {
            Place::Grpc(path) => Some(&**path),
            Place::Pattern(_) | Place::Under(_) => None,
        })
    }

    /// The patterns of the rows that hold whatever the method.
    #[cfg(feature = "tonic")]
    pub(super) fn open_patterns(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(|row| match (&row.method, &row.place) {
            (None, Place::Pattern(pattern)) => Some(&**pattern),
            _ => None,
        })
    }

    /// Whether a gRPC method has a row.
    #[cfg(feature = "tonic")]
    pub(super) fn lists_grpc(&self) -> impl Fn(&str) -> bool + use<> {
        let mut rows = Rows::new(());
        for row in &self.rows {
            // A pattern that cannot be compared with paths lists none.
            let _ = rows.add(row, ());
        }
        move |path| rows.find(&Method::POST, Operation::Path(path)).is_some()
    }

    /// What an operation needs that is not listed: a good token, and what each row asks for, once.
    fn strictest(&self) -> Requirement {
        let mut each: Vec<&Requirement> = Vec::new();
        for row in &self.rows {
            if !each.contains(&&row.requirement) {
                each.push(&row.requirement);
            }
        }
        all([Requirement::any_token()].into_iter().chain(each.into_iter().cloned()))
    }

    /// The rows, each made ready by `listed`; what nothing was said of by `unlisted`.
    pub(super) fn rows<T>(
        &self,
        mut listed: impl FnMut(&Requirement) -> T,
        unlisted: impl FnOnce(&Requirement) -> T,
    ) -> Rows<T> {
        let mut rows = Rows::new(match &self.otherwise {
            Some(otherwise) => listed(otherwise),
            None => unlisted(&self.strictest()),
        });
        for row in &self.rows {
            if let Err(error) = rows.add(row, listed(&row.requirement)) {
                tracing::warn!(%error, "a row of a requirement table is found by axum's route alone, if at all");
            }
        }
        rows
    }

    /// Chooses by the request's path.
    #[must_use]
    pub fn by_path(self) -> Requirements {
        Requirements::of_table(self, |_, request| Some(Operation::Path(request.uri.path())))
    }

    /// Chooses by the route that axum matched and the method. A request that no route matches gets
    /// the strictest requirement.
    ///
    /// The layer must be put on with `Router::layer`, after the routes: only there is the matched
    /// route known.
    ///
    /// ```
    /// # fn app(api: &tower_resource_server::ResourceServer) -> axum::Router {
    /// use axum::{Router, http::Method, routing::get};
    /// use tower_resource_server::{middleware::RequirementTable, policy::scope};
    ///
    /// let table = RequirementTable::new()
    ///     .route(Method::GET, "/orders/{id}", scope("orders:read"))
    ///     .route(Method::DELETE, "/orders/{id}", scope("orders:write"));
    /// Router::new()
    ///     .route("/orders/{id}", get(|| async { "an order" }).delete(|| async { "gone" }))
    ///     .layer(api.layer().requirements(table.by_matched_path()))
    /// # }
    /// ```
    #[cfg(feature = "axum")]
    #[must_use]
    pub fn by_matched_path(self) -> Requirements {
        Requirements::of_table(self, |_, request| matched(request).map(Operation::Pattern))
    }
}

/// By the exact path of a gRPC method; else by the route that axum matched, with the feature `axum` and
/// where there is one; else by the path. See [`RequirementTable`].
impl From<RequirementTable> for Requirements {
    fn from(table: RequirementTable) -> Self {
        Self::of_table(table, |rows, request| {
            let path = request.uri.path();
            // tonic routes with axum, by service: its pattern says nothing about the method.
            if rows.has_path(path) {
                return Some(Operation::Pattern(path));
            }
            Some(matched(request).map_or(Operation::Path(path), Operation::Pattern))
        })
    }
}

/// The route that axum matched.
#[cfg(feature = "axum")]
fn matched(request: RequestHead<'_>) -> Option<&str> {
    request.extensions.get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str)
}

#[cfg(not(feature = "axum"))]
const fn matched(_: RequestHead<'_>) -> Option<&str> {
    None
}

/// What a row is looked up by.
#[derive(Clone, Copy)]
pub(super) enum Operation<'a> {
    /// The pattern itself.
    Pattern(&'a str),
    /// A path that patterns are compared with.
    Path(&'a str),
}

impl<'a> Operation<'a> {
    const fn text(self) -> &'a str {
        let (Self::Pattern(text) | Self::Path(text)) = self;
        text
    }
}

/// How a layer tells the operation of a request, if it can.
pub(super) type Find = for<'a> fn(&Rows<Compiled>, RequestHead<'a>) -> Option<Operation<'a>>;

/// The rows of a table, ready to be looked up.
pub(super) struct Rows<T> {
    values: Vec<T>,
    by_method: HashMap<Method, Patterns>,
    by_any: Patterns,
    grpc: HashMap<Box<str>, usize>,
    /// The longest first.
    under: Vec<(Box<str>, usize)>,
    otherwise: T,
}

/// The rows of one method.
#[derive(Default)]
struct Patterns {
    exact: HashMap<Box<str>, usize>,
    router: matchit::Router<usize>,
}

impl<T> Rows<T> {
    fn new(otherwise: T) -> Self {
        let (values, by_method, by_any, grpc, under) = Default::default();
        Self { values, by_method, by_any, grpc, under, otherwise }
    }

    /// Whether a path has a row that holds whatever the method and the route: a gRPC method, or an open path.
    fn has_path(&self, path: &str) -> bool {
        self.grpc.contains_key(path) || self.by_any.exact.contains_key(path)
    }

    fn add(&mut self, row: &Row, value: T) -> Result<(), PatternError> {
        let number = self.values.len();
        self.values.push(value);
        let added = self.add_number(row, number);
        let (Place::Grpc(text) | Place::Under(text) | Place::Pattern(text)) = &row.place;
        match no_path(text) {
            Some(problem) => Err(PatternError::new(text, problem)),
            None => added,
        }
    }

    fn add_number(&mut self, row: &Row, number: usize) -> Result<(), PatternError> {
        match &row.place {
            Place::Grpc(path) => {
                self.grpc.insert(path.clone(), number);
                Ok(())
            }
            Place::Under(prefix) => {
                self.under.push((prefix.clone(), number));
                self.under.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
                Ok(())
            }
            Place::Pattern(pattern) => match &row.method {
                Some(method) => self.by_method.entry(method.clone()).or_default().add(pattern, number),
                None => self.by_any.add(pattern, number),
            },
        }
    }

    /// What holds for operations without a row.
    pub(super) const fn otherwise(&self) -> &T {
        &self.otherwise
    }

    /// The row of an operation.
    pub(super) fn find(&self, method: &Method, operation: Operation<'_>) -> Option<&T> {
        let number = (self.grpc.get(operation.text()))
            .or_else(|| self.of_method(method, |rows| rows.exact.get(operation.text())))
            .or_else(|| self.of_method(method, |rows| rows.wildcard(operation)))
            .or_else(|| self.under(operation));
        self.values.get(*number?)
    }

    /// The row of a method, of `GET` for `HEAD`, or else of any method.
    fn of_method<'s>(
        &'s self,
        method: &Method,
        find: impl Fn(&'s Patterns) -> Option<&'s usize>,
    ) -> Option<&'s usize> {
        let of = |method: &Method| self.by_method.get(method).and_then(&find);
        let as_get = || if *method == Method::HEAD { of(&Method::GET) } else { None };
        of(method).or_else(as_get).or_else(|| find(&self.by_any))
    }

    /// The row of the longest prefix of a path that no row lists, whatever the method, and that can be read in
    /// one way only.
    fn under(&self, operation: Operation<'_>) -> Option<&usize> {
        let text = operation.text();
        let (_, number) = self.under.iter().find(|(prefix, _)| text.starts_with(&**prefix))?;
        let is_listed = |rows: &Patterns| rows.exact.contains_key(text) || rows.wildcard(operation).is_some();
        let is_plain = matches!(operation, Operation::Pattern(_)) || is_plain_path(text);
        (is_plain && !self.by_method.values().any(is_listed)).then_some(number)
    }
}

impl Patterns {
    fn add(&mut self, pattern: &str, number: usize) -> Result<(), PatternError> {
        self.exact.insert(pattern.into(), number);
        if !pattern.contains(['{', '}']) {
            return Ok(());
        }
        self.router.insert(pattern, number).map_err(|error| PatternError::new(pattern, error.to_string()))
    }

    fn wildcard(&self, operation: Operation<'_>) -> Option<&usize> {
        match operation {
            Operation::Pattern(_) => None,
            Operation::Path(path) => Some(self.router.at(path).ok()?.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::scope;

    #[test]
    fn what_has_no_row_gets_the_strictest() {
        let table = RequirementTable::new()
            .route(Method::GET, "/orders", scope("read"))
            .route(Method::POST, "/orders", scope("write"))
            .route(Method::GET, "/orders/{id}", scope("read one"))
            .route(Method::GET, "/orders/new", scope("read new"))
            .route(Method::GET, "/files/{*rest}", scope("files"))
            .route(Method::DELETE, "/orders", scope("read"))
            .grpc("/pkg.S/M", scope("call"))
            .route(Method::GET, "/public/{id}/edit", scope("edit"))
            .open("/health")
            .open("/orders/open")
            .open_under("/public/")
            .open_under("/pkg.");
        let strictest = "any_token and scope(read) and scope(write) and scope(read one) and scope(read new) and \
                         scope(files) and scope(call) and scope(edit) and (anonymous or any_token)";
        let open = "anonymous or any_token";
        let rows = table.rows(ToString::to_string, ToString::to_string);
        for (method, path, expected) in [
            (Method::GET, "/orders", "scope(read)"),
            (Method::HEAD, "/orders", "scope(read)"),
            (Method::POST, "/orders", "scope(write)"),
            (Method::DELETE, "/orders", "scope(read)"),
            (Method::PUT, "/orders", strictest),
            (Method::GET, "/orders/", strictest),
            (Method::GET, "/orders/7", "scope(read one)"),
            (Method::GET, "/orders/new", "scope(read new)"),
            (Method::GET, "/orders/%6eew", "scope(read one)"),
            (Method::GET, "/orders/7/items", strictest),
            (Method::GET, "/files/a/b", "scope(files)"),
            (Method::GET, "/files/", strictest),
            (Method::POST, "/pkg.S/M", "scope(call)"),
            (Method::PUT, "/pkg.S/M", "scope(call)"),
            (Method::POST, "/pkg.S/N", open),
            (Method::GET, "/orders/open", open),
            (Method::GET, "/public/1/edit", "scope(edit)"),
            (Method::DELETE, "/public/1/edit", strictest),
            (Method::GET, "/public/../orders", strictest),
            (Method::GET, "/public/%2e%2e/orders", strictest),
            (Method::GET, "/public//orders", strictest),
            (Method::OPTIONS, "/health", open),
            (Method::GET, "/health/", strictest),
            (Method::GET, "/public/a/b", open),
            (Method::GET, "/public", strictest),
        ] {
            let found = rows.find(&method, Operation::Path(path)).unwrap_or(rows.otherwise());
            assert_eq!(found, expected, "{method} {path}");
        }
        for (pattern, expected) in [("/orders/{id}", "scope(read one)"), ("/orders/7", strictest)] {
            let found = rows.find(&Method::GET, Operation::Pattern(pattern)).unwrap_or(rows.otherwise());
            assert_eq!(found, expected, "{pattern}");
        }
        let open = table.otherwise(Requirement::any_token()).rows(ToString::to_string, ToString::to_string);
        assert_eq!(open.otherwise(), "any_token");
    }
}
