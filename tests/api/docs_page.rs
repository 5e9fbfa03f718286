//! The docs page and its files: all of them Doorward's own, and none of them where docs are off.

use crate::support::{Answer, Service, service, service_with};
use std::fs;

const FILES: [(&str, &str); 6] = [
    ("/docs", "text/html; charset=utf-8"),
    ("/docs/start.js", "text/javascript; charset=utf-8"),
    ("/docs/swagger-ui.js", "text/javascript; charset=utf-8"),
    ("/docs/swagger-ui.css", "text/css; charset=utf-8"),
    ("/docs/favicon.png", "image/png"),
    ("/openapi.json", "application/json"),
];

async fn get(service: &Service, path: &str, headers: &[(&str, &str)]) -> Answer {
    headers.iter().fold(service.get(path), |request, (name, value)| request.header(name, value)).send().await
}

#[tokio::test]
async fn where_docs_are_off_there_are_none() {
    let service = service_with(&[("DOORWARD_DOCS", "off")]).await;
    for path in ["/", "/docs", "/docs/", "/docs/swagger-ui.js", "/openapi.json", "/openapi.json/"] {
        get(&service, path, &[]).await.expect_problem(404, "Not Found");
        service.post(path).send().await.expect_problem(404, "Not Found");
    }
}

#[tokio::test]
async fn what_is_there_takes_no_other_method() {
    let service = service().await;
    for path in ["/", "/docs", "/docs/", "/docs/swagger-ui.js", "/openapi.json", "/openapi.json/"] {
        let answer = service.request("DELETE", path).send().await.expect_problem(405, "Method Not Allowed");
        assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{path}");
    }
    let nothing = service.request("DELETE", "/docs/nothing.js").send().await.expect_problem(404, "Not Found");
    assert_eq!(nothing.header("allow"), None);
}

#[tokio::test]
async fn other_files_are_not_there() {
    let service = service().await;
    for path in
        ["/docs/index.html", "/docs/swagger-ui.js.map", "/docs/..%2fopenapi.json", "/docs/a/b", "/docs/openapi.json"]
    {
        get(&service, path, &[]).await.expect_problem(404, "Not Found");
    }
}

#[tokio::test]
async fn who_comes_with_a_browser_is_shown_the_page() {
    let answer = get(&service().await, "/", &[]).await.expect(307);
    assert_eq!(answer.header("location"), Some("/docs"));
}

#[tokio::test]
async fn every_file_is_there_in_both_slash_forms_packed_and_plain() {
    let service = service().await;
    for (path, media) in FILES {
        let plain = get(&service, path, &[]).await.expect(200);
        assert_eq!(plain.header("content-type"), Some(media), "{path}");
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        assert_eq!(get(&service, &format!("{path}/"), &[]).await.expect(200).body, plain.body, "{path}");

        let packed = get(&service, path, &[("accept-encoding", "br, gzip;q=0.5")]).await.expect(200);
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(&packed.body[..2], [0x1f, 0x8b], "{path}");
        assert_ne!(packed.header("etag"), plain.header("etag"), "{path}: other bytes are another version");
        assert_eq!(packed.header("vary"), Some("Accept-Encoding"), "{path}");
        let large = plain.body.len() > 10_000;
        assert!(!large || packed.body.len() * 3 < plain.body.len(), "{path}");
    }
}

#[tokio::test]
async fn what_does_not_take_gzip_gets_none() {
    let service = service().await;
    for header in ["", "identity", "br", "gzip;q=0", "gzip; q=0.0", "*;q=0", "gzipped", "*, gzip;q=0", "gzip;q=much"] {
        let answer = get(&service, "/docs", &[("accept-encoding", header)]).await.expect(200);
        assert_eq!(answer.header("content-encoding"), None, "{header}");
    }
    for header in ["gzip", "GZip", "*", "deflate, gzip, br", "gzip;q=0.001", "*;q=0, gzip;q=1"] {
        let answer = get(&service, "/docs", &[("accept-encoding", header)]).await.expect(200);
        assert_eq!(answer.header("content-encoding"), Some("gzip"), "{header}");
    }
}

#[tokio::test]
async fn a_revisit_costs_no_bytes_and_no_policy() {
    let service = service().await;
    for (path, _) in FILES {
        for coding in ["gzip", "identity"] {
            let first = get(&service, path, &[("accept-encoding", coding)]).await.expect(200);
            let tag = first.header("etag").unwrap().to_owned();
            assert_eq!(first.header("cache-control"), Some("public, no-cache"), "{path}");
            for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
                let again = get(&service, path, &[("accept-encoding", coding), ("if-none-match", &known)]).await;
                let again = again.expect(304);
                assert!(again.body.is_empty(), "{path}");
                for name in ["etag", "cache-control", "vary", "content-security-policy"] {
                    assert_eq!(again.header(name), first.header(name), "{path} {name}");
                }
            }
            for known in ["\"other\"", tag.trim_matches('"')] {
                get(&service, path, &[("accept-encoding", coding), ("if-none-match", known)]).await.expect(200);
            }
        }
    }
}

#[tokio::test]
async fn the_page_runs_what_is_its_own_and_nothing_else() {
    let service = service().await;
    let page = get(&service, "/docs", &[]).await.expect(200);
    let policy = page.header("content-security-policy").unwrap();
    assert_eq!(page.headers.get_all("content-security-policy").iter().count(), 1);
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-eval") && !policy.contains("http"));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));

    // What the page refers to is there: its own, by absolute paths, and no script stands in the page itself.
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    let links: Vec<_> = html.split(['"', '\'']).filter(|part| part.starts_with("/docs/")).collect();
    assert_eq!(links.len(), 4, "{html}");
    for link in links {
        assert!(FILES.iter().any(|(path, _)| *path == link), "{link}");
    }
    assert!(!html.contains("//") && html.matches("<script").count() == html.matches("<script src=").count(), "{html}");
    let strict = get(&service, "/docs/start.js", &[]).await.expect(200);
    assert_eq!(strict.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
}

#[tokio::test]
async fn browsers_of_other_origins_are_told_by_both() {
    let service = service_with(&[("DOORWARD_ALLOWED_ORIGINS", "https://app.example.com")]).await;
    let answer = get(&service, "/openapi.json", &[("origin", "https://app.example.com")]).await.expect(200);
    let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["Accept-Encoding", "Origin"]);
}

#[tokio::test]
async fn the_document_is_the_one_that_is_checked_in() {
    let answer = get(&service().await, "/openapi.json", &[]).await.expect(200);
    let file = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/functions/metadata/openapi.json")).unwrap();
    assert!(answer.body == file);
}
