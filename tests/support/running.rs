//! The program as it runs.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::program;

/// `latchkey serve`, with all that it says.
pub struct Running {
    child: Child,
    said: Arc<Mutex<String>>,
    logged: Arc<Mutex<String>>,
    listening: Vec<JoinHandle<()>>,
}

impl Running {
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, |_| {})
    }

    pub fn start_with(data: &Path, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = program(data);
        command.args(["serve", "--listen", "127.0.0.1:0"]).env("LATCHKEY_LOG", "trace").stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let (said, logged) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<String>>::default());
        let listening = vec![
            listen(child.stdout.take().unwrap(), vec![Arc::clone(&said)]),
            listen(child.stderr.take().unwrap(), vec![Arc::clone(&said), Arc::clone(&logged)]),
        ];
        Self { child, said, logged, listening }
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// The first whole line of the log with this in it.
    pub fn line_of_log(&self, with: &str) -> String {
        self.line(with);
        let log = self.logged.lock().unwrap();
        log.lines().find(|line| line.contains(with)).unwrap().to_owned()
    }

    /// Tells it to end, and answers what it said on standard error.
    pub fn ended_log(self) -> String {
        let logged = Arc::clone(&self.logged);
        self.end();
        let log = logged.lock().unwrap();
        log.clone()
    }

    /// The rest of the first line that begins so.
    pub fn line(&self, begins: &str) -> String {
        let begun = Instant::now();
        loop {
            if let Some(line) = self.said().lines().find_map(|line| line.split(begins).nth(1).map(ToOwned::to_owned)) {
                return line;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "never said “{begins}”: {}", self.said());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Tells it to end, as a service manager does, and waits.
    pub fn end(mut self) -> String {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success() && self.child.wait().unwrap().success());
        // What it said last may not have been heard yet.
        self.listening.drain(..).for_each(|listener| listener.join().unwrap());
        self.said()
    }
}

impl Drop for Running {
    /// As the power fails.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(from: impl Read + Send + 'static, into: Vec<Arc<Mutex<String>>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            for all in &into {
                *all.lock().unwrap() += &(line.clone() + "\n");
            }
        }
    })
}
