//! Export of all pages of the list.

use std::collections::HashSet;

use super::query_state::IssuedListQuery;
use crate::{
    api::issued_keys::issued_keys,
    pages::export_file::{self, Format},
};
use latchkey_types::{
    error::Error,
    id::ProjectId,
    issued_key::{IssuedRow, ROWS},
};

const COLUMNS: [&str; 8] = ["id", "api_key", "user", "received", "status", "requests", "total", "currency"];

/// Reads all pages and starts the download.
pub(super) async fn export(project: ProjectId, query: IssuedListQuery, format: Format, currency: &str) -> Result<(), Error> {
    let mut all = Vec::new();
    // A key issued during the export shifts others to the next page: skip duplicates.
    let mut seen = HashSet::new();
    for page in 1.. {
        let request = IssuedListQuery { page, rows: ROWS[ROWS.len() - 1], ..query.clone() };
        let response = issued_keys(request.query(project)).await?;
        if response.page < page {
            break;
        }
        let is_last = page * request.rows >= response.count;
        all.extend(response.rows.into_iter().filter(|row| seen.insert(row.id.to_string())));
        if is_last {
            break;
        }
    }
    export_file::download("issued-keys", format, &COLUMNS, all.iter().map(|row| cells(row, currency)));
    Ok(())
}

/// The cells of a row, in the order of the columns.
fn cells(row: &IssuedRow, currency: &str) -> [String; COLUMNS.len()] {
    [
        row.id.to_string(),
        row.name.clone(),
        row.holder.clone(),
        row.received_at.rfc3339(),
        row.status.as_str().to_owned(),
        row.requests.to_string(),
        row.cost.to_string(),
        currency.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{key_kind::Status, money::Money, time::Timestamp};

    fn row() -> IssuedRow {
        IssuedRow {
            id: "key_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            name: "=cmd()".to_owned(),
            holder: "Chen, Mia".to_owned(),
            received_at: Timestamp(0),
            status: Status::Active,
            is_holder_disabled: false,
            requests: 1200,
            cost: Money(2500),
            buckets: vec![1200],
        }
    }

    #[test]
    fn json_has_one_object_per_key() {
        let read: serde_json::Value = serde_json::from_str(&export_file::json(&COLUMNS, [row(), row()].map(|row| cells(&row, "USD")))).unwrap();
        assert_eq!(read[0]["api_key"], "=cmd()");
        assert_eq!(read[1]["total"], "0.0025");
        assert!(read[2].is_null());
    }

    #[test]
    fn csv_has_one_line_per_key_and_escapes_formulas() {
        let text = latchkey_ui::csv::csv(&COLUMNS, [cells(&row(), "USD")]);
        let (header, line) = text.split_once("\r\n").unwrap();
        assert_eq!(header, "\u{FEFF}id,api_key,user,received,status,requests,total,currency");
        assert_eq!(line, "key_0193456789ab7cdef0123456789abcde,'=cmd(),\"Chen, Mia\",1970-01-01T00:00:00.000Z,active,1200,0.0025,USD\r\n");
    }
}
