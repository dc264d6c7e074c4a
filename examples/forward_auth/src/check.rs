//! Every form of the question, asked and compared.

use std::collections::HashMap;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header::WWW_AUTHENTICATE},
    response::Response,
};
use tower::ServiceExt;

use crate::{AnyError, demo::Demo, routes::REMOVE};

/// A proxy, by the way in which it asks.
#[derive(Clone, Copy, Debug)]
enum Proxy {
    Nginx,
    Traefik,
    Envoy,
}

const ALL: [Proxy; 3] = [Proxy::Nginx, Proxy::Traefik, Proxy::Envoy];

impl Proxy {
    fn asks(self, method: &Method, target: &str, token: Option<&str>) -> Result<Request<Body>, AnyError> {
        let request = match self {
            Self::Nginx => Request::get("/nginx")
                .header("x-original-method", method.as_str())
                .header("x-original-uri", target),
            Self::Traefik => Request::get("/traefik")
                .header("x-forwarded-method", method.as_str())
                .header("x-forwarded-uri", target),
            Self::Envoy => Request::builder().method(method).uri(format!("/envoy{target}")),
        };
        let request = match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        Ok(request.body(Body::empty())?)
    }
}

/// Asks every row in the way of every proxy; whether all answers were right.
pub(crate) async fn run(router: &Router, demo: &Demo) -> Result<bool, AnyError> {
    let (reader, writer, expired) = (Some(&*demo.reader), Some(&*demo.writer), Some(&*demo.expired));
    let read = "Bearer scope=\"orders:read\", resource_metadata=";
    let rows = [
        ("no token", Method::GET, "/api/orders?page=2", None, 401, read),
        ("orders:read", Method::GET, "/api/orders", reader, 200, "alice|clerk,a%2Cb"),
        ("one order", Method::GET, "/api/orders/7", reader, 200, "alice|clerk,a%2Cb"),
        (
            "without orders:write",
            Method::POST,
            "/api/orders",
            reader,
            403,
            "Bearer error=\"insufficient_scope\"",
        ),
        ("orders:write, no roles", Method::POST, "/api/orders", writer, 200, "Zo%C3%AB|"),
        ("expired", Method::GET, "/api/orders", expired, 401, "Bearer error=\"invalid_token\""),
        ("open", Method::GET, "/api/public/news", None, 200, "|"),
        ("open, with a token", Method::GET, "/api/public/news", reader, 200, "alice|clerk,a%2Cb"),
        (
            "open, with a bad token",
            Method::GET,
            "/api/public/news",
            expired,
            401,
            "Bearer error=\"invalid_token\"",
        ),
        ("no row", Method::DELETE, "/api/orders", reader, 403, "Bearer error=\"insufficient_scope\""),
        (
            "out of an open row",
            Method::GET,
            "/api/public/../orders",
            None,
            401,
            "Bearer scope=\"orders:read orders:write\"",
        ),
    ];
    let (mut passed, mut failed) = (0, 0);
    for proxy in ALL {
        for (what, method, target, token, status, said) in &rows {
            let response = router.clone().oneshot(proxy.asks(method, target, *token)?).await?;
            let answer = Answer::new(&response);
            let good = answer.status == *status && answer.text.starts_with(said) && removes(proxy, &response);
            *(if good { &mut passed } else { &mut failed }) += 1;
            let verdict = if good { "ok  " } else { "FAIL" };
            println!("{verdict} {proxy:?}: {what}: {} {}", answer.status, answer.text);
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// The status, and the challenge of a refusal, or else the subject and the roles.
struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    fn new(response: &Response) -> Self {
        let fields: HashMap<_, _> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("?")))
            .collect();
        let field = |name: &str| fields.get(name).copied().unwrap_or_default();
        let text = match response.status() {
            StatusCode::OK => format!("{}|{}", field("x-auth-subject"), field("x-auth-roles")),
            _ => field(WWW_AUTHENTICATE.as_str()).to_owned(),
        };
        Self { status: response.status().as_u16(), text }
    }
}

/// Whether Envoy is told to remove what is not set.
fn removes(proxy: Proxy, response: &Response) -> bool {
    let told = response.headers().get(REMOVE).and_then(|value| value.to_str().ok());
    let (Proxy::Envoy, StatusCode::OK) = (proxy, response.status()) else { return told.is_none() };
    let told: Vec<_> = told.unwrap_or_default().split(',').collect();
    let set = response.headers().contains_key("x-auth-subject");
    told.contains(&"authorization")
        && told.contains(&"x_auth_subject")
        && told.contains(&"x-auth-subject") != set
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{cli, policy::Policy, routes};

    #[tokio::test]
    async fn every_proxy_gets_every_answer() {
        let resource = "https://shop.example/api";
        let demo = Demo::new(resource).unwrap();
        let api = crate::server(resource, demo.trusted().unwrap()).unwrap();
        let policy = Policy::new(&api, &cli::default_rows().unwrap()).unwrap();
        assert!(run(&routes::router(&api, &policy), &demo).await.unwrap());
    }
}
