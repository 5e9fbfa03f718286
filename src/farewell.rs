//! How a connection is closed whose client may still be sending. Bytes that nobody has read would have the system reset it, and
//! the client lose the answer (RFC 9112 §9.6).

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// So much of what nobody reads is taken in and dropped.
const HEARD_OUT: usize = 8 * 1024 * 1024;
/// And for so long.
const FAREWELL: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 8 * 1024;

/// Takes in what still comes to a connection that says nothing more: where nothing is there and no body is on its way, it is
/// over.
pub async fn farewell(mut stream: TcpStream, is_sent: bool) {
    let mut bytes = vec![0; AT_ONCE];
    if !is_sent && !matches!(stream.try_read(&mut bytes), Ok(1..)) {
        return;
    }
    let heard_out = async {
        let mut heard = 0;
        while heard < HEARD_OUT {
            match stream.read(&mut bytes).await {
                Ok(more @ 1..) => heard += more,
                // It has sent everything, or is gone.
                _ => return,
            }
        }
    };
    let _ = timeout(FAREWELL, heard_out).await;
}

/// A request's body, which tells its connection when it has been read to its end.
pub struct Sent {
    body: Incoming,
    is_sent: Arc<AtomicBool>,
}

impl Sent {
    /// The body of a request on a connection with that flag.
    pub fn new(body: Incoming, is_sent: &Arc<AtomicBool>) -> Self {
        is_sent.store(!body.is_end_stream(), Ordering::Relaxed);
        Self { body, is_sent: Arc::clone(is_sent) }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, is_sent } = self.get_mut();
        let frame = ready!(Pin::new(&mut *body).poll_frame(context));
        is_sent.store(frame.is_some() && !body.is_end_stream(), Ordering::Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
