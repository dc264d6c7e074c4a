//! Envoy `ext_authz` over gRPC.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::Response,
};
use tonic::{Code, Request, Status};

use crate::{
    original,
    policy::Policy,
    proto::{
        self, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValueOption, HttpStatus, OkHttpResponse,
        attribute_context::HttpRequest,
        authorization_server::{Authorization, AuthorizationServer},
        check_response::HttpResponse,
        header_value_option::AppendAction,
    },
};

/// The path of the method that Envoy calls.
pub(crate) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

pub(crate) struct EnvoyAuthorization {
    policy: Policy,
}

impl EnvoyAuthorization {
    pub(crate) fn service(policy: Policy) -> AuthorizationServer<Self> {
        AuthorizationServer::new(Self { policy })
    }
}

#[tonic::async_trait]
impl Authorization for EnvoyAuthorization {
    async fn check(&self, request: Request<CheckRequest>) -> Result<tonic::Response<CheckResponse>, Status> {
        let attributes = request.into_inner().attributes.and_then(|attributes| attributes.request);
        let http = attributes.and_then(|request| request.http);
        let http = http.ok_or_else(|| Status::invalid_argument("there is no HTTP request in it"))?;
        let headers = headers_of(&http).ok_or_else(|| Status::invalid_argument("a field is none of HTTP"))?;
        let original = original::request(&http.method, &http.path, headers)
            .ok_or_else(|| Status::invalid_argument("the method or the target is none of HTTP"))?;
        let response = self.policy.decide(original).await;
        Ok(tonic::Response::new(self.in_envoys_words(&http, &response)))
    }
}

impl EnvoyAuthorization {
    fn in_envoys_words(&self, http: &HttpRequest, response: &Response<Body>) -> CheckResponse {
        let headers = response.headers().iter().filter_map(overwrite).collect();
        let (code, answer) = if response.status() == StatusCode::OK {
            let headers_to_remove = self.to_remove(http, response.headers());
            (Code::Ok, HttpResponse::OkResponse(OkHttpResponse { headers, headers_to_remove }))
        } else {
            let status = Some(HttpStatus { code: i32::from(response.status().as_u16()) });
            (Code::PermissionDenied, HttpResponse::DeniedResponse(DeniedHttpResponse { status, headers }))
        };
        CheckResponse { status: Some(proto::Status { code: code.into() }), http_response: Some(answer) }
    }

    /// The fields that the client sent and the back end must not see. Envoy removes after it has set.
    fn to_remove(&self, http: &HttpRequest, set: &HeaderMap) -> Vec<String> {
        let sent = http.headers.keys().filter(|name| !set.contains_key(name.as_str()));
        sent.filter(|name| *name == "authorization" || self.policy.forwarded.covers(name)).cloned().collect()
    }
}

/// The fields of the original request, without the pseudo-header fields of HTTP/2.
fn headers_of(http: &HttpRequest) -> Option<HeaderMap> {
    let fields = http.headers.iter().filter(|(name, _)| !name.starts_with(':'));
    fields
        .map(|(name, value)| {
            Some((
                HeaderName::from_bytes(name.as_bytes()).ok()?,
                HeaderValue::from_bytes(value.as_bytes()).ok()?,
            ))
        })
        .collect()
}

