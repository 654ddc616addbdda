//! The rules for API keys of every kind. What differs between kinds is in the policy table.

use std::{collections::HashMap, sync::Arc};

use super::{
    actor::Actor,
    audit::Event,
    listing::{Listing, View},
    state::AppState,
    store::{
        self,
        keys::{KeyRecord, Selection},
    },
    token::PlainKey,
};
use crate::model::{
    fault::Fault,
    id::{KeyId, UserId},
    key::{ItemId, KeyRow},
    listing::{KeyQuery, ListedRow, OpenedListing, ROWS_MAX},
    permission::{Permission, Scope},
    policy::{Editable, Expiry, KeyKind, Kind, Lifecycle, POLICIES},
    secret::RevealedSecret,
    text,
    time::Timestamp,
};

/// The longest duration that can be chosen, in days: ten years.
pub const DURATION_MAX_DAYS: i64 = 3650;

/// A key that somebody asks for.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its kind.
    pub kind: KeyKind,
    /// Its name.
    pub name: String,
    /// After how many days it ends, for kinds that let one choose.
    pub duration_days: Option<i64>,
    /// What it may be used for, for kinds that have scopes.
    pub scopes: Option<Vec<String>>,
}

impl NewKey {
    /// A key of which only the name is chosen.
    pub const fn named(kind: KeyKind, name: String) -> Self {
        Self { kind, name, duration_days: None, scopes: None }
    }
}

/// A key with all that the API tells of it.
#[derive(Debug)]
pub struct KeyDetails {
    /// What lists show.
    pub row: KeyRow,
    /// Its id.
    pub id: KeyId,
    /// Its kind.
    pub kind: KeyKind,
    /// Who made it.
    pub created_by: UserId,
    /// What it may be used for.
    pub scopes: Vec<String>,
}

impl KeyRecord {
    /// The moments that decide what it is.
    pub fn lifecycle(&self) -> Lifecycle {
        Lifecycle {
            expires_at: self.expires_at.map(Timestamp),
            disabled_at: self.disabled_at.map(Timestamp),
            revoked_at: self.revoked_at.map(Timestamp),
            deleted_at: None,
        }
    }

    /// Its scopes.
    pub fn scopes(&self) -> Vec<String> {
        self.scopes.split_whitespace().map(ToOwned::to_owned).collect()
    }

    /// Reads the stored words.
    ///
    /// # Errors
    /// `Internal` when they are none of ours.
    pub fn details(&self) -> Result<KeyDetails, Fault> {
        let unreadable = || {
            tracing::error!(key = self.id, "a stored key can't be read");
            Fault::Internal
        };
        Ok(KeyDetails {
            row: KeyRow {
                id: ItemId::Key(self.id.parse().map_err(|_| unreadable())?),
                kind: self.kind.parse().map_err(|_| unreadable())?,
                name: self.name.clone(),
                mask: self.mask.clone(),
                status: self.lifecycle().status(Timestamp::now()),
                created_at: Timestamp(self.created_at),
                created_by: self.creator.clone(),
                last_used_at: self.last_used_at.map(Timestamp),
                expires_at: self.expires_at.map(Timestamp),
                scopes: self.scopes(),
                corpora: Vec::new(),
                external_id: None,
                metadata: None,
                retiring: None,
                provider: None,
                region: None,
                linked_to: Vec::new(),
                tested: None,
                is_unreadable: false,
            },
            id: self.id.parse().map_err(|_| unreadable())?,
            kind: self.kind.parse().map_err(|_| unreadable())?,
            created_by: self.created_by.parse().map_err(|_| unreadable())?,
            scopes: self.scopes(),
        })
    }
}

/// What the actor may see: one kind, or every kind that their role lets them see.
fn view(actor: &Actor, kind: Option<Kind>) -> Result<View, Fault> {
    let kinds: Vec<KeyKind> = match kind {
        Some(Kind::Credential(_)) => return Err(Fault::Malformed),
        Some(Kind::Key(kind)) => {
            actor.require(kind.policy().view)?;
            vec![kind]
        }
        None => POLICIES
            .iter()
            .filter(|policy| actor.permissions.has(policy.view))
            .filter_map(|policy| if let Kind::Key(kind) = policy.kind { Some(kind) } else { None })
            .collect(),
    };
    if kinds.is_empty() {
        return Err(Fault::forbidden(Permission::ViewKeys));
    }
    let platform_of = (!actor.sees_everybodys_keys()).then_some(actor.user);
    Ok(View { organization: actor.organization, user: actor.user, kinds, platform_of })
}

/// Opens a list: notes which keys it holds and answers the first of them. Needs the kind's `view` permission.
///
/// # Errors
/// `Invalid` at `q`, `Forbidden`, `Unavailable`.
pub async fn open(state: &AppState, actor: &Actor, query: KeyQuery) -> Result<OpenedListing<KeyRow>, Fault> {
    let listing = Arc::new(select(state, actor, &query).await?);
    let rows = rows_of(details(state, &listing, 0, ROWS_MAX).await?);
    let total = listing.numbers.len();
    Ok(OpenedListing { listing: state.listings.keep(listing), total, rows })
}

