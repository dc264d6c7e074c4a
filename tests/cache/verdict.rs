//! Everything that a server says about a request, as a text to compare.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{Request, header::AUTHORIZATION};
use tower_resource_server::{Authentication, Identity, ResourceServer};

/// With keys at hand nothing ever waits.
pub fn now_or_never<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

pub fn verdict(api: &ResourceServer, access: &str, id: Option<&str>) -> String {
    let value = match id {
        Some(id) => format!("Bearer {access} {id}"),
        None => format!("Bearer {access}"),
    };
    let mut request = Request::new(());
    request.headers_mut().insert(AUTHORIZATION, value.parse().unwrap());
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
