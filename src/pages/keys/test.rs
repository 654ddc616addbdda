//! Asks a credential's provider whether it is good.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::credentials::test_connection,
    model::key::{ItemId, KeyRow},
    ui::toast::Toasts,
};

/// Tests a credential: its row says so meanwhile, a message says how it went, and the list is read anew.
pub fn test(row: KeyRow, testing: RwSignal<Vec<ItemId>>, toasts: Toasts, reload: Callback<()>) {
    let ItemId::Credential(id) = row.id else { return };
    if testing.with_untracked(|testing| testing.contains(&row.id)) {
        return;
    }
    testing.update(|testing| testing.push(row.id));
    spawn_local(async move {
        let words = match test_connection(id).await {
            Ok(report) => format!("“{}”: {}", row.name, report.detail),
            Err(fault) => fault.to_string(),
        };
        // The page may have been left meanwhile.
        if testing.try_update(|testing| testing.retain(|id| *id != row.id)).is_some() {
            toasts.say(words);
            reload.run(());
        }
    });
}
