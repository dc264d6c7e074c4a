//! Which requirement an operation has.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use http::Method;

use crate::{http::RequestHead, policy::Requirement};

/// Where an [`AuthLayer`](super::AuthLayer) gets the requirement of a request from.
///
/// Made from a fixed [`Requirement`] or a [`RequirementTable`]; a function of the request's head goes to
/// [`AuthLayer::requirements_by`](super::AuthLayer::requirements_by).
#[derive(Clone)]
pub struct Requirements(Kind);

#[derive(Clone)]
enum Kind {
    Fixed(Requirement),
    Table { table: Arc<RequirementTable>, pattern: PatternOf },
    PerRequest(Arc<dyn Fn(RequestHead<'_>) -> Requirement + Send + Sync>),
}

/// What a table is asked for: the pattern or path of a request.
type PatternOf = for<'a> fn(&RequirementTable, RequestHead<'a>) -> Option<&'a str>;

impl Requirements {
    /// These requirements, and `always` beside each.
    pub(super) fn and(self, always: &Requirement) -> Self {
        match self.0 {
            kind if always.is_none() => Self(kind),
            Kind::Fixed(requirement) => always.clone().and(requirement).into(),
            Kind::Table { table, pattern } => Arc::unwrap_or_clone(table).and(always).by(pattern),
            Kind::PerRequest(choose) => {
                let always = always.clone();
                Self::by(move |request| always.clone().and(choose(request)))
            }
        }
    }

