//! Project keys: issued to the owner and revealed as signed tokens.

use anyhow::Result;
use latchkey_core::Core;
use latchkey_core::{actor::Actor, project_keys, projects};
use latchkey_store::{self as store, issued_keys::NewIssued};
use latchkey_types::{
    id::{KeyId, KeyRequestId, ProjectId, RoleId, TemplateId},
    project::{Visibility, WantedProject},
    time::Timestamp,
};

/// Issues and reveals `count` keys and returns their tokens.
pub(super) async fn issue(state: &Core, owner: &Actor, count: usize) -> Result<Vec<Box<str>>> {
    let mut tokens = Vec::with_capacity(count);
    if count == 0 {
        return Ok(tokens);
    }
    let request = WantedProject { name: "Bench".to_owned(), description: String::new(), visibility: Visibility::Organization };
    let project = projects::create(state, owner, request).await.map_err(super::in_words)?.id;
    let (template, role) = template(state, project).await?;
    for _ in 0..count {
        let key = store_key(state, owner, (project, template, role)).await?;
        tokens.push(project_keys::reveal(state, owner, key).await.map_err(super::in_words)?.reveal().into());
    }
    Ok(tokens)
}

async fn template(state: &Core, project: ProjectId) -> Result<(TemplateId, RoleId)> {
    let id = TemplateId::new();
    let sql = "insert into templates (id, project_id, name, name_folded, unique_name, description, role_id, price, created_by, created_at) \
         select $1, p.id, 'reader', 'reader', 'reader', '', r.id, 2500, p.created_by, 0 from projects p join roles r on r.organization_id = p.organization_id \
         where p.id = $2 and r.name = 'viewer'";
    sqlx::query(sql).bind(id.to_string()).bind(project.to_string()).execute(state.store.read()?).await?;
    let role: String = sqlx::query_scalar("select role_id from templates where id = $1").bind(id.to_string()).fetch_one(state.store.read()?).await?;
    Ok((id, role.parse().map_err(|_| anyhow::anyhow!("the role id cannot be parsed"))?))
}

async fn store_key(state: &Core, owner: &Actor, (project, template, role): (ProjectId, TemplateId, RoleId)) -> Result<KeyId> {
    let (id, request, user) = (KeyId::new(), KeyRequestId::new(), owner.user);
    let new = NewIssued {
        id,
        organization: owner.organization,
        project,
        template,
        request,
        name: "reader".to_owned(),
        role,
        fields: "[]".to_owned(),
        holder: user,
        approved_by: user,
        created_at: Timestamp::now(),
        expires_at: None,
    };
    let stored = state.store.write(move |tx| {
        Box::pin(async move {
            let sql = "insert into key_requests (id, project_id, template_id, user_id, requested_at, state, decided_at) values ($1, $2, $3, $4, 0, 'approved', 0)";
            let query = sqlx::query(sql).bind(request.to_string()).bind(project.to_string()).bind(template.to_string()).bind(user.to_string());
            query.execute(&mut *tx).await.map_err(store::Error::from)?;
            Ok(store::issued_keys::insert(tx, &new).await?)
        })
    });
    stored.await.map_err(super::in_words)?;
    Ok(id)
}
