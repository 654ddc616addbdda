//! A copy of the database while it is in use.

use std::{
    fs::{self, File},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, bail};

use super::Store;

impl Store {
    /// Copies the database as it stands at one moment to a new file, which nobody else may read. Others go on reading and writing.
    ///
    /// # Errors
    /// A sentence for the operator; what was written of the file is removed.
    pub async fn back_up(&self, file: &Path) -> anyhow::Result<()> {
        if self.is_shared() {
            bail!("this database is PostgreSQL's: back it up with pg_dump");
        }
        let Some(path) = file.to_str() else { bail!("{} can't be named to the database", file.display()) };
        match File::options().write(true).create_new(true).mode(0o600).open(file) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!("{path} is there already: name a new file"),
            made => made.with_context(|| format!("{path} can't be made"))?,
        };
        let copied = self.vacuum_into(path).await;
        if copied.is_err() {
            let _ = fs::remove_file(file);
        }
        copied.with_context(|| format!("the database can't be copied to {path}"))
    }

    async fn vacuum_into(&self, path: &str) -> anyhow::Result<()> {
        sqlx::query("vacuum into $1").bind(path).execute(self.read()?).await?;
        File::open(path)?.sync_all()?;
        let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(File::open(folder)?.sync_all()?)
    }
}
