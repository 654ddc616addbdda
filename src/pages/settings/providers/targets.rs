//! The fields for a list of models: one row per target of an alias, or per fallback of a model.

use leptos::{html, prelude::*};

use latchkey_types::{
    error::Error,
    provider::{AliasTarget, PRIORITIES, TARGETS_MAX, WEIGHT_MAX},
};
use latchkey_ui::{
    browser,
    button::IconButton,
    form::{Form, FormError},
    icon::{Glyph, Icon},
    select::Choice,
};

/// A list of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TargetList {
    /// Its field in the request.
    field: &'static str,
    legend: &'static str,
    /// The accessible name of a row, before its number.
    row: &'static str,
    add: &'static str,
    hint: &'static str,
    /// Whether its rows have a priority and a weight.
    has_shares: bool,
}

/// The targets of an alias.
pub(super) const TARGETS: TargetList = TargetList {
    field: "targets",
    legend: "Models",
    row: "Model",
    add: "Add model",
    hint: "Models with priority 1 are called first, each as often as its weight says. If all of them fail, those with the next number are called. \
           Only models with the same API format can replace each other.",
    has_shares: true,
};

/// The fallbacks of a model.
pub(super) const FALLBACKS: TargetList = TargetList {
    field: "fallbacks",
    legend: "Fallbacks",
    row: "Fallback",
    add: "Add fallback",
    hint: "Called in this order if the model fails before its answer begins. They must have the same API format.",
    has_shares: false,
};

impl TargetList {
    fn name_of(self, at: usize, part: &str) -> String {
        format!("{}[{at}].{part}", self.field)
    }

    /// The accessible name of a row.
    fn row_label(self, at: usize) -> String {
        format!("{} {}", self.row, at + 1)
    }

    fn row_error(self, at: usize, message: &str) -> Error {
        Error::invalid(self.field, format!("{}: {message}", self.row_label(at)))
    }
}

/// Reads the rows of a list.
///
/// # Errors
/// `Invalid` at the list.
pub(super) fn read(form: Form, list: TargetList) -> Result<Vec<AliasTarget>, Error> {
    let indices = (0..TARGETS_MAX).take_while(|at| form.has(&list.name_of(*at, "model")));
    indices.map(|at| parse(list, at, |part| form.value(&list.name_of(at, part)))).collect()
}

fn parse(list: TargetList, at: usize, value: impl Fn(&str) -> String) -> Result<AliasTarget, Error> {
    let model = value("model").parse().map_err(|_| list.row_error(at, "choose a model."))?;
    if !list.has_shares {
        return Ok(AliasTarget { model, priority: *PRIORITIES.start(), weight: 1 });
    }
    let priority = value("priority").trim().parse::<u8>().ok().filter(|priority| PRIORITIES.contains(priority));
    let weight = value("weight").trim().parse::<u16>().ok().filter(|weight| (1..=WEIGHT_MAX).contains(weight));
    Ok(AliasTarget {
        model,
        priority: priority.ok_or_else(|| list.row_error(at, &format!("enter a priority from {} to {}.", PRIORITIES.start(), PRIORITIES.end())))?,
        weight: weight.ok_or_else(|| list.row_error(at, &format!("enter a weight from 1 to {WEIGHT_MAX}.")))?,
    })
}

/// Maps the server's error about one row, such as `targets[1].model`, to the list, where all its errors are shown.
pub(super) fn at_list(error: Error, list: TargetList) -> Error {
    let index_of = |field: &str| field.strip_prefix(list.field)?.strip_prefix('[')?.split_once(']')?.0.parse::<usize>().ok();
    match error {
        Error::Invalid { field, message } | Error::Conflict { field, message } => match index_of(&field) {
            Some(at) => list.row_error(at, &message),
            None => Error::Invalid { field, message },
        },
        other => other,
    }
}

/// A row: a unique id and its initial value.
type Row = (usize, Option<AliasTarget>);

/// The rows of a list and the button that adds one.
#[component]
pub(super) fn TargetFields(
    form: Form,
    list: TargetList,
    /// The models that can be chosen.
    models: Vec<Choice>,
    /// The current rows; `None` for one that is not filled in.
    before: Vec<Option<AliasTarget>>,
) -> impl IntoView {
    let add_button = NodeRef::<html::Button>::new();
    let models = StoredValue::new(models);
    // Ids of rows that are added are greater.
    let first = before.len();
    let last_id = StoredValue::new(first);
    let rows = RwSignal::new(before.into_iter().enumerate().collect::<Vec<Row>>());
    let is_full = Memo::new(move |_| rows.with(Vec::len) == TARGETS_MAX);
    let add = move |_| {
        last_id.update_value(|last_id| *last_id += 1);
        rows.update(|rows| rows.push((last_id.get_value(), None)));
    };
    let remove = Callback::new(move |id| {
        rows.update(|rows| rows.retain(|(other, _)| *other != id));
        form.mark_edited(list.field);
        if let Some(button) = add_button.get_untracked() {
            browser::focus(&button);
        }
    });
    let index_of = move |id| Memo::new(move |_| rows.with(|rows| rows.iter().position(|(other, _)| *other == id).unwrap_or_default()));
    view! {
        <fieldset class="field check-group limits-group" aria-describedby=format!("hint-{}", list.field)>
            <legend>{list.legend}</legend>
            <For each=move || rows.get() key=|(id, _)| *id let:((id, target))>
                <TargetRow list at=index_of(id) models target is_new={id > first} on_remove=Callback::new(move |()| remove.run(id))/>
            </For>
            <button type="button" class="button limits-add" node_ref=add_button disabled=move || is_full.get() on:click=add>
                <Icon glyph=Glyph::Plus/>
                {list.add}
            </button>
            <FormError form about=list.field/>
            <p class="field-hint" id=format!("hint-{}", list.field)>{list.hint}</p>
        </fieldset>
    }
}

