//! What a key may do with language models, in the create and edit dialogs.

pub(super) mod format;
mod section;

use super::{
    budget::{self, BudgetChoice},
    limits::map_line_error,
};
use latchkey_types::{
    budget::{ModelAccess, ModelAccessPatch},
    error::Error,
    key_kind::KindSpec,
    limits as rules,
};
use latchkey_ui::{
    form::Form,
    number::{check_integer, check_optional, parse_integer},
    token_field,
};
pub(super) use section::ModelsSection;

/// The values of the field for the models.
const ALL: &str = "all";
const ONLY: &str = "only";
const NONE: &str = "none";
/// Name of the checkbox.
const LOG_BODIES: &str = "log_bodies";

/// The models that a key may call.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Selection {
    All,
    /// Names or patterns.
    Only(Vec<String>),
    None,
}

impl Selection {
    fn new(models: Option<&[String]>, spec: &KindSpec) -> Self {
        match models {
            None if spec.calls_all_models => Self::All,
            None | Some([]) => Self::None,
            Some(models) if models.iter().any(|model| model == format::ALL) => Self::All,
            Some(models) => Self::Only(models.to_vec()),
        }
    }

    /// As it is stored: `None` is the default of the kind.
    fn into_models(self, spec: &KindSpec) -> Option<Vec<String>> {
        match (self, spec.calls_all_models) {
            (Self::All, true) | (Self::None, false) => None,
            (Self::All, false) => Some(vec![format::ALL.to_owned()]),
            (Self::None, true) => Some(Vec::new()),
            (Self::Only(models), _) => Some(models),
        }
    }

    /// The value of the field.
    const fn value(&self) -> &'static str {
        match self {
            Self::All => ALL,
            Self::Only(_) => ONLY,
            Self::None => NONE,
        }
    }
}

/// The budget before the dialog was opened. `before` is `None` for a new key.
fn budget_before(spec: &KindSpec, before: Option<&ModelAccess>) -> BudgetChoice {
    match before {
        Some(access) => access.budget.into(),
        None if spec.calls_all_models => BudgetChoice::Default,
        None => BudgetChoice::Unlimited,
    }
}

/// Validates all fields, so that all errors are shown together. Returns the changes; `before` is `None` for a new key.
pub(super) fn check(form: Form, spec: &KindSpec, before: Option<&ModelAccess>) -> Option<ModelAccessPatch> {
    let models = form.record(read_models(form, spec).and_then(validate_models));
    let budget = budget::check(form);
    let tokens = form.check("tokens_per_minute", |field, typed| optional_number(field, typed, rules::tokens_per_minute));
    let parallel = form.check("max_parallel", |field, typed| optional_number(field, typed, rules::max_parallel));
    let typed = Values { models: models?, budget: budget?, tokens_per_minute: tokens?, max_parallel: parallel?, log_bodies: logs_bodies(form) };
    Some(typed.into_patch(spec, before))
}

/// The valid values of all fields.
struct Values {
    models: Selection,
    budget: BudgetChoice,
    tokens_per_minute: Option<i64>,
    max_parallel: Option<i64>,
    log_bodies: bool,
}

impl Values {
    /// The changes. Unchanged values are not sent, so that they keep what another user has set in the meantime.
    fn into_patch(self, spec: &KindSpec, before: Option<&ModelAccess>) -> ModelAccessPatch {
        let default = ModelAccess::default();
        let budget_before = budget_before(spec, before);
        let before = before.unwrap_or(&default);
        ModelAccessPatch {
            models: (self.models != Selection::new(before.models.as_deref(), spec)).then(|| self.models.into_models(spec)),
            budget: (self.budget != budget_before).then(|| self.budget.budget()),
            tokens_per_minute: (self.tokens_per_minute != before.tokens_per_minute).then_some(self.tokens_per_minute),
            max_parallel: (self.max_parallel != before.max_parallel).then_some(self.max_parallel),
            log_bodies: (self.log_bodies != before.log_bodies).then_some(self.log_bodies),
        }
    }
}

/// What is set, as typed: without values that are not valid. The flag says whether the organization's default budget is selected.
fn typed(form: Form, spec: &KindSpec) -> (ModelAccess, bool) {
    let budget = budget::read(form).ok();
    let number = |field| parse_integer(&form.value(field));
    let access = ModelAccess {
        models: read_models(form, spec).ok().and_then(|models| models.into_models(spec)),
        budget: budget.and_then(BudgetChoice::budget),
        tokens_per_minute: number("tokens_per_minute"),
        max_parallel: number("max_parallel"),
        log_bodies: logs_bodies(form),
    };
    (access, budget == Some(BudgetChoice::Default))
}

fn logs_bodies(form: Form) -> bool {
    !form.checked_values(LOG_BODIES).is_empty()
}

fn read_models(form: Form, spec: &KindSpec) -> Result<Selection, Error> {
    match form.checked_values("model_access").concat().as_str() {
        ALL => Ok(Selection::All),
        NONE => Ok(Selection::None),
        ONLY => match token_field::values(form, "models") {
            models if models.is_empty() => Err(Error::invalid("models", "Enter at least one model.")),
            models => Ok(Selection::Only(models)),
        },
        _ => Ok(Selection::new(None, spec)),
    }
}

