//! Recognizes the provider of a language model's key.

/// Prefixes that belong to one provider only. More specific ones come first.
const PREFIXES: [(&str, &str); 13] = [
    ("sk-ant-", "Anthropic"),
    ("sk-or-", "OpenRouter"),
    ("sk-proj-", "OpenAI"),
    ("sk-svcacct-", "OpenAI"),
    ("sk-admin-", "OpenAI"),
    ("AIza", "Google"),
    ("gsk_", "Groq"),
    ("xai-", "xAI"),
    ("hf_", "Hugging Face"),
    ("r8_", "Replicate"),
    ("pplx-", "Perplexity"),
    ("nvapi-", "NVIDIA"),
    ("fw_", "Fireworks"),
];

/// The provider that issues keys with this beginning. `None` for beginnings that several providers use, such as `sk-`.
pub(super) fn provider_of(key: &str) -> Option<&'static str> {
    let key = key.trim_start();
    PREFIXES.into_iter().find(|(prefix, _)| key.starts_with(prefix)).map(|(_, provider)| provider)
}

#[cfg(test)]
mod tests {
    use super::provider_of;

    #[test]
    fn only_unambiguous_prefixes_are_recognized() {
        assert_eq!(provider_of(" sk-ant-api03-abc"), Some("Anthropic"));
        assert_eq!(provider_of("sk-proj-abc"), Some("OpenAI"));
        assert_eq!((provider_of("sk-abc"), provider_of(""), provider_of("sk-an")), (None, None, None));
    }
}
