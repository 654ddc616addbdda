//! The tabs of the API Keys page: what each says of its kind, and which columns its list has.

use super::columns::Field;
use crate::{
    model::{
        account::Viewer,
        permission::Permissions,
        policy::{CredentialKind, Expiry, KeyKind, Kind, Making, Policy},
    },
    ui::tabs::Tab,
};

/// What the page says of one kind. What differs in what may be done is in the policy table.
#[derive(Debug)]
pub struct KeyTab {
    /// The kind.
    pub kind: Kind,
    /// The page's address.
    pub path: &'static str,
    /// What such a key is for, in a sentence or two.
    pub purpose: &'static str,
    /// What to do where there is none yet.
    pub advice: &'static str,
    /// The heading of the dialog that makes one.
    pub title: &'static str,
    /// The label of its name.
    pub name_label: &'static str,
    /// What one should know before giving it a name.
    pub name_hint: &'static str,
    /// The words on the button that makes one, in the dialog.
    pub submit: &'static str,
    /// The headings of the list, and what stands below each.
    pub columns: &'static [(&'static str, Field)],
    /// The class that gives the columns their widths.
    pub class: &'static str,
    /// Whether a row has buttons of its own for what its menu has too: to edit and to delete.
    pub has_buttons: bool,
}

/// The page of a kind that has a tab.
const fn page_of(kind: Kind) -> &'static str {
    kind.policy().page.expect("every kind with a tab has a page")
}

/// Keys of Latchkey's own API.
pub const INTERNAL: KeyTab = KeyTab {
    kind: Kind::Key(KeyKind::Platform),
    path: page_of(Kind::Key(KeyKind::Platform)),
    purpose: "An internal key lets your own programs call Latchkey's API and its command-line client. One is typically enough.",
    advice: "Make one to call the API or to use the command-line client.",
    title: "Create internal key",
    name_label: "Name",
    name_hint: "What will use it, such as “nightly-build”.",
    submit: "Submit",
    columns: &[
        ("Name", Field::Name),
        ("Key", Field::Mask),
        ("Status", Field::Status),
        ("Scopes", Field::Scopes),
        ("Created", Field::CreatedAt),
        ("Last used", Field::LastUsedAt),
        ("Expires", Field::ExpiresAt),
        ("Created by", Field::CreatedBy),
        ("Actions", Field::Action),
    ],
    class: "grid-internal",
    has_buttons: false,
};

/// Credentials of storage providers.
pub const EXTERNAL: KeyTab = KeyTab {
    kind: Kind::Credential(CredentialKind::Storage),
    path: page_of(Kind::Credential(CredentialKind::Storage)),
    purpose: "An external key holds your credentials of a storage provider. Latchkey uses it to pull sample files; you have one for each provider.",
    advice: "Store one to import samples from Amazon Web Services or DNAnexus.",
    title: "Store external key",
    name_label: "Label",
    name_hint: "What tells it from others, such as “sequencing bucket”.",
    submit: "Submit",
    columns: &[
        ("Label", Field::Name),
        ("Provider", Field::Provider),
        ("Region", Field::Region),
        ("Status", Field::Status),
        ("Created", Field::CreatedAt),
        ("Expires", Field::ExpiresAt),
        ("Created by", Field::CreatedBy),
        ("Actions", Field::Action),
    ],
    class: "grid-external",
    has_buttons: false,
};

/// Keys of the callers of somebody's API.
pub const CLIENT: KeyTab = KeyTab {
    kind: Kind::Key(KeyKind::Client),
    path: page_of(Kind::Key(KeyKind::Client)),
    purpose: "A client key is for a caller of your own API. It says whose it is and what it may be used for; your API asks Latchkey whether it is good.",
    advice: "Make one for each caller of your API: then each can be told apart, and taken back alone.",
    title: "Create client key",
    name_label: "Name",
    name_hint: "Who will use it, such as “mobile app”.",
    submit: "Submit",
    columns: &[
        ("Name", Field::Name),
        ("External ID", Field::ExternalId),
        ("Key", Field::Mask),
        ("Status", Field::Status),
        ("Scopes", Field::Scopes),
        ("Limits", Field::Limits),
        ("Created", Field::CreatedAt),
        ("Last used", Field::LastUsedAt),
        ("Expires", Field::ExpiresAt),
        ("Actions", Field::Action),
    ],
    class: "grid-client",
    has_buttons: true,
};