/// Which keys a list holds now, in which order. Needs the kind's `view` permission.
///
/// # Errors
/// `Invalid` at `q`, `Forbidden`, `Unavailable`.
pub async fn select(state: &AppState, actor: &Actor, query: &KeyQuery) -> Result<Listing, Fault> {
    let view = view(actor, query.kind)?;
    let selection = Selection {
        organization: view.organization,
        kinds: &view.kinds,
        platform_of: view.platform_of,
        search: &text::search("q", &query.search)?,
        status: query.status,
        sort: query.sort,
    };
    let numbers = store::keys::select_numbers(&state.store, &selection).await?.into_boxed_slice();
    Ok(Listing { view, numbers })
}

/// Rows of an opened list, at most [`ROWS_MAX`]. Needs what opening it needed.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn rows(state: &AppState, actor: &Actor, listing: &str, offset: usize, limit: usize) -> Result<Vec<ListedRow<KeyRow>>, Fault> {
    Ok(rows_of(details(state, &*find_listing(state, actor, listing)?, offset, limit).await?))
}

fn rows_of(details: Vec<(usize, Option<KeyDetails>)>) -> Vec<ListedRow<KeyRow>> {
    details.into_iter().map(|(index, details)| ListedRow { index, row: details.map(|details| details.row) }).collect()
}

/// The keys of a list from a place on, at most [`ROWS_MAX`], each with its place; `None` for one that was deleted since.
///
/// # Errors
/// `Unavailable`.
pub async fn details(state: &AppState, listing: &Listing, offset: usize, limit: usize) -> Result<Vec<(usize, Option<KeyDetails>)>, Fault> {
    let end = offset.saturating_add(limit.min(ROWS_MAX)).min(listing.numbers.len());
    let wanted = listing.numbers.get(offset..end).unwrap_or_default();
    let found = store::keys::find_many(&state.store, listing.view.organization, wanted).await?;
    let mut by_number = found.iter().map(|record| Ok((record.number, record.details()?))).collect::<Result<HashMap<_, _>, Fault>>()?;
    Ok(wanted.iter().enumerate().map(|(place, number)| (offset + place, by_number.remove(number))).collect())
}

/// The opened list of this name, if what the actor may see is still what it was opened with.
///
/// # Errors
/// `ListingGone`, `Forbidden`.
pub fn find_listing(state: &AppState, actor: &Actor, name: &str) -> Result<Arc<Listing>, Fault> {
    let every = view(actor, None)?;
    let of_one_kind = every.kinds.iter().map(|kind| View { kinds: vec![*kind], ..every.clone() });
    of_one_kind.chain([every.clone()]).find_map(|view| state.listings.find(name, &view)).ok_or(Fault::ListingGone)
}

/// One key. Needs its kind's `view` permission.
///
/// # Errors
/// `NotFound` also for another organization's; `Forbidden`, `Unavailable`.
pub async fn get(state: &AppState, actor: &Actor, id: KeyId) -> Result<KeyDetails, Fault> {
    let view = view(actor, None)?;
    let record = store::keys::find(state.store.read()?, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    let details = record.details()?;
    if view.kinds.contains(&details.kind) && is_theirs(actor, &details) { Ok(details) } else { Err(Fault::NotFound) }
}

/// Makes a key. Its secret is in this answer and nowhere else. Needs the kind's `manage` permission.
///
/// # Errors
/// `Invalid` at `kind`, `name`, `duration_days` or `scopes`; `Conflict` at `name`; `Forbidden`, `Unavailable`.
pub async fn create(state: &AppState, actor: &Actor, new: NewKey) -> Result<(KeyDetails, RevealedSecret), Fault> {
    let policy = new.kind.policy();
    actor.require(policy.manage)?;
    let name = text::name("name", &new.name)?;
    let now = Timestamp::now();
    let expires_at = expiry(new.kind, new.duration_days, now)?;
    let scopes = scopes(actor, new.kind, new.scopes)?;
    let Some(secret) = PlainKey::generate(new.kind) else {
        return Err(Fault::invalid("kind", "Keys of this kind are issued by a project."));
    };
    let key = store::keys::NewKey {
        id: KeyId::new(),
        organization: actor.organization,
        kind: new.kind,
        name,
        digest: state.pepper.digest(secret.reveal()).as_bytes().to_vec(),
        mask: policy.mask.apply(secret.reveal()),
        scopes,
        created_by: actor.user,
        created_at: now,
        expires_at,
    };
    let (id, digest) = (key.id, key.digest.clone());
    let (auditor, organization) = (state.auditor.clone(), actor.organization);
    let event = Event::new(actor, "key.created", "key", id, &key.name).with("kind", policy.word);
    let record = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                store::keys::insert(tx, &key).await.map_err(name_taken)?;
                store::changes::note(tx, Some(&key.digest)).await?;
                auditor.record(tx, event).await?;
                store::keys::find(tx, organization, id).await?.ok_or(Fault::Internal)
            })
        })
        .await?;
    state.verifier.forget(Some(&digest));
    Ok((record.details()?, RevealedSecret::new(secret.reveal().to_owned())))
}

