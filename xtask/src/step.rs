//! The steps of a build: each is announced and timed, and its name is part of its error.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The finished steps, with the time that each took.
pub(crate) struct Steps {
    started: Instant,
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// Starts the total time.
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), done: Vec::new() }
    }

    /// Announces a step, runs it and records its time.
    pub(crate) fn run<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("==> {name}");
        let started = Instant::now();
        let result = work().with_context(|| format!("the step '{name}' failed"))?;
        let took = started.elapsed();
        eprintln!("    {name}: {}", seconds(took));
        self.note(name, took);
        Ok(result)
    }

    /// Records a step that was timed elsewhere.
    pub(crate) fn note(&mut self, name: &str, took: Duration) {
        self.done.push((name.to_owned(), took));
    }

    /// Prints one line with the time of every step and the total.
    pub(crate) fn print_summary(&self) {
        eprintln!("\n{}", summary(&self.done, self.started.elapsed()));
    }
}

/// `setup 0.3 s · wasm 66.0 s · total 66.3 s`
fn summary(done: &[(String, Duration)], total: Duration) -> String {
    let mut parts: Vec<String> = done.iter().map(|(name, took)| format!("{name} {}", seconds(*took))).collect();
    parts.push(format!("total {}", seconds(total)));
    parts.join(" · ")
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_every_step_and_the_total() {
        let done = [("setup".to_owned(), Duration::from_millis(300)), ("wasm".to_owned(), Duration::from_secs(66))];
        assert_eq!(summary(&done, Duration::from_millis(66_350)), "setup 0.3 s · wasm 66.0 s · total 66.3 s");
    }

    #[test]
    fn a_failed_step_is_named() {
        let error = Steps::start().run("clippy", || -> Result<()> { anyhow::bail!("two warnings") }).unwrap_err();
        assert_eq!(format!("{error:#}"), "the step 'clippy' failed: two warnings");
    }
}
