//! What a client would rather have, in lists with weights (RFC 9110 §12.4.2).

use axum::http::{HeaderMap, HeaderName};

/// The items of a header that is a list.
pub fn listed<'a>(request: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    request
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// How much of a choice is thought where it is named: from 0, not at all, to 1, which is meant where nothing is said.
#[must_use]
pub fn weight(request: &HeaderMap, name: &HeaderName, choice: &str) -> Option<f32> {
    let of = |parameter: &str| {
        let (name, value) = parameter.split_once('=')?;
        let weight = || value.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight));
        name.trim().eq_ignore_ascii_case("q").then(|| weight().unwrap_or(0.0))
    };
    listed(request, name).find_map(|item| {
        let mut parts = item.split(';');
        let is_named = parts.next().is_some_and(|named| named.trim().eq_ignore_ascii_case(choice));
        is_named.then(|| parts.find_map(of).unwrap_or(1.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::ACCEPT;

    fn of(accepted: &str) -> Option<f32> {
        weight(&HeaderMap::from_iter([(ACCEPT, accepted.parse().unwrap())]), &ACCEPT, "application/json")
    }

    #[test]
    fn what_is_not_named_has_none() {
        assert_eq!(weight(&HeaderMap::new(), &ACCEPT, "application/json"), None);
        for accepted in ["", "*/*", "application/*", "application/json5", "text/plain;q=application/json"] {
            assert_eq!(of(accepted), None, "{accepted}");
        }
    }

    #[test]
    fn a_weight_is_the_one_that_is_said() {
        for (accepted, weight) in [
            ("application/json", 1.0),
            ("image/png, Application/JSON", 1.0),
            ("application/json;q=0", 0.0),
            ("application/json; charset=utf-8; Q = 0.25 ,*/*", 0.25),
            ("application/json;q=much", 0.0),
            ("application/json;q=2", 0.0),
            ("application/json;q=NaN", 0.0),
        ] {
            assert_eq!(of(accepted), Some(weight), "{accepted}");
        }
    }
}
