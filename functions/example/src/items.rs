//! `GET /items`, `POST /items`: a resource that needs scopes.

use axum::extract::State;
use doorward_core::ids::ItemId;
use doorward_core::user::DisplayName;
use doorward_http::answer::Private;
use doorward_http::extract::{Fields, Input, Media, Parse};
use doorward_http::guard::{ReadItems, WriteItems};
use doorward_http::{App, Error, RequireScope};
use doorward_store::ExampleItem;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Items {
    items: Vec<ItemView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CreatedItem)]
pub struct Created {
    item: ItemView,
}

#[derive(Serialize, ToSchema)]
struct ItemView {
    id: String,
    name: String,
    #[schema(required)]
    description: Option<String>,
    owner: String,
}

impl ItemView {
    fn of(item: ExampleItem, owner: &str) -> Self {
        Self { id: item.id.to_string(), name: item.name, description: item.description, owner: owner.to_owned() }
    }
}

pub struct ItemRequest {
    name: DisplayName,
    description: Option<String>,
}

impl Parse for ItemRequest {
    const MEDIA: Media = Media::Json;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let prose = |text: &str| {
            let fits = text.chars().count() <= 2000 && !text.contains('\0');
            if fits { Ok(text.to_owned()) } else { Err("must be at most 2000 characters, none of them NUL") }
        };
        let name = fields.required("name", DisplayName::parse);
        let description = fields.optional("description", prose);
        Some(Self { name: name?, description: description? })
    }
}

pub async fn list(
    State(app): State<App>,
    RequireScope(caller, _): RequireScope<ReadItems>,
) -> Result<Private<Items>, Error> {
    let items = app.store.example_items.list(&caller.user.id).await?;
    let owner = caller.user.username.as_str();
    Ok(Private(Items { items: items.into_iter().map(|item| ItemView::of(item, owner)).collect() }))
}

pub async fn create(
    State(app): State<App>,
    RequireScope(caller, _): RequireScope<WriteItems>,
    Input(request): Input<ItemRequest>,
) -> Result<Private<Created>, Error> {
    let id = ItemId::new(app.clock.now(), app.random.bytes()?);
    let item = ExampleItem { id, name: request.name.as_str().to_owned(), description: request.description };
    app.store.example_items.put(&caller.user.id, &item).await?;
    Ok(Private(Created { item: ItemView::of(item, caller.user.username.as_str()) }))
}
