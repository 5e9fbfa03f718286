//! How a connection is closed whose client may still be sending. Bytes that nobody has read would have the system reset it, and
//! the client lose the answer (RFC 9112 §9.6).

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// So much of what nobody reads is taken in and dropped.
const HEARD_OUT: usize = 8 * 1024 * 1024;
/// And for so long.
const FAREWELL: Duration = Duration::from_secs(1);
const AT_ONCE: usize = 8 * 1024;

/// A connection that is closed when its client has been heard out.
pub struct Polite {
    stream: TcpStream,
    /// Whether a body is on its way.
    is_sent: Arc<AtomicBool>,
    farewell: Option<Farewell>,
}

struct Farewell {
    over: Pin<Box<Sleep>>,
    left: usize,
}

impl Polite {
    /// `is_sent` is set by the [`Sent`] of its requests.
    pub fn new(stream: TcpStream, is_sent: Arc<AtomicBool>) -> Self {
        Self { stream, is_sent, farewell: None }
    }
}

impl AsyncRead for Polite {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Polite {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    /// Says that the answer is whole, and takes in what still comes: where nothing is there and no body is on its way, it is over.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, is_sent, farewell } = self.get_mut();
        if farewell.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
        }
        let Farewell { over, left } =
            farewell.get_or_insert_with(|| Farewell { over: Box::pin(sleep(FAREWELL)), left: HEARD_OUT });
        while *left > 0 && over.as_mut().poll(context).is_pending() {
            let mut bytes = [0; AT_ONCE];
            let mut dropped = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *stream).poll_read(context, &mut dropped) {
                Poll::Ready(Ok(())) if !dropped.filled().is_empty() => {
                    *left = left.saturating_sub(dropped.filled().len());
                    is_sent.store(true, Ordering::Relaxed);
                }
                Poll::Pending if is_sent.load(Ordering::Relaxed) => return Poll::Pending,
                // It has sent everything, or is gone.
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
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
