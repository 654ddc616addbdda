//! The dialog that asks before a key is deleted.

use leptos::prelude::*;

use crate::{
    api::keys::act_on_keys,
    model::{
        fault::Fault,
        key::{BulkAction, ItemId, KeyRow},
    },
    ui::{
        button::{Button, SubmitButton, Weight},
        dialog::{Dialog, DialogRole},
        form::{Form, FormView},
    },
};

/// Deletes a key. Where somebody else was faster, what was wanted is so.
async fn delete(id: ItemId) -> Result<(), Fault> {
    act_on_keys(BulkAction::Delete, vec![id]).await.map(drop)
}

/// Asks, then deletes.
#[component]
pub fn DeleteDialog(
    /// The key.
    key: KeyRow,
    /// Leaves it as it is.
    on_dismiss: Callback<()>,
    /// Called once it is gone.
    on_done: Callback<()>,
) -> impl IntoView {
    let form = Form::new();
    let submit = move |()| form.send(Some(delete(key.id)), move |()| on_done.run(()));
    view! {
        <Dialog title="Delete this key?" role=DialogRole::Alert on_dismiss>
            <FormView form on_submit=submit>
                <p><strong class="quoted">{key.name}</strong> " " <code class="key-mask">{key.mask}</code></p>
                <p>"It is refused from the moment you delete it, and a deleted key cannot be recovered."</p>
                <footer class="dialog-foot">
                    <Button label="Cancel" on_click=on_dismiss autofocus=true/>
                    <SubmitButton label="Delete" weight=Weight::Danger pending=form.pending()/>
                </footer>
            </FormView>
        </Dialog>
    }
}
