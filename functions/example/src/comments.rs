//! `POST /comments`: text from strangers, made harmless.

use crate::tags::without_tags;
use doorward_http::answer::Private;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::{App, Caller};
use serde::Serialize;
use utoipa::ToSchema;

pub struct CommentRequest {
    content: String,
}

impl Parse for CommentRequest {
    const MEDIA: Media = Media::Json;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let prose = |text: &str| {
            if text.contains('\0') { Err("must not have NUL characters") } else { Ok(text.to_owned()) }
        };
        Some(Self { content: fields.required("content", prose)? })
    }
}

#[derive(Serialize, ToSchema)]
pub struct Comment {
    content: String,
}

pub async fn comment(_: Caller, Input(request): Input<CommentRequest>) -> Private<Comment> {
    Private(Comment { content: without_tags(&request.content) })
}
