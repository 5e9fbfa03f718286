use super::forge::*;
use super::*;
use crate::signing::PublicKey;
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

#[test]
fn every_member_is_required() {
    for name in header().as_object().unwrap().keys() {
        refused(&forge(without(header(), name), claims(), &RSA), name);
    }
    for name in claims().as_object().unwrap().keys() {
        refused(&forge(header(), without(claims(), name), &RSA), name);
    }
}

#[test]
fn every_claim_is_of_its_type() {
    for (name, right) in claims().as_object().unwrap() {
        let other = match right {
            Value::String(_) => json!([1_700_000_000, []]),
            Value::Number(n) => json!([n.to_string(), n.as_f64(), [], ""]),
            _ => json!([right[0], "", 1, [1], [null], [right[0], null]]),
        };
        refused_in_claims(name, &other);
        refused_in_claims(name, &json!([null, true, {}, { "a": right }, [right], 1.5]));
    }
}

#[test]
fn every_claim_has_a_value_of_ours() {
    refused_in_claims("iss", &json!(["", "https://id.example/", "https://ID.example", "https://api.example"]));
    refused_in_claims("aud", &json!(["", "https://id.example", "https://api.example https://id.example"]));
    refused_in_claims("client_id", &json!(["", "Doorward", "ann"]));
    refused_in_claims("sub", &json!(["", "../bob", "a b", "a".repeat(65)]));
    refused_in_claims("jti", &json!(["", "t1#t2"]));
    refused_in_claims("sid", &json!(["", SESSION.to_uppercase(), SESSION.replace('-', ""), format!("{{{SESSION}}}")]));
    refused_in_claims("scope", &json!(["read\titems", "\"", "é", "a".repeat(65)]));
    refused_in_claims("amr", &json!([[], [""], ["PWD"], ["pwd", "sms"]]));
}

#[test]
fn a_token_is_good_from_its_beginning_to_its_end() {
    let (past, ahead) = ([0, -1, -3600], [6, 7, 3600]);
    for (name, bad, good) in [("exp", past, 1), ("nbf", ahead, 5), ("iat", ahead, 5), ("auth_time", ahead, 5)] {
        refused_in_claims(name, &bad.map(|seconds| NOW.seconds() + seconds).into_iter().collect());
        accepted(&forge(header(), with(claims(), name, NOW.seconds() + good), &RSA), name);
    }
    let (millisecond, end) = (Duration::from_millis(1), NOW.plus(Duration::from_mins(15)));
    assert!(judge(&good(), end.minus(millisecond)).is_ok());
    assert_eq!(judge(&good(), end), Err(InvalidAccessToken));
    assert_eq!(judge(&good(), NOW.minus(LEEWAY + millisecond)), Err(InvalidAccessToken));
}

#[test]
fn a_number_at_the_edge_of_its_type_does_not_overflow() {
    let beyond = ["9223372036854775808", "18446744073709551616", "-9223372036854775809", "1e400", "1e9", "-0", "01"];
    for name in ["exp", "iat", "nbf", "auth_time"] {
        for number in beyond {
            refused(&forge(header(), raw(&without(claims(), name), &format!("\"{name}\":{number}")), &RSA), number);
        }
        for (number, good) in [(i64::MAX, name == "exp"), (i64::MIN, name != "exp")] {
            let token = forge(header(), with(claims(), name, number), &RSA);
            assert_eq!(judge(&token, NOW).is_ok(), good, "{name} {number}");
        }
    }
}

#[test]
fn only_the_type_of_an_access_token_passes() {
    refused_in_header("typ", &json!(["", "JWT", "AT+JWT", "application/at+jwt", "at+jwt ", "at", "dpop+jwt"]));
    refused_in_header("typ", &json!([null, 1, ["at+jwt"], { "typ": "at+jwt" }]));
}

