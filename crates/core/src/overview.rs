//! The overview: figures, and the first steps of a new organization. Each user sees only what their permissions allow.

use super::{Core, actor::Actor, keys, projects};
use latchkey_store as store;
use latchkey_types::{
    error::Error,
    id::UserId,
    key_kind::{KeyKind, Kind, KindSpec},
    listing::KindTotal,
    overview::{KindCounts, Overview, ProjectRequests, SetupProgress},
    permission::Permission,
};

/// The overview for the actor. Needs no permission.
pub async fn get(core: &Core, actor: &Actor) -> Result<Overview, Error> {
    Ok(Overview {
        kinds: counts(core, actor).await?,
        requests: requests(core, actor).await?,
        progress: progress(core, actor).await?,
        api_url: core.public_url.issuer(),
    })
}

/// The counts of every kind whose list the actor may open, also of those without keys. Of personal kinds, most actors see only their own.
async fn counts(core: &Core, actor: &Actor) -> Result<Vec<KindCounts>, Error> {
    let visible = keys::visible_kinds(actor, |_| true);
    let mut counts = Vec::new();
    for (kinds, created_by) in groups(actor, &visible) {
        counts.extend(store::keys::counts::count_by_status(&core.store, actor.organization, &kinds, created_by).await?);
    }
    counts.sort_by_key(|counts| visible.iter().position(|kind| *kind == counts.kind));
    Ok(counts)
}

/// The number of keys of every kind whose list the actor may open. Needs no permission.
pub async fn totals(core: &Core, actor: &Actor) -> Result<Vec<KindTotal>, Error> {
    let visible = keys::visible_kinds(actor, |_| true);
    let mut totals = Vec::new();
    for (kinds, created_by) in groups(actor, &visible) {
        totals.extend(store::keys::counts::count_up_to_max(&core.store, actor.organization, &kinds, created_by).await?);
    }
    Ok(totals)
}

/// The kinds that can be counted together, and the creator if only their own keys are counted.
fn groups(actor: &Actor, visible: &[Kind]) -> Vec<(Vec<Kind>, Option<UserId>)> {
    let sees_all = actor.can_see_all_keys();
    let group = |(is_inbound, is_own): (bool, bool)| {
        let is_in_group = |spec: &KindSpec| spec.is_inbound() == is_inbound && (spec.is_personal && !sees_all) == is_own;
        let kinds: Vec<_> = visible.iter().copied().filter(|kind| is_in_group(kind.spec())).collect();
        (kinds, is_own.then_some(actor.user))
    };
    [(true, false), (true, true), (false, false), (false, true)].into_iter().map(group).filter(|(kinds, _)| !kinds.is_empty()).collect()
}

async fn requests(core: &Core, actor: &Actor) -> Result<Vec<ProjectRequests>, Error> {
    if !actor.permissions.has(Permission::ManageProjects) || !actor.permissions.has(Permission::ViewProject) {
        return Ok(Vec::new());
    }
    let projects = projects::list(core, actor).await?;
    let waiting = projects.into_iter().filter(|project| project.waiting > 0);
    Ok(waiting.map(|project| ProjectRequests { id: project.id, name: project.name, pending: project.waiting }).collect())
}

async fn progress(core: &Core, actor: &Actor) -> Result<SetupProgress, Error> {
    let (store, organization) = (&core.store, actor.organization);
    let has = |permission| actor.permissions.has(permission);
    Ok(SetupProgress {
        has_verified: has(Permission::ViewKeys) && store::keys::counts::is_any_used(store, organization, KeyKind::Client).await?,
        has_invited: has(Permission::ManageMembers) && store::members::has_invited(store, organization).await?,
        has_mail: has(Permission::ManageOrganization) && store.is_mail_enabled(),
    })
}
