//! Export of the keys of a month as CSV.

use crate::api::billing::used_keys;
use latchkey_types::{
    billing::{KeyUsage, Month},
    error::Error,
};
use latchkey_ui::csv;

const COLUMNS: [&str; 10] = ["month", "id", "api_key", "kind", "key", "deleted", "requests", "share_percent", "total", "currency"];

/// Reads the keys whose name contains `search`, and starts the download.
pub(super) async fn export(search: String, month: Month, currency: &str) -> Result<(), Error> {
    let keys = used_keys(month, search).await?;
    csv::download(&format!("usage-{month}"), &csv(&keys, month, currency));
    Ok(())
}

fn csv(keys: &[KeyUsage], month: Month, currency: &str) -> String {
    let cells = |key: &KeyUsage| {
        [
            month.to_string(),
            key.id.to_string(),
            key.name.clone(),
            String::from(key.kind),
            key.mask.clone(),
            key.is_deleted.to_string(),
            key.requests.to_string(),
            key.share_text(),
            key.cost.to_string(),
            currency.to_owned(),
        ]
    };
    csv::csv(&COLUMNS, keys.iter().map(cells))
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{
        key_kind::{KeyKind, Kind},
        money::Money,
    };

    #[test]
    fn csv_has_one_line_per_key() {
        let key = KeyUsage {
            id: "key_0193456789ab7cdef0123456789abcde".parse().unwrap(),
            name: "José, shop".to_owned(),
            mask: "lkc_…xYz1".to_owned(),
            kind: Kind::Key(KeyKind::Client),
            is_deleted: true,
            requests: 1204,
            cost: Money(3_010_000),
            share: 514,
        };
        let text = csv(&[key], "2026-11".parse().unwrap(), "USD");
        let (header, line) = text.split_once("\r\n").unwrap();
        assert_eq!(header, "\u{FEFF}month,id,api_key,kind,key,deleted,requests,share_percent,total,currency");
        assert_eq!(line, "2026-11,key_0193456789ab7cdef0123456789abcde,\"José, shop\",client,lkc_…xYz1,true,1204,51.4,3.01,USD\r\n");
    }
}
