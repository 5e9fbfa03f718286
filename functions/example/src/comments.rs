//! `POST /comments`: text from strangers, made harmless.

use doorward_http::answer::Private;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::{App, Caller};
use serde::Serialize;
use std::collections::HashSet;
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

/// Tags go, their text stays, and `&`, `<` and `>` are escaped.
fn without_tags(html: &str) -> String {
    ammonia::Builder::empty().clean_content_tags(HashSet::new()).clean(html).to_string()
}

#[cfg(test)]
mod tests {
    use super::without_tags;

    #[test]
    fn tags_go_and_their_text_stays() {
        for (html, text) in [
            ("plain", "plain"),
            ("<b>bold</b> <i onclick='x()'>and</i> more", "bold and more"),
            ("<script>alert(1)</script>", "alert(1)"),
            ("<scr<script>ipt>alert(1)</scr</script>ipt>", "ipt&gt;alert(1)ipt&gt;"),
            ("<img src=x onerror=alert(1)>", ""),
            ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
            ("&lt;b&gt;", "&lt;b&gt;"),
            ("<style>a{}</style>x<!-- gone -->", "a{}x"),
        ] {
            assert_eq!(without_tags(html), text, "{html}");
        }
    }
}
