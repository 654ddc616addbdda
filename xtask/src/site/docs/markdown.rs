//! From a Markdown document to the HTML of its page, and to the texts for the search.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::contents::Contents;

/// The URL of the documentation. A page is below it.
pub(super) const ROOT: &str = "/docs";

/// A document as HTML.
pub(super) struct Document {
    pub(super) html: String,
    pub(super) sections: Vec<Section>,
    /// Other files of `docs` that it links to or shows, relative to that folder.
    pub(super) files: BTreeSet<String>,
}

/// A heading and the text below it, up to the next heading.
pub(super) struct Section {
    pub(super) level: HeadingLevel,
    /// Of the heading; empty for the first one, which is the top of the page.
    pub(super) id: String,
    pub(super) title: String,
    pub(super) text: String,
}

/// Converts a document. Links to other documents become links to their pages; of links to unpublished documents only the text remains.
pub(super) fn convert(markdown: &str, contents: &Contents) -> Result<Document> {
    let events: Vec<Event> = Parser::new_ext(markdown, Options::ENABLE_TABLES).collect();
    let sections = headings(&events);
    ensure!(sections.first().is_some_and(|section| section.level == HeadingLevel::H1), "the document must begin with a heading `# …`");
    let mut converter = Converter { contents, sections, next: 0, is_in_heading: false, is_link_removed: false, files: BTreeSet::new() };
    let mut output = Vec::with_capacity(events.len());
    for event in events {
        converter.convert(event, &mut output)?;
    }
    let mut html = String::new();
    html::push_html(&mut html, output.into_iter());
    // A column without a name has no heading.
    let html = html.replace("<th></th>", "<td></td>");
    Ok(Document { html, sections: converter.sections, files: converter.files })
}

/// A section for each heading, still without text.
fn headings(events: &[Event]) -> Vec<Section> {
    let mut sections = Vec::<Section>::new();
    let mut is_open = false;
    for event in events {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                sections.push(Section { level: *level, id: String::new(), title: String::new(), text: String::new() });
                is_open = true;
            }
            Event::End(TagEnd::Heading(_)) => is_open = false,
            Event::Text(text) | Event::Code(text) if is_open => {
                if let Some(section) = sections.last_mut() {
                    section.title.push_str(text);
                }
            }
            _ => {}
        }
    }
    let mut ids = BTreeSet::new();
    for section in sections.iter_mut().skip(1) {
        section.id = unique(slug(&section.title), &mut ids);
    }
    sections
}

/// The id of a heading, as GitHub makes it, so that links work in both places.
fn slug(title: &str) -> String {
    let kept = title.chars().filter(|character| character.is_alphanumeric() || [' ', '-', '_'].contains(character));
    kept.flat_map(char::to_lowercase).map(|character| if character == ' ' { '-' } else { character }).collect()
}

fn unique(id: String, ids: &mut BTreeSet<String>) -> String {
    let numbered = (1..).map(|number| format!("{id}-{number}"));
    let id = std::iter::once(id.clone()).chain(numbered).find(|id| !ids.contains(id)).unwrap_or_default();
    ids.insert(id.clone());
    id
}

struct Converter<'c> {
    contents: &'c Contents,
    sections: Vec<Section>,
    /// The number of headings so far.
    next: usize,
    is_in_heading: bool,
    /// Whether the open link leads to an unpublished document.
    is_link_removed: bool,
    files: BTreeSet<String>,
}

impl Converter<'_> {
    fn convert<'e>(&mut self, event: Event<'e>, output: &mut Vec<Event<'e>>) -> Result<()> {
        self.collect_text(&event);
        match event {
            Event::Start(Tag::Heading { level, .. }) => output.push(self.begin_heading(level)?),
            Event::End(TagEnd::Heading(level)) => {
                self.is_in_heading = false;
                output.push(markup(if level == HeadingLevel::H1 { "</h1>\n".to_owned() } else { format!("</a></{level}>\n") }));
            }
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                ensure!(!self.is_in_heading, "a heading must not contain a link: it is one itself");
                match self.url(&dest_url)? {
                    Some(url) => output.push(Event::Start(Tag::Link { link_type, dest_url: url.into(), title, id })),
                    None => self.is_link_removed = true,
                }
            }
            Event::End(TagEnd::Link) if self.is_link_removed => self.is_link_removed = false,
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                let url = self.url(&dest_url)?.context("an image must not be a document")?;
                output.push(Event::Start(Tag::Image { link_type, dest_url: url.into(), title, id }));
            }
            Event::Start(tag @ Tag::CodeBlock(_)) => output.extend([frame("docs-code"), Event::Start(tag)]),
            Event::Start(tag @ Tag::Table(_)) => output.extend([frame("docs-table"), Event::Start(tag)]),
            Event::End(tag @ (TagEnd::CodeBlock | TagEnd::Table)) => output.extend([Event::End(tag), markup("</div>\n".to_owned())]),
            Event::Html(html) | Event::InlineHtml(html) => ensure!(is_comment(&html), "only comments are supported, not other HTML: {html}"),
            other => output.push(other),
        }
        Ok(())
    }

    /// Adds the text of an event to the section that it is in.
    fn collect_text(&mut self, event: &Event) {
        let Some(section) = self.next.checked_sub(1).and_then(|last| self.sections.get_mut(last)) else { return };
        match event {
            Event::Text(text) | Event::Code(text) if !self.is_in_heading => section.text.push_str(text),
            Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell) => section.text.push(' '),
            _ => {}
        }
    }

    /// The start tag of the next heading. Except for the page's, its text is a link to it.
    fn begin_heading<'e>(&mut self, level: HeadingLevel) -> Result<Event<'e>> {
        let section = self.sections.get(self.next).context("more headings than were counted")?;
        self.next += 1;
        self.is_in_heading = true;
        Ok(markup(match (level, section.id.as_str()) {
            (HeadingLevel::H1, "") => "<h1>".to_owned(),
            (HeadingLevel::H1, _) => bail!("a document has only one heading `# …`"),
            (level, id) => format!("<{level} id=\"{id}\"><a href=\"#{id}\">"),
        }))
    }

    /// Where a link leads on the page; `None` for an unpublished document.
    fn url(&mut self, target: &str) -> Result<Option<String>> {
        if target.starts_with('#') || target.contains("://") || target.starts_with("mailto:") {
            return Ok(Some(target.to_owned()));
        }
        let (path, fragment) = target.split_once('#').map_or((target, String::new()), |(path, fragment)| (path, format!("#{fragment}")));
        match path.strip_suffix(".md") {
            Some("README") => Ok(Some(ROOT.to_owned())),
            Some(name) if self.contents.has(name) => Ok(Some(format!("{ROOT}/{name}{fragment}"))),
            Some(_) => Ok(None),
            None => {
                ensure!(!path.starts_with(['/', '.']), "{path} is outside of the documentation");
                self.files.insert(path.to_owned());
                Ok(Some(format!("{ROOT}/{path}")))
            }
        }
    }
}

