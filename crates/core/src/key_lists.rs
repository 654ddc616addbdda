//! Lists of keys and credentials: who may see which rows, and in which order.

use std::collections::HashMap;

use super::{
    Core,
    actor::Actor,
    credentials,
    keys::{self, inbound, visible_kinds},
    list_cursor::{self, ListCursor},
};
use latchkey_store::{
    self as store,
    keys::lists::{Position, RowKey, Selection, Slice},
};
use latchkey_types::{
    error::Error,
    id::{OrganizationId, UserId},
    key::{ItemId, KeyRow},
    key_kind::Kind,
    listing::{Anchor, IdsPage, KeyQuery, ListCount, ListedRow, OpenedListing, ROWS_MAX, RecentUse, RowsPage, RowsRequest, Total},
    permission::Permission,
    validate,
};

/// Maximum number of ids in one response.
const MAX_IDS: usize = 1000;

/// The kinds of a list: one kind, or all inbound or outbound kinds that the actor may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindSelection {
    One(Kind),
    /// All kinds of API keys.
    Inbound,
    /// All kinds of credentials.
    Outbound,
}

impl KindSelection {
    /// `kind` if given, otherwise `side`.
    pub fn or(kind: Option<Kind>, side: Self) -> Self {
        kind.map_or(side, Self::One)
    }

    /// Whether all of `kinds` are among these.
    pub fn contains_all(self, kinds: &[Kind]) -> bool {
        kinds.iter().all(|kind| match self {
            Self::One(one) => *kind == one,
            Self::Inbound => matches!(kind, Kind::Key(_)),
            Self::Outbound => matches!(kind, Kind::Credential(_)),
        })
    }
}

/// The keys or credentials that a user may see.
#[derive(Debug)]
struct ListView {
    organization: OrganizationId,
    kinds: Vec<Kind>,
    /// Restricts personal kinds to this user's; `None` for all.
    personal_of: Option<UserId>,
}

/// The view of an actor on these kinds.
fn view(actor: &Actor, kinds: KindSelection) -> Result<ListView, Error> {
    let kinds = match kinds {
        KindSelection::One(kind) => {
            actor.require(kind.spec().view)?;
            if !kind.spec().is_listed() {
                return Err(Error::invalid("kind", "Project keys are listed in their project."));
            }
            vec![kind]
        }
        KindSelection::Inbound => inbound(actor),
        KindSelection::Outbound => visible_kinds(actor, |kind| matches!(kind, Kind::Credential(_))),
    };
    if kinds.is_empty() {
        return Err(Error::forbidden(Permission::ViewKeys));
    }
    Ok(view_of(actor, kinds))
}

fn view_of(actor: &Actor, kinds: Vec<Kind>) -> ListView {
    ListView { organization: actor.organization, kinds, personal_of: (!actor.can_see_all_keys()).then_some(actor.user) }
}

/// A filter whose texts are valid.
struct Filter {
    search: String,
    external_id: Option<String>,
    scope: Option<String>,
}

impl Filter {
    /// # Errors
    /// `Invalid` at `q`, `external_id` or `scope`.
    fn of(query: &KeyQuery, kinds: &[Kind]) -> Result<Self, Error> {
        // Credentials have neither external ids nor scopes.
        let of_keys = |field, filter: &Option<String>| match filter.as_deref() {
            Some(_) if kinds.iter().any(|kind| matches!(kind, Kind::Credential(_))) => {
                Err(Error::invalid(field, "Keys of this kind do not have this field."))
            }
            Some(word) => validate::search(field, word).map(Some),
            None => Ok(None),
        };
        let (external_id, scope) = (of_keys("external_id", &query.external_id)?, of_keys("scope", &query.scope)?);
        Ok(Self { search: validate::search("q", &query.search)?, external_id, scope })
    }

    fn selection<'a>(&'a self, view: &'a ListView, query: &KeyQuery) -> Selection<'a> {
        Selection {
            organization: view.organization,
            kinds: &view.kinds,
            personal_of: view.personal_of,
            search: &self.search,
            status: query.status,
            expiring: query.expiring,
            external_id: self.external_id.as_deref(),
            scope: self.scope.as_deref(),
            match_prefixes: query.match_prefixes,
            sort: query.sort,
        }
    }
}

/// A list that an actor may read, at a position.
struct OpenList {
    view: ListView,
    filter: Filter,
    cursor: ListCursor,
}

impl OpenList {
    /// The list that a cursor names, if the actor opened it and may still see everything that it was opened with.
    ///
    /// # Errors
    /// `ListingGone`, `Forbidden`.
    fn find(core: &Core, actor: &Actor, cursor: &str) -> Result<Self, Error> {
        let visible = visible_kinds(actor, |_| true);
        if visible.is_empty() {
            return Err(Error::forbidden(Permission::ViewKeys));
        }
        let cursor = ListCursor::open(cursor, core, actor.organization)?;
        if cursor.user != actor.user || cursor.kinds.is_empty() || !cursor.kinds.iter().all(|kind| visible.contains(kind)) {
            return Err(Error::ListingGone);
        }
        let view = view_of(actor, cursor.kinds.clone());
        Ok(Self { filter: Filter::of(&cursor.query, &view.kinds)?, view, cursor })
    }

