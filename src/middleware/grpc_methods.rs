//! The gRPC methods that a descriptor set knows, and the rows of a table compared with them.

use std::{collections::BTreeSet, fmt};

use prost::Message;

use super::RequirementTable;

/// The methods of gRPC services, by their paths, as one or more descriptor sets name them: what `protoc`,
/// `tonic-prost-build` (`file_descriptor_set_path`) and `protox` write, and what reflection is built from.
///
/// ```
/// use tower_resource_server::{middleware::{GrpcMethods, RequirementTable}, policy::scope};
///
/// # const GREETER: &[u8] = b"\x0a'\x12\x05hello2\x1e\x0a\x07Greeter\x12\x0a\x0a\x08SayHello\x12\x07\x0a\x05Reset";
/// # const HEALTH: &[u8] = b"\x0a#\x12\x0egrpc.health.v12\x11\x0a\x06Health\x12\x07\x0a\x05Check";
/// let methods = GrpcMethods::of([GREETER, HEALTH])?; // tonic::include_file_descriptor_set!(..)
/// let table = RequirementTable::new()
///     .grpc("/hello.Greeter/SayHello", scope("hello"))
///     .grpc("/hello.Greeter/Resset", scope("admin"));
/// assert_eq!(
///     table.check_grpc(&methods).unwrap_err().to_string(),
///     "no service has /hello.Greeter/Resset, which a row is for; write /hello.Greeter/Reset"
/// );
/// # Ok::<(), tower_resource_server::middleware::DescriptorError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcMethods(BTreeSet<Box<str>>);

/// Bytes that name no gRPC method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptorError {
    /// They are no `google.protobuf.FileDescriptorSet`.
    #[error("the bytes are no FileDescriptorSet")]
    Malformed,
    /// It has no service with a method; so it cannot be the descriptor set of a server.
    #[error("the FileDescriptorSet has no service with a method")]
    NoMethods,
}

/// Rows that do not agree with the gRPC methods of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcRowsError {
    unknown: Vec<(Box<str>, Option<Box<str>>)>,
    missing: Vec<Box<str>>,
}

impl GrpcRowsError {
    /// The rows of methods that no service has, each with the name of a method that is nearly the same.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.unknown.iter().map(|(path, nearest)| (&**path, nearest.as_deref()))
    }

    /// The methods without a row, where each must have one.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.missing.iter().map(|path| &**path)
    }
}

impl fmt::Display for GrpcRowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (path, nearest) in self.unknown() {
            write!(f, "{separator}no service has {path}, which a row is for")?;
            if let Some(nearest) = nearest {
                write!(f, "; write {nearest}")?;
            }
            separator = "; ";
        }
        for path in self.missing() {
            write!(f, "{separator}{path} has no row")?;
            separator = "; ";
        }
        Ok(())
    }
}

impl std::error::Error for GrpcRowsError {}

/// `google.protobuf.FileDescriptorSet`, as far as it names methods; `descriptor.proto` has the numbers.
#[derive(Clone, PartialEq, Message)]
struct FileDescriptorSet {
    #[prost(message, repeated, tag = "1")]
    file: Vec<FileDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
struct FileDescriptor {
    #[prost(string, optional, tag = "2")]
    package: Option<String>,
    #[prost(message, repeated, tag = "6")]
    service: Vec<ServiceDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
struct ServiceDescriptor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    method: Vec<MethodDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
struct MethodDescriptor {
    #[prost(string, tag = "1")]
    name: String,
}

impl GrpcMethods {
    /// The methods of all services of these descriptor sets: those of the application, and those of services that
    /// come with a library, such as health and reflection.
    ///
    /// # Errors
    /// [`DescriptorError`] for the first set that cannot be read or names no method.
    pub fn of<D: AsRef<[u8]>>(sets: impl IntoIterator<Item = D>) -> Result<Self, DescriptorError> {
        let mut all = BTreeSet::new();
        for set in sets {
            let methods = methods(set.as_ref())?;
            if methods.is_empty() {
                return Err(DescriptorError::NoMethods);
            }
            all.extend(methods);
        }
        Ok(Self(all))
    }

