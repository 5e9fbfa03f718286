//! The embedded DynamoDB is for other programs, and not for the pages of a browser.

use crate::doctor::raw;
use crate::server::{Place, Server};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// The answer to a request with those headers, whole, in lower case.
fn answer(server: &Server, method: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(server.dynamodb()).unwrap();
    let body = "{}";
    let signed = "authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, \
                  Signature=a\r\nx-amz-date: 20260101T000000Z\r\nx-amz-target: DynamoDB_20120810.ListTables\r\n\
                  content-type: application/x-amz-json-1.0\r\n";
    let head = format!("{method} / HTTP/1.1\r\n{headers}connection: close\r\ncontent-length: {}\r\n", body.len());
    stream.write_all(format!("{head}{signed}\r\n{body}").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.to_ascii_lowercase()
}

#[test]
fn a_page_neither_reads_nor_writes() {
    let place = Place::new();
    let server = place.server().start();
    let here = format!("host: {}\r\n", server.dynamodb());
    let preflight = "origin: https://evil.example\r\naccess-control-request-method: POST\r\n";
    for (method, headers) in [
        ("OPTIONS", format!("{here}{preflight}")),
        ("POST", format!("{here}origin: https://evil.example\r\n")),
        ("POST", format!("{here}origin: null\r\n")),
        ("GET", format!("{here}sec-fetch-site: cross-site\r\n")),
        ("POST", format!("{here}sec-fetch-site: same-origin\r\n")),
        // A name that was led here after the page was loaded.
        ("POST", "host: evil.example:8000\r\n".to_owned()),
        ("POST", format!("{here}host: evil.example:8000\r\n")),
        ("POST", String::new()),
    ] {
        let answer = answer(&server, method, &headers);
        assert!(answer.starts_with("http/1.1 403 ") || answer.starts_with("http/1.1 400 "), "{headers}: {answer}");
        assert!(!answer.contains("access-control-allow") && !answer.contains("doorward-"), "{headers}: {answer}");
    }
    let refused = answer(&server, "OPTIONS", &format!("{here}{preflight}"));
    assert!(refused.starts_with("http/1.1 403 "), "{refused}");
    let refused = answer(&server, "POST", "host: evil.example\r\n");
    assert!(refused.starts_with("http/1.1 403 ") && refused.contains("accessdeniedexception"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_programs_are_answered() {
    let place = Place::new();
    let server = place.server().start();
    let tables = raw(&server).list_tables().send().await.unwrap();
    assert!(tables.table_names().contains(&"doorward-users".to_owned()), "{tables:?}");
    let missing = raw(&server).describe_table().table_name("none").send().await.unwrap_err().into_service_error();
    assert!(missing.is_resource_not_found_exception(), "{missing:?}");
    for host in [server.dynamodb().to_string(), "localhost:8000".to_owned(), "[::1]:8000".to_owned()] {
        let answer = answer(&server, "POST", &format!("host: {host}\r\n"));
        assert!(answer.starts_with("http/1.1 200 ") && answer.contains("doorward-users"), "{host}: {answer}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn behind_the_gate_nobody_finds_it_by_trying_ports() {
    use std::fs;
    let place = Place::new();
    let server = place.server().start();
    let files = fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap();
    let open: Vec<_> = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok()).collect();
    let sockets = fs::read_to_string(format!("/proc/{}/net/tcp", server.id())).unwrap();
    // Address, state and inode of each; `0A` listens, and an address is a number in the machine's order.
    let listening: Vec<String> = sockets
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words[3] == "0A" && open.contains(&format!("socket:[{}]", words[9]).into()))
        .map(|words| words[1].to_owned())
        .collect();
    assert_eq!(listening.len(), 3, "{listening:?}");
    let at_the_known_address = listening.iter().filter(|address| address.starts_with("0100007F:"));
    assert_eq!(at_the_known_address.count(), 2, "the API and the gate: {listening:?}");
}