    fn selection(&self) -> Selection<'_> {
        self.filter.selection(&self.view, &self.cursor.query)
    }

    /// A cursor of this list at another position.
    fn seal(&self, core: &Core, position: Position) -> Result<String, Error> {
        self.cursor.at(position).seal(core, self.view.organization)
    }

    /// The position of another cursor of this list.
    ///
    /// # Errors
    /// `ListingGone` if it is one of another list or user.
    fn other_position(&self, core: &Core, cursor: &str) -> Result<Position, Error> {
        let other = ListCursor::open(cursor, core, self.view.organization)?;
        if other.is_of_same_list(&self.cursor) { Ok(other.position) } else { Err(Error::ListingGone) }
    }

    /// The rows from an index on, given the index of the cursor's position.
    async fn read(&self, core: &Core, index: usize, first: usize, limit: usize) -> Result<Vec<RowKey>, Error> {
        let end = first.saturating_add(limit);
        let slice = if first >= index {
            Slice { from: &self.cursor.position, backwards: false, skip: first - index, limit }
        } else {
            // Not those after the position.
            Slice { from: &self.cursor.position, backwards: true, skip: index.saturating_sub(end), limit: limit.min(index - first) }
        };
        Ok(store::keys::lists::page(&core.store, &self.selection(), &self.cursor.mark, slice).await?.rows)
    }

    async fn rows(&self, core: &Core, keys: &[RowKey], first: usize) -> Result<Vec<ListedRow<KeyRow>>, Error> {
        let numbers: Vec<i64> = keys.iter().map(RowKey::number).collect();
        let mut found = read(core, &self.view, &numbers).await?;
        Ok(numbers.iter().enumerate().map(|(index, number)| ListedRow { index: first + index, row: found.remove(number) }).collect())
    }
}

/// Opens a list.
async fn select(core: &Core, actor: &Actor, kinds: KindSelection, query: KeyQuery, limit: usize) -> Result<(OpenList, Vec<RowKey>), Error> {
    let view = view(actor, kinds)?;
    let filter = Filter::of(&query, &view.kinds)?;
    let (mark, page, total) = store::keys::lists::open(&core.store, &filter.selection(&view, &query), limit).await?;
    let cursor = ListCursor { user: actor.user, kinds: view.kinds.clone(), query, mark, total, position: Position::Start };
    Ok((OpenList { view, filter, cursor }, page.rows))
}

/// Opens a list and returns its first rows. Needs the kind's `view` permission.
///
/// # Errors
/// `Invalid` at `kind`, `q`, `external_id` or `scope`; `Forbidden`, `Unavailable`.
pub async fn open(core: &Core, actor: &Actor, query: KeyQuery) -> Result<OpenedListing<KeyRow>, Error> {
    let kinds = KindSelection::or(query.kind, KindSelection::Inbound);
    let (list, keys) = select(core, actor, kinds, query, ROWS_MAX).await?;
    let end = keys.last().map_or(Position::Start, |key| Position::After(key.clone()));
    Ok(OpenedListing {
        listing: list.seal(core, Position::Start)?,
        total: list.cursor.total,
        end: Anchor { index: keys.len(), cursor: list.seal(core, end)? },
        rows: list.rows(core, &keys, 0).await?,
    })
}

/// Rows of a list, at most [`ROWS_MAX`]. Needs the same permissions as opening it.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn rows(core: &Core, actor: &Actor, request: &RowsRequest) -> Result<RowsPage<KeyRow>, Error> {
    let list = OpenList::find(core, actor, &request.anchor.cursor)?;
    let until = request.until.as_deref().map(|cursor| list.other_position(core, cursor)).transpose()?;
    let limit = request.limit.min(ROWS_MAX);
    let mut keys = list.read(core, request.anchor.index, request.first, limit + usize::from(until.is_some())).await?;
    if let Some(until) = until {
        let is_descending = list.cursor.query.sort.descending;
        keys.retain(|key| is_before(key, &until, is_descending));
        // The indexes of the two positions were counted before and after rows between them were deleted.
        if keys.len() > limit {
            return Err(Error::ListingGone);
        }
    }
    // Rows before the position may be fewer than requested: these are next to it.
    let first = if request.first < request.anchor.index {
        let end = request.anchor.index.min(request.first.saturating_add(limit));
        end.saturating_sub(keys.len())
    } else {
        request.first
    };
    let position = |key: Option<&RowKey>, position: fn(RowKey) -> Position| key.map_or(list.cursor.position.clone(), |key| position(key.clone()));
    Ok(RowsPage {
        start: Anchor { index: first, cursor: list.seal(core, position(keys.first(), Position::Before))? },
        end: Anchor { index: first + keys.len(), cursor: list.seal(core, position(keys.last(), Position::After))? },
        rows: list.rows(core, &keys, first).await?,
    })
}

