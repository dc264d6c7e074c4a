//! Requirements by operation, as a table.

use std::mem;

use http::Method;

use super::{
    PatternError, Requirements,
    rows::{Operation, Rows},
};
use crate::{
    http::{RequestHead, path_of_target},
    policy::{Requirement, all, anonymous_or},
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
    /// The paths of the gRPC methods that there are, as far as that was said.
    grpc_methods: Vec<Box<str>>,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Any, where there is none.
    pub(super) method: Option<Method>,
    pub(super) place: Place,
    requirement: Requirement,
}

/// Where an operation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
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
    /// [`is_plain_path`](crate::http::is_plain_path). Where rows are found by the route, the route begins so as well
    /// as the path.
    pub fn open_under(self, prefix: impl Into<Box<str>>) -> Self {
        self.row(None, Place::Under(prefix.into()), anonymous_or(Requirement::any_token()))
    }

    /// Requires `requirement` for every operation without a row.
    pub fn otherwise(mut self, requirement: Requirement) -> Self {
        self.otherwise = Some(requirement);
        self
    }

    /// Says which gRPC methods there are: one without a row is then
    /// [told](crate::ResourceServer::unlisted_operations) when it is asked for. Of others the path is a text of the request.
    #[cfg(feature = "tonic")]
    pub fn grpc_methods(mut self, methods: &super::GrpcMethods) -> Self {
        self.grpc_methods.extend(methods.paths().map(Into::into));
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
    /// By the path, what two patterns stand for gets the strictest requirement, such as `/files/7` of `/files/{id}` and
    /// `/files/{*rest}`; operations of a row that no path can be count as not listed.
    ///
    /// # Errors
    /// The first [`PatternError`].
    pub fn check_patterns(&self) -> Result<(), PatternError> {
        let mut rows = Rows::new((), ());
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
        let mut rows = Rows::new((), ());
        for row in &self.rows {
            // A pattern that cannot be compared with paths lists none.
            let _ = rows.add(row, ());
        }
        move |path| rows.find(&Method::POST, Operation::by_path(path)).is_some()
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
    pub(super) fn rows<T: Clone>(
        &self,
        listed: impl Fn(&Requirement) -> T,
        unlisted: impl FnOnce(&Requirement) -> T,
    ) -> Rows<T> {
        let strictest = unlisted(&self.strictest());
        let otherwise = self.otherwise.as_ref().map_or_else(|| strictest.clone(), &listed);
        let mut rows = Rows::new(otherwise, strictest);
        rows.grpc_methods.extend(self.grpc_methods.iter().cloned());
        for row in &self.rows {
            if let Err(error) = rows.add(row, listed(&row.requirement)) {
                tracing::warn!(%error, "by the path, a row of a requirement table is not found, or not it alone");
            }
        }
        rows
    }

    /// Chooses by the request's path.
    #[must_use]
    pub fn by_path(self) -> Requirements {
        Requirements::of_table(self, |_, request| Some(Operation::by_path(request.uri.path())))
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
        Requirements::of_table(self, |_, request| matched(request))
    }
}

/// By the exact path of a gRPC method; else by the route that axum matched, with the feature `axum` and
/// where there is one; else by the path. See [`RequirementTable`].
impl From<RequirementTable> for Requirements {
    fn from(table: RequirementTable) -> Self {
        Self::of_table(table, |rows, request| {
            let path = request.uri.path();
            // tonic routes with axum, by service: its pattern says nothing about the method. In a nested router the
            // path is a part of the client's.
            let is_by_path = rows.has_grpc(path) || rows.has_path(path) && path == path_of_target(request);
            let by_path = Operation::by_path(path);
            Some(if is_by_path { by_path } else { matched(request).unwrap_or(by_path) })
        })
    }
}

/// The route that axum matched. In a nested router it is the whole, as the path of the client is.
#[cfg(feature = "axum")]
fn matched(request: RequestHead<'_>) -> Option<Operation<'_>> {
    let route = request.extensions.get::<axum::extract::MatchedPath>()?;
    Some(Operation { route: Some(route.as_str()), path: path_of_target(request) })
}

#[cfg(not(feature = "axum"))]
const fn matched(_: RequestHead<'_>) -> Option<Operation<'_>> {
    None
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
            let found = rows.find(&method, Operation::by_path(path)).unwrap_or(rows.otherwise());
            assert_eq!(found, expected, "{method} {path}");
        }
        for (route, path, expected) in [
            ("/orders/{id}", "/orders/7", "scope(read one)"),
            ("/orders/7", "/orders/7", strictest),
            ("/public/{a}/{b}", "/public/a/b", open),
            // What the path says in another spelling than the route.
            ("/public/{id}/edit", "/public/1/edit", "scope(edit)"),
            ("/public/{document}/edit", "/public/1/edit", strictest),
            ("/public/{*rest}", "/public/1/edit", strictest),
            ("/public/{*rest}", "/public/a/b", open),
            ("/public/{*rest}", "/public/../admin", strictest),
            ("/public/{*rest}", "/public/%2e%2e/admin", strictest),
            ("/public/{*rest}", "/public//admin", strictest),
            ("/{*rest}", "/public/a/b", strictest),
            ("/public/{a}", "/admin", strictest),
            ("/pkg.S/{*rest}", "/pkg.S/N", open),
        ] {
            let found = rows.find(&Method::GET, Operation { route: Some(route), path });
            assert_eq!(found.unwrap_or(rows.otherwise()), expected, "{route} {path}");
        }
        let open = table.otherwise(Requirement::any_token()).rows(ToString::to_string, ToString::to_string);
        assert_eq!(open.otherwise(), "any_token");
    }

    #[test]
    fn what_several_patterns_stand_for_gets_the_strictest() {
        let strictest = "any_token and (anonymous or any_token) and scope(admin) and scope(x)";
        for (name, patterns, path, expected) in [
            ("the rest, then a segment", ["/files/{*rest}", "/files/{id}"], "/files/7", strictest),
            ("a segment, then the rest", ["/files/{id}", "/files/{*rest}"], "/files/7", strictest),
            ("only the rest", ["/files/{*rest}", "/files/{id}"], "/files/7/8", "anonymous or any_token"),
            ("two names for a segment", ["/files/{id}", "/files/{name}"], "/files/7", strictest),
            ("none in the way", ["/files/{id}", "/files/{id}/x"], "/files/7/x", "scope(admin)"),
            ("one that no path can be", ["/files/{id}", "/files/{i"], "/files/7", "anonymous or any_token"),
            ("two that no path can be", ["/{*a}/x", "/{"], "/files/7", "any_token"),
        ] {
            let [one, other] = patterns;
            // What is listed is not opened by what holds for everything else.
            let table = RequirementTable::new()
                .route(Method::GET, one, anonymous_or(Requirement::any_token()))
                .route(Method::GET, other, scope("admin"))
                .route(Method::POST, "/x", scope("x"))
                .otherwise(Requirement::any_token());
            let rows = table.rows(ToString::to_string, ToString::to_string);
            let found = rows.find(&Method::GET, Operation::by_path(path)).unwrap_or(rows.otherwise());
            assert_eq!(found, expected, "{name}");
        }
    }
}
