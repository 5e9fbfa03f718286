//! What strangers send: requests made from [`ROUTES`], wrong in as many things as it comes, some of them with good credentials.

use crate::pitfalls::{HEADERS, MEDIA_TYPES, PITFALLS, VALUES};
use crate::routes::{Kind, Media, ROUTES, Route};
use crate::support::admin::Person;
use crate::support::api_keys::MadeKey;
use crate::support::oauth::basic;
use crate::support::request::Request;
use crate::support::{PASSWORD, Service};
use axum::http::{HeaderValue, Method, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use std::fmt::Write as _;

/// Those whose credentials are in the wrong hands.
pub struct Victims {
    pub name: String,
    pub user: Person,
    pub admin: Person,
    pub client: MadeKey,
    pub client_token: String,
    pub mfa_token: String,
    pub cursor: String,
}

/// What is theirs.
#[derive(Clone, Copy, Debug)]
pub enum Own {
    Access,
    AdminAccess,
    ClientAccess,
    Refresh,
    MfaToken,
    Key,
    KeyId,
    UserId,
    Name,
    Email,
    Password,
    Cursor,
}

const OWN: &[Own] = &[
    Own::Access,
    Own::AdminAccess,
    Own::ClientAccess,
    Own::Refresh,
    Own::MfaToken,
    Own::Key,
    Own::KeyId,
    Own::UserId,
    Own::Name,
    Own::Email,
    Own::Password,
    Own::Cursor,
];

impl Victims {
    fn own(&self, what: Own) -> String {
        match what {
            Own::Access => self.user.access.clone(),
            Own::AdminAccess => self.admin.access.clone(),
            Own::ClientAccess => self.client_token.clone(),
            Own::Refresh => self.user.refresh.clone(),
            Own::MfaToken => self.mfa_token.clone(),
            Own::Key => self.client.key.clone(),
            Own::KeyId => self.client.id.clone(),
            Own::UserId => self.user.id.clone(),
            Own::Name => self.name.clone(),
            Own::Email => format!("{}@example.com", self.name),
            Own::Password => PASSWORD.to_owned(),
            Own::Cursor => self.cursor.clone(),
        }
    }
}

/// A text of a request.
#[derive(Clone, Debug)]
pub enum Word {
    Text(String),
    Own(Own),
    /// With one byte replaced, or cut off there.
    Damaged(Own, usize, Option<char>),
}

impl Word {
    fn of(&self, victims: &Victims) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Own(own) => victims.own(*own),
            Self::Damaged(own, at, by) => {
                let mut text: Vec<char> = victims.own(*own).chars().collect();
                let at = at % text.len().max(1);
                match by {
                    Some(by) => text[at] = *by,
                    None => text.truncate(at),
                }
                text.into_iter().collect()
            }
        }
    }
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        6 => select(PITFALLS).prop_map(|text| Word::Text(text.to_owned())),
        6 => select(OWN).prop_map(Word::Own),
        4 => (select(OWN), any::<usize>(), prop_oneof![Just(None), any::<char>().prop_map(Some), "[a-zA-Z0-9._-]".prop_map(|c| c.chars().next())])
            .prop_map(|(own, at, by)| Word::Damaged(own, at, by)),
        3 => any::<String>().prop_map(Word::Text),
        2 => "\\PC{0,80}".prop_map(Word::Text),
        1 => (select(PITFALLS), select(vec![2_usize, 33, 65, 201, 321, 1025, 5000]))
            .prop_map(|(text, times)| Word::Text(text.repeat(times))),
    ]
}

/// A member's value, as JSON.
#[derive(Clone, Debug)]
pub enum Value {
    Word(Word),
    Raw(String),
}

impl Value {
    fn of(&self, victims: &Victims) -> String {
        match self {
            Self::Word(word) => serde_json::Value::String(word.of(victims)).to_string(),
            Self::Raw(text) => text.clone(),
        }
    }
}

/// A body, whatever its type says.
#[derive(Clone, Debug)]
pub enum Body {
    Nothing,
    Json(Vec<(String, Value)>),
    /// Percent-encoded, or written as it is.
    Form(Vec<(String, Word, bool)>),
    Bytes(Vec<u8>),
    /// Something, again and again.
    Long(&'static str, usize),
    /// A body with bytes replaced.
    Damaged(Box<Body>, Vec<(usize, u8)>),
}

impl Body {
    fn of(&self, victims: &Victims) -> Vec<u8> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Json(members) => {
                let quoted = |name: &str| serde_json::Value::from(name).to_string();
                let members = members.iter().map(|(name, value)| format!("{}:{}", quoted(name), value.of(victims)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(",")).into_bytes()
            }
            Self::Form(pairs) => {
                let pairs = pairs.iter().map(|(name, word, is_encoded)| {
                    let text = word.of(victims);
                    format!("{name}={}", if *is_encoded { encoded(&text) } else { text })
                });
                pairs.collect::<Vec<_>>().join("&").into_bytes()
            }
            Self::Bytes(bytes) => bytes.clone(),
            Self::Long(text, times) => text.repeat(*times).into_bytes(),
            Self::Damaged(body, places) => {
                let mut bytes = body.of(victims);
                for (at, by) in places {
                    let at = at % bytes.len().max(1);
                    match bytes.get_mut(at) {
                        Some(byte) => *byte = *by,
                        None => bytes.push(*by),
                    }
                }
                bytes
            }
        }
    }
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "%{byte:02X}");
        all
    })
}

