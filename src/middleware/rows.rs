//! The rows of a requirement table as they are looked up.

use std::collections::{HashMap, HashSet};

use http::Method;

use super::{
    PatternError,
    pattern::no_path,
    table::{Place, Row},
};
use crate::{
    http::{RequestHead, is_plain_path},
    policy::Compiled,
};

/// What a row is looked up by.
#[derive(Clone, Copy)]
pub(super) struct Operation<'a> {
    /// The route that axum matched, where rows are found by it: then they are not compared with the path.
    pub(super) route: Option<&'a str>,
    pub(super) path: &'a str,
}

impl<'a> Operation<'a> {
    pub(super) const fn by_path(path: &'a str) -> Self {
        Self { route: None, path }
    }

    fn text(self) -> &'a str {
        self.route.unwrap_or(self.path)
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
    strictest: T,
    /// The paths of the gRPC methods that there are, as far as that was said.
    pub(super) grpc_methods: HashSet<Box<str>>,
}

/// The rows of one method.
#[derive(Default)]
struct Patterns {
    exact: HashMap<Box<str>, usize>,
    /// Each has the patterns that are in the way of one before it: there is one, unless a table has such.
    routers: Vec<matchit::Router<usize>>,
}

/// What an operation has.
#[derive(Clone, Copy)]
enum Listed {
    Row(usize),
    /// Patterns of which neither goes before the other.
    InSeveral,
}

impl<T> Rows<T> {
    /// `otherwise` is for operations without a row, `strictest` for those that several patterns stand for.
    pub(super) fn new(otherwise: T, strictest: T) -> Self {
        let (values, by_method, by_any, grpc, under, grpc_methods) = Default::default();
        Self { values, by_method, by_any, grpc, under, otherwise, strictest, grpc_methods }
    }

    /// Whether a path is that of a gRPC method with a row.
    pub(super) fn has_grpc(&self, path: &str) -> bool {
        self.grpc.contains_key(path)
    }

    /// Whether a path by itself has a row that holds whatever the method.
    pub(super) fn has_path(&self, path: &str) -> bool {
        self.by_any.exact.contains_key(path)
    }

    /// Adds a row. One that fails is there all the same, as far as it can be found.
    pub(super) fn add(&mut self, row: &Row, value: T) -> Result<(), PatternError> {
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

    /// What an operation is told by, where that is no text of the request: a gRPC method that there is, or the route.
    pub(super) fn name<'a>(&'a self, operation: Operation<'a>) -> Option<&'a str> {
        self.grpc_methods.get(operation.path).map(|path| &**path).or(operation.route)
    }

    /// The row of an operation.
    pub(super) fn find(&self, method: &Method, operation: Operation<'_>) -> Option<&T> {
        let text = operation.text();
        let grpc = || self.grpc.get(text).map(|&number| Listed::Row(number));
        let exact = || self.of_method(method, |rows| rows.exact(text));
        let wildcard = || self.of_method(method, |rows| rows.wildcard(operation.path));
        let listed = grpc().or_else(exact);
        let listed = if operation.route.is_none() { listed.or_else(wildcard) } else { listed };
        match listed.or_else(|| self.under(operation))? {
            Listed::Row(number) => self.values.get(number),
            Listed::InSeveral => Some(&self.strictest),
        }
    }

    /// What a method has, or `GET` for `HEAD`, or else any method.
    fn of_method(&self, method: &Method, find: impl Fn(&Patterns) -> Option<Listed>) -> Option<Listed> {
        let of = |method: &Method| self.by_method.get(method).and_then(&find);
        let as_get = || if *method == Method::HEAD { of(&Method::GET) } else { None };
        of(method).or_else(as_get).or_else(|| find(&self.by_any))
    }

    /// The row of the longest prefix of a path that no row lists, whatever the method, and that can be read in
    /// one way only. A route has to begin so as well as the path that it was matched by: what a row says of the path
    /// in another spelling of the pattern is not opened.
    fn under(&self, operation: Operation<'_>) -> Option<Listed> {
        let Operation { route, path } = operation;
        let begins =
            |prefix: &str| path.starts_with(prefix) && route.is_none_or(|route| route.starts_with(prefix));
        let (_, number) = self.under.iter().find(|(prefix, _)| begins(prefix))?;
        let is_listed = |rows: &Patterns| {
            rows.exact(operation.text())
                .or_else(|| rows.exact(path))
                .or_else(|| rows.wildcard(path))
                .is_some()
        };
        (is_plain_path(path) && !self.by_method.values().any(is_listed)).then_some(Listed::Row(*number))
    }
}

impl Patterns {
    fn add(&mut self, pattern: &str, number: usize) -> Result<(), PatternError> {
        self.exact.insert(pattern.into(), number);
        if !pattern.contains(['{', '}']) {
            return Ok(());
        }
        let mut in_the_way = None;
        for router in &mut self.routers {
            match router.insert(pattern, number) {
                Err(error @ matchit::InsertError::Conflict { .. }) => in_the_way = in_the_way.or(Some(error)),
                added => return added.map_err(|error| PatternError::new(pattern, error.to_string())),
            }
        }
        let mut router = matchit::Router::new();
        let added = router.insert(pattern, number);
        self.routers.push(router);
        in_the_way.map_or(added, Err).map_err(|error| PatternError::new(pattern, error.to_string()))
    }

    fn exact(&self, text: &str) -> Option<Listed> {
        self.exact.get(text).map(|&number| Listed::Row(number))
    }

    fn wildcard(&self, path: &str) -> Option<Listed> {
        let mut found = self.routers.iter().filter_map(|router| router.at(path).ok());
        let first = *found.next()?.value;
        Some(if found.next().is_some() { Listed::InSeveral } else { Listed::Row(first) })
    }
}
