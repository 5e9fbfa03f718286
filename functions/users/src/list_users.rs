//! `GET /users`: all users page by page, or the one of a name or an e-mail address.

use axum::extract::State;
use doorward_core::cursor;
use doorward_core::grant::Identifier;
use doorward_core::user::User;
use doorward_http::answer::{Private, UserView};
use doorward_http::extract::{Fields, Media, Parse, Query};
use doorward_http::guard::ReadUsers;
use doorward_http::{App, Error, RequirePermission};
use serde::Serialize;
use utoipa::ToSchema;

pub struct ListRequest {
    limit: u16,
    cursor: Option<String>,
    username: Option<String>,
    email: Option<String>,
}

impl Parse for ListRequest {
    const MEDIA: Media = Media::Form;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let limit = |text: &str| match text.parse() {
            // A sign is taken by `parse`.
            Ok(limit) if (1..=100).contains(&limit) && !text.starts_with('+') => Ok(limit),
            _ => Err("must be a whole number from 1 to 100"),
        };
        let limit = fields.optional("limit", limit)?.unwrap_or(50);
        let cursor = fields.text_if_any("cursor");
        let username = fields.text_if_any("username");
        let email = fields.text_if_any("email");
        Some(Self { limit, cursor, username, email })
    }
}

#[derive(Serialize, ToSchema)]
pub struct Page {
    items: Vec<UserView>,
    #[schema(required)]
    next_cursor: Option<String>,
}

pub async fn list_users(
    State(app): State<App>,
    _: RequirePermission<ReadUsers>,
    Query(request): Query<ListRequest>,
) -> Result<Private<Page>, Error> {
    let after = request.cursor.as_deref().map(cursor::parse).transpose().map_err(|_| Error::InvalidCursor)?;
    if request.username.is_some() || request.email.is_some() {
        return find(&app, &request).await;
    }
    let (users, last) = app.store.users.list(request.limit, after.as_ref()).await?;
    let items = users.iter().map(UserView::of).collect();
    Ok(Private(Page { items, next_cursor: last.as_ref().map(cursor::after) }))
}

/// The one user who has that name and that address, as far as they are asked for.
async fn find(app: &App, request: &ListRequest) -> Result<Private<Page>, Error> {
    let (mut found, mut asked) = (None, Vec::new());
    let texts = [(&request.username, false), (&request.email, true)];
    for (text, is_email) in texts.into_iter().filter_map(|(text, is_email)| Some((text.as_deref()?, is_email))) {
        let identifier = Identifier::typed(text);
        let fits = match &identifier {
            Identifier::Username(_) => !is_email,
            Identifier::Email(_) => is_email,
            Identifier::Nobody => false,
        };
        let id = if fits { app.store.credentials.find(&identifier).await?.map(|found| found.user) } else { None };
        asked.push(identifier);
        match (found, id) {
            (None, Some(id)) => found = Some(id),
            (Some(one), Some(other)) if one == other => found = Some(one),
            _ => return Ok(Private(Page { items: Vec::new(), next_cursor: None })),
        }
    }
    let user = match &found {
        Some(id) => app.store.users.get(id).await?,
        None => None,
    };
    // Whoever was found by an address may have another one by the time the profile is read.
    let user = user.filter(|user| asked.iter().all(|identifier| is_of(identifier, user)));
    Ok(Private(Page { items: user.iter().map(UserView::of).collect(), next_cursor: None }))
}

fn is_of(identifier: &Identifier, user: &User) -> bool {
    match identifier {
        Identifier::Username(name) => user.username.canonical() == name,
        Identifier::Email(address) => user.email.as_ref().is_some_and(|email| email.canonical() == address),
        Identifier::Nobody => false,
    }
}
