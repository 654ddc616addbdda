//! The site as a list of files in memory, and how it becomes a folder without needless writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Every file of the site: its path with forward slashes, and its bytes.
#[derive(Default)]
pub struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// Adds one file, or replaces it.
    pub fn add(&mut self, name: impl Into<String>, bytes: Vec<u8>) {
        self.0.insert(name.into(), bytes);
    }

    /// Adds all files of a folder and of those inside it.
    pub fn add_folder(&mut self, folder: &Path) -> Result<()> {
        for name in names_in(folder)? {
            let bytes = fs::read(folder.join(&name)).with_context(|| format!("cannot read {name} in {}", folder.display()))?;
            self.add(name, bytes);
        }
        Ok(())
    }

    /// Changes the bytes of each file with this ending.
    pub fn replace_each(&mut self, ending: &str, change: impl Fn(&str, &[u8]) -> Result<Vec<u8>>) -> Result<()> {
        for (name, bytes) in self.0.iter_mut().filter(|(name, _)| Path::new(name).extension().is_some_and(|is| is == ending)) {
            *bytes = change(name, bytes)?;
        }
        Ok(())
    }

    /// The names and bytes of all files.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// The size of one file.
    pub fn size(&self, name: &str) -> Option<usize> {
        self.0.get(name).map(Vec::len)
    }

    /// Makes a folder the same as this list. A file that is right already keeps its time of change: the
    /// release server embeds the folder and would be built anew.
    pub fn write_to(&self, folder: &Path) -> Result<()> {
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

/// The paths of all files below a folder; none when it is not there.
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
    fn the_folder_becomes_the_list() {
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
