//! Fixtures: two organizations, users of every role in the first one, and objects to call routes with.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
};

use latchkey_core::{
    accounts::{self, NewAccount},
    auth::session::{self, Device},
    call_bodies::LoggedCall,
    keys, project_keys,
};
use latchkey_store::{self as store, users::UserRow};
use latchkey_types::{
    id::{AccessRequestId, ImportId, KeyId, RequestId, SampleId, UserId},
    key::{CreateKeyRequest, RequestedExpiry},
    key_kind::{KIND_SPECS, KeyKind, Kind},
    permission::{Permission, Permissions, Scope},
    time::Timestamp,
};
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::AnyPool;
use tokio::sync::Mutex;

use super::examples::{DOCUMENT, new_aws_key, new_project, new_provider, new_service_request, new_upstream};
use crate::support::{
    BrowserClient, PASSWORD, TestServer,
    projects::{insert_issued_key, insert_template},
    text,
};

pub struct TestUser {
    /// For assertion messages.
    pub description: String,
    pub email: String,
    pub permissions: Permissions,
}

/// The object that a route is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    None,
    /// An opened list of keys of the caller.
    Listing,
    /// An agent key.
    Key,
    /// A corpus with a document and an upstream.
    Corpus,
    /// A general key.
    General,
    /// An external key of the caller.
    External,
    Provider,
    Model,
    Alias,
    /// A service without a credential.
    Service,
    /// A call of a model whose bodies are stored.
    CallBodies,
    /// The receipt of a deleted key.
    Receipt,
    /// A member with the role without permissions, so that the role hierarchy never rejects the call.
    Member,
    /// A role without permissions.
    Role,
    /// An invitation with the role without permissions.
    Invitation,
    /// A session of the caller.
    Session,
    /// A project of which the caller is a member, with the same role as in the organization.
    Project,
    /// A project key of the caller that is not yet revealed.
    IssuedKey,
    /// A template of such a project, with the role without permissions.
    Template,
    /// A field of such a template.
    Field,
    /// An access request of another user for such a template.
    Request,
    /// An access request of the caller.
    OwnRequest,
    /// Such a project and a user who is not a member of it: two ids separated by a space.
    NonMember,
    /// Such a project and a member with the role without permissions.
    ProjectMember,
    /// Such a project and the number of one of its nodes.
    Node,
    /// Such a project and one of its secrets.
    ProjectSecret,
    /// Such a project and the name of one of its secrets.
    SecretName,
    /// Such a project and one of its samples, which is empty.
    Sample,
    /// Such a project and a running import of local files that the caller began: the first one waits and has one byte, the second one failed.
    Import,
    /// Such a project and a key of the caller in another project.
    UserKey,
    /// Such a project, a revealed key of the caller in another project, and its token.
    RevealedKey,
    /// The token of an invitation.
    Token,
    /// The token of the set-up link, which is invalid after set-up.
    InvalidToken,
}

