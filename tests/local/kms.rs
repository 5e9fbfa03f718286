//! Private keys sealed by KMS, as ministack has it: it holds the encryption context against what was sealed. That another key
//! of KMS opens nothing is AWS's to say; ministack opens it to noise.

use crate::client::Client;
use crate::ministack::Ministack;
use crate::server::{Ended, Place, Start};
use doorward_core::ids::KeyId;
use doorward_core::keyring::Purpose;
use doorward_http::config::{Config, Surroundings, Variables};
use doorward_http::seal::Sealer;

/// A KMS that runs.
struct Kms(Ministack);

impl Kms {
    fn start(place: &Place) -> Self {
        Self(Ministack::start(&place.path("ministack.log")))
    }

    fn call(&self, operation: &str) -> std::io::Result<serde_json::Value> {
        let who = "authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/kms/aws4_request\r\n";
        let headers =
            format!("x-amz-target: TrentService.{operation}\r\ncontent-type: application/x-amz-json-1.1\r\n{who}");
        Client::of(self.0.address).try_send("POST", "/", &headers, "{}").map(|answer| answer.body)
    }

    fn new_key(&self) -> String {
        self.call("CreateKey").unwrap()["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }

    /// What names a key of it to a program.
    fn variables(&self, key: &str) -> [(String, String); 5] {
        let endpoint = self.0.endpoint();
        let pairs = [
            ("DOORWARD_ISSUER", "https://auth.example.com"),
            ("DOORWARD_KMS_KEY", key),
            ("AWS_ENDPOINT_URL_KMS", &endpoint),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    fn with(&self, key: &str, start: Start) -> Start {
        self.variables(key).iter().fold(start, |start, (name, value)| start.env(name, value))
    }
}

fn refused() -> Ended {
    Ended { code: Some(1), said: Vec::new() }
}

#[test]
fn keys_are_sealed_by_kms_and_opened_once() {
    let place = Place::new();
    let mut kms = Kms::start(&place);
    let key = kms.new_key();
    let server = || kms.with(&key, place.server());
    let running = server().start();
    let ann = running.client().newcomer("ann");
    assert!(!place.path("data/keys").exists(), "there is no key file");
    let rotated = server().arg("keys").arg("rotate").arg("--now").run();
    assert_eq!(rotated.code, Some(0), "{}", place.log());
    drop(running);

    let running = server().start();
    running.client().get("/users/me", &ann.access).expect(200);
    let ann = running.client().refresh(&ann.refresh).expect(200);
    let next = ann.text("refresh_token");
    let published = running.client().get("/.well-known/jwks.json", "").expect(200).body;
    assert_eq!(published["keys"].as_array().unwrap().len(), 2);
    // Who has no KMS key finds none of its own, and who has another one opens nothing.
    let endpoint = format!("http://{}", running.dynamodb());
    let elsewhere = || place.command().arg("--data").arg("other").arg("--dynamodb-endpoint").arg(&endpoint);
    assert_eq!(elsewhere().run(), refused());
    assert!(place.log().contains("the key file other/keys is missing"), "{}", place.log());
    let other = kms.new_key();
    assert_eq!(kms.with(&other, elsewhere()).run(), refused());

    // While KMS is away, what is open serves; nothing new is made, and nothing starts.
    let (rotate, another) = (server().arg("keys").arg("rotate"), kms.with(&key, elsewhere()));
    kms.0.stop();
    running.client().refresh(&next).expect(200);
    assert_eq!(rotate.arg("--purpose").arg("refresh").run(), refused());
    assert_eq!(another.run(), refused());
    assert!(
        place.log().contains("doorward: KMS does not seal or open by the key of DOORWARD_KMS_KEY: "),
        "{}",
        place.log()
    );
}

#[tokio::test]
async fn what_is_sealed_opens_for_its_purpose_and_id_alone() {
    let place = Place::new();
    let kms = Kms::start(&place);
    let sealer = sealer(&kms, &kms.new_key());
    let (k1, k2) = (KeyId::parse("k1").unwrap(), KeyId::parse("k2").unwrap());
    let secret = vec![7; 1300];
    let sealed = sealer.seal(Purpose::Sign, &k1, &secret).await.unwrap();
    assert!(!sealed.windows(32).any(|window| window == &secret[..32]));
    assert_eq!(*sealer.open(Purpose::Sign, &k1, &sealed).await.unwrap(), secret);
    for (purpose, id) in [(Purpose::Refresh, &k1), (Purpose::Seal, &k1), (Purpose::Sign, &k2)] {
        let refused = sealer.open(purpose, id, &sealed).await.unwrap_err();
        assert!(refused.to_string().contains("another store"), "{refused}");
    }
    let nowhere = self::sealer(&kms, "00000000-0000-4000-8000-000000000000");
    let refused = nowhere.seal(Purpose::Sign, &k1, &secret).await.unwrap_err();
    assert!(refused.to_string().contains("DOORWARD_KMS_KEY"), "{refused}");
}

fn sealer(kms: &Kms, key: &str) -> Sealer {
    let variables: Variables = kms.variables(key).into_iter().collect();
    let config = Config::read(&variables, &Surroundings::default()).unwrap();
    config.sealer(&variables).unwrap().unwrap()
}
