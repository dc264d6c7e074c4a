//! Who has logged in, as far as it is remembered.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use quick_cache::{UnitWeighter, sync::Cache};
use serde_json::{Value, json};
use tower_resource_server::{Identity, preset::layer::User};

use super::{Service, errors, errors::LayerError};

/// How many users are remembered; a service of more than a day has a table for them.
const MAX_USERS: usize = 10_000;

pub(crate) struct Identities(Cache<String, Arc<User>, UnitWeighter, foldhash::fast::RandomState>);

impl Identities {
    pub(crate) fn new() -> Self {
        let hasher = foldhash::fast::RandomState::default();
        Self(Cache::with(MAX_USERS, MAX_USERS as u64, UnitWeighter, hasher, Default::default()))
    }

    pub(crate) fn remember(&self, user: User) {
        self.0.insert(user.user_id.clone(), Arc::new(user));
    }
}

/// One's own identity, or that of another who has logged in.
pub(crate) async fn identity(
    State(service): State<Service>,
    Path(id): Path<String>,
    who: Identity,
) -> Result<Json<Value>, LayerError> {
    match service.0.identities.0.get(&id) {
        Some(user) => Ok(Json(object(&service, &id, Some(&user)))),
        // Forgotten, which ends no session.
        None if who.subject() == id => Ok(Json(object(&service, &id, None))),
        None => Err(errors::not_found()),
    }
}

fn object(service: &Service, id: &str, user: Option<&User>) -> Value {
    json!({
        "id": format!("layer:///identities/{id}"),
        "url": format!("{}/identities/{id}", service.0.url),
        "user_id": id,
        "display_name": user.and_then(|user| user.display_name.as_deref()),
        "first_name": user.and_then(|user| user.first_name.as_deref()),
        "last_name": user.and_then(|user| user.last_name.as_deref()),
        "avatar_url": user.and_then(|user| user.avatar_url.as_deref()),
        "metadata": user.map(|user| user.metadata.clone()).unwrap_or_default(),
        "identity_type": "user",
    })
}
