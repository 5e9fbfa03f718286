//! `PATCH /users/{id}`: another's profile, whether they are shut out, and for admins their rights.

use crate::change_me::{email, with_profile};
use crate::{TRIES, contended, transaction};
use axum::extract::State;
use doorward_core::email::Email;
use doorward_core::ids::UserId;
use doorward_core::scope::ScopeSet;
use doorward_core::user::{AdminRefusal, DisplayName, Role, User, UserAct, check_rights, judge_act};
use doorward_http::answer::{Private, UserView};
use doorward_http::audit::{Event, Needed, Rights};
use doorward_http::error::Defect;
use doorward_http::extract::{Fields, Input, Media, Parse, Patch};
use doorward_http::guard::{CallerOver, RequirePermissionOver, WriteUsers};
use doorward_http::{App, Caller, Error};
use doorward_store::{Authority, Changed, back_off};

pub struct ChangeUserRequest {
    full_name: Patch<DisplayName>,
    email: Option<Email>,
    disabled: Option<bool>,
    role: Option<Role>,
    permissions: Option<ScopeSet>,
    scopes: Option<ScopeSet>,
}

impl Parse for ChangeUserRequest {
    const MEDIA: Media = Media::Json;

    fn parse(fields: &mut Fields, _: &App) -> Option<Self> {
        let full_name = fields.patch("full_name", DisplayName::parse);
        let email = email(fields);
        let disabled = fields.flag_if_any("disabled");
        let role = match fields.patch("role", Role::parse) {
            Some(Patch::Keep) => Some(None),
            Some(Patch::Set(role)) => Some(Some(role)),
            Some(Patch::Clear) => {
                fields.refuse("role", "must be 'user', 'moderator' or 'admin'");
                None
            }
            None => None,
        };
        let permissions = fields.scopes_if_any("permissions");
        let scopes = fields.scopes_if_any("scopes");
        Some(Self {
            full_name: full_name?,
            email: email?,
            disabled: disabled?,
            role: role?,
            permissions: permissions?,
            scopes: scopes?,
        })
    }
}

impl ChangeUserRequest {
    fn asks_for_rights(&self) -> bool {
        self.role.is_some() || self.permissions.is_some() || self.scopes.is_some()
    }

    /// What is given may only be too much together with what is there.
    fn check_rights(&self, wanted: &User) -> Result<(), Error> {
        check_rights(&wanted.permissions, &wanted.scopes).map_err(|error| {
            let pointer = if self.permissions.is_some() { "/permissions" } else { "/scopes" };
            Error::Invalid(vec![Defect { pointer: pointer.to_owned(), detail: error.to_string() }])
        })
    }

    /// Tells the audit of the change: of rights apart from the profile. A request that is made again tells of it again, as
    /// the answer to the first one, and with it the event, may have been lost.
    fn tell(&self, app: &App, caller: &Caller, user: UserId) {
        let by = &caller.user.id;
        let rights = Rights {
            role: self.role,
            permissions: self.permissions.clone(),
            scopes: self.scopes.clone(),
            disabled: self.disabled,
        };
        if rights == Rights::default() || self.email.is_some() || !matches!(self.full_name, Patch::Keep) {
            app.audit.record(&caller.client, Event::UserChanged { user: user.clone(), by: by.clone() });
        }
        if rights != Rights::default() {
            app.audit.record(&caller.client, Event::RightsChanged { user, by: by.clone(), rights });
        }
    }

    fn applied_to(&self, read: &User) -> User {
        let mut wanted = with_profile(read, &self.full_name, self.email.as_ref());
        wanted.role = self.role.unwrap_or(read.role);
        wanted.permissions = self.permissions.clone().unwrap_or_else(|| read.permissions.clone());
        wanted.scopes = self.scopes.clone().unwrap_or_else(|| read.scopes.clone());
        wanted.disabled = self.disabled.unwrap_or(read.disabled);
        if wanted.disabled && !read.disabled {
            // Every session ends, for good: a user who is let in again logs in again.
            wanted.epoch = read.epoch.next();
        }
        wanted
    }
}

pub async fn change_user(
    State(app): State<App>,
    RequirePermissionOver(CallerOver { caller, target }, _): RequirePermissionOver<WriteUsers>,
    request: Result<Input<ChangeUserRequest>, Error>,
) -> Result<Private<UserView>, Error> {
    if let Some(target) = &target {
        // Before its body: a change of nothing is the least that can be asked for.
        judge_act(&caller.user, target, UserAct::Change(target)).map_err(|refusal| refused(&app, &caller, refusal))?;
    }
    let Input(request) = request?;
    if request.asks_for_rights() && !caller.user.is_admin() {
        return Err(only_admins(&app, &caller));
    }
    let mut target = target.ok_or(Error::UserNotFound)?;
    for attempt in 1..=TRIES {
        let wanted = request.applied_to(&target);
        request.check_rights(&wanted)?;
        let act = if request.asks_for_rights() { UserAct::ChangeRights(&wanted) } else { UserAct::Change(&wanted) };
        judge_act(&caller.user, &target, act).map_err(|refusal| refused(&app, &caller, refusal))?;
        let token = transaction(&caller.client.request, 0, attempt);
        match app.store.users.change(&target, &wanted, authority(&caller.user, &target), &token).await? {
            Changed::Done => {
                request.tell(&app, &caller, target.id);
                return Ok(Private(UserView::of(&wanted)));
            }
            Changed::EmailTaken => return Err(Error::EmailTaken),
            Changed::NoAuthority => return Err(only_admins(&app, &caller)),
            Changed::Stale | Changed::CredentialsChanged(_) => {}
        }
        back_off(attempt).await;
        target = app.store.users.get(&target.id).await?.ok_or(Error::UserNotFound)?;
    }
    Err(contended())
}

/// Why somebody may not, whose permission would do for another user.
pub(crate) fn refused(app: &App, caller: &Caller, refusal: AdminRefusal) -> Error {
    match refusal {
        AdminRefusal::NotAllowed => only_admins(app, caller),
        AdminRefusal::AnotherAdmin => refusal.into(),
    }
}

pub(crate) fn only_admins(app: &App, caller: &Caller) -> Error {
    caller.lacks(app, Needed::Role(Role::Admin));
    Error::InsufficientPermissions
}

/// On whose word: of two admins who remove each other, the second is none any more.
pub(crate) fn authority<'a>(caller: &'a User, target: &User) -> Authority<'a> {
    if target.is_admin() && target.id != caller.id { Authority::Admin(&caller.id) } else { Authority::Checked }
}
