//! `latchkey serve` as a child process.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::program;

/// A running `latchkey serve`, with its collected output.
pub struct ServeProcess {
    child: Child,
    output: Arc<Mutex<String>>,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl ServeProcess {
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, |_| {})
    }

    pub fn start_with(data: &Path, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = program(data);
        // In the environment, where `change` can replace it.
        command.arg("serve").env("LATCHKEY_LISTEN", "127.0.0.1:0").env("LATCHKEY_LOG", "trace").stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let (output, log) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<String>>::default());
        let readers = vec![
            collect(child.stdout.take().unwrap(), vec![Arc::clone(&output)]),
            collect(child.stderr.take().unwrap(), vec![Arc::clone(&output), Arc::clone(&log)]),
        ];
        Self { child, output, log, readers }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Standard output and standard error so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// The first complete log line that contains the text; waits for it.
    pub fn log_line(&self, contained: &str) -> String {
        self.text_after(contained);
        let log = self.log.lock().unwrap();
        log.lines().find(|line| line.contains(contained)).unwrap().to_owned()
    }

    /// Stops the process and returns what it wrote to standard error.
    pub fn stop_and_read_log(self) -> String {
        let log = Arc::clone(&self.log);
        self.stop();
        let log = log.lock().unwrap();
        log.clone()
    }

    /// The rest of the first line that contains `prefix`, after it; waits for it.
    pub fn text_after(&self, prefix: &str) -> String {
        let start = Instant::now();
        loop {
            if let Some(line) = self.output().lines().find_map(|line| line.split(prefix).nth(1).map(ToOwned::to_owned)) {
                return line;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "no “{prefix}” in the output: {}", self.output());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends SIGTERM, as a service manager does, and waits for the process to exit. Returns its whole output.
    pub fn stop(mut self) -> String {
        let kill = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().unwrap();
        assert!(kill.success() && self.child.wait().unwrap().success());
        // The last lines may not have been read yet.
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        self.output()
    }
}

impl Drop for ServeProcess {
    /// SIGKILL, as in a power failure.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(stream: impl Read + Send + 'static, buffers: Vec<Arc<Mutex<String>>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            for buffer in &buffers {
                *buffer.lock().unwrap() += &(line.clone() + "\n");
            }
        }
    })
}
