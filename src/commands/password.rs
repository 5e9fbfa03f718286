//! A password, as an operator hands it over.

use crate::setup::Fault;
use doorward_core::password::{Password, WeakPassword};
use rpassword::ConfigBuilder;
use std::io::{self, BufRead as _, ErrorKind, IsTerminal as _, Read as _};
use tokio::signal::unix::{SignalKind, signal};

/// Longer is no password, whatever its NFC is.
const MOST: usize = 4 * Password::MAX_BYTES;

/// Asks for it where somebody sits at a terminal; otherwise it is one line on standard input, without its end.
pub fn typed() -> Result<String, Fault> {
    let typed = if io::stdin().is_terminal() { asked_for()? } else { line_of_input()? };
    typed.ok_or_else(|| "the password is expected as one line on standard input".into())
}

fn asked_for() -> Result<Option<String>, Fault> {
    // Heard here, so that an interruption does not leave the terminal without its echo.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let terminal = ConfigBuilder::new().input_file_path("/dev/stdin").output_writer(io::stderr()).build();
    let typed = match rpassword::prompt_password_with_config("Password: ", terminal) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        typed => typed?,
    };
    tokio::spawn(async move {
        interrupted.recv().await;
        std::process::exit(130);
    });
    Ok(Some(typed))
}

fn line_of_input() -> Result<Option<String>, Fault> {
    let mut line = Vec::new();
    let most = u64::try_from(MOST)?;
    if io::stdin().lock().take(most).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() == MOST && !line.ends_with(b"\n") {
        return Err(format!("the password {}", WeakPassword::TooLong).into());
    }
    let line = String::from_utf8(line).map_err(|_| "the password is not UTF-8")?;
    let typed = line.strip_suffix('\n').unwrap_or(&line);
    Ok(Some(typed.strip_suffix('\r').unwrap_or(typed).to_owned()))
}
