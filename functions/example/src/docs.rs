//! What the routes take and give, for the OpenAPI document.

use crate::comments::Comment;
use crate::items::{Created, Items};
use crate::own_items::OwnItem;
use crate::protected::Granted;
use doorward_core::user::Role;
use doorward_http::Error;
use doorward_http::answer::Message;
use doorward_http::openapi::schema::{display_name, nullable, prose, required};
use doorward_http::openapi::{Operation, Section};
use serde_json::{Value, json};

/// The routes of the function.
#[must_use]
pub fn docs() -> Section {
    let operations = vec![items(), create_item(), own_items(), moderate(), comment(), limited(), protected()];
    Section { name: "Samples", about: "How routes of your own are guarded.", operations }
}

fn lamp() -> Value {
    json!({"id": "01946c5e-0000-7000-8000-0123456789ab", "name": "lamp", "description": "It glows.", "owner": "ann"})
}

fn items() -> Operation {
    Operation::get("/items", "list_items", "One's own items")
        .about("The oldest first, a thousand at most, or a megabyte of them.")
        .scope("read:items")
        .gives::<Items>("The items", json!({"items": [lamp()]}))
}

fn create_item() -> Operation {
    let members = [required("name", display_name()), nullable("description", prose(Some(2000)))];
    Operation::post("/items", "create_item", "Make an item")
        .scope("write:items")
        .json(&members, json!({"name": "lamp", "description": "It glows."}))
        .gives::<Created>("The item", json!({"item": lamp()}))
}

fn own_items() -> Operation {
    Operation::get("/users/me/items", "list_own_items", "A sample that needs a caller")
        .bearer()
        .gives_list::<OwnItem>("One item", json!([{"item_id": "Foo", "owner": "ann"}]))
}

fn moderate() -> Operation {
    Operation::post("/moderate", "moderate", "A sample that needs the role `moderator`")
        .bearer()
        .gives::<Message>("Done", json!({"message": "Content moderated"}))
        .refuses([Error::RoleRequired(Role::Moderator)])
}

fn comment() -> Operation {
    Operation::post("/comments", "comment", "Text without its tags")
        .about("A tag that never ends is text. Character references such as `&lt;` stay as they are.")
        .bearer()
        .json(&[required("content", prose(None))], json!({"content": "<b>1 < 2</b>"}))
        .gives::<Comment>("The text, with `&`, `<` and `>` escaped", json!({"content": "1 &lt; 2"}))
}

fn limited() -> Operation {
    Operation::get("/limited", "limited", "A sample of a limit: 5 a minute from one address")
        .limited()
        .gives::<Message>("Below the limit", json!({"message": "This endpoint is rate limited"}))
}

fn protected() -> Operation {
    Operation::get("/protected", "protected", "A sample that needs an API key")
        .api_key()
        .gives::<Granted>("The key is good", json!({"message": "Access granted", "key_name": "ci"}))
}
