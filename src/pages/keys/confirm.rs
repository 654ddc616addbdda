//! The dialogs that ask before keys are deleted, and that stay while there is much to do.

use leptos::{prelude::*, task::spawn_local};

use super::{
    bulk::{self, Acted, act},
    picks::{Chosen, Picks},
    tabs::KeyTab,
};
use crate::{
    model::{
        fault::Fault,
        key::{BULK_MAX, BulkAction, KeyRow},
    },
    ui::{
        button::Weight,
        dialog::Dialog,
        form::Form,
        form_dialog::FormDialog,
        number::count_of,
        work::{Progress, Work},
    },
};

/// Asks, then deletes one. Where somebody else was faster, what was wanted is so.
#[component]
pub fn DeleteDialog(
    /// The kind.
    tab: &'static KeyTab,
    /// The key.
    key: KeyRow,
    /// Leaves it as it is.
    on_dismiss: Callback<()>,
    /// Called once it is gone.
    on_done: Callback<Acted>,
) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| {
        let deleted = async move {
            let acted = act(BulkAction::Delete, vec![key.id], Work::new()).await;
            acted.trouble.clone().map_or(Ok(acted), Err)
        };
        form.send(Some(deleted), move |acted| on_done.run(acted));
    };
    let linked = bulk::left_without(&key);
    view! {
        <FormDialog title="Delete this key?" form submit="Delete" weight=Weight::Danger on_submit=submit on_dismiss>
            <p><strong class="quoted">{key.name}</strong> " " <code class="key-mask">{key.mask}</code></p>
            <p>{bulk::caution(tab)}</p>
            {linked.map(|words| view! { <p>{words}</p> })}
        </FormDialog>
    }
}

/// Does something with all that are picked: asks first where it can't be undone, and shows how far it is where that takes a while.
#[component]
pub fn BulkDialog(
    /// The kind.
    tab: &'static KeyTab,
    /// What is to be done.
    action: BulkAction,
    /// With which.
    picks: Picks,
    /// Leaves them as they are.
    on_dismiss: Callback<()>,
    /// Called once it is over, however it ended.
    on_done: Callback<Acted>,
) -> impl IntoView {
    // Whatever becomes of the list meanwhile, it is these that were asked about.
    let chosen = StoredValue::new(picks.chosen());
    let count = chosen.with_value(Chosen::count);
    let (work, form) = (Work::new(), Form::new());
    let working = RwSignal::new(false);
    let in_steps = move || {
        working.set(true);
        let acted = act_on(action, chosen.get_value(), work);
        spawn_local(async move {
            let _ = on_done.try_run(acted.await);
        });
    };
    let submit = move |()| {
        if count > BULK_MAX {
            return in_steps();
        }
        let acted = act_on(action, chosen.get_value(), work);
        let acted = async move {
            let acted = acted.await;
            // Another try would not find the list either.
            acted.trouble.clone().filter(|fault| *fault != Fault::ListingGone).map_or(Ok(acted), Err)
        };
        form.send(Some(acted), move |acted| on_done.run(acted));
    };
    if action != BulkAction::Delete {
        in_steps();
    }
    move || {
        if working.get() {
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

/// Does it with all that were chosen.
async fn act_on(action: BulkAction, chosen: Chosen, work: Work) -> Acted {
    match chosen.ids().await {
        Ok(ids) => act(action, ids, work).await,
        Err(fault) => Acted { trouble: Some(fault), ..Acted::default() },
    }
}
