//! Two organizations, and people of every role in the first.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
};

use latchkey_core::{
    accounts::{self, NewAccount},
    auth::session::{self, Device},
    keys,
};
use latchkey_store as store;
use latchkey_types::{
    id::{KeyRequestId, UserId},
    key::{Ends, WantedKey},
    key_kind::{KeyKind, Kind},
    permission::{Permission, Permissions, Scope},
};
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::AnyPool;
use tokio::sync::Mutex;

use super::examples::{provider, wanted_project};
use crate::support::{
    PASSWORD, Page, TestServer,
    projects::{issued, template},
    text,
};

/// Somebody who calls.
pub struct Person {
    /// Their role, in words.
    pub who: String,
    /// What they sign in with.
    pub email: String,
    /// What they may do.
    pub permissions: Permissions,
}

/// What an example is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// Nothing that has an id.
    None,
    /// An agent key.
    Key,
    /// A corpus.
    Corpus,
    /// A general key.
    General,
    /// A provider.
    Provider,
    /// A model.
    Model,
    /// A member whose role permits nothing, so that nothing but the permission decides.
    Member,
    /// Such a role.
    Role,
    /// An invitation to such a role.
    Invitation,
    /// A session of the caller's own.
    Session,
    /// A project of which the caller is a member, with a role that holds all that counts there.
    Project,
    /// A key of a project that is the caller's and was not revealed yet.
    IssuedKey,
    /// A template of such a project, whose role permits nothing.
    Template,
    /// A field of such a template.
    Field,
    /// Somebody's request for a key by such a template.
    Request,
    /// The caller's own.
    OwnRequest,
    /// Such a project, and a member of the organization who is not in it: two ids with a blank between.
    Addable,
    /// Such a project, and a member of it whose role there permits nothing.
    ProjectMember,
    /// Such a project, and the number of a node of it.
    Node,
    /// Such a project, and a secret of it.
    ProjectSecret,
    /// Such a project, and the name of a secret of it.
    SecretName,
    /// Such a project, and a key of another that the caller holds.
    HeldKey,
    /// The token of an invitation.
    Token,
    /// The token of the set-up link, which is good for nothing once somebody is there.
    SpentToken,
}

impl Object {
    /// An id of the kind that is nobody's.
    pub const fn made_up(self) -> Option<&'static str> {
        Some(match self {
            Self::None => return None,
            Self::Key | Self::IssuedKey => "key_00000000000070008000000000000000",
            Self::Corpus => "999999",
            Self::General => "crd_00000000000070008000000000000000",
            Self::Provider => "prv_00000000000070008000000000000000",
            Self::Model => "mdl_00000000000070008000000000000000",
            Self::Member => "usr_00000000000070008000000000000000",
            Self::Role => "rol_00000000000070008000000000000000",
            Self::Invitation => "inv_00000000000070008000000000000000",
            Self::Session => "ses_00000000000070008000000000000000",
            Self::Project => "prj_00000000000070008000000000000000",
            Self::Template => "tpl_00000000000070008000000000000000",
            Self::Field => "fld_00000000000070008000000000000000",
            Self::Request | Self::OwnRequest => "ask_00000000000070008000000000000000",
            Self::Addable | Self::ProjectMember => "prj_00000000000070008000000000000000 usr_00000000000070008000000000000000",
            Self::Node => "prj_00000000000070008000000000000000 1",
            Self::ProjectSecret => "prj_00000000000070008000000000000000 sec_00000000000070008000000000000000",
            Self::SecretName => "prj_00000000000070008000000000000000 token",
            Self::HeldKey => "prj_00000000000070008000000000000000 key_00000000000070008000000000000000",
            Self::Token | Self::SpentToken => "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        })
    }
}

/// The two organizations.
pub struct World {
    pub server: TestServer,
    /// Everybody of the first organization, from the owner down to those with one permission each, and one with none.
    pub people: Vec<Person>,
    /// The owner of the other one.
    pub foreigner: Person,
    database: AnyPool,
    powerless: String,
    count: AtomicU32,
    keys: Mutex<HashMap<(String, Option<&'static str>), String>>,
}

impl World {
    pub async fn make() -> Self {
        let server = TestServer::start().await;
        let owner = server.user("owner", "acme").await;
        server.user("owner", "globex").await;
        let database = server.database().await;
        let person = |who: &str, email: &str, permissions| Person { who: who.to_owned(), email: email.to_owned(), permissions };
        let (_, roles) = owner.call("roles/list", json!({})).await;
        let mut people = vec![];
        for role in ["owner", "admin", "member", "viewer"] {
            if role != "owner" {
                server.user(role, "acme").await;
            }
            let listed = roles.as_array().unwrap().iter().find(|listed| listed["name"] == role).unwrap();
            let permissions = serde_json::from_value(listed["permissions"].clone()).unwrap();
            people.push(person(role, &format!("{role}@acme.test"), permissions));
        }
        let foreigner = person("the owner of another organization", "owner@globex.test", Permissions::of(Permission::ALL));
        let mut world = Self { server, people, foreigner, database, powerless: String::new(), count: AtomicU32::new(0), keys: Mutex::default() };
        world.powerless = world.role(&[]).await;
        let single = Permission::ALL.iter().map(std::slice::from_ref);
        for permissions in single.chain([&[][..]]) {
            let role = world.role(permissions).await;
            let email = world.new_member(&role).await;
            let who = permissions.first().map_or("a role without permissions".to_owned(), |one| format!("a role with “{}” alone", one.label()));
            world.people.push(person(&who, &email, Permissions::of(permissions)));
        }
        world
    }

