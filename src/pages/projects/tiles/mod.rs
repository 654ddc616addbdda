//! The subsection `API Keys` of `About Project`: what keys a project offers, and where the reader stands with each.

mod board;
mod import;
mod standing;
mod tile;

use leptos::prelude::*;

use self::{board::Board, import::ImportDialog, tile::Tile};
use super::frame::{KEYS, of_project};
use crate::{
    api::requests::read_tiles,
    model::{fault::Fault, project::ProjectRow, template::KeyTiles},
    ui::message::Alert,
};

/// The tiles as the server answers them.
pub type TilesRead = Resource<Result<KeyTiles, Fault>>;

/// What [`ApiKeys`] begins with. To be made where the page makes its other resources: outside of its content.
pub fn first_tiles() -> TilesRead {
    of_project(read_tiles)
}

/// One tile per template: to ask for its key, to wait for it, to have it.
#[component]
pub fn ApiKeys(
    /// The project.
    project: ProjectRow,
    /// Its tiles; see [`first_tiles`].
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
    let design = KEYS.of(project.id);
    let tiles = move || {
        if is_empty.get() {
            return nothing(is_managed.then(|| design.clone()));
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

/// What to do where there is no template; `design` leads those who manage the project to where they make one.
fn nothing(design: Option<String>) -> AnyView {
    match design {
        Some(path) => view! {
            <p class="nothing">"This project offers no keys yet. " <a href=path>"Design one"</a> ", and others can ask for it here."</p>
        }
        .into_any(),
        None => {
            view! { <p class="nothing">"This project offers no keys yet. Once somebody who manages it designs one, you can ask for it here."</p> }
                .into_any()
        }
    }
}
