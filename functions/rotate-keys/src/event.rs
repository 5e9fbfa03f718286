//! What the function is called with.

use doorward_core::keyring::Purpose;
use doorward_core::rotation::Order;
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Value;

/// An event.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub enum Event {
    /// CloudFormation makes, changes or deletes the stack, and waits to be told of the end.
    Stack(StackEvent),
    /// The schedule, or somebody who wants a rotation.
    Rotation(Rotation),
}

impl TryFrom<Value> for Event {
    type Error = serde_json::Error;

    fn try_from(event: Value) -> Result<Self, Self::Error> {
        if event.get("RequestType").is_some() {
            serde_json::from_value(event).map(Self::Stack)
        } else if event.get("source").is_some_and(|source| source == "aws.events") && event.get("rotate").is_none() {
            Ok(Self::Rotation(Rotation { rotate: None, order: Order::Next }))
        } else if event.is_object() {
            serde_json::from_value(event).map(Self::Rotation)
        } else {
            Err(serde_json::Error::custom("an event must be an object"))
        }
    }
}

/// An event of a custom resource, by CloudFormation's names.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StackEvent {
    pub(crate) request_type: String,
    #[serde(rename = "ResponseURL")]
    pub(crate) response_url: String,
    pub(crate) stack_id: String,
    pub(crate) request_id: String,
    pub(crate) logical_resource_id: String,
    /// The resource's own name; none before it is made.
    pub(crate) physical_resource_id: Option<String>,
}

/// A wish, such as `{"rotate": "sign", "now": true}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Wish")]
pub struct Rotation {
    /// Which key gets a successor; `None` is what is due of all.
    pub rotate: Option<Purpose>,
    /// How soon.
    pub order: Order,
}

/// A wish as it is written: the names of the options of `keys rotate`. A misspelt one is no slower rotation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    rotate: Option<String>,
    now: Option<bool>,
    revoke_old: Option<bool>,
}

impl TryFrom<Wish> for Rotation {
    type Error = &'static str;

    fn try_from(wish: Wish) -> Result<Self, Self::Error> {
        let unknown = "rotate must be 'sign', 'refresh' or 'seal'";
        let rotate = wish.rotate.map(|name| Purpose::parse(&name).ok_or(unknown)).transpose()?;
        let (now, revoke_old) = (wish.now.unwrap_or_default(), wish.revoke_old.unwrap_or_default());
        if rotate.is_none() && (now || revoke_old) {
            return Err("rotate is missing");
        }
        Ok(Self { rotate, order: Order::wanted(now, revoke_old) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rotation(event: Value) -> Option<Rotation> {
        match serde_json::from_value(event) {
            Ok(Event::Rotation(rotation)) => Some(rotation),
            _ => None,
        }
    }

    #[test]
    fn what_is_no_wish_is_refused() {
        for bad in [
            json!({"rotate": "all"}),
            json!({"rotate": 1}),
            json!({"rotate": "sign", "now": "yes"}),
            json!({"rotate": "sign", "noww": true}),
            json!({"rotate": "sign", "source": "aws.events"}),
            json!({"rotates": "sign"}),
            json!({"now": true}),
            json!({"source": "somebody"}),
            json!({"requestType": "Create"}),
            json!(["sign", true, false]),
            json!("sign"),
            json!(null),
        ] {
            assert!(serde_json::from_value::<Event>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_schedule_wants_what_is_due_and_a_person_what_they_say() {
        let schedule =
            json!({"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
        for (event, rotate, order) in [
            (schedule, None, Order::Next),
            (json!({}), None, Order::Next),
            (json!({"rotate": null, "now": null, "revoke_old": null}), None, Order::Next),
            (json!({"rotate": "sign", "now": null, "revoke_old": null}), Some(Purpose::Sign), Order::Next),
            (json!({"rotate": "sign"}), Some(Purpose::Sign), Order::Next),
            (json!({"rotate": "refresh", "now": true}), Some(Purpose::Refresh), Order::Now),
            (json!({"rotate": "sign", "now": true, "revoke_old": true}), Some(Purpose::Sign), Order::RevokeOld),
        ] {
            assert_eq!(rotation(event.clone()), Some(Rotation { rotate, order }), "{event}");
        }
    }
}