fn markup<'e>(html: String) -> Event<'e> {
    Event::Html(CowStr::from(html))
}

/// The start tag of a frame that scrolls if its content is too wide.
fn frame<'e>(class: &str) -> Event<'e> {
    markup(format!("<div class=\"{class}\">\n"))
}

fn is_comment(html: &str) -> bool {
    let html = html.trim();
    html.is_empty() || (html.starts_with("<!--") && html.ends_with("-->"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(markdown: &str) -> Result<Document> {
        let contents = Contents::parse("# Docs\n\nAbout.\n\n## A\n\n- [One](one.md): first\n").unwrap();
        convert(&format!("# Title\n\n{markdown}\n"), &contents)
    }

    #[track_caller]
    fn check(markdown: &str, html: &str) {
        assert_eq!(document(markdown).unwrap().html.trim_start_matches("<h1>Title</h1>\n").trim_end(), html);
    }

    #[test]
    fn headings_link_to_themselves() {
        check("## Rate limits", "<h2 id=\"rate-limits\"><a href=\"#rate-limits\">Rate limits</a></h2>");
        check(
            "### What `POST` does, & why?",
            "<h3 id=\"what-post-does--why\"><a href=\"#what-post-does--why\">What <code>POST</code> does, &amp; why?</a></h3>",
        );
    }

    #[test]
    fn ids_are_unique() {
        let document = document("## Notes\n\n## Notes\n\n## Notes").unwrap();
        let ids: Vec<_> = document.sections.iter().map(|section| section.id.as_str()).collect();
        assert_eq!(ids, ["", "notes", "notes-1", "notes-2"]);
    }

    #[test]
    fn links_lead_to_pages() {
        check("[a](one.md)", "<p><a href=\"/docs/one\">a</a></p>");
        check("[a](one.md#b)", "<p><a href=\"/docs/one#b\">a</a></p>");
        check("[a](#b)", "<p><a href=\"#b\">a</a></p>");
        check("[a](README.md)", "<p><a href=\"/docs\">a</a></p>");
        check("[a](https://example.com/b.md)", "<p><a href=\"https://example.com/b.md\">a</a></p>");
        check("See [a `b`](two.md) and [c](../SECURITY.md).", "<p>See a <code>b</code> and c.</p>");
    }

    #[test]
    fn linked_files_and_images_are_collected() {
        let document = document("[a](proxies/nginx.conf) ![b](b.png)").unwrap();
        assert!(document.html.contains("<a href=\"/docs/proxies/nginx.conf\">a</a> <img src=\"/docs/b.png\" alt=\"b\" />"), "{}", document.html);
        assert_eq!(document.files.into_iter().collect::<Vec<_>>(), ["b.png", "proxies/nginx.conf"]);
    }

    #[test]
    fn tables_and_code_are_in_frames() {
        check("```sh\nls\n```", "<div class=\"docs-code\">\n<pre><code class=\"language-sh\">ls\n</code></pre>\n</div>");
        let table = document("| a | |\n| --- | --- |\n| b | c |").unwrap().html;
        assert!(table.contains("<div class=\"docs-table\">\n<table><thead><tr><th>a</th><td></td></tr></thead>"), "{table}");
        assert!(table.ends_with("</table>\n</div>\n"), "{table}");
    }

    #[test]
    fn sections_have_the_text_below_their_heading() {
        let document =
            document("Lead\n`code`.\n\n## First\n\n- a\n- b\n\n| c | d |\n| --- | --- |\n| e | f |\n\n## Second\n\n```sh\nls\n```").unwrap();
        let sections: Vec<_> = document.sections.iter().map(|section| (section.title.as_str(), section.text.trim())).collect();
        assert_eq!(sections, [("Title", "Lead code."), ("First", "a b c d e f"), ("Second", "ls")]);
    }

    #[test]
    fn what_cannot_be_shown_is_an_error() {
        for markdown in ["<b>a</b>", "<div>\na\n</div>", "# Again", "## [a](one.md)", "[a](../Cargo.toml)", "![a](two.md)"] {
            assert!(document(markdown).is_err(), "{markdown}");
        }
        check("<!-- a -->", "");
        let contents = Contents::parse("# Docs\n\nAbout.\n\n## A\n\n- [One](one.md): first\n").unwrap();
        assert!(convert("text", &contents).is_err());
    }
}