/// Keys of corpora.
pub const CORPUS: KeyTab = KeyTab {
    kind: Kind::Key(KeyKind::Corpus),
    path: page_of(Kind::Key(KeyKind::Corpus)),
    purpose: "A corpus key gives controlled, anonymous access to the corpora that you name, and to no other.",
    advice: "Make one to let a page or a program query your corpora without signing in.",
    title: "Create corpus key",
    name_label: "Name",
    name_hint: "Where it will be used, such as “help pages”.",
    submit: "Submit",
    columns: &[
        ("Name", Field::Name),
        ("API key", Field::Mask),
        ("Status", Field::Status),
        ("API access", Field::Access),
        ("Corpora", Field::Corpora),
        ("Created", Field::CreatedAt),
        ("Last used", Field::LastUsedAt),
        ("Actions", Field::Action),
    ],
    class: "grid-corpus",
    has_buttons: false,
};

/// Credentials of providers of language models.
pub const GENERAL: KeyTab = KeyTab {
    kind: Kind::Credential(CredentialKind::Llm),
    path: page_of(Kind::Credential(CredentialKind::Llm)),
    purpose: "A general key is your own key of a provider of language models. Store it once, then link it to any provider or model.",
    advice: "Store the key of a provider, such as OpenAI or Anthropic: nobody has to type it again.",
    title: "New API Key",
    name_label: "API Key Name",
    name_hint: "What tells it from others, such as “openai-production”.",
    submit: "Save",
    columns: &[
        ("Key Name", Field::Name),
        ("Key Value", Field::Mask),
        ("Status", Field::Status),
        ("Used by", Field::LinkedTo),
        ("Created", Field::CreatedAt),
        ("Created by", Field::CreatedBy),
        ("Action", Field::Action),
    ],
    class: "grid-general",
    has_buttons: true,
};

/// Keys of agents.
pub const AGENT: KeyTab = KeyTab {
    kind: Kind::Key(KeyKind::Agent),
    path: page_of(Kind::Key(KeyKind::Agent)),
    purpose: "An agent key tells your gateway which agent is calling; Latchkey's own API does not take it.",
    advice: "Make one for each agent: then each can be told apart, and taken back alone.",
    title: "Create Agent API Key",
    name_label: "API Key Name",
    name_hint: "What will use it, such as “nightly-build”.",
    submit: "Save",
    columns: &[
        ("Key Name", Field::Name),
        ("Status", Field::Status),
        ("Secret Key", Field::Mask),
        ("Created", Field::CreatedAt),
        ("Last Used", Field::LastUsedAt),
        ("Created by", Field::CreatedBy),
        ("Expired Date", Field::ExpiresAt),
        ("Action", Field::Action),
    ],
    class: "grid-agent",
    has_buttons: true,
};

/// Every tab, in order.
pub const ALL: [&KeyTab; 6] = [&INTERNAL, &EXTERNAL, &CLIENT, &CORPUS, &GENERAL, &AGENT];

impl KeyTab {
    /// The kind's row in the policy table.
    pub const fn policy(&self) -> &'static Policy {
        self.kind.policy()
    }

    /// The words on the button that makes one.
    pub const fn create(&self) -> &'static str {
        match self.policy().making {
            Making::Button(words) | Making::Menu(words) => words,
            Making::ByProject => "",
        }
    }

    /// Whether we made such a key, and so can put it to rest and replace its secret.
    pub const fn is_inbound(&self) -> bool {
        matches!(self.kind, Kind::Key(_))
    }

    /// When such a key ends, and what to do then.
    pub fn expiry_note(&self) -> String {
        match self.policy().expiry {
            Expiry::Never => "It does not expire.".to_owned(),
            Expiry::Days(days) => format!("It expires {days} days after it was made; then create a new one."),
            Expiry::Chosen => "It expires when you choose; then create a new one.".to_owned(),
            Expiry::ChosenOrNever => "It expires when you choose, or never.".to_owned(),
        }
    }
}

/// The tabs that somebody with these permissions may open.
fn open_to(permissions: Permissions) -> impl Iterator<Item = &'static KeyTab> {
    ALL.into_iter().filter(move |tab| permissions.has(tab.policy().view))
}

/// The tabs that somebody may open.
pub fn seen_by(viewer: &Viewer) -> Vec<Tab> {
    open_to(viewer.permissions).map(|tab| Tab { label: tab.policy().label, path: tab.path }).collect()
}

/// The page of the first tab that somebody with these permissions may open.
pub fn first_for(permissions: Permissions) -> Option<&'static str> {
    open_to(permissions).map(|tab| tab.path).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::permission::Permission;

    #[test]
    fn everybody_begins_at_the_first_tab_that_they_may_open() {
        let first = |permissions: &[Permission]| first_for(Permissions::of(permissions));
        assert_eq!(first(Permission::ALL), Some("/keys/internal"));
        assert_eq!(first(&[Permission::ViewKeys]), Some("/keys/client"));
        assert_eq!(first(&[Permission::ManageCredentials]), Some("/keys/general"));
        assert_eq!(first(&[]), None);
    }
}
