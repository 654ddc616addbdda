//! Browser APIs. Call these only from effects and event handlers: on the server they panic.

use js_sys::{JSON, Reflect};
use leptos::{
    ev::FocusEvent,
    prelude::{StoredValue, WithValue, document, on_cleanup, window},
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, Element, Event, FocusOptions, HtmlAnchorElement, HtmlElement, KeyboardEvent, Url, UrlSearchParams};

/// Session storage key of a message for the next page.
const NEXT_PAGE_MESSAGE_KEY: &str = "latchkey-message";

/// The path and query of this page.
pub fn path_and_query() -> String {
    let location = window().location();
    location.pathname().unwrap_or_default() + &location.search().unwrap_or_default()
}

/// The path of this page.
pub fn path() -> String {
    window().location().pathname().unwrap_or_default()
}

/// The value of a query parameter of this page.
pub fn query_parameter(name: &str) -> Option<String> {
    UrlSearchParams::new_with_str(&window().location().search().ok()?).ok()?.get(name)
}

/// Opens another page with a full load, so that nothing of this one stays in memory.
pub fn go(address: &str) {
    // Fails only for an invalid URL.
    let _ = window().location().assign(address);
}

/// Like [`go`], and shows a message on the next page.
pub fn go_with_message(address: &str, message: &str) {
    store(NEXT_PAGE_MESSAGE_KEY, message);
    go(address);
}

/// Removes and returns the message that the previous page left with [`go_with_message`].
pub fn take_message() -> Option<String> {
    let message = stored(NEXT_PAGE_MESSAGE_KEY)?;
    remove_stored(NEXT_PAGE_MESSAGE_KEY);
    Some(message)
}

/// Keeps a value for this tab, also when it is reloaded. Without session storage the value is dropped.
pub fn store(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().session_storage() {
        let _ = storage.set_item(key, value);
    }
}

/// The value that this tab keeps.
pub fn stored(key: &str) -> Option<String> {
    window().session_storage().ok()??.get_item(key).ok()?
}

/// Removes a value that this tab keeps.
pub fn remove_stored(key: &str) {
    if let Ok(Some(storage)) = window().session_storage() {
        let _ = storage.remove_item(key);
    }
}

/// The cookies that scripts can read, separated by `; `.
pub fn cookies() -> String {
    member(&document(), "cookie").and_then(|cookies| cookies.as_string()).unwrap_or_default()
}

/// Sets a cookie that every page and the server can read. With a lifetime of 0 it is removed.
pub fn set_cookie(name: &str, value: &str, lifetime_s: u32) {
    let secure = if origin().starts_with("https:") { "; secure" } else { "" };
    let cookie = format!("{name}={value}; path=/; max-age={lifetime_s}; samesite=lax{secure}");
    // Fails only if cookies are blocked, and then signing in fails too.
    let _ = Reflect::set(&document(), &"cookie".into(), &cookie.into());
}

/// Keeps a value in this browser, also across sessions. Without local storage the value is dropped.
pub fn keep(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}

/// The value that this browser keeps.
pub fn kept(key: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(key).ok()?
}

/// Removes a value that this browser keeps.
pub fn drop_kept(key: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.remove_item(key);
    }
}

/// Session storage key that is set when the sign-in page is opened because the session has ended.
const SESSION_ENDED_KEY: &str = "latchkey-session-ended";

/// The path of the sign-in page.
pub const SIGN_IN_PATH: &str = "/sign-in";

/// Opens the sign-in page after the session has ended. That page shows the reason, and returns here afterwards. Has no effect while a dialog is
/// open: the dialog shows the reason itself, and its input must not be lost.
pub fn go_to_sign_in() {
    if has_open_dialog() {
        return;
    }
    store(SESSION_ENDED_KEY, "1");
    go(&(String::from(SIGN_IN_PATH) + "?next=" + &encode(&path_and_query())));
}

/// Whether the sign-in page was opened by [`go_to_sign_in`]. True once.
pub fn take_session_ended() -> bool {
    let is_ended = stored(SESSION_ENDED_KEY).is_some();
    remove_stored(SESSION_ENDED_KEY);
    is_ended
}

/// The origin of this page: `https://keys.example.com`.
pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The browser's clock, in Unix milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds is an integer far below 2^53")]
pub fn now_ms() -> i64 {
    js_sys::Date::now() as i64
}

/// Indents JSON and keeps the order of its members. Text that is not JSON is returned unchanged.
pub fn pretty_json(text: &str) -> String {
    const INDENT: f64 = 2.0;
    let indented = |value| JSON::stringify_with_replacer_and_space(&value, &JsValue::NULL, &INDENT.into()).ok();
    JSON::parse(text).ok().and_then(indented).map_or_else(|| text.to_owned(), String::from)
}

