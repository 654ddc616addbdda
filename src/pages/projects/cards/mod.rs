//! The subsection `API Keys` of `About Project`: the templates that the viewer can request, with the state of each request.

mod card;
mod import;
mod request_status;
mod state;

use leptos::prelude::*;

use super::frame::{KEYS, of_project};
use crate::api::access_requests::read_tiles;
use card::Tile;
use import::ImportDialog;
use latchkey_types::{error::Fault, key_template::KeyTiles, project::ProjectRow};
use latchkey_ui::message::Alert;
use state::Board;

pub type TilesRead = Resource<Result<KeyTiles, Fault>>;

/// The first data of [`ApiKeys`]. Create it outside of the page's content, see [`of_project`].
pub fn first_tiles() -> TilesRead {
    of_project(read_tiles)
}

/// One tile per template.
#[component]
pub fn ApiKeys(
    project: ProjectRow,
    /// See [`first_tiles`].
    first: TilesRead,
) -> impl IntoView {
    let project = StoredValue::new(project);
    view! {
        <section class="sheet" aria-labelledby="api-keys">
            <h2 id="api-keys">"API Keys"</h2>
            <Suspense>
                {move || Suspend::new(async move {
                    match first.await {
                        Ok(first) => view! { <Tiles project=project.get_value() first/> }.into_any(),
                        Err(fault) => view! { <Alert message=fault.to_string()/> }.into_any(),
                    }
                })}
            </Suspense>
        </section>
    }
}

#[component]
fn Tiles(project: ProjectRow, first: KeyTiles) -> impl IntoView {
    let board = Board::new(project.id, first);
    board.stay_up_to_date();

    let ids = move || board.with(|data| data.tiles.iter().map(|tile| tile.template).collect::<Vec<_>>());
    let is_empty = Memo::new(move |_| board.with(|data| data.tiles.is_empty()));
    let is_managed = project.is_managed();
    let templates_path = KEYS.of(project.id);
    let tiles = move || {
        if is_empty.get() {
            return empty_state(is_managed.then(|| templates_path.clone()));
        }
        view! {
            <div class="tiles">
                <For each=ids key=|id| *id let(id)>
                    <Tile board id/>
                </For>
            </div>
        }
        .into_any()
    };
    view! {
        {move || board.trouble().get().map(|fault| view! { <Alert message=fault.to_string()/> })}
        {tiles}
        {move || board.asked.get().map(|asked| view! { <ImportDialog board asked/> })}
    }
}

/// `templates_path` is given for project managers, who can add a template.
fn empty_state(templates_path: Option<String>) -> AnyView {
    match templates_path {
        Some(path) => view! {
            <p class="nothing">"No keys available yet. " <a href=path>"Add a template"</a> ", and others can request it here."</p>
        }
        .into_any(),
        None => view! { <p class="nothing">"No keys available yet. When a manager adds a template, you can request it here."</p> }.into_any(),
    }
}
