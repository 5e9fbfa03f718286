//! What the values of variables mean.

use super::Rate;
use doorward_core::password::HashCost;
use doorward_core::scope::ScopeSet;
use doorward_core::second_factor::CodeRate;
use doorward_core::signing::Algorithm;
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::time::Duration;

/// Longer than anything that should last, and far from where times overflow.
pub(super) const MAX_SECONDS: u32 = 10 * 366 * 24 * 60 * 60;

pub(super) fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}

/// The scopes of the sample routes.
pub(super) fn sample_scopes() -> ScopeSet {
    ScopeSet::from_tokens(["read:items", "write:items"]).unwrap_or_default()
}

/// Digits alone: a sign is none.
fn digits<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(super) fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    match digits(text) {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from {least} to {most}")),
    }
}

pub(super) fn not_blank(text: &str) -> Result<String, String> {
    let is_blank = text.trim().is_empty() || text.contains(char::is_control);
    if is_blank { Err("must not be blank, nor have control characters".to_owned()) } else { Ok(text.to_owned()) }
}

pub(super) fn choice(text: &str, yes: &str, no: &str) -> Result<bool, String> {
    match text {
        _ if text == yes => Ok(true),
        _ if text == no => Ok(false),
        _ => Err(format!("must be '{yes}' or '{no}'")),
    }
}

pub(super) fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::parse(text).ok_or_else(|| "must be 'RS256', 'ES256' or 'EdDSA'".to_owned())
}

pub(super) fn rate(text: &str) -> Result<Option<Rate>, String> {
    let problem = || "must be requests/seconds, such as '5/60', or 'off'".to_owned();
    if text == "off" {
        return Ok(None);
    }
    let (requests, seconds) = text.split_once('/').ok_or_else(problem)?;
    let part = |text: &str| number(text, 1, 1_000_000_000).map_err(|_| problem());
    Ok(Some(Rate { requests: part(requests)?, seconds: part(seconds)?.min(MAX_SECONDS) }))
}

pub(super) fn code_rate(text: &str) -> Result<CodeRate, String> {
    match rate(text) {
        Ok(Some(Rate { requests, seconds: window })) => Ok(CodeRate { most: requests, window: seconds(window) }),
        _ => Err("must be codes/seconds, such as '5/900'".to_owned()),
    }
}

/// A colon would end the name in an `otpauth` address.
pub(super) fn service_name(text: &str) -> Result<String, String> {
    let is_name = text.chars().count() <= 64 && !text.chars().any(|c| c.is_control() || c == ':');
    if is_name { not_blank(text) } else { Err("must be 1 to 64 characters, none of them a colon".to_owned()) }
}

pub(super) fn hash_cost(text: &str, floor: Option<HashCost>) -> Result<HashCost, String> {
    let problem = "must be 'm=KiB,t=passes,p=lanes' with at most 65536 KiB, 10 passes and 4 lanes";
    let mut parts = text.split(',');
    let mut part = |prefix: &str| parts.next()?.strip_prefix(prefix).and_then(digits::<u32>);
    let parsed = (|| Some((part("m=")?, part("t=")?, part("p=")?)))();
    let (memory, passes, lanes) = parsed.filter(|_| parts.next().is_none()).ok_or(problem)?;
    let cost = HashCost::new(memory, passes, lanes).ok_or(problem)?;
    match floor {
        Some(floor) if !cost.reaches(floor) => {
            Err("must not be below 'm=19456,t=2,p=1' for users that are kept (with --ephemeral it may)".to_owned())
        }
        _ => Ok(cost),
    }
}

pub(super) fn list(text: &str, parse: impl Fn(&str) -> Result<String, String>) -> Result<Vec<String>, String> {
    text.split(',').map(|part| parse(part.trim())).collect()
}

/// Scheme, host and perhaps a port, as browsers write them (RFC 6454 §6.1).
pub(super) fn origin(text: &str) -> Result<String, String> {
    let problem = || {
        format!(
            "'{text}' must be scheme and host, such as 'https://auth.example.com', without path or slash at the end"
        )
    };
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(problem)?;
    if is_host_and_port(rest) { Ok(text.to_owned()) } else { Err(problem()) }
}

/// An origin as browsers send it: without the port that its scheme has anyway (RFC 6454 §6.2).
pub(super) fn browsers_origin(text: &str) -> Result<String, String> {
    let origin = origin(text)?;
    let port = if origin.starts_with("https:") { ":443" } else { ":80" };
    Ok(origin.strip_suffix(port).unwrap_or(&origin).to_owned())
}

fn is_host_and_port(text: &str) -> bool {
    let (is_host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => (!is_upper(address) && address.parse::<Ipv6Addr>().is_ok(), port),
        None => text.find(':').map_or((is_name(text), ""), |at| (is_name(&text[..at]), &text[at..])),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').and_then(digits::<u16>).is_some_and(|port| port > 0);
    is_host && is_port
}

fn is_upper(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Labels between dots, none of which begins or ends with a hyphen (RFC 1123 §2.1), perhaps a dot at the end.
fn is_name(host: &str) -> bool {
    let is_plain = |label: &str| label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let is_label =
        |label: &str| !label.is_empty() && is_plain(label) && !label.starts_with('-') && !label.ends_with('-');
    host.strip_suffix('.').unwrap_or(host).split('.').all(is_label)
}

pub(super) fn host(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let is_host = lower.strip_prefix("*.").map_or_else(|| is_host_and_port(&lower), is_name);
    if is_host {
        Ok(lower)
    } else {
        Err(format!("'{text}' must be a host name, perhaps with a port, or with '*.' in front for all below it"))
    }
}

pub(super) fn table_prefix(text: &str) -> Result<String, String> {
    let plain = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if plain { Ok(text.to_owned()) } else { Err("must be at most 64 letters, digits, '-', '_' and '.'".to_owned()) }
}