fn overwrite((name, value): (&HeaderName, &HeaderValue)) -> Option<HeaderValueOption> {
    let header = proto::HeaderValue { key: name.as_str().to_owned(), value: value.to_str().ok()?.to_owned() };
    let append_action = AppendAction::OverwriteIfExistsOrAdd.into();
    Some(HeaderValueOption { header: Some(header), append_action })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::{
        cli,
        demo::Demo,
        proto::{AttributeContext, attribute_context},
    };

    const RESOURCE: &str = "https://shop.example/api";

    fn asked(method: &str, path: &str, fields: &[(&str, &str)]) -> Request<CheckRequest> {
        let headers = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let http = Some(HttpRequest { method: method.to_owned(), headers, path: path.to_owned() });
        let request = Some(attribute_context::Request { http });
        Request::new(CheckRequest { attributes: Some(AttributeContext { request }) })
    }

    /// The answer in one line: the status, what is set or sent, and what is removed.
    fn shown(response: CheckResponse) -> String {
        let code = response.status.unwrap().code;
        let (status, headers, mut removed) = match response.http_response.unwrap() {
            HttpResponse::OkResponse(ok) => (200, ok.headers, ok.headers_to_remove),
            HttpResponse::DeniedResponse(denied) => (denied.status.unwrap().code, denied.headers, Vec::new()),
        };
        let names = ["x-auth-subject", "x-auth-roles", "www-authenticate"];
        let fields = headers.into_iter().map(|option| {
            assert_eq!(option.append_action, i32::from(AppendAction::OverwriteIfExistsOrAdd));
            option.header.unwrap()
        });
        let fields = fields.filter(|header| names.contains(&header.key.as_str()));
        let mut fields: Vec<_> = fields.map(|header| format!("{}={}", header.key, header.value)).collect();
        fields.sort();
        removed.sort();
        format!("{code} {status} {} -{}", fields.join(" "), removed.join(","))
    }

    #[tokio::test]
    async fn envoy_sets_the_identity_and_removes_what_the_client_sent() {
        let demo = Demo::new(RESOURCE).unwrap();
        let api = crate::server(RESOURCE, demo.trusted().unwrap()).unwrap();
        let policy = Policy::new(&api, &cli::default_rows().unwrap()).unwrap();
        let service = EnvoyAuthorization { policy };
        let token = |token: &str| format!("Bearer {token}");
        let (reader, writer) = (token(&demo.reader), token(&demo.writer));
        let pseudo = (":path", "/api/public/other");
        let metadata = "resource_metadata=\"https://shop.example/.well-known/oauth-protected-resource/api\"";
        let grpc = ("content-type", "application/grpc");
        for (name, method, path, fields, expected) in [
            (
                "a good token",
                "GET",
                "/api/orders",
                &[pseudo, ("authorization", &*reader), ("x_auth_subject", "root"), ("x-auth-roles", "root")]
                    [..],
                "0 200 x-auth-roles=clerk,a%2Cb x-auth-subject=alice -authorization,x_auth_subject"
                    .to_owned(),
            ),
            (
                "without a claim that the client has sent",
                "POST",
                "/api/orders?a=b",
                &[("authorization", &*writer), ("x-auth-roles", "root"), ("x-other", "stays")],
                "0 200 x-auth-subject=Zo%C3%AB -authorization,x-auth-roles".to_owned(),
            ),
            (
                "anonymous",
                "GET",
                "/api/public/a",
                &[("x-auth-subject", "root"), ("x_auth-roles", "root")],
                "0 200  -x-auth-subject,x_auth-roles".to_owned(),
            ),
            (
                "no token",
                "GET",
                "/api/orders",
                &[],
                format!("7 401 www-authenticate=Bearer scope=\"orders:read\", {metadata} -"),
            ),
            (
                "no token, in gRPC",
                "GET",
                "/api/orders",
                &[grpc],
                format!("7 401 www-authenticate=Bearer scope=\"orders:read\", {metadata} -"),
            ),
            (
                "without the scope",
                "POST",
                "/api/orders",
                &[("authorization", &*reader)],
                format!(
                    "7 403 www-authenticate=Bearer error=\"insufficient_scope\", scope=\"orders:write\", {metadata} -"
                ),
            ),
        ] {
            let answer = service.check(asked(method, path, fields)).await.unwrap();
            assert_eq!(shown(answer.into_inner()), expected, "{name}");
        }
        for (name, request) in [
            ("nothing", Request::new(CheckRequest::default())),
            ("no method", asked("", "/api/orders", &[])),
            ("no path", asked("GET", "", &[])),
            ("a field that is none", asked("GET", "/api/orders", &[("a b", "c")])),
        ] {
            let refused = service.check(request).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{name}");
        }
    }
}
