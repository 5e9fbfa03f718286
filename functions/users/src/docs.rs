//! What the routes take and give, for the OpenAPI document.

use crate::list_users::Page;
use crate::me::Me;
use crate::sessions::Sessions;
use doorward_http::Error;
use doorward_http::answer::{Message, UserView};
use doorward_http::openapi::schema::{
    Member, display_name, email, flag, new_password, nullable, number, one_of, optional, password, required, scopes,
    text, username,
};
use doorward_http::openapi::{Operation, Section};
use serde_json::{Value, json};

/// The routes of the function.
#[must_use]
pub fn docs() -> Section {
    let own = [sign_up(), me(), change_me(), change_password(), delete_me(), sessions(), end_session()];
    let others = [list_users(), user(), change_user(), delete_user()];
    let about = "Signing up, one's own profile, and the administration of others.";
    Section { name: "Users", about, operations: own.into_iter().chain(others).collect() }
}

fn ann() -> Value {
    json!({
        "id": "3kTMd0WQ7H9vUpyZ2rXa1A",
        "username": "ann",
        "email": "ann@example.com",
        "email_verified": false,
        "full_name": "Ann Example",
        "disabled": false,
        "role": "user",
        "permissions": [],
        "scopes": ["read:items", "write:items"],
        "two_factor_enabled": false,
        "created_at": "2027-01-15T08:00:00Z",
    })
}

fn sign_up() -> Operation {
    let members = [
        required("username", username()),
        required("email", email()),
        required("password", new_password()),
        nullable("full_name", display_name()),
    ];
    let example = json!({"username": "ann", "email": "ann@example.com", "password": "correct horse battery staple"});
    Operation::post("/users", "sign_up", "Sign up")
        .json(&members, example)
        .creates::<UserView>("Somebody new", ann())
        .refuses([Error::SignUpClosed, Error::UsernameTaken, Error::EmailTaken])
        .limited()
}

fn me() -> Operation {
    let example = json!({"username": "ann", "email": "ann@example.com", "full_name": "Ann Example", "disabled": false});
    Operation::get("/users/me", "me", "Who am I?").bearer().gives::<Me>("Oneself", example)
}

fn change_me() -> Operation {
    let members =
        [nullable("full_name", display_name()), optional("email", email()), nullable("current_password", password())];
    Operation::patch("/users/me", "change_me", "Change one's own profile")
        .about("`null` takes the `full_name` away. Another `email` needs the `current_password`.")
        .bearer()
        .json(&members, json!({"full_name": "Ann Example"}))
        .gives::<UserView>("The profile as it is now", ann())
        .refuses([Error::IncorrectPassword, Error::EmailTaken])
}

fn change_password() -> Operation {
    let members = [required("current_password", password()), required("new_password", new_password())];
    let example =
        json!({"current_password": "correct horse battery staple", "new_password": "another good pass phrase"});
    Operation::post("/users/me/password", "change_password", "Change one's own password")
        .about("Every other session ends; API keys stay.")
        .bearer()
        .json(&members, example)
        .gives_nothing(204, "The password is another")
        .refuses([Error::IncorrectPassword])
}

fn delete_me() -> Operation {
    Operation::delete("/users/me", "delete_me", "Leave")
        .bearer()
        .json(&[required("current_password", password())], json!({"current_password": "correct horse battery staple"}))
        .gives::<Message>("One is gone, with everything that was one's own", json!({"message": "User deleted"}))
        .refuses([Error::IncorrectPassword, Error::AnotherAdmin])
}

fn sessions() -> Operation {
    let session = json!({
        "id": "01946c5e-0000-7000-8000-0123456789ab",
        "created_at": "2027-01-15T08:00:00Z",
        "last_used_at": "2027-01-15T08:10:00Z",
        "address": "192.0.2.1",
        "user_agent": "curl/8.14.1",
        "current": true,
    });
    Operation::get("/users/me/sessions", "list_sessions", "Where one is logged in")
        .bearer()
        .gives::<Sessions>("The newest 100 sessions", json!({"items": [session]}))
}

fn end_session() -> Operation {
    Operation::delete("/users/me/sessions/{id}", "end_session", "End one of one's sessions")
        .bearer()
        .gives_nothing(204, "The session and its tokens are dead")
        .refuses([Error::NotFound])
}

fn list_users() -> Operation {
    let parameters: Vec<Member> = vec![
        optional("limit", number(1, 100)),
        optional("cursor", text()),
        optional("username", text()),
        optional("email", text()),
    ];
    Operation::get("/users", "list_users", "All users, or the one of a name or an e-mail address")
        .about("Needs the permission `read:users`. `cursor` is the `next_cursor` of the page before.")
        .bearer()
        .query(parameters)
        .gives::<Page>("A page", json!({"items": [ann()], "next_cursor": null}))
        .refuses([Error::InvalidCursor])
}

fn user() -> Operation {
    Operation::get("/users/{id}", "get_user", "A user")
        .about("Oneself, or with the permission `read:users` anybody.")
        .bearer()
        .gives::<UserView>("The user", ann())
        .refuses([Error::UserNotFound])
}

fn change_user() -> Operation {
    let members = [
        nullable("full_name", display_name()),
        optional("email", email()),
        optional("disabled", flag()),
        optional("role", one_of(["user", "moderator", "admin"])),
        optional("permissions", scopes()),
        optional("scopes", scopes()),
    ];
    Operation::patch("/users/{id}", "change_user", "Change a user")
        .about("Needs the permission `write:users`; `role`, `permissions` and `scopes` need the role `admin`.")
        .bearer()
        .json(&members, json!({"disabled": true}))
        .gives::<UserView>("The user as they are now", ann())
        .refuses([Error::UserNotFound, Error::EmailTaken, Error::AnotherAdmin])
}

fn delete_user() -> Operation {
    Operation::delete("/users/{id}", "delete_user", "Delete a user")
        .about("Needs the permission `delete:users`.")
        .bearer()
        .gives::<Message>("The user is gone, with everything that was theirs", json!({"message": "User deleted"}))
        .refuses([Error::UserNotFound, Error::AnotherAdmin])
}
