//! Between the service and its store: counts calls, refuses what a function's role does not allow and what may read what was,
//! and loses, throttles, holds or cuts off what it is told to.

use super::roles::ROLES;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::types::KeysAndAttributes;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeSerializationInterceptorContextRef,
    BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextMut,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, mpsc};
use tokio::sync::oneshot;

/// How a write is refused that meets somebody's transaction.
pub const CONFLICT: &str = r#""TransactionConflictException""#;

/// The probe.
#[derive(Clone, Debug, Default)]
pub struct Probe(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    /// How often a call was sent, again too.
    attempts: usize,
    faults: Vec<Fault>,
    holds: Vec<Hold>,
    /// How many calls get through still, if the store is or is to be cut off.
    left: Option<usize>,
    /// What was sent under each `ClientRequestToken`.
    transactions: HashMap<String, serde_json::Value>,
    mistaken: Vec<String>,
    /// What each function used of its role.
    used: BTreeMap<String, BTreeSet<String>>,
}

/// One call of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Such as `UpdateItem`.
    pub operation: String,
    /// The tables it names, without prefix, in their order.
    pub tables: String,
}

impl Call {
    fn is(&self, operation: &str, table: &str) -> bool {
        self.operation == operation && self.tables.split(' ').any(|named| named == table)
    }
}

/// Whether the call is cut off.
#[derive(Clone, Copy, Debug)]
struct IsCutOff(bool);

impl Storable for IsCutOff {
    type Storer = StoreReplace<Self>;
}

