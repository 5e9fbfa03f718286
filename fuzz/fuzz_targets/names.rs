//! Names, addresses, scopes and ids: what is taken keeps its form, and its canonical form is its own.
#![no_main]

use doorward_core::api_key::ApiKeyId;
use doorward_core::custom_claims::CustomClaims;
use doorward_core::email::Email;
use doorward_core::ids::{KeyId, SessionId, TokenId, UserId};
use doorward_core::scope::ScopeSet;
use doorward_core::user::DisplayName;
use doorward_core::username::Username;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = Username::parse(text) {
        assert_eq!(name.as_str(), text);
        // Folded, it may be too long for a name.
        if let Ok(again) = Username::parse(name.canonical().as_str()) {
            assert_eq!(again.canonical(), name.canonical());
        }
        // Neither a key of the store nor an address of an API has a character that means something there.
        assert!(!text.contains(['#', '/', '@', '\0', '\n', '%', '<', '"']));
    }
    if let Ok(email) = Email::parse(text) {
        assert_eq!(email.as_str(), text);
        let again = Email::parse(email.canonical().as_str()).unwrap();
        assert_eq!(again.canonical(), email.canonical());
        assert!(Username::parse(text).is_err());
    }
    if let Ok(scopes) = ScopeSet::parse(text) {
        assert_eq!(ScopeSet::parse(&scopes.to_string()).as_ref(), Ok(&scopes));
        assert!(scopes.iter().all(|scope| (1..=64).contains(&scope.len())));
    }
    if let Ok(name) = DisplayName::parse(text) {
        assert_eq!(name.as_str(), text);
    }
    for id in [UserId::parse(text).map(|id| id.to_string()), KeyId::parse(text).map(|id| id.to_string())] {
        assert!(id.is_err() || id.as_deref() == Ok(text));
    }
    for id in [TokenId::parse(text).map(|id| id.to_string()), SessionId::parse(text).map(|id| id.to_string())] {
        assert!(id.is_err() || id.as_deref() == Ok(text));
    }
    // No claim of one's own passes for one of Doorward's.
    if CustomClaims::default().with(text, |_| None).is_ok() {
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= 64);
        let lower = text.to_ascii_lowercase();
        assert!(!["sub", "sid", "scope", "roles", "permissions", "exp", "client_id"].contains(&lower.as_str()));
    }
    // No client is a user.
    if let Ok(client) = ApiKeyId::parse(text) {
        assert_eq!(client.to_string(), text);
        assert!(UserId::parse(text).is_err());
    }
});
