//! What API Gateway tells the authorizer: whatever it is, it is read or refused, and no credential is in what is logged.
#![no_main]

use doorward_authorizer::Event;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Ok(event) = serde_json::from_slice::<Value>(bytes) else {
        assert!(serde_json::from_slice::<Event>(bytes).is_err());
        return;
    };
    let Ok(read) = serde_json::from_value::<Event>(event.clone()) else { return };
    assert_eq!(event["type"], "REQUEST");
    let shown = format!("{read:?}");
    // What is shown of it without any.
    let mut bare = event.clone();
    for name in ["headers", "multiValueHeaders"] {
        bare[name] = Value::Null;
    }
    let bare = serde_json::from_value::<Event>(bare).map(|bare| format!("{bare:?}")).unwrap_or_default();
    for headers in [&event["headers"], &event["multiValueHeaders"]] {
        for (_, value) in headers.as_object().into_iter().flatten() {
            let texts =
                value.as_str().into_iter().chain(value.as_array().into_iter().flatten().filter_map(Value::as_str));
            // A shorter one may be in the names of things.
            for text in texts.filter(|text| text.len() > 20) {
                assert!(!shown.contains(text) || bare.contains(text));
            }
        }
    }
});
