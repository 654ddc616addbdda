//! Services, which are called through the gateway. Every write is published to the instances.

use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, columns::Columns, verdict_changes::VerdictChange};
use latchkey_types::{
    id::{CredentialId, OrganizationId, ServiceId, UserId},
    key::StorageProvider,
    key_kind::CredentialKind,
    service::{AllowRule, Injection, InjectionKind, ServiceCaller, ServiceRequest, UnlinkReason},
    time::Timestamp,
};

/// A service with the credential that it is linked to.
#[derive(Debug, Clone)]
pub struct ServiceRecord {
    pub id: ServiceId,
    pub name: String,
    pub base_url: String,
    pub injection: Injection,
    /// `None` if there is none, or it was unlinked: see `unlink_reason`.
    pub credential: Option<LinkedCredential>,
    pub unlink_reason: Option<UnlinkReason>,
    pub allow: Vec<AllowRule>,
    pub callers: Vec<ServiceCaller>,
    pub timeout_seconds: i64,
    pub body_max: i64,
    /// The creator's name.
    pub creator: String,
    pub created_at: Timestamp,
}

/// The credential of a service.
#[derive(Debug, Clone)]
pub struct LinkedCredential {
    pub id: CredentialId,
    pub kind: CredentialKind,
    pub name: String,
    pub mask: String,
    /// `None` for general keys.
    pub provider: Option<StorageProvider>,
    /// The holder of an external key.
    pub created_by: UserId,
}

/// A row, as it is stored.
#[derive(sqlx::FromRow)]
struct ServiceColumns {
    id: ServiceId,
    name: String,
    base_url: String,
    injection: InjectionKind,
    injection_name: Option<String>,
    injection_region: Option<String>,
    credential_id: Option<CredentialId>,
    unlink_reason: Option<UnlinkReason>,
    /// JSON.
    allow_rules: String,
    /// JSON.
    callers: String,
    timeout_seconds: i64,
    body_max: i64,
    creator: String,
    created_at: Timestamp,
    credential_kind: Option<CredentialKind>,
    credential_name: Option<String>,
    credential_mask: Option<String>,
    credential_provider: Option<StorageProvider>,
    credential_holder: Option<UserId>,
}

const SERVICE: &str = "select s.id, s.name, s.base_url, s.injection, s.injection_name, s.injection_region, s.credential_id, s.unlink_reason, \
     s.allow_rules, s.callers, s.timeout_seconds, s.body_max, u.name as creator, s.created_at, c.kind as credential_kind, \
     c.name as credential_name, c.mask as credential_mask, c.provider as credential_provider, c.created_by as credential_holder \
     from services s join users u on u.id = s.created_by left join credentials c on c.id = s.credential_id where s.organization_id = $1";

impl ServiceColumns {
    /// A service with an invalid value must not be called, so it is an error.
    fn into_record(self) -> Result<ServiceRecord, StoreError> {
        Ok(ServiceRecord {
            credential: self.linked_credential(),
            id: self.id,
            name: self.name,
            base_url: self.base_url,
            injection: injection(self.injection, self.injection_name, self.injection_region),
            unlink_reason: self.unlink_reason,
            allow: serde_json::from_str(&self.allow_rules).map_err(decode_error)?,
            callers: serde_json::from_str(&self.callers).map_err(decode_error)?,
            timeout_seconds: self.timeout_seconds,
            body_max: self.body_max,
            creator: self.creator,
            created_at: self.created_at,
        })
    }

    fn linked_credential(&self) -> Option<LinkedCredential> {
        Some(LinkedCredential {
            id: self.credential_id?,
            kind: self.credential_kind?,
            name: self.credential_name.clone()?,
            mask: self.credential_mask.clone()?,
            provider: self.credential_provider,
            created_by: self.credential_holder?,
        })
    }
}

fn injection(kind: InjectionKind, name: Option<String>, region: Option<String>) -> Injection {
    let (name, region) = (name.unwrap_or_default(), region.unwrap_or_default());
    match kind {
        InjectionKind::Bearer => Injection::Bearer,
        InjectionKind::Header => Injection::Header { name },
        InjectionKind::Basic => Injection::Basic { username: name },
        InjectionKind::Query => Injection::Query { name },
        InjectionKind::SigV4 => Injection::SigV4 { service: name, region },
    }
}

/// The columns `injection_name` and `injection_region`.
fn injection_columns(injection: &Injection) -> (Option<&str>, Option<&str>) {
    match injection {
        Injection::Bearer => (None, None),
        Injection::Header { name } | Injection::Query { name } => (Some(name), None),
        Injection::Basic { username } => (Some(username), None),
        Injection::SigV4 { service, region } => (Some(service), Some(region)),
    }
}

fn decode_error(error: serde_json::Error) -> StoreError {
    sqlx::Error::Decode(error.into()).into()
}