impl Object {
    /// An id of this type that does not exist.
    pub const fn unknown_id(self) -> Option<&'static str> {
        Some(match self {
            Self::None => return None,
            Self::Listing => "0",
            Self::Key | Self::IssuedKey => "key_00000000000070008000000000000000",
            Self::Corpus => "999999",
            Self::General | Self::External => "crd_00000000000070008000000000000000",
            Self::Provider => "prv_00000000000070008000000000000000",
            Self::Model => "mdl_00000000000070008000000000000000",
            Self::Alias => "als_00000000000070008000000000000000",
            Self::Service => "svc_00000000000070008000000000000000",
            Self::CallBodies => "req_00000000000070008000000000000000",
            Self::Receipt => "rcp_00000000000070008000000000000000",
            Self::Member => "usr_00000000000070008000000000000000",
            Self::Role => "rol_00000000000070008000000000000000",
            Self::Invitation => "inv_00000000000070008000000000000000",
            Self::Session => "ses_00000000000070008000000000000000",
            Self::Project => "prj_00000000000070008000000000000000",
            Self::Template => "tpl_00000000000070008000000000000000",
            Self::Field => "fld_00000000000070008000000000000000",
            Self::Request | Self::OwnRequest => "ask_00000000000070008000000000000000",
            Self::NonMember | Self::ProjectMember => "prj_00000000000070008000000000000000 usr_00000000000070008000000000000000",
            Self::Node => "prj_00000000000070008000000000000000 1",
            Self::ProjectSecret => "prj_00000000000070008000000000000000 sec_00000000000070008000000000000000",
            Self::SecretName => "prj_00000000000070008000000000000000 token",
            Self::Sample => "prj_00000000000070008000000000000000 smp_00000000000070008000000000000000",
            Self::Import => "prj_00000000000070008000000000000000 imp_00000000000070008000000000000000",
            Self::UserKey => "prj_00000000000070008000000000000000 key_00000000000070008000000000000000",
            Self::RevealedKey => "prj_00000000000070008000000000000000 key_00000000000070008000000000000000 token",
            Self::Token | Self::InvalidToken => "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        })
    }
}

pub struct Fixtures {
    pub server: TestServer,
    /// Users of the first organization: the four default roles from the owner down, one user per permission, and one without permissions.
    pub users: Vec<TestUser>,
    /// The owner of the other organization.
    pub other_owner: TestUser,
    database: AnyPool,
    /// The id of a role without permissions.
    unprivileged_role: String,
    /// The id of a model that is never changed.
    target_model: String,
    count: AtomicU32,
    /// Internal keys by e-mail address and excluded scope.
    keys: Mutex<HashMap<(String, Option<&'static str>), String>>,
}

impl Fixtures {
    pub async fn create() -> Self {
        let server = TestServer::start().await;
        let owner = server.user("owner", "acme").await;
        server.user("owner", "globex").await;
        let database = server.database().await;
        let test_user =
            |description: &str, email: &str, permissions| TestUser { description: description.to_owned(), email: email.to_owned(), permissions };
        let (_, roles) = owner.call("roles/list", json!({})).await;
        let mut users = vec![];
        for role in ["owner", "admin", "member", "viewer"] {
            if role != "owner" {
                server.user(role, "acme").await;
            }
            let role_row = roles.as_array().unwrap().iter().find(|row| row["name"] == role).unwrap();
            let permissions = serde_json::from_value(role_row["permissions"].clone()).unwrap();
            users.push(test_user(role, &format!("{role}@acme.test"), permissions));
        }
        let other_owner = test_user("the owner of another organization", "owner@globex.test", Permissions::of(Permission::ALL));
        let mut fixtures = Self {
            server,
            users,
            other_owner,
            database,
            unprivileged_role: String::new(),
            target_model: String::new(),
            count: AtomicU32::new(0),
            keys: Mutex::default(),
        };
        fixtures.unprivileged_role = fixtures.create_role(&[]).await;
        fixtures.target_model = fixtures.create_model().await;
        let single = Permission::ALL.iter().map(std::slice::from_ref);
        for permissions in single.chain([&[][..]]) {
            let role = fixtures.create_role(permissions).await;
            let email = fixtures.create_account(&role).await;
            let description = permissions
                .first()
                .map_or("a role without permissions".to_owned(), |permission| format!("a role with only “{}”", permission.label()));
            fixtures.users.push(test_user(&description, &email, Permissions::of(permissions)));
        }
        fixtures
    }

    /// A name that was not used before.
    pub fn unique_name(&self) -> String {
        format!("n{}", self.count.fetch_add(1, Ordering::Relaxed))
    }

    pub fn unprivileged_role(&self) -> &str {
        &self.unprivileged_role
    }

    /// The targets of an alias.
    pub fn targets(&self) -> Value {
        json!([{ "model": self.target_model, "priority": 1, "weight": 1 }])
    }

    pub async fn create_role(&self, permissions: &[Permission]) -> String {
        let names: Vec<_> = permissions.iter().map(|permission| permission.as_str()).collect();
        self.call_as_owner("roles/create", json!({ "name": self.unique_name(), "permissions": names })).await["id"].as_str().unwrap().to_owned()
    }

    /// Creates a user who can sign in. Returns the e-mail address.
    async fn create_account(&self, role: &str) -> String {
        let email = format!("{}@acme.test", self.unique_name());
        let account = NewAccount { organization: "acme".to_owned(), name: self.unique_name(), email: email.clone(), password: PASSWORD.into() };
        accounts::create_user(&self.server.state, account, "viewer").await.unwrap();
        sqlx::query("update users set role_id = $1 where email = $2").bind(role).bind(&email).execute(&self.database).await.unwrap();
        email
    }

