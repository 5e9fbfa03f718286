//! The first session, as README.md shows it: there is one text of it, and it is printed from there.

use std::net::SocketAddr;

/// The commands of README's section, for a server at `address`.
#[must_use]
pub fn at(address: SocketAddr) -> String {
    let readme = include_str!("../README.md");
    let section = readme.split("\n## ").find(|section| section.starts_with("A first session")).unwrap_or_default();
    let blocks = section.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    blocks.collect::<Vec<_>>().join("\n").replace("127.0.0.1:9000", &address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_that_of_the_readme_at_another_address() {
        let session = at(SocketAddr::from(([127, 0, 0, 1], 1234)));
        assert!(session.contains("http://127.0.0.1:1234/users -H"), "{session}");
        assert!(session.contains("/2fa/setup") && session.contains("/logout"), "{session}");
        assert!(!session.contains("9000") && !session.contains("```"), "{session}");
    }
}
