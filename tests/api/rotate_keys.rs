//! The function that turns keys over: what it is called with, and whom it tells.

use crate::support::{Service, service_with};
use doorward_core::keyring::Purpose;
use doorward_rotate_keys::Event;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

async fn empty_service() -> Service {
    let service = service_with(&[("DOORWARD_SIGNING_ALG", "ES256")]).await;
    for purpose in Purpose::ALL {
        service.raw.delete_key(purpose.as_str(), 1).await;
    }
    service
}

impl Service {
    /// The function's answer, as it is sent.
    async fn call(&self, event: Value) -> Result<Value, String> {
        let event: Event = serde_json::from_value(event).unwrap();
        let sealer = self.sealer();
        let answer = doorward_rotate_keys::handle(&self.rotator(&sealer), event).await;
        answer.map(|keys| serde_json::to_value(keys).unwrap()).map_err(|error| error.to_string())
    }

    async fn count_keys(&self) -> [usize; 3] {
        let mut count = [0; 3];
        for (count, purpose) in count.iter_mut().zip(Purpose::ALL) {
            *count = self.ring(purpose).await.len();
        }
        count
    }
}

/// Where CloudFormation listens: takes one request, answers with that status, and returns the request.
async fn cloudformation(status: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/signed?X-Amz-Signature=a%2Fb", listener.local_addr().unwrap());
    let told = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = String::new();
        while !request.ends_with('}') {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).await.unwrap();
            assert_ne!(length, 0, "{request}");
            request.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        request
    });
    (address, told)
}

fn stack_event(request: &str, address: &str) -> Value {
    json!({
        "RequestType": request, "ResponseURL": address, "StackId": "arn:stack", "RequestId": "r1",
        "ResourceType": "AWS::CloudFormation::CustomResource", "LogicalResourceId": "FirstKeys",
        "ResourceProperties": {"ServiceToken": "arn:function", "ServiceTimeout": "300"},
    })
}

#[tokio::test]
async fn a_deploy_is_done_when_there_are_keys() {
    let service = empty_service().await;
    let (address, told) = cloudformation("200 OK").await;
    let keys = service.call(stack_event("Create", &address)).await.unwrap();
    let request = told.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("PUT /signed?X-Amz-Signature=a%2Fb HTTP/1.1\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())) && !head.contains("content-type"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    let expected = json!({
        "Status": "SUCCESS", "PhysicalResourceId": "keys", "StackId": "arn:stack", "RequestId": "r1",
        "LogicalResourceId": "FirstKeys",
    });
    assert_eq!(body, expected);
    assert_eq!(service.count_keys().await, [1, 1, 1]);
    assert!(keys.as_array().unwrap().iter().all(|key| key["state"] == "current"), "{keys}");
    service.wait(60);
    service.newcomer("ann").await;
}

#[tokio::test]
async fn a_deploy_that_could_not_be_done_is_not_told_and_is_repeated() {
    let service = empty_service().await;
    let (address, told) = cloudformation("200 OK").await;
    service.probe.cut_off(true);
    service.call(stack_event("Create", &address)).await.unwrap_err();
    assert!(!told.is_finished(), "nobody was told");
    service.probe.cut_off(false);

    let (refusing, refused) = cloudformation("403 Forbidden").await;
    let error = service.call(stack_event("Create", &refusing)).await.unwrap_err();
    assert!(error.contains("403"), "{error}");
    refused.await.unwrap();
    assert_eq!(service.count_keys().await, [1, 1, 1]);
    service.call(stack_event("Create", &address)).await.unwrap();
    told.await.unwrap();
    assert_eq!(service.count_keys().await, [1, 1, 1], "once");
}

#[tokio::test]
async fn keys_outlive_their_stack() {
    let service = empty_service().await;
    service.call(json!({})).await.unwrap();
    // What was never made has an id of CloudFormation's.
    for id in ["keys", "stack-FirstKeys-1ABC"] {
        let (address, told) = cloudformation("200 OK").await;
        let mut event = stack_event("Delete", &address);
        event["PhysicalResourceId"] = json!(id);
        service.call(event).await.unwrap();
        let request = told.await.unwrap();
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!((&body["Status"], &body["PhysicalResourceId"]), (&json!("SUCCESS"), &json!(id)));
    }
    assert_eq!(service.count_keys().await, [1, 1, 1]);
}

#[tokio::test]
async fn the_schedule_makes_what_is_due_and_a_wish_is_granted() {
    let service = empty_service().await;
    let schedule = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
    for (days, keys) in [(0, [1, 1, 1]), (1, [1, 1, 1]), (29, [2, 1, 1]), (60, [2, 2, 1])] {
        service.wait(days * 24 * 3600);
        service.call(schedule.clone()).await.unwrap();
        assert_eq!(service.count_keys().await, keys, "after {days} days more");
    }
    let keys = service.call(json!({"rotate": "seal"})).await.unwrap();
    let states: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["state"].clone()).collect();
    assert_eq!(states, ["current", "next"]);
    let members: Vec<_> = keys[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["kid", "purpose", "signs_from", "signs_until", "state", "verifies_until"]);

    let before = service.count_keys().await;
    let refused = service.call(json!({"rotate": "seal", "revoke_old": true})).await.unwrap_err();
    assert!(refused.contains("never revoked"), "{refused}");
    assert_eq!(service.count_keys().await, before);
}