    /// Calls a server function as the owner of the first organization.
    pub async fn call_as_owner(&self, function: &str, arguments: Value) -> Value {
        // With a new session, because an earlier call may have deleted all sessions.
        let (status, response) = self.session(&self.users[0]).await.call(function, arguments).await;
        assert_eq!(status, StatusCode::OK, "{function}: {response}");
        response
    }

    async fn select_id(&self, sql: &'static str, value: &str) -> String {
        sqlx::query_scalar(sql).bind(value).fetch_one(&self.database).await.unwrap()
    }

    /// Creates an object in the first organization that this user can access. Returns its id.
    pub async fn create_object(&self, object: Object, user: &TestUser) -> String {
        match object {
            Object::None | Object::InvalidToken => String::new(),
            Object::Listing => self.open_list(user).await,
            Object::Key => {
                let created = self.call_as_owner("keys/create", json!({ "request": { "kind": "agent", "name": self.unique_name() } })).await;
                text(&created["key"]["id"])
            }
            Object::Corpus => self.create_corpus().await,
            Object::General => {
                let created = self.call_as_owner("credentials/create-general", json!({ "name": self.unique_name(), "value": "sk-0123456789" })).await;
                text(&created["id"])
            }
            Object::External => {
                let id = text(&self.call_as_owner("credentials/create-external", json!({ "request": new_aws_key() })).await["id"]);
                // The owner can add another one afterwards.
                let sql = "update credentials set unique_name = id, created_by = (select id from users where email = $1) where id = $2";
                sqlx::query(sql).bind(&user.email).bind(&id).execute(&self.database).await.unwrap();
                id
            }
            Object::Provider => self.create_provider().await,
            Object::Model => self.create_model().await,
            Object::Alias => {
                let arguments = json!({ "request": { "name": self.unique_name(), "targets": self.targets() } });
                text(&self.call_as_owner("providers/create-alias", arguments).await["id"])
            }
            Object::Service => {
                let arguments = json!({ "request": new_service_request(self) });
                text(&self.call_as_owner("services/create", arguments).await["id"])
            }
            Object::CallBodies => self.log_bodies().await,
            Object::Receipt => self.create_receipt().await,
            Object::Member => self.create_member().await,
            Object::Role => self.create_role(&[]).await,
            Object::Invitation => {
                let email = format!("{}@acme.test", self.unique_name());
                self.call_as_owner("invitations/create", json!({ "email": email, "role": self.unprivileged_role })).await;
                self.select_id("select id from invitations where email = $1", &email).await
            }
            Object::Session => {
                self.session(user).await;
                let sql = "select s.id from sessions s join users u on u.id = s.user_id where u.email = $1 order by s.id desc limit 1";
                self.select_id(sql, &user.email).await
            }
            Object::Project => self.create_project(user).await,
            Object::IssuedKey => self.create_issued_key(user).await.to_string(),
            Object::Template => self.create_template(user).await,
            Object::Field => {
                let template = self.create_template(user).await;
                text(&self.call_as_owner("templates/add-field", json!({ "template": template })).await["id"])
            }
            Object::Request => self.create_request(user, &self.users[0].email).await,
            Object::OwnRequest => self.create_request(user, &user.email).await,
            Object::NonMember => format!("{} {}", self.create_project(user).await, self.create_member().await),
            Object::ProjectMember
            | Object::Node
            | Object::ProjectSecret
            | Object::SecretName
            | Object::Sample
            | Object::Import
            | Object::UserKey
            | Object::RevealedKey => {
                let project = self.create_project(user).await;
                let part = self.create_part(object, &project, user).await;
                format!("{project} {part}")
            }
            Object::Token => {
                let email = format!("{}@acme.test", self.unique_name());
                let created = self.call_as_owner("invitations/create", json!({ "email": email, "role": self.unprivileged_role })).await;
                text(&created["link"]).split_once('#').unwrap().1.to_owned()
            }
        }
    }

    async fn create_corpus(&self) -> String {
        let id = self.call_as_owner("corpora/create", json!({ "name": self.unique_name() })).await["id"].clone();
        self.call_as_owner("corpora/upload", json!({ "id": id, "name": DOCUMENT, "content": "About cats." })).await;
        self.call_as_owner("corpora/set-upstream", json!({ "id": id, "request": new_upstream() })).await;
        id.to_string()
    }