/// Whether a row is before a position.
fn is_before(key: &RowKey, position: &Position, is_descending: bool) -> bool {
    let is_earlier = |than: &RowKey| if is_descending { key > than } else { key < than };
    match position {
        Position::Start => false,
        Position::End => true,
        Position::Before(row) => is_earlier(row),
        Position::After(row) => key == row || is_earlier(row),
    }
}

/// The ids of rows of a list, at most 1,000, including rows that were deleted since they were found. Needs the same permissions as opening it.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn ids(core: &Core, actor: &Actor, anchor: &Anchor, first: usize, limit: usize) -> Result<IdsPage<ItemId>, Error> {
    let list = OpenList::find(core, actor, &anchor.cursor)?;
    let limit = limit.min(MAX_IDS);
    let first = first.max(anchor.index);
    let keys = list.read(core, anchor.index, first, limit).await?;
    let numbers: Vec<i64> = keys.iter().map(RowKey::number).collect();
    let end = match keys.last().filter(|_| keys.len() == limit) {
        Some(key) => Some(Anchor { index: first + keys.len(), cursor: list.seal(core, Position::After(key.clone()))? }),
        None => None,
    };
    Ok(IdsPage { ids: store::keys::lists::ids_of(&core.store, list.view.organization, &list.view.kinds, &numbers).await?, end })
}

/// The exact number of rows of a list. Needs the same permissions as opening it.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn count(core: &Core, actor: &Actor, listing: &str) -> Result<ListCount, Error> {
    let list = OpenList::find(core, actor, listing)?;
    let index = store::keys::lists::count(&core.store, &list.selection(), &list.cursor.mark).await?;
    Ok(ListCount { end: Anchor { index, cursor: list.seal(core, Position::End)? } })
}

/// How many rows of a list were used lately. Needs the same permissions as opening it.
///
/// # Errors
/// `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn recent_use(core: &Core, actor: &Actor, listing: &str) -> Result<RecentUse, Error> {
    let list = OpenList::find(core, actor, listing)?;
    store::keys::lists::recent_use(&core.store, &list.selection(), &list.cursor.mark).await
}

/// Rows in the order of a list, with the cursor of the next ones.
pub struct CursorPage {
    pub rows: Vec<KeyRow>,
    pub next_cursor: Option<String>,
    /// When the list was opened.
    pub total: Total,
}

/// The first rows of a list. Needs the `view` permission of its kinds.
///
/// # Errors
/// `Invalid` at `kind`, `q`, `external_id` or `scope`; `Forbidden`, `Unavailable`.
pub async fn first_page(core: &Core, actor: &Actor, kinds: KindSelection, query: KeyQuery, limit: usize) -> Result<CursorPage, Error> {
    let (list, keys) = select(core, actor, kinds, query, limit + 1).await?;
    cursor_page(core, &list, keys, limit).await
}

/// The rows at a cursor. Needs the same permissions as the first ones.
///
/// # Errors
/// `Invalid` at `cursor` if it is not one, or is that of a list of other kinds; `ListingGone`, `Forbidden`, `Unavailable`.
pub async fn next_page(core: &Core, actor: &Actor, kinds: KindSelection, cursor: &str, limit: usize) -> Result<CursorPage, Error> {
    if !list_cursor::is_cursor(cursor) {
        return Err(Error::invalid("cursor", "Invalid cursor. Use the next_cursor of a previous response."));
    }
    let list = OpenList::find(core, actor, cursor)?;
    if !kinds.contains_all(&list.view.kinds) {
        return Err(Error::invalid("cursor", "This cursor belongs to another list."));
    }
    let keys = list.read(core, 0, 0, limit + 1).await?;
    cursor_page(core, &list, keys, limit).await
}

/// `keys` are one more than the page has if there is a next one.
async fn cursor_page(core: &Core, list: &OpenList, mut keys: Vec<RowKey>, limit: usize) -> Result<CursorPage, Error> {
    let has_next = keys.len() > limit;
    keys.truncate(limit);
    let next_cursor = match keys.last().filter(|_| has_next) {
        Some(key) => Some(list.seal(core, Position::After(key.clone()))?),
        None => None,
    };
    let rows = list.rows(core, &keys, 0).await?;
    Ok(CursorPage { rows: rows.into_iter().filter_map(|listed| listed.row).collect(), next_cursor, total: list.cursor.total })
}

async fn read(core: &Core, view: &ListView, numbers: &[i64]) -> Result<HashMap<i64, KeyRow>, Error> {
    if view.kinds.iter().any(|kind| matches!(kind, Kind::Credential(_))) {
        return credentials::find_many(core, view.organization, numbers).await;
    }
    let records = store::keys::find_many(&core.store, view.organization, numbers).await?;
    let rows = keys::rows(core, &records).await?;
    Ok(records.iter().map(|record| record.number).zip(rows).collect())
}
