//! TLS in the server itself, for operators who want no proxy: a listener whose connections are
//! decrypted before they reach the router, with a certificate that is reloaded when its files change.
//!
//! Handshakes run concurrently and have a timeout, so a client that connects and sends nothing delays
//! nobody. If new files can't be used (half written, or not a pair), that is logged and the old
//! certificate stays.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use snaplark_cloud_web::Connection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The name of HTTP/2 in a handshake (RFC 7301).
const HTTP2: &[u8] = b"h2";
/// The timeout of a handshake. A slow connection needs a second or two.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// The limit on concurrent handshakes. Further connections wait in the system's queue.
const HANDSHAKES_MAX: usize = 256;
/// The capacity of the queue of connections that the router has not accepted yet.
const READY_MAX: usize = 64;
/// The interval at which the files are checked. Certificates are renewed days before they expire.
const LOOK: Duration = Duration::from_secs(2);
/// The delay after the system refused a connection because there are no more files to open.
const REFUSED: Duration = Duration::from_millis(200);

/// PEM files: the certificate with its chain, and its key.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to its root.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
}

/// A listener that returns connections after their TLS handshake.
pub(crate) struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsConnection, SocketAddr)>,
}

/// A connection after its handshake.
pub(crate) struct TlsConnection(TlsStream<TcpStream>);

impl Connection for TlsConnection {
    fn speaks_http2(&self) -> bool {
        self.0.get_ref().1.alpn_protocol() == Some(HTTP2)
    }
}

impl AsyncRead for TlsConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

impl TlsListener {
    /// Starts the listener. Fails if the files can't be used.
    pub(crate) fn start(listener: TcpListener, files: TlsFiles) -> Result<TlsListener, String> {
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let stamp = files.stamp();
        let current = Arc::new(Current(RwLock::new(Arc::new(files.read()?))));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
        let (sender, ready) = mpsc::channel(READY_MAX);
        tokio::spawn(renew(files, stamp, current, sender.clone()));
        tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), sender));
        Ok(TlsListener { address, ready })
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // This only happens when the runtime ends.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

type Ready = mpsc::Sender<(TlsConnection, SocketAddr)>;

/// Accepts connections until the listener is dropped.
async fn accept(listener: TcpListener, acceptor: TlsAcceptor, ready: Ready) {
    let turns = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let turn = Arc::clone(&turns).acquire_owned().await.expect("the semaphore is never closed");
        let (stream, from) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "A connection could not be accepted");
                    tokio::time::sleep(REFUSED).await;
                    continue;
                }
            },
            () = ready.closed() => return,
        };
        stream.set_nodelay(true).ok();
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let _turn = turn;
            match tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => drop(ready.send((TlsConnection(stream), from)).await),
                Ok(Err(error)) => tracing::debug!(%error, "A handshake failed"),
                Err(_) => tracing::debug!("A handshake took too long"),
            }
        });
    }
}

/// The certificate for new connections.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

async fn renew(files: TlsFiles, mut seen: Stamp, current: Arc<Current>, ready: Ready) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = ready.closed() => return,
        }
        let stamp = files.stamp();
        if stamp == seen {
            continue;
        }
        seen = stamp;
        match files.read() {
            Ok(key) => {
                *current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                tracing::info!("The certificate was read again");
            }
            Err(error) => {
                tracing::error!(error, "The new certificate can't be used; the old one stays");
            }
        }
    }
}

/// Changes if the files change, also if only the target of a symbolic link does.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl TlsFiles {
    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|file| {
            let meta = std::fs::metadata(file).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        })
    }

    fn read(&self) -> Result<CertifiedKey, String> {
        let of = |file: &PathBuf, error: &dyn std::fmt::Display| {
            format!("{} can't be used: {error}", file.display())
        };
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
            .map_err(|error| of(&self.certificate, &error))?;
        if chain.is_empty() {
            return Err(of(&self.certificate, &"it holds no certificate"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| of(&self.key, &error))?;
        CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(|error| of(&self.key, &error))
    }
}
