//! Server-sent events, received while the page is visible.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, EventSource, MessageEvent};

/// Retry delay after the server rejected the connection, in milliseconds.
const RETRY_MS: u32 = 60_000;

/// A subscription to one event type of one URL.
#[derive(Clone, Copy)]
pub struct EventStream {
    pub address: &'static str,
    /// The event type.
    pub event: &'static str,
    /// The type of the final event, after which the connection is closed.
    pub last: &'static str,
    /// Called on each connection. Earlier events are not replayed and must be fetched separately.
    pub on_open: Callback<()>,
    /// Called with the data of an event.
    pub on_event: Callback<String>,
}

type Listener = Closure<dyn FnMut(Event)>;

/// An open connection, closed on drop.
struct Connection {
    source: EventSource,
    _listeners: [Listener; 4],
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.source.close();
    }
}

impl EventStream {
    /// Listens while the page is visible, because browsers limit connections per host. Call in an effect; ends with its cleanup.
    pub fn subscribe(self) {
        let open = StoredValue::new_local(None::<Connection>);
        let begin = move || {
            // `None` means that the effect was cleaned up.
            if open.try_with_value(Option::is_some) == Some(false) && !document().hidden() {
                let _ = open.try_set_value(self.begin(Callback::new(move |()| retry_later(open, self))));
            }
        };
        begin();
        let listener = window_event_listener_untyped("visibilitychange", move |_| {
            if document().hidden() {
                let _ = open.try_set_value(None);
            } else {
                begin();
            }
        });
        on_cleanup(move || listener.remove());
    }

    fn begin(self, on_rejected: Callback<()>) -> Option<Connection> {
        let source = EventSource::new(self.address).ok()?;
        let on_connect = Listener::new(move |_: Event| {
            let _ = self.on_open.try_run(());
        });
        let on_message = Listener::new(move |event: Event| {
            if let Some(text) = event.dyn_ref::<MessageEvent>().and_then(|message| message.data().as_string()) {
                let _ = self.on_event.try_run(text);
            }
        });
        // The browser reconnects by itself, but not if the server rejected the connection.
        let on_error = Listener::new(move |event: Event| {
            let source = event.target().and_then(|target| target.dyn_into::<EventSource>().ok());
            if source.is_some_and(|source| source.ready_state() == EventSource::CLOSED) {
                let _ = on_rejected.try_run(());
            }
        });
        let on_end = Listener::new(move |event: Event| {
            if let Some(source) = event.target().and_then(|target| target.dyn_into::<EventSource>().ok()) {
                source.close();
            }
        });
        for (event_type, listener) in [("open", &on_connect), (self.event, &on_message), ("error", &on_error), (self.last, &on_end)] {
            source.add_event_listener_with_callback(event_type, listener.as_ref().unchecked_ref()).ok()?;
        }
        Some(Connection { source, _listeners: [on_connect, on_message, on_error, on_end] })
    }
}

/// Retries later if the subscription is still active.
fn retry_later(open: StoredValue<Option<Connection>, LocalStorage>, stream: EventStream) {
    gloo_timers::callback::Timeout::new(RETRY_MS, move || {
        let is_closed = open.try_with_value(|open| open.as_ref().is_some_and(|open| open.source.ready_state() == EventSource::CLOSED));
        if is_closed == Some(true) {
            let _ = open.try_set_value(stream.begin(Callback::new(move |()| retry_later(open, stream))));
        }
    })
    .forget();
}
