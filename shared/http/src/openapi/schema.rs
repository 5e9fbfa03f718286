//! What members of bodies and parameters look like, for those who send them.

#![allow(clippy::must_use_candidate)] // They are made for one place each.

use crate::Error;
use crate::error::Defect;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, SchemaType};
use utoipa::openapi::{KnownFormat, Object, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};

/// A member of a body, or a parameter.
pub struct Member {
    pub(super) name: &'static str,
    pub(super) schema: RefOr<Schema>,
    pub(super) is_required: bool,
    may_be_null: bool,
}

/// It must be there.
pub fn required(name: &'static str, schema: impl Into<RefOr<Schema>>) -> Member {
    Member { name, schema: schema.into(), is_required: true, may_be_null: false }
}

/// It may be absent.
pub fn optional(name: &'static str, schema: impl Into<RefOr<Schema>>) -> Member {
    Member { name, schema: schema.into(), is_required: false, may_be_null: false }
}

/// It may be absent, and `null` where there is one.
pub fn nullable(name: &'static str, schema: impl Into<RefOr<Schema>>) -> Member {
    Member { name, schema: schema.into(), is_required: false, may_be_null: true }
}

/// An object of members. JSON has `null`, and no members that are not known; forms have texts, each once.
pub(super) fn object(members: &[Member], is_json: bool) -> Object {
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for member in members {
        let mut schema = member.schema.clone();
        let schema_type = match &mut schema {
            RefOr::T(Schema::Object(value)) => Some(&mut value.schema_type),
            RefOr::T(Schema::Array(list)) => Some(&mut list.schema_type),
            _ => None,
        };
        if let Some(schema_type) = schema_type.filter(|_| member.may_be_null && is_json)
            && let SchemaType::Type(alone) = schema_type
        {
            *schema_type = SchemaType::from_iter([alone.clone(), Type::Null]);
        }
        object = object.property(member.name, schema);
        if member.is_required {
            object = object.required(member.name);
        }
    }
    let others = if is_json { AdditionalProperties::FreeForm(false) } else { Schema::from(string()).into() };
    object.additional_properties(Some(others)).build()
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn format(format: KnownFormat) -> ObjectBuilder {
    string().format(Some(SchemaFormat::KnownFormat(format)))
}

/// No control characters.
const PRINTABLE: &str = r"^[^\u0000-\u001F\u007F-\u009F]*$";

/// Any text.
pub fn text() -> Object {
    string().build()
}

/// A text that is not empty: a token, a code, what a person types to be known by.
pub fn credential() -> Object {
    string().min_length(Some(1)).build()
}

/// A text that says one thing.
pub fn constant(value: &str) -> Object {
    string().enum_values(Some([value])).build()
}

/// One of some texts.
pub fn one_of<const N: usize>(values: [&'static str; N]) -> Object {
    string().enum_values(Some(values)).build()
}

/// A one-time code: of an authenticator app, or a recovery code.
pub fn code() -> Object {
    string().min_length(Some(1)).description(Some("Of an authenticator app, or a recovery code.")).build()
}

/// An id in a path.
pub fn identifier() -> Object {
    string().min_length(Some(1)).build()
}

/// A user name that somebody wants to have.
pub fn username() -> Object {
    let about = "Letters, digits, `.`, `_`, `-`; compared without regard to case.";
    string()
        .min_length(Some(1))
        .max_length(Some(64))
        .pattern(Some(r"^[\p{L}\p{N}._-]+$"))
        .description(Some(about))
        .build()
}

/// An e-mail address.
pub fn email() -> Object {
    string().format(Some(SchemaFormat::Custom("email".to_owned()))).max_length(Some(254)).build()
}

/// A password that somebody has.
pub fn password() -> Object {
    format(KnownFormat::Password).build()
}

/// A password that somebody wants to have.
pub fn new_password() -> Object {
    let about = "Long enough, at most 1024 bytes, and none of the common ones.";
    let password = format(KnownFormat::Password).min_length(Some(8)).max_length(Some(1024));
    password.description(Some(about)).build()
}

/// What somebody or something is called.
pub fn display_name() -> Object {
    string().min_length(Some(1)).max_length(Some(200)).pattern(Some(PRINTABLE)).build()
}

/// Text of several lines.
pub fn prose(longest: Option<usize>) -> Object {
    string().max_length(longest).pattern(Some(r"^[^\u0000]*$")).build()
}

/// A time.
pub fn time() -> Object {
    format(KnownFormat::DateTime).build()
}

/// True or false.
pub fn flag() -> Object {
    Object::with_type(Type::Boolean)
}

/// A whole number within bounds.
pub fn number(least: u32, most: u32) -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most)).build()
}

/// Scopes as the `scope` parameter has them (RFC 6749 §3.3).
pub fn scope() -> Object {
    string().description(Some("Separated by spaces.")).build()
}

/// Scopes or permissions as JSON has them.
pub fn scopes() -> Schema {
    let token = string().min_length(Some(1)).max_length(Some(64)).pattern(Some(r"^[!#-\[\]-~]{1,64}$"));
    ArrayBuilder::new().items(token).build().into()
}

/// What is said of a member that is wrong.
pub(super) fn invalid() -> Error {
    let detail = "must be 1 to 64 letters, digits, '.', '_' or '-'".to_owned();
    Error::Invalid(vec![Defect { pointer: "/username".to_owned(), detail }])
}

/// RFC 9457 §3
pub(super) fn problem() -> Object {
    let defect = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("pointer", string().description(Some("Which member or parameter: a JSON pointer.")))
        .property("detail", string().description(Some("What is wrong with it.")))
        .required("pointer")
        .required("detail");
    let status = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(400)).maximum(Some(599));
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("What is wrong (RFC 9457)."))
        .property("type", string())
        .property("title", string())
        .property("status", status)
        .property("detail", string().description(Some("What is wrong, in a sentence that stays the same.")))
        .property("errors", ArrayBuilder::new().items(defect))
        .property("error", string().description(Some("What is wrong, for programs, where a program must tell.")))
        .property("mfa_token", string().description(Some("Takes the place of the password beside a code.")));
    ["type", "title", "status", "detail"].into_iter().fold(object, ObjectBuilder::required).build()
}

/// RFC 6749 §5.2
pub(super) fn oauth_error() -> Object {
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("What is wrong (RFC 6749 §5.2)."))
        .property("error", string().description(Some("One of the codes of RFC 6749.")))
        .property("error_description", string());
    // Who brings no token is told of no error (RFC 6750 §3.1).
    object.build()
}

/// An object, whatever is in it.
pub fn any_object() -> Object {
    Object::with_type(Type::Object)
}

/// The bytes of a picture.
pub fn picture() -> Object {
    ObjectBuilder::new().schema_type(Type::String).content_media_type("image/png").build()
}

/// A set of public keys (RFC 7517 §5).
pub fn key_set() -> Object {
    let names = ["kid", "use", "alg", "kty", "n", "e", "crv", "x", "y"];
    let key = names
        .into_iter()
        .fold(ObjectBuilder::new().schema_type(Type::Object), |key, name| key.property(name, string()));
    let key = names.into_iter().take(4).fold(key, ObjectBuilder::required);
    let keys = ArrayBuilder::new().items(key);
    ObjectBuilder::new().schema_type(Type::Object).property("keys", keys).required("keys").build()
}
