//! Many open event streams, each on a connection of its own.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{Load, percentile_ms};

/// Time limit for the first event of a stream.
const FIRST_EVENT_LIMIT: Duration = Duration::from_secs(10);

/// Streams of which the first event has arrived. They stay open until this is dropped.
pub(crate) struct Streams {
    _open: Vec<TcpStream>,
    /// Sorted times from a request to its first event.
    nanoseconds: Vec<u32>,
}

impl Streams {
    /// Opens this many streams, one after the other, so that none waits for another.
    pub(crate) fn open(load: &Load, count: usize) -> Result<Self> {
        let (mut open, mut nanoseconds, mut request) = (Vec::with_capacity(count), Vec::with_capacity(count), Vec::new());
        for number in 0..count {
            load.requests.write(&mut request, load.requests.next());
            let mut stream =
                connect(load).with_context(|| format!("cannot open more than {number} connections: is the limit on open files too low?"))?;
            let started = Instant::now();
            stream.write_all(&request)?;
            read_first_event(&mut stream, load.expected_prefix)?;
            nanoseconds.push(u32::try_from(started.elapsed().as_nanos()).unwrap_or(u32::MAX));
            open.push(stream);
        }
        nanoseconds.sort_unstable();
        Ok(Self { _open: open, nanoseconds })
    }

    /// 99th percentile of the time until the first event, in milliseconds.
    pub(crate) fn p99_ms(&self) -> f64 {
        percentile_ms(&self.nanoseconds, 99)
    }
}

fn connect(load: &Load) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(load.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(FIRST_EVENT_LIMIT))?;
    Ok(stream)
}

/// Reads until the beginning of an event has arrived.
fn read_first_event(stream: &mut TcpStream, prefix: &str) -> Result<()> {
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    while !received.windows(prefix.len()).any(|part| part == prefix.as_bytes()) {
        let count = stream.read(&mut buffer)?;
        ensure!(count > 0, "a stream ended before its first event: {}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&buffer[..count]);
        ensure!(received.starts_with(b"HTTP/1.1 200 "), "a stream was refused: {}", String::from_utf8_lossy(&received));
    }
    Ok(())
}