/// A member's name, mostly one that the route knows.
fn name_for(route: &'static Route) -> BoxedStrategy<String> {
    let known: Vec<_> = route.members.iter().map(|member| member.name.to_owned()).collect();
    let strange = prop_oneof![select(PITFALLS).prop_map(str::to_owned), "\\PC{0,12}", Just("mfa_token".to_owned())];
    if known.is_empty() { strange.boxed() } else { prop_oneof![9 => select(known), 1 => strange].boxed() }
}

fn value_for(route: &'static Route) -> impl Strategy<Value = Value> {
    let mut good: Vec<_> = route.members.iter().map(|member| good_value(&member.kind, member.good)).collect();
    good.push(Value::Raw("null".to_owned()));
    prop_oneof![
        5 => word().prop_map(Value::Word),
        3 => select(VALUES).prop_map(|text| Value::Raw(text.to_owned())),
        2 => select(good),
        1 => (1_usize..300).prop_map(|deep| Value::Raw("[".repeat(deep) + &"]".repeat(deep))),
    ]
}

fn good_value(kind: &Kind, good: &str) -> Value {
    match kind {
        Kind::Json => Value::Raw(good.to_owned()),
        _ => Value::Word(Word::Text(good.to_owned())),
    }
}

fn body_for(route: &'static Route) -> BoxedStrategy<Body> {
    // What is good, but for a member or two.
    let mostly_good = vec((name_for(route), value_for(route)), 0..3).prop_map(|others| {
        let members =
            route.members.iter().map(|member| (member.name.to_owned(), good_value(&member.kind, member.good)));
        let mut members: Vec<_> = members.filter(|(name, _)| others.iter().all(|(other, _)| other != name)).collect();
        members.extend(others);
        Body::Json(members)
    });
    let json = vec((name_for(route), value_for(route)), 0..8).prop_map(Body::Json);
    let form = vec((name_for(route), word(), prop::bool::weighted(0.9)), 0..8).prop_map(Body::Form);
    let form_weight = if route.media == Media::Form { 20 } else { 1 };
    let whole = prop_oneof![4 => mostly_good, 2 => json, form_weight => form].boxed();
    prop_oneof![
        1 => Just(Body::Nothing),
        12 => whole.clone(),
        3 => (whole, vec((any::<usize>(), any::<u8>()), 1..4)).prop_map(|(body, at)| Body::Damaged(Box::new(body), at)),
        1 => vec(any::<u8>(), 0..200).prop_map(Body::Bytes),
        1 => (select(vec!["[", "{\"a\":", "a=b&", "a&", "%", "\"a\":1,", " ", "{", "\u{0}"]), prop_oneof![1_usize..2000, 65_000_usize..70_000])
            .prop_map(|(text, times)| Body::Long(text, if times < 2000 { times } else { times / text.len() })),
    ]
    .boxed()
}

