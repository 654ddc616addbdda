//! The HTML around the content of a page: head, top bar, navigation, outline, and links to the previous and the next page.

use std::fmt::Write;

use pulldown_cmark::HeadingLevel;

use super::contents::{Contents, Entry};
use super::markdown::{ROOT, Section};

const TEMPLATE: &str = include_str!("page.html");
const TITLE: &str = "Latchkey docs";

/// An outline of fewer sections would not help.
const OUTLINE_MIN: usize = 2;

/// What all pages have in common.
pub(super) struct Template<'a> {
    /// The URL of the folder with style sheet, script, fonts and search index.
    pub(super) pkg: &'a str,
    pub(super) contents: &'a Contents,
}

impl Template<'_> {
    /// The page of a document.
    pub(super) fn document(&self, entry: &Entry, html: &str, sections: &[Section]) -> String {
        let content = format!("{html}{}", self.steps(entry));
        self.page(&format!("{} · {TITLE}", entry.label), &sentence(&entry.summary), Some(&entry.name), &content, &outline(sections))
    }

    /// The page that lists all documents.
    pub(super) fn start(&self) -> String {
        let lead = &self.contents.lead;
        let mut content = heading("Documentation", &escape(lead));
        for group in &self.contents.groups {
            let _ = writeln!(content, r#"<h2>{}</h2><ul class="docs-cards">"#, escape(&group.title));
            for entry in &group.entries {
                let (url, label, summary) = (url(entry), escape(&entry.label), escape(&sentence(&entry.summary)));
                let _ = writeln!(content, r#"<li><a href="{url}"><strong>{label}</strong> <span>{summary}</span></a></li>"#);
            }
            content.push_str("</ul>\n");
        }
        self.page(TITLE, lead, None, &content, "")
    }

    /// The page for unknown addresses.
    pub(super) fn not_found(&self) -> String {
        let text = "The link may be broken or the page may have moved.";
        let content = heading("Page not found", &format!(r#"{text} Search for it, or see <a href="{ROOT}">all pages</a>."#));
        self.page(&format!("Page not found · {TITLE}"), text, None, &content, "")
    }

    fn page(&self, title: &str, description: &str, current: Option<&str>, content: &str, outline: &str) -> String {
        let page = TEMPLATE.replace("{{title}}", &escape(title)).replace("{{description}}", &escape(description)).replace("{{pkg}}", self.pkg);
        let page = page.replace("{{navigation}}", &self.navigation(current)).replace("{{outline}}", outline);
        // Last, because code in it may look like a placeholder.
        page.replace("{{content}}", content)
    }

    fn navigation(&self, current: Option<&str>) -> String {
        let mut html = String::new();
        for group in &self.contents.groups {
            let _ = writeln!(html, r#"<p class="docs-nav-title">{}</p><ul>"#, escape(&group.title));
            for entry in &group.entries {
                let mark = if current == Some(entry.name.as_str()) { r#" aria-current="page""# } else { "" };
                let _ = writeln!(html, r#"<li><a href="{}"{mark}>{}</a></li>"#, url(entry), escape(&entry.label));
            }
            html.push_str("</ul>\n");
        }
        html
    }

    /// Links to the pages before and after a page.
    fn steps(&self, entry: &Entry) -> String {
        let entries: Vec<&Entry> = self.contents.entries().collect();
        let Some(at) = entries.iter().position(|other| other.name == entry.name) else { return String::new() };
        let previous = at.checked_sub(1).and_then(|before| entries.get(before)).map(|other| step(other, "prev", "Previous"));
        let next = entries.get(at + 1).map(|other| step(other, "next", "Next"));
        let links: String = previous.into_iter().chain(next).collect();
        format!(r#"<nav class="docs-steps" aria-label="Previous and next page">{links}</nav>"#)
    }
}

/// A heading and the paragraph below it, which is HTML.
fn heading(title: &str, lead: &str) -> String {
    format!(r#"<h1>{title}</h1><p class="docs-lead">{lead}</p>"#)
}

fn step(entry: &Entry, rel: &str, label: &str) -> String {
    format!(r#"<a rel="{rel}" href="{}"><span>{label}</span> {}</a>"#, url(entry), escape(&entry.label))
}

/// Links to the main sections of a page.
fn outline(sections: &[Section]) -> String {
    let main: Vec<&Section> = sections.iter().filter(|section| section.level == HeadingLevel::H2).collect();
    if main.len() < OUTLINE_MIN {
        return String::new();
    }
    let mut html =
        r#"<nav class="docs-outline" aria-labelledby="docs-outline"><p class="docs-nav-title" id="docs-outline">On this page</p><ul>"#.to_owned();
    for section in main {
        let _ = writeln!(html, r##"<li><a href="#{}">{}</a></li>"##, section.id, escape(&section.title));
    }
    html + "</ul></nav>"
}

fn url(entry: &Entry) -> String {
    format!("{ROOT}/{}", entry.name)
}

/// A summary as a sentence.
fn sentence(summary: &str) -> String {
    let mut characters = summary.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).chain(['.']).collect()
}

/// Text as HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents() -> Contents {
        Contents::parse(
            "# Docs\n\nAbout <x>.\n\n## A & B\n\n- [One](one.md): first\n- [Two](two.md): the \"second\"\n\n## C\n\n- [Three](three.md): third\n",
        )
        .unwrap()
    }

    #[test]
    fn a_page_marks_its_place() {
        let contents = contents();
        let page = Template { pkg: "/pkg/1", contents: &contents }.document(contents.entries().nth(1).unwrap(), "<p>{{pkg}}</p>", &[]);
        for part in [
            "<title>Two · Latchkey docs</title>",
            r#"content="The &quot;second&quot;.""#,
            r#"href="/pkg/1/docs.css""#,
            r#"<p class="docs-nav-title">A &amp; B</p>"#,
            r#"<a href="/docs/two" aria-current="page">Two</a>"#,
            "<p>{{pkg}}</p>",
            r#"<a rel="prev" href="/docs/one"><span>Previous</span> One</a>"#,
            r#"<a rel="next" href="/docs/three"><span>Next</span> Three</a>"#,
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert_eq!(page.matches("aria-current").count(), 1);
        assert!(!page.contains("On this page"));
    }

    #[test]
    fn the_outline_has_the_main_sections() {
        let section = |level, id: &str| Section { level, id: id.to_owned(), title: id.to_uppercase(), text: String::new() };
        let html =
            outline(&[section(HeadingLevel::H1, ""), section(HeadingLevel::H2, "a"), section(HeadingLevel::H3, "b"), section(HeadingLevel::H2, "c")]);
        assert!(html.contains("<li><a href=\"#a\">A</a></li>\n<li><a href=\"#c\">C</a></li>\n</ul>"), "{html}");
        assert_eq!(outline(&[section(HeadingLevel::H2, "a")]), "");
    }

    #[test]
    fn the_start_page_lists_all_documents() {
        let contents = contents();
        let page = Template { pkg: "/pkg/1", contents: &contents }.start();
        assert!(page.contains(r#"<p class="docs-lead">About &lt;x&gt;.</p>"#), "{page}");
        assert!(page.contains(r#"<li><a href="/docs/three"><strong>Three</strong> <span>Third.</span></a></li>"#), "{page}");
    }
}
