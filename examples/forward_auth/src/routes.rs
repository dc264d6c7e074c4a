//! One path for each proxy, all of them in front of one policy.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use tower_resource_server::ResourceServer;

use crate::{
    envoy::{self, EnvoyAuthorization},
    original::{self, Source},
    policy::Policy,
};

/// Which fields of the client Envoy is to remove, by HTTP.
pub(crate) const REMOVE: &str = "x-envoy-auth-headers-to-remove";

/// Everything on one port; Envoy's gRPC too.
pub(crate) fn router(api: &ResourceServer, policy: &Policy) -> Router {
    let by_fields =
        |source| any(move |State(policy): State<Policy>, request: Request| answer(policy, request, source));
    let mut router = Router::new()
        .route("/nginx", by_fields(original::NGINX))
        .route("/traefik", by_fields(original::TRAEFIK))
        .route("/healthz", get(async || "ok\n"))
        .fallback(any(envoy_over_http));
    // Clients are sent here by the challenge: the proxy hands this path on as it is.
    if let Some(path) = api.metadata_path() {
        router = router.route_service(path, api.metadata_service::<Body>());
    }
    router.with_state(policy.clone()).route_service(envoy::CHECK, EnvoyAuthorization::service(policy.clone()))
}

async fn answer(policy: Policy, request: Request, source: Source) -> Response {
    match original::restore(request, source) {
        Some(original) => policy.decide(original).await,
        // Never 200 or 401: the proxy is not set up as it must be.
        None => (StatusCode::BAD_REQUEST, "the original method and target are not there\n").into_response(),
    }
}

/// Envoy keeps a field that a client sent where the answer has none of its name, so each form of it is named.
async fn envoy_over_http(State(policy): State<Policy>, request: Request) -> Response {
    let mut response = answer(policy.clone(), request, original::ENVOY).await;
    if response.status() == StatusCode::OK {
        let unset = forms_that_are_not_set(&policy, response.headers());
        if let Ok(names) = HeaderValue::try_from(unset.join(",")) {
            response.headers_mut().insert(REMOVE, names);
        }
    }
    response
}

/// `Authorization`, and each name of the table with `-` or `_` at each place, but for those that are set.
fn forms_that_are_not_set(policy: &Policy, set: &HeaderMap) -> Vec<String> {
    let all = policy.forwarded.names().flat_map(|name| forms(name.as_str()));
    let unset = all.filter(|name| !set.contains_key(name));
    std::iter::once("authorization".to_owned()).chain(unset).collect()
}

fn forms(name: &str) -> Vec<String> {
    let mut forms = vec![String::new()];
    for character in name.chars() {
        if matches!(character, '-' | '_') {
            forms = forms.iter().flat_map(|form| [format!("{form}-"), format!("{form}_")]).collect();
        } else {
            forms.iter_mut().for_each(|form| form.push(character));
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_form_for_each_choice_of_its_separators() {
        assert_eq!(forms("x-a-b"), ["x-a-b", "x-a_b", "x_a-b", "x_a_b"]);
        assert_eq!(forms("user"), ["user"]);
    }
}