/// Who says they ask.
#[derive(Clone, Debug)]
pub enum Credentials {
    None,
    Bearer(Word),
    Basic(Word, Word),
    Key(Word),
    Header(&'static str, Vec<u8>),
}

fn credentials_for(route: &'static Route) -> impl Strategy<Value = Credentials> {
    prop_oneof![
        2 => Just(Credentials::None),
        if route.needs_bearer { 20 } else { 2 } => select(vec![Own::Access, Own::AdminAccess, Own::ClientAccess]).prop_map(|own| Credentials::Bearer(Word::Own(own))),
        2 => word().prop_map(Credentials::Bearer),
        1 => Just(Credentials::Basic(Word::Own(Own::KeyId), Word::Own(Own::Key))),
        1 => (word(), word()).prop_map(|(id, secret)| Credentials::Basic(id, secret)),
        1 => Just(Credentials::Key(Word::Own(Own::Key))),
        1 => word().prop_map(Credentials::Key),
        1 => (select(vec!["authorization", "x-api-key"]), vec(any::<u8>(), 0..60))
            .prop_map(|(name, bytes)| Credentials::Header(name, bytes)),
    ]
}

/// A request that somebody thought of.
#[derive(Clone, Debug)]
pub struct Attack {
    method: String,
    path: Vec<Word>,
    query: Option<Vec<(String, Word)>>,
    credentials: Credentials,
    content_type: Option<&'static str>,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Body,
    /// The last byte of the address it comes from.
    pub from: u8,
}

pub fn attack() -> impl Strategy<Value = Attack> {
    Union::new(ROUTES.iter().map(attack_on))
}

fn attack_on(route: &'static Route) -> BoxedStrategy<Attack> {
    let methods = vec!["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"];
    let method = prop_oneof![
        40 => Just(route.method.to_owned()),
        1 => select(methods).prop_map(str::to_owned),
        1 => "[A-Z!#$%&'*+.^_`|~-]{1,12}",
    ];
    let parameters = vec!["limit", "cursor", "username", "email", "access_token", "x"];
    let query = prop_oneof![
        5 => Just(None),
        1 => vec((select(parameters).prop_map(str::to_owned), word()), 0..4).prop_map(Some),
    ];
    let head = (method, path_for(route), query, credentials_for(route));
    (head, media_type_for(route), other_headers(), body_for(route), any::<u8>())
        .prop_map(|((method, path, query, credentials), content_type, headers, body, from)| Attack {
            method,
            path,
            query,
            credentials,
            content_type,
            headers,
            body,
            from,
        })
        .boxed()
}

fn media_type_for(route: &'static Route) -> impl Strategy<Value = Option<&'static str>> {
    let fitting = match route.media {
        Media::Form => "application/x-www-form-urlencoded",
        _ => "application/json",
    };
    prop_oneof![12 => Just(Some(fitting)), 2 => select(MEDIA_TYPES).prop_map(Some), 1 => Just(None)]
}

fn other_headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let value = prop_oneof![
        select(PITFALLS).prop_map(|text| text.as_bytes().to_vec()),
        select(MEDIA_TYPES).prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..40),
        (0_usize..9000).prop_map(|long| vec![b'a'; long]),
    ];
    prop_oneof![5 => Just(Vec::new()), 1 => vec((select(HEADERS), value), 1..4)]
}

/// The route's path, segment by segment; those that name something name something else.
fn path_for(route: &'static Route) -> impl Strategy<Value = Vec<Word>> {
    let segments: Vec<_> = route.path.split('/').skip(1).collect();
    let segments: Vec<_> = segments
        .into_iter()
        .map(|segment| match segment {
            "anything" | "anybody" => word().boxed(),
            _ => prop_oneof![200 => Just(Word::Text(segment.to_owned())), 1 => word()].boxed(),
        })
        .collect();
    (segments, prop_oneof![30 => Just(None), 1 => word().prop_map(Some)]).prop_map(|(mut path, last)| {
        path.extend(last);
        path
    })
}

impl Attack {
    /// The request, if HTTP can carry it, and its path.
    pub fn request(&self, service: &Service, victims: &Victims) -> Option<(Request, String)> {
        let method = Method::from_bytes(self.method.as_bytes()).ok()?;
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        let mut target = String::new();
        for word in &self.path {
            let text = word.of(victims);
            target = target + "/" + &if plain(&text) { text } else { encoded(&text) };
        }
        if let Some(query) = &self.query {
            let pairs = query.iter().map(|(name, word)| format!("{name}={}", encoded(&word.of(victims))));
            target = target + "?" + &pairs.collect::<Vec<_>>().join("&");
        }
        Uri::try_from(target.as_str()).ok()?;
        let mut headers = Vec::new();
        let mut set =
            |name: &'static str, value: &[u8]| headers.extend(HeaderValue::from_bytes(value).map(|v| (name, v)));
        match &self.credentials {
            Credentials::None => {}
            Credentials::Bearer(word) => set("authorization", format!("Bearer {}", word.of(victims)).as_bytes()),
            Credentials::Basic(id, secret) => {
                set("authorization", basic(&id.of(victims), &secret.of(victims)).as_bytes());
            }
            Credentials::Key(word) => set("x-api-key", word.of(victims).as_bytes()),
            Credentials::Header(name, bytes) => set(name, bytes),
        }
        if let Some(content_type) = self.content_type {
            set("content-type", content_type.as_bytes());
        }
        for (name, value) in &self.headers {
            set(name, value);
        }
        let request = service.request(method.as_str(), &target).from(&format!("192.0.2.{}", self.from));
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header_value(name, value));
        let path = target.split('?').next().unwrap_or_default().to_owned();
        Some((request.body("", &self.body.of(victims)), path))
    }

    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}