fn encode_error(error: serde_json::Error) -> StoreError {
    sqlx::Error::Encode(error.into()).into()
}

fn columns(values: &ServiceRequest) -> Result<Columns, StoreError> {
    let (name, region) = injection_columns(&values.injection);
    Ok(Columns::new()
        .set("name", &values.name)
        .set("base_url", &values.base_url)
        .set("injection", values.injection.kind())
        .set("injection_name", name)
        .set("injection_region", region)
        .set("credential_id", values.credential)
        .set("allow_rules", serde_json::to_string(&values.allow).map_err(encode_error)?)
        .set("callers", serde_json::to_string(&values.callers).map_err(encode_error)?)
        .set("timeout_seconds", values.timeout_seconds)
        .set("body_max", values.body_max))
}

/// The organization's services, sorted by name.
pub async fn all(store: &Store, organization: OrganizationId) -> Result<Vec<ServiceRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{SERVICE} order by s.name{}", store.bytewise_collation()));
    let rows: Vec<ServiceColumns> = sqlx::query_as(sql).bind(organization).fetch_all(store.read()?).await?;
    rows.into_iter().map(ServiceColumns::into_record).collect()
}

pub async fn find(db: &mut Connection, organization: OrganizationId, id: ServiceId) -> Result<Option<ServiceRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{SERVICE} and s.id = $2"));
    let row: Option<ServiceColumns> = sqlx::query_as(sql).bind(organization).bind(id).fetch_optional(db).await?;
    row.map(ServiceColumns::into_record).transpose()
}

/// The service of this name.
pub async fn find_by_name(store: &Store, organization: OrganizationId, name: &str) -> Result<Option<ServiceRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{SERVICE} and s.name = $2"));
    let row: Option<ServiceColumns> = sqlx::query_as(sql).bind(organization).bind(name).fetch_optional(store.read()?).await?;
    row.map(ServiceColumns::into_record).transpose()
}

/// [`StoreError::Duplicate`] if the name is taken.
pub async fn insert(tx: &mut Tx, organization: OrganizationId, id: ServiceId, by: UserId, values: &ServiceRequest) -> Result<(), StoreError> {
    columns(values)?
        .set("id", id)
        .set("organization_id", organization)
        .set("created_by", by)
        .set("created_at", Timestamp::now())
        .insert(tx, "services")
        .await?;
    tx.touch_added(VerdictChange::Gateway(organization));
    Ok(())
}

/// Changes a service. `unlink_reason` replaces the reason why it lost its previous credential.
///
/// # Errors
/// [`StoreError::Duplicate`] if the name is taken.
pub async fn update(
    tx: &mut Tx,
    organization: OrganizationId,
    id: ServiceId,
    values: &ServiceRequest,
    unlink_reason: Option<UnlinkReason>,
) -> Result<(), StoreError> {
    columns(values)?.set("unlink_reason", unlink_reason).update(tx, "services", "id", id).await?;
    tx.touch(VerdictChange::Gateway(organization));
    Ok(())
}

pub async fn delete(tx: &mut Tx, organization: OrganizationId, id: ServiceId) -> Result<(), StoreError> {
    sqlx::query("delete from services where organization_id = $1 and id = $2").bind(organization).bind(id).execute(&mut *tx).await?;
    tx.touch(VerdictChange::Gateway(organization));
    Ok(())
}

