//! Everything that a server says about a request, as a text to compare.

use std::{
    convert::Infallible,
    future::{Future, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{
    Request, Response,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use tower::{Layer, Service, service_fn};
use tower_resource_server::{
    Authentication, Identity, ResourceServer, policy::Requirement, preset::sceyt::APPLICATION_HEADER,
};

/// With keys at hand nothing ever waits.
pub fn now_or_never<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn request(access: &str, id: Option<&str>) -> Request<()> {
    let value = match id {
        Some(id) => format!("Bearer {access} {id}"),
        None => format!("Bearer {access}"),
    };
    let mut request = Request::new(());
    request.headers_mut().insert(AUTHORIZATION, value.parse().unwrap());
    request
}

pub fn verdict(api: &ResourceServer, access: &str, id: Option<&str>) -> String {
    said(api, request(access, id))
}

/// The verdict on a request that names `application`, if it does.
pub fn verdict_in(api: &ResourceServer, application: Option<&str>, access: &str) -> String {
    let mut request = request(access, None);
    if let Some(application) = application {
        request.headers_mut().insert(APPLICATION_HEADER, application.parse().unwrap());
    }
    said(api, request)
}

/// The answer to a request on an operation that needs these scopes.
pub fn guarded(api: &ResourceServer, needs: &Requirement, access: &str, id: Option<&str>) -> String {
    let who = |request: Request<()>| {
        let identity = request.extensions().get::<Identity>().map(show);
        ready(Ok::<_, Infallible>(Response::new(identity)))
    };
    let mut service = api.guard(needs.clone()).layer(service_fn(who));
    let answer = now_or_never(service.call(request(access, id))).unwrap();
    let challenge = answer.headers().get(WWW_AUTHENTICATE);
    format!("{} {challenge:?} {:?}", answer.status(), answer.body())
}

fn said(api: &ResourceServer, request: Request<()>) -> String {
    let (parts, ()) = request.into_parts();
    match now_or_never(api.authenticate(&parts)) {
        Ok(Authentication::Verified(identity)) => format!("200 {}", show(&identity)),
        Ok(Authentication::Anonymous) => panic!("the request has credentials"),
        Err(why) => format!("{} {:?} {:?}", why.status(), why.reason(), why.challenge()),
    }
}

fn show(identity: &Identity) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        identity.principal(),
        identity.client_id(),
        identity.scopes().collect::<Vec<_>>(),
        identity.audiences().collect::<Vec<_>>(),
        identity.expires_at(),
        identity.claim("jti"),
        identity.id_token().map(|id| (id.subject().to_owned(), id.claim("jti"))),
    )
}
