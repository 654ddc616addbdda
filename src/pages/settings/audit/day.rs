//! Days and times of day of the events, in the browser's time zone.

use wasm_bindgen::JsValue;

use latchkey_types::{
    audit::AuditEventRow,
    time::{DAY_MS, MINUTE_MS, MONTHS, Timestamp, civil_from_days},
};

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The weekday of 1970-01-01.
const THURSDAY: i64 = 4;

/// The events of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Day {
    pub label: String,
    /// Each with its time of day.
    pub events: Vec<(String, AuditEventRow)>,
}

/// Groups events, which are in order, by day. `is_local`: in the browser's time zone instead of UTC, which the server uses.
pub(super) fn by_day(events: &[AuditEventRow], is_local: bool) -> Vec<Day> {
    group(events, |at| if is_local { utc_offset_ms(at) } else { 0 })
}

fn group(events: &[AuditEventRow], offset_ms: impl Fn(Timestamp) -> i64) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for event in events {
        let local = event.at.plus_ms(offset_ms(event.at));
        let label = day_label(local);
        let entry = (time_of_day(local), event.clone());
        match days.last_mut() {
            Some(day) if day.label == label => day.events.push(entry),
            _ => days.push(Day { label, events: vec![entry] }),
        }
    }
    days
}

/// “Sunday, November 29, 2026”.
fn day_label(at: Timestamp) -> String {
    let days = at.0.div_euclid(DAY_MS);
    let (year, month, day) = civil_from_days(days);
    let name = |names: &[&'static str], index: i64| usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default();
    format!("{}, {} {day}, {year}", name(&WEEKDAYS, (days + THURSDAY).rem_euclid(7)), name(&MONTHS, month - 1))
}

/// “10:26:14”.
fn time_of_day(at: Timestamp) -> String {
    let seconds = at.0.rem_euclid(DAY_MS) / 1000;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The offset of the browser's time zone at a time.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "times and offsets are integers far below 2^53")]
fn utc_offset_ms(at: Timestamp) -> i64 {
    let date = js_sys::Date::new(&JsValue::from_f64(at.0 as f64));
    -(date.get_timezone_offset() as i64) * MINUTE_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64) -> AuditEventRow {
        AuditEventRow {
            seq: at,
            at: Timestamp(at),
            actor: String::new(),
            actor_id: String::new(),
            auth_method: None,
            action: String::new(),
            object: String::new(),
            object_kind: String::new(),
            object_id: String::new(),
            details: Vec::new(),
            address: String::new(),
        }
    }

    #[test]
    fn events_are_grouped_by_local_day() {
        // 2026-11-21T00:39:59Z, and three hours before it.
        let events = [event(1_795_221_599_999), event(1_795_210_799_999)];
        let utc = group(&events, |_| 0);
        let labels: Vec<_> = utc.iter().map(|day| day.label.as_str()).collect();
        assert_eq!(labels, ["Saturday, November 21, 2026", "Friday, November 20, 2026"]);
        assert_eq!(utc[0].events[0].0, "00:39:59");
        let west = group(&events, |_| -60 * MINUTE_MS);
        assert_eq!((west.len(), west[0].events.len(), west[0].events[0].0.as_str()), (1, 2, "23:39:59"));
        assert_eq!(group(&[], |_| 0), []);
    }
}
