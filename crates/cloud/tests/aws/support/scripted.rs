//! A server that says what AWS says and no stand-in does: a function from request to answer.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// How many came before, on all connections.
    pub number: usize,
    /// Method and path with query.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// If it is text.
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

pub enum Answer {
    /// Status, headers, body.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The connection is closed instead.
    Nothing,
    /// The connection is left open without a word.
    Silence,
}

/// The server. It stays until the test's process ends.
pub struct Scripted {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Scripted {
    pub fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (script, requests) = (Arc::new(script), Arc::new(Mutex::new(Vec::new())));
        let count = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, count) = (Arc::clone(&script), Arc::clone(&count));
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(&stream, &*script, &count, &seen));
            }
        });
        Self { address, requests }
    }

    /// What came so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(
    stream: &TcpStream,
    script: &dyn Fn(&Request) -> Answer,
    count: &AtomicUsize,
    seen: &Mutex<Vec<Request>>,
) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader, stream, count) {
        seen.lock().unwrap().push(request.clone());
        match script(&request) {
            Answer::Whole(status, headers, body) => write(stream, status, &headers, &body),
            Answer::Nothing => return,
            Answer::Silence => thread::sleep(Duration::from_mins(10)),
        }
    }
}

fn read(
    reader: &mut BufReader<&TcpStream>,
    mut stream: &TcpStream,
    count: &AtomicUsize,
) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut lines = lines.into_iter();
    let line = lines.next()?.rsplit_once(' ')?.0.to_owned();
    let headers = lines
        .filter_map(|header| {
            let (name, value) = header.split_once(':')?;
            Some((name.to_lowercase(), value.trim().to_owned()))
        })
        .collect();
    let number = count.fetch_add(1, Ordering::Relaxed);
    let mut request = Request { number, line, headers, body: String::new() };
    if request.header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    let length = request.header("content-length").map_or(0, |digits| digits.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8(body).unwrap_or_default();
    Some(request)
}

fn write(mut stream: &TcpStream, status: u16, headers: &[(&'static str, String)], body: &[u8]) {
    let mut head = format!("HTTP/1.1 {status} .\r\nContent-Length: {}\r\n", body.len());
    for &(name, ref value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    // The client may have gone away, which is its right.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
