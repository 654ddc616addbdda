//! The information fields of a template.

use leptos::prelude::*;

use super::context::{OpenDialog, TemplatesContext};
use crate::api::key_templates::{add_field, delete_field};
use latchkey_types::{
    error::Error,
    id::{FieldId, TemplateId},
    key_template::{FieldRow, FieldValue, StandardField, TemplateRow},
    names::lowercase,
};
use latchkey_ui::{
    button::IconButton,
    focus::FocusSnapshot,
    icon::{Glyph, Icon},
    inline_edit::{InlineEdit, InlineEditor},
    message::Alert,
    pending_action::PendingAction,
};

#[component]
pub(super) fn Fields(context: TemplatesContext, template: Memo<TemplateRow>) -> impl IntoView {
    let id = template.with_untracked(|template| template.id);
    let addition = PendingAction::new();
    let pending = addition.pending();
    let last_error = RwSignal::new(None::<Error>);
    let add = move |standard: Option<StandardField>| {
        addition.run(add_field(id, standard), move |added| match context.handle_errors(added) {
            Ok(field) => {
                let _ = last_error.try_set(None);
                let part = if standard.is_some() { "value" } else { "name" };
                context.open_next(format!("{}-{part}", field.id));
                context.change_fields(id, |fields| fields.push(field));
            }
            Err(error) => {
                let _ = last_error.try_set(Some(error));
            }
        });
    };
    let ids = move || template.with(|template| template.fields.iter().map(|field| field.id).collect::<Vec<_>>());
    let has_fields = Memo::new(move |_| template.with(|template| !template.fields.is_empty()));
    let on_error = Callback::new(move |error| {
        let _ = last_error.try_set(error);
    });
    view! {
        <div class="tile-fields" role="group" aria-label="Information fields">
            {move || has_fields.get().then(|| view! {
                <ul class="template-fields">
                    <For each=ids key=|id| *id let(field)>
                        <Field context template=id rows=template id=field on_error/>
                    </For>
                </ul>
            })}
            {move || last_error.get().map(|error| view! { <Alert message=error.to_string()/> })}
            <div class="tile-field-add">
                <button type="button" class="button button-quiet" aria-busy=move || pending.get().then_some("true") on:click=move |_| add(None)>
                    <Icon glyph=Glyph::Plus/>
                    "Add field"
                </button>
                {StandardField::ALL
                    .into_iter()
                    .map(|field| view! { <AddStandardField template field on_add=move |()| add(Some(field))/> })
                    .collect_view()}
            </div>
        </div>
    }
}

/// Disabled while the template has the field. It is not removed, so that no other button moves under the pointer.
#[component]
fn AddStandardField(template: Memo<TemplateRow>, field: StandardField, #[prop(into)] on_add: Callback<()>) -> impl IntoView {
    let is_this = move |other: &FieldRow| lowercase(&other.name) == lowercase(field.name());
    let exists = Memo::new(move |_| template.with(|template| template.fields.iter().any(is_this)));
    view! {
        <button type="button" class="button button-quiet" disabled=move || exists.get() on:click=move |_| on_add.run(())>
            {format!("+ {}", field.name())}
        </button>
    }
}

#[component]
fn Field(context: TemplatesContext, template: TemplateId, rows: Memo<TemplateRow>, id: FieldId, on_error: Callback<Option<Error>>) -> impl IntoView {
    let text = move |pick: fn(&FieldRow) -> &String| {
        Signal::derive(move || rows.with(|row| row.fields.iter().find(|field| field.id == id).map(|field| pick(field).clone()).unwrap_or_default()))
    };
    let editor = move |pick, which| InlineEditor::new(text(pick), context.save_field_callback(template, id, which));
    let name = editor(|field| &field.name, FieldValue::Name);
    let description = editor(|field| &field.description, FieldValue::Description);
    let value = editor(|field| &field.value, FieldValue::Value);
    Effect::new(move || {
        if context.should_open(&format!("{id}-name")) {
            name.open();
        } else if context.should_open(&format!("{id}-value")) {
            value.open();
        }
    });
    let deletion = PendingAction::new();
    let delete = move |_| {
        let focus = FocusSnapshot::capture();
        deletion.run(delete_field(id), move |deleted| match context.handle_errors(deleted) {
            // `NotFound`: deleted by someone else already.
            Ok(()) | Err(Error::NotFound) => {
                // The field or the page may be gone by now.
                on_error.try_run(None);
                context.change_fields(template, |fields| fields.retain(|field| field.id != id));
                focus.restore_soon();
            }
            Err(error) => {
                on_error.try_run(Some(error));
            }
        });
    };
    // The text field keeps its caret.
    let keep_focus = move |event: leptos::ev::MouseEvent| event.prevent_default();
    let insert_project = move |_| value.insert(&context.project.to_string());
    let insert_node = move |_| context.dialogs.open(OpenDialog::Node(value));
    view! {
        <li class="template-field" aria-label=text(|field| &field.name)>
            <div class="template-field-head">
                <div class="template-field-name"><InlineEdit editor=name label="Field name" id=format!("{id}-name") placeholder="No name"/></div>
                <IconButton label="Delete field" glyph=Glyph::Close danger=true pending=deletion.pending() on_click=delete/>
            </div>
            <div class="template-field-description">
                <InlineEdit editor=description label="Field description" id=format!("{id}-description") placeholder="Add a description" multiline=true/>
            </div>
            <div class="template-field-value">
                <InlineEdit editor=value label="Value" id=format!("{id}-value") placeholder="Add a value" multiline=true/>
            </div>
            <div class="template-field-insert">
                <button type="button" class="text-button" on:mousedown=keep_focus on:click=insert_project>"Insert project ID"</button>
                <button type="button" class="text-button" on:mousedown=keep_focus on:click=insert_node>"Insert node ID"</button>
            </div>
        </li>
    }
}
