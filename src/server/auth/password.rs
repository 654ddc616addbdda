//! Passwords: Argon2id, few at a time.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::model::fault::Fault;

/// Hashes passwords. Argon2's default of 19 MiB and 2 passes is OWASP's first choice (Password Storage Cheat Sheet).
pub struct Passwords {
    /// How many may be hashed at once: each takes a core and 19 MiB.
    permits: Arc<Semaphore>,
    /// Of no password: checked for accounts that are not there, so that they take as long as those that are.
    nobody: String,
}

impl Passwords {
    /// Allows as many at once as the machine has cores.
    ///
    /// # Panics
    /// When the system's random generator fails.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let nobody = Argon2::default().hash_password(&super::super::random::bytes::<32>()).expect("random bytes can be hashed").to_string();
        Self { permits: Arc::new(Semaphore::new(cores)), nobody }
    }

    /// The hash of a new password, in the PHC string format.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn hash(&self, password: SecretString) -> Result<String, Fault> {
        self.run(move || Argon2::default().hash_password(password.expose_secret().as_bytes()).map(|hash| hash.to_string()).ok())
            .await?
            .ok_or(Fault::Internal)
    }

    /// Whether a password is the one of this hash. Takes as long for no hash, and says no.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn verify(&self, password: SecretString, hash: Option<&str>) -> Result<bool, Fault> {
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.nobody).to_owned();
        let fits = move || {
            let hash = PasswordHash::new(&hash).ok()?;
            Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).ok()
        };
        Ok(self.run(fits).await?.is_some() && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Fault::Internal)?;
        // The work holds the permit: it goes on when the caller has hung up.
        let counted = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(counted).await.map_err(|_| Fault::Internal)
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_fits_and_nothing_fits_nobody() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify("correct horse battery".into(), Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse battery".into(), None).await.unwrap());
    }
}
