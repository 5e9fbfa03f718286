//! What the routes take and give, for the OpenAPI document.

use crate::setup::NewSecret;
use crate::verify::Verified;
use doorward_http::Error;
use doorward_http::answer::Message;
use doorward_http::openapi::schema::{Member, code, nullable, password, picture, required};
use doorward_http::openapi::{Operation, Section};
use serde_json::{Value, json};

/// The routes of the function.
#[must_use]
pub fn docs() -> Section {
    let about = "An authenticator app and recovery codes. Each code is good once; after too many wrong ones, none is.";
    Section { name: "Second factor", about, operations: vec![setup(), verify(), disable(), recovery_codes()] }
}

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn setup() -> Operation {
    let uri = format!("otpauth://totp/Doorward:ann?secret={SECRET}&issuer=Doorward&algorithm=SHA1&digits=6&period=30");
    Operation::post("/2fa/setup", "set_up_second_factor", "A new secret for an authenticator app")
        .about(
            "A QR code, or JSON where that is asked for. It waits ten minutes for its first code; until then nothing \
             changes. `password` is needed when there is a second factor already.",
        )
        .bearer()
        .json_if_any(&[nullable("password", password())], json!({"password": "correct horse battery staple"}))
        .gives::<NewSecret>("The secret", json!({"secret": SECRET, "otpauth_uri": uri}))
        .gives_as("image/png", picture(), "The secret", json!("(a picture)"))
        .refuses([Error::IncorrectPassword])
}

fn verified(message: &str) -> Value {
    json!({"message": message, "recovery_codes": ["jzsp-dpgt-mf5w-xuvx"]})
}

fn verify() -> Operation {
    Operation::post("/2fa/verify", "verify_second_factor", "Show that one has the second factor")
        .about("The first code of a new secret turns the second factor on, and gives recovery codes.")
        .bearer()
        .json_or_form(&[required("code", code())], json!({"code": "287082"}))
        .gives::<Verified>("The code is right", verified("2FA verified successfully"))
        .refuses([Error::InvalidCode])
        .limited()
}

fn both() -> ([Member; 2], Value) {
    let members = [required("password", password()), required("code", code())];
    (members, json!({"password": "correct horse battery staple", "code": "287082"}))
}

fn disable() -> Operation {
    let (members, example) = both();
    Operation::post("/2fa/disable", "disable_second_factor", "Turn the second factor off")
        .bearer()
        .json(&members, example)
        .gives::<Message>("It is off", json!({"message": "2FA disabled successfully"}))
        .refuses([Error::IncorrectPassword, Error::InvalidCode])
        .limited()
}

fn recovery_codes() -> Operation {
    let (members, example) = both();
    Operation::post("/2fa/recovery-codes", "replace_recovery_codes", "Ten new recovery codes")
        .bearer()
        .json(&members, example)
        .gives::<Verified>("The new codes, shown this once; the old ones are void", verified("Recovery codes replaced"))
        .refuses([Error::IncorrectPassword, Error::InvalidCode])
        .limited()
}
