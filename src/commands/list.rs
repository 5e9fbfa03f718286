//! `users list`

use super::export::all_users;
use super::table;
use crate::setup::Fault;
use doorward_http::App;

pub async fn run(app: &App) -> Result<(), Fault> {
    let mut rows = vec![["ID", "USERNAME", "E-MAIL", "ROLE", "STATE", "CREATED"].map(str::to_owned)];
    let mut pages = all_users(app);
    while let Some(users) = pages.next().await? {
        rows.extend(users.into_iter().map(|user| {
            [
                user.id.to_string(),
                user.username.to_string(),
                user.email.map_or_else(|| "-".to_owned(), |email| email.to_string()),
                user.role.to_string(),
                (if user.disabled { "disabled" } else { "enabled" }).to_owned(),
                user.created_at.to_string(),
            ]
        }));
    }
    table::print(&rows)?;
    Ok(())
}
