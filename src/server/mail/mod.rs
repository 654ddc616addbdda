//! Notices by mail: a queue in the database, which every process that has a mail server works off.

mod letter;
mod mailer;

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

pub use mailer::Mailer;
use mailer::Outcome;

use super::{
    config::PublicUrl,
    state::AppState,
    store::{self, mails::MailRecord},
};
use crate::model::{
    fault::Fault,
    time::{DAY_MS, Timestamp},
};

/// How often the queue is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For how long a mail belongs to who took it: longer than a try can take.
const CLAIMED_MS: i64 = 60 * 1000;
/// Nobody waits longer for a mail.
const GIVEN_UP_AFTER_MS: i64 = 3 * DAY_MS;
/// The first pause; each one after it is four times as long, up to the longest.
const FIRST_PAUSE_MS: i64 = 5 * 1000;
const LONGEST_PAUSE_MS: i64 = 6 * 60 * 60 * 1000;

/// How long to wait after so many tries.
fn pause(attempts: i64) -> i64 {
    let times = u32::try_from(attempts - 1).unwrap_or(u32::MAX);
    FIRST_PAUSE_MS.saturating_mul(4_i64.saturating_pow(times)).min(LONGEST_PAUSE_MS)
}

/// Sends what is due until the server ends; a mail that is on its way then is finished.
pub async fn send_mails(state: AppState, mailer: Mailer, mut ending: watch::Receiver<bool>) {
    let mut turns = interval(LOOK_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            _ = ending.wait_for(|ending| *ending) => return,
        }
        while !*ending.borrow() {
            match send_next(&state, &mailer).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => {
                    tracing::warn!(%fault, "the queue of mails could not be worked off");
                    break;
                }
            }
        }
    }
}

/// Sends the next mail that is due. Answers whether there was one.
async fn send_next(state: &AppState, mailer: &Mailer) -> Result<bool, Fault> {
    let now = Timestamp::now();
    if !store::mails::is_one_due(&state.store, now).await? {
        return Ok(false);
    }
    let until = now.plus_ms(CLAIMED_MS);
    let claimed = state.store.write(move |tx| Box::pin(async move { Ok(store::mails::claim(tx, now, until).await?) })).await?;
    let Some(mail) = claimed else { return Ok(false) };
    let (notice, attempts, created_at) = (mail.notice.seq, mail.attempts, Timestamp(mail.notice.created_at));
    let next = match try_to_send(&state.public_url, mailer, mail).await {
        Outcome::Sent => None,
        Outcome::Refused(why) => {
            tracing::warn!(notice, why, "a mail was refused for good");
            None
        }
        Outcome::Failed(why) => {
            let next = Timestamp::now().plus_ms(pause(attempts));
            let goes_on = next < created_at.plus_ms(GIVEN_UP_AFTER_MS);
            tracing::warn!(notice, why, attempts, goes_on, "a mail was not sent");
            goes_on.then_some(next)
        }
    };
    let noted = state.store.write(move |tx| {
        Box::pin(async move {
            match next {
                Some(next) => store::mails::put_off(tx, notice, next).await?,
                None => store::mails::remove(tx, notice).await?,
            }
            Ok(())
        })
    });
    noted.await.map(|()| true)
}

async fn try_to_send(public_url: &PublicUrl, mailer: &Mailer, mail: MailRecord) -> Outcome {
    if mail.disabled_at.is_some() {
        return Outcome::Refused("its reader is disabled".to_owned());
    }
    let (email, name) = (mail.email, mail.name);
    match mail.notice.notice() {
        Ok(notice) => mailer.send(&email, &name, &notice, public_url).await,
        Err(_) => Outcome::Refused("the notice can't be read".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_three_days_hold_some_twenty_tries() {
        let pauses: Vec<_> = (1..=30).map(pause).collect();
        assert_eq!(pauses[..4], [5_000, 20_000, 80_000, 320_000]);
        assert!(pauses.is_sorted() && pauses[29] == LONGEST_PAUSE_MS);
        let tries = pauses
            .iter()
            .scan(0, |sum, pause| {
                *sum += pause;
                Some(*sum)
            })
            .take_while(|sum| *sum < GIVEN_UP_AFTER_MS)
            .count();
        assert!((12..25).contains(&tries), "{tries}");
        assert_eq!(pause(i64::MAX), LONGEST_PAUSE_MS);
    }
}
