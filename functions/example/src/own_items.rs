//! `GET /users/me/items`: a resource that needs a caller.

use doorward_http::Caller;
use doorward_http::answer::Private;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct OwnItem {
    item_id: &'static str,
    owner: String,
}

pub async fn own_items(caller: Caller) -> Private<[OwnItem; 1]> {
    Private([OwnItem { item_id: "Foo", owner: caller.user.username.to_string() }])
}
