//! The row around a control in a grid, as a context.

use leptos::prelude::*;

/// The row around a control.
#[derive(Clone)]
struct RowScope {
    is_current: Memo<bool>,
    /// The id of the row's element, whose accessible name says which row it is.
    id: String,
}

/// Provides the context for the controls in a row. Call it inside the row's own reactive owner.
pub(super) fn provide(is_current: Memo<bool>, id: String) {
    provide_context(RowScope { is_current, id });
}

/// The `tabindex` of a control: in a grid, only the controls of the current row are tab stops.
pub fn tab_index() -> Option<impl Fn() -> Option<&'static str> + Send + Sync + 'static> {
    let RowScope { is_current, .. } = use_context()?;
    Some(move || (!is_current.get()).then_some("-1"))
}

/// The `aria-describedby` of a control whose name does not say which row it belongs to.
pub fn described_by() -> Option<String> {
    use_context::<RowScope>().map(|row| row.id)
}
