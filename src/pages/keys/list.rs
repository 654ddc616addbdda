//! The list of keys: toolbar, rows, empty states and dialogs.

use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_query_map;

use super::{
    actions::ListActions,
    columns,
    dialogs::{DialogContext, KeyDialog, OpenDialog, load_dialogs},
    empty::{NoKeys, NoMatch},
    keyboard::{Announcements, ROW_SHORTCUTS},
    query_state::QueryState,
    revealed_secrets::RevealedSecrets,
    row::row_view,
    row_context::RowContext,
    selection::{RowSelection, SelectAllCheckbox},
    toolbar::{Create, SelectionBar, Toolbar},
    totals::KeyTotals,
    view_options::ViewOptions,
};
use crate::{
    api::keys::{count_keys, key_rows, open_keys},
    pages::secret::use_reveal,
    routes,
};
use latchkey_types::{
    account::Viewer,
    error::Error,
    key::KeyRow,
    key_kind::KindSpec,
    listing::{OpenedListing, Total},
};
use latchkey_ui::{
    browser,
    dialog::use_dialogs,
    grid::{
        data_source::{DataSource, Rows, ScrollPosition},
        view::DataGrid,
    },
    lazy::load_on_input,
    menu::{MenuList, SharedMenu},
    message::AlertWithRetry,
    navigation_guard::NavigationGuard,
    page::PageActions,
    toast::use_toasts,
};

/// The content below the toolbar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Rows,
    Empty,
    NoMatch,
    Nothing,
}

#[component]
pub(super) fn KeyList(
    spec: &'static KindSpec,
    query_state: QueryState,
    /// The result of the first opening.
    first: Result<OpenedListing<KeyRow>, Error>,
    viewer: Viewer,
) -> impl IntoView {
    let may_manage = viewer.can(spec.manage);

    // Data
    let rows = Rows::new(DataSource::new(move || open_keys(query_state.query(spec.kind)), key_rows, count_keys), first);
    let selection = RowSelection::new(rows);
    let secrets = RevealedSecrets::new();
    let dialogs = use_dialogs::<OpenDialog>();
    let testing = RwSignal::new(Vec::new());
    let content = Memo::new(move |before: Option<&Content>| match (rows.is_open(), rows.total()) {
        (false, _) => Content::Nothing,
        // Keep the previous content until the new list is loaded.
        (true, 0) if rows.is_loading().get() => before.copied().unwrap_or(Content::Empty),
        (true, 0) if query_state.get().is_unfiltered() => Content::Empty,
        (true, 0) => Content::NoMatch,
        (true, _) => Content::Rows,
    });
    Effect::new(move |before: Option<_>| {
        let query = query_state.get();
        if let Some(before) = before.filter(|before| *before != query) {
            if !query.has_same_filters(&before) {
                selection.on_filters_changed();
            }
            spawn_local(rows.reopen(ScrollPosition::Top));
        }
        query
    });
    let totals = expect_context::<KeyTotals>();
    Effect::new(move || {
        let total = Total { count: rows.total(), is_exact: rows.is_total_exact() };
        // Not tracked: until the list is reopened, its rows match the previous filters.
        if rows.is_open() && query_state.get_untracked().is_unfiltered() {
            totals.set(spec.kind, total);
        }
    });
    Effect::new(move || {
        if rows.error().get() == Some(Error::SignedOut) {
            browser::go_to_sign_in();
        }
    });

    // Actions
    let actions = ListActions { spec, query_state, rows, selection, secrets, dialogs, testing, reveal: use_reveal(), toasts: use_toasts() };
    let reload = Callback::new(move |()| actions.reload());
    let on_command = may_manage.then(|| Callback::new(move |command| actions.on_command(command)));
    actions.watch_escape();
    load_on_input(load_dialogs);
    let create = dialogs.opener(OpenDialog::Create);
    let done = dialogs.done(move |done| actions.on_done(done));

    // A link from another page opens the create dialog. Its parameter is removed, so that a reload does not open the dialog again.
    let params = use_query_map();
    Effect::new(move || {
        if may_manage && params.with(|params| params.get_str(routes::CREATE).is_some()) {
            untrack(|| {
                query_state.clean_url();
                dialogs.open(OpenDialog::Create);
            });
        }
    });

    // View
    let view_options = ViewOptions::new(spec);
    let menu = SharedMenu::new();
    let on_action = Callback::new(move |(action, row)| actions.on_row(action, row));
    let row_context = RowContext { spec, may_manage, view_options, selection, shown: secrets, testing, menu, on_action };
    let viewer = StoredValue::new(viewer);
    // The style sheet sets the column widths per kind.
    let class = move || format!("grid-{}{}{}", spec.name, if may_manage { " grid-managed" } else { "" }, view_options.class());
    let lead = may_manage.then(|| Callback::new(move |()| view! { <SelectAllCheckbox selection/> }.into_any()));
    let below = move || match content.get() {
        Content::Rows => view! {
            <DataGrid label=spec.label class=class() lead rows row_view=row_view(&row_context)
                columns=row_context.columns().map(|(title, field)| columns::column(*field, title)).collect()
                order=Signal::derive(move || columns::order_of(query_state.get().sort)) on_order=Callback::new(move |order| query_state.order(order))
                on_command/>
        }
        .into_any(),
        Content::Empty => view! { <NoKeys spec may_manage create/> }.into_any(),
        Content::NoMatch => view! { <NoMatch query_state/> }.into_any(),
        Content::Nothing => ().into_any(),
    };
    let bulk = Callback::new(move |action| actions.on_picked(action));
    let export = Callback::new(move |format| dialogs.open(OpenDialog::Export(format)));
    let is_empty = Memo::new(move |_| content.get() == Content::Empty);
    // There is nothing to search, filter or select in an empty list.
    let toolbar = move || {
        if is_empty.get() {
            may_manage.then(|| view! { <div class="visually-hidden"><SelectionBar spec selection bulk/></div> }).into_any()
        } else {
            view! { <Toolbar spec query_state rows selection may_manage view_options reload bulk export/> }.into_any()
        }
    };
    view! {
        {may_manage.then(|| view! { <PageActions><Create spec create/></PageActions> })}
        {toolbar}
        {move || rows.error().get().map(|error| view! {
            <AlertWithRetry message=load_error(&error, untrack(|| rows.is_open())) on_retry=reload pending=rows.is_loading()/>
        })}
        {below}
        <MenuList menu id="row-menu" shortcuts=ROW_SHORTCUTS/>
        <Announcements spec query_state is_no_match=Signal::derive(move || content.get() == Content::NoMatch)/>
        {dialogs.render(move |dialog| view! {
            <KeyDialog dialog context=DialogContext { spec, viewer: viewer.get_value(), rows, selection, on_dismiss: dialogs.dismiss, on_done: done }/>
        })}
        <NavigationGuard active=Signal::derive(move || secrets.has_uncopied()) title="Leave without copying the key?"
            text="You haven’t copied the new key. If you leave now, you’ll have to create another one." confirm_label="Leave without copying"/>
    }
}

/// Says that the rows may not match the search and filters, if rows are shown.
fn load_error(error: &Error, has_rows: bool) -> String {
    if has_rows { format!("{error} Below is the last list that could be loaded.") } else { error.to_string() }
}
