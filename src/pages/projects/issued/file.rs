//! The list as a file, with all of its pages.

use std::collections::HashSet;

use super::place::Wish;
use crate::{
    api::issued::issued_keys,
    model::{
        fault::Fault,
        id::ProjectId,
        issued::{IssuedRow, ROWS},
    },
    pages::keys::file::csv_cell,
    ui::browser,
};

const HEADS: [&str; 8] = ["id", "api_key", "user", "received", "status", "requests", "total", "currency"];

/// Reads every page, and hands all over.
pub(super) async fn export(project: ProjectId, wish: Wish, currency: &str) -> Result<(), Fault> {
    let mut all = Vec::new();
    // A key that comes meanwhile pushes others onto the next page: none is told twice.
    let mut seen = HashSet::new();
    for page in 1.. {
        let wanted = Wish { page, rows: ROWS[ROWS.len() - 1], ..wish.clone() };
        let read = issued_keys(wanted.query(project)).await?;
        if read.page < page {
            break;
        }
        let is_last = page * wanted.rows >= read.count;
        all.extend(read.rows.into_iter().filter(|row| seen.insert(row.id.to_string())));
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
            row.status.word().to_owned(),
            row.requests.to_string(),
            row.cost.to_string(),
            currency.to_owned(),
        ];
        cells.iter().map(|cell| csv_cell(cell)).collect::<Vec<_>>().join(",") + "\r\n"
    };
    rows.iter().fold(HEADS.join(",") + "\r\n", |text, row| text + &line(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{money::Money, policy::Status, time::Timestamp};

    #[test]
    fn a_row_is_a_line_and_no_cell_is_a_formula() {
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
        let (heads, line) = text.split_once("\r\n").unwrap();
        assert_eq!(heads, "id,api_key,user,received,status,requests,total,currency");
        assert_eq!(line, "key_0193456789ab7cdef0123456789abcde,'=cmd(),\"Chen, Mia\",1970-01-01T00:00:00.000Z,active,1200,0.0025,USD\r\n");
    }
}