/// When a new key ends, as its kind has it.
fn expiry(kind: KeyKind, chosen: Option<i64>, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let invalid = |message: String| Err(Fault::invalid("duration_days", message));
    let days = match (kind.policy().expiry, chosen) {
        (Expiry::Never | Expiry::ChosenOrNever, None) => return Ok(None),
        (Expiry::Chosen, None) => return invalid("Choose a duration.".to_owned()),
        (Expiry::Never, Some(_)) => return invalid("Keys of this kind do not expire.".to_owned()),
        (Expiry::Days(days), Some(_)) => return invalid(format!("Keys of this kind always last {days} days.")),
        (Expiry::Days(days), None) | (Expiry::Chosen | Expiry::ChosenOrNever, Some(days)) => days,
    };
    if !(1..=DURATION_MAX_DAYS).contains(&days) {
        return invalid(format!("Choose 1 to {DURATION_MAX_DAYS} days."));
    }
    Ok(Some(now.plus_days(days)))
}

/// The stored form of a new key's scopes. Nobody grants what they may not do themselves.
fn scopes(actor: &Actor, kind: KeyKind, chosen: Option<Vec<String>>) -> Result<String, Fault> {
    let Some(chosen) = chosen else {
        return if kind == KeyKind::Platform { Err(Fault::invalid("scopes", "Choose at least one scope.")) } else { Ok(String::new()) };
    };
    if kind != KeyKind::Platform {
        return Err(Fault::invalid("scopes", "Keys of this kind have no scopes."));
    }
    let scopes = chosen
        .iter()
        .map(|word| word.parse::<Scope>().map_err(|_| Fault::invalid("scopes", format!("“{word}” is no scope."))))
        .collect::<Result<Vec<_>, _>>()?;
    if scopes.is_empty() {
        return Err(Fault::invalid("scopes", "Choose at least one scope."));
    }
    for scope in &scopes {
        actor.require_any(scope.needs())?;
    }
    Ok(Scope::ALL.iter().filter(|scope| scopes.contains(scope)).map(|scope| scope.word()).collect::<Vec<_>>().join(" "))
}

/// Gives a key another name. Needs *Manage API Keys* and its kind's `manage` permission.
///
/// # Errors
/// `Invalid` or `Conflict` at `name`; `NotFound`, `Forbidden`, `Unavailable`.
pub async fn rename(state: &AppState, actor: &Actor, id: KeyId, name: &str) -> Result<KeyDetails, Fault> {
    actor.require(Permission::ManageApiKeys)?;
    let name = text::name("name", name)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    let (record, digest) = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let before = managed(tx, &actor, id).await?;
                let kind = before.details()?.kind;
                if kind.policy().editable == Editable::Nothing {
                    return Err(Fault::invalid("name", "Keys of this kind can't be renamed."));
                }
                if before.name != name {
                    store::keys::rename(tx, id, kind, &name).await.map_err(name_taken)?;
                    // The name is part of what verify answers.
                    store::changes::note(tx, Some(&before.digest)).await?;
                    auditor.record(tx, Event::new(&actor, "key.renamed", "key", id, &name).with("from", before.name)).await?;
                }
                let after = store::keys::find(tx, actor.organization, id).await?.ok_or(Fault::Internal)?;
                Ok((after, before.digest))
            })
        })
        .await?;
    state.verifier.forget(Some(&digest));
    record.details()
}

/// Deletes a key for good: it is refused from now on. Needs *Manage API Keys* and its kind's `manage` permission.
///
/// # Errors
/// `NotFound` also when it was deleted before; `Forbidden`, `Unavailable`.
pub async fn delete(state: &AppState, actor: &Actor, id: KeyId) -> Result<(), Fault> {
    actor.require(Permission::ManageApiKeys)?;
    let (actor, auditor) = (actor.clone(), state.auditor.clone());
    let digest = state
        .store
        .write(move |tx| {
            Box::pin(async move {
                let key = managed(tx, &actor, id).await?;
                store::keys::delete(tx, id).await?;
                store::changes::note(tx, Some(&key.digest)).await?;
                auditor.record(tx, Event::new(&actor, "key.deleted", "key", id, &key.name).with("kind", key.kind)).await?;
                Ok(key.digest)
            })
        })
        .await?;
    state.verifier.forget(Some(&digest));
    Ok(())
}

/// The key, if the actor may change it.
async fn managed(tx: &mut store::Tx, actor: &Actor, id: KeyId) -> Result<KeyRecord, Fault> {
    let record = store::keys::find(tx, actor.organization, id).await?.ok_or(Fault::NotFound)?;
    let details = record.details()?;
    if !is_theirs(actor, &details) {
        return Err(Fault::NotFound);
    }
    actor.require(details.kind.policy().manage)?;
    Ok(record)
}

fn is_theirs(actor: &Actor, key: &KeyDetails) -> bool {
    key.kind != KeyKind::Platform || key.created_by == actor.user || actor.sees_everybodys_keys()
}

fn name_taken(error: store::Error) -> Fault {
    match error {
        store::Error::Duplicate => Fault::conflict("name", "A key of this kind has this name already."),
        other => other.into(),
    }
}
