//! The switches, as they are.

use super::Patient;
use super::finding::Finding;

/// What is open to whom.
pub fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let config = &patient.configured.config;
    let on_off = |is_on: bool| if is_on { "on" } else { "off" };
    let mut findings = vec![Finding::ok("sign-up", if config.sign_up { "open" } else { "closed" })];
    if config.sign_up && config.sign_up_rate.is_none() {
        let mend = "set DOORWARD_SIGN_UP_RATE, such as 10/3600";
        findings = vec![Finding::warning("sign-up", "open, as often as anybody likes", mend)];
    }
    findings.push(match (config.password_grant, config.login_rate) {
        (true, None) => {
            let mend = "set DOORWARD_LOGIN_RATE, such as 5/60";
            Finding::warning("passwords", "on at /token, without a limit per address", mend)
        }
        (is_on, _) => Finding::ok("passwords", format!("{} at /token", on_off(is_on))),
    });
    findings.push(Finding::ok("docs", on_off(config.docs)));
    findings.push(origins(&config.allowed_origins));
    if let Some(stack) = &patient.configured.stack {
        let names = stack.disagreements().join(", ");
        findings.push(if names.is_empty() {
            Finding::ok("variables", "all functions have the same")
        } else {
            let mend = "set them for all functions alike, under Globals in template.yaml";
            Finding::problem("variables", format!("the functions do not agree about {names}"), mend)
        });
    }
    findings
}

fn origins(origins: &[String]) -> Finding {
    let listed = if origins.is_empty() { "none".to_owned() } else { origins.join(", ") };
    let is_plain = |origin: &String| origin.starts_with("http://") && !origin.starts_with("http://localhost");
    let is_here = |origin: &String| origin.starts_with("http://127.") || origin.starts_with("http://[::1]");
    if origins.iter().any(|origin| is_plain(origin) && !is_here(origin)) {
        let mend =
            "take origins without https:// out of DOORWARD_ALLOWED_ORIGINS: whoever is on the way can change them";
        return Finding::warning("origins", listed, mend);
    }
    Finding::ok("origins", listed)
}
