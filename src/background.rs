//! A server beside whatever else runs, until it is stopped.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Resolves when the server is to stop.
pub type Stopped = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A server that runs.
pub struct Background {
    /// Where it listens.
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Background {
    /// Starts one on a listener: what `serve` makes runs to its end.
    ///
    /// # Errors
    /// When the listener has no address.
    pub fn start<S>(listener: TcpListener, serve: impl FnOnce(TcpListener, Stopped) -> S) -> io::Result<Self>
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = Box::pin(async {
            let _ = stopped.await;
        });
        Ok(Self { address, stop, server: tokio::spawn(serve(listener, stopped)) })
    }

    /// Where a client finds it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it; what runs is brought to its end.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.server.await;
    }
}
