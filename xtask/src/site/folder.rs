//! The site's files in memory, and writing them to a folder without unnecessary writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Path (with forward slashes) and content of every file of the site.
#[derive(Default)]
pub(super) struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// Adds or replaces a file.
    pub(super) fn add(&mut self, name: impl Into<String>, bytes: Vec<u8>) {
        self.0.insert(name.into(), bytes);
    }

    /// Adds all files of a folder, recursively.
    pub(super) fn add_folder(&mut self, folder: &Path) -> Result<()> {
        for name in names_in(folder)? {
            let bytes = fs::read(folder.join(&name)).with_context(|| format!("cannot read {name} in {}", folder.display()))?;
            self.add(name, bytes);
        }
        Ok(())
    }

    /// Transforms the content of each file with this extension.
    pub(super) fn replace_each(&mut self, extension: &str, change: impl Fn(&str, &[u8]) -> Result<Vec<u8>>) -> Result<()> {
        for (name, bytes) in self.0.iter_mut().filter(|(name, _)| Path::new(name).extension().is_some_and(|found| found == extension)) {
            *bytes = change(name, bytes)?;
        }
        Ok(())
    }

    /// The paths and contents of all files.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// The content of a file.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// The size of a file, in bytes.
    pub(super) fn size(&self, name: &str) -> Option<usize> {
        self.get(name).map(<[u8]>::len)
    }

    /// Makes a folder identical to this list. Unchanged files keep their modification time: the release server embeds the folder and would
    /// otherwise be rebuilt.
    pub(super) fn write_to(&self, folder: &Path) -> Result<()> {
        for (name, bytes) in &self.0 {
            write_if_changed(&folder.join(name), bytes)?;
        }
        for name in names_in(folder)?.into_iter().filter(|name| !self.0.contains_key(name)) {
            fs::remove_file(folder.join(&name)).with_context(|| format!("cannot remove {name} from {}", folder.display()))?;
        }
        Ok(())
    }
}

fn write_if_changed(file: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder).and_then(|()| fs::write(file, bytes)).with_context(|| format!("cannot write {}", file.display()))
}

/// The relative paths of all files below a folder; empty if it does not exist.
fn names_in(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    if folder.is_dir() {
        collect_names(folder, "", &mut names).with_context(|| format!("cannot list {}", folder.display()))?;
    }
    Ok(names)
}

fn collect_names(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<()> {
    for entry in folder.read_dir()? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect_names(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        let mut files = Files::default();
        for (name, text) in list {
            files.add(*name, text.as_bytes().to_vec());
        }
        files
    }

    #[test]
    fn the_folder_matches_the_list() {
        let folder = tempfile::tempdir().unwrap();
        files(&[("a.txt", "old"), ("sub/gone.txt", "x")]).write_to(folder.path()).unwrap();
        files(&[("a.txt", "new"), ("sub/b.txt", "b")]).write_to(folder.path()).unwrap();
        let mut names = names_in(folder.path()).unwrap();
        names.sort();
        assert_eq!(names, ["a.txt", "sub/b.txt"]);
        assert_eq!(fs::read(folder.path().join("a.txt")).unwrap(), b"new");
    }

    #[test]
    fn an_unchanged_file_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let list = files(&[("a.txt", "same")]);
        list.write_to(folder.path()).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
        fs::File::options().write(true).open(folder.path().join("a.txt")).unwrap().set_modified(old).unwrap();
        list.write_to(folder.path()).unwrap();
        assert_eq!(folder.path().join("a.txt").metadata().unwrap().modified().unwrap(), old);
    }
}