#[component]
fn TargetRow(
    list: TargetList,
    at: Memo<usize>,
    models: StoredValue<Vec<Choice>>,
    target: Option<AliasTarget>,
    /// Whether the user has added it.
    is_new: bool,
    on_remove: Callback<()>,
) -> impl IntoView {
    let select = NodeRef::<html::Select>::new();
    Effect::new(move || {
        if let Some(select) = select.get().filter(|_| is_new) {
            browser::focus(&select);
        }
    });
    let chosen = target.map(|target| target.model.to_string()).unwrap_or_default();
    let name = move |part: &'static str| move || list.name_of(at.get(), part);
    let id = move |part: &'static str| move || format!("field-{}", list.name_of(at.get(), part));
    let option = |(value, label): Choice| {
        let is_chosen = value == chosen;
        view! { <option value=value selected=is_chosen>{label}</option> }
    };
    let options = std::iter::once((String::new(), "Choose a model".to_owned())).chain(models.get_value()).map(option).collect_view();
    let number = move |part: &'static str, label: &'static str, value: String| {
        view! {
            <div class="field">
                <label for=id(part)>{label}</label>
                <input id=id(part) name=name(part) type="text" inputmode="numeric" value=value autocomplete="off"/>
            </div>
        }
    };
    let (priority, weight) = target.map_or((*PRIORITIES.start(), 1), |target| (target.priority, target.weight));
    let shares = list.has_shares.then(|| (number("priority", "Priority", priority.to_string()), number("weight", "Weight", weight.to_string())));
    let is_plain = !list.has_shares;
    view! {
        <div class="target" class:target-plain=is_plain role="group" aria-label=move || list.row_label(at.get())>
            <div class="field target-model">
                <label for=id("model")>"Model"</label>
                <div class="select">
                    <select node_ref=select id=id("model") name=name("model")>{options}</select>
                    <Icon glyph=Glyph::Down/>
                </div>
            </div>
            {shares}
            <IconButton label="Remove" glyph=Glyph::Trash danger=true on_click=move |_| on_remove.run(())/>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = "mdl_0193456789ab7cdef0123456789abcde";

    fn parsed(list: TargetList, values: [&str; 3]) -> Result<AliasTarget, Error> {
        let [model, priority, weight] = values;
        parse(list, 1, |part| match part {
            "model" => model.to_owned(),
            "priority" => priority.to_owned(),
            _ => weight.to_owned(),
        })
    }

    #[test]
    fn a_row_is_a_target() {
        let target = AliasTarget { model: MODEL.parse().unwrap(), priority: 2, weight: 30 };
        assert_eq!(parsed(TARGETS, [MODEL, " 2", "30 "]), Ok(target));
        assert_eq!(parsed(FALLBACKS, [MODEL, "", ""]), Ok(AliasTarget { priority: 1, weight: 1, ..target }));
        let message = |values| parsed(TARGETS, values).unwrap_err().to_string();
        assert_eq!(message(["", "1", "1"]), "Model 2: choose a model.");
        for bad in ["", "0", "21", "256", "first"] {
            assert_eq!(message([MODEL, bad, "1"]), "Model 2: enter a priority from 1 to 20.", "{bad}");
        }
        for bad in ["", "0", "1001", "-1"] {
            assert_eq!(message([MODEL, "1", bad]), "Model 2: enter a weight from 1 to 1000.", "{bad}");
        }
    }

    #[test]
    fn errors_about_a_row_are_shown_at_the_list() {
        let mapped = |field: &str| at_list(Error::conflict(field, "No."), TARGETS);
        assert_eq!(mapped("targets[1].model"), Error::invalid("targets", "Model 2: No."));
        assert_eq!(mapped("targets[0]"), Error::invalid("targets", "Model 1: No."));
        assert_eq!(mapped("targets"), Error::invalid("targets", "No."));
        assert_eq!(mapped("name"), Error::invalid("name", "No."));
        assert_eq!(at_list(Error::NotFound, TARGETS), Error::NotFound);
    }
}
