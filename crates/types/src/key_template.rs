//! Key templates, access requests, and the cards that requesters see.

use serde::{Deserialize, Serialize};

use super::{
    error::Error,
    id::{AccessRequestId, FieldId, KeyId, RoleId, TemplateId},
    key_kind::Status,
    money::Money,
    permission::Permissions,
    project::ProjectRow,
    time::Timestamp,
    validate,
};

/// Maximum number of templates per project.
pub const TEMPLATES_MAX: usize = 50;
/// Maximum number of information fields per template.
pub const FIELDS_MAX: usize = 20;
/// Maximum length of the reason for a rejection, in characters.
pub const COMMENT_MAX: usize = 500;
/// Maximum validity of a key, in days: ten years.
pub const DAYS_MAX: i64 = 3650;

/// An information field. Importing a key into a project imports its fields as secrets too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldRow {
    pub id: FieldId,
    /// Unique in the template.
    pub name: String,
    pub description: String,
    pub value: String,
}

/// Copy of an information field at the time when the key was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedField {
    pub name: String,
    pub description: String,
    pub value: String,
}

impl From<FieldRow> for IssuedField {
    fn from(field: FieldRow) -> Self {
        Self { name: field.name, description: field.description, value: field.value }
    }
}

/// A template, as project managers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateRow {
    pub id: TemplateId,
    /// Unique in the project.
    pub name: String,
    pub description: String,
    pub role: RoleId,
    /// Price per request.
    pub price: Money,
    /// Validity of its keys, in days; `None` for unlimited.
    pub duration_days: Option<i64>,
    /// Whether its name was never saved. Only managers of the project see a draft.
    pub is_draft: bool,
    pub fields: Vec<FieldRow>,
    /// Number of keys in use.
    pub keys: i64,
}

/// A role that can be selected for a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateRoleOption {
    pub id: RoleId,
    pub name: String,
    pub permissions: Permissions,
    /// Whether the user has all of these permissions and therefore can assign the role.
    pub can_grant: bool,
}

/// A node of the project whose id can be inserted into a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeOption {
    pub id: i64,
    pub name: String,
}

/// A pending access request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRow {
    pub id: AccessRequestId,
    pub requested_at: Timestamp,
    /// Name of the requester.
    pub user: String,
    pub email: String,
    pub template_id: TemplateId,
    /// Name of the template.
    pub template: String,
}

/// Data of a project's templates page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplatesPageData {
    pub project: ProjectRow,
    /// Oldest first.
    pub templates: Vec<TemplateRow>,
    /// Roles of the organization.
    pub roles: Vec<TemplateRoleOption>,
    pub nodes: Vec<NodeOption>,
    /// Pending requests, oldest first.
    pub requests: Vec<RequestRow>,
    /// ISO 4217 code of the currency of prices.
    pub currency: String,
}

/// A field of a template that is edited on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateValue {
    Name,
    Description,
    /// Role id.
    Role,
    /// Price per request, in the `Display` format of [`Money`].
    Price,
    /// Validity of its keys, in the format of [`days_text`].
    DurationDays,
}

impl TemplateValue {
    /// Field name in the request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Description => "description",
            Self::Role => "role",
            Self::Price => "price",
            Self::DurationDays => "duration_days",
        }
    }
}

/// A part of an information field that is edited on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldValue {
    Name,
    Description,
    Value,
}

impl FieldValue {
    /// Field name in the request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Description => "description",
            Self::Value => "value",
        }
    }
}

/// A field that many templates have, so that it can be added with one click.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandardField {
    /// Its value is the id of the template's project.
    ProjectId,
    InputNodeId,
    OutputNodeId,
}

impl StandardField {
    pub const ALL: [Self; 3] = [Self::ProjectId, Self::InputNodeId, Self::OutputNodeId];

    /// Name of the field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProjectId => "Project ID",
            Self::InputNodeId => "Input Node ID",
            Self::OutputNodeId => "Output Node ID",
        }
    }
}

/// An edit of one value with optimistic locking: it is rejected if the stored value differs from `before`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueEdit<Which> {
    pub which: Which,
    /// Value when the user began to edit.
    pub before: String,
    pub after: String,
}