/// The error that answers an attempt.
#[derive(Clone, Copy, Debug)]
struct Refused(Option<&'static str>);

impl Storable for Refused {
    type Storer = StoreReplace<Self>;
}

impl Storable for Call {
    type Storer = StoreReplace<Self>;
}

/// What a batch asks for, by table.
#[derive(Clone, Debug)]
struct Wanted(HashMap<String, KeysAndAttributes>);

impl Storable for Wanted {
    type Storer = StoreReplace<Self>;
}

#[derive(Clone, Debug)]
struct Fault {
    operation: &'static str,
    table: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The call is made, and its answer is lost.
    LoseReply,
    /// The batch answers that it was not processed.
    Unprocessed,
    /// The batch answers that there is no such item.
    Absent,
    /// The call is not made, and this error is its answer.
    Refuse(&'static str),
    /// Nobody answers, this time and all others.
    Away,
}

/// A call that waits before it is sent.
#[derive(Debug)]
struct Hold {
    operation: &'static str,
    table: &'static str,
    reached: oneshot::Sender<()>,
    go_on: mpsc::Receiver<()>,
}

/// A call that is held before it is sent.
#[derive(Debug)]
pub struct Held {
    reached: oneshot::Receiver<()>,
    go_on: mpsc::Sender<()>,
}

impl Held {
    /// Waits until the call is about to be sent, has that happen, and lets it go on.
    pub async fn meanwhile<T>(self, happens: impl Future<Output = T>) -> T {
        self.reached.await.expect("a call to hold");
        let happened = happens.await;
        self.go_on.send(()).unwrap();
        happened
    }
}

impl Probe {
    /// Forgets what was counted.
    pub fn forget(&self) {
        let mut state = self.0.lock().unwrap();
        state.calls.clear();
        state.attempts = 0;
    }

    /// How many calls were sent again since, because no answer came, or none that was any use.
    pub fn retries(&self) -> usize {
        let state = self.0.lock().unwrap();
        state.attempts.saturating_sub(state.calls.len())
    }

    /// What was called since, as `Operation table`, sorted: calls side by side have no order.
    pub fn calls(&self) -> Vec<String> {
        let state = self.0.lock().unwrap();
        let mut calls: Vec<_> = state.calls.iter().map(|call| format!("{} {}", call.operation, call.tables)).collect();
        calls.sort();
        calls
    }

    /// The tables of transactions that went under the token of another one, which `DynamoDB` refuses.
    pub fn mistaken_transactions(&self) -> Vec<String> {
        self.0.lock().unwrap().mistaken.clone()
    }

    /// What a function used of its role.
    pub fn used(&self, function: &str) -> BTreeSet<String> {
        self.0.lock().unwrap().used.get(function).cloned().unwrap_or_default()
    }

    fn order(&self, operation: &'static str, table: &'static str, kind: Kind) {
        self.0.lock().unwrap().faults.push(Fault { operation, table, kind });
    }

    /// Loses the answer to the next such call, once.
    pub fn lose_reply(&self, operation: &'static str, table: &'static str) {
        self.order(operation, table, Kind::LoseReply);
    }

    /// Has the next batch answer that that table's key was not processed, once.
    pub fn leave_unprocessed(&self, table: &'static str) {
        self.order("BatchGetItem", table, Kind::Unprocessed);
    }

    /// Has the next batch answer that that table has no such item, once: as if it were read apart from the others.
    pub fn leave_out(&self, table: &'static str) {
        self.order("BatchGetItem", table, Kind::Absent);
    }

    /// Has the next such call refused by that error, once, as `DynamoDB` writes it: `"Name"`, and what else it says.
    pub fn refuse(&self, operation: &'static str, table: &'static str, error: &'static str) {
        self.order(operation, table, Kind::Refuse(error));
    }

    /// Cuts off such calls alone, until they are brought back.
    pub fn cut_off_at(&self, operation: &'static str, table: &'static str) {
        self.order(operation, table, Kind::Away);
    }

    /// Brings back what was cut off alone, and refuses nothing more.
    pub fn bring_back(&self) {
        self.0.lock().unwrap().faults.retain(|fault| !matches!(fault.kind, Kind::Away | Kind::Refuse(_)));
    }

    /// Holds the next such call before it is sent. The test needs more than one thread.
    pub fn hold(&self, operation: &'static str, table: &'static str) -> Held {
        let (reached, is_reached) = oneshot::channel();
        let (go_on, may_go_on) = mpsc::channel();
        self.0.lock().unwrap().holds.push(Hold { operation, table, reached, go_on: may_go_on });
        Held { reached: is_reached, go_on }
    }

    /// Waits, if the call is one to be held.
    fn wait(&self, call: &Call) {
        let held = {
            let holds = &mut self.0.lock().unwrap().holds;
            holds.iter().position(|hold| call.is(hold.operation, hold.table)).map(|at| holds.remove(at))
        };
        let Some(Hold { reached, go_on, .. }) = held else { return };
        reached.send(()).expect("somebody who holds the call");
        // A test that has failed lets it go.
        tokio::task::block_in_place(|| go_on.recv().unwrap_or_default());
    }

    /// Whether every fault that was ordered has happened.
    pub fn is_done(&self) -> bool {
        self.0.lock().unwrap().faults.is_empty()
    }

    /// The fault of that kind that the call is to have, once.
    fn due(&self, cfg: &ConfigBag, is_meant: impl Fn(Kind) -> bool) -> Option<Fault> {
        let call = cfg.load::<Call>()?;
        let faults = &mut self.0.lock().unwrap().faults;
        let at = faults.iter().position(|fault| is_meant(fault.kind) && call.is(fault.operation, fault.table))?;
        Some(if faults[at].kind == Kind::Away { faults[at].clone() } else { faults.remove(at) })
    }

    /// Cuts the store off, or brings it back.
    pub fn cut_off(&self, down: bool) {
        self.0.lock().unwrap().left = down.then_some(0);
    }

    /// Cuts the store off when so many calls got through.
    pub fn cut_off_after(&self, calls: usize) {
        self.0.lock().unwrap().left = Some(calls);
    }
}

impl Intercept for Probe {
    fn name(&self) -> &'static str {
        "Probe"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let batch = context.input().downcast_ref::<BatchGetItemInput>();
        if let Some(wanted) = batch.and_then(|batch| batch.request_items.clone()) {
            cfg.interceptor_state().store_put(Wanted(wanted));
        }
        Ok(())
    }

    fn read_after_serialization(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let call = Call {
            operation: target.rsplit('.').next().unwrap_or_default().to_owned(),
            tables: tables(request.body().bytes().unwrap_or_default()),
        };
        cfg.interceptor_state().store_put(call.clone());
        let body: serde_json::Value = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
        // Whoever is refused is not answered: the test that asked fails, and this says why.
        let judged = reads_what_is(&call, &body).and_then(|()| ROLES.judge(&call.operation, &body));
        let used = judged.inspect_err(|refused| eprintln!("{refused}"))?;
        let mut state = self.0.lock().unwrap();
        if let Some((function, rights)) = used {
            state.used.entry(function).or_default().extend(rights);
        }
        if let Some(token) = body["ClientRequestToken"].as_str()
            && *state.transactions.entry(token.to_owned()).or_insert_with(|| body.clone()) != body
        {
            state.mistaken.push(call.tables.clone());
        }
        state.calls.push(call);
        cfg.interceptor_state().store_put(IsCutOff(state.left == Some(0)));
        state.left = state.left.map(|left| left.saturating_sub(1));
        Ok(())
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.lock().unwrap().attempts += 1;
        if let Some(call) = cfg.load::<Call>() {
            self.wait(call);
        }
        if cfg.load::<IsCutOff>().is_some_and(|is| is.0) || self.due(cfg, |kind| kind == Kind::Away).is_some() {
            // Nobody listens there.
            context.request_mut().set_uri("http://127.0.0.1:1/")?;
        }
        let refused = self.due(cfg, |kind| matches!(kind, Kind::Refuse(_)));
        let refused = refused.and_then(|fault| if let Kind::Refuse(error) = fault.kind { Some(error) } else { None });
        cfg.interceptor_state().store_put(Refused(refused));
        if refused.is_some() {
            // An answer must come for another to stand in its place.
            context.request_mut().headers_mut().insert("x-amz-target", "DynamoDB_20120810.ListTables");
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (status, error) = if self.due(cfg, |kind| kind == Kind::LoseReply).is_some() {
            (500, "\"InternalServerError\"")
        } else if let Some(Refused(Some(error))) = cfg.load::<Refused>() {
            (400, *error)
        } else {
            return Ok(());
        };
        let response = context.response_mut();
        *response.status_mut() = status.try_into()?;
        *response.body_mut() = SdkBody::from(format!(r#"{{"__type":{error}}}"#));
        Ok(())
    }

    fn modify_before_attempt_completion(
        &self,
        context: &mut FinalizerInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let unprocessed = self.due(cfg, |kind| kind == Kind::Unprocessed);
        let is_unprocessed = unprocessed.is_some();
        let Some(fault) = unprocessed.or_else(|| self.due(cfg, |kind| kind == Kind::Absent)) else { return Ok(()) };
        let table = format!("doorward-{}", fault.table);
        let wanted = cfg.load::<Wanted>().and_then(|wanted| wanted.0.get(&table)).cloned().ok_or("no such batch")?;
        let Some(Ok(output)) = context.output_or_error_mut() else { return Err("the batch failed".into()) };
        let output = output.downcast_mut::<BatchGetItemOutput>().ok_or("no batch")?;
        output.responses.get_or_insert_default().remove(&table);
        if is_unprocessed {
            output.unprocessed_keys.get_or_insert_default().insert(table, wanted);
        }
        Ok(())
    }
}

/// Every read is strongly consistent: whatever it is for, somebody may decide by it.
///
/// # Errors
/// That a read may be answered with what was.
fn reads_what_is(call: &Call, body: &serde_json::Value) -> Result<(), String> {
    let is_consistent = |read: &serde_json::Value| read["ConsistentRead"] == true;
    let holds = match call.operation.as_str() {
        "GetItem" | "Query" | "Scan" => is_consistent(body),
        "BatchGetItem" => body["RequestItems"].as_object().is_some_and(|tables| tables.values().all(is_consistent)),
        // A condition is judged by what is.
        _ => true,
    };
    if holds { Ok(()) } else { Err(format!("{} {} may read what was", call.operation, call.tables)) }
}

/// The tables that a request names.
fn tables(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let mut found = Vec::new();
    collect(&body, &mut found);
    found.sort();
    found.dedup();
    found.join(" ")
}

fn collect(value: &serde_json::Value, found: &mut Vec<String>) {
    let strip = |name: &str| name.strip_prefix("doorward-").map(str::to_owned);
    match value {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                found.extend(strip(name));
                match value.as_str() {
                    Some(text) if name == "TableName" => found.extend(strip(text)),
                    _ => collect(value, found),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}