fn validate_models(models: Selection) -> Result<Selection, Error> {
    match models {
        Selection::Only(typed) => match rules::model_patterns(&typed) {
            Ok(patterns) => Ok(Selection::Only(patterns)),
            Err(error) => Err(map_line_error(error, "models", &typed)),
        },
        models => Ok(models),
    }
}

/// Whether a text can be the name of a model, in which `*` stands for any characters.
fn is_pattern(text: &str) -> bool {
    rules::model_patterns(&[text.to_owned()]).is_ok()
}

/// Parses and validates a number; empty for no limit.
fn optional_number(field: &str, typed: &str, rule: fn(i64) -> Result<i64, Error>) -> Result<Option<i64>, Error> {
    check_optional(field, typed, |field, typed| check_integer(field, typed).and_then(rule))
}

/// Maps the server's error about one model to the field that contains all models.
pub(super) fn map_model_errors(error: Error, sent: &ModelAccessPatch) -> Error {
    let models = sent.models.as_ref().and_then(Option::as_deref).unwrap_or_default();
    map_line_error(error, "models", models)
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::{
        budget::{Budget, BudgetPeriod, BudgetUnit},
        key_kind::KeyKind,
    };

    const BUDGET: Budget = Budget { limit: 1_000_000_000, unit: BudgetUnit::Usd, period: BudgetPeriod::Month };

    const fn values(models: Selection, budget: BudgetChoice) -> Values {
        Values { models, budget, tokens_per_minute: None, max_parallel: None, log_bodies: false }
    }

    fn only(models: &[&str]) -> Selection {
        Selection::Only(models.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn a_selection_round_trips() {
        for spec in [KeyKind::Agent.spec(), KeyKind::Client.spec()] {
            for selection in [Selection::All, Selection::None, only(&["gpt-4o", "claude-*"])] {
                let stored = selection.clone().into_models(spec);
                assert_eq!(Selection::new(stored.as_deref(), spec), selection);
            }
        }
        assert_eq!(Selection::All.into_models(KeyKind::Agent.spec()), None);
        assert_eq!(Selection::None.into_models(KeyKind::Client.spec()), None);
    }

    #[test]
    fn the_defaults_of_a_new_key_are_not_sent() {
        let (agent, client) = (KeyKind::Agent.spec(), KeyKind::Client.spec());
        assert!(values(Selection::All, BudgetChoice::Default).into_patch(agent, None).is_empty());
        assert!(values(Selection::None, BudgetChoice::Unlimited).into_patch(client, None).is_empty());
        let patch = values(Selection::None, BudgetChoice::Unlimited).into_patch(agent, None);
        assert_eq!((patch.models, patch.budget), (Some(Some(Vec::new())), Some(None)));
        let patch = values(only(&["gpt-4o"]), BudgetChoice::Limited(BUDGET)).into_patch(client, None);
        assert_eq!((patch.models, patch.budget), (Some(Some(vec!["gpt-4o".to_owned()])), Some(Some(BUDGET))));
    }

    #[test]
    fn only_changes_are_sent() {
        let spec = KeyKind::Agent.spec();
        let before = ModelAccess { budget: Some(BUDGET), max_parallel: Some(3), ..ModelAccess::default() };
        let same = Values { max_parallel: Some(3), ..values(Selection::All, BudgetChoice::Limited(BUDGET)) };
        assert!(same.into_patch(spec, Some(&before)).is_empty());
        let removed = values(Selection::All, BudgetChoice::Unlimited).into_patch(spec, Some(&before));
        assert_eq!(removed, ModelAccessPatch { budget: Some(None), max_parallel: Some(None), ..ModelAccessPatch::default() });
        assert_eq!(removed.apply(before), ModelAccess::default());
        let logging = Values { log_bodies: true, ..values(Selection::All, BudgetChoice::Unlimited) };
        let switched_on = logging.into_patch(spec, Some(&ModelAccess::default()));
        assert_eq!(switched_on, ModelAccessPatch { log_bodies: Some(true), ..ModelAccessPatch::default() });
    }

    #[test]
    fn an_invalid_model_is_named() {
        assert_eq!(validate_models(only(&["gpt-*", "GPT-*"])), Ok(only(&["gpt-*"])));
        let error = validate_models(only(&["gpt-*", "größe"])).unwrap_err();
        assert!(error.field_error().is_some_and(|(field, message)| field == "models" && message.starts_with("“größe”: ")), "{error}");
        assert!(is_pattern("openai/gpt-4.1:mini@eu") && !is_pattern("größe"));
    }

    #[test]
    fn error_about_a_model_is_mapped_to_the_field() {
        let sent = ModelAccessPatch { models: Some(Some(vec!["a".to_owned(), "b".to_owned()])), ..ModelAccessPatch::default() };
        assert_eq!(map_model_errors(Error::invalid("models[1]", "No."), &sent), Error::invalid("models", "“b”: No."));
        assert_eq!(map_model_errors(Error::invalid("name", "No."), &sent), Error::invalid("name", "No."));
    }
}
