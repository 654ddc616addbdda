//! Notifications by email: a queue in the database, processed by every instance with a mail server.

mod mailer;
mod message;

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

pub use mailer::Mailer;
use mailer::SendOutcome;

use super::public_url::PublicUrl;
use latchkey_store::{self as store, Store, WriteLock, mail_queue::QueuedMail};
use latchkey_types::{
    error::Error,
    time::{DAY_MS, Timestamp},
};

/// Polling interval of the queue.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// For how long a message is claimed by one instance: longer than an attempt can take.
const CLAIM_MS: i64 = 60 * 1000;
/// A message older than this is not retried.
const MAX_AGE_MS: i64 = 3 * DAY_MS;
/// Delay before the first retry; each further one is four times as long, up to the maximum.
const FIRST_DELAY_MS: i64 = 5 * 1000;
const MAX_DELAY_MS: i64 = 6 * 60 * 60 * 1000;

/// Delay before the next attempt, in milliseconds.
fn retry_delay(attempts: i64) -> i64 {
    let times = u32::try_from(attempts - 1).unwrap_or(u32::MAX);
    FIRST_DELAY_MS.saturating_mul(4_i64.saturating_pow(times)).min(MAX_DELAY_MS)
}

/// Sends due messages until shutdown; an attempt in progress is completed.
pub async fn send_mails(store: Store, public_url: PublicUrl, mailer: Mailer, mut shutdown: watch::Receiver<bool>) {
    let mut timer = interval(POLL_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            _ = shutdown.wait_for(|shutdown| *shutdown) => return,
        }
        while !*shutdown.borrow() {
            match send_next(&store, &public_url, &mailer).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot process the mail queue");
                    break;
                }
            }
        }
    }
}

/// Sends the next due message; returns whether there was one.
async fn send_next(store: &Store, public_url: &PublicUrl, mailer: &Mailer) -> Result<bool, Error> {
    let now = Timestamp::now();
    if !store::mail_queue::has_due(store, now).await? {
        return Ok(false);
    }
    let mut tx = store.begin_locked(WriteLock::Nothing).await?;
    let claimed = store::mail_queue::claim(&mut tx, now, now.plus_ms(CLAIM_MS)).await?;
    tx.commit().await?;
    let Some(mail) = claimed else { return Ok(false) };
    let (notice, attempts, created_at) = (mail.notification.seq, mail.attempts, mail.notification.created_at);
    let next = match try_to_send(public_url, mailer, mail).await {
        SendOutcome::Sent => None,
        SendOutcome::Rejected(reason) => {
            tracing::warn!(notice, reason, "email dropped");
            None
        }
        SendOutcome::Failed(reason) => {
            let next = Timestamp::now().plus_ms(retry_delay(attempts));
            let will_retry = next < created_at.plus_ms(MAX_AGE_MS);
            tracing::warn!(notice, reason, attempts, will_retry, "email not sent");
            will_retry.then_some(next)
        }
    };
    let mut tx = store.begin_locked(WriteLock::Nothing).await?;
    match next {
        Some(next) => store::mail_queue::postpone(&mut tx, notice, next).await?,
        None => store::mail_queue::remove(&mut tx, notice).await?,
    }
    tx.commit().await?;
    Ok(true)
}

async fn try_to_send(public_url: &PublicUrl, mailer: &Mailer, mail: QueuedMail) -> SendOutcome {
    if mail.disabled_at.is_some() {
        return SendOutcome::Rejected("the recipient is disabled".to_owned());
    }
    match mail.notification.to_notification() {
        Some(notice) => mailer.send(&mail.email, &mail.name, &notice, public_url).await,
        None => SendOutcome::Rejected("the notification is of a newer version".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_up_to_the_maximum() {
        let delays: Vec<_> = (1..=30).map(retry_delay).collect();
        assert_eq!(delays[..4], [5_000, 20_000, 80_000, 320_000]);
        assert!(delays.is_sorted() && delays[29] == MAX_DELAY_MS);
        let attempts = delays
            .iter()
            .scan(0, |sum, delay| {
                *sum += delay;
                Some(*sum)
            })
            .take_while(|sum| *sum < MAX_AGE_MS)
            .count();
        assert!((12..25).contains(&attempts), "{attempts}");
        assert_eq!(retry_delay(i64::MAX), MAX_DELAY_MS);
    }
}
