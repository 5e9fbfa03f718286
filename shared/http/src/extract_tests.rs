use super::*;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::json;

fn form(bytes: &[u8]) -> Fields {
    Fields::of_form(bytes)
}

/// What is wrong, by where.
fn pointers(fields: Fields) -> Vec<String> {
    match fields.finish(None::<()>) {
        Err(Error::Invalid(defects)) => defects.into_iter().map(|defect| defect.pointer).collect(),
        other => panic!("{other:?}"),
    }
}

/// As a browser writes it, but for what it need not write so.
fn encoded(text: &str, plus: bool) -> String {
    let text = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    if plus { text.replace("%20", "+") } else { text.replace("%2D", "-") }
}

proptest! {
    #[test]
    fn a_form_says_what_was_put_in(name in "\\PC{1,20}", value in "\\PC{0,40}|\\p{any}{0,8}", plus: bool, around in "&{0,3}") {
        let mut fields = form(format!("{around}{}={}{around}", encoded(&name, plus), encoded(&value, plus)).as_bytes());
        prop_assert_eq!(fields.text(&name), Some(value.clone()));
        prop_assert!(fields.finish(Some(())).is_ok());
        // An empty one is an absent one.
        let mut fields = form(format!("{}={}", encoded(&name, plus), encoded(&value, plus)).as_bytes());
        prop_assert_eq!(fields.text_if_any(&name), Some(value).filter(|value| !value.is_empty()));
    }

    #[test]
    fn a_member_stands_once_in_either_media(name in "[a-z~/]{1,8}", values in prop::collection::vec("[a-z0-9]{0,5}", 2..5)) {
        let twice = values.iter().map(|value| format!("{}={value}", encoded(&name, true))).collect::<Vec<_>>().join("&");
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        prop_assert_eq!(pointers(form(twice.as_bytes())), [pointer.clone()]);
        let twice = values.iter().map(|value| format!("{}:{}", json!(name), json!(value))).collect::<Vec<_>>().join(",");
        let mut fields = Fields::of_json(format!("{{{twice}}}").as_bytes());
        prop_assert_eq!(fields.text(&name), values.first().cloned());
        prop_assert_eq!(pointers(fields), [pointer]);
    }

    #[test]
    fn bytes_are_read_as_a_form_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "[a-c=&%+0-9A-F]{0,60}") {
        for bytes in [&bytes[..], text.as_bytes()] {
            let mut fields = form(bytes);
            let names: Vec<String> = fields.given.iter().map(|(name, _)| name.clone()).collect();
            for name in &names {
                prop_assert!(fields.text(name).is_some());
            }
            prop_assert!(fields.given.is_empty());
            // Nothing is lost without a word: what was not taken is said to be wrong.
            let given = bytes.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).count();
            prop_assert!(given == names.len() || fields.finish(Some(())).is_err());
        }
    }

    #[test]
    fn bytes_are_a_json_object_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "[\\[{\"a:,}\\] 1\\\\u0e.-]{0,40}") {
        for bytes in [&bytes[..], text.as_bytes()] {
            let fields = Fields::of_json(bytes);
            let is_object = serde_json::from_slice::<Value>(bytes).is_ok_and(|value| value.is_object());
            prop_assert_eq!(is_object, !pointers(fields).contains(&String::new()));
        }
    }

    #[test]
    fn a_member_of_another_type_is_refused_by_name(value in "[a-z]{1,5}", number: i64, flag: bool) {
        for other in [json!(number), json!(flag), json!([value]), json!({"a": value})] {
            let body = json!({"x": other}).to_string();
            for take in [|fields: &mut Fields| fields.text("x"), |fields: &mut Fields| fields.text_if_any("x")] {
                let mut fields = Fields::of_json(body.as_bytes());
                prop_assert_eq!(take(&mut fields), None);
                prop_assert_eq!(pointers(fields), ["/x"]);
            }
        }
        // And one that nobody asked for, too.
        prop_assert_eq!(pointers(Fields::of_json(json!({&value: 1}).to_string().as_bytes())), [format!("/{value}")]);
    }
}

#[test]
fn a_refusal_is_not_many_times_its_request() {
    let members: Vec<_> = (0..9000).map(|n| format!("\"{n}\":1")).collect();
    assert_eq!(pointers(Fields::of_json(format!("{{{}}}", members.join(",")).as_bytes())).len(), DEFECTS_TOLD);
    let twice: Vec<_> = (0..9000).map(|n| format!("{n}&{n}")).collect();
    assert_eq!(pointers(form(twice.join("&").as_bytes())).len(), DEFECTS_TOLD);
    let broken: Vec<_> = (0..9000).map(|n| format!("{n}=%FF")).collect();
    assert_eq!(pointers(form(broken.join("&").as_bytes())).len(), DEFECTS_TOLD);
    assert_eq!(pointers(form("a=%FF&".repeat(9000).as_bytes())), ["/a"], "once is enough");
}
