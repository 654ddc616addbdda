use std::sync::Arc;

use latchkey_test_db::TestData;
use secrecy::ExposeSecret;

use super::{call::CallCredential, *};
use crate::{
    actor::AuthMethod,
    credentials::{self, NewGeneralKey, Secrets},
    keys, members,
    testing::{insert_organization, insert_user, new_core},
};
use latchkey_types::{
    credential::CreateExternalKeyRequest,
    id::{CredentialId, OrganizationId, UserId},
    key::{CreateKeyRequest, ItemId, KeyRow, RequestedExpiry},
    key_kind::{KeyKind, Kind},
    permission::{Permissions, Scope, Scopes},
    secret::TypedSecret,
    service::{AllowRule, Injection},
};

/// An organization with two owners.
struct Fixture {
    core: Core,
    organization: OrganizationId,
    users: [UserId; 2],
    _data: TestData,
}

impl Fixture {
    async fn new() -> Self {
        let (core, data) = new_core().await;
        let mut tx = core.store.begin().await.unwrap();
        let organization = insert_organization(&mut tx).await;
        let users = [insert_user(&mut tx, organization, "owner", "Ada").await, insert_user(&mut tx, organization, "owner", "Grace").await];
        tx.commit().await.unwrap();
        Self { core, organization, users, _data: data }
    }

    /// One of the owners, with these permissions only.
    fn actor(&self, index: usize, permissions: &[Permission]) -> Actor {
        Actor {
            organization: self.organization,
            user: self.users[index],
            name: "Ada".to_owned(),
            auth_method: AuthMethod::Console,
            permissions: Permissions::of(permissions),
            scopes: None,
            address: None,
        }
    }

    fn owner(&self, index: usize) -> Actor {
        self.actor(index, Permission::ALL)
    }

    async fn general_key(&self, name: &str) -> CredentialId {
        let request = NewGeneralKey { name: name.to_owned(), value: TypedSecret::new(format!("sk-{name}")) };
        id_of(&credentials::create_general(&self.core, &self.owner(0), request).await.unwrap())
    }

    /// The external key of the owner with this index.
    async fn external_key(&self, index: usize, provider: StorageProvider) -> CredentialId {
        let is_aws = provider == StorageProvider::Aws;
        let text = |text: &str| TypedSecret::new(if is_aws { text.to_owned() } else { String::new() });
        let request = CreateExternalKeyRequest {
            label: "archive".to_owned(),
            provider,
            key: TypedSecret::new("AKIAIOSFODNN7EXAMPLE".to_owned()),
            secret: text("wJalrXUtnFEMI"),
            region: if is_aws { "us-east-1".to_owned() } else { String::new() },
            expiry: RequestedExpiry::Days(30),
        };
        id_of(&credentials::create_external(&self.core, &self.owner(index), request).await.unwrap())
    }

    async fn create(&self, request: ServiceRequest) -> ServiceRow {
        create(&self.core, &self.owner(0), request).await.unwrap()
    }

    async fn edit(&self, actor: &Actor, id: ServiceId, request: ServiceRequest) -> UpdatedService {
        edit(&self.core, actor, id, request, IfMatch::Unconditional).await.unwrap()
    }

    async fn find(&self, name: &str) -> Option<Arc<call::CallableService>> {
        self.core.service_cache.find(&self.core, self.organization, name).await.unwrap()
    }

    /// The number of events of an action.
    async fn recorded(&self, action: &str) -> usize {
        let rows = store::audit::after(self.core.store.read().unwrap(), 0, 100).await.unwrap();
        rows.iter().filter(|row| row.action == action).count()
    }
}

fn id_of(row: &KeyRow) -> CredentialId {
    let ItemId::Credential(id) = row.id else { panic!("not a credential") };
    id
}

fn request(credential: Option<CredentialId>) -> ServiceRequest {
    ServiceRequest {
        name: "billing".to_owned(),
        base_url: "https://api.example.com/v1".to_owned(),
        injection: Injection::Bearer,
        credential,
        allow: vec![rule("GET", "/items/*"), rule("*", "/open/**")],
        callers: Vec::new(),
        timeout_seconds: 60,
        body_max: 1024,
    }
}

