//! One caller's connection: HTTP/1.1, kept open, as plain as it can be so that it costs little beside the server.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// More headers than anybody here answers.
const HEADERS_MAX: usize = 32;

/// A connection, and what came over it.
pub struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    received: Vec<u8>,
    closes: bool,
}

/// An answer.
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: &'a [u8],
}

/// Where the parts of an answer are.
struct Head {
    status: u16,
    body: usize,
    end: usize,
    closes: bool,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { address, stream: connect(address).await?, received: Vec::with_capacity(4096), closes: false })
    }

    /// Asks and waits for the answer. A server that closes after each answer is connected to anew.
    ///
    /// # Errors
    /// When it breaks off, or speaks no HTTP that we know.
    pub async fn call(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        if self.closes {
            self.stream = connect(self.address).await?;
        }
        self.received.clear();
        self.stream.write_all(request).await?;
        let head = loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server broke off"));
            }
            if let Some(head) = read_head(&self.received)?
                && head.end <= self.received.len()
            {
                break head;
            }
        };
        self.closes = head.closes;
        Ok(Answer { status: head.status, body: &self.received[head.body..head.end] })
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// `None` while it has not come in full.
fn read_head(received: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(body) = response.parse(received).map_err(io::Error::other)? else { return Ok(None) };
    let named = |name: &str| response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value);
    let length = named("content-length").and_then(|length| std::str::from_utf8(length).ok()?.trim().parse::<usize>().ok());
    let status = response.code.unwrap_or_default();
    let length = length.or((status == 204).then_some(0)).ok_or_else(|| io::Error::other("an answer without a length"))?;
    let closes = named("connection").is_some_and(|word| word.eq_ignore_ascii_case(b"close"));
    Ok(Some(Head { status, body, end: body + length, closes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_it_has_come_in_full() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        assert!(read_head(&answer[..30]).unwrap().is_none());
        let head = read_head(answer).unwrap().unwrap();
        assert_eq!((head.status, &answer[head.body..head.end], head.closes), (200, &b"{}"[..], true));
    }
}
