//! The documentation: the documents of `docs/` as HTML pages, with an index for their search. Nothing in them depends on who reads them.

mod contents;
mod markdown;
mod template;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};
use serde_json::json;

use self::contents::{Contents, Entry};
use self::markdown::Document;
use self::template::Template;
use super::folder::Files;
use super::{css, pkg_url};
use crate::paths;

const SCRIPT: &str = include_str!("docs.js");

/// Adds the pages, and what they load. All other files of `pkg` must be complete: the pages contain the URL of that folder.
pub(super) fn add_docs(files: &mut Files) -> Result<()> {
    files.add("pkg/docs.css", css::bundle(&paths::inside("style/docs.css"))?.into());
    files.add("pkg/docs.js", SCRIPT.into());
    add_documents(files)
}

fn add_documents(files: &mut Files) -> Result<()> {
    let contents = Contents::parse(&read("README.md")?).context("docs/README.md")?;
    let documents: Vec<(&Entry, Document)> =
        contents.entries().map(|entry| convert(entry, &contents).map(|document| (entry, document))).collect::<Result<_>>()?;
    files.add("pkg/docs.json", search_index(&documents).into());

    let pkg = pkg_url(files);
    let template = Template { pkg: &pkg, contents: &contents };
    for (entry, document) in &documents {
        add_page(files, &entry.name, template.document(entry, &document.html, &document.sections));
    }
    add_page(files, "index", template.start());
    add_page(files, "404", template.not_found());
    for file in documents.iter().flat_map(|(_, document)| &document.files).collect::<BTreeSet<_>>() {
        let bytes = fs::read(paths::inside("docs").join(file)).with_context(|| format!("cannot read docs/{file}"))?;
        files.add(format!("docs/{file}"), bytes);
    }
    Ok(())
}

fn read(file: &str) -> Result<String> {
    fs::read_to_string(paths::inside("docs").join(file)).with_context(|| format!("cannot read docs/{file}"))
}

fn convert(entry: &Entry, contents: &Contents) -> Result<Document> {
    let file = format!("{}.md", entry.name);
    markdown::convert(&read(&file)?, contents).with_context(|| format!("docs/{file}"))
}

/// The server looks for this name.
fn add_page(files: &mut Files, name: &str, html: String) {
    files.add(format!("docs/{name}.html"), html.into());
}

/// URL, page, heading and text of every section, as JSON. `docs.js` searches it.
fn search_index(documents: &[(&Entry, Document)]) -> String {
    let mut rows = Vec::new();
    for (entry, document) in documents {
        for section in &document.sections {
            let fragment = if section.id.is_empty() { String::new() } else { format!("#{}", section.id) };
            let text = section.text.split_whitespace().collect::<Vec<_>>().join(" ");
            rows.push(json!([format!("{}/{}{fragment}", markdown::ROOT, entry.name), entry.label, section.title, text]));
        }
    }
    json!(rows).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::css_classes;

    /// The site with nothing but the documentation.
    fn site() -> Files {
        let mut files = Files::default();
        add_documents(&mut files).unwrap();
        files
    }

    /// The values of an attribute that begin with `/docs` or `#`.
    fn targets<'h>(html: &'h str, attribute: &str) -> Vec<&'h str> {
        let values = html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
        values.filter(|value| value.starts_with(markdown::ROOT) || value.starts_with('#')).collect()
    }

    /// Whether a link from this page leads to a file of the site, and to a heading of it.
    fn exists(files: &Files, page: &str, target: &str) -> bool {
        let (path, id) = target.split_once('#').unwrap_or((target, ""));
        let name = match path {
            "" => page.to_owned(),
            markdown::ROOT => "docs/index.html".to_owned(),
            path if files.get(&path[1..]).is_some() => path[1..].to_owned(),
            path => format!("{}.html", &path[1..]),
        };
        files.get(&name).is_some_and(|html| id.is_empty() || String::from_utf8_lossy(html).contains(&format!(" id=\"{id}\"")))
    }

    #[test]
    fn every_link_leads_to_a_page_and_a_heading() {
        let files = site();
        let mut count = 0;
        for (page, html) in files
            .iter()
            .filter_map(|(name, html)| Some((name, std::str::from_utf8(html).ok()?)))
            .filter(|(name, _)| name.strip_suffix(".html").is_some())
        {
            for target in [targets(html, "href=\""), targets(html, "src=\"")].concat() {
                assert!(exists(&files, page, target), "{page}: {target}");
                count += 1;
            }
        }
        assert!(count > 100, "{count}");
        assert!(!exists(&files, "docs/api.html", "#nowhere") && !exists(&files, "docs/api.html", "/docs/nowhere"));
    }

    #[test]
    fn links_of_the_application_lead_to_pages() {
        let files = site();
        let sources: String = ["src", "crates/ui/src"].map(|folder| css_classes::read_all(&paths::inside(folder), "rs").unwrap()).concat();
        let links: BTreeSet<&str> = sources.split("\"/docs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(links.contains("keys"), "{links:?}");
        for link in links {
            assert!(exists(&files, "", &format!("/docs/{link}")), "{link}");
        }
    }

    #[test]
    fn every_document_is_in_the_table_of_contents() {
        let listed = read("README.md").unwrap();
        for entry in paths::inside("docs").read_dir().unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.strip_suffix(".md").is_some_and(|name| name != "README") {
                assert!(listed.contains(&format!("]({name}): ")), "{name}");
            }
        }
    }

    #[test]
    fn the_index_has_every_section() {
        let files = site();
        let rows: Vec<[String; 4]> = serde_json::from_slice(files.get("pkg/docs.json").unwrap()).unwrap();
        let row = rows.iter().find(|row| row[0] == "/docs/api#limits").unwrap();
        assert_eq!((row[1].as_str(), row[2].as_str()), ("API", "Limits"));
        assert!(row[3].contains("sliding window"), "{}", row[3]);
        assert!(rows.iter().any(|row| row[0] == "/docs/getting-started"));
    }
}
