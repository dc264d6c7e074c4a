//! The text form: what it reads, what it prints, and where each mistake is.

use tower_resource_server::policy::Requirement;

#[test]
fn what_is_printed_reads_back_to_the_same_value() {
    for (text, printed) in [
        ("scope(a)", "scope(a)"),
        (" \t\nscope (a\n b)\n", "scope(a b)"),
        ("scope(a) and(scope(b))", "scope(a) and scope(b)"),
        ("(scope(a))", "scope(a)"),
        ("((scope(a) or scope(b)))", "scope(a) or scope(b)"),
        ("scope(a) or scope(b) and scope(c)", "scope(a) or scope(b) and scope(c)"),
        ("(scope(a) or scope(b)) and scope(c)", "(scope(a) or scope(b)) and scope(c)"),
        ("scope(a) and (scope(b) and scope(c))", "scope(a) and scope(b) and scope(c)"),
        ("scope(a) or (scope(b) or scope(c))", "scope(a) or scope(b) or scope(c)"),
        (r#"scope("a(b)")"#, r#"scope("a(b)")"#),
        ("role(a \"b c\")", "role(a \"b c\")"),
        (r#"role("")"#, r#"role("")"#),
        (r#"role("a")"#, "role(a)"),
        (r#"role("\"" "\\")"#, r#"role("\"" \)"#),
        (r#"claim(a = "x")"#, r#"claim(a = "x")"#),
        (r#"claim(a ="x")"#, r#"claim(a = "x")"#),
        (r#"claim(/a = "x")"#, r#"claim(a = "x")"#),
        (r#"claim(a(b) = "x")"#, r#"claim(a(b) = "x")"#),
        (r#"claim("a b" = "x")"#, r#"claim("a b" = "x")"#),
        (r#"claim(a in "x""y")"#, r#"claim(a in "x" "y")"#),
        (r#"claim(a contains "é\"")"#, r#"claim(a contains "é\"")"#),
        (r#"claim(a contains_all "x")"#, r#"claim(a contains "x")"#),
        ("claim(a is true)", "claim(a is true)"),
        ("claim(a is\ttrue )", "claim(a is true)"),
        ("max_age( 300 )", "max_age(300)"),
        ("max_age(007)", "max_age(7)"),
        ("actor(none)", "actor(none)"),
        ("actor(\"none\" x)", "actor(\"none\" x)"),
        ("issuer(https://a.test/x)", "issuer(https://a.test/x)"),
        ("anonymous or any_token", "anonymous or any_token"),
        ("never", "never"),
        (
            r#"authorization_details(pay location "l" action "a")"#,
            r#"authorization_details(pay action "a" location "l")"#,
        ),
    ] {
        let read: Requirement = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(read.to_string(), printed, "{text}");
        assert_eq!(printed.parse::<Requirement>().unwrap(), read, "{text}");
    }
}

#[test]
fn each_mistake_is_told_with_its_place() {
    for (text, at, what) in [
        ("", 0, "a requirement is expected here, such as `scope(orders:read)`"),
        ("  ", 2, "a requirement is expected here, such as `scope(orders:read)`"),
        ("scope(a) and", 12, "a requirement is expected here, such as `scope(orders:read)`"),
        ("and scope(a)", 0, "a requirement is expected before `and`"),
        ("scope(a) scope(b)", 9, "`and` or `or` is expected here"),
        ("scope(a) AND scope(b)", 9, "`and` or `or` is expected here"),
        (
            "Scope(a)",
            0,
            "`Scope` is no requirement; those are scope, any_scope, role, any_role, claim, acr, amr, max_age, client, issuer, audience, actor, authorization_details, any_token, anonymous and never",
        ),
        ("scope", 5, "a `(` is expected after `scope`"),
        ("scope()", 6, "a value is expected here"),
        ("scope(a", 7, "a `)` is missing here"),
        ("(scope(a)", 9, "a `)` is missing here"),
        ("scope(a))", 8, "there is no `(` before this `)`"),
        ("scope(é)", 6, "a scope is one or more of the characters %x21 / %x23-5B / %x5D-7E"),
        (r#"scope("a b")"#, 6, "a scope is one or more of the characters %x21 / %x23-5B / %x5D-7E"),
        (
            "acr(\"a b\")",
            4,
            "a class of acr_values is one or more of the characters %x21 / %x23-5B / %x5D-7E",
        ),
        (
            "scope(a error=invalid_token)",
            8,
            "a scope cannot hold `error=`: clients search a challenge for it",
        ),
        (
            "acr(https://idp.test/?scope=gold)",
            4,
            "a class of acr_values cannot hold `scope=`: clients search a challenge for it",
        ),
        ("role(\"a", 5, "the text that begins here has no end"),
        (r#"role("é\n")"#, 7, r#"`\` stands before `"` or `\` only"#),
        ("max_age(-1)", 8, "a number of seconds is expected here"),
        ("max_age(1.5)", 8, "a number of seconds is expected here"),
        ("max_age(+1)", 8, "a number of seconds is expected here"),
        ("max_age(99999999999999999999)", 8, "a number of seconds is expected here"),
        ("max_age(1 2)", 10, "a `)` is missing here"),
        ("issuer(a b)", 9, "a `)` is missing here"),
        ("actor(none x)", 6, "`none` is no actor beside others"),
        ("actor(x  none)", 9, "`none` is no actor beside others"),
        ("scope(ok bé)", 9, "a scope is one or more of the characters %x21 / %x23-5B / %x5D-7E"),
        ("any_scope(é)", 10, "a scope is one or more of the characters %x21 / %x23-5B / %x5D-7E"),
        ("claim()", 7, "`=`, `in`, `contains`, `contains_any`, `contains_all` or `is true` is expected here"),
        (
            "claim( )",
            8,
            "`=`, `in`, `contains`, `contains_any`, `contains_all` or `is true` is expected here",
        ),
        ("claim(a = x)", 10, "a text in quotes is expected here"),
        ("claim(a is false)", 11, "`true` is expected after `is`"),
        (
            "claim(a like \"x\")",
            8,
            "`=`, `in`, `contains`, `contains_any`, `contains_all` or `is true` is expected here",
        ),
        (
            "claim(/a~2 = \"x\")",
            6,
            "\"/a~2\" is no JSON Pointer (RFC 6901), so no claim is ever found by it; write ~0 for a ~ in a name, and ~1 for a /",
        ),
        ("predicate(x)", 0, "a predicate is a function of the application, and has no text form"),
        ("authorization_details()", 22, "a type is expected here"),
    ] {
        let error = text.parse::<Requirement>().expect_err(text);
        assert_eq!((error.position(), error.problem()), (at, what), "{text:?}");
        assert_eq!(error.to_string(), format!("at character {}: {what}", at + 1));
    }
}

#[test]
fn parentheses_nest_so_deep_and_no_deeper() {
    let nested = |depth: usize| format!("{}any_token{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(nested(64).parse::<Requirement>().unwrap(), Requirement::any_token());
    let error = nested(65).parse::<Requirement>().unwrap_err();
    assert_eq!((error.position(), error.problem()), (64, "parentheses nest at most 64 deep"));
    assert!(nested(1_000_000).parse::<Requirement>().is_err());
}
