//! Tokens that are half a user's and half a client's.

use super::forge::*;
use serde_json::{Value, json};

#[test]
fn a_clients_token_has_nothing_of_a_login_and_a_users_all_of_it() {
    const LOGIN: [&str; 5] = ["sid", "roles", "permissions", "amr", "auth_time"];
    let client = |claims: Value| forge(header(), claims, &RSA);
    accepted(&client(client_claims()), "a client");
    for name in client_claims().as_object().unwrap().keys() {
        refused(&client(without(client_claims(), name)), name);
        refused(&client(with(client_claims(), name, json!(null))), name);
    }
    // Some of a login, but not all of it.
    for mix in 1..(1 << LOGIN.len()) {
        let chosen = LOGIN.iter().enumerate().filter(|(n, _)| mix >> n & 1 == 1).map(|(_, name)| *name);
        let mixed = chosen.clone().fold(client_claims(), |all, name| with(all, name, claims()[name].clone()));
        refused(&client(mixed.clone()), mix);
        refused(&client(with(mixed, "client_id", "doorward")), mix);
        let null = chosen.clone().fold(client_claims(), |all, name| with(all, name, json!(null)));
        refused(&client(null), mix);
        refused(&client(chosen.fold(claims(), without)), mix);
    }
    // All of a login, under the name of a client; and nothing of one, under the name of a user.
    refused(&client(with(claims(), "client_id", CLIENT)), "a login by another client");
    refused(&client(with(claims(), "sub", CLIENT)), "a login of a client");
    refused(&client(with(with(claims(), "sub", CLIENT), "client_id", CLIENT)), "a login of a client by itself");
    refused(&client(with(client_claims(), "sub", "ann")), "a client for a user");
    refused(&client(with(client_claims(), "client_id", "ann.0123456789abcdee")), "a client for another");
    for id in ["doorward", "ann", "", "ann.", ".0123456789abcdef", "ann.0123456789ABCDEF", "ann.0123456789abcde"] {
        refused(&client(with(with(client_claims(), "sub", id), "client_id", id)), id);
    }
    // A member stands once, whether it is there or should not be.
    for name in LOGIN {
        let value = &claims()[name];
        let twice = raw(&with(client_claims(), name, value.clone()), &format!("\"{name}\":{value}"));
        refused(&forge(header(), twice, &RSA), name);
    }
}
