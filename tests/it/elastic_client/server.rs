//! A tiny HTTP/1.1 server on a free port that does exactly what a test says, also what no good
//! server does: hang, close without an answer, answer garbage. Threads, no tokio: what it does
//! depends on no runtime of the code under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the server does with one request.
pub(super) enum Reply {
    /// A JSON answer.
    Json(u16, String),
    /// These bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// Closes without an answer: it may or may not have acted.
    Close,
    /// Says nothing until the client goes away.
    Hang,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// `PUT /x`.
    pub(super) line: String,
    /// Header lines, names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// Number of the connection it came on, from 1.
    pub(super) connection: usize,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
    scheme: &'static str,
}

impl Server {
    pub(super) fn plain(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(handler))
    }

    pub(super) fn tls(
        config: ServerConfig,
        handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(Arc::new(config)), Arc::new(handler))
    }

    fn start(tls: Option<Arc<ServerConfig>>, handler: Arc<Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            accepted: Arc::default(),
            seen: Arc::default(),
            scheme: if tls.is_some() { "https" } else { "http" },
        };
        let (accepted, seen) = (server.accepted.clone(), server.seen.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let connection = accepted.fetch_add(1, Ordering::SeqCst) + 1;
                let (tls, handler, seen) = (tls.clone(), handler.clone(), seen.clone());
                std::thread::spawn(move || serve(stream, tls, connection, handler.as_ref(), &seen));
            }
        });
        server
    }

    /// Its URL by name, so that certificates for `localhost` fit.
    pub(super) fn url(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.address.port())
    }

    /// Connections accepted so far.
    pub(super) fn connections(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Requests read so far, oldest first.
    pub(super) fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The first lines of [`Server::requests`].
    pub(super) fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|seen| seen.line).collect()
    }
}

/// A URL where nobody listens.
pub(super) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://localhost:{}", listener.local_addr().unwrap().port())
}

fn serve(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    connection: usize,
    handler: &Handler,
    seen: &Mutex<Vec<Seen>>,
) {
    let raw = stream.try_clone().unwrap();
    match tls {
        None => talk(stream, connection, handler, seen),
        Some(config) => {
            let server = ServerConnection::new(config).unwrap();
            talk(StreamOwned::new(server, stream), connection, handler, seen);
        }
    }
    // Reads what is left, so that closing resets nothing the client has still to read.
    let _ignored = raw.shutdown(std::net::Shutdown::Write);
    let _ignored = raw.set_read_timeout(Some(Duration::from_secs(2)));
    let _ignored = std::io::copy(&mut &raw, &mut std::io::sink());
}

fn talk(stream: impl Read + Write, connection: usize, handler: &Handler, seen: &Mutex<Vec<Seen>>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream, connection) {
        seen.lock().unwrap().push(request.clone());
        let written = match handler(&request) {
            Reply::Json(status, body) => write!(
                stream.get_mut(),
                "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
            Reply::Raw(bytes) => {
                let _ignored = stream.get_mut().write_all(&bytes);
                let _ignored = stream.get_mut().flush();
                return;
            }
            Reply::Close => return,
            Reply::Hang => {
                let _ignored = std::io::copy(&mut stream, &mut std::io::sink());
                return;
            }
        };
        if written.and_then(|()| stream.get_mut().flush()).is_err() {
            return;
        }
    }
    // What is not HTTP (a TLS greeting, say) gets the answer that web servers give.
    let _ignored = stream
        .get_mut()
        .write_all(b"HTTP/1.1 400 x\r\ncontent-length: 0\r\n\r\n");
}

fn read(stream: &mut impl BufRead, connection: usize) -> Option<Seen> {
    let mut next = || {
        let mut line = String::new();
        stream
            .read_line(&mut line)
            .ok()
            .filter(|read| *read > 0)
            .map(|_| line.trim_end().to_owned())
    };
    let line = next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = Vec::new();
    loop {
        let line = next()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let mut seen = Seen {
        line,
        headers,
        body: String::new(),
        connection,
    };
    let length = seen
        .header("content-length")
        .map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    seen.body = String::from_utf8(body).unwrap();
    Some(seen)
}
