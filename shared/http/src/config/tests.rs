//! Values that are taken, and values that are named.

use super::*;

fn read(pairs: &[(&str, &str)], ephemeral: bool) -> Result<Config, BadVariable> {
    let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::read(&variables, &Surroundings { issuer: Some("http://127.0.0.1:9000".to_owned()), ephemeral })
}

#[test]
fn a_bad_variable_is_named() {
    for (name, value) in [
        ("DOORWARD_ISSUER", "https://auth.example.com/"),
        ("DOORWARD_ISSUER", "https://auth.example.com/path"),
        ("DOORWARD_ISSUER", "auth.example.com"),
        ("DOORWARD_ISSUER", "https://user@auth.example.com"),
        ("DOORWARD_ISSUER", "https://."),
        ("DOORWARD_ISSUER", "https://-"),
        ("DOORWARD_ISSUER", "https://a..b"),
        ("DOORWARD_ISSUER", "https://-a.example.com"),
        ("DOORWARD_ISSUER", "https://[a]"),
        ("DOORWARD_ISSUER", "https://[::1"),
        ("DOORWARD_ISSUER", "https://a:"),
        ("DOORWARD_ISSUER", "https://a:0"),
        ("DOORWARD_ISSUER", "https://a:+5"),
        ("DOORWARD_ISSUER", "https://a:65536"),
        ("DOORWARD_AUDIENCE", " "),
        ("DOORWARD_AUDIENCE", "my\u{7}api"),
        ("DOORWARD_SIGNING_ALG", "HS256"),
        ("DOORWARD_SIGNING_ALG", "rs256"),
        ("DOORWARD_ACCESS_TTL", "0"),
        ("DOORWARD_ACCESS_TTL", "15m"),
        ("DOORWARD_ACCESS_TTL", "+5"),
        ("DOORWARD_REFRESH_TTL", "-1"),
        ("DOORWARD_SESSION_TTL", "99999999999"),
        ("DOORWARD_REFRESH_GRACE", "61"),
        ("DOORWARD_SIGN_UP", "yes"),
        ("DOORWARD_SIGN_UP_RATE", "10"),
        ("DOORWARD_LOGIN_RATE", "0/60"),
        ("DOORWARD_LOGIN_RATE", "5/0"),
        ("DOORWARD_LOGIN_RATE", "+5/60"),
        ("DOORWARD_DEFAULT_SCOPES", "a\"b"),
        ("DOORWARD_PASSWORD_GRANT", "maybe"),
        ("DOORWARD_PASSWORD_MIN", "7"),
        ("DOORWARD_ARGON2", "m=19455,t=2,p=1"),
        ("DOORWARD_ARGON2", "m=19456,t=1,p=1"),
        ("DOORWARD_ARGON2", "m=99999,t=2,p=1"),
        ("DOORWARD_ARGON2", "t=2,m=19456,p=1"),
        ("DOORWARD_ARGON2", "m=+19456,t=2,p=1"),
        ("DOORWARD_ALLOWED_ORIGINS", "*"),
        ("DOORWARD_ALLOWED_ORIGINS", "null"),
        ("DOORWARD_ALLOWED_ORIGINS", "https://app.example.com,https://*.example.com"),
        ("DOORWARD_ALLOWED_HOSTS", "a b"),
        ("DOORWARD_ALLOWED_HOSTS", "*"),
        ("DOORWARD_ALLOWED_HOSTS", "a:x"),
        ("DOORWARD_ALLOWED_HOSTS", "a:0"),
        ("DOORWARD_ALLOWED_HOSTS", "a:99999"),
        ("DOORWARD_ALLOWED_HOSTS", "*.a:80"),
        ("DOORWARD_ALLOWED_HOSTS", "*.*.a"),
        ("DOORWARD_ALLOWED_HOSTS", ".."),
        ("DOORWARD_ALLOWED_HOSTS", "-"),
        ("DOORWARD_ALLOWED_HOSTS", "a,,b"),
        ("DOORWARD_ALLOWED_HOSTS", "[::1"),
        ("DOORWARD_KMS_KEY", " "),
        ("DOORWARD_DOCS", "yes"),
        ("DOORWARD_TABLE_PREFIX", "a/b"),
        ("DOORWARD_NAME", "a:b"),
        ("DOORWARD_NAME", " "),
        ("DOORWARD_OTP_RATE", "off"),
        ("DOORWARD_OTP_RATE", "5"),
    ] {
        assert_eq!(read(&[(name, value)], false).err().map(|bad| bad.name).as_deref(), Some(name), "{value}");
    }
}

