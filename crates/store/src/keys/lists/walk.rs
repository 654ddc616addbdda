//! Lists that are read in the order of an index, from one position on.

use std::collections::BTreeSet;

use super::{
    super::super::StoreError,
    EXPIRY, Position, Reader, Slice,
    filter::{Access, Statement},
    order::{RowKey, RowOrder, SortValue, group_of},
};
use latchkey_types::{error::Error, key_kind::Status, listing::KeySort};

/// Successive rows of a list, which several walks of indexes find together.
struct Group {
    /// [`RowKey::group`] of the rows.
    key: String,
    segments: Vec<Segment>,
}

/// A walk of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    CreatedAt,
    Name,
    Mask,
    Expiry,
    /// Keys whose last use has not moved since the list was opened.
    Use,
    /// Keys whose last use has moved: by the previous one.
    MovedUse,
    Active,
    Expired,
    Disabled,
    /// Keys that are disabled with their creator.
    OfDisabledCreators,
    Revoked,
    /// Keys of the user with this id.
    Creator(String),
}

impl Segment {
    /// The expression of the index by which its rows are sorted; `None` if only by number.
    const fn value(&self) -> Option<&'static str> {
        match self {
            Self::CreatedAt => Some("k.created_at"),
            Self::Name => Some("k.name_folded"),
            Self::Mask => Some("k.mask"),
            Self::Expiry | Self::Active | Self::Expired => Some(EXPIRY),
            Self::Use => Some("k.sorted_use_at"),
            Self::MovedUse => Some("k.earlier_use_at"),
            Self::Disabled | Self::OfDisabledCreators | Self::Revoked | Self::Creator(_) => None,
        }
    }
}

/// How the rows of a list are walked.
struct Walk<'a> {
    order: &'a RowOrder,
    access: Access,
    is_ascending: bool,
    /// The position where it begins; `None` at an end of the list.
    from: Option<Beginning<'a>>,
    /// The numbers of the rows that have moved, as a JSON array; empty if there are none.
    moved: String,
    /// Whether keys were used since the list was opened; known only if it is sorted by that.
    has_moved_uses: bool,
}

/// The position where a walk begins.
#[derive(Clone, Copy)]
struct Beginning<'a> {
    key: &'a RowKey,
    /// Whether the row itself is read.
    is_included: bool,
}

impl Beginning<'_> {
    /// Whether a row is read, in a walk in this direction.
    fn reaches(self, row: &RowKey, is_ascending: bool) -> bool {
        if row == self.key { self.is_included } else { (row > self.key) == is_ascending }
    }
}