    /// A project with this user as a member, with the role that the user has in the organization.
    pub async fn create_project(&self, user: &TestUser) -> String {
        let id = text(&self.call_as_owner("projects/create", json!({ "request": new_project(self) })).await["id"]);
        let sql = "insert into project_members (project_id, user_id, role_id, added_by, added_at) select $1, u.id, m.role_id, m.user_id, 0 \
             from users u join project_members m on m.project_id = $1 where u.email = $2 and u.id <> m.user_id";
        sqlx::query(sql).bind(&id).bind(&user.email).execute(&self.database).await.unwrap();
        id
    }

    /// A template of such a project, no draft. Its role has no permissions, so that every user who can manage the project can grant it.
    async fn create_template(&self, user: &TestUser) -> String {
        let id = text(&self.call_as_owner("templates/create", json!({ "project": self.create_project(user).await })).await["id"]);
        sqlx::query("update key_templates set role_id = $1, draft_since = null where id = $2")
            .bind(&self.unprivileged_role)
            .bind(&id)
            .execute(&self.database)
            .await
            .unwrap();
        id
    }

    /// An access request for such a template, from the user with this e-mail address.
    async fn create_request(&self, user: &TestUser, requester: &str) -> String {
        let (id, template) = (AccessRequestId::new().to_string(), self.create_template(user).await);
        let sql = "insert into access_requests (id, project_id, template_id, user_id, open_by, requested_at, state) \
             select $1, t.project_id, t.id, u.id, u.id, 0, 'open' from key_templates t, users u where t.id = $2 and u.email = $3";
        sqlx::query(sql).bind(&id).bind(template).bind(requester).execute(&self.database).await.unwrap();
        id
    }

    /// The second object of objects with two ids.
    async fn create_part(&self, object: Object, project: &str, user: &TestUser) -> String {
        match object {
            Object::ProjectMember => {
                let user = self.create_member().await;
                self.call_as_owner("projects/add-member", json!({ "id": project, "user": user, "role": self.unprivileged_role })).await;
                user
            }
            Object::Node => self.call_as_owner("projects/create-node", json!({ "id": project, "name": self.unique_name() })).await["id"].to_string(),
            Object::Sample => self.insert_sample(project, user).await,
            Object::Import => self.insert_import(project, user).await,
            Object::UserKey => self.create_issued_key(user).await.to_string(),
            Object::RevealedKey => {
                let key = self.create_issued_key(user).await;
                let holder = accounts::console_actor(&self.row(user).await);
                // A role that cannot see the project has no token to reveal.
                let token = project_keys::reveal(&self.server.state, &holder, key).await.ok();
                format!("{key} {}", token.as_ref().map_or("unknown", |token| token.reveal()))
            }
            _ => {
                let created = self.call_as_owner("projects/create-secret", json!({ "id": project, "name": self.unique_name(), "value": "a" })).await;
                text(&created[if object == Object::SecretName { "name" } else { "id" }])
            }
        }
    }

    /// An empty sample of a project. Returns the id.
    async fn insert_sample(&self, project: &str, user: &TestUser) -> String {
        let id = SampleId::new().to_string();
        let sql = "insert into samples (id, organization_id, project_id, name, name_folded, batch, batch_folded, source, size, sha256, imported_by, \
             imported_at) select $1, organization_id, $2, 'a', 'a', 'b', 'b', 'local', 0, $3, id, 0 from users where email = $4";
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        sqlx::query(sql).bind(&id).bind(project).bind(empty).bind(&user.email).execute(&self.database).await.unwrap();
        id
    }

    /// A running import of local files. Returns the id.
    async fn insert_import(&self, project: &str, user: &TestUser) -> String {
        let id = ImportId::new().to_string();
        let sql = "insert into import_jobs (id, organization_id, project_id, source, container, prefix, pattern, mode, batch, state, created_by, \
             created_at, used_at) select $1, organization_id, $2, 'local', '', '', '', 'single', 'b', 'running', id, 0, $3 from users \
             where email = $4";
        let now = Timestamp::now().0;
        sqlx::query(sql).bind(&id).bind(project).bind(now).bind(&user.email).execute(&self.database).await.unwrap();
        for (position, state, error) in [(0_i64, "waiting", ""), (1, "failed", "The disk is full.")] {
            let sql = "insert into import_files (job_id, position, name, location, etag, size, copied, state, error, sample_id) \
                 values ($1, $2, 'a', '', '', 1, 0, $3, $4, $5)";
            let query = sqlx::query(sql).bind(&id).bind(position).bind(state).bind(error).bind(SampleId::new().to_string());
            query.execute(&self.database).await.unwrap();
        }
        id
    }

