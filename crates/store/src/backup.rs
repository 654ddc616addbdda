//! Online backup of the database.

use std::{
    fs::{self, File},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, bail};

use super::Store;

impl Store {
    /// Copies a consistent snapshot of the database to a new file that only its owner can read. Concurrent reads and writes continue.
    ///
    /// # Errors
    /// A message for the operator; a partly written file is removed.
    pub async fn back_up(&self, file: &Path) -> anyhow::Result<()> {
        if self.is_shared() {
            bail!("PostgreSQL databases cannot be backed up with this command: use pg_dump");
        }
        let Some(path) = file.to_str() else { bail!("{} is not valid UTF-8: choose another file name", file.display()) };
        match File::options().write(true).create_new(true).mode(0o600).open(file) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!("{path} already exists: choose a new file name"),
            created => created.with_context(|| format!("cannot create {path}"))?,
        };
        let copied = self.vacuum_into(path).await;
        if copied.is_err() {
            let _ = fs::remove_file(file);
        }
        copied.with_context(|| format!("cannot copy the database to {path}"))
    }

    async fn vacuum_into(&self, path: &str) -> anyhow::Result<()> {
        sqlx::query("vacuum into $1").bind(path).execute(self.read()?).await?;
        File::open(path)?.sync_all()?;
        let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(File::open(folder)?.sync_all()?)
    }
}
