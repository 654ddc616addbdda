//! Export of all pages of the list as CSV.

use std::collections::HashSet;

use super::query_state::IssuedListQuery;
use crate::{api::issued_keys::issued_keys, pages::keys::export_format::csv_cell};
use latchkey_types::{
    error::Error,
    id::ProjectId,
    issued_key::{IssuedRow, ROWS},
};
use latchkey_ui::browser;

const COLUMNS: [&str; 8] = ["id", "api_key", "user", "received", "status", "requests", "total", "currency"];

/// Reads all pages and starts the download.
pub(super) async fn export(project: ProjectId, query: IssuedListQuery, currency: &str) -> Result<(), Error> {
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
    browser::download("issued-keys.csv", "text/csv;charset=utf-8", &csv(&all, currency));
    Ok(())
}

fn csv(rows: &[IssuedRow], currency: &str) -> String {
    let line = |row: &IssuedRow| {
        let cells = [
            row.id.to_string(),
            row.name.clone(),
            row.holder.clone(),
            row.received_at.rfc3339(),
            row.status.as_str().to_owned(),
            row.requests.to_string(),
            row.cost.to_string(),
            currency.to_owned(),
        ];
        cells.iter().map(|cell| csv_cell(cell)).collect::<Vec<_>>().join(",") + "\r\n"
    };
    rows.iter().fold(COLUMNS.join(",") + "\r\n", |text, row| text + &line(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{key_kind::Status, money::Money, time::Timestamp};

    #[test]
    fn csv_has_one_line_per_key_and_escapes_formulas() {
        let row = IssuedRow {
            id: "key_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            name: "=cmd()".to_owned(),
            holder: "Chen, Mia".to_owned(),
            received_at: Timestamp(0),
            status: Status::Active,
            is_holder_disabled: false,
            requests: 1200,
            cost: Money(2500),
            buckets: vec![1200],
        };
        let text = csv(&[row], "USD");
        let (header, line) = text.split_once("\r\n").unwrap();
        assert_eq!(header, "id,api_key,user,received,status,requests,total,currency");
        assert_eq!(line, "key_0193456789ab7cdef0123456789abcde,'=cmd(),\"Chen, Mia\",1970-01-01T00:00:00.000Z,active,1200,0.0025,USD\r\n");
    }
}
