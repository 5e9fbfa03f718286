//! Logs: one line an event, as JSON for machines or for a person's eyes. Events of the audit are metrics too.

use crate::audit::AUDIT;
use doorward_core::clock::Clock;
use serde_json::{Map, Value, json};
use std::fmt::{Debug, Write as _};
use std::io::{self, Write as _};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

/// Where logs go, and how they are written.
#[derive(Clone, Debug)]
pub enum Output {
    /// As JSON to standard output, which Lambda keeps in that log group. `CloudWatch` makes metrics of the audit's events.
    Lambda {
        /// The log group, by which the metrics are told from another stack's.
        log_group: Option<String>,
    },
    /// As JSON to standard error: standard output belongs to the person.
    Json,
    /// For a person's eyes, to standard error.
    Terminal,
}

/// Starts logging, at the level that `RUST_LOG` says; INFO by default.
///
/// Whatever it says, targets outside Doorward are held at INFO: below it, the Lambda runtime logs whole events, and they
/// have passwords in them. Of those in `quiet` only errors are heard.
pub fn start(output: Output, quiet: &[&str]) {
    let wanted = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let held = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("doorward", LevelFilter::TRACE)
        .with_targets(quiet.iter().map(|target| (*target, LevelFilter::ERROR)));
    // A second start, as in tests that share a process, finds the first one's subscriber: that one serves.
    let _ = tracing_subscriber::registry().with(wanted).with(Lines(output).with_filter(held)).try_init();
}

/// Writes lines.
struct Lines(Output);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        let (target, level) = (event.metadata().target(), *event.metadata().level());
        let line = match &self.0 {
            Output::Lambda { log_group } => json_line(target, level, fields.0, log_group.as_deref()),
            Output::Json => json_line(target, level, fields.0, None),
            Output::Terminal => line_for_eyes(target, level, &fields.0),
        };
        // A log that cannot be written has nowhere to say so.
        let _ = match self.0 {
            Output::Lambda { .. } => io::stdout().lock().write_all(line.as_bytes()),
            Output::Json | Output::Terminal => io::stderr().lock().write_all(line.as_bytes()),
        };
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

/// One JSON object and a line end. With a log group, an event of the audit counts as a metric of its name (`CloudWatch`'s
/// embedded metric format).
fn json_line(target: &str, level: Level, fields: Map<String, Value>, log_group: Option<&str>) -> String {
    let now = Clock::System.now();
    let mut line = Map::new();
    line.insert("timestamp".to_owned(), now.to_string().into());
    line.insert("level".to_owned(), level.as_str().into());
    line.insert("target".to_owned(), target.into());
    if let (AUDIT, Some(log_group), Some(event)) = (target, log_group, fields.get("event").and_then(Value::as_str)) {
        let metrics = json!([{
            "Namespace": "Doorward",
            "Dimensions": [["log_group"]],
            "Metrics": [{"Name": event, "Unit": "Count"}],
        }]);
        line.insert("_aws".to_owned(), json!({"Timestamp": now.millis(), "CloudWatchMetrics": metrics}));
        line.insert("log_group".to_owned(), log_group.into());
        line.insert(event.to_owned(), 1.into());
    }
    line.extend(fields);
    format!("{}\n", Value::Object(line))
}

/// The time of day in UTC, what happened, and to whom.
fn line_for_eyes(target: &str, level: Level, fields: &Map<String, Value>) -> String {
    let now = Clock::System.now().to_string();
    let time = now.get(11..19).unwrap_or_default();
    let text = |name: &str| fields.get(name).map(plain).unwrap_or_default();
    let mut line = format!("{time} ");
    if level < Level::INFO {
        let _ = write!(line, "{level} ");
    }
    let shown: &[&str] = match target {
        AUDIT => {
            line.push_str(&text("event").replace('_', " "));
            &[
                "user",
                "by",
                "reason",
                "needed",
                "role",
                "permissions",
                "scopes",
                "disabled",
                "session",
                "key",
                "token",
                "purpose",
                "kid",
                "address",
            ]
        }
        _ if fields.contains_key("status") => {
            let route = if fields.contains_key("route") { text("route") } else { "(no route)".to_owned() };
            let _ = write!(line, "{} {route} {}", text("method"), text("status"));
            &[]
        }
        _ => {
            line.push_str(&text("message"));
            &["cause", "error", "method", "route"]
        }
    };
    for name in shown.iter().filter(|name| fields.contains_key(**name)) {
        let _ = write!(line, "  {name} {}", text(name));
    }
    format!("{}\n", line.replace(char::is_control, " "))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn an_event_is_a_metric_of_its_name() {
        let theft = fields(&json!({"event": "theft_detected", "user": "u1"}));
        let line: Value = serde_json::from_str(&json_line(AUDIT, Level::INFO, theft.clone(), Some("/g"))).unwrap();
        assert_eq!(
            (&line["event"], &line["user"], &line["log_group"]),
            (&json!("theft_detected"), &json!("u1"), &json!("/g"))
        );
        assert_eq!(line["theft_detected"], 1);
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Metrics"], json!([{"Name": "theft_detected", "Unit": "Count"}]));
        assert_eq!(metrics["Dimensions"], json!([["log_group"]]));
        assert!(line["_aws"]["Timestamp"].is_number());

        let elsewhere = json_line(AUDIT, Level::INFO, theft.clone(), None);
        assert!(!elsewhere.contains("_aws"), "{elsewhere}");
        let other = json_line("doorward_http::edge", Level::INFO, theft, Some("/g"));
        assert!(!other.contains("_aws"), "{other}");
    }

    #[test]
    fn a_person_reads_one_plain_line() {
        let event = fields(&json!({"event": "login_failed", "reason": "wrong_password", "id": "r", "route": "/token"}));
        let line = line_for_eyes(AUDIT, Level::INFO, &event);
        assert_eq!(line.get(8..), Some(" login failed  reason wrong_password\n"), "{line}");
        let answered = fields(&json!({"message": "answered", "status": 200, "method": "GET", "route": "/a\u{1b}[2Jb"}));
        assert_eq!(line_for_eyes("x", Level::INFO, &answered).get(8..), Some(" GET /a [2Jb 200\n"));
        let failed = fields(&json!({"message": "unavailable", "cause": "no\nstore"}));
        assert_eq!(line_for_eyes("x", Level::ERROR, &failed).get(8..), Some(" ERROR unavailable  cause no store\n"));
    }
}
