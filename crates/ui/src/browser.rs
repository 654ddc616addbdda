//! Browser APIs. Call these only from effects and event handlers: on the server they panic.

use js_sys::JSON;
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, Element, HtmlAnchorElement, HtmlElement, Url};

/// Session storage key of a message for the next page.
const NEXT_PAGE_MESSAGE_KEY: &str = "latchkey-said";

/// The path and query of this page.
pub fn path_and_query() -> String {
    let location = window().location();
    location.pathname().unwrap_or_default() + &location.search().unwrap_or_default()
}

/// Opens another page with a full load, so that nothing of this one stays in memory.
pub fn go(address: &str) {
    // Fails only for an invalid URL.
    let _ = window().location().assign(address);
}

/// Like [`go`], and shows a message on the next page.
pub fn go_with_message(address: &str, message: &str) {
    // Without session storage the message is dropped.
    if let Ok(Some(store)) = window().session_storage() {
        let _ = store.set_item(NEXT_PAGE_MESSAGE_KEY, message);
    }
    go(address);
}

/// Removes and returns the message that the previous page left with [`go_with_message`].
pub fn take_message() -> Option<String> {
    let store = window().session_storage().ok()??;
    let message = store.get_item(NEXT_PAGE_MESSAGE_KEY).ok()??;
    let _ = store.remove_item(NEXT_PAGE_MESSAGE_KEY);
    Some(message)
}

/// The path of the sign-in page.
pub const SIGN_IN_PATH: &str = "/sign-in";

/// Opens the sign-in page, which returns here afterwards.
pub fn go_to_sign_in() {
    go(&(String::from(SIGN_IN_PATH) + "?next=" + &encode(&path_and_query())));
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
    if !js_sys::Reflect::has(&navigator, &"clipboard".into()).unwrap_or(false) {
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

/// Whether a text control has the focus, so that shortcuts must not fire.
pub fn is_typing() -> bool {
    focused().is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || element.is_content_editable())
}

pub fn has_open_dialog() -> bool {
    document().query_selector("dialog[open]").ok().flatten().is_some()
}

/// Focuses an element if it is still in the document.
pub fn focus(element: &HtmlElement) {
    let _ = element.focus();
}

/// Focuses the first element that matches a selector. False if there is none.
pub fn focus_first(within: &Element, selector: &str) -> bool {
    let found = within.query_selector(selector).ok().flatten().and_then(|element| element.dyn_into::<HtmlElement>().ok());
    found.inspect(focus).is_some()
}

/// If nothing has the focus, focuses the page's search field or its first button.
pub fn focus_fallback() {
    if let Some(body) = document().body().filter(|_| focused().is_none_or(|element| element.matches(":disabled").unwrap_or(false))) {
        focus_first(&body, "main [role=searchbox], main button");
    }
}

/// All elements that match a selector, in document order.
pub fn find_all(within: &Element, selector: &str) -> Vec<HtmlElement> {
    let Ok(found) = within.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|i| found.get(i)?.dyn_into().ok()).collect()
}

/// The first input, select or text area of a form with this `name`.
pub fn find_control(form: &Element, name: &str) -> Option<HtmlElement> {
    form.query_selector(&format!("[name=\"{name}\"]")).ok().flatten()?.dyn_into().ok()
}

/// Focuses the element with this id, if it exists.
pub fn focus_id(id: &str) {
    if let Some(element) = document().get_element_by_id(id).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
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
    js_sys::Reflect::get(control, &"value".into()).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

/// The values of a form's checked boxes with this `name`.
pub fn checked_values(form: &Element, name: &str) -> Vec<String> {
    find_all(form, &format!("[name={name}]:checked")).iter().map(value_of).collect()
}

/// Sets a style property through the CSSOM, because the content security policy forbids `style` attributes.
pub fn set_style(element: &HtmlElement, property: &str, value: &str) {
    // Fails only for an invalid value.
    let _ = element.style().set_property(property, value);
}