/// Identifies the current entry of the history, also after a reload. `None` in browsers without the Navigation API.
pub fn history_entry_key() -> Option<String> {
    let entry = member(&member(&window(), "navigation")?, "currentEntry")?;
    member(&entry, "key")?.as_string()
}

/// A property of an object, for APIs and values that `web_sys` does not cover.
pub fn member(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok()
}

/// Percent-encodes text for a query string.
pub fn encode(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}

/// Returns the URL fragment without `#`, and removes it from the address bar and the history.
pub fn take_fragment() -> Option<String> {
    let fragment = window().location().hash().ok()?.strip_prefix('#').filter(|rest| !rest.is_empty())?.to_owned();
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&path_and_query()));
    }
    Some(fragment)
}

/// Copies text to the clipboard. False if the browser denies it.
pub async fn copy(text: &str) -> bool {
    let navigator = window().navigator();
    // The clipboard API is missing on pages that are served over plain HTTP from another host.
    if !Reflect::has(&navigator, &"clipboard".into()).unwrap_or(false) {
        return false;
    }
    JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok()
}

/// Downloads text as a file.
pub fn download(name: &str, mime: &str, text: &str) {
    // Fails only if the browser has no space left, which it reports itself.
    let _ = try_download(name, mime, text);
}

fn try_download(name: &str, mime: &str, text: &str) -> Result<(), JsValue> {
    let kind = BlobPropertyBag::new();
    kind.set_type(mime);
    let blob = Blob::new_with_str_sequence_and_options(&js_sys::Array::of1(&text.into()), &kind)?;
    let address = Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&address);
    link.set_download(name);
    link.click();
    Url::revoke_object_url(&address)
}

/// Selects all text of an element.
pub fn select_text(element: &Element) {
    if let Ok(Some(selection)) = window().get_selection() {
        let _ = selection.select_all_children(element);
    }
}

pub fn selected_text() -> String {
    window().get_selection().ok().flatten().map(|selection| String::from(selection.to_string())).unwrap_or_default()
}

/// The focused element, or `None` if that is the body.
pub fn focused() -> Option<HtmlElement> {
    let element = document().active_element()?.dyn_into::<HtmlElement>().ok()?;
    (element.tag_name() != "BODY").then_some(element)
}

/// The controls that take text, in which letters are no shortcuts.
const TEXT_CONTROLS: &str = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], [role=textbox]";

/// Whether a text control has the focus, so that shortcuts must not fire.
pub fn is_typing() -> bool {
    focused().is_some_and(|element| element.matches(TEXT_CONTROLS).unwrap_or(false))
}

/// Whether the focus is in a menu or another popover, which has keys of its own.
pub fn is_in_popover() -> bool {
    focused().is_some_and(|element| matches!(element.closest("[popover]"), Ok(Some(_))))
}

pub fn has_open_dialog() -> bool {
    document().query_selector("dialog[open]").ok().flatten().is_some()
}

/// Whether a modifier other than Shift is pressed.
pub fn has_modifier(event: &KeyboardEvent) -> bool {
    event.ctrl_key() || event.meta_key() || event.alt_key()
}

/// Calls the listener on events of the window before any other listener, until the current effect is cleaned up.
pub fn capture(event_type: &'static str, listener: impl Fn(Event) + 'static) {
    let listener = Closure::<dyn Fn(Event)>::new(listener);
    // Never fails: the window accepts every event name.
    let _ = window().add_event_listener_with_callback_and_bool(event_type, listener.as_ref().unchecked_ref(), true);
    let stored = StoredValue::new_local(listener);
    on_cleanup(move || {
        stored.with_value(|listener| {
            let _ = window().remove_event_listener_with_callback_and_bool(event_type, listener.as_ref().unchecked_ref(), true);
        });
    });
}

/// Whether an event is about a link or a part of it.
pub fn is_in_link(event: &Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.closest("a[href]").ok().flatten().is_some())
}

/// Focuses an element if it is still in the document.
pub fn focus(element: &HtmlElement) {
    let _ = element.focus();
}

/// Focuses an element where it is.
pub fn focus_without_scrolling(element: &HtmlElement) {
    let options = FocusOptions::new();
    options.set_prevent_scroll(true);
    let _ = element.focus_with_options(&options);
}

/// Clicks the first element that matches a selector. False if there is none.
pub fn click_first(selector: &str) -> bool {
    document().body().and_then(|body| find(&body, selector)).inspect(HtmlElement::click).is_some()
}

/// Focuses the first element that matches a selector. False if there is none.
pub fn focus_first(within: &Element, selector: &str) -> bool {
    find(within, selector).inspect(focus).is_some()
}