#[test]
fn an_issuer_is_a_host_and_perhaps_a_port() {
    for issuer in ["http://a", "https://a.example.com.", "https://1.2.3.4:65535", "http://[::1]:1", "https://a--b.c"] {
        assert_eq!(read(&[("DOORWARD_ISSUER", issuer)], false).unwrap().parties.issuer, issuer);
    }
}

#[test]
fn one_thing_seals_the_keys() {
    let (kms, file) = (("DOORWARD_KMS_KEY", "alias/doorward"), ("DOORWARD_KEY_FILE", "keys"));
    assert_eq!(read(&[kms, file], false).unwrap_err().name, "DOORWARD_KEY_FILE");
    assert_eq!(read(&[kms, ("DOORWARD_KEY_FILE", "")], false).unwrap().kms_key.as_deref(), Some("alias/doorward"));
    assert!(read(&[file], false).unwrap().kms_key.is_none());
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let config = read(&[], false).unwrap();
    assert_eq!(config.parties.issuer, "http://127.0.0.1:9000");
    assert_eq!(config.parties.audience, "http://127.0.0.1:9000");
    assert_eq!(config.access_ttl.as_secs(), 900);
    assert_eq!(config.sessions.idle.as_secs(), 604_800);
    assert_eq!(config.sessions.lifetime.as_secs(), 2_592_000);
    assert_eq!(config.sessions.grace.as_secs(), 10);
    assert_eq!(config.default_scopes.to_string(), "read:items write:items");
    assert_eq!(config.table_prefix, "doorward-");
}

#[test]
fn what_is_set_holds() {
    let config = read(
        &[
            ("DOORWARD_ISSUER", "https://auth.example.com:8443"),
            ("DOORWARD_AUDIENCE", "my-api"),
            ("DOORWARD_SESSION_TTL", "100"),
            ("DOORWARD_SIGN_UP_RATE", "off"),
            ("DOORWARD_LOGIN_RATE", "100/60"),
            ("DOORWARD_ALLOWED_ORIGINS", "https://app.example.com:443, http://localhost:3000,http://a:80"),
            ("DOORWARD_ALLOWED_HOSTS", "Auth.example.com, *.example.org, localhost:9000, [::1]:9000, 10.0.0.1"),
            ("DOORWARD_ACCESS_TTL", ""),
        ],
        false,
    )
    .unwrap();
    assert_eq!(config.parties.audience, "my-api");
    assert_eq!(config.sessions.idle.as_secs(), 100, "the idle time is cut to the session's");
    assert_eq!(config.sign_up_rate, None);
    assert_eq!(config.login_rate, Some(Rate { requests: 100, seconds: 60 }));
    let origins = ["https://app.example.com", "http://localhost:3000", "http://a"];
    assert_eq!(config.allowed_origins, origins, "as browsers send them");
    let hosts = ["auth.example.com", "*.example.org", "localhost:9000", "[::1]:9000", "10.0.0.1"];
    assert_eq!(config.allowed_hosts, hosts);
    assert_eq!(config.access_ttl.as_secs(), 900, "an empty variable is an absent one");
}

#[test]
fn cheap_hashes_are_for_users_that_nobody_keeps() {
    assert!(read(&[("DOORWARD_ARGON2", "m=8,t=1,p=1")], true).is_ok());
    assert!(read(&[("DOORWARD_ARGON2", "m=8,t=1,p=1")], false).is_err());
}
