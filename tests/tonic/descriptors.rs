//! The rows of a requirement table against descriptor sets, written by hand.

use http::Method;
use tower_resource_server::{
    middleware::{DescriptorError, GrpcMethods, RequirementTable},
    policy::{Requirement, scope},
};

/// A field of the wire format that has a length.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = value.len();
    while length > 0x7f {
        bytes.push(0x80 | u8::try_from(length & 0x7f).unwrap());
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap());
    bytes.extend(value);
    bytes
}

fn service(name: &str, methods: &[&str]) -> Vec<u8> {
    let of = |method: &&str| {
        let named = [field(1, method.as_bytes()), field(2, b".a.In"), field(3, b".a.Out")].concat();
        field(2, &named)
    };
    let methods: Vec<u8> = methods.iter().flat_map(of).collect();
    field(6, &[field(1, name.as_bytes()), methods].concat())
}

/// A set of one file, with fields that nothing is read of.
fn set(package: Option<&str>, services: &[Vec<u8>]) -> Vec<u8> {
    let name = field(1, b"a.proto");
    let package = package.map(|package| field(2, package.as_bytes())).unwrap_or_default();
    let message = field(4, &field(1, b"In"));
    field(1, &[name, package, message, services.concat(), field(12, b"proto3")].concat())
}

fn orders() -> Vec<u8> {
    set(Some("shop.v1"), &[service("Orders", &["List", "Cancel"]), service("Bills", &["List"])])
}

#[test]
fn the_methods_of_all_services_are_known_by_their_paths() {
    let two_files = [orders(), set(Some("b"), &[service("C", &["D"])])].concat();
    let long = "M".repeat(300);
    for (name, sets, expected) in [
        ("services", vec![orders()], "/shop.v1.Bills/List /shop.v1.Orders/Cancel /shop.v1.Orders/List"),
        ("no package", vec![set(None, &[service("A", &["B"])])], "/A/B"),
        ("an empty package", vec![set(Some(""), &[service("A", &["B"])])], "/A/B"),
        (
            "two files",
            vec![two_files],
            "/b.C/D /shop.v1.Bills/List /shop.v1.Orders/Cancel /shop.v1.Orders/List",
        ),
        (
            "two sets, one method in both",
            vec![set(Some("b"), &[service("C", &["D"])]), set(Some("b"), &[service("C", &["D", "E"])])],
            "/b.C/D /b.C/E",
        ),
        ("no set", Vec::new(), ""),
        ("long", vec![set(None, &[service("A", &[&long])])], &*format!("/A/{long}")),
    ] {
        let methods = GrpcMethods::of(sets).unwrap();
        assert_eq!(methods.paths().collect::<Vec<_>>().join(" "), expected, "{name}");
    }
}

#[test]
fn bytes_that_are_no_descriptor_set_are_refused() {
    let whole = orders();
    let nested = (0..200).fold(Vec::new(), |inner, _| field(1, &inner));
    assert_eq!(DescriptorError::Malformed.to_string(), "the bytes are no FileDescriptorSet");
    for (name, bytes, expected) in [
        ("nothing", Vec::new(), DescriptorError::NoMethods),
        ("a set without services", set(Some("a"), &[]), DescriptorError::NoMethods),
        ("a service without methods", set(Some("a"), &[service("B", &[])]), DescriptorError::NoMethods),
        ("a .proto file", b"syntax = \"proto3\";\n".to_vec(), DescriptorError::Malformed),
        ("text", b"{}".to_vec(), DescriptorError::Malformed),
        ("a length beyond the end", b"\x0a\xff\xff\xff\xff\x0f".to_vec(), DescriptorError::Malformed),
        (
            "a length without end",
            vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            DescriptorError::Malformed,
        ),
        ("a name that is no UTF-8", field(1, &field(2, b"\xff")), DescriptorError::Malformed),
        ("a file that is a number", vec![0x08, 0x01], DescriptorError::Malformed),
        ("another message", field(9, b"x"), DescriptorError::NoMethods),
        ("deeply nested", nested, DescriptorError::NoMethods),
    ] {
        assert_eq!(GrpcMethods::of([orders(), bytes]), Err(expected), "{name}");
    }
    // Cut off anywhere, it is no set; none panics.
    for end in 1..whole.len() {
        assert_eq!(GrpcMethods::of([&whole[..end]]), Err(DescriptorError::Malformed), "{end} bytes");
    }
}