/// How far an element is scrolled down, with the fraction of a pixel that `Element::scroll_top` cuts off.
pub fn scroll_top(element: &Element) -> f64 {
    member(element, "scrollTop").and_then(|top| top.as_f64()).unwrap_or_else(|| f64::from(element.scroll_top()))
}

/// If nothing has the focus, focuses the page's search field or its first button.
pub fn focus_fallback() {
    if let Some(body) = document().body().filter(|_| focused().is_none_or(|element| element.matches(":disabled").unwrap_or(false))) {
        focus_first(&body, "main [role=searchbox], main button");
    }
}

/// Focuses the page's search field, if it has one. For a button that vanishes with the search that it clears.
pub fn focus_search() {
    if let Some(body) = document().body() {
        focus_first(&body, "main [role=searchbox]");
    }
}

/// Whether the window is wider than a phone.
pub fn is_wide() -> bool {
    const PHONE_PX: f64 = 640.0;
    window().inner_width().ok().and_then(|width| width.as_f64()).is_some_and(|width| width > PHONE_PX)
}

/// The first element that matches a selector.
fn find(within: &Element, selector: &str) -> Option<HtmlElement> {
    within.query_selector(selector).ok()??.dyn_into().ok()
}

/// The element with this id.
pub fn element_by_id(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// All elements that match a selector, in document order.
pub fn find_all(within: &Element, selector: &str) -> Vec<HtmlElement> {
    let Ok(found) = within.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|i| found.get(i)?.dyn_into().ok()).collect()
}

/// The first input, select or text area of a form with this `name`.
pub fn find_control(form: &Element, name: &str) -> Option<HtmlElement> {
    find(form, &format!("[name=\"{name}\"]"))
}

/// The `name` of the control that an event comes from.
pub fn control_name(event: &Event) -> Option<String> {
    event.target()?.dyn_into::<Element>().ok()?.get_attribute("name")
}

/// Scrolls to the first element that matches a selector.
pub fn scroll_into_view(within: &Element, selector: &str) {
    if let Some(element) = find(within, selector) {
        element.scroll_into_view_with_bool(false);
    }
}

/// Scrolls to an element that is not completely in view: to its beginning if it is higher than the window.
pub fn reveal(element: &Element) {
    let rect = element.get_bounding_client_rect();
    let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default();
    if rect.top() < 0.0 || rect.bottom() > height {
        element.scroll_into_view_with_bool(rect.top() < 0.0 || rect.height() > height);
    }
}

/// Scrolls a container, which is positioned, to one of its items, and leaves the page where it is.
pub fn scroll_within(container: &Element, item: &HtmlElement) {
    let (top, height) = (item.offset_top(), container.client_height());
    let shown = container.scroll_top();
    if top < shown || top + item.offset_height() > shown + height {
        container.set_scroll_top(top - height / 3);
    }
}

/// The last of these elements that begins above a line, which is given by its distance to the upper edge of the window.
pub fn last_above(ids: &[String], line_px: f64) -> Option<&String> {
    let is_above = |id: &&String| element_by_id(id).is_some_and(|element| element.get_bounding_client_rect().top() <= line_px);
    ids.iter().rev().find(is_above)
}

/// Focuses the element with this id, if it exists.
pub fn focus_id(id: &str) {
    if let Some(element) = element_by_id(id) {
        focus(&element);
    }
}

/// Opens the `<details>` that contains an element.
pub fn open_details(element: &Element) {
    if let Ok(Some(details)) = element.closest("details") {
        let _ = details.set_attribute("open", "");
    }
}

/// The current value of a control. Read by reflection, which works for every kind of control.
pub fn value_of(control: &HtmlElement) -> String {
    member(control, "value").and_then(|value| value.as_string()).unwrap_or_default()
}

/// The values of a form's checked boxes with this `name`.
pub fn checked_values(form: &Element, name: &str) -> Vec<String> {
    find_all(form, &format!("[name=\"{name}\"]:checked")).iter().map(value_of).collect()
}

/// The values of all controls of a form with this `name`.
pub fn values(form: &Element, name: &str) -> Vec<String> {
    find_all(form, &format!("[name=\"{name}\"]")).iter().map(value_of).collect()
}

/// Whether the focus moves to a text field or a drop-down. Not to a button or checkbox: a message that appears now could move it away before
/// the mouse button is released, and it would not be clicked.
pub fn enters_field(event: &FocusEvent) -> bool {
    let target = event.related_target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|target| target.matches("input:not([type=checkbox], [type=radio]), select, textarea").unwrap_or(false))
}

/// Sets a style property through the CSSOM, because the content security policy forbids `style` attributes.
pub fn set_style(element: &HtmlElement, property: &str, value: &str) {
    // Fails only for an invalid value.
    let _ = element.style().set_property(property, value);
}
