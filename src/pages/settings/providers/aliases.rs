//! The aliases: names that stand for one of several models.

use leptos::prelude::*;

use super::{ModelNames, delete::DeleteTarget, name_of, open_dialog::OpenDialog};
use latchkey_types::{
    id::{AliasId, ModelId},
    provider::{AliasRow, AliasTarget, ProviderList},
};
use latchkey_ui::{
    button::{Button, IconButton},
    dialog::Dialogs,
    icon::Glyph,
    rows::RowList,
    table::{Column, RowTable},
};

#[component]
pub(super) fn Aliases(
    aliases: RowList<ProviderList, AliasRow, AliasId>,
    /// All models of the organization.
    names: ModelNames,
    dialogs: Dialogs<OpenDialog>,
) -> impl IntoView {
    let columns = vec!["Alias".into(), "Models".into(), Column::Hidden("Action")];
    view! {
        <section class="provider" aria-labelledby="aliases-heading">
            <header class="provider-head">
                <div class="provider-title">
                    <h2 id="aliases-heading">"Aliases"</h2>
                    <span class="provider-style">"A name for several models. Calls are shared among them; if one fails, the next is called."</span>
                </div>
                <div class="provider-actions"><Button label="Add alias" on_click=dialogs.opener(OpenDialog::AddAlias)/></div>
            </header>
            <RowTable label="Aliases" columns rows=aliases let(alias)>
                <AliasTableRow alias names dialogs/>
            </RowTable>
        </section>
    }
}

#[component]
fn AliasTableRow(alias: Memo<AliasRow>, names: ModelNames, dialogs: Dialogs<OpenDialog>) -> impl IntoView {
    let name = move || alias.with(|alias| alias.name.clone());
    let targets = move || alias.with(|alias| names.with(|names| describe(&alias.targets, |id| name_of(names, id))));
    let open = move |dialog: fn(AliasRow) -> OpenDialog| dialogs.open(dialog(alias.get_untracked()));
    view! {
        <tr aria-label=name>
            <td class="cell-name">{name}</td>
            <td class="cell-soft cell-text" data-label="Models"><span dir="auto">{targets}</span></td>
            <td class="cell-action">
                <IconButton label="Try it" glyph=Glyph::Play on_click=move |_| open(|alias| OpenDialog::Try(alias.name))/>
                <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| open(OpenDialog::EditAlias)/>
                <IconButton label="Delete" glyph=Glyph::Trash danger=true
                    on_click=move |_| open(|alias| OpenDialog::Delete(DeleteTarget::Alias(alias)))/>
            </td>
        </tr>
    }
}

/// The targets, which are sorted by priority: `fast (75 %), small (25 %), then large`.
fn describe(targets: &[AliasTarget], name: impl Fn(ModelId) -> String) -> String {
    let group_text = |group: &[AliasTarget]| {
        let sum: u32 = group.iter().map(|target| u32::from(target.weight)).sum();
        let share = |target: &AliasTarget| (u32::from(target.weight) * 200 + sum).checked_div(2 * sum).unwrap_or_default();
        let text = |target: &AliasTarget| {
            let name = name(target.model);
            if group.len() == 1 { name } else { format!("{name} ({} %)", share(target)) }
        };
        group.iter().map(text).collect::<Vec<_>>().join(", ")
    };
    targets.chunk_by(|one, next| one.priority == next.priority).map(group_text).collect::<Vec<_>>().join(", then ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_described_with_their_shares() {
        let ids: Vec<ModelId> = (0..3).map(|digit| format!("mdl_0193456789ab7cdef0123456789abcd{digit}").parse().unwrap()).collect();
        let target = |model: usize, priority, weight| AliasTarget { model: ids[model], priority, weight };
        let text = |targets: &[AliasTarget]| {
            describe(targets, |id| ["fast", "small", "large"][ids.iter().position(|other| *other == id).unwrap()].to_owned())
        };
        assert_eq!(text(&[target(0, 1, 3), target(1, 1, 1), target(2, 2, 1)]), "fast (75 %), small (25 %), then large");
        assert_eq!(text(&[target(0, 1, 1), target(1, 1, 2)]), "fast (33 %), small (67 %)");
        assert_eq!(text(&[target(2, 5, 0)]), "large");
        assert_eq!(text(&[]), "");
    }
}
