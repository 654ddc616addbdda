//! One template with inline editing.

use leptos::prelude::*;

use super::{
    context::{OpenDialog, TemplatesContext},
    fields::Fields,
    settings_fields::SettingsFields,
};
use latchkey_types::key_template::{TemplateRow, TemplateValue};
use latchkey_ui::{
    button::IconButton,
    icon::Glyph,
    inline_edit::{InlineEdit, InlineEditor},
};

#[component]
pub(super) fn Tile(context: TemplatesContext, template: Memo<TemplateRow>) -> impl IntoView {
    let id = template.with_untracked(|template| template.id);
    let text = move |pick: fn(&TemplateRow) -> String| Signal::derive(move || template.with(pick));
    let name = text(|template| template.name.clone());
    let name_editor = InlineEditor::new(name, context.save_callback(id, TemplateValue::Name));
    let description = InlineEditor::new(text(|template| template.description.clone()), context.save_callback(id, TemplateValue::Description));
    Effect::new(move || {
        if context.should_open(&format!("{id}-name")) {
            name_editor.open();
        }
    });
    let is_draft = Memo::new(move |_| template.with(|template| template.is_draft));
    let delete = move |_| context.dialogs.open(OpenDialog::Delete(template.get_untracked()));
    view! {
        <article class="tile" aria-label=name>
            <header class="tile-head">
                <h2 class="tile-name"><InlineEdit editor=name_editor label="Name" id=format!("{id}-name") placeholder="No name"/></h2>
                <IconButton label="Delete template" glyph=Glyph::Trash danger=true on_click=delete/>
            </header>
            {move || is_draft.get().then(|| view! {
                <p class="tile-state"><span class="state state-pending">"Draft"</span> "Only managers see it until you save its name."</p>
            })}
            <div class="tile-description">
                <InlineEdit editor=description label="Description" id=format!("{id}-description") placeholder="Add a description" multiline=true
                    hint="Shift+Enter for a new line"/>
            </div>
            <SettingsFields context template/>
            <Fields context template/>
        </article>
    }
}
