//! What a browser downloads to show a page, and the limits for it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use super::bindgen::LIST;
use super::folder::Files;

/// The pages for visitors without a session.
const ENTRANCE: [&str; 3] = ["entrance.wasm", "entrance.js", "entrance.css"];
/// What every page of the application needs, in addition to its chunk.
const APPLICATION: [&str; 4] = ["latchkey.wasm", "latchkey.js", "chunks.js", "latchkey.css"];
/// The typefaces of texts and of keys. The pages for visitors only need the first one.
const FONTS: [&str; 2] = ["inter.woff2", "jetbrains-mono.woff2"];

/// Compressed sizes in bytes, without typefaces, that a release must not exceed.
const LIMITS: [(&str, usize); 2] = [("entrance", 150_000), ("keys_chunk", 478_000)];

/// The size of a page's files, without typefaces.
#[derive(Debug, PartialEq, Eq)]
struct Size {
    page: String,
    raw: usize,
    compressed: usize,
}

/// Prints the size of each chunk's pages.
pub(super) fn print(files: &Files) -> Result<()> {
    for Size { page, raw, compressed } in sizes(files)? {
        eprintln!("    {page}: {} KB, {} KB compressed", raw / 1000, compressed / 1000);
    }
    for font in FONTS {
        eprintln!("    {font}: {} KB", files.size(&format!("pkg/{font}")).unwrap_or_default() / 1000);
    }
    Ok(())
}

/// Fails if a page has become larger than its limit.
pub(super) fn check(files: &Files) -> Result<()> {
    let too_large = |Size { page, compressed, .. }: Size| {
        let limit = LIMITS.iter().find(|(name, _)| *name == page)?.1;
        (compressed > limit).then(|| format!("{page} has {compressed} bytes, limit {limit}"))
    };
    let problems: Vec<String> = sizes(files)?.into_iter().filter_map(too_large).collect();
    if problems.is_empty() { Ok(()) } else { bail!("the compressed files of a page are too large: {}", problems.join("; ")) }
}

fn sizes(files: &Files) -> Result<Vec<Size>> {
    let list = files.get(LIST).context("the list of chunks is missing")?;
    let chunks: BTreeMap<String, Vec<String>> = serde_json::from_slice(list)?;
    let entrance = size_of(files, "entrance".to_owned(), ENTRANCE.into_iter());
    let pages = chunks.into_iter().map(|(chunk, parts)| size_of(files, chunk, APPLICATION.into_iter().chain(parts.iter().map(String::as_str))));
    Ok(std::iter::once(entrance).chain(pages).collect())
}

fn size_of<'a>(files: &Files, page: String, names: impl Iterator<Item = &'a str> + Clone) -> Size {
    let size = |name: &str, suffix: &str| files.size(&format!("pkg/{name}{suffix}"));
    let raw = names.clone().filter_map(|name| size(name, "")).sum();
    let compressed = names.filter_map(|name| size(name, ".br").or_else(|| size(name, ""))).sum();
    Size { page, raw, compressed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(entrance: usize) -> Files {
        let mut files = Files::default();
        files.add(LIST, br#"{"keys_chunk":["keys.wasm"]}"#.to_vec());
        files.add("pkg/entrance.wasm", vec![0; entrance]);
        files.add("pkg/entrance.js", vec![0; 10]);
        files.add("pkg/entrance.js.br", vec![0; 4]);
        files.add("pkg/latchkey.wasm", vec![0; 500]);
        files.add("pkg/keys.wasm", vec![0; 70]);
        files
    }

    #[test]
    fn a_page_has_the_common_files_and_those_of_its_chunk() {
        let size = |page: &str, raw, compressed| Size { page: page.to_owned(), raw, compressed };
        assert_eq!(sizes(&site(100)).unwrap(), [size("entrance", 110, 104), size("keys_chunk", 570, 570)]);
    }

    #[test]
    fn a_page_that_is_too_large_fails_the_build() {
        check(&site(100)).unwrap();
        let error = check(&site(300_000)).unwrap_err().to_string();
        assert!(error.contains("entrance has 300004 bytes"), "{error}");
    }
}