impl Reader<'_> {
    /// Reads rows from a position on, in the direction of the slice.
    pub(super) async fn walk(&mut self, order: &RowOrder, slice: Slice<'_>) -> Result<Vec<RowKey>, Error> {
        let from = match (slice.from, slice.backwards) {
            (Position::Start, false) | (Position::End, true) => None,
            (Position::Start, true) | (Position::End, false) => return Ok(Vec::new()),
            (Position::Before(key), backwards) => Some(Beginning { key, is_included: !backwards }),
            (Position::After(key), backwards) => Some(Beginning { key, is_included: backwards }),
        };
        let has_moved_uses = self.selection.sort.column == KeySort::LastUsedAt && self.has_moved_uses().await?;
        let is_ascending = self.selection.sort.descending == slice.backwards;
        let mut moved = self.moved_rows(order).await?;
        moved.retain(|row| from.is_none_or(|from| from.reaches(row, is_ascending)));
        moved.sort_unstable();
        if !is_ascending {
            moved.reverse();
        }
        let numbers = order.moved_numbers();
        let walk = Walk {
            order,
            access: self.walk_access(self.selection.sort.column == KeySort::Name).await?,
            is_ascending,
            from,
            moved: if numbers.is_empty() { String::new() } else { serde_json::json!(numbers).to_string() },
            has_moved_uses,
        };
        // As many of the rows that are left out may have moved.
        let skipped = slice.skip.saturating_sub(moved.len());
        let rows = self.walk_groups(&walk, skipped, slice.limit.saturating_add(slice.skip - skipped)).await?;
        Ok(merge(rows, moved, skipped, is_ascending, slice))
    }

    /// Whether keys were used since the list was opened.
    ///
    /// # Errors
    /// `ListingGone` if one was used repeatedly, so that it is no longer known where it was.
    async fn has_moved_uses(&mut self) -> Result<bool, Error> {
        let kinds = self.kinds();
        let mut statement = self.statement();
        let organization = statement.bind(self.selection.organization);
        let (oldest, snapshot) = (statement.bind(self.snapshot.oldest()), statement.bind(self.mark.snapshot.clone()));
        let moved_after = |column| self.store.engine.moved_after(column, &oldest, &snapshot);
        let moved = format!(
            "select 1 from api_keys k where k.organization_id = {organization} and k.kind in ({kinds}) and k.deleted_at is null \
             and k.use_moved_in > 0 and {}",
            moved_after("k.use_moved_in")
        );
        let repeatedly = moved_after("k.earlier_use_moved_in");
        let sql = format!(
            "select (select count(*) from ({moved} limit 1) as once), (select count(*) from ({moved} and {repeatedly} limit 1) as repeatedly)"
        );
        let (once, repeatedly): (i64, i64) = statement.fetch_one(&mut self.db, sql).await?;
        if repeatedly == 0 { Ok(once > 0) } else { Err(Error::ListingGone) }
    }

    /// The positions of those rows of the list that have moved.
    async fn moved_rows(&mut self, order: &RowOrder) -> Result<Vec<RowKey>, Error> {
        let numbers = order.moved_numbers();
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let kinds = self.kinds();
        let mut statement = self.statement();
        let conditions = self.conditions(&mut statement, Access::Candidates);
        let listed = self.store.engine.json_numbers(&statement.bind(serde_json::json!(numbers).to_string()));
        let sql = format!("select k.number from api_keys k where k.number in {listed} and {conditions} and k.kind in ({kinds})");
        let rows: Vec<(i64,)> = statement.fetch_all(&mut self.db, sql).await?;
        Ok(rows.into_iter().filter_map(|(number,)| order.key_of_moved(number)).collect())
    }

    async fn walk_groups(&mut self, walk: &Walk<'_>, mut skip: usize, limit: usize) -> Result<Vec<RowKey>, Error> {
        let mut rows = Vec::new();
        let mut groups = self.groups(walk);
        if !walk.is_ascending {
            groups.reverse();
        }
        if let Some(from) = walk.from {
            groups.retain(|group| group.key == from.key.group || (group.key > from.key.group) == walk.is_ascending);
        }
        let last = groups.len().saturating_sub(1);
        for (index, group) in groups.iter().enumerate() {
            if skip > 0 && index < last {
                let count = self.count_group(walk, group, skip).await?;
                if count < skip {
                    skip -= count;
                    continue;
                }
            }
            rows.extend(self.walk_group(walk, group, skip, limit - rows.len()).await?);
            skip = 0;
            if rows.len() >= limit {
                break;
            }
        }
        Ok(rows)
    }

    /// The groups of the list, in ascending order.
    fn groups(&self, walk: &Walk<'_>) -> Vec<Group> {
        let one = |segments: Vec<Segment>| vec![Group { key: String::new(), segments }];
        match self.selection.sort.column {
            KeySort::CreatedAt => one(vec![Segment::CreatedAt]),
            KeySort::Name => one(vec![Segment::Name]),
            KeySort::Mask => one(vec![Segment::Mask]),
            KeySort::ExpiresAt => one(vec![Segment::Expiry]),
            KeySort::LastUsedAt if walk.has_moved_uses => one(vec![Segment::Use, Segment::MovedUse]),
            KeySort::LastUsedAt => one(vec![Segment::Use]),
            KeySort::Status => [
                (Status::Active, vec![Segment::Active]),
                (Status::Disabled, vec![Segment::Disabled, Segment::OfDisabledCreators]),
                (Status::Expired, vec![Segment::Expired]),
                (Status::Revoked, vec![Segment::Revoked]),
            ]
            .into_iter()
            .map(|(status, segments)| Group { key: group_of(status), segments })
            .collect(),
            KeySort::CreatedBy => walk
                .order
                .creators
                .iter()
                .filter(|creator| creator.has_keys)
                .map(|creator| Group { key: creator.group.clone(), segments: vec![Segment::Creator(creator.id.clone())] })
                .collect(),
        }
    }

    async fn walk_group(&mut self, walk: &Walk<'_>, group: &Group, skip: usize, limit: usize) -> Result<Vec<RowKey>, Error> {
        let mut statement = self.statement();
        let branches = self.branches(walk, group, &mut statement);
        let (limit_number, skip_number) = (sql_number(limit), sql_number(skip));
        let (limit, skip) = (statement.bind(limit_number), statement.bind(skip_number));
        let sql = match &branches[..] {
            [one] => format!("{one} limit {limit} offset {skip}"),
            several => {
                let both = statement.bind(limit_number.saturating_add(skip_number));
                let parts: Vec<String> =
                    several.iter().enumerate().map(|(index, one)| format!("select * from ({one} limit {both}) as branch_{index}")).collect();
                let direction = if walk.is_ascending { "asc" } else { "desc" };
                let collation = if self.has_text() { statement.store.bytewise_collation() } else { "" };
                format!(
                    "select value, number from ({}) as found order by value{collation} {direction}, number {direction} limit {limit} offset {skip}",
                    parts.join(" union all ")
                )
            }
        };
        let key = |value, number| RowKey { group: group.key.clone(), value, number };
        if self.has_text() {
            let rows: Vec<(String, i64)> = statement.fetch_all(&mut self.db, sql).await?;
            return Ok(rows.into_iter().map(|(value, number)| key(SortValue::Text(value), number)).collect());
        }
        let rows: Vec<(i64, i64)> = statement.fetch_all(&mut self.db, sql).await?;
        Ok(rows.into_iter().map(|(value, number)| key(SortValue::Number(value), number)).collect())
    }

    /// The number of rows of a group from the position of the walk on, at most `limit`.
    async fn count_group(&mut self, walk: &Walk<'_>, group: &Group, limit: usize) -> Result<usize, StoreError> {
        let mut statement = self.statement();
        let branches = self.branches(walk, group, &mut statement);
        let limit = statement.bind(sql_number(limit));
        let parts: Vec<String> =
            branches.iter().enumerate().map(|(index, one)| format!("select 1 from ({one} limit {limit}) as branch_{index}")).collect();
        let (count,): (i64,) = statement.fetch_one(&mut self.db, format!("select count(*) from ({}) as found", parts.join(" union all "))).await?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Queries of values and numbers for each kind and segment.
    fn branches(&self, walk: &Walk<'_>, group: &Group, statement: &mut Statement<'_>) -> Vec<String> {
        let access = match walk.access {
            Access::Walk { uses_names, others, .. } => {
                Access::Walk { uses_names, others, is_of_creator: matches!(group.segments[..], [Segment::Creator(_)]) }
            }
            Access::Candidates => Access::Candidates,
        };
        let mut conditions = self.conditions(statement, access);
        if !walk.moved.is_empty() {
            let moved = self.store.engine.json_numbers(&statement.bind(walk.moved.clone()));
            conditions = format!("{conditions} and k.number not in {moved}");
        }
        let from = walk.from.filter(|from| from.key.group == group.key);
        let kinds: Vec<&str> = self.selection.kinds.iter().map(|kind| kind.spec().name).collect();
        let mut branches = Vec::new();
        for segment in &group.segments {
            let Some(condition) = self.segment_condition(walk, segment, statement) else { continue };
            let (value, order) = self.order_of(segment, walk.is_ascending);
            let beginnings = match from {
                Some(from) => position_conditions(segment, &value, from, walk.is_ascending, statement),
                None => vec![String::new()],
            };
            for (kind, beginning) in kinds.iter().flat_map(|kind| beginnings.iter().map(move |beginning| (kind, beginning))) {
                branches.push(format!(
                    "select {value} as value, k.number as number from api_keys k where {conditions} and k.kind = '{kind}'{condition}{beginning} \
                     order by {order}"
                ));
            }
        }
        branches
    }

    /// The value of a segment's rows, and what they are sorted by.
    fn order_of(&self, segment: &Segment, is_ascending: bool) -> (String, String) {
        let direction = if is_ascending { "asc" } else { "desc" };
        let collation = if self.has_text() { self.store.bytewise_collation() } else { "" };
        match segment.value() {
            Some(value) => (format!("{value}{collation}"), format!("{value}{collation} {direction}, k.number {direction}")),
            None => ("cast(0 as bigint)".to_owned(), format!("k.number {direction}")),
        }
    }

    const fn has_text(&self) -> bool {
        matches!(self.selection.sort.column, KeySort::Name | KeySort::Mask)
    }

    /// The condition of a segment's rows, with ` and ` before it; `None` if there are none.
    fn segment_condition(&self, walk: &Walk<'_>, segment: &Segment, statement: &mut Statement<'_>) -> Option<String> {
        let disabled = &walk.order.disabled;
        let condition = match segment {
            Segment::CreatedAt | Segment::Name | Segment::Mask | Segment::Expiry => return Some(String::new()),
            Segment::Use => format!("not {}", self.use_moved(statement)),
            Segment::MovedUse => format!("k.use_moved_in > 0 and {}", self.use_moved(statement)),
            Segment::Active => {
                let opened_at = statement.bind(self.mark.opened_at);
                let active = format!("{EXPIRY} > {opened_at} and k.revoked_at is null and k.disabled_at is null");
                if disabled.is_empty() { active } else { format!("{active} and k.created_by not in {}", self.users(disabled, statement)) }
            }
            Segment::Expired => format!("{EXPIRY} <= {} and k.revoked_at is null", statement.bind(self.mark.opened_at)),
            Segment::Disabled => format!("k.disabled_at is not null and {}", self.neither_expired_nor_revoked(statement)),
            Segment::OfDisabledCreators if disabled.is_empty() => return None,
            Segment::OfDisabledCreators => {
                let users = self.users(disabled, statement);
                format!("k.created_by in {users} and k.disabled_at is null and {}", self.neither_expired_nor_revoked(statement))
            }
            Segment::Revoked => "k.revoked_at is not null".to_owned(),
            Segment::Creator(user) => format!("k.created_by = {}", statement.bind(user.clone())),
        };
        Some(format!(" and {condition}"))
    }

    fn use_moved(&self, statement: &mut Statement<'_>) -> String {
        let (oldest, snapshot) = (statement.bind(self.snapshot.oldest()), statement.bind(self.mark.snapshot.clone()));
        self.store.engine.moved_after("k.use_moved_in", &oldest, &snapshot)
    }

    fn users(&self, ids: &BTreeSet<String>, statement: &mut Statement<'_>) -> String {
        self.store.engine.json_texts(&statement.bind(serde_json::json!(ids).to_string()))
    }

    /// Without the expression of the index by expiry, which would be read instead.
    fn neither_expired_nor_revoked(&self, statement: &mut Statement<'_>) -> String {
        let opened_at = statement.bind(self.mark.opened_at);
        format!("k.revoked_at is null and (k.expires_at is null or k.expires_at > {opened_at})")
    }
}