    pub(super) fn by(choose: impl Fn(RequestHead<'_>) -> Requirement + Send + Sync + 'static) -> Self {
        Self(Kind::PerRequest(Arc::new(choose)))
    }

    /// The requirement, if it is the same for every request.
    #[inline]
    pub(super) fn fixed(&self) -> Option<&Requirement> {
        match &self.0 {
            Kind::Fixed(requirement) => Some(requirement),
            Kind::Table { .. } | Kind::PerRequest(_) => None,
        }
    }

    /// The requirement of this request.
    pub(super) fn of(&self, request: RequestHead<'_>) -> Requirement {
        match &self.0 {
            Kind::Fixed(requirement) => requirement.clone(),
            Kind::Table { table, pattern } => table.find(request.method, pattern(table, request)),
            Kind::PerRequest(choose) => choose(request),
        }
    }
}

impl From<Requirement> for Requirements {
    fn from(requirement: Requirement) -> Self {
        Self(Kind::Fixed(requirement))
    }
}

/// By the exact path of a gRPC method; else by the route that axum matched, with the feature `axum` and
/// where there is one; else by the exact path. See [`RequirementTable`].
impl From<RequirementTable> for Requirements {
    fn from(table: RequirementTable) -> Self {
        table.by(|table, request| {
            let path = request.uri.path();
            // tonic routes with axum, by service: its pattern says nothing about the method.
            if table.grpc.contains(path) {
                return Some(path);
            }
            #[cfg(feature = "axum")]
            if let Some(matched) = request.extensions.get::<axum::extract::MatchedPath>() {
                return Some(matched.as_str());
            }
            Some(path)
        })
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

/// Requirements by operation: a route pattern with its method, or a gRPC method.
///
/// An operation that is not in the table gets the strictest requirement: everything that any row
/// asks for, so that a forgotten row refuses instead of admitting. [`otherwise`](Self::otherwise)
/// says something else.
///
/// The layer takes the table as it is, and finds a row of a gRPC method by its path; another by the route
/// that axum matched (which is known where the layer is put on with `Router::layer`, after the
/// routes), or by the exact path where axum matched none. To go by one of them alone, say
/// `by_matched_path` (feature `axum`) or [`by_path`](Self::by_path).
///
/// ```
/// use tower_resource_server::{middleware::RequirementTable, policy::scope};
///
/// # fn layer(api: &tower_resource_server::ResourceServer) {
/// let table = RequirementTable::new()
///     .grpc("/hello.Greeter/SayHello", scope("hello"))
///     .grpc("/hello.Greeter/Reset", scope("admin"));
/// let layer = api.layer().requirements(table);
/// # let _ = layer;
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct RequirementTable {
    rows: HashMap<Box<str>, Vec<(Method, Requirement)>>,
    /// The paths of gRPC methods among them.
    grpc: HashSet<Box<str>>,
    otherwise: Option<Requirement>,
}

impl RequirementTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires `requirement` for `method` on the routes of `pattern`, written as the router has it.
    ///
    /// A `HEAD` request without a row of its own is judged as `GET`, as routers answer it.
    pub fn route(mut self, method: Method, pattern: impl Into<Box<str>>, requirement: Requirement) -> Self {
        let row = self.rows.entry(pattern.into()).or_default();
        row.retain(|(known, _)| *known != method);
        row.push((method, requirement));
        self
    }

    /// Requires `requirement` for a gRPC method, by its exact path: `/package.Service/Method`.
    pub fn grpc(mut self, path: impl Into<Box<str>>, requirement: Requirement) -> Self {
        let path = path.into();
        self.grpc.insert(path.clone());
        self.route(Method::POST, path, requirement)
    }

    /// Requires `requirement` for every operation without a row.
    pub fn otherwise(mut self, requirement: Requirement) -> Self {
        self.otherwise = Some(requirement);
        self
    }

    /// The requirement of an operation.
    pub fn find(&self, method: &Method, pattern: Option<&str>) -> Requirement {
        let row = |method: &Method| {
            let rows = self.rows.get(pattern?)?;
            rows.iter().find(|(known, _)| known == method).map(|(_, requirement)| requirement.clone())
        };
        let found = row(method).or_else(|| if *method == Method::HEAD { row(&Method::GET) } else { None });
        found.or_else(|| self.otherwise.clone()).unwrap_or_else(|| self.strictest())
    }

    /// The requirements of a request by what `pattern` finds in it.
    pub(crate) fn by(mut self, pattern: PatternOf) -> Requirements {
        // Works out once what an operation without a row needs, or every such request would.
        self.otherwise = Some(self.otherwise.take().unwrap_or_else(|| self.strictest()));
        Requirements(Kind::Table { table: Arc::new(self), pattern })
    }

    /// The same table with `always` in front of each requirement: joined once, and not per request.
    fn and(mut self, always: &Requirement) -> Self {
        let own = self.rows.values_mut().flatten().map(|(_, requirement)| requirement);
        for requirement in own.chain(&mut self.otherwise) {
            *requirement = always.clone().and(std::mem::take(requirement));
        }
        self
    }

    /// Sorted, since the rows are in no order.
    fn strictest(&self) -> Requirement {
        let rows = self.rows.values().flatten();
        rows.fold(Requirement::none(), |all, (_, requirement)| all.and(requirement.clone())).sorted()
    }

    /// Chooses by the request's exact path: right for gRPC, whose paths have no parameters.
    #[must_use]
    pub fn by_path(self) -> Requirements {
        self.by(|_, request| Some(request.uri.path()))
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
            .grpc("/pkg.S/M", scope("call"));
        for (method, pattern, expected) in [
            (Method::GET, Some("/orders"), "read"),
            (Method::HEAD, Some("/orders"), "read"),
            (Method::POST, Some("/orders"), "write"),
            (Method::DELETE, Some("/orders"), "call read write"),
            (Method::GET, Some("/orders/"), "call read write"),
            (Method::GET, None, "call read write"),
            (Method::POST, Some("/pkg.S/M"), "call"),
            (Method::POST, Some("/pkg.S/N"), "call read write"),
        ] {
            assert_eq!(table.find(&method, pattern).to_string(), expected, "{method} {pattern:?}");
        }
        let joined = table.clone().by_path().and(&scope("base"));
        for (path, expected) in [("/orders", "base read"), ("/else", "base call read write")] {
            let (head, ()) = http::Request::get(path).body(()).unwrap().into_parts();
            assert_eq!(joined.of((&head).into()).to_string(), expected, "{path}");
        }
        let open = table.otherwise(Requirement::none());
        assert_eq!(open.find(&Method::GET, Some("/else")).to_string(), "");
    }
}
