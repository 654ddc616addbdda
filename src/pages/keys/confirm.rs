//! The confirmation dialogs for deletion and the progress of bulk actions.

use leptos::{prelude::*, task::spawn_local};

use super::{
    bulk::{self, Acted, act},
    selection::{Chosen, Picks},
    tabs::KeyTab,
};
use latchkey_types::{
    error::Fault,
    key::{BULK_MAX, BulkAction, KeyRow},
};
use latchkey_ui::{
    button::Weight,
    dialog::Dialog,
    form::Form,
    form_dialog::FormDialog,
    number::count_of,
    progress::{Progress, Work},
};

/// Confirms and deletes one key. A key that is already deleted counts as success.
#[component]
pub(super) fn DeleteDialog(tab: &'static KeyTab, key: KeyRow, on_dismiss: Callback<()>, on_done: Callback<Acted>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let deleted = async move {
            let acted = act(BulkAction::Delete, vec![key.id], Work::new()).await;
            acted.trouble.clone().map_or(Ok(acted), Err)
        };
        form.send(Some(deleted), move |acted| on_done.run(acted));
    };
    let linked_warning = bulk::left_without(&key);
    view! {
        <FormDialog title="Delete this key?" form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{key.name}</strong> " " <code class="key-mask">{key.mask}</code></p>
            <p>{bulk::caution(tab)}</p>
            {linked_warning.map(|text| view! { <p>{text}</p> })}
        </FormDialog>
    }
}

/// Runs an action on the selected keys. Asks for confirmation before deletion, and shows the progress if several requests are needed.
#[component]
pub(super) fn BulkDialog(
    tab: &'static KeyTab,
    action: BulkAction,
    picks: Picks,
    on_dismiss: Callback<()>,
    /// Called when it has finished, successfully or not.
    on_done: Callback<Acted>,
) -> impl IntoView {
    // The keys selected when the dialog opened, whatever happens to the list in the meantime.
    let chosen = StoredValue::new(picks.chosen());
    let count = chosen.with_value(Chosen::count);
    let (work, form) = (Work::new(), Form::new());
    let is_running = RwSignal::new(false);
    let run_with_progress = move || {
        is_running.set(true);
        let acted = act_on_selected(action, chosen.get_value(), work);
        spawn_local(async move {
            let _ = on_done.try_run(acted.await);
        });
    };
    let submit = move |()| {
        if count > BULK_MAX {
            return run_with_progress();
        }
        let acted = act_on_selected(action, chosen.get_value(), work);
        let acted = async move {
            let acted = acted.await;
            // A retry would fail with the same error.
            acted.trouble.clone().filter(|fault| *fault != Fault::ListingGone).map_or(Ok(acted), Err)
        };
        form.send(Some(acted), move |acted| on_done.run(acted));
    };
    if action != BulkAction::Delete {
        run_with_progress();
    }
    move || {
        if is_running.get() {
            view! {
                <Dialog title=bulk::under_way(action) on_dismiss=move |()| work.stop()>
                    <Progress work label=bulk::under_way(action)/>
                </Dialog>
            }
            .into_any()
        } else {
            view! {
                <FormDialog title=format!("Delete {}?", count_of(count, "key", "keys")) form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss>
                    <p>{bulk::caution(tab)}</p>
                </FormDialog>
            }
            .into_any()
        }
    }
}

/// Runs the action on the selected keys.
async fn act_on_selected(action: BulkAction, chosen: Chosen, work: Work) -> Acted {
    match chosen.ids().await {
        Ok(ids) => act(action, ids, work).await,
        Err(fault) => Acted { trouble: Some(fault), ..Acted::default() },
    }
}