/// The conditions that a row is not before the position of the walk. One of them holds for each such row. SQLite does not use an index of an
/// expression for the comparison of two columns, so there are two then.
fn position_conditions(segment: &Segment, value: &str, from: Beginning<'_>, is_ascending: bool, statement: &mut Statement<'_>) -> Vec<String> {
    let beyond = if is_ascending { ">" } else { "<" };
    let or_at = if from.is_included { "=" } else { "" };
    let number = statement.bind(from.key.number);
    if segment.value().is_none() {
        return vec![format!(" and k.number {beyond}{or_at} {number}")];
    }
    let at = match &from.key.value {
        SortValue::Number(number) => statement.bind(*number),
        SortValue::Text(text) => statement.bind(text.clone()),
    };
    if segment.value() == Some(EXPIRY) {
        return vec![format!(" and {value} = {at} and k.number {beyond}{or_at} {number}"), format!(" and {value} {beyond} {at}")];
    }
    vec![format!(" and ({value}, k.number) {beyond}{or_at} ({at}, {number})")]
}

/// Merges the rows that have moved with the others, of which `skipped` were left out, and takes the slice. All are in the order of the walk.
fn merge(rows: Vec<RowKey>, moved: Vec<RowKey>, skipped: usize, is_ascending: bool, slice: Slice<'_>) -> Vec<RowKey> {
    let Some(first) = rows.first() else {
        // If rows were left out, there are too few of them: those that have moved are as many as could be left out in their place.
        return if skipped > 0 { Vec::new() } else { moved.into_iter().skip(slice.skip).take(slice.limit).collect() };
    };
    let is_earlier = |row: &RowKey, than: &RowKey| (row < than) == is_ascending && row != than;
    let before = moved.partition_point(|row| is_earlier(row, first));
    let mut merged: Vec<RowKey> = rows;
    // Those before the first row are among what is left out if rows were.
    merged.extend(moved.into_iter().skip(if skipped > 0 { before } else { 0 }));
    merged.sort_unstable();
    if !is_ascending {
        merged.reverse();
    }
    let position = if skipped > 0 { skipped + before } else { 0 };
    merged.into_iter().skip(slice.skip.saturating_sub(position)).take(slice.limit).collect()
}

/// A number for SQL. Lists have far fewer rows than it can count.
fn sql_number(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
