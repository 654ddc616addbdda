//! Well-known providers, with which the dialog for a new provider is filled in.

use latchkey_types::provider::ApiStyle;

#[derive(Debug)]
pub(super) struct Preset {
    /// Label of its button.
    pub label: &'static str,
    pub name: &'static str,
    pub style: ApiStyle,
    pub base_url: &'static str,
}

/// Nothing is filled in.
pub(super) const CUSTOM: Preset = Preset { label: "Add another provider", name: "", style: ApiStyle::Openai, base_url: "" };

pub(super) const PRESETS: &[Preset] = &[
    Preset { label: "Add OpenAI", name: "OpenAI", style: ApiStyle::Openai, base_url: "https://api.openai.com/v1" },
    Preset { label: "Add Anthropic", name: "Anthropic", style: ApiStyle::Anthropic, base_url: "https://api.anthropic.com" },
    CUSTOM,
];