fn rule(method: &str, path: &str) -> AllowRule {
    AllowRule { method: method.to_owned(), path: path.to_owned() }
}

fn sigv4() -> Injection {
    Injection::SigV4 { service: "s3".to_owned(), region: "us-east-1".to_owned() }
}

fn field(error: &Error) -> Option<&str> {
    error.field_error().map(|(field, _)| field)
}

#[tokio::test]
async fn a_credential_is_linked_by_those_who_may() {
    use Permission::{ManageApiKeys, ManageCredentials, ManageServices};
    let fixture = Fixture::new().await;
    let general = fixture.general_key("openai").await;
    let (own, other) = (fixture.external_key(0, StorageProvider::Dnanexus).await, fixture.external_key(1, StorageProvider::Dnanexus).await);
    let own_aws = fixture.external_key(0, StorageProvider::Aws).await;
    for (permissions, credential, injection, refusal) in [
        (&[ManageCredentials][..], None, Injection::Bearer, "forbidden"),
        (&[ManageServices], None, Injection::Bearer, ""),
        (&[ManageServices], Some(general), Injection::Bearer, "forbidden"),
        (&[ManageServices, ManageApiKeys], Some(general), Injection::Bearer, "forbidden"),
        (&[ManageServices, ManageCredentials], Some(general), Injection::Bearer, ""),
        (&[ManageServices, ManageCredentials], Some(own), Injection::Bearer, "forbidden"),
        (&[ManageServices, ManageApiKeys], Some(own), Injection::Bearer, ""),
        (&[ManageServices, ManageApiKeys, ManageCredentials], Some(other), Injection::Bearer, "invalid"),
        (&[ManageServices, ManageApiKeys], Some(CredentialId::new()), Injection::Bearer, "invalid"),
        (&[ManageServices, ManageApiKeys], Some(own_aws), sigv4(), ""),
        (&[ManageServices, ManageApiKeys], Some(own_aws), Injection::Bearer, "invalid"),
        (&[ManageServices, ManageApiKeys], Some(own), sigv4(), "invalid"),
        (&[ManageServices, ManageCredentials], Some(general), sigv4(), "invalid"),
    ] {
        let actor = fixture.actor(0, permissions);
        let created = create(&fixture.core, &actor, ServiceRequest { injection, ..request(credential) }).await;
        assert_eq!(created.as_ref().err().map_or("", Error::code), refusal, "{permissions:?} {credential:?}");
        if let Ok(service) = created {
            delete(&fixture.core, &actor, service.id, IfMatch::Unconditional).await.unwrap();
        }
    }
    let key = Actor { scopes: Some(Scopes::of([Scope::GatewayWrite])), ..fixture.owner(0) };
    assert_eq!(create(&fixture.core, &key, request(Some(general))).await.unwrap_err().code(), "insufficient_scope");
    let key = Actor { scopes: Some(Scopes::of([Scope::GatewayWrite, Scope::CredentialsWrite])), ..key };
    assert!(create(&fixture.core, &key, request(Some(general))).await.is_ok());
    let again = create(&fixture.core, &key, request(None)).await.unwrap_err();
    assert_eq!((again.code(), field(&again)), ("conflict", Some("name")));
}

#[tokio::test]
async fn only_credentials_that_can_be_linked_are_offered() {
    use Permission::{ManageApiKeys, ManageCredentials, ManageServices};
    let fixture = Fixture::new().await;
    let general = fixture.general_key("zeta").await;
    let own = fixture.external_key(0, StorageProvider::Aws).await;
    fixture.external_key(1, StorageProvider::Aws).await;
    for (permissions, offered) in [
        (&[ManageServices][..], vec![]),
        (&[ManageServices, ManageCredentials], vec![general]),
        (&[ManageServices, ManageApiKeys], vec![own]),
        (&[ManageServices, ManageApiKeys, ManageCredentials], vec![own, general]),
    ] {
        let list = list(&fixture.core, &fixture.actor(0, permissions)).await.unwrap();
        assert_eq!(list.credentials.iter().map(|credential| credential.id).collect::<Vec<_>>(), offered, "{permissions:?}");
    }
}

