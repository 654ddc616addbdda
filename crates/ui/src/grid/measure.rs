//! Measures the grid in the browser.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{HtmlElement, ResizeObserver};

use super::viewport::Measurements;

/// Updates the measurements now and whenever the scroller or the row height changes. The probe is as high as a row.
pub(super) fn watch(scroller: HtmlElement, probe: HtmlElement, measures: RwSignal<Measurements>) {
    let measure = {
        let (scroller, probe) = (scroller.clone(), probe.clone());
        move || {
            let header = scroller.query_selector("thead").ok().flatten().map_or(0, |head| head.client_height());
            // `clientHeight` is rounded, and the last row of a scaled list would be cut off.
            let height = scroller.get_bounding_client_rect().height();
            let viewport = (height - f64::from(scroller.offset_height() - scroller.client_height() + header)).max(0.0);
            let row_height = f64::from(probe.offset_height());
            // The height is 0 while the grid is not displayed.
            if row_height > 0.0 {
                measures.set(Measurements { row_height, viewport });
            }
        }
    };
    measure();
    let on_resize = Closure::<dyn Fn()>::new(measure);
    if let Ok(observer) = ResizeObserver::new(on_resize.as_ref().unchecked_ref()) {
        observer.observe(&scroller);
        observer.observe(&probe);
        let stored = StoredValue::new_local((observer, on_resize));
        on_cleanup(move || stored.with_value(|(observer, _)| observer.disconnect()));
    }
}
