//! Splits Markdown into a section per heading.

use super::paragraphs;

/// The first heading of the first level, and the sections: what follows a heading belongs to it. The text before the first heading has a section per
/// paragraph. Markup inside a section stays as it is.
pub(super) fn parse(content: &str) -> (Option<String>, Vec<String>) {
    let (mut title, mut sections) = (None, Vec::new());
    let mut current = Section::default();
    let mut fence: Option<&str> = None;
    for line in content.lines() {
        let marker = fence_marker(line);
        match (fence, marker) {
            (None, Some(opened)) => fence = Some(opened),
            (Some(opened), Some(closed)) if opened == closed => fence = None,
            _ => {}
        }
        if let Some((level, text)) = heading(line).filter(|_| fence.is_none()) {
            current.end(&mut sections);
            current = Section { heading: Some(text.to_owned()), text: String::new() };
            if level == 1 && title.is_none() {
                title = Some(text.to_owned());
            }
        } else {
            current.text.push_str(line);
            current.text.push('\n');
        }
    }
    current.end(&mut sections);
    (title, sections)
}

#[derive(Default)]
struct Section {
    heading: Option<String>,
    text: String,
}

impl Section {
    fn end(&self, sections: &mut Vec<String>) {
        match &self.heading {
            None => sections.extend(paragraphs(&self.text)),
            Some(heading) => {
                let section = format!("{heading}\n\n{}", self.text.trim());
                sections.extend(Some(section.trim().to_owned()).filter(|section| !section.is_empty()));
            }
        }
    }
}

/// The level and text of a line such as `## Text`.
fn heading(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let is_heading = (1..=6).contains(&level) && (text.is_empty() || text.starts_with([' ', '\t']));
    is_heading.then(|| (level, text.trim().trim_end_matches('#').trim_end()))
}

/// The fence that begins or ends a code block.
fn fence_marker(line: &str) -> Option<&'static str> {
    let line = line.trim_start();
    ["```", "~~~"].into_iter().find(|marker| line.starts_with(*marker))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_begins_a_section() {
        let content = "Intro one\n\nIntro two\n\n# Guide #\n\nHello **you**.\n\n```sh\n# not a heading\n```\n\n## Part\nmore\n#hashtag\n# Second\n";
        let (title, sections) = parse(content);
        assert_eq!(title.as_deref(), Some("Guide"));
        let expected = ["Intro one", "Intro two", "Guide\n\nHello **you**.\n\n```sh\n# not a heading\n```", "Part\n\nmore\n#hashtag", "Second"];
        assert_eq!(sections, expected);
    }

    #[test]
    fn a_text_without_headings_has_no_title() {
        assert_eq!(parse("a\n\nb"), (None, vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(parse("# \n"), (Some(String::new()), vec![]));
    }
}
