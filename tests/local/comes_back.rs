//! Somebody who was deleted and is imported again under the same id.

use crate::client::{PASSWORD, tokens};
use crate::commands::done;
use crate::doctor::raw;
use crate::server::Place;
use serde_json::json;

/// What was a user's besides the profile.
const THEIRS: [&str; 3] = ["doorward-api-keys", "doorward-example-items", "doorward-sessions"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_before_lives_again() {
    let place = Place::new();
    let server = place.server_with("ann");
    let (client, store) = (server.client(), raw(&server));
    let before = tokens(&client.log_in("ann", PASSWORD).expect(200));
    let key = client.post_as(&before.access, "/api-keys", &json!({"name": "k"})).expect(201).text("key");
    client.post_as(&before.access, "/items", &json!({"name": "of before"})).expect(200);
    let knock = || client.try_send("GET", "/protected", &format!("x-api-key: {key}\r\n"), "").unwrap();
    knock().expect(200);
    let line = place.exported().iter().find(|user| user["username"] == "ann").unwrap().to_string();

    let mut left = Vec::new();
    for table in THEIRS {
        let items = store.scan().table_name(table).consistent_read(true).send().await.unwrap().items.unwrap();
        left.extend(items.into_iter().map(|item| (table, item)));
    }
    assert_eq!(place.users(&["delete", "ann"]).run(), done("deleted user ann"));
    // As if nothing had been cleared away.
    for (table, item) in left {
        store.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }
    knock().expect(403);

    assert_eq!(place.import(std::slice::from_ref(&line)), done("imported 1, kept 0, refused 0"), "{}", place.log());
    knock().expect(403);
    client.get("/users/me", &before.access).expect(401);
    client.refresh(&before.refresh).expect(401);
    let after = tokens(&client.log_in("ann", PASSWORD).expect(200));
    assert_eq!(client.get("/api-keys", &after.access).expect(200).body, json!({"items": []}));
    assert_eq!(client.get("/items", &after.access).expect(200).body, json!({"items": []}));

    let key = client.post_as(&after.access, "/api-keys", &json!({"name": "k"})).expect(201).text("key");
    assert_eq!(place.import(&[line]), done("imported 0, kept 1, refused 0"), "{}", place.log());
    client.try_send("GET", "/protected", &format!("x-api-key: {key}\r\n"), "").unwrap().expect(200);
    client.get("/users/me", &after.access).expect(200);
}
