//! The table of contents: which documents are published, in which order and groups. It is read from `docs/README.md`.

use anyhow::{Context, Result, bail};

/// The group of documents about the sources. They are not published.
const UNPUBLISHED: &str = "Development";

/// The published documents.
pub(super) struct Contents {
    /// What the documentation is about, in one paragraph.
    pub(super) lead: String,
    pub(super) groups: Vec<Group>,
}

pub(super) struct Group {
    pub(super) title: String,
    pub(super) entries: Vec<Entry>,
}

/// A document.
pub(super) struct Entry {
    /// Its file name without `.md`, which is also the last part of its URL.
    pub(super) name: String,
    pub(super) label: String,
    /// What it is about, without a period.
    pub(super) summary: String,
}

impl Contents {
    /// Reads a heading, a paragraph, and for each group a heading and a list of `[label](name.md): summary`.
    pub(super) fn parse(markdown: &str) -> Result<Self> {
        let (mut lead, mut groups) = (Vec::new(), Vec::<Group>::new());
        for line in markdown.lines().skip(1).filter(|line| !line.is_empty()) {
            if let Some(title) = line.strip_prefix("## ") {
                groups.push(Group { title: title.to_owned(), entries: Vec::new() });
            } else if let Some(group) = groups.last_mut() {
                group.entries.push(Entry::parse(line).with_context(|| format!("not an entry: {line}"))?);
            } else {
                lead.push(line);
            }
        }
        groups.retain(|group| group.title != UNPUBLISHED);
        if lead.is_empty() || groups.is_empty() {
            bail!("no paragraph or no group");
        }
        Ok(Self { lead: lead.join(" "), groups })
    }

    /// All documents in their order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.groups.iter().flat_map(|group| &group.entries)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.entries().any(|entry| entry.name == name)
    }
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let (label, rest) = line.strip_prefix("- [")?.split_once("](")?;
        let (name, summary) = rest.split_once(".md): ")?;
        Some(Self { name: name.to_owned(), label: label.to_owned(), summary: summary.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_entries_are_read_in_order() {
        let contents = Contents::parse(
            "# Docs\n\nAbout\nLatchkey.\n\n## A\n\n- [One](1.md): first\n- [Two](2.md): second: b\n\n## B\n\n- [Three](3.md): third\n",
        )
        .unwrap();
        assert_eq!(contents.lead, "About Latchkey.");
        let read: Vec<_> = contents.entries().map(|entry| (entry.name.as_str(), entry.label.as_str(), entry.summary.as_str())).collect();
        assert_eq!(read, [("1", "One", "first"), ("2", "Two", "second: b"), ("3", "Three", "third")]);
        assert_eq!(contents.groups.iter().map(|group| group.title.as_str()).collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn documents_about_the_sources_are_not_published() {
        let contents = Contents::parse("# Docs\n\nAbout.\n\n## A\n\n- [One](1.md): first\n\n## Development\n\n- [Two](2.md): second\n").unwrap();
        assert!(contents.has("1") && !contents.has("2"));
    }

    #[test]
    fn a_malformed_entry_is_an_error() {
        for list in ["- One", "- [One](1.md)", "- [One](1.txt): first", "text"] {
            assert!(Contents::parse(&format!("# Docs\n\nAbout.\n\n## A\n\n{list}\n")).is_err(), "{list}");
        }
    }
}
