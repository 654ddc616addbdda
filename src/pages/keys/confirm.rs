//! The dialogs of actions on one or several keys: the confirmation, the progress and the result.

use leptos::{prelude::*, task::spawn_local};

use super::{
    bulk::{self, BulkReport, action_label, past_participle, run_bulk_action},
    recent_use::{caution_for_many, caution_for_one, confirm_text, describe, recent_use},
    selection::{RowSelection, SelectedKeys},
};
use latchkey_types::{
    error::Error,
    key::{BULK_MAX, BulkAction, ItemId, KeyRow},
    key_kind::KindSpec,
};
use latchkey_ui::{
    button::{Button, ButtonVariant},
    confirm_dialog::ConfirmDialog,
    dialog::Dialog,
    form::Form,
    message::Alert,
    number::{format_count, pluralize_count},
    progress::{Progress, TaskProgress},
};

/// Confirms and deletes one key. A key that is already deleted counts as success.
#[component]
pub(super) fn DeleteDialog(spec: &'static KindSpec, key: KeyRow, on_dismiss: Callback<()>, on_done: Callback<BulkReport>) -> impl IntoView {
    let form = Form::new();
    let (objects, caution) = (vec![describe(&key)], caution_for_one(&key));
    let effect = bulk::usage_warning(&key).into_iter().chain([bulk::delete_warning(spec.kind).to_owned()]).collect::<Vec<_>>().join(" ");
    let submit = move |()| {
        let deleted = async move {
            let report = run_bulk_action(BulkAction::Delete, vec![key.id], TaskProgress::new()).await;
            report.error.clone().map_or(Ok(report), Err)
        };
        form.send(Some(deleted), move |report| on_done.run(report));
    };
    view! { <ConfirmDialog title="Delete this key?" objects effect caution verb="Delete" form on_confirm=submit on_dismiss/> }
}

/// Runs an action on the selected keys. Needs a confirmation if it may interrupt many callers, and shows its progress if it needs several requests.
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
    let chosen = selection.snapshot();
    let count = chosen.count();
    let running = RwSignal::new(!bulk::needs_confirmation(action, count));
    let chosen = StoredValue::new(chosen);
    move || {
        let chosen = chosen.get_value();
        if running.get() {
            return view! { <ProgressDialog action chosen on_done/> }.into_any();
        }
        view! { <BulkConfirmation spec action chosen on_long=Callback::new(move |()| running.set(true)) on_dismiss on_done/> }.into_any()
    }
}

#[component]
fn BulkConfirmation(
    spec: &'static KindSpec,
    action: BulkAction,
    chosen: SelectedKeys,
    /// Called instead of running the action if it needs several requests.
    on_long: Callback<()>,
    on_dismiss: Callback<()>,
    on_done: Callback<BulkReport>,
) -> impl IntoView {
    let form = Form::new();
    let count = chosen.count();
    let (rows, all_loaded) = (chosen.rows(), chosen.rows().len() == count);
    let objects: Vec<_> = rows.iter().map(describe).collect();
    let used = recent_use(rows);
    let confirm_text = confirm_text(count, used.within_week > 0 || !all_loaded);
    let used = RwSignal::new(used);
    if !all_loaded {
        let chosen = chosen.clone();
        spawn_local(async move {
            // Without an answer, the warning is about the loaded rows.
            if let Ok(of_all) = chosen.recent_use().await {
                let _ = used.try_set(of_all);
            }
        });
    }
    let effect = match action {
        BulkAction::Delete => bulk::delete_warning(spec.kind),
        BulkAction::Disable | BulkAction::Enable => "Requests with a disabled key fail immediately, until you enable it again.",
    };
    let submit = move |()| {
        if count > BULK_MAX {
            return on_long.run(());
        }
        let report = act_on_selected(action, chosen.clone(), TaskProgress::new());
        let report = async move {
            let report = report.await;
            // A retry would fail with the same error.
            report.error.clone().filter(|error| *error != Error::ListingGone).map_or(Ok(report), Err)
        };
        form.send(Some(report), move |report| on_done.run(report));
    };
    view! {
        <ConfirmDialog title=format!("{} {}?", action_label(action), pluralize_count(count, "key", "keys")) objects total=count effect
            caution=Signal::derive(move || caution_for_many(used.get())) confirm_text verb=action_label(action) form on_confirm=submit on_dismiss/>
    }
}

/// Runs an action on keys and shows its progress.
#[component]
fn ProgressDialog(action: BulkAction, chosen: SelectedKeys, on_done: Callback<BulkReport>) -> impl IntoView {
    let work = TaskProgress::new();
    spawn_local(async move {
        let report = act_on_selected(action, chosen, work).await;
        let _ = on_done.try_run(report);
    });
    let title = bulk::progress_title(action);
    view! {
        <Dialog title has_close_button=false on_dismiss=move |()| work.stop()>
            <Progress work label=title/>
        </Dialog>
    }
}

/// Runs an action again on the keys that it did not reach. They were confirmed before.
#[component]
pub(super) fn RetryDialog(action: BulkAction, ids: Vec<ItemId>, on_done: Callback<BulkReport>) -> impl IntoView {
    view! { <ProgressDialog action chosen=SelectedKeys::of(ids) on_done/> }
}

/// Says which part of an action failed, and offers to try that part again.
#[component]
pub(super) fn ReportDialog(action: BulkAction, report: BulkReport, on_dismiss: Callback<()>, on_retry: Callback<Vec<ItemId>>) -> impl IntoView {
    let summary = report.summary(action);
    let BulkReport { error, remaining, .. } = report;
    let retry = (!remaining.is_empty()).then(|| {
        let label = format!("Try the {} again", format_count(remaining.len()));
        view! { <Button label variant=ButtonVariant::Primary on_click=move |()| on_retry.run(remaining.clone())/> }
    });
    view! {
        <Dialog title=format!("Not all keys were {}", past_participle(action)) has_close_button=false on_dismiss>
            <div class="dialog-content">
                <p>{summary}</p>
                {error.map(|error| view! { <Alert message=error.to_string()/> })}
            </div>
            <footer class="dialog-foot">
                <Button label="Close" on_click=on_dismiss autofocus=true/>
                {retry}
            </footer>
        </Dialog>
    }
}

/// Runs the action on the selected keys.
async fn act_on_selected(action: BulkAction, chosen: SelectedKeys, work: TaskProgress) -> BulkReport {
    match chosen.ids().await {
        Ok(ids) => run_bulk_action(action, ids, work).await,
        Err(error) => BulkReport { error: Some(error), ..BulkReport::default() },
    }
}
