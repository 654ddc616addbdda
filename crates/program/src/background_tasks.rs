//! Supervised background tasks: if one ends or panics while the server runs, the server stops with an error. A change watcher that died
//! unnoticed would keep revoked keys valid.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::anyhow;
use latchkey_core::{
    Core,
    auth::throttle,
    budgets, documents, idempotency, idle_secrets, list_moves,
    mail::{Mailer, send_mails},
    model_usage, notifications, receipts,
    samples::worker::{self, ImportWorker},
};
use latchkey_store::{change_signals, indexes, instances};
use latchkey_verify::{return_credits, run_shared_limits, watch_changes, write_usage};
use tokio::{
    sync::oneshot,
    task::{AbortHandle, Id, JoinSet},
    time::timeout,
};

pub(crate) struct BackgroundTasks {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
    /// Tasks that run until they are aborted.
    endless: Vec<AbortHandle>,
    mail_sender: Option<AbortHandle>,
    /// It ends last: without the lease that it keeps, the others could not write.
    change_watcher: Option<AbortHandle>,
    /// Dropping them ends the tasks that have work to finish.
    stop_signals: Vec<oneshot::Sender<()>>,
}

impl BackgroundTasks {
    fn new() -> Self {
        Self { tasks: JoinSet::new(), names: HashMap::new(), endless: Vec::new(), mail_sender: None, change_watcher: None, stop_signals: Vec::new() }
    }

    pub(crate) fn start(core: &Core, mailer: Option<Mailer>) -> Self {
        let mut tasks = Self::new();
        let (store, verifier) = (&core.store, &core.verifier);
        tasks.change_watcher = Some(tasks.spawn("change watcher", watch_changes(store.clone(), Arc::clone(verifier))));
        if store.is_shared() {
            tasks.spawn_endless("change listener", change_signals::run_listener(store.clone()));
            tasks.spawn_endless("change signaller", change_signals::run_sender(store.clone()));
            tasks.spawn_endless("instance cleaner", instances::run_cleanup(store.clone()));
            tasks.spawn_endless("index creator", indexes::run_creation(store.clone()));
        }
        let hub = Arc::clone(&core.notification_hub);
        let deliverer = notifications::deliver_notifications(store.clone(), verifier.notification_reports(), Arc::clone(&hub));
        tasks.spawn_endless("notification deliverer", deliverer);
        tasks.spawn_endless("session checker", notifications::close_streams_of_ended_sessions(store.clone(), hub));
        tasks.spawn_endless("audit head logger", core.auditor.clone().log_ends(store.clone()));
        tasks.spawn_endless("idempotency key cleaner", idempotency::run_cleanup(store.clone()));
        tasks.spawn_endless("receipt cleaner", receipts::run_cleanup(store.clone()));
        tasks.spawn_endless("list move cleaner", list_moves::run_cleanup(store.clone()));
        let (services, catalogs, backends) = (Arc::clone(&core.service_cache), Arc::clone(&core.catalogs), Arc::clone(&core.backend_cache));
        let evictor = idle_secrets::run_eviction(services, catalogs, backends);
        tasks.spawn_endless("secret evictor", evictor);
        tasks.spawn_endless("document remover", documents::purge::run(store.clone()));
        tasks.spawn_endless("sample importer", worker::run(ImportWorker::new(core)));
        tasks.spawn_endless("budget notifier", budgets::notify_task(store.clone(), Arc::clone(verifier)));
        tasks.spawn_endless("model usage cleaner", model_usage::delete_old(store.clone(), core.call_log.clone()));
        tasks.spawn_until_stopped("usage writer", |end| write_usage(Arc::clone(verifier), end));
        tasks.spawn_until_stopped("credit returner", |end| return_credits(Arc::clone(verifier), end));
        tasks.spawn_until_stopped("model usage writer", |end| model_usage::write_usage(core.model_usage.clone(), store.clone(), end));
        tasks.spawn_until_stopped("call log writer", |end| core.call_log.clone().run(end));
        tasks.spawn_until_stopped("body log writer", |end| core.body_log.clone().run(end));
        if store.is_shared() {
            tasks.spawn_endless("sign-in failure cleaner", throttle::run_cleanup(store.clone()));
            tasks.spawn_until_stopped("shared limits", |end| run_shared_limits(Arc::clone(verifier), end));
            tasks.spawn_until_stopped("claim keeper", |end| Arc::clone(&core.claims).keep(end));
            tasks.spawn_until_stopped("audit sequencer", |end| core.auditor.clone().run_sequencer(store.clone(), end));
        }
        if let Some(mailer) = mailer {
            let sender = send_mails(store.clone(), core.public_url.clone(), mailer, core.notification_hub.shutdown_signal());
            tasks.mail_sender = Some(tasks.spawn("mail sender", sender));
        }
        tasks
    }

    fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let handle = self.tasks.spawn(task);
        self.names.insert(handle.id(), name);
        handle
    }

    fn spawn_endless(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.spawn(name, task);
        self.endless.push(handle);
    }

    /// Runs a task that finishes its work and ends once the receiver fires.
    fn spawn_until_stopped<T: Future<Output = ()> + Send + 'static>(&mut self, name: &'static str, task: impl FnOnce(oneshot::Receiver<()>) -> T) {
        let (stop, end) = oneshot::channel();
        self.spawn(name, task(end));
        self.stop_signals.push(stop);
    }

    /// Resolves if a task ends or panics.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        let (id, how) = match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => (id, "ended"),
            Some(Err(error)) => (error.id(), "panicked"),
            None => return anyhow!("no background task is running"),
        };
        anyhow!("the background task \"{}\" {how} unexpectedly", self.names.get(&id).copied().unwrap_or("unknown"))
    }

    /// Ends all tasks: usage and calls are written once more, reserved credits are returned, a message that is being sent gets `limit`.
    pub(crate) async fn stop(mut self, limit: Duration) {
        self.stop_signals.clear();
        for task in &self.endless {
            task.abort();
        }
        let all_ended = timeout(limit, self.join_others()).await;
        if let (Err(_), Some(sender)) = (all_ended, &self.mail_sender) {
            sender.abort();
        }
        self.join_others().await;
        if let Some(watcher) = &self.change_watcher {
            watcher.abort();
        }
        while self.tasks.join_next().await.is_some() {}
    }

    /// Waits for all tasks except the change watcher.
    async fn join_others(&mut self) {
        while self.tasks.len() > self.change_watcher.iter().filter(|watcher| !watcher.is_finished()).count() {
            self.tasks.join_next().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_named() {
        let mut tasks = BackgroundTasks::new();
        tasks.spawn_endless("poller", std::future::pending());
        tasks.spawn("watcher", async { panic!("broken") });
        assert_eq!(tasks.failed().await.to_string(), "the background task \"watcher\" panicked unexpectedly");
        tasks.stop(Duration::from_secs(1)).await;
    }

    #[tokio::test]
    async fn the_change_watcher_ends_after_the_others() {
        let mut tasks = BackgroundTasks::new();
        let watcher = tasks.spawn("watcher", std::future::pending());
        tasks.change_watcher = Some(watcher.clone());
        let (sender, was_running) = oneshot::channel();
        let observed = watcher.clone();
        tasks.spawn_until_stopped("writer", |end| async move {
            drop(end.await);
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = sender.send(!observed.is_finished());
        });
        tasks.stop(Duration::from_secs(10)).await;
        assert_eq!((was_running.await, watcher.is_finished()), (Ok(true), true));
    }

    #[tokio::test]
    async fn a_task_that_ends_is_named() {
        let mut tasks = BackgroundTasks::new();
        tasks.spawn("watcher", async {});
        assert_eq!(tasks.failed().await.to_string(), "the background task \"watcher\" ended unexpectedly");
    }
}
