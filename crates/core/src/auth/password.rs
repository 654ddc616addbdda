//! Password hashing with Argon2id.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use latchkey_types::error::Error;

/// Hashes passwords with Argon2's default of 19 MiB and 2 passes, OWASP's first choice (Password Storage Cheat Sheet).
pub struct Passwords {
    /// Limits concurrent hashing: each hash takes a core and 19 MiB.
    permits: Arc<Semaphore>,
    /// The hash of random bytes. It is verified for unknown accounts, so that they take as long as known ones.
    dummy_hash: String,
}

impl Passwords {
    /// Allows as many concurrent hashes as half of the machine's cores, so that sign-ins leave the others to requests with API keys.
    pub fn new() -> Self {
        let limit = concurrent_hashes(std::thread::available_parallelism().map_or(1, usize::from));
        let dummy_hash = Argon2::default().hash_password(&latchkey_crypto::random::bytes::<32>()).expect("random bytes can be hashed").to_string();
        Self { permits: Arc::new(Semaphore::new(limit)), dummy_hash }
    }

    /// The hash of a new password, in the PHC string format.
    pub async fn hash(&self, password: SecretString) -> Result<String, Error> {
        self.run(move || Argon2::default().hash_password(password.expose_secret().as_bytes()).map(|hash| hash.to_string()).ok())
            .await?
            .ok_or(Error::Internal)
    }

    /// Whether a password matches a hash. `false` without a hash, after the same time.
    pub async fn verify(&self, password: SecretString, hash: Option<&str>) -> Result<bool, Error> {
        let has_hash = hash.is_some();
        let hash = hash.unwrap_or(&self.dummy_hash).to_owned();
        let verify = move || {
            let hash = PasswordHash::new(&hash).ok()?;
            Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).ok()
        };
        Ok(self.run(verify).await?.is_some() && has_hash)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Internal)?;
        // The task holds the permit, because it continues when the caller is dropped.
        let task = move || {
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(task).await.map_err(|_| Error::Internal)
    }
}

fn concurrent_hashes(cores: usize) -> usize {
    (cores / 2).max(1)
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashing_leaves_half_of_the_cores() {
        assert_eq!([1, 2, 3, 4, 64].map(concurrent_hashes), [1, 1, 1, 2, 32]);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        assert_eq!(Passwords::new().permits.available_permits(), concurrent_hashes(cores));
    }

    #[tokio::test]
    async fn only_the_password_itself_fits_and_a_missing_hash_never_matches() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify("correct horse battery".into(), Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse".into(), Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse battery".into(), None).await.unwrap());
    }
}
