//! Ready code in several languages.

use leptos::{ev, html, prelude::*};

use super::{browser, copy::CopyButton, tabs::neighbor};

/// Code for one language or tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeSample {
    /// Label of its tab.
    pub label: &'static str,
    pub code: String,
}

/// A tab per sample, and a copy button for the open one. Only the open tab is in the Tab order; arrow keys, Home and End open other tabs.
#[component]
pub fn CodeTabs(
    /// Always with the same labels.
    #[prop(into)]
    samples: Signal<Vec<CodeSample>>,
    /// Accessible name of the tab list.
    #[prop(into)]
    label: String,
    /// Called when a sample is on the clipboard.
    #[prop(optional, into)]
    on_copied: Option<Callback<()>>,
) -> impl IntoView {
    let (list, shown_in) = (NodeRef::<html::Div>::new(), NodeRef::<html::Code>::new());
    let open = RwSignal::new(0_usize);
    let on_copied = on_copied.unwrap_or_else(|| Callback::new(|()| {}));
    let labels: Vec<_> = samples.with_untracked(|samples| samples.iter().map(|sample| sample.label).collect());
    let code = Memo::new(move |_| samples.with(|samples| samples.get(open.get()).map_or_else(String::new, |sample| sample.code.clone())));
    let open_label = move || samples.with(|samples| samples.get(open.get()).map_or("", |sample| sample.label));

    let on_keydown = move |event: ev::KeyboardEvent| {
        let Some(list) = list.get_untracked() else { return };
        let tabs = browser::find_all(&list, "[role=tab]");
        if let Some(to) = neighbor(&event.key(), open.get_untracked(), tabs.len()) {
            event.prevent_default();
            open.set(to);
            browser::focus(&tabs[to]);
        }
    };
    let tab = |(index, label): (usize, &'static str)| {
        let is_open = move || open.get() == index;
        view! {
            <button type="button" role="tab" class="code-tab" aria-selected=move || is_open().to_string()
                tabindex=move || if is_open() { "0" } else { "-1" } on:click=move |_| open.set(index)>
                {label}
            </button>
        }
    };
    // One button per sample, so that a status is not shown beside another sample.
    let copy = move || {
        open.track();
        view! { <CopyButton text=code shown_in on_copied/> }
    };
    view! {
        <div class="code-tabs">
            <div class="code-tabs-head">
                <div class="code-tabs-list" role="tablist" aria-label=label node_ref=list on:keydown=on_keydown>
                    {labels.into_iter().enumerate().map(tab).collect_view()}
                </div>
                {copy}
            </div>
            <pre class="code-tabs-panel" role="tabpanel" tabindex="0" aria-label=open_label><code node_ref=shown_in>{move || code.get()}</code></pre>
        </div>
    }
}
