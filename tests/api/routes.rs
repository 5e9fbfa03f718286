//! Every route of the service, and what its bodies are made of. [`super::bad_requests`] makes its cases from this.

use serde_json::Value;

/// Stands in every good body where a secret would; no answer may have it.
pub const CANARY: &str = "canary-4711-staple";

pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub media: Media,
    pub dialect: Dialect,
    pub needs_bearer: bool,
    pub members: &'static [Member],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Media {
    Json,
    Form,
    Either,
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    FirstParty,
    OAuth,
}

pub struct Member {
    pub name: &'static str,
    pub good: &'static str,
    pub is_required: bool,
    pub kind: Kind,
}

pub enum Kind {
    /// Has a form of its own; these and whatever has control characters or no end are not of it.
    Formed(&'static [&'static str]),
    /// A password to be: these are not, nor is what has no end.
    NewPassword(&'static [&'static str]),
    /// Any text is taken, and judged later: a credential, or a scope.
    Free,
    /// As that, and an empty one is a wrong one.
    Password,
    /// No text: what is good is written in JSON.
    Json,
}

impl Member {
    pub fn value(&self) -> Value {
        if matches!(self.kind, Kind::Json) { serde_json::from_str(self.good).unwrap() } else { self.good.into() }
    }

    /// Texts that are not of its form.
    pub fn malformed(&self) -> Vec<String> {
        let (bad, controls) = match self.kind {
            Kind::Formed(bad) => (bad, &["\0", "\n", "\u{1b}", "\u{7f}"][..]),
            Kind::NewPassword(bad) => (bad, &[][..]),
            Kind::Free | Kind::Password | Kind::Json => return Vec::new(),
        };
        let controlled = controls.iter().map(|control| format!("{0}{control}{0}", self.good));
        let long = format!("{}{}", self.good, "a".repeat(5000));
        bad.iter().map(|text| (*text).to_owned()).chain(controlled).chain([long]).collect()
    }
}

impl Route {
    /// The one read by which a caller is judged.
    pub fn check(&self) -> &'static str {
        match self.path {
            "/2fa/verify" | "/2fa/disable" | "/2fa/recovery-codes" => {
                "BatchGetItem revoked-tokens second-factors sessions users"
            }
            _ => "BatchGetItem revoked-tokens sessions users",
        }
    }

    /// What is told those who bring nothing.
    pub fn challenge(&self) -> &'static str {
        match (self.method, self.path) {
            ("GET", "/items") => "Bearer scope=\"read:items\"",
            ("POST", "/items") => "Bearer scope=\"write:items\"",
            _ => "Bearer",
        }
    }
}

const fn required(name: &'static str, good: &'static str, kind: Kind) -> Member {
    Member { name, good, is_required: true, kind }
}

const fn optional(name: &'static str, good: &'static str, kind: Kind) -> Member {
    Member { name, good, is_required: false, kind }
}

const fn bare(method: &'static str, path: &'static str, needs_bearer: bool) -> Route {
    Route { method, path, media: Media::None, dialect: Dialect::FirstParty, needs_bearer, members: &[] }
}

const fn userinfo(method: &'static str) -> Route {
    Route { dialect: Dialect::OAuth, ..bare(method, "/oauth2/userinfo", true) }
}

