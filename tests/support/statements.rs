//! Records the statements that are executed.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, OnceLock},
};

use tracing::{
    Dispatch, Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt},
};

/// A dispatcher that records nothing. If there were only one dispatcher, tracing would cache whether an event is recorded for the thread in which it
/// happens first, which may be that of another test.
static SECOND: OnceLock<Dispatch> = OnceLock::new();

/// The texts of executed statements that read or change rows, with single spaces.
#[derive(Clone, Default)]
pub struct Statements(Arc<Mutex<BTreeSet<String>>>);

impl Statements {
    /// Records the statements that are executed while it is the default.
    pub fn dispatch(&self) -> Dispatch {
        SECOND.get_or_init(|| Dispatch::new(tracing_subscriber::registry()));
        let of_sqlx = Targets::new().with_target("sqlx::query", Level::DEBUG);
        Dispatch::new(tracing_subscriber::registry().with(self.clone().with_filter(of_sqlx)))
    }

    pub fn recorded(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().clone()
    }
}

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut texts = Texts::default();
        event.record(&mut texts);
        let sql = if texts.statement.trim().is_empty() { texts.summary } else { texts.statement };
        let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        if ["select ", "insert ", "update ", "delete ", "with "].iter().any(|word| sql.starts_with(word)) {
            self.0.lock().unwrap().insert(sql);
        }
    }
}

/// The fields of sqlx's events: short statements are only in the summary.
#[derive(Default)]
struct Texts {
    summary: String,
    statement: String,
}

impl Visit for Texts {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
