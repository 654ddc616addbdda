//! The first steps of a new organization, with a tick at each one that is done.

use std::time::Duration;

use gloo_timers::future::TimeoutFuture;
use leptos::{ev::MouseEvent, prelude::*, task::spawn_local};

use crate::{api::overview::overview, code_samples, routes};
use latchkey_types::{
    error::Error,
    key_kind::{KeyKind, Kind},
    overview::Overview,
    permission::{Permission, Permissions},
};
use latchkey_ui::{
    browser,
    button::IconButton,
    code_tabs::CodeTabs,
    icon::{Glyph, Icon},
};

/// The cookie by which this browser keeps the checklist hidden. A cookie and not local storage, so that the server does not render it either.
const COOKIE: &str = "latchkey-checklist";
const DISMISSED: &str = "dismissed";
const ONE_YEAR_S: u32 = 365 * 24 * 60 * 60;

/// How often the first verification is looked for, and after which pause in milliseconds: in the first minute, and then until ten minutes have
/// passed. Polling ends then, because requests keep the session of an unattended page alive.
const POLLS: [(usize, u32); 2] = [(30, 2_000), (54, 10_000)];

/// Where the link of a step leads.
enum Target {
    /// To the list of a kind, with its create dialog open.
    Create(Kind),
    Page(&'static routes::Page),
    /// To a page of the documentation.
    Docs(&'static str),
    /// The step shows the request to send.
    Request,
}

struct Step {
    title: &'static str,
    text: &'static str,
    target: Target,
    /// Label of the link; blank for [`Target::Request`].
    link: &'static str,
    needs: &'static [Permission],
    /// `None` if Latchkey cannot detect it.
    is_done: Option<fn(&Overview) -> bool>,
}

const STEPS: &[Step] = &[
    Step {
        title: "Create an internal key",
        text: "Your server calls Latchkey with it. Copy it now; you’ll need it in a moment.",
        target: Target::Create(routes::KEY_INTERNAL),
        link: "Create internal key",
        needs: &[Permission::ManageApiKeys],
        is_done: Some(|overview| overview.has_keys(routes::KEY_INTERNAL) || overview.progress.has_verified),
    },
    Step {
        title: "Create a client key",
        text: "It belongs to one caller of your API. Copy it too.",
        target: Target::Create(routes::KEY_CLIENT),
        link: "Create client key",
        needs: MANAGE_AND_VIEW_KEYS,
        is_done: Some(|overview| overview.has_keys(routes::KEY_CLIENT)),
    },
    Step {
        title: "Verify it",
        text: "Your API sends each key that it receives to Latchkey. Set LATCHKEY_API_KEY to the internal key, put in the client key, and run this:",
        target: Target::Request,
        link: "",
        needs: MANAGE_AND_VIEW_KEYS,
        is_done: Some(|overview| overview.progress.has_verified),
    },
    Step {
        title: "Invite a teammate",
        text: "Each member has a role, which limits what they can see and change.",
        target: Target::Page(&routes::MEMBERS),
        link: "Invite",
        needs: &[Permission::ManageMembers],
        is_done: Some(|overview| overview.progress.has_invited),
    },
    Step {
        title: "Set up email",
        text: "Start Latchkey with --smtp and --mail-from to send access requests and decisions by email too.",
        target: Target::Docs("/docs/configuration"),
        link: "Email settings",
        needs: &[Permission::ManageOrganization],
        is_done: Some(|overview| overview.progress.has_mail),
    },
    Step {
        title: "Back up your data",
        text: "“latchkey admin backup” copies the data of a running server. Keep the master key in another place.",
        target: Target::Docs("/docs/operating"),
        link: "Backup guide",
        needs: &[Permission::ManageOrganization],
        is_done: None,
    },
];

const MANAGE_AND_VIEW_KEYS: &[Permission] = &[Permission::ManageApiKeys, Permission::ViewKeys];

impl Step {
    fn is_done(&self, overview: &Overview) -> bool {
        self.is_done.is_some_and(|is_done| is_done(overview))
    }

    fn address(&self) -> String {
        match self.target {
            Target::Create(kind) => routes::create_address(kind),
            Target::Page(page) => page.path.to_owned(),
            Target::Docs(path) => path.to_owned(),
            Target::Request => String::new(),
        }
    }
}

/// The steps that a user with these permissions can take.
fn steps(permissions: Permissions) -> impl Iterator<Item = &'static Step> {
    STEPS.iter().filter(move |step| step.needs.iter().all(|needed| permissions.has(*needed)))
}

/// Whether there is a step left to do.
pub(super) fn is_incomplete(permissions: Permissions, overview: &Overview) -> bool {
    steps(permissions).any(|step| step.is_done.is_some_and(|is_done| !is_done(overview)))
}

/// Whether the user has hidden the checklist in this browser.
pub(super) fn is_dismissed() -> bool {
    cookies().split("; ").any(|cookie| cookie.split_once('=') == Some((COOKIE, DISMISSED)))
}

#[cfg(feature = "ssr")]
fn cookies() -> String {
    let parts = use_context::<axum::http::request::Parts>();
    let header = parts.as_ref().and_then(|parts| parts.headers.get(axum::http::header::COOKIE)?.to_str().ok());
    header.unwrap_or_default().to_owned()
}

#[cfg(not(feature = "ssr"))]
fn cookies() -> String {
    browser::cookies()
}

/// The steps, and how many of them are done.
#[component]
pub(super) fn Checklist(permissions: Permissions, data: RwSignal<Overview>, is_shown: RwSignal<bool>) -> impl IntoView {
    // The first step that is left, of those that Latchkey can detect.
    let current = Memo::new(move |_| data.with(|overview| steps(permissions).position(|step| step.is_done.is_some() && !step.is_done(overview))));
    let count = move || {
        let done = data.with(|overview| steps(permissions).filter(|step| step.is_done(overview)).count());
        let all = steps(permissions).filter(|step| step.is_done.is_some()).count();
        if done == all { "All done".to_owned() } else { format!("{done} of {all} done") }
    };
    let is_awaited = steps(permissions).any(|step| matches!(step.target, Target::Request));
    let is_visible = RwSignal::new(false);
    Effect::new(move || {
        is_visible.set(!document().hidden());
        let listener = window_event_listener_untyped("visibilitychange", move |_| {
            let _ = is_visible.try_set(!document().hidden());
        });
        on_cleanup(move || listener.remove());
    });
    let is_waiting = Memo::new(move |_| is_awaited && data.with(|overview| overview.has_keys(routes::KEY_CLIENT) && !overview.progress.has_verified));
    let is_polling = Memo::new(move |_| is_visible.get() && is_waiting.get());
    Effect::new(move || {
        if is_polling.get() {
            // Disposed when this effect runs again and when the page is closed.
            let polling = StoredValue::new(());
            spawn_local(await_verification(data, polling));
        }
    });
    let dismiss = move |_: MouseEvent| {
        browser::set_cookie(COOKIE, DISMISSED, ONE_YEAR_S);
        is_shown.set(false);
        // The clicked button is removed.
        set_timeout(|| browser::focus_id("content"), Duration::ZERO);
    };
    let items = steps(permissions).enumerate().map(|(index, step)| {
        let is_current = Signal::derive(move || current.get() == Some(index));
        view! { <StepItem step data is_current/> }
    });
    view! {
        <section class="checklist" aria-labelledby="checklist-title">
            <header class="checklist-head">
                <h2 id="checklist-title">"Get started"</h2>
                <p class="checklist-count" role="status">{count}</p>
                <IconButton label="Hide checklist" glyph=Glyph::Close on_click=dismiss/>
            </header>
            <ol class="checklist-steps">{items.collect_view()}</ol>
        </section>
    }
}

/// The pauses before each look for the first verification, in milliseconds.
fn pauses_ms() -> impl Iterator<Item = u32> {
    POLLS.into_iter().flat_map(|(times, pause_ms)| std::iter::repeat_n(pause_ms, times))
}

/// Reads the overview again until a key was verified or `polling` is disposed.
async fn await_verification(data: RwSignal<Overview>, polling: StoredValue<()>) {
    for pause_ms in pauses_ms() {
        TimeoutFuture::new(pause_ms).await;
        if polling.is_disposed() {
            return;
        }
        match overview().await {
            Ok(latest) if data.try_with_untracked(|shown| *shown != latest) == Some(true) => {
                let _ = data.try_set(latest);
            }
            Err(Error::SignedOut) => return,
            // The next attempt may succeed.
            Ok(_) | Err(_) => {}
        }
    }
}

#[component]
fn StepItem(
    step: &'static Step,
    data: RwSignal<Overview>,
    /// Whether it is the next step to take.
    #[prop(into)]
    is_current: Signal<bool>,
) -> impl IntoView {
    let is_done = Memo::new(move |_| data.with(|overview| step.is_done(overview)));
    let mark = move || is_done.get().then(|| view! { <Icon glyph=Glyph::Check/> });
    let state = move || is_done.get().then(|| view! { <span class="visually-hidden">" (done)"</span> });
    // The next step and those that cannot be ticked say what to do; of the others the title is enough.
    let details = move || {
        (!is_done.get() && (is_current.get() || step.is_done.is_none())).then(|| {
            view! {
                <p>{step.text}</p>
                {matches!(step.target, Target::Request).then(|| view! { <VerifySample data/> })}
            }
        })
    };
    let link = move || (!is_done.get() && !step.link.is_empty()).then(|| view! { <StepLink step is_current/> });
    view! {
        <li class="step" class:step-done=move || is_done.get() class:step-current=move || is_current.get()>
            <span class="step-mark" aria-hidden="true">{mark}</span>
            <div class="step-body">
                <h3>{step.title} {state}</h3>
                {details}
            </div>
            {link}
        </li>
    }
}

#[component]
fn StepLink(step: &'static Step, is_current: Signal<bool>) -> impl IntoView {
    // The documentation is served outside of the application, so the router must not open it.
    let rel = matches!(step.target, Target::Docs(_)).then_some("external");
    view! { <a class="button step-link" class:button-primary=move || is_current.get() href=step.address() rel=rel>{step.link}</a> }
}

/// The request that verifies a key, with a placeholder for its secret, which Latchkey does not keep.
#[component]
fn VerifySample(data: RwSignal<Overview>) -> impl IntoView {
    let samples = data.with_untracked(|overview| code_samples::samples(KeyKind::Client, &overview.api_url, "CLIENT_KEY", ""));
    // The others do not verify a key, but store it.
    let samples: Vec<_> = samples.into_iter().filter(|sample| sample.code.contains("/verify")).collect();
    view! {
        <CodeTabs label="Verify a key" samples/>
        <p class="step-waiting">"Waiting for the first request…"</p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::overview::{KindCounts, SetupProgress};

    fn overview(kinds: &[Kind], progress: SetupProgress) -> Overview {
        let kinds = kinds.iter().map(|kind| KindCounts { kind: *kind, active: 1, disabled: 0, expired: 0, expiring: 0 }).collect();
        Overview { kinds, requests: Vec::new(), progress, api_url: String::new() }
    }

    #[test]
    fn steps_depend_on_permissions() {
        let titles = |permissions: &[Permission]| steps(Permissions::of(permissions)).map(|step| step.title).collect::<Vec<_>>();
        assert_eq!(titles(Permission::ALL).len(), STEPS.len());
        assert_eq!(titles(&[Permission::ManageApiKeys]), ["Create an internal key"]);
        assert_eq!(titles(&[Permission::ViewKeys, Permission::ViewBilling]), [""; 0]);
    }

    #[test]
    fn polling_becomes_rarer_and_ends_after_ten_minutes() {
        assert_eq!((pauses_ms().next(), pauses_ms().last()), (Some(2_000), Some(10_000)));
        assert_eq!(pauses_ms().sum::<u32>(), 10 * 60 * 1_000);
    }

    #[test]
    fn a_backup_is_not_needed_to_complete_the_list() {
        let all = Permissions::of(Permission::ALL);
        let progress = SetupProgress { has_verified: true, has_invited: true, has_mail: true };
        assert!(!is_incomplete(all, &overview(&[routes::KEY_CLIENT], progress)));
        assert!(is_incomplete(all, &overview(&[routes::KEY_CLIENT], SetupProgress { has_mail: false, ..progress })));
        assert!(!is_incomplete(Permissions::default(), &overview(&[], SetupProgress::default())), "nothing that they could do");
    }

    #[test]
    fn whoever_verified_a_key_needs_no_internal_key() {
        let own = Permissions::of(&[Permission::ManageApiKeys]);
        assert!(is_incomplete(own, &overview(&[], SetupProgress::default())));
        assert!(!is_incomplete(own, &overview(&[], SetupProgress { has_verified: true, ..SetupProgress::default() })));
        assert!(!is_incomplete(own, &overview(&[routes::KEY_INTERNAL], SetupProgress::default())));
    }
}
