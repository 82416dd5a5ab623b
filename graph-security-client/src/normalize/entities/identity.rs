//! Accounts and applications.

use pocketsoc_model::{Application, Entity, EntityKind, User};

use super::{first, named, with_rest};
use crate::evidence::{
    CloudApplicationEvidence, Fields as _, GitHubUserEvidence, OauthApplicationEvidence,
    ServicePrincipalEvidence, Told, UserAccount, UserEvidence,
};

pub(in super::super) fn user(mut evidence: UserEvidence) -> Entity {
    let mut account = evidence.user_account.take().unwrap_or_default();
    let name = first([
        &account.account_name,
        &account.user_principal_name,
        &account.display_name,
        &account.user_sid,
        &account.azure_ad_user_id,
    ]);
    let mut user = User::default();
    user.account = account.account_name.take();
    user.domain = account.domain_name.take();
    user.upn = account.user_principal_name.take();
    user.sid = account.user_sid.take().filter(|sid| !sid.is_empty());
    user.aad_id = account.azure_ad_user_id.take();
    with_rest(with_rest(named(EntityKind::User(Box::new(user)), name), account), evidence)
}

/// Whose something is.
pub(super) fn set_account(to: &mut Told<'_>, account: Option<UserAccount>) {
    let Some(mut account) = account else { return };
    // The thing itself may have a display name.
    to.set("accountDisplayName", &account.display_name.take().unwrap_or_default());
    account.tell(to);
}

pub(in super::super) fn github_user(mut evidence: GitHubUserEvidence) -> Entity {
    let mut user = User::default();
    user.account = evidence.login.take();
    let name = first([&user.account, &evidence.name, &evidence.user_id]);
    with_rest(named(EntityKind::User(Box::new(user)), name), evidence)
}

fn application(id: Option<String>, publisher: Option<String>, name: Option<String>) -> Entity {
    let name = name.filter(|name| !name.is_empty()).or_else(|| id.clone());
    let mut application = Application::default();
    (application.id, application.publisher) = (id, publisher);
    named(EntityKind::Application(application), name)
}

pub(in super::super) fn service_principal(mut evidence: ServicePrincipalEvidence) -> Entity {
    let id = evidence.app_id.take().or_else(|| evidence.service_principal_object_id.take());
    with_rest(application(id, None, evidence.service_principal_name.take()), evidence)
}

pub(in super::super) fn oauth_application(mut evidence: OauthApplicationEvidence) -> Entity {
    let id = evidence.app_id.take().or_else(|| evidence.object_id.take());
    with_rest(application(id, evidence.publisher.take(), evidence.display_name.take()), evidence)
}

pub(in super::super) fn cloud_application(mut evidence: CloudApplicationEvidence) -> Entity {
    let id = evidence.app_id.take().map(|number| number.to_string());
    with_rest(application(id, None, evidence.display_name.take()), evidence)
}
