//! `DELETE /users/{id}`: a user and everything that is theirs.

use crate::change_user::{authority, only_admins, refused};
use crate::{TRIES, contended, transaction};
use axum::extract::State;
use doorward_core::ids::UserId;
use doorward_core::user::{UserAct, judge_act};
use doorward_http::answer::{Message, Private};
use doorward_http::audit::Event;
use doorward_http::guard::{CallerOver, DeleteUsers, RequirePermissionOver};
use doorward_http::{App, Caller, Error};
use doorward_store::{Changed, back_off};
use std::time::Duration;
use tokio::time::timeout;

pub async fn delete_user(
    State(app): State<App>,
    RequirePermissionOver(CallerOver { caller, target }, _): RequirePermissionOver<DeleteUsers>,
) -> Result<Private<Message>, Error> {
    let mut target = target.ok_or(Error::UserNotFound)?;
    for attempt in 1..=TRIES {
        judge_act(&caller.user, &target, UserAct::Delete).map_err(|refusal| refused(&app, &caller, refusal))?;
        let token = transaction(&caller.client.request, 0, attempt);
        match app.store.users.delete(&target, authority(&caller.user, &target), &token).await? {
            Changed::Done => {
                clear_away(&app, &caller, &target.id).await;
                return Ok(Message::new("User deleted"));
            }
            Changed::NoAuthority => return Err(only_admins(&app, &caller)),
            Changed::Stale | Changed::EmailTaken | Changed::CredentialsChanged(_) => {}
        }
        back_off(attempt).await;
        target = app.store.users.get(&target.id).await?.ok_or(Error::UserNotFound)?;
    }
    Err(contended())
}

/// So long is waited for what is only cleared away: the answer is known.
const CLEARED_WITHIN: Duration = Duration::from_secs(2);

/// Clears away what is left of a deleted user. It is dead already, so what is not cleared away now changes nothing.
pub(crate) async fn clear_away(app: &App, caller: &Caller, id: &UserId) {
    app.audit.record(&caller.client, Event::UserDeleted { user: id.clone(), by: caller.user.id.clone() });
    let cleared = timeout(CLEARED_WITHIN, app.store.forget(id)).await;
    let cause = match cleared {
        Ok(Ok(())) => return,
        Ok(Err(fault)) => fault.to_string(),
        Err(elapsed) => elapsed.to_string(),
    };
    tracing::warn!(cause, user = %id, "what is left of a deleted user was not cleared away");
}
