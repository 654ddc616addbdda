//! The table of issued keys, with totals.

use leptos::prelude::*;

use super::{
    actions::{RevokeDialog, RowActions, set_disabled},
    context::IssuedContext,
};
use crate::pages::projects::frame::use_project;
use latchkey_types::{
    id::KeyId,
    issued_key::{Bucket, IssuedOrder, IssuedRow, IssuedSort},
    key_kind::Status,
    money::Money,
};
use latchkey_ui::{
    chart::Sparkline,
    dialog::{Dialogs, use_dialogs},
    money::Price,
    number::{format_integer, pluralize},
    pending_action::PendingAction,
    table::{Column, Table},
    time::Time,
    toast::use_toasts,
};

#[component]
pub(super) fn IssuedTable(context: IssuedContext) -> impl IntoView {
    let revoke_dialog = use_dialogs::<IssuedRow>();
    let ids = Memo::new(move |_| context.page.with(|page| page.iter().flat_map(|page| &page.rows).map(|row| row.id).collect::<Vec<_>>()));
    let render_row = move |id: KeyId| {
        // Updated in place, so that its buttons keep the focus.
        let row = Memo::new(move |before: Option<&Option<IssuedRow>>| {
            let found = context.page.with(|page| page.iter().flat_map(|page| &page.rows).find(|row| row.id == id).cloned());
            found.or_else(|| before.cloned().flatten())
        });
        view! { <IssuedKeyRow context id row revoke_dialog/> }
    };
    let currency = StoredValue::new(use_project().viewer().currency);
    let sum = move || {
        context.page.get().map(|page| {
            view! {
                <tr>
                    <th scope="row" colspan="3">{format!("Total of {}", pluralize(page.count, "key", "keys"))}</th>
                    <td class="cell-number" data-label="Requests">{format_integer(page.requests)}</td>
                    <td class="cell-number" data-label="Total"><Price amount=page.cost currency=currency.get_value()/></td>
                    <td colspan="2"></td>
                </tr>
            }
        })
    };
    let query_state = context.query_state;
    let sortable = |heading, is_number, column: IssuedSort| Column::Sortable {
        heading,
        is_number,
        order: Signal::derive(move || Some(query_state.get().order).filter(|order| order.column == column).map(IssuedOrder::is_descending)),
        on_sort: Callback::new(move |()| {
            query_state.change(|query| {
                let is_reversed = query.order.column == column && !query.order.is_reversed;
                query.order = IssuedOrder { column, is_reversed };
                query.page = 1;
            });
        }),
    };
    let columns = vec![
        sortable("API Key", false, IssuedSort::Name),
        sortable("User", false, IssuedSort::User),
        sortable("Received", false, IssuedSort::Received),
        sortable("Requests", true, IssuedSort::Requests),
        sortable("Total", true, IssuedSort::Total),
        "Status".into(),
        Column::Hidden("Action"),
    ];
    view! {
        <Table label="Issued keys" class="table issued-table" columns footer=sum>
            <For each=move || ids.get() key=|id| *id children=render_row/>
        </Table>
        {revoke_dialog.render(move |row| view! { <RevokeDialog context row revoke_dialog/> })}
    }
}

#[component]
fn IssuedKeyRow(context: IssuedContext, id: KeyId, row: Memo<Option<IssuedRow>>, revoke_dialog: Dialogs<IssuedRow>) -> impl IntoView {
    let text = move |field: fn(&IssuedRow) -> String| move || row.with(|row| row.as_ref().map(field));
    let received = row.with_untracked(|row| row.as_ref().map(|row| row.received_at));
    let status = Memo::new(move |_| row.with(|row| row.as_ref().map_or(Status::Deleted, |row| row.status)));
    let is_holder_disabled = Memo::new(move |_| row.with(|row| row.as_ref().is_some_and(|row| row.is_holder_disabled)));
    let is_disabled_by_holder = move || status.get() == Status::Disabled && is_holder_disabled.get();
    let cost = Signal::derive(move || row.with(|row| row.as_ref().map_or(Money::default(), |row| row.cost)));
    let currency = use_project().viewer().currency;
    let bars = Memo::new(move |_| {
        let bucket = context.page.with(|page| page.as_ref().map_or(Bucket::Day, |page| page.bucket));
        (row.with(|row| row.as_ref().map(|row| row.buckets.clone()).unwrap_or_default()), bucket)
    });
    let sparkline = move || {
        let (values, bucket) = bars.get();
        let label = sparkline_label(&values, bucket);
        view! { <Sparkline values label/> }
    };
    let toasts = use_toasts();
    let confirm_revoke = move |()| {
        if let Some(row) = row.get_untracked() {
            revoke_dialog.open(row);
        }
    };
    let action = PendingAction::new();
    let toggle = move |()| set_disabled(action, context, toasts, id, status.get_untracked() != Status::Disabled);
    let status_id = format!("{id}-status");
    view! {
        <tr aria-label=text(|row| row.name.clone())>
            <td class="cell-name" dir="auto">{text(|row| row.name.clone())}</td>
            <td class="cell-text" data-label="User" dir="auto">{text(|row| row.holder.clone())}</td>
            <td class="cell-soft" data-label="Received">{received.map(|at| view! { <Time at/> })}</td>
            <td class="cell-number" data-label="Requests">
                <span class="issued-requests">
                    {sparkline}
                    <span>{text(|row| format_integer(row.requests))}</span>
                </span>
            </td>
            <td class="cell-number" data-label="Total"><Price amount=cost currency/></td>
            <td data-label="Status">
                <span class=move || format!("status status-{}", status.get().as_str()) id=status_id.clone() tabindex="-1">
                    {move || status.get().label()}
                </span>
                {move || is_disabled_by_holder().then(|| view! { <span class="issued-reason">"The holder is disabled."</span> })}
            </td>
            <td class="cell-action">
                <RowActions status status_id is_holder_disabled pending=action.pending() on_toggle=toggle on_revoke=confirm_revoke/>
            </td>
        </tr>
    }
}

/// Text alternative of a sparkline.
fn sparkline_label(values: &[i64], bucket: Bucket) -> String {
    let highest = values.iter().copied().max().unwrap_or_default();
    format!("At most {} per {}", format_integer(highest), if bucket == Bucket::Hour { "hour" } else { "day" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparkline_label_names_the_highest_bar() {
        assert_eq!(sparkline_label(&[0, 1_200, 7], Bucket::Hour), "At most 1,200 per hour");
        assert_eq!(sparkline_label(&[1], Bucket::Day), "At most 1 per day");
    }
}
