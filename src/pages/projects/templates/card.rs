//! One template with inline editing.

use leptos::prelude::*;

use super::{context::Desk, dialogs::Asked, fields::Fields, settings_fields::Facts};
use latchkey_types::{
    id::TemplateId,
    key_template::{TemplateRow, TemplateValue},
};
use latchkey_ui::{
    button::IconButton,
    icon::Glyph,
    inline_edit::{Editor, InPlace},
};

#[component]
pub(super) fn Tile(desk: Desk, id: TemplateId) -> impl IntoView {
    let template = desk.template(id)?;
    let text = move |pick: fn(&TemplateRow) -> String| Signal::derive(move || template.with(pick));
    let name = text(|template| template.name.clone());
    let name_editor = Editor::new(name, desk.saves(id, TemplateValue::Name));
    let description = Editor::new(text(|template| template.description.clone()), desk.saves(id, TemplateValue::Description));
    Effect::new(move || {
        if desk.opens(&id.to_string()) {
            name_editor.open();
        }
    });
    let delete = move |_| desk.asked.set(Some(Asked::Delete(template.get_untracked())));
    Some(view! {
        <article class="tile" aria-label=name>
            <header class="tile-head">
                <h2 class="tile-name"><InPlace editor=name_editor label="Name" id=format!("{id}-name") placeholder="No name"/></h2>
                <IconButton label="Delete template" glyph=Glyph::Trash danger=true on_click=delete/>
            </header>
            <div class="tile-description">
                <InPlace editor=description label="Description" id=format!("{id}-description") placeholder="Add a description" lines=true
                    hint="Shift+Enter for a new line"/>
            </div>
            <Facts desk template/>
            <Fields desk template/>
        </article>
    })
}
