//! Precompressed copies (`.br`) of the site's files, so that the server does not compress them.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use brotli::enc::BrotliEncoderParams;

use super::folder::Files;

const COMPRESSIBLE: [&str; 6] = ["css", "html", "js", "json", "svg", "wasm"];

/// Adds a `.br` for each compressible file that becomes smaller. Reuses the copy in `site` from an earlier build if it has the same content.
pub(super) fn add_compressed(files: &mut Files, site: &Path) -> Result<()> {
    let mut compressed = Vec::new();
    for (name, original) in files.iter().filter(|(name, _)| is_compressible(name)) {
        let name = format!("{name}.br");
        let bytes = match earlier(&site.join(&name), original) {
            Some(earlier) => earlier,
            None => compress(original).with_context(|| format!("cannot compress {name}"))?,
        };
        if bytes.len() < original.len() {
            compressed.push((name, bytes));
        }
    }
    for (name, bytes) in compressed {
        files.add(name, bytes);
    }
    Ok(())
}

fn is_compressible(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| COMPRESSIBLE.iter().any(|one| extension == *one))
}

fn earlier(file: &Path, expected: &[u8]) -> Option<Vec<u8>> {
    let bytes = fs::read(file).ok()?;
    let mut content = Vec::with_capacity(expected.len());
    brotli::Decompressor::new(bytes.as_slice(), 4096).read_to_end(&mut content).ok()?;
    (content == expected).then_some(bytes)
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let parameters = BrotliEncoderParams { quality: 11, size_hint: bytes.len(), ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut compressed, &parameters)?;
    Ok(compressed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_compressed_and_images_are_not() {
        let site = tempfile::tempdir().unwrap();
        let mut files = Files::default();
        files.add("pkg/a.css", b"a { color: red } ".repeat(50));
        files.add("tiny.svg", b"<svg/>".to_vec());
        files.add("a.png", b"a".repeat(500));
        add_compressed(&mut files, site.path()).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.png", "pkg/a.css", "pkg/a.css.br", "tiny.svg"]);
        assert!(files.size("pkg/a.css.br") < Some(100));
    }

    #[test]
    fn an_earlier_copy_is_reused_only_if_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.css.br");
        assert_eq!(earlier(&file, b"one"), None);
        fs::write(&file, compress(b"one").unwrap()).unwrap();
        assert!(earlier(&file, b"one").is_some());
        assert_eq!(earlier(&file, b"two"), None);
    }
}