#[test]
fn rows_of_methods_that_do_not_exist_are_told_with_the_nearest_name() {
    let methods = GrpcMethods::of([orders()]).unwrap();
    let any = Requirement::any_token;
    let both = || {
        RequirementTable::new().grpc("/shop.v1.Orders/List", any()).grpc("/shop.v1.Orders/Cancel", scope("w"))
    };
    let bills = || both().grpc("/shop.v1.Bills/List", any());
    let unknown =
        |path: &str, nearest: &str| (path.to_owned(), Some(nearest.to_owned()).filter(|it| !it.is_empty()));
    for (name, table, wrong, unlisted) in [
        ("all", bills(), vec![], ""),
        ("one without a row", both(), vec![], "/shop.v1.Bills/List"),
        ("otherwise is no row", both().otherwise(any()), vec![], "/shop.v1.Bills/List"),
        ("an open one", both().open("/shop.v1.Bills/List"), vec![], ""),
        ("an open prefix", both().open_under("/shop.v1.Bills/"), vec![], ""),
        ("a route of POST", both().route(Method::POST, "/shop.v1.Bills/List", any()), vec![], ""),
        ("a pattern", both().route(Method::POST, "/shop.v1.Bills/{method}", any()), vec![], ""),
        (
            "a route of GET",
            both().route(Method::GET, "/shop.v1.Bills/List", any()),
            vec![],
            "/shop.v1.Bills/List",
        ),
        (
            "plain HTTP beside",
            bills().open("/health").open("/a/b").route(Method::GET, "/x", any()),
            vec![],
            "",
        ),
        (
            "a typo in the method",
            bills().grpc("/shop.v1.Orders/Cancle", any()),
            vec![unknown("/shop.v1.Orders/Cancle", "/shop.v1.Orders/Cancel")],
            "",
        ),
        (
            "another case",
            bills().grpc("/shop.v1.orders/list", any()),
            vec![unknown("/shop.v1.orders/list", "/shop.v1.Orders/List")],
            "",
        ),
        (
            "without the slash",
            bills().grpc("shop.v1.Orders/List", any()),
            vec![unknown("shop.v1.Orders/List", "/shop.v1.Orders/List")],
            "",
        ),
        (
            "a slash more",
            bills().grpc("/shop.v1.Orders/List/", any()),
            vec![unknown("/shop.v1.Orders/List/", "/shop.v1.Orders/List")],
            "",
        ),
        ("nothing like it", bills().grpc("/a.B/C", any()), vec![unknown("/a.B/C", "")], ""),
        (
            "an open row of a known service",
            bills().open("/shop.v1.Orders/Subscribe"),
            vec![unknown("/shop.v1.Orders/Subscribe", "")],
            "",
        ),
        (
            "an open row with a typo in the service",
            both().open("/shop.v1.Bill/List"),
            vec![unknown("/shop.v1.Bill/List", "/shop.v1.Bills/List")],
            "/shop.v1.Bills/List",
        ),
    ] {
        let found = table.check_grpc(&methods).err();
        let found: Vec<_> = found.iter().flat_map(|it| it.unknown()).collect();
        let found: Vec<_> = found.into_iter().map(|(a, b)| (a.to_owned(), b.map(str::to_owned))).collect();
        assert_eq!(found, wrong, "{name}");
        assert_eq!(table.unlisted_grpc(&methods).join(" "), unlisted, "{name}");
        let strict = table.check_every_grpc(&methods);
        assert_eq!(strict.is_ok(), wrong.is_empty() && unlisted.is_empty(), "{name}");
        let missing = strict.as_ref().err().map(|it| it.missing().collect::<Vec<_>>().join(" "));
        assert_eq!(missing.unwrap_or_default(), unlisted, "{name}");
    }
}
