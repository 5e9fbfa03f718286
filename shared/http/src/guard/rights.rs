//! What somebody may, as types.

use super::{Bearer, Caller, CallerOver};
use crate::audit::Needed;
use crate::body::refuse_long;
use crate::error::ScopedError;
use crate::{App, Error};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use doorward_core::user::{Role, permission};
use std::marker::PhantomData;

macro_rules! markers {
    ($trait:ident: $type:ty; $($(#[$doc:meta])* $name:ident = $value:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl $trait for $name {
            const VALUE: $type = $value;
        }
    )*};
}

/// A permission, as a type: a handler that has a [`RequirePermission`] of it in its signature is called by nobody else.
pub trait Permission {
    /// Its name.
    const VALUE: &'static str;
}
markers! { Permission: &'static str;
    /// See other users.
    ReadUsers = permission::READ_USERS;
    /// Change other users.
    WriteUsers = permission::WRITE_USERS;
    /// Delete other users.
    DeleteUsers = permission::DELETE_USERS;
}

/// A caller with a permission, or an admin.
#[derive(Clone, Debug)]
pub struct RequirePermission<P>(pub Caller, pub PhantomData<P>);

impl<P: Permission> FromRequestParts<App> for RequirePermission<P> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::judged(parts, app).await?;
        caller.expect_permission(app, P::VALUE)?;
        refuse_long(&parts.headers)?;
        Ok(Self(caller, PhantomData))
    }
}

/// A caller whom the path names, or one who has the permission, and the user whom it names.
pub struct OneselfOr<P>(pub CallerOver, pub PhantomData<P>);

impl<P: Permission> FromRequestParts<App> for OneselfOr<P> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let over = CallerOver::judged(parts, app).await?;
        // Whether somebody else exists is for those who may know.
        if over.target.as_ref().is_none_or(|target| target.id != over.caller.user.id) {
            over.caller.expect_permission(app, P::VALUE)?;
        }
        refuse_long(&parts.headers)?;
        Ok(Self(over, PhantomData))
    }
}

/// A caller who has the permission, and the user whom the path names.
pub struct RequirePermissionOver<P>(pub CallerOver, pub PhantomData<P>);

impl<P: Permission> FromRequestParts<App> for RequirePermissionOver<P> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let over = CallerOver::judged(parts, app).await?;
        over.caller.expect_permission(app, P::VALUE)?;
        refuse_long(&parts.headers)?;
        Ok(Self(over, PhantomData))
    }
}

/// A scope, as a type. A function of your own names its own.
pub trait Scope {
    /// Its name.
    const VALUE: &'static str;
}
markers! { Scope: &'static str;
    /// See the sample items.
    ReadItems = "read:items";
    /// Make sample items.
    WriteItems = "write:items";
    /// Ask what tokens are worth.
    IntrospectTokens = "introspect:tokens";
}

/// A user or a client whose token has a scope.
#[derive(Clone, Debug)]
pub struct RequireScope<S>(pub Bearer, pub PhantomData<S>);

impl<S: Scope> FromRequestParts<App> for RequireScope<S> {
    type Rejection = ScopedError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ScopedError> {
        let refuse = |error| ScopedError { error, scope: S::VALUE };
        let bearer = Bearer::judged(parts, app).await.map_err(refuse)?;
        if !bearer.scopes.contains(S::VALUE) {
            bearer.lacks(app, Needed::Scope(S::VALUE));
            return Err(refuse(Error::NotEnoughScope));
        }
        refuse_long(&parts.headers).map_err(refuse)?;
        Ok(Self(bearer, PhantomData))
    }
}

/// A role, as a type.
pub trait RequiredRole {
    /// The role.
    const VALUE: Role;
}
markers! { RequiredRole: Role;
    /// May moderate what others write.
    Moderator = Role::Moderator;
    /// May do everything.
    Admin = Role::Admin;
}

/// A caller with a role, or an admin.
#[derive(Clone, Debug)]
pub struct RequireRole<R>(pub Caller, pub PhantomData<R>);

impl<R: RequiredRole> FromRequestParts<App> for RequireRole<R> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let caller = Caller::judged(parts, app).await?;
        if !caller.user.has_role(R::VALUE) {
            caller.lacks(app, Needed::Role(R::VALUE));
            return Err(Error::RoleRequired(R::VALUE));
        }
        refuse_long(&parts.headers)?;
        Ok(Self(caller, PhantomData))
    }
}
