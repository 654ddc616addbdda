//! The confirmation dialogs for deletion and the progress of bulk actions.

use leptos::{prelude::*, task::spawn_local};

use super::{
    bulk::{self, BulkReport, run_bulk_action},
    selection::{RowSelection, SelectedKeys},
};
use latchkey_types::{
    error::Error,
    key::{BULK_MAX, BulkAction, KeyRow},
    key_kind::KindSpec,
};
use latchkey_ui::{
    button::ButtonVariant,
    dialog::Dialog,
    form::Form,
    form_dialog::FormDialog,
    number::pluralize_count,
    progress::{Progress, TaskProgress},
};

/// Confirms and deletes one key. A key that is already deleted counts as success.
#[component]
pub(super) fn DeleteDialog(spec: &'static KindSpec, key: KeyRow, on_dismiss: Callback<()>, on_done: Callback<BulkReport>) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let deleted = async move {
            let report = run_bulk_action(BulkAction::Delete, vec![key.id], TaskProgress::new()).await;
            report.error.clone().map_or(Ok(report), Err)
        };
        form.send(Some(deleted), move |report| on_done.run(report));
    };
    let linked_warning = bulk::usage_warning(&key);
    view! {
        <FormDialog title="Delete this key?" form submit="Delete" variant=ButtonVariant::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{key.name}</strong> " " <code class="key-mask">{key.mask}</code></p>
            <p>{bulk::delete_warning(spec.kind)}</p>
            {linked_warning.map(|text| view! { <p>{text}</p> })}
        </FormDialog>
    }
}

/// Runs an action on the selected keys. Asks for confirmation before deletion, and shows the progress if several requests are needed.
#[component]
pub(super) fn BulkDialog(
    spec: &'static KindSpec,
    action: BulkAction,
    selection: RowSelection,
    on_dismiss: Callback<()>,
    /// Called when it has finished, successfully or not.
    on_done: Callback<BulkReport>,
) -> impl IntoView {
    // The keys selected when the dialog opened, whatever happens to the list in the meantime.
    let chosen = StoredValue::new(selection.snapshot());
    let count = chosen.with_value(SelectedKeys::count);
    let (work, form) = (TaskProgress::new(), Form::new());
    let is_running = RwSignal::new(false);
    let run_with_progress = move || {
        is_running.set(true);
        let report = act_on_selected(action, chosen.get_value(), work);
        spawn_local(async move {
            let _ = on_done.try_run(report.await);
        });
    };
    let submit = move |()| {
        if count > BULK_MAX {
            return run_with_progress();
        }
        let report = act_on_selected(action, chosen.get_value(), work);
        let report = async move {
            let report = report.await;
            // A retry would fail with the same error.
            report.error.clone().filter(|error| *error != Error::ListingGone).map_or(Ok(report), Err)
        };
        form.send(Some(report), move |report| on_done.run(report));
    };
    if action != BulkAction::Delete {
        run_with_progress();
    }
    move || {
        if is_running.get() {
            view! {
                <Dialog title=bulk::progress_title(action) on_dismiss=move |()| work.stop()>
                    <Progress work label=bulk::progress_title(action)/>
                </Dialog>
            }
            .into_any()
        } else {
            view! {
                <FormDialog title=format!("Delete {}?", pluralize_count(count, "key", "keys")) form submit="Delete" variant=ButtonVariant::Danger on_submit=submit on_dismiss>
                    <p>{bulk::delete_warning(spec.kind)}</p>
                </FormDialog>
            }
            .into_any()
        }
    }
}

/// Runs the action on the selected keys.
async fn act_on_selected(action: BulkAction, chosen: SelectedKeys, work: TaskProgress) -> BulkReport {
    match chosen.ids().await {
        Ok(ids) => run_bulk_action(action, ids, work).await,
        Err(error) => BulkReport { error: Some(error), ..BulkReport::default() },
    }
}
