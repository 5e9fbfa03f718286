//! `POST /moderate`: an act that needs a role.

use doorward_http::RequireRole;
use doorward_http::answer::{Message, Private};
use doorward_http::guard::Moderator;

pub async fn moderate(_: RequireRole<Moderator>) -> Private<Message> {
    Message::new("Content moderated")
}