pub const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        path: "/token",
        media: Media::Form,
        dialect: Dialect::FirstParty,
        needs_bearer: false,
        members: &[
            required("username", "ann", Kind::Free),
            required("password", CANARY, Kind::Password),
            optional("scope", "read:items", Kind::Free),
            optional("otp", "000000", Kind::Free),
            optional("grant_type", "password", Kind::Formed(&["Password", "refresh_token", "password "])),
        ],
    },
    Route {
        method: "POST",
        path: "/token/refresh",
        media: Media::Either,
        dialect: Dialect::FirstParty,
        needs_bearer: false,
        members: &[required("refresh_token", CANARY, Kind::Free), optional("scope", "read:items", Kind::Free)],
    },
    Route {
        method: "POST",
        path: "/oauth2/token",
        media: Media::Form,
        dialect: Dialect::OAuth,
        needs_bearer: false,
        members: &[
            required("grant_type", "refresh_token", Kind::Free),
            required("refresh_token", CANARY, Kind::Free),
            optional("scope", "read:items", Kind::Free),
            optional("client_id", "doorward", Kind::Free),
            optional("client_secret", CANARY, Kind::Free),
        ],
    },
    Route {
        method: "POST",
        path: "/oauth2/revoke",
        media: Media::Form,
        dialect: Dialect::OAuth,
        needs_bearer: false,
        members: &[required("token", CANARY, Kind::Free), optional("token_type_hint", "access_token", Kind::Free)],
    },
    Route {
        method: "POST",
        path: "/oauth2/introspect",
        media: Media::Form,
        dialect: Dialect::OAuth,
        needs_bearer: true,
        members: &[required("token", CANARY, Kind::Free), optional("token_type_hint", "access_token", Kind::Free)],
    },
    userinfo("GET"),
    userinfo("POST"),
    Route {
        method: "POST",
        path: "/users",
        media: Media::Json,
        dialect: Dialect::FirstParty,
        needs_bearer: false,
        members: &[
            required("username", "bob", Kind::Formed(&["a b", "a@b", "a/b", "a\u{200B}b", "<b>", "a\u{202E}b"])),
            required(
                "email",
                "bob@example.com",
                Kind::Formed(&["bob", "@example.com", "a@b@c", "a b@c", "a@", "a@b."]),
            ),
            required("password", CANARY, Kind::NewPassword(&["short", "password", "PASSWORD", "12345678"])),
            optional("full_name", "Bob", Kind::Formed(&["", "Bob\u{9b}"])),
        ],
    },
    bare("GET", "/users/me", true),
    Route {
        method: "PATCH",
        path: "/users/me",
        media: Media::Json,
        dialect: Dialect::FirstParty,
        needs_bearer: true,
        members: &[
            optional("full_name", "Bob", Kind::Formed(&["", "Bob\u{9b}"])),
            optional("email", "bob@example.com", Kind::Formed(&["", "bob", "a@b@c", "a b@c"])),
            optional("current_password", CANARY, Kind::Password),
        ],
    },
    Route {
        method: "DELETE",
        path: "/users/me",
        media: Media::Json,
        dialect: Dialect::FirstParty,
        needs_bearer: true,
        members: &[required("current_password", CANARY, Kind::Password)],
    },
    Route {
        method: "POST",
        path: "/users/me/password",
        media: Media::Json,
        dialect: Dialect::FirstParty,
        needs_bearer: true,
        members: &[
            required("current_password", CANARY, Kind::Password),
            required("new_password", CANARY, Kind::NewPassword(&["short", "password", "PASSWORD", "12345678"])),
        ],
    },
    Route {
        method: "POST",
        path: "/2fa/setup",
        media: Media::Json,
        dialect: Dialect::FirstParty,
        needs_bearer: true,
        members: &[optional("password", CANARY, Kind::Password)],
    },
    Route {
        method: "POST",
        path: "/2fa/verify",
        media: Media::Either,
        dialect: Dialect::FirstParty,
        needs_bearer: true,
        members: &[required("code", CANARY, Kind::Free)],
    },
    Route {
        method: "POST",
        path: "/2fa/disable",
        media: Media::Json,
        dialect: Dialect::FirstParty,
        needs_bearer: true,
        members: &[required("password", CANARY, Kind::Password), required("code", CANARY, Kind::Free)],
    },
    Route {
        method: "POST",
        path: "/2fa/recovery-codes",
        media: Media::Json,
        dialect: Dialect::FirstParty,
        needs_bearer: true,
        members: &[required("password", CANARY, Kind::Password), required("code", CANARY, Kind::Free)],
    },
    bare("GET", "/users/me/sessions", true),
    bare("DELETE", "/users/me/sessions/anything", true),
    bare("GET", "/users", true),
    bare("GET", "/users/anybody", true),
    bare("PATCH", "/users/anybody", true),
    bare("DELETE", "/users/anybody", true),
    Route {
        method: "POST",
        path: "/api-keys",
        media: Media::Json,
        dialect: Dialect::FirstParty,
        needs_bearer: true,
        members: &[
            required("name", "ci", Kind::Formed(&["", "ci\u{9b}"])),
            optional("scopes", "[\"read:items\"]", Kind::Json),
            optional("expires_at", "2030-01-01T00:00:00Z", Kind::Formed(&["", "tomorrow", "2030-01-01", "1900000000"])),
        ],
    },
    bare("GET", "/api-keys", true),
    bare("DELETE", "/api-keys/anything", true),
    Route {
        method: "POST",
        path: "/api-keys/anything/rotate",
        media: Media::Json,
        dialect: Dialect::FirstParty,
        needs_bearer: true,
        members: &[optional("overlap", "60", Kind::Json)],
    },
    Route {
        method: "POST",
        path: "/items",
        media: Media::Json,
        dialect: Dialect::FirstParty,
        needs_bearer: true,
        members: &[
            required("name", "lamp", Kind::Formed(&["", "lamp\u{9b}"])),
            optional("description", "It glows.", Kind::Free),
        ],
    },
    bare("GET", "/items", true),
    bare("GET", "/users/me/items", true),
    bare("POST", "/moderate", true),
    Route {
        method: "POST",
        path: "/comments",
        media: Media::Json,
        dialect: Dialect::FirstParty,
        needs_bearer: true,
        members: &[required("content", CANARY, Kind::Free)],
    },
    bare("GET", "/limited", false),
    bare("GET", "/protected", false),
    bare("POST", "/refresh-token", true),
    bare("POST", "/logout", true),
    bare("POST", "/logout/all", true),
    bare("POST", "/revoke-token", true),
    bare("GET", "/health", false),
    bare("GET", "/.well-known/jwks.json", false),
    bare("GET", "/.well-known/oauth-authorization-server", false),
    bare("GET", "/.well-known/openid-configuration", false),
    bare("GET", "/docs", false),
    bare("GET", "/openapi.json", false),
];