#[test]
fn nothing_critical_is_understood() {
    refused_in_header("crit", &json!([null, [], ["b64"], ["exp"], ["alg", "x"], "exp", false, {}]));
    refused(&forge(raw(&header(), r#""b64":false,"crit":["b64"]"#), claims(), &RSA), "b64");
}

#[test]
fn an_unsigned_token_is_refused() {
    for alg in ["none", "None", "NONE", "nOnE", "none ", "", "null", "RS256"] {
        let signed = forge(with(header(), "alg", alg), claims(), &RSA);
        let (unsigned, signature) = signed.rsplit_once('.').unwrap();
        for end in ["", ".", ".AA", ".bm9uZQ", &format!("..{signature}")] {
            refused(&format!("{unsigned}{end}"), (alg, end));
        }
    }
}

#[test]
fn only_the_algorithm_of_the_key_passes() {
    refused_in_header("alg", &json!(["none", "None", "NONE", "nOnE", "none ", "", "HS256", "HS384", "HS512"]));
    refused_in_header("alg", &json!(["RS384", "RS512", "PS256", "ES256", "EdDSA", "Ed25519", "rs256", "RS256 "]));
    refused_in_header("alg", &json!([null, 256, ["RS256"], ["none", "RS256"], { "alg": "RS256" }]));
    for n in 0..27 {
        let [alg, kid, signer] = [n / 9, n / 3 % 3, n % 3].map(|n| ours()[n]);
        let ids = [alg, kid, signer].map(|key| key.signing.id.as_str());
        let token = forge(with(header_of(alg), "kid", ids[1]), claims(), signer);
        assert_eq!(judge(&token, NOW).is_ok(), ids == [ids[0]; 3], "{ids:?}");
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let jwk = json!(RSA.signing.public());
    assert_eq!((RSA.signing.public().algorithm(), &jwk["alg"]), ("RS256", &json!("RS256")));
    let n = jwk["n"].as_str().unwrap();
    let spki: PublicKeyX509Der<'_> = RsaKeyPair::from_pkcs8(&RSA.pkcs8).unwrap().public_key().as_der().unwrap();
    let base64 = STANDARD.encode(&*spki);
    let lines: Vec<&str> = (0..base64.len()).step_by(64).map(|n| &base64[n..base64.len().min(n + 64)]).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
    let texts =
        [n, &base64, &pem, &format!("{pem}\n"), &jwk.to_string(), &json!({ "keys": [jwk] }).to_string(), "rsa", ""];
    let mut secrets = texts.map(|text| text.as_bytes().to_vec()).to_vec();
    secrets.extend([URL_SAFE_NO_PAD.decode(n).unwrap(), spki.as_ref().to_vec()]);
    for (secret, alg) in secrets.iter().flat_map(|secret| [(secret, "HS256"), (secret, "RS256")]) {
        let signed = format!("{}.{}", b64(with(header(), "alg", alg).to_string()), b64(claims().to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        refused(&format!("{signed}.{}", b64(tag)), (alg, secret));
    }
}

#[test]
fn the_key_is_named_exactly() {
    refused_in_header("kid", &json!(["unknown", "ec", "ed", "", " rsa", "rsa ", "RSA", "rsa\0", "a".repeat(65)]));
    refused_in_header("kid", &json!(["rsa/../rsa", "../../dev/null", "/dev/null", "%72sa", "https://evil.example"]));
    refused_in_header("kid", &json!(["rsa' OR '1'='1", "x' UNION SELECT 'key", "rsa;--", "rsa|id", "$(id)"]));
    refused_in_header("kid", &json!([null, 1, true, ["rsa"], { "kid": "rsa" }]));
    let mut renamed = RSA.verifying.clone();
    renamed.id = EC.signing.id.clone();
    assert!(Unverified::parse(&good()).unwrap().verify(&renamed, &parties(), NOW).is_err());
}

#[test]
fn a_key_that_the_token_brings_along_is_not_looked_at() {
    for (name, value) in [
        ("jwk", json!(ATTACKER.signing.public())),
        ("jwk", json!(null)),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!([STANDARD.encode(b"certificate")])),
    ] {
        let header = with(header(), name, value);
        refused(&forge(&header, claims(), &ATTACKER), name);
        refused(&forge(with(header.clone(), "kid", "evil"), claims(), &ATTACKER), name);
        accepted(&forge(header, claims(), &RSA), name);
    }
    refused(&forge(header(), claims(), &ATTACKER), "nothing brought along");
}

#[test]
fn a_member_stands_once() {
    for (name, value) in header().as_object().unwrap() {
        let escaped = format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]);
        for member in [format!("\"{name}\":{value}"), format!("\"{name}\":\"\""), format!("\"{escaped}\":{value}")] {
            refused(&forge(raw(&header(), &member), claims(), &RSA), member);
        }
    }
    for (name, value) in claims().as_object().unwrap() {
        for member in [format!("\"{name}\":{value}"), format!("\"{name}\":null")] {
            refused(&forge(header(), raw(&claims(), &member), &RSA), member);
        }
    }
    refused(&forge(raw(&header(), r#""crit":null,"crit":null"#), claims(), &RSA), "crit");
}

#[test]
fn header_and_claims_are_objects() {
    let names = ["iss", "sub", "aud", "client_id", "iat", "nbf", "exp", "jti", "sid", "scope", "roles", "permissions"];
    let in_order = names.into_iter().chain(["amr", "auth_time"]).map(|name| claims()[name].clone());
    for text in [json!(["RS256", "at+jwt", "rsa", null]), json!([header()]), json!(header().to_string())] {
        refused(&forge(&text, claims(), &RSA), text);
    }
    for text in [in_order.collect(), json!([claims()]), json!(claims().to_string())] {
        refused(&forge(header(), &text, &RSA), text);
    }
    for frame in [" $", "\n$", "\u{feff}$", "$x", "$,", "$$", "/**/$", "", "{}", "[]", "null", "1", "\"\"", "{"] {
        refused(&forge(frame.replace('$', &header().to_string()), claims(), &RSA), frame);
        refused(&forge(header(), frame.replace('$', &claims().to_string()), &RSA), frame);
    }
    refused(&forge(header(), raw(&claims(), "\"x\":\"\0\""), &RSA), "NUL");
    // In a member that nobody reads.
    let [h, c] = [header(), claims()].map(|part| with(part, "x", "?").to_string());
    let [bad_h, bad_c] =
        [&h, &c].map(|text| text.bytes().map(|b| if b == b'?' { 0xff } else { b }).collect::<Vec<_>>());
    accepted(&seal(&b64(&h), &b64(&c), &RSA), "UTF-8");
    refused(&seal(&b64(bad_h), &b64(&c), &RSA), "header not UTF-8");
    refused(&seal(&b64(&h), &b64(bad_c), &RSA), "claims not UTF-8");
}

#[test]
fn a_token_has_three_parts_and_nothing_around_them() {
    let good = good();
    let parts: Vec<&str> = good.split('.').collect();
    let (h, c, s) = (parts[0], parts[1], parts[2]);
    for text in ["", ".", "..", "...", h, &format!("{h}.{c}"), &format!("{h}..{s}"), &format!(".{c}.{s}"), "dwr_AQ"] {
        refused(text, text);
    }
    let dots = ["$.", ".$", "$.AA", "AA.$", "$.AA.AA", "$.."];
    for frame in dots.into_iter().chain([" $", "$ ", "\t$", "$\n", "$\r\n", "$\0", "\u{feff}$", "Bearer $"]) {
        refused(&frame.replace('$', &good), frame);
    }
    for header in [format!("{h}.AA"), format!("{h}.{c}.{h}"), format!("{h}.")] {
        refused(&seal(&header, c, &RSA), header);
    }
}

#[test]
fn a_token_has_one_spelling() {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // Both need `-` and `_`, and leave four bits of the last character unused, as an RSA signature does.
    let [h, c] = [header(), claims()].map(|part| {
        let text = with(part, "x", "<<<???>>>~~~").to_string();
        b64(format!("{text}{}", &"  "[..(4 - text.len() % 3) % 3]))
    });
    let good = seal(&h, &c, &RSA);
    let (signed, s) = good.rsplit_once('.').unwrap();
    accepted(&good, "the one spelling");
    for place in 0..6 {
        let spell = |part: &str| {
            let (head, last) = part.split_at(part.len() - 1);
            let next = alphabet.find(last).unwrap() + 1;
            match place {
                0 => format!("{part}=="),
                1 => format!("{part}="),
                2 => format!("{head}{}", &alphabet[next..=next]),
                3 => part.replacen('-', "+", 1).replacen('_', "/", 1),
                4 => format!("{head} {last}"),
                _ => format!("{head}\n{last}"),
            }
        };
        assert!(spell(&h) != h && spell(&c) != c);
        refused(&seal(&spell(&h), &c, &RSA), ("header", place));
        refused(&seal(&h, &spell(&c), &RSA), ("claims", place));
        if spell(s) != s {
            assert!(Unverified::parse(&format!("{signed}.{}", spell(s))).is_err(), "signature {place}");
        }
    }
}

#[test]
fn a_signature_is_whole() {
    for key in ours() {
        let token = forge(header_of(key), claims(), key);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let tampered = |bytes: &[u8], what: &str| refused(&format!("{signed}.{}", b64(bytes)), (what, &key.signing));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at * 5 % 8);
            tampered(&flipped, "one bit flipped");
            tampered(&bytes[..at], "truncated");
            tampered(&bytes[at + 1..], "truncated in front");
        }
        for other in [[&bytes[..], &[0]].concat(), [&[0], &bytes[..]].concat(), vec![0; bytes.len()]] {
            tampered(&other, "longer, or zeros");
        }
    }
    let signed = format!("{}.{}", b64(header_of(&EC).to_string()), b64(claims().to_string()));
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &EC.pkcs8).unwrap();
    refused(&format!("{signed}.{}", b64(pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap())), "DER");
}

#[test]
fn a_published_key_has_the_members_of_its_algorithm() {
    for key in ours() {
        let public = serde_json::to_value(key.signing.public()).unwrap();
        let usable = |public: Value| {
            serde_json::from_value::<PublicKey>(public).is_ok_and(|public| VerifyingKey::from_public(&public).is_ok())
        };
        assert!(usable(public.clone()));
        for name in ["alg", "kty", "crv", "n", "e", "x", "y"] {
            let Some(member) = public[name].as_str() else { continue };
            // Other numbers are an RSA key too, though not this one.
            let is_number = matches!(name, "n" | "e");
            let others =
                ["", "?", &format!("{member}="), "P-384", "X25519", "HS256", &member[1..], &format!("AAAA{member}")];
            for other in &others[..if is_number { 3 } else { others.len() }] {
                assert!(!usable(with(public.clone(), name, *other)), "{public}: {name} {other}");
            }
            let Value::Object(mut without) = public.clone() else { unreachable!() };
            without.remove(name);
            assert!(!usable(without.into()), "{public}: no {name}");
        }
        // Its members are another's: the algorithm does not fit them.
        for other in ours().iter().filter(|other| other.signing.algorithm != key.signing.algorithm) {
            assert!(!usable(with(public.clone(), "alg", other.signing.algorithm.as_str())), "{public}");
        }
    }
}

#[test]
fn a_signature_is_of_this_header_and_these_claims() {
    let tokens = [good(), forge(with(header(), "x", 1), with(claims(), "sub", "bob"), &RSA)];
    let parts = tokens.each_ref().map(|token| token.split('.').collect::<Vec<_>>());
    for mix in 1..7 {
        let [h, c, s] = [0, 1, 2].map(|n| parts[mix >> n & 1][n]);
        refused(&format!("{h}.{c}.{s}"), mix);
    }
}

#[test]
fn a_token_of_more_than_16_kib_is_not_read() {
    let padded = |length| forge(header_of(&ED), with(claims(), "x", "a".repeat(length)), &ED);
    let longest = (11_000..12_000).rev().find(|length| padded(*length).len() <= 16 * 1024).unwrap();
    accepted(&padded(longest), "all of 16 KiB");
    refused(&padded(longest + 1), "more");
    refused(&padded(1 << 20), "much more");
    refused(&forge(header(), raw(&claims(), &format!("\"x\":{}", "[".repeat(11_000))), &RSA), "deep");
}

#[test]
fn what_is_signed_is_what_the_contract_lists_and_what_is_read() {
    let (user, session) = (user(), session());
    let (id, scopes) = (user.id.clone(), session.scopes.clone());
    let (client, none) = (ApiKeyId::parse(CLIENT).unwrap(), CustomClaims::default());
    for (holder, subject, claims) in [
        (Holder::User(&user, &session, &none), Subject::User(id, session.id), claims()),
        (Holder::Client(&client), Subject::Client(client.clone()), client_claims()),
    ] {
        let id = TokenId::parse("t1").unwrap();
        let (issued_at, expires_at) = (NOW, NOW.plus(Duration::from_mins(15)));
        let token = AccessToken { id: id.clone(), subject, scopes: scopes.clone(), issued_at, expires_at };
        let new = NewToken { id, holder, scopes: scopes.clone(), issued_at, expires_at };
        for key in ours() {
            let text = new.sign(&parties(), &key.signing).unwrap();
            let part = |n| URL_SAFE_NO_PAD.decode(text.split('.').nth(n).unwrap()).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&part(0)).unwrap(), header_of(key));
            assert_eq!(serde_json::from_slice::<Value>(&part(1)).unwrap(), claims);
            assert_eq!(judge(&text, NOW), Ok(token.clone()));
            assert_eq!(judge(&forge(header_of(key), &claims, key), NOW), Ok(token.clone()));
        }
    }
}

proptest! {
    #[test]
    fn one_changed_character_is_one_too_many(at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_-]|\\PC") {
        static GOOD: LazyLock<String> = LazyLock::new(good);
        let at = at.index(GOOD.len());
        for changed in [
            format!("{}{with}{}", &GOOD[..at], &GOOD[at + 1..]),
            format!("{}{with}{}", &GOOD[..at], &GOOD[at..]),
            format!("{}{}", &GOOD[..at], &GOOD[at + 1..]),
        ] {
            prop_assert_eq!(judge(&changed, NOW).is_ok(), changed == *GOOD);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}|([A-Za-z0-9_-]{0,40}[.]?){0,5}") {
        prop_assert!(judge(&text, NOW).is_err());
    }

    #[test]
    fn no_signed_bytes_make_it_panic(header in any::<Vec<u8>>(), claims in any::<Vec<u8>>(), with in any::<u8>()) {
        let (good_header, mut changed) = (b64(header_of(&ED).to_string()), self::claims().to_string().into_bytes());
        prop_assert!(judge(&seal(&b64(&header), &b64(&claims), &ED), NOW).is_err());
        prop_assert!(judge(&seal(&good_header, &b64(&claims), &ED), NOW).is_err());
        let at = claims.len() * 7 % changed.len();
        changed[at] = with;
        let _ = judge(&seal(&good_header, &b64(&changed), &ED), NOW);
    }
}