    /// A member of the first organization with the role without permissions. Returns the id.
    async fn create_member(&self) -> String {
        // Without a password, because hashing one is slow.
        let (id, name) = (UserId::new().to_string(), self.unique_name());
        let sql = "insert into users (id, organization_id, role_id, name, name_folded, email, email_folded, password_hash, created_at) \
             select $1, organization_id, id, $2, $2, $2, $2, '', 0 from roles where id = $3";
        sqlx::query(sql).bind(&id).bind(&name).bind(&self.unprivileged_role).execute(&self.database).await.unwrap();
        id
    }

    /// Logs the bodies of a call of the first organization. Returns the call's id.
    async fn log_bodies(&self) -> String {
        let organization = self.row(&self.users[0]).await.organization_id;
        let call = LoggedCall { organization, id: RequestId::new(), at: Timestamp::now(), key_name: "build".to_owned(), model: "gpt".to_owned() };
        let id = call.id.to_string();
        assert!(self.server.state.body_log.capture(b"{}").record(call));
        self.server.state.body_log.flush().await;
        id
    }

    async fn create_provider(&self) -> String {
        text(&self.call_as_owner("providers/create", json!({ "request": new_provider(self) })).await["id"])
    }

    async fn create_model(&self) -> String {
        let arguments = json!({ "provider": self.create_provider().await, "request": { "name": self.unique_name() } });
        text(&self.call_as_owner("providers/create-model", arguments).await["id"])
    }

    /// The receipt of a deleted key. Returns the id.
    async fn create_receipt(&self) -> String {
        let created = self.call_as_owner("keys/create", json!({ "request": { "kind": "agent", "name": self.unique_name() } })).await;
        let deleted = self.call_as_owner("keys/bulk", json!({ "action": "delete", "ids": [created["key"]["id"]] })).await;
        text(&deleted["receipt"]["id"])
    }

    async fn create_issued_key(&self, user: &TestUser) -> KeyId {
        let template = insert_template(&self.server, &self.create_project(user).await, &self.unique_name(), "viewer", 0).await;
        insert_issued_key(&self.server, template, &user.email, None).await
    }

    /// Opens a list of a kind that the user may view; the id of none if there is no such kind.
    async fn open_list(&self, user: &TestUser) -> String {
        let Some(spec) = KIND_SPECS.iter().find(|spec| spec.is_listed() && user.permissions.has(spec.view)) else { return "0".to_owned() };
        let query = json!({ "kind": spec.name, "search": "", "sort": { "column": "name", "descending": false } });
        text(&self.session(user).await.call("keys/open", json!({ "query": query })).await.1["listing"])
    }

    async fn row(&self, user: &TestUser) -> UserRow {
        store::users::find_user_by_email(&self.server.state.store, &user.email).await.unwrap().unwrap()
    }

    /// A client with a new session of this user.
    pub async fn session(&self, user: &TestUser) -> BrowserClient {
        let user = self.row(user).await;
        let mut tx = self.server.state.store.begin().await.unwrap();
        let token = session::create(&mut tx, &self.server.state.pepper, user.id, &user.password_hash, &Device::default()).await.unwrap();
        tx.commit().await.unwrap();
        let header = session::set_cookie(&token, false);
        let cookie = header.expose_secret().split(';').next().unwrap().to_owned();
        BrowserClient { cookie: Some(cookie), ..self.server.visitor() }
    }

    /// An internal key of this user with all scopes except `excluded`. Created once and reused.
    pub async fn internal_key(&self, user: &TestUser, excluded: Option<Scope>) -> String {
        let mut keys = self.keys.lock().await;
        let cache_key = (user.email.clone(), excluded.map(Scope::as_str));
        if let Some(key) = keys.get(&cache_key) {
            return key.clone();
        }
        let scopes = Scope::ALL.iter().copied().filter(|scope| Some(*scope) != excluded);
        let mut request = CreateKeyRequest::with_name(Kind::Key(KeyKind::Internal), "matrix".to_owned());
        request.expiry = RequestedExpiry::Days(30);
        request.scopes = Some(scopes.map(|scope| scope.as_str().to_owned()).collect());
        let created = keys::create(&self.server.state, &accounts::console_actor(&self.row(user).await), request).await.unwrap();
        keys.entry(cache_key).or_insert(created.secret.reveal().to_owned()).clone()
    }
}
