use super::*;
use crate::user::Epoch;
use proptest::prelude::*;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const SECOND: Duration = Duration::from_secs(1);

fn key() -> PlainKey {
    PlainKey::new(ApiKeyId::new(&UserId::parse("an_owner-1").unwrap(), [7; 8]), &[9; 32])
}

#[test]
fn what_is_no_key() {
    let text = key().reveal().to_owned();
    let cut = &text[..text.len() - 1];
    let id_only = format!("{PREFIX}{}", key().id());
    for bad in ["", "dwk_", "dwk_a_b", "dwr_abc", "é", cut, &id_only, &text.to_uppercase(), &format!("{text} ")] {
        assert_eq!(PlainKey::parse(bad).err(), Some(InvalidApiKey), "{bad}");
    }
}

#[test]
fn a_key_is_found_again_under_its_owner() {
    let parsed = PlainKey::parse(key().reveal()).unwrap();
    assert_eq!(parsed.id(), key().id());
    assert_eq!(parsed.id().owner().as_str(), "an_owner-1");
    assert!(parsed.hash().is_of_same_key(&key().hash()));
    let other = PlainKey::new(key().id().clone(), &[8; 32]);
    assert!(!parsed.hash().is_of_same_key(&other.hash()));
}

proptest! {
    #[test]
    fn one_changed_character_is_a_typo(at in 0usize..90, with in "[ -~]") {
        let text = key().reveal().to_owned();
        let changed: String = text.char_indices().map(|(n, c)| if n == at { with.clone() } else { c.into() }).collect();
        prop_assume!(changed != text);
        prop_assert!(PlainKey::parse(&changed).is_err());
    }

    #[test]
    fn nothing_makes_it_panic(text in "(dwk_)?\\PC{0,200}") {
        let _ = PlainKey::parse(&text);
    }
}

/// The key as it is kept, with one scope of its owner's and one that the owner has not.
fn kept() -> ApiKey {
    ApiKey {
        id: key().id().clone(),
        name: DisplayName::parse("ci").unwrap(),
        hash: key().hash(),
        previous: None,
        scopes: ScopeSet::parse("read manage").unwrap(),
        created_at: NOW,
        ends_at: None,
        last_used_at: None,
    }
}

fn another() -> PlainKey {
    PlainKey::new(key().id().clone(), &[8; 32])
}

fn is_in(presented: &PlainKey, found: ApiKey) -> bool {
    judge_api_key(presented, Some(found), Some(User::ann()), NOW).is_ok()
}

#[test]
fn whoever_is_not_there_or_shut_out_gets_nothing() {
    let disabled = User { disabled: true, ..User::ann() };
    for (found, owner) in
        [(None, Some(User::ann())), (Some(kept()), None), (None, None), (Some(kept()), Some(disabled))]
    {
        assert_eq!(judge_api_key(&key(), found, owner, NOW), Err(InvalidApiKey));
    }
}

#[test]
fn another_secret_is_another_key_unless_it_was_this_ones_until_now() {
    assert!(is_in(&key(), kept()));
    assert!(!is_in(&another(), kept()));
    let rotated = |until| ApiKey { previous: Some((another().hash(), until)), ..kept() };
    assert!(is_in(&another(), rotated(NOW.plus(SECOND))));
    assert!(!is_in(&another(), rotated(NOW)));
    assert!(!is_in(&another(), rotated(NOW.minus(SECOND))));
    assert!(is_in(&key(), rotated(NOW.minus(SECOND))));
    let third = PlainKey::new(key().id().clone(), &[7; 32]);
    assert!(!is_in(&third, rotated(NOW.plus(SECOND))));
}

#[test]
fn a_key_ends_when_it_says_whatever_its_secret_is() {
    let until =
        |ends_at| ApiKey { ends_at: Some(ends_at), previous: Some((another().hash(), NOW.plus(SECOND))), ..kept() };
    for presented in [key(), another()] {
        assert!(is_in(&presented, until(NOW.plus(SECOND))));
        assert!(!is_in(&presented, until(NOW)));
        assert!(!is_in(&presented, until(NOW.minus(SECOND))));
    }
}

#[test]
fn what_it_may_do_is_cut_to_what_its_owner_may() {
    let (_, owner, scopes) = judge_api_key(&key(), Some(kept()), Some(User::ann()), NOW).unwrap();
    assert_eq!((owner, scopes.to_string().as_str()), (User::ann(), "read"));
    let granted = ScopeSet::parse("read write manage").unwrap();
    let (_, _, scopes) = judge_client(&granted, Some(kept()), Some(User::ann()), false, NOW).unwrap();
    assert_eq!(scopes.to_string(), "read");
    let (_, _, scopes) = judge_client(&ScopeSet::default(), Some(kept()), Some(User::ann()), false, NOW).unwrap();
    assert_eq!(scopes, ScopeSet::default());
}

#[test]
fn a_clients_token_is_refused_in_the_order_in_which_clients_are_told() {
    let judge = |key, owner, revoked| judge_client(&ScopeSet::default(), key, owner, revoked, NOW).err();
    let ended = ApiKey { ends_at: Some(NOW), ..kept() };
    let disabled = User { disabled: true, ..User::ann() };
    assert_eq!(judge(None, Some(User::ann()), false), Some(BearerRefusal::Gone));
    assert_eq!(judge(Some(kept()), None, false), Some(BearerRefusal::Gone));
    assert_eq!(judge(Some(ended), Some(disabled.clone()), true), Some(BearerRefusal::Gone));
    assert_eq!(judge(Some(kept()), Some(disabled), true), Some(BearerRefusal::Inactive));
    assert_eq!(judge(Some(kept()), Some(User::ann()), true), Some(BearerRefusal::Revoked));
    // An owner who logged out everywhere keeps their keys.
    let elsewhere = User { epoch: Epoch(9), ..User::ann() };
    assert_eq!(judge(Some(kept()), Some(elsewhere), false), None);
}

#[test]
fn what_is_shown_of_a_key_is_no_secret() {
    let (key, secret) = (key(), key().reveal().rsplit('_').next().unwrap().to_owned());
    assert_eq!(kept().prefix(), format!("{PREFIX}{}", key.id()));
    assert!(key.reveal().starts_with(&kept().prefix()));
    assert_eq!(format!("{key:?}"), format!("PlainKey({}, …)", key.id()));
    let shown = format!("{:?}", kept());
    assert!(shown.contains("KeyHash(…)") && !shown.contains(&secret), "{shown}");
}
