//! Times at which requests are due, at a constant rate.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Yields each time when it is due, for the given duration. A separate thread waits, because the runtime's timer has a resolution of 1 ms.
pub(super) fn schedule(time: Duration, per_second: f64) -> Result<UnboundedReceiver<Instant>> {
    ensure!(per_second.is_finite() && per_second >= 1.0, "requests cannot be sent at a rate of {per_second} per second");
    let interval = Duration::from_secs_f64(1.0 / per_second);
    let (sender, receiver) = unbounded_channel();
    thread::spawn(move || {
        let mut due = Instant::now();
        let end = due + time;
        while due < end && sender.send(due).is_ok() {
            due += interval;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    });
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_the_rate() {
        let started = Instant::now();
        let mut receiver = schedule(Duration::from_millis(100), 500.0).unwrap();
        let mut due = Vec::new();
        while let Some(time) = receiver.blocking_recv() {
            assert!(time <= Instant::now());
            due.push(time);
        }
        assert!(started.elapsed() >= Duration::from_millis(98));
        assert_eq!(due.len(), 50);
        assert!(due.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_millis(2)));
        assert!(schedule(Duration::ZERO, f64::NAN).is_err() && schedule(Duration::ZERO, 0.0).is_err());
    }
}