/// Unlinks all services from the external keys of a user who is disabled. Returns the names of the services, sorted.
pub async fn unlink_external_of(tx: &mut Tx, user: UserId) -> Result<Vec<String>, StoreError> {
    let sql = "update services set credential_id = null, unlink_reason = $1 where credential_id in \
         (select id from credentials where created_by = $2 and deleted_at is null and kind = $3) returning organization_id, name";
    let unlinked: Vec<(OrganizationId, String)> =
        sqlx::query_as(sql).bind(UnlinkReason::HolderDisabled).bind(user).bind(CredentialKind::External).fetch_all(&mut *tx).await?;
    let mut names = Vec::with_capacity(unlinked.len());
    for (organization, name) in unlinked {
        tx.touch(VerdictChange::Gateway(organization));
        names.push(name);
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{credentials, credentials::NewCredential, testing::open_store, users};
    use latchkey_types::key_kind::KeyKind;

    /// An organization with two users, of whom the first has an external key.
    struct Fixture {
        store: Store,
        organization: OrganizationId,
        users: [UserId; 2],
        credential: CredentialId,
        _data: latchkey_test_db::TestData,
    }

    impl Fixture {
        async fn new() -> Self {
            let (store, data) = open_store().await;
            let (organization, ids, credential) = (OrganizationId::new(), [UserId::new(), UserId::new()], CredentialId::new());
            let mut tx = store.begin().await.unwrap();
            users::insert_organization(&mut tx, organization, "Acme", 1).await.unwrap();
            for id in ids {
                let new = users::NewUser {
                    id,
                    organization,
                    role: "owner".to_owned(),
                    name: id.to_string(),
                    email: format!("{id}@example.com"),
                    password_hash: String::new(),
                };
                users::insert_user(&mut tx, &new).await.unwrap();
            }
            let new = NewCredential {
                id: credential,
                organization,
                kind: CredentialKind::External,
                name: "archive".to_owned(),
                unique_name: format!("aws {}", ids[0]),
                provider: Some(StorageProvider::Aws),
                region: Some("us-east-1".to_owned()),
                mask: "…".to_owned(),
                created_by: ids[0],
                created_at: Timestamp::now(),
                expires_at: None,
            };
            credentials::insert(&mut tx, &new).await.unwrap();
            tx.commit().await.unwrap();
            Self { store, organization, users: ids, credential, _data: data }
        }

        async fn insert(&self, name: &str, injection: Injection, credential: Option<CredentialId>) -> ServiceId {
            let (id, values) = (ServiceId::new(), request(name, injection, credential));
            let mut tx = self.store.begin().await.unwrap();
            insert(&mut tx, self.organization, id, self.users[0], &values).await.unwrap();
            tx.commit().await.unwrap();
            id
        }

        async fn find(&self, name: &str) -> ServiceRecord {
            find_by_name(&self.store, self.organization, name).await.unwrap().unwrap()
        }
    }

    fn request(name: &str, injection: Injection, credential: Option<CredentialId>) -> ServiceRequest {
        ServiceRequest {
            name: name.to_owned(),
            base_url: "https://example.com".to_owned(),
            injection,
            credential,
            allow: vec![AllowRule { method: "*".to_owned(), path: "/**".to_owned() }],
            callers: vec![ServiceCaller { kind: KeyKind::Client, scope: Some("a".to_owned()) }],
            timeout_seconds: 60,
            body_max: 1024,
        }
    }

    #[tokio::test]
    async fn every_injection_round_trips() {
        let fixture = Fixture::new().await;
        let text = |text: &str| text.to_owned();
        let injections: [Injection; 5] = [
            Injection::Bearer,
            Injection::Header { name: text("X-Api-Key") },
            Injection::Basic { username: text("") },
            Injection::Query { name: text("key") },
            Injection::SigV4 { service: text("s3"), region: text("us-east-1") },
        ];
        for (index, injection) in injections.into_iter().enumerate() {
            let name = format!("s{index}");
            fixture.insert(&name, injection.clone(), Some(fixture.credential)).await;
            let record = fixture.find(&name).await;
            let values = request(&name, injection, None);
            assert_eq!((record.injection, record.allow, record.callers), (values.injection, values.allow, values.callers));
            assert_eq!(record.credential.map(|credential| (credential.id, credential.created_by)), Some((fixture.credential, fixture.users[0])));
        }
        assert_eq!(all(&fixture.store, fixture.organization).await.unwrap().len(), 5);
        assert!(find_by_name(&fixture.store, OrganizationId::new(), "s0").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_name_is_unique_in_the_organization() {
        let fixture = Fixture::new().await;
        fixture.insert("a", Injection::Bearer, None).await;
        let mut tx = fixture.store.begin().await.unwrap();
        let values = request("a", Injection::Bearer, None);
        let again = insert(&mut tx, fixture.organization, ServiceId::new(), fixture.users[0], &values).await;
        assert!(matches!(again, Err(StoreError::Duplicate)));
    }

    #[tokio::test]
    async fn a_credential_is_unlinked_with_its_reason() {
        let fixture = Fixture::new().await;
        let [holder, other] = fixture.users;
        let link = async || fixture.insert(&format!("s{}", CredentialId::new()), Injection::Bearer, Some(fixture.credential)).await;
        let (first, second) = (link().await, link().await);
        let mut tx = fixture.store.begin().await.unwrap();
        assert!(unlink_external_of(&mut tx, other).await.unwrap().is_empty());
        assert_eq!(unlink_external_of(&mut tx, holder).await.unwrap().len(), 2);
        for id in [first, second] {
            let record = find(&mut tx, fixture.organization, id).await.unwrap().unwrap();
            assert_eq!((record.credential.is_some(), record.unlink_reason), (false, Some(UnlinkReason::HolderDisabled)));
        }
        let values = request("b", Injection::Bearer, Some(fixture.credential));
        update(&mut tx, fixture.organization, first, &values, None).await.unwrap();
        credentials::delete(&mut tx, fixture.credential).await.unwrap();
        let record = find(&mut tx, fixture.organization, first).await.unwrap().unwrap();
        assert_eq!((record.credential.is_some(), record.unlink_reason), (false, Some(UnlinkReason::CredentialDeleted)));
        delete(&mut tx, fixture.organization, first).await.unwrap();
        assert!(find(&mut tx, fixture.organization, first).await.unwrap().is_none());
    }
}
