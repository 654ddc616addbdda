//! Server-sent events, for as long as the page is looked at.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, EventSource, MessageEvent};

/// When to try again where the server would not have us, in milliseconds.
const AGAIN_MS: u32 = 60_000;

/// Events of one kind from one address.
#[derive(Clone, Copy)]
pub struct Stream {
    /// From where.
    pub address: &'static str,
    /// The word of the events.
    pub event: &'static str,
    /// The word of the one after which nothing comes.
    pub last: &'static str,
    /// Called each time that it begins: what was before is to be read elsewhere.
    pub on_open: Callback<()>,
    /// Called with the text of an event.
    pub on_event: Callback<String>,
}

type Listener = Closure<dyn FnMut(Event)>;

/// An open stream. It ends where this is dropped.
struct Open {
    source: EventSource,
    _listeners: [Listener; 4],
}

impl Drop for Open {
    fn drop(&mut self) {
        self.source.close();
    }
}

impl Stream {
    /// Listens while the page is visible: a browser has few connections for all of its pages. To be called in an effect; ends with it.
    pub fn follow(self) {
        let open = StoredValue::new_local(None::<Open>);
        let begin = move || {
            // Nobody listens any more.
            if open.try_with_value(Option::is_some) == Some(false) && !document().hidden() {
                let _ = open.try_set_value(self.begin(Callback::new(move |()| again(open, self))));
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

    fn begin(self, on_refused: Callback<()>) -> Option<Open> {
        let source = EventSource::new(self.address).ok()?;
        let began = Listener::new(move |_: Event| {
            let _ = self.on_open.try_run(());
        });
        let came = Listener::new(move |event: Event| {
            if let Some(text) = event.dyn_ref::<MessageEvent>().and_then(|message| message.data().as_string()) {
                let _ = self.on_event.try_run(text);
            }
        });
        // The browser comes back by itself, but not to a server that refused it.
        let failed = Listener::new(move |event: Event| {
            let source = event.target().and_then(|target| target.dyn_into::<EventSource>().ok());
            if source.is_some_and(|source| source.ready_state() == EventSource::CLOSED) {
                let _ = on_refused.try_run(());
            }
        });
        let ended = Listener::new(move |event: Event| {
            if let Some(source) = event.target().and_then(|target| target.dyn_into::<EventSource>().ok()) {
                source.close();
            }
        });
        for (word, listener) in [("open", &began), (self.event, &came), ("error", &failed), (self.last, &ended)] {
            source.add_event_listener_with_callback(word, listener.as_ref().unchecked_ref()).ok()?;
        }
        Some(Open { source, _listeners: [began, came, failed, ended] })
    }
}

/// Tries again later, if the page is still looked at then.
fn again(open: StoredValue<Option<Open>, LocalStorage>, stream: Stream) {
    gloo_timers::callback::Timeout::new(AGAIN_MS, move || {
        let is_refused = open.try_with_value(|open| open.as_ref().is_some_and(|open| open.source.ready_state() == EventSource::CLOSED));
        if is_refused == Some(true) {
            let _ = open.try_set_value(stream.begin(Callback::new(move |()| again(open, stream))));
        }
    })
    .forget();
}
