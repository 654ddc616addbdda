//! Fields for the parameters of an operation.

use leptos::prelude::*;

use super::{document::Parameter, markdown::inline_markdown, operation::RequestForm};
use latchkey_ui::icon::{Glyph, Icon};

/// The element id of a parameter's field.
pub(super) fn field_id(operation: &str, parameter: &Parameter) -> String {
    format!("{operation}.{}", parameter.name)
}

#[component]
pub(super) fn Parameters(
    request: RequestForm,
    /// Id of the operation.
    operation: String,
    parameters: Vec<Parameter>,
) -> impl IntoView {
    let field = |(index, parameter): (usize, Parameter)| {
        let id = field_id(&operation, &parameter);
        view! { <ParameterField request id index parameter/> }
    };
    (!parameters.is_empty()).then(|| view! { <div class="operation-parameters">{parameters.into_iter().enumerate().map(field).collect_view()}</div> })
}

#[component]
fn ParameterField(request: RequestForm, id: String, index: usize, parameter: Parameter) -> impl IntoView {
    let Parameter { name, location, required, description, kind, options } = parameter;
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-wrong"));
    let is_missing = move || request.missing.get() == Some(index);
    let type_in = move |text: String| {
        request.values.update(|values| values[index] = text);
        request.missing.set(None);
    };
    let control = Control { id: id.clone(), described_by: format!("{error_id} {hint_id}"), required };
    let control = if options.is_empty() { control.input(is_missing, type_in) } else { control.select(options, is_missing, type_in) };
    view! {
        <div class="field">
            <div class="field-head">
                <label for=id><code>{name}</code></label>
                {required.then(|| view! { <span class="field-required" aria-hidden="true">"Required"</span> })}
            </div>
            {control}
            <p class="field-error" id=error_id aria-live="polite">{move || is_missing().then_some("Enter a value.")}</p>
            <p class="field-hint" id=hint_id>
                {location.as_str()} " · " {kind} {(!description.is_empty()).then_some(" · ")} {inline_markdown(&description)}
            </p>
        </div>
    }
}

/// The attributes of a parameter's control.
struct Control {
    id: String,
    described_by: String,
    required: bool,
}

impl Control {
    fn input(self, is_missing: impl Fn() -> bool + Send + 'static, type_in: impl Fn(String) + Send + 'static) -> AnyView {
        view! {
            <div class="field-input">
                <input id=self.id type="text" autocomplete="off" spellcheck="false" autocapitalize="none" aria-required=self.required.then_some("true")
                    aria-invalid=move || is_missing().then_some("true") aria-describedby=self.described_by
                    on:input:target=move |event| type_in(event.target().value())/>
            </div>
        }
        .into_any()
    }

    fn select(self, options: Vec<String>, is_missing: impl Fn() -> bool + Send + 'static, type_in: impl Fn(String) + Send + 'static) -> AnyView {
        let option = |value: String| view! { <option value=value.clone()>{value.clone()}</option> };
        view! {
            <div class="select field-input">
                <select id=self.id aria-required=self.required.then_some("true") aria-invalid=move || is_missing().then_some("true")
                    aria-describedby=self.described_by on:change:target=move |event| type_in(event.target().value())>
                    <option value="">"–"</option>
                    {options.into_iter().map(option).collect_view()}
                </select>
                <Icon glyph=Glyph::Down/>
            </div>
        }
        .into_any()
    }
}