    /// A word that was not used yet.
    pub fn unused(&self) -> String {
        format!("n{}", self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// The role that permits nothing.
    pub fn powerless(&self) -> &str {
        &self.powerless
    }

    async fn role(&self, permissions: &[Permission]) -> String {
        let words: Vec<_> = permissions.iter().map(|permission| permission.word()).collect();
        self.done("roles/create", json!({ "name": self.unused(), "permissions": words })).await["id"].as_str().unwrap().to_owned()
    }

    async fn new_member(&self, role: &str) -> String {
        let email = format!("{}@acme.test", self.unused());
        let account = NewAccount { organization: "acme".to_owned(), name: self.unused(), email: email.clone(), password: PASSWORD.into() };
        accounts::create_user(&self.server.state, account, "viewer").await.unwrap();
        sqlx::query("update users set role_id = $1 where email = $2").bind(role).bind(&email).execute(&self.database).await.unwrap();
        email
    }

    /// What the owner of the first organization is answered.
    async fn done(&self, function: &str, arguments: Value) -> Value {
        // Signed in anew: calls may have ended every session before.
        let (status, answer) = self.session(&self.people[0]).await.call(function, arguments).await;
        assert_eq!(status, StatusCode::OK, "{function}: {answer}");
        answer
    }

    async fn id_of(&self, sql: &'static str, value: &str) -> String {
        sqlx::query_scalar(sql).bind(value).fetch_one(&self.database).await.unwrap()
    }

    /// A new object of the first organization. Answers its id; for a session one of this person's.
    pub async fn object(&self, object: Object, person: &Person) -> String {
        match object {
            Object::None | Object::SpentToken => String::new(),
            Object::Key => {
                let made = self.done("keys/create", json!({ "wanted": { "kind": "agent", "name": self.unused() } })).await;
                text(&made["key"]["id"])
            }
            Object::Corpus => self.done("corpora/create", json!({ "name": self.unused() })).await["id"].to_string(),
            Object::General => {
                let made = self.done("credentials/create-general", json!({ "name": self.unused(), "value": "sk-0123456789" })).await;
                text(&made["id"])
            }
            Object::Provider => self.provider().await,
            Object::Model => {
                let wanted = json!({ "provider": self.provider().await, "wanted": { "name": self.unused() } });
                text(&self.done("providers/create-model", wanted).await["id"])
            }
            Object::Member => self.member().await,
            Object::Role => self.role(&[]).await,
            Object::Invitation => {
                let email = format!("{}@acme.test", self.unused());
                self.done("invitations/create", json!({ "email": email, "role": self.powerless })).await;
                self.id_of("select id from invitations where email = $1", &email).await
            }
            Object::Session => {
                self.session(person).await;
                let sql = "select s.id from sessions s join users u on u.id = s.user_id where u.email = $1 order by s.id desc limit 1";
                self.id_of(sql, &person.email).await
            }
            Object::Project => self.project(person).await,
            Object::IssuedKey => {
                let template = template(&self.server, &self.project(person).await, &self.unused(), "viewer", 0).await;
                issued(&self.server, template, &person.email, None).await.to_string()
            }
            Object::Template => self.template(person).await,
            Object::Field => {
                let template = self.template(person).await;
                text(&self.done("templates/add-field", json!({ "template": template })).await["id"])
            }
            Object::Request => self.request(person, &self.people[0].email).await,
            Object::OwnRequest => self.request(person, &person.email).await,
            Object::Addable => format!("{} {}", self.project(person).await, self.member().await),
            Object::ProjectMember | Object::Node | Object::ProjectSecret | Object::SecretName | Object::HeldKey => {
                let project = self.project(person).await;
                let part = self.part_of(object, &project, person).await;
                format!("{project} {part}")
            }
            Object::Token => {
                let email = format!("{}@acme.test", self.unused());
                let made = self.done("invitations/create", json!({ "email": email, "role": self.powerless })).await;
                text(&made["link"]).split_once('#').unwrap().1.to_owned()
            }
        }
    }

    /// A project of the first organization that this person belongs to: as its owner does, so that their role in the organization decides.
    pub async fn project(&self, person: &Person) -> String {
        let id = text(&self.done("projects/create", json!({ "wanted": wanted_project(self) })).await["id"]);
        let sql = "insert into project_members (project_id, user_id, role_id, added_by, added_at) select $1, u.id, m.role_id, m.user_id, 0 \
             from users u join project_members m on m.project_id = $1 where u.email = $2 and u.id <> m.user_id";
        sqlx::query(sql).bind(&id).bind(&person.email).execute(&self.database).await.unwrap();
        id
    }

    /// A template of such a project. Its role permits nothing, so that whoever manages the project may give it.
    async fn template(&self, person: &Person) -> String {
        let id = text(&self.done("templates/create", json!({ "project": self.project(person).await })).await["id"]);
        sqlx::query("update templates set role_id = $1 where id = $2").bind(&self.powerless).bind(&id).execute(&self.database).await.unwrap();
        id
    }

    /// A request by such a template, of the user with this address.
    async fn request(&self, person: &Person, asker: &str) -> String {
        let (id, template) = (KeyRequestId::new().to_string(), self.template(person).await);
        let sql = "insert into key_requests (id, project_id, template_id, user_id, open_by, requested_at, state) \
             select $1, t.project_id, t.id, u.id, u.id, 0, 'open' from templates t, users u where t.id = $2 and u.email = $3";
        sqlx::query(sql).bind(&id).bind(template).bind(asker).execute(&self.database).await.unwrap();
        id
    }

    /// Something that belongs to a project, or goes into it.
    async fn part_of(&self, object: Object, project: &str, person: &Person) -> String {
        match object {
            Object::ProjectMember => {
                let user = self.member().await;
                self.done("projects/add-member", json!({ "id": project, "user": user, "role": self.powerless })).await;
                user
            }
            Object::Node => self.done("projects/create-node", json!({ "id": project, "name": self.unused() })).await["id"].to_string(),
            Object::HeldKey => {
                let template = template(&self.server, &self.project(person).await, &self.unused(), "viewer", 0).await;
                issued(&self.server, template, &person.email, None).await.to_string()
            }
            _ => {
                let made = self.done("projects/create-secret", json!({ "id": project, "name": self.unused(), "value": "a" })).await;
                text(&made[if object == Object::SecretName { "name" } else { "id" }])
            }
        }
    }

    /// A new member of the first organization, whose role permits nothing.
    async fn member(&self) -> String {
        // With no password: a hash takes its time.
        let (id, name) = (UserId::new().to_string(), self.unused());
        let sql = "insert into users (id, organization_id, role_id, name, name_folded, email, email_folded, password_hash, created_at) \
             select $1, organization_id, id, $2, $2, $2, $2, '', 0 from roles where id = $3";
        sqlx::query(sql).bind(&id).bind(&name).bind(&self.powerless).execute(&self.database).await.unwrap();
        id
    }

    async fn provider(&self) -> String {
        text(&self.done("providers/create", json!({ "wanted": provider(self) })).await["id"])
    }

    /// The page, with a new session of this person's.
    pub async fn session(&self, person: &Person) -> Page {
        let user: UserId = self.id_of("select id from users where email = $1", &person.email).await.parse().unwrap();
        let begun = self.server.state.store.write(move |tx| Box::pin(async move { session::begin(tx, user, &Device::default()).await })).await;
        let line = session::set_cookie(&begun.unwrap(), false);
        let cookie = line.expose_secret().split(';').next().unwrap().to_owned();
        Page { cookie: Some(cookie), ..self.server.visitor() }
    }

    /// A platform key that acts for this person, with every scope but that one. Made once.
    pub async fn platform_key(&self, person: &Person, lacks: Option<Scope>) -> String {
        let mut keys = self.keys.lock().await;
        let place = (person.email.clone(), lacks.map(Scope::word));
        if let Some(key) = keys.get(&place) {
            return key.clone();
        }
        let scopes = Scope::ALL.iter().copied().filter(|scope| Some(*scope) != lacks);
        let row = store::users::user_by_email(&self.server.state.store, &person.email).await.unwrap().unwrap();
        let mut wanted = WantedKey::named(Kind::Key(KeyKind::Platform), "matrix".to_owned());
        wanted.ends = Ends::Days(30);
        wanted.scopes = Some(scopes.map(|scope| scope.word().to_owned()).collect());
        let made = keys::create(&self.server.state, &accounts::console(&row).unwrap(), wanted).await.unwrap();
        keys.entry(place).or_insert(made.secret.reveal().to_owned()).clone()
    }
}
