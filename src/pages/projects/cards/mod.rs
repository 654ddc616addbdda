//! The subsection `API Keys` of `About Project`: the templates that the viewer can request, with the state of each request.

mod card;
mod import;
mod request_status;
mod state;

use leptos::prelude::*;

use super::frame::use_project_resource;
use crate::{api::access_requests::list_key_cards, routes};
use card::Tile;
use import::ImportDialog;
use latchkey_types::{error::Error, key_template::KeyCards, project::ProjectRow};
use latchkey_ui::{empty_state::EmptyState, icon::Glyph, message::Alert, rows::ForRows, skeleton::TableSkeleton, suspend::suspend};
use state::TilesContext;

pub type TilesResource = Resource<Result<KeyCards, Error>>;

/// The first data of [`ApiKeys`]. Create it outside of the page's content, see [`use_project_resource`].
pub fn first_tiles() -> TilesResource {
    use_project_resource(list_key_cards)
}

/// One tile per template.
#[component]
pub fn ApiKeys(
    project: ProjectRow,
    /// See [`first_tiles`].
    first: TilesResource,
) -> impl IntoView {
    let project = StoredValue::new(project);
    view! {
        <section class="section" aria-labelledby="api-keys">
            <h2 id="api-keys">"API Keys"</h2>
            <Suspense fallback=TableSkeleton>
                {move || suspend(
                    first,
                    move |first| view! { <Tiles project=project.get_value() first/> },
                    |error| view! { <Alert message=error.to_string()/> },
                )}
            </Suspense>
        </section>
    }
}

#[component]
fn Tiles(project: ProjectRow, first: KeyCards) -> impl IntoView {
    let context = TilesContext::new(project.id, first);
    context.stay_up_to_date();

    let tiles = context.tiles();
    let is_empty = Memo::new(move |_| tiles.is_empty());
    let is_managed = project.is_managed();
    let templates_path = routes::PROJECT_KEYS.path_with(project.id);
    let list = move || {
        if is_empty.get() {
            return view! { <NoTiles templates_path=is_managed.then(|| templates_path.clone())/> }.into_any();
        }
        view! {
            <div class="tiles">
                <ForRows rows=tiles let(tile)>
                    <Tile context tile/>
                </ForRows>
            </div>
        }
        .into_any()
    };
    view! {
        {move || context.error().get().map(|error| view! { <Alert message=error.to_string()/> })}
        {list}
        {context.import_dialog.render(move |key_to_import| view! { <ImportDialog context key_to_import/> })}
    }
}

#[component]
fn NoTiles(
    /// The page on which a project manager adds a template.
    #[prop(optional_no_strip)]
    templates_path: Option<String>,
) -> impl IntoView {
    let title = "No keys available yet";
    match templates_path {
        Some(path) => view! {
            <EmptyState glyph=Glyph::Template title text="Add a template, and others can request its keys here.">
                <a class="button button-primary" href=path>"Add a template"</a>
            </EmptyState>
        }
        .into_any(),
        None => view! { <EmptyState glyph=Glyph::Template title text="When a manager adds a template, you can request a key here."/> }.into_any(),
    }
}