    /// Their paths, such as `/hello.Greeter/SayHello`, in alphabetical order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|path| &**path)
    }

    fn has(&self, path: &str) -> bool {
        self.0.contains(path)
    }

    /// Whether a path is of a service that is known.
    fn is_of_service(&self, path: &str) -> bool {
        let Some((service, _)) = path.rsplit_once('/') else { return false };
        self.paths().any(|known| known.rsplit_once('/').is_some_and(|(known, _)| known == service))
    }

    /// The path that takes the fewest changes, if they are few: one in six characters.
    fn nearest(&self, path: &str) -> Option<&str> {
        let changes = |known: &&str| distance(known, path);
        self.paths().filter(|known| changes(known) * 6 <= path.len()).min_by_key(changes)
    }
}

fn methods(set: &[u8]) -> Result<Vec<Box<str>>, DescriptorError> {
    let set = FileDescriptorSet::decode(set).map_err(|_| DescriptorError::Malformed)?;
    let mut methods = Vec::new();
    for file in &set.file {
        let package = file.package.as_deref().filter(|package| !package.is_empty());
        for service in &file.service {
            for method in &service.method {
                let (service, method) = (&service.name, &method.name);
                methods.push(match package {
                    Some(package) => format!("/{package}.{service}/{method}").into(),
                    None => format!("/{service}/{method}").into(),
                });
            }
        }
    }
    Ok(methods)
}

/// How many characters must be added, removed or replaced to make one text of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (b, above) in b.iter().zip(row.windows(2)) {
            let [diagonal, above] = above else { continue };
            let before = next.last().copied().unwrap_or(i);
            let replaced = diagonal + usize::from(a != *b);
            next.push(replaced.min(above + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

impl RequirementTable {
    /// Checks the rows of gRPC methods against those that there are, so that a typo in a path is an error at start-up
    /// and not a method that needs the strictest requirement. A row of [`open`](Self::open) is one of a gRPC method if
    /// its service is known, or if it is nearly the path of a method.
    ///
    /// # Errors
    /// [`GrpcRowsError`] with every row that is for no method.
    pub fn check_grpc(&self, methods: &GrpcMethods) -> Result<(), GrpcRowsError> {
        self.compare(methods, Vec::new())
    }

    /// As [`check_grpc`](Self::check_grpc), and each method must have a row: one of its own, or an
    /// [open prefix](Self::open_under).
    ///
    /// # Errors
    /// [`GrpcRowsError`] with every row that is for no method, and with every method without a row.
    pub fn check_every_grpc(&self, methods: &GrpcMethods) -> Result<(), GrpcRowsError> {
        self.compare(methods, self.unlisted_grpc(methods).into_iter().map(Into::into).collect())
    }

    /// The methods without a row, which need the strictest requirement, or what
    /// [`otherwise`](Self::otherwise) says.
    #[must_use]
    pub fn unlisted_grpc<'m>(&self, methods: &'m GrpcMethods) -> Vec<&'m str> {
        let is_listed = self.lists_grpc();
        methods.paths().filter(|path| !is_listed(path)).collect()
    }

    fn compare(&self, methods: &GrpcMethods, missing: Vec<Box<str>>) -> Result<(), GrpcRowsError> {
        let own = self.grpc_paths().filter(|path| !methods.has(path));
        let open = self.open_patterns().filter(|path| {
            !methods.has(path) && (methods.is_of_service(path) || methods.nearest(path).is_some())
        });
        let nearest = |path: &str| methods.nearest(path).map(Into::into);
        let unknown: Vec<_> = own.chain(open).map(|path| (path.into(), nearest(path))).collect();
        if unknown.is_empty() && missing.is_empty() {
            Ok(())
        } else {
            Err(GrpcRowsError { unknown, missing })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_changes() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("/a.B/Get", "/a.B/Get", 0),
            ("/a.B/Get", "/a.B/Gett", 1),
            ("/a.B/Get", "/a.B/get", 1),
            ("/a.B/Get", "/a.B/Gte", 2),
            ("kitten", "sitting", 3),
            ("é", "e", 1),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
