//! A token among the subprotocols of a WebSocket handshake.

use crate::site::{
    Expected::{self, Admitted, BadRequest, BadToken, NoCredentials, Sees},
    Row, row,
};

const MALFORMED: Expected = BadRequest("the subprotocol of the token is malformed");
const SEVERAL: Expected = BadRequest("the request has tokens in several subprotocols");
const ALONE: Expected = BadRequest("the request offers no subprotocol beside that of the token");

const KUBERNETES: &str = "base64url.bearer.authorization.k8s.io.";

pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (path, name, protocols, expected) in [
        ("/prefix", "nothing", &[][..], NoCredentials),
        ("/prefix", "other protocols", &["chat, superchat"], NoCredentials),
        (
            "/prefix",
            "a token and another",
            &["bearer.{good}, chat"],
            Sees("alice sec-websocket-protocol=chat"),
        ),
        (
            "/prefix",
            "another and a token",
            &["chat, bearer.{good}"],
            Sees("alice sec-websocket-protocol=chat"),
        ),
        (
            "/prefix",
            "a token between others",
            &["chat,bearer.{good},superchat"],
            Sees("alice sec-websocket-protocol=chat, superchat"),
        ),
        ("/prefix", "in two fields", &["chat", "bearer.{good}"], Sees("alice sec-websocket-protocol=chat")),
        (
            "/prefix",
            "empty elements",
            &[",, chat ,, bearer.{good} ,"],
            Sees("alice sec-websocket-protocol=chat"),
        ),
        ("/prefix", "a token alone", &["bearer.{good}"], ALONE),
        ("/prefix", "a token and empty elements", &["bearer.{good},, ,"], ALONE),
        ("/prefix", "two tokens", &["bearer.{good}, bearer.{bob}, chat"], SEVERAL),
        ("/prefix", "the same twice", &["bearer.{good}, chat, bearer.{good}"], SEVERAL),
        ("/prefix", "two tokens in two fields", &["bearer.{good}, chat", "bearer.{bob}"], SEVERAL),
        ("/prefix", "no token behind the prefix", &["bearer., chat"], MALFORMED),
        ("/prefix", "no token, and one", &["bearer., bearer.{good}, chat"], SEVERAL),
        ("/prefix", "the prefix in upper case", &["BEARER.{good}, chat"], NoCredentials),
        ("/prefix", "the prefix without its end", &["bearer{good}, chat"], NoCredentials),
        ("/prefix", "a longer prefix", &["xbearer.{good}, chat"], NoCredentials),
        ("/prefix", "a space behind the prefix", &["bearer. {good}, chat"], MALFORMED),
        ("/prefix", "quoted", &["bearer.\"{good}\", chat"], MALFORMED),
        (
            "/prefix",
            "encoded where it is not",
            &["bearer.{encoded}, chat"],
            BadToken("a signed token has exactly three parts"),
        ),
        ("/prefix", "expired", &["bearer.{expired}, chat"], BadToken("the token has expired")),
        ("/prefix", "the token of another form", &["access_token, {good}"], NoCredentials),
        (
            "/kubernetes",
            "encoded",
            &["^{encoded}, v4.channel.k8s.io"],
            Sees("alice sec-websocket-protocol=v4.channel.k8s.io"),
        ),
        (
            "/kubernetes",
            "encoded, behind another",
            &["v5.channel.k8s.io, v4.channel.k8s.io, ^{encoded}"],
            Admitted,
        ),
        ("/kubernetes", "encoded, alone", &["^{encoded}"], ALONE),
        ("/kubernetes", "encoded twice", &["^{encoded}, ^{encoded}, v4.channel.k8s.io"], SEVERAL),
        ("/kubernetes", "not encoded", &["^{good}, v4.channel.k8s.io"], MALFORMED),
        ("/kubernetes", "encoded with padding", &["^{encoded}=, v4.channel.k8s.io"], MALFORMED),
        ("/kubernetes", "encoded for another alphabet", &["^+/+/, v4.channel.k8s.io"], MALFORMED),
        ("/kubernetes", "what is not UTF-8", &["^_____w, v4.channel.k8s.io"], MALFORMED),
        (
            "/kubernetes",
            "a word",
            &["^c29tZXRoaW5n, v4.channel.k8s.io"],
            BadToken("a signed token has exactly three parts"),
        ),
        ("/kubernetes", "no token, encoded", &["^, v4.channel.k8s.io"], MALFORMED),
        (
            "/after",
            "behind the name",
            &["access_token, {good}"],
            Sees("alice sec-websocket-protocol=access_token"),
        ),
        (
            "/after",
            "behind the name, and another",
            &["access_token, {good}, chat"],
            Sees("alice sec-websocket-protocol=access_token, chat"),
        ),
        ("/after", "behind the name, behind another", &["chat, access_token, {good}"], Admitted),
        ("/after", "in two fields, behind the name", &["access_token", "{good}"], Admitted),
        ("/after", "the name alone", &["access_token"], MALFORMED),
        ("/after", "the name at the end", &["{good}, access_token"], MALFORMED),
        ("/after", "the name twice", &["access_token, {good}, access_token, {bob}"], SEVERAL),
        ("/after", "the name again at the end", &["access_token, {good}, access_token"], SEVERAL),
        (
            "/after",
            "another between",
            &["access_token, chat, {good}"],
            BadToken("a signed token has exactly three parts"),
        ),
        ("/after", "the token without the name", &["{good}, chat"], NoCredentials),
        ("/after", "the name in upper case", &["Access_Token, {good}"], NoCredentials),
    ] {
        let fields = protocols
            .iter()
            .map(|value| format!("\nSec-WebSocket-Protocol: {}", value.replace('^', KUBERNETES)));
        rows.push(row(name, format!("GET {path}{}", fields.collect::<String>()), expected));
    }
    let bearer = "Authorization: Bearer {good}";
    for (name, request, expected) in [
        (
            "what is left is not marked, other credentials are",
            format!("GET /prefix\n{bearer}\nSec-WebSocket-Protocol: bearer.{{good}}, chat"),
            Sees("alice authorization!Bearer … sec-websocket-protocol=chat"),
        ),
        (
            "marked where nothing is removed",
            format!("GET /offered\n{bearer}\nSec-WebSocket-Protocol: chat, superchat"),
            Sees("alice authorization!Bearer … sec-websocket-protocol!chat, superchat"),
        ),
        (
            "a token in Authorization and one that is offered",
            format!("GET /offered\n{bearer}\nSec-WebSocket-Protocol: bearer.{{good}}, chat"),
            BadRequest("the request has tokens in several places"),
        ),
    ] {
        rows.push(row(name, request, expected));
    }
    rows
}
