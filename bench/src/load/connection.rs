//! A minimal HTTP/1.1 keep-alive client connection. It is kept simple so that the load generator uses little CPU beside the server.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// More headers than any measured server sends.
const HEADERS_MAX: usize = 64;

pub(crate) struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    received: Vec<u8>,
    closes: bool,
}

pub(crate) struct Response<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

/// Status of a response, and the offsets of its body in the receive buffer.
struct Head {
    status: u16,
    body: usize,
    end: usize,
    closes: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { address, stream: connect(address).await?, received: Vec::with_capacity(4096), closes: false })
    }

    /// Sends a request and waits for the response. Reconnects first if the server closed the connection after the last response.
    pub(crate) async fn call(&mut self, request: &[u8]) -> io::Result<Response<'_>> {
        if self.closes {
            self.stream = connect(self.address).await?;
        }
        self.received.clear();
        self.stream.write_all(request).await?;
        let head = loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
            }
            if let Some(head) = read_head(&self.received)?
                && head.end <= self.received.len()
            {
                break head;
            }
        };
        self.closes = head.closes;
        Ok(Response { status: head.status, body: &self.received[head.body..head.end] })
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Parses the head of a response. `None` while it is incomplete.
fn read_head(received: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(body) = response.parse(received).map_err(io::Error::other)? else { return Ok(None) };
    let header = |name: &str| response.headers.iter().find(|line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value);
    let length = header("content-length").and_then(|length| std::str::from_utf8(length).ok()?.trim().parse::<usize>().ok());
    let status = response.code.unwrap_or_default();
    let length = length.or((status == 204).then_some(0)).ok_or_else(|| io::Error::other("a response without Content-Length"))?;
    let closes = header("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
    Ok(Some(Head { status, body, end: body + length, closes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_parsed_once_complete() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        assert!(read_head(&response[..30]).unwrap().is_none());
        let head = read_head(response).unwrap().unwrap();
        assert_eq!((head.status, &response[head.body..head.end], head.closes), (200, &b"{}"[..], true));
    }
}
