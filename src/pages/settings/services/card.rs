//! One service.

use leptos::{html, prelude::*};

use super::{OpenDialog, authentication, callers, gateway_url, limits, matches};
use latchkey_types::{
    key_kind::CredentialKind,
    service::{AllowRule, ServiceLink, ServiceRow},
};
use latchkey_ui::{
    button::IconButton,
    copy::CopyButton,
    dialog::Dialogs,
    icon::{Glyph, Icon},
    number::format_count,
    time::Time,
};

/// Number of allow rules that are shown; the rest is counted.
const RULES_SHOWN: usize = 5;

#[component]
pub(super) fn ServiceCard(
    service: Memo<ServiceRow>,
    /// The card is hidden while it does not match.
    search: RwSignal<String>,
    /// The URL of this server.
    origin: RwSignal<String>,
    dialogs: Dialogs<OpenDialog>,
) -> impl IntoView {
    let is_hidden = Memo::new(move |_| search.with(|search| service.with(|service| !matches(service, search))));
    let name = move || service.with(|service| service.name.clone());
    let open = move |dialog: fn(ServiceRow) -> OpenDialog| dialogs.open(dialog(service.get_untracked()));
    let shown_in = NodeRef::<html::Code>::new();
    let url = Signal::derive(move || gateway_url(&origin.get(), &name()));
    view! {
        <article class="provider" aria-label=name hidden=move || is_hidden.get()>
            <header class="provider-head">
                <div class="provider-title">
                    <h2>{name}</h2>
                    <span class="provider-style">{move || service.with(|service| authentication::describe(&service.injection))}</span>
                </div>
                <div class="provider-actions">
                    <IconButton label="Edit" glyph=Glyph::Edit on_click=move |_| open(OpenDialog::Edit)/>
                    <IconButton label="Delete" glyph=Glyph::Trash danger=true on_click=move |_| open(OpenDialog::Delete)/>
                </div>
            </header>
            <dl class="provider-properties">
                <dt>"URL"</dt>
                <dd class="service-url">
                    <code node_ref=shown_in>{move || url.get()}</code>
                    <CopyButton text=url shown_in compact=true/>
                </dd>
                <dt>"Base URL"</dt>
                <dd><code>{move || service.with(|service| service.base_url.clone())}</code></dd>
                <dt>"Key"</dt>
                <dd>{move || link_view(service.with(|service| service.link.clone()))}</dd>
                <dt>"Callers"</dt>
                <dd>{move || callers_view(service.with(|service| callers::describe(&service.callers)))}</dd>
                <dt>"Allowed"</dt>
                <dd>{move || service.with(|service| rules_view(&service.allow))}</dd>
                <dt>"Limits"</dt>
                <dd>{move || service.with(|service| limits::describe(service.timeout_seconds, service.body_max))}</dd>
                <dt>"Added"</dt>
                <dd>
                    {move || view! { <Time at=service.with(|service| service.created_at)/> }}
                    " by " <span dir="auto">{move || service.with(|service| service.created_by.clone())}</span>
                </dd>
            </dl>
        </article>
    }
}

/// The linked key, or the reason why there is none.
fn link_view(link: ServiceLink) -> AnyView {
    match link {
        ServiceLink::Credential(credential) => {
            // The secret of an external key is never shown, not even in part.
            let secret = match credential.kind {
                CredentialKind::General => view! { <code class="key-mask">{credential.mask}</code> }.into_any(),
                CredentialKind::External => view! { <span class="key-mask">"external key"</span> }.into_any(),
            };
            view! { <span><span dir="auto">{credential.name}</span> " " {secret}</span> }.into_any()
        }
        ServiceLink::Nothing => "No key".into_any(),
        ServiceLink::Unlinked(reason) => warning(format!("{} Edit to select one.", reason.text())),
    }
}

fn callers_view(callers: String) -> AnyView {
    if callers.is_empty() { warning("None. Edit to choose which keys may call it.".to_owned()) } else { callers.into_any() }
}

fn rules_view(rules: &[AllowRule]) -> AnyView {
    if rules.is_empty() {
        return warning("None. Edit to add a rule.".to_owned());
    }
    let others = rules.len().saturating_sub(RULES_SHOWN);
    let item = |rule: &AllowRule| view! { <li><code>{format!("{} {}", rule.method, rule.path)}</code></li> };
    view! {
        <ul class="service-rules">
            {rules.iter().take(RULES_SHOWN).map(item).collect_view()}
            {(others > 0).then(|| view! { <li class="provider-style">{format!("and {} more", format_count(others))}</li> })}
        </ul>
    }
    .into_any()
}

fn warning(text: String) -> AnyView {
    view! { <span class="provider-warning"><Icon glyph=Glyph::Warning/> {text}</span> }.into_any()
}