/// Validity as text: a number of days, or empty for unlimited.
pub fn days_text(days: Option<i64>) -> String {
    days.map(|days| days.to_string()).unwrap_or_default()
}

/// Parses a validity: a number of days from 1 to [`DAYS_MAX`], or empty or `never` for unlimited.
pub fn days(field: &str, typed: &str) -> Result<Option<i64>, Error> {
    let typed = typed.trim().to_ascii_lowercase();
    if typed.is_empty() || typed == "never" {
        return Ok(None);
    }
    let number = typed.strip_suffix("days").or_else(|| typed.strip_suffix("day")).unwrap_or(&typed).trim_end();
    let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
    let days = number.parse().ok().filter(|days| is_number && (1..=DAYS_MAX).contains(days));
    days.map(Some).ok_or_else(|| Error::invalid(field, format!("Enter a number of days from 1 to {DAYS_MAX}, or leave this empty for no expiry.")))
}

/// Trims the reason for a rejection and validates it: at most [`COMMENT_MAX`] characters, none of them invisible.
pub fn comment(field: &str, typed: &str) -> Result<String, Error> {
    let reason = validate::description(field, typed)?;
    let length = reason.chars().count();
    if length > COMMENT_MAX {
        return Err(Error::invalid(field, format!("Use at most {COMMENT_MAX} characters; this has {length}.")));
    }
    Ok(reason)
}

/// The user's current or last key of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserKey {
    pub id: KeyId,
    /// When the request was approved.
    pub received_at: Timestamp,
    /// When the holder revealed the secret; `None` if not yet.
    pub revealed_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub status: Status,
    pub revoked_at: Option<Timestamp>,
}

impl UserKey {
    /// Whether it is active or disabled. The user then cannot request another key of the template.
    pub fn is_live(&self) -> bool {
        matches!(self.status, Status::Active | Status::Disabled)
    }
}

/// The user's pending request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRequest {
    pub id: AccessRequestId,
    pub requested_at: Timestamp,
}

/// The user's rejected request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRequest {
    pub at: Timestamp,
    /// Name of the user who rejected it.
    pub by: String,
    /// Reason; can be empty.
    pub comment: String,
}

/// A template, as requesters see it, with the state of the user's request and key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCard {
    pub template: TemplateId,
    /// Whether the template was deleted. It is then shown only to users who hold a key of it.
    pub is_deleted: bool,
    pub name: String,
    pub description: String,
    /// Name of the role of its keys.
    pub role: String,
    /// Permissions of the role in the project.
    pub permits: Permissions,
    /// Fields of the user's key, or of the template if there is no key.
    pub fields: Vec<IssuedField>,
    /// Price per request.
    pub price: Money,
    /// Validity of its keys, in days; `None` for unlimited.
    pub duration_days: Option<i64>,
    /// The user's pending request.
    pub pending: Option<PendingRequest>,
    /// The user's last request, if it was rejected.
    pub rejected: Option<RejectedRequest>,
    /// The user's current or last key.
    pub key: Option<UserKey>,
}

/// The key cards of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCards {
    /// Templates of the project, oldest first, then deleted templates of which the user holds a key.
    pub tiles: Vec<KeyCard>,
    /// ISO 4217 code of the currency of prices.
    pub currency: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_round_trip_and_invalid_input_is_rejected() {
        for (typed, expected) in [("", None), (" never ", None), ("1", Some(1)), (" 90 days", Some(90)), ("1 Day", Some(1)), ("3650", Some(3650))] {
            let parsed = days("duration_days", typed).unwrap();
            assert_eq!(parsed, expected, "{typed}");
            assert_eq!(days("duration_days", &days_text(parsed)), Ok(expected));
        }
        for bad in ["0", "-1", "3651", "1.5", "+7", "days", "a", "99999999999999999999", "٣"] {
            assert!(days("duration_days", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reason_is_limited_in_characters() {
        assert_eq!(comment("comment", " Not yet. ").unwrap(), "Not yet.");
        assert!(comment("comment", &"ä".repeat(COMMENT_MAX)).is_ok());
        assert!(comment("comment", &"ä".repeat(COMMENT_MAX + 1)).is_err());
        assert!(comment("comment", "a\u{202E}b").is_err());
    }
}
