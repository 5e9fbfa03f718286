//! As little of HTTP/1.1 as it takes: one request a connection.

use serde_json::{Value, json};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    /// The lines before the body.
    head: String,
    /// What was asked, for whoever reads why a test failed.
    asked: String,
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {}", self.asked, self.body);
        self
    }

    /// The same, with what was asked.
    pub fn named(self, asked: &str) -> Self {
        Self { asked: asked.to_owned(), ..self }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.body)).to_owned()
    }
}

/// What a login gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

/// A password that may be set.
pub const PASSWORD: &str = "correct horse battery staple";

/// How long a machine with other things to do may take for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Speaks to a server.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    address: SocketAddr,
    /// What stands before every path.
    prefix: &'static str,
    /// How often what was 503 is asked for again.
    patience: usize,
}

impl Client {
    /// Of the server at that address.
    pub fn of(address: SocketAddr) -> Self {
        Self { address, prefix: "", patience: 0 }
    }

    #[cfg(feature = "tools")]
    /// Of what the server has under that path.
    pub fn under(self, prefix: String) -> Self {
        Self { prefix: prefix.leak(), ..self }
    }

    /// One that does as it is told by a 503, and asks again: the machine may have other things to do.
    pub fn patient(self) -> Self {
        Self { patience: 20, ..self }
    }

    /// The answer, or that there was none to the end.
    pub fn try_send(self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<Answer> {
        for _ in 0..self.patience {
            match self.send_once(method, path, headers, body) {
                Ok(answer) if answer.status == 503 => {}
                answered => return answered,
            }
        }
        self.send_once(method, path, headers, body)
    }

    fn send_once(self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let (Self { address, prefix, .. }, length) = (self, body.len());
        let head = format!(
            "{method} {prefix}{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}"
        );
        stream.write_all(format!("{head}\r\n{headers}\r\n{body}").as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        whole(&text).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// The bytes of an answer's body.
    pub fn try_bytes(self, method: &str, path: &str, headers: &str) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let Self { address, prefix, .. } = self;
        let head =
            format!("{method} {prefix}{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0");
        stream.write_all(format!("{head}\r\n{headers}\r\n").as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(answer.split_off(end + 4))
    }

    pub fn form(self, path: &str, form: &str) -> Answer {
        self.send("POST", path, "content-type: application/x-www-form-urlencoded\r\n", form)
    }

    fn send(self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        self.try_send(method, path, headers, body).unwrap()
    }

    pub fn get(self, path: &str, token: &str) -> Answer {
        self.send("GET", path, &format!("authorization: Bearer {token}\r\n"), "")
    }

    pub fn try_post(self, path: &str, body: &Value) -> io::Result<Answer> {
        self.try_send("POST", path, "content-type: application/json\r\n", &body.to_string())
    }

    pub fn try_sign_up(self, name: &str) -> io::Result<Answer> {
        let body = json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD});
        self.try_post("/users", &body)
    }

    pub fn try_refresh(self, token: &str) -> io::Result<Answer> {
        self.try_post("/token/refresh", &json!({"refresh_token": token}))
    }

    pub fn log_in(self, name: &str, password: &str) -> Answer {
        let form = format!("username={name}&password={}", password.replace(' ', "+"));
        self.form("/token", &form)
    }

    pub fn sign_up(self, name: &str) -> Answer {
        self.try_sign_up(name).unwrap()
    }

    pub fn refresh(self, token: &str) -> Answer {
        self.try_refresh(token).unwrap()
    }

    pub fn newcomer(self, name: &str) -> Tokens {
        self.sign_up(name).expect(201);
        tokens(&self.log_in(name, PASSWORD).expect(200))
    }
}

pub fn tokens(answer: &Answer) -> Tokens {
    Tokens { access: answer.text("access_token"), refresh: answer.text("refresh_token") }
}

/// An answer of which nothing is missing.
fn whole(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let named = |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok();
    // 204 has no body and says so by its status.
    if status != 204 && lines.find_map(named)? != body.len() {
        return None;
    }
    let body = serde_json::from_str(body).unwrap_or(Value::Null);
    Some(Answer { status, body, head: head.to_owned(), asked: String::new() })
}