#[tokio::test]
async fn a_new_base_url_unlinks_the_credential() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.general_key("one").await, fixture.general_key("two").await);
    let id = fixture.create(request(Some(first))).await.id;
    let moved = |credential| ServiceRequest { base_url: "https://other.example.com".to_owned(), ..request(credential) };
    let same = ServiceRequest { base_url: " https://API.example.com/v1/ ".to_owned(), ..request(Some(first)) };
    assert_eq!(fixture.edit(&fixture.owner(1), id, same).await.unlinked, None, "it is the same URL");
    assert_eq!(fixture.recorded("service.edited").await, 0);
    let updated = fixture.edit(&fixture.owner(0), id, moved(Some(first))).await;
    let unlinked = ServiceLink::Unlinked(UnlinkReason::AddressChanged);
    assert_eq!((updated.unlinked, &updated.service.link), (Some(UnlinkReason::AddressChanged), &unlinked));
    let renamed = ServiceRequest { name: "renamed".to_owned(), ..moved(None) };
    assert_eq!(fixture.edit(&fixture.owner(0), id, renamed).await.service.link, unlinked, "the reason stays");
    let updated = fixture.edit(&fixture.owner(0), id, moved(Some(second))).await;
    assert_eq!((updated.unlinked, updated.service.link.credential()), (None, Some(second)));
    let updated = fixture.edit(&fixture.owner(0), id, request(Some(first))).await;
    assert_eq!((updated.unlinked, updated.service.link.credential()), (None, Some(first)), "another credential is linked to the new URL");
    assert_eq!(fixture.edit(&fixture.owner(0), id, request(None)).await.service.link, ServiceLink::Nothing);
}

#[tokio::test]
async fn only_its_holder_keeps_an_external_key_linked() {
    let fixture = Fixture::new().await;
    let key = fixture.external_key(0, StorageProvider::Dnanexus).await;
    let id = fixture.create(request(Some(key))).await.id;
    let changed = |timeout_seconds| ServiceRequest { timeout_seconds, ..request(Some(key)) };
    assert_eq!(fixture.edit(&fixture.owner(0), id, changed(30)).await.service.link.credential(), Some(key));
    assert_eq!(fixture.edit(&fixture.owner(1), id, changed(30)).await.unlinked, None, "nothing is changed");
    let updated = fixture.edit(&fixture.owner(1), id, changed(10)).await;
    assert_eq!(
        (updated.unlinked, updated.service.link.unlink_reason()),
        (Some(UnlinkReason::ChangedByAnother), Some(UnlinkReason::ChangedByAnother))
    );
    fixture.edit(&fixture.owner(0), id, changed(10)).await;
    members::disable(&fixture.core, &fixture.owner(1), fixture.users[0], Some(fixture.users[1])).await.unwrap();
    let service = get(&fixture.core, &fixture.owner(1), id).await.unwrap();
    assert_eq!(service.link, ServiceLink::Unlinked(UnlinkReason::HolderDisabled));
}

#[tokio::test]
async fn another_injection_needs_the_permission_to_link() {
    let fixture = Fixture::new().await;
    let key = fixture.general_key("one").await;
    let id = fixture.create(request(Some(key))).await.id;
    let manager = fixture.actor(1, &[Permission::ManageServices]);
    let other = ServiceRequest { injection: Injection::Query { name: "key".to_owned() }, ..request(Some(key)) };
    let refused = edit(&fixture.core, &manager, id, other, IfMatch::Unconditional).await;
    assert_eq!(refused.unwrap_err(), Error::forbidden(Permission::ManageCredentials));
    let wider = ServiceRequest { allow: vec![rule("*", "/**")], ..request(Some(key)) };
    assert_eq!(fixture.edit(&manager, id, wider).await.service.link.credential(), Some(key));
}

