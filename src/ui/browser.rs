//! What we ask of the browser. Only effects and event handlers may call these: on the server they would panic.

use js_sys::JSON;
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, Element, HtmlAnchorElement, HtmlElement, Url};

/// Under what a page leaves a message for the next one.
const SAID: &str = "latchkey-said";

/// The path and the query of this page.
pub fn path_and_query() -> String {
    let location = window().location();
    location.pathname().unwrap_or_default() + &location.search().unwrap_or_default()
}

/// Leaves for another page with a full load, so that nothing of this one stays in memory.
pub fn go(address: &str) {
    // Fails only for an address that is no address; ours all are.
    let _ = window().location().assign(address);
}

/// As [`go`], and has the page that comes next say what was done here.
pub fn go_and_say(address: &str, message: &str) {
    // Without a store it goes unsaid.
    if let Ok(Some(store)) = window().session_storage() {
        let _ = store.set_item(SAID, message);
    }
    go(address);
}

/// What the last page wants said, once.
pub fn take_from_last_page() -> Option<String> {
    let store = window().session_storage().ok()??;
    let message = store.get_item(SAID).ok()??;
    let _ = store.remove_item(SAID);
    Some(message)
}

/// Leaves for the sign-in page, which leads back here.
pub fn go_to_sign_in() {
    go(&(String::from("/sign-in?next=") + &encode(&path_and_query())));
}

/// Where this page came from: `https://keys.example.com`.
pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The browser's clock, in milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "a clock in milliseconds is a whole number, far below 2^53")]
pub fn now_ms() -> i64 {
    js_sys::Date::now() as i64
}

/// JSON with its lines indented, in the order that it has; what is no JSON as it stands.
pub fn pretty(text: &str) -> String {
    const BLANKS: f64 = 2.0;
    let indented = |value| JSON::stringify_with_replacer_and_space(&value, &JsValue::NULL, &BLANKS.into()).ok();
    JSON::parse(text).ok().and_then(indented).map_or_else(|| text.to_owned(), String::from)
}

/// A text as part of a query.
pub fn encode(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}

/// The fragment of the address, without its `#`, which is then removed from the address bar and from the history.
pub fn take_fragment() -> Option<String> {
    let fragment = window().location().hash().ok()?.strip_prefix('#').filter(|rest| !rest.is_empty())?.to_owned();
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&path_and_query()));
    }
    Some(fragment)
}

/// Puts a text on the clipboard. False where the browser does not let us.
pub async fn copy(text: &str) -> bool {
    let navigator = window().navigator();
    // Missing on pages that came over plain HTTP from another machine.
    if !js_sys::Reflect::has(&navigator, &"clipboard".into()).unwrap_or(false) {
        return false;
    }
    JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok()
}

/// Hands a text to the reader as a file.
pub fn download(name: &str, mime: &str, text: &str) {
    // Fails only where the browser has no room for it, and says so itself.
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

/// Marks all of an element's text, as if dragged over.
pub fn select_text_of(element: &Element) {
    if let Ok(Some(selection)) = window().get_selection() {
        let _ = selection.select_all_children(element);
    }
}

/// The text that is marked.
pub fn selected_text() -> String {
    window().get_selection().ok().flatten().map(|selection| String::from(selection.to_string())).unwrap_or_default()
}

/// The element that has the focus, unless it is the page as a whole.
pub fn focused() -> Option<HtmlElement> {
    let element = document().active_element()?.dyn_into::<HtmlElement>().ok()?;
    (element.tag_name() != "BODY").then_some(element)
}

/// Whether keys that are pressed now are being typed into something.
pub fn is_typing() -> bool {
    focused().is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || element.is_content_editable())
}

/// Whether a modal dialog is open.
pub fn has_dialog() -> bool {
    document().query_selector("dialog[open]").ok().flatten().is_some()
}

/// Gives an element the focus, if it is still there.
pub fn focus(element: &HtmlElement) {
    let _ = element.focus();
}

/// Gives the first element that a selector finds the focus. False if there is none.
pub fn focus_first(within: &Element, selector: &str) -> bool {
    let found = within.query_selector(selector).ok().flatten().and_then(|element| element.dyn_into::<HtmlElement>().ok());
    found.inspect(focus).is_some()
}

/// Gives the page's search field, or whatever else can have it, the focus where nothing has it.
pub fn focus_something() {
    if let Some(body) = document().body().filter(|_| focused().is_none_or(|element| element.matches(":disabled").unwrap_or(false))) {
        focus_first(&body, "main [role=searchbox], main button");
    }
}

/// Every element that a selector finds, in the page's order.
pub fn find_all(within: &Element, selector: &str) -> Vec<HtmlElement> {
    let Ok(found) = within.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|i| found.get(i)?.dyn_into().ok()).collect()
}

/// The first control of a form with this `name`: an input, a select or a text area.
pub fn control_named(form: &Element, name: &str) -> Option<HtmlElement> {
    form.query_selector(&format!("[name=\"{name}\"]")).ok().flatten()?.dyn_into().ok()
}

/// Gives the element with this id the focus, if it is there.
pub fn focus_id(id: &str) {
    if let Some(element) = document().get_element_by_id(id).and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        focus(&element);
    }
}

/// Opens what an element is folded away in.
pub fn unfold(element: &Element) {
    if let Ok(Some(details)) = element.closest("details") {
        let _ = details.set_attribute("open", "");
    }
}

/// What a control holds now. Asked for by name, so that one line serves every kind of control.
pub fn value_of(control: &HtmlElement) -> String {
    js_sys::Reflect::get(control, &"value".into()).ok().and_then(|value| value.as_string()).unwrap_or_default()
}

/// The values of those boxes of a form with this `name` that are ticked.
pub fn ticked(form: &Element, name: &str) -> Vec<String> {
    find_all(form, &format!("[name={name}]:checked")).iter().map(value_of).collect()
}

/// Sets one property of an element's style, through the CSSOM: the page's policy takes no `style` attributes.
pub fn set_style(element: &HtmlElement, property: &str, value: &str) {
    // Fails only for a value that is none; ours all are.
    let _ = element.style().set_property(property, value);
}
