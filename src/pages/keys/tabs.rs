//! The tabs of the API Keys page: what each says of its kind.

use super::columns::{self, KeyColumn};
use crate::{
    model::{
        account::Viewer,
        policy::{Expiry, KeyKind, Policy},
    },
    ui::tabs::Tab,
};

/// What the page says of one kind. What differs in what may be done is in the policy table.
#[derive(Debug)]
pub struct KeyTab {
    /// The kind.
    pub kind: KeyKind,
    /// The page's address.
    pub path: &'static str,
    /// What such a key is for, in a sentence or two.
    pub purpose: &'static str,
    /// The button that makes one.
    pub create: &'static str,
    /// The columns of the list.
    pub columns: &'static [&'static KeyColumn],
    /// The class that gives the columns their widths.
    pub class: &'static str,
}

/// Keys of agents.
pub const AGENT: KeyTab = KeyTab {
    kind: KeyKind::Agent,
    path: KeyKind::Agent.policy().page.expect("agents' keys have a page"),
    purpose: "An agent key tells your gateway which agent is calling; Latchkey's own API does not take it.",
    create: "Create API Key",
    columns: &[
        &columns::NAME,
        &columns::STATUS,
        &columns::SECRET,
        &columns::CREATED,
        &columns::LAST_USED,
        &columns::CREATED_BY,
        &columns::EXPIRES,
        &columns::ACTION,
    ],
    class: "grid-agent",
};

const ALL: &[&KeyTab] = &[&AGENT];

impl KeyTab {
    /// The kind's row in the policy table.
    pub const fn policy(&self) -> &'static Policy {
        self.kind.policy()
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

/// The tabs that somebody may open.
pub fn seen_by(viewer: &Viewer) -> Vec<Tab> {
    let may_see = |tab: &&&KeyTab| viewer.may(tab.policy().view);
    ALL.iter().filter(may_see).map(|tab| Tab { label: tab.policy().label, path: tab.path }).collect()
}