#[tokio::test]
async fn a_service_that_was_changed_is_not_overwritten() {
    let fixture = Fixture::new().await;
    let before = fixture.create(request(None)).await;
    let if_match = IfMatch::OneOf(vec![etag::of_service(&before)]);
    let changed = |timeout_seconds| ServiceRequest { timeout_seconds, ..request(None) };
    let owner = fixture.owner(0);
    assert!(edit(&fixture.core, &owner, before.id, changed(1), if_match.clone()).await.is_ok());
    assert_eq!(edit(&fixture.core, &owner, before.id, changed(2), if_match.clone()).await, Err(Error::Outdated));
    assert_eq!(delete(&fixture.core, &owner, before.id, if_match).await, Err(Error::Outdated));
    let foreign = Actor { organization: OrganizationId::new(), ..owner };
    assert_eq!(get(&fixture.core, &foreign, before.id).await, Err(Error::NotFound));
    assert_eq!(delete(&fixture.core, &foreign, before.id, IfMatch::Unconditional).await, Err(Error::NotFound));
}

#[tokio::test]
async fn the_gateway_sees_every_change() {
    let fixture = Fixture::new().await;
    let key = fixture.general_key("one").await;
    assert!(fixture.find("billing").await.is_none());
    let id = fixture.create(request(Some(key))).await.id;
    let service = fixture.find("billing").await.unwrap();
    let CallCredential::Usable(usable) = &service.credential else { panic!("the credential is not usable") };
    let Secrets::General { value } = &usable.secrets else { panic!("not a general key") };
    assert_eq!((usable.id, value.expose_secret(), service.base_url.as_str()), (key, "sk-one", "https://api.example.com/v1"));
    assert!(Arc::ptr_eq(&service, &fixture.find("billing").await.unwrap()), "it is in memory");
    fixture.edit(&fixture.owner(0), id, ServiceRequest { timeout_seconds: 7, ..request(Some(key)) }).await;
    assert_eq!(fixture.find("billing").await.unwrap().timeout.as_secs(), 7);
    credentials::delete(&fixture.core, &fixture.owner(0), key, IfMatch::Unconditional).await.unwrap();
    let service = fixture.find("billing").await.unwrap();
    assert!(matches!(service.credential, CallCredential::Unlinked(UnlinkReason::CredentialDeleted)));
    let foreign = fixture.core.service_cache.find(&fixture.core, OrganizationId::new(), "billing").await;
    assert!(foreign.unwrap().is_none() && fixture.find("Billing").await.is_none() && fixture.find("").await.is_none());
    fixture.core.store.set_unavailable(true);
    let lost = fixture.core.service_cache.find(&fixture.core, fixture.organization, "billing").await;
    assert_eq!(lost.err(), Some(Error::Unavailable));
}

#[tokio::test]
async fn only_requests_that_a_rule_names_are_allowed() {
    let fixture = Fixture::new().await;
    fixture.create(request(None)).await;
    let service = fixture.find("billing").await.unwrap();
    for (method, path) in [("GET", "/items/1"), ("GET", "/items/a%20b"), ("DELETE", "/open/a"), ("POST", "/open/a/b")] {
        assert!(service.allows(method, path), "{method} {path}");
    }
    for (method, path) in
        [("POST", "/items/1"), ("get", "/items/1"), ("GET", "/items"), ("GET", "/items/1/2"), ("GET", "/Items/1"), ("GET", "/"), ("GET", "/opena")]
    {
        assert!(!service.allows(method, path), "{method} {path}");
    }
}

#[tokio::test]
async fn an_echoed_credential_is_audited_once_a_minute() {
    let fixture = Fixture::new().await;
    fixture.create(request(None)).await;
    let service = fixture.find("billing").await.unwrap();
    let request = CreateKeyRequest::with_name(Kind::Key(KeyKind::Agent), "robot".to_owned());
    let created = keys::create(&fixture.core, &fixture.owner(0), request).await.unwrap();
    let key = fixture.core.verifier.find(created.secret.reveal()).await.unwrap().unwrap();
    for _ in 0..2 {
        record_echo(&fixture.core, &service, &key, 3).await;
    }
    assert_eq!(fixture.recorded("service.secret_echoed").await, 1);
}
