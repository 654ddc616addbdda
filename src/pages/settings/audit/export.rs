//! Export of the events that match the filters.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api::audit::read_audit_log,
    pages::export_file::{self, Format},
};
use latchkey_types::{
    audit::{AuditEventRow, AuditQuery, EXPORT_MAX},
    error::Error,
};
use latchkey_ui::{
    button::Button,
    dialog::Dialog,
    icon::Glyph,
    menu::{Menu, MenuAction, MenuChevron, MenuItem},
    number::pluralize_count,
};

const COLUMNS: [&str; 10] = ["seq", "time", "actor", "via", "action", "target_kind", "target", "target_id", "ip_address", "details"];

/// Loads all events, then starts the download. False if it was stopped.
async fn export(query: AuditQuery, format: Format, loaded: RwSignal<usize>, stopped: RwSignal<bool>) -> Result<bool, Error> {
    let mut events = Vec::new();
    let mut before = None;
    loop {
        if stopped.try_get_untracked() != Some(false) {
            return Ok(false);
        }
        let page = read_audit_log(AuditQuery { before, after: None, limit: Some(EXPORT_MAX), ..query.clone() }).await?;
        events.extend(page.events);
        let _ = loaded.try_set(events.len());
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    export_file::download("audit-log", format, &COLUMNS, events.iter().map(cells));
    Ok(true)
}

#[component]
pub(super) fn ExportMenu(on_export: Callback<Format>) -> impl IntoView {
    let item = |label, format| MenuItem { label, glyph: Glyph::Download, action: MenuAction::Run(Callback::new(move |()| on_export.run(format))) };
    view! {
        <Menu id="export-menu" class="button" items=vec![item("CSV", Format::Csv), item("JSON", Format::Json)]>
            "Export"
            <MenuChevron/>
        </Menu>
    }
}

/// Shows how many events are loaded, and can stop the export.
#[component]
pub(super) fn ExportDialog(
    query: AuditQuery,
    format: Format,
    /// Called with whether the file was created, or the error.
    on_done: Callback<Result<bool, Error>>,
) -> impl IntoView {
    let (loaded, stopped) = (RwSignal::new(0), RwSignal::new(false));
    spawn_local(async move {
        let outcome = export(query, format, loaded, stopped).await;
        let _ = on_done.try_run(outcome);
    });
    let stop = Callback::new(move |()| stopped.set(true));
    view! {
        <Dialog title="Exporting events" on_dismiss=stop>
            <div class="dialog-content"><p role="status">{move || pluralize_count(loaded.get(), "event", "events")}</p></div>
            <footer class="dialog-foot"><Button label="Stop" on_click=stop pending=stopped autofocus=true/></footer>
        </Dialog>
    }
}

/// The cells of an event, in the order of the columns.
fn cells(event: &AuditEventRow) -> [String; COLUMNS.len()] {
    let details: Vec<String> = event.details.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    [
        event.seq.to_string(),
        event.at.rfc3339(),
        event.actor.clone(),
        event.auth_method.clone().unwrap_or_default(),
        event.action.clone(),
        event.object_kind.clone(),
        event.object.clone(),
        event.object_id.clone(),
        event.address.clone(),
        details.join("; "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::time::Timestamp;

    fn event() -> AuditEventRow {
        AuditEventRow {
            seq: 7,
            at: Timestamp(0),
            actor: "=José".to_owned(),
            actor_id: "usr_1".to_owned(),
            auth_method: None,
            action: "key.created".to_owned(),
            object: "a, b".to_owned(),
            object_kind: "key".to_owned(),
            object_id: "key_1".to_owned(),
            details: vec![("kind".to_owned(), "agent".to_owned()), ("n".to_owned(), "2".to_owned())],
            address: "127.0.0.1".to_owned(),
        }
    }

    #[test]
    fn csv_begins_with_a_byte_order_mark_and_escapes_formulas() {
        let text = latchkey_ui::csv::csv(&COLUMNS, [cells(&event())]);
        let (header, line) = text.split_once("\r\n").unwrap();
        assert_eq!(header, "\u{FEFF}seq,time,actor,via,action,target_kind,target,target_id,ip_address,details");
        assert_eq!(line, "7,1970-01-01T00:00:00.000Z,'=José,,key.created,key,\"a, b\",key_1,127.0.0.1,kind: agent; n: 2\r\n");
    }

    #[test]
    fn json_can_be_parsed() {
        let read: serde_json::Value = serde_json::from_str(&export_file::json(&COLUMNS, [cells(&event()), cells(&event())])).unwrap();
        assert_eq!((read[1]["seq"].as_str(), read[1]["target"].as_str()), (Some("7"), Some("a, b")));
    }
}
