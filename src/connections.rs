//! The local server's connections, bounded in number, in memory and in time. In front of a deployed function API Gateway sees to
//! that.

use crate::farewell::{Sent, farewell};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::ServiceExt as _;

/// For the head of a request, and for the next one on a connection that is kept open.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// In bytes, of what is read ahead and of what is written behind. A longer head is 431; API Gateway takes 10 KB.
const BUFFER: usize = 32 * 1024;
/// So many connections, where the system gives files for them.
const MOST: usize = 512;
/// A client's connection takes a file, and two calls of the store at a time two each: this process is both their ends.
const FILES_EACH: usize = 5;
/// What the process has open besides.
const OTHER_FILES: usize = 64;
/// A connection waits so long before it may have to give its place away.
const COURTESY: Duration = Duration::from_secs(2);
/// How often a place is looked for while there is none.
const TICK: Duration = Duration::from_millis(50);

/// How many connections there may be; asks the system for as many files as they need.
pub fn most() -> usize {
    let wanted = MOST * FILES_EACH + OTHER_FILES;
    let files = rlimit::increase_nofile_limit(u64::try_from(wanted).unwrap_or(u64::MAX));
    let files = files.map_or(wanted, |files| usize::try_from(files).unwrap_or(wanted));
    (files.saturating_sub(OTHER_FILES) / FILES_EACH).clamp(1, MOST)
}

/// Serves until `stopped`, and then the requests that run to their ends.
///
/// When there are as many connections as may be, those that ask for nothing give their places to the next, the oldest first: who
/// opens connections in order to hold them holds none for long.
pub async fn serve(mut listener: TcpListener, routes: Router, most: usize, stopped: impl Future<Output = ()>) {
    let (stop, stopping) = watch::channel(());
    let (hall, mut open) = (Arc::<Hall>::default(), JoinSet::new());
    let mut stopped = pin!(stopped);
    loop {
        let is_full = open.len() >= most;
        if is_full {
            hall.dismiss_first(Instant::now());
        }
        tokio::select! {
            () = &mut stopped => break,
            (stream, address) = Listener::accept(&mut listener), if !is_full => {
                open.spawn(attend(stream, address, routes.clone(), Arc::clone(&hall), stopping.clone()));
            }
            Some(_) = open.join_next() => {}
            () = tokio::time::sleep(TICK), if is_full => {}
        }
    }
    drop((listener, stop));
    while open.join_next().await.is_some() {}
}

async fn attend(
    stream: TcpStream,
    address: SocketAddr,
    routes: Router,
    hall: Arc<Hall>,
    mut stopping: watch::Receiver<()>,
) {
    let seat = Arc::new(Seat::in_hall(hall));
    let is_sent = Arc::<AtomicBool>::default();
    let service = hyper::service::service_fn(|request: Request<Incoming>| {
        let (seat, routes) = (Arc::clone(&seat), routes.clone());
        let mut request = request.map(|body| Body::new(Sent::new(body, &is_sent)));
        Box::pin(async move {
            if !seat.stop_waiting() {
                // It has been dismissed: it is not asked any more, and whoever sent this sees that nobody took it.
                pending::<()>().await;
            }
            request.extensions_mut().insert(ConnectInfo(address));
            let answer = routes.oneshot(request).await;
            seat.wait();
            answer as Result<_, Infallible>
        })
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_buf_size(BUFFER);
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut is_told = false;
    loop {
        tokio::select! {
            // A connection that breaks is its client's affair.
            _ = &mut connection => break,
            () = seat.dismissed.notified() => return,
            _ = stopping.changed(), if !is_told => {
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                is_told = true;
            }
        }
    }
    // All of the answer has been sent, and its end.
    farewell(connection.into_parts().io.into_inner(), is_sent.load(Ordering::Relaxed)).await;
}

/// The connections that wait for a request, or send its head.
#[derive(Debug, Default)]
struct Hall(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// By their numbers, of which a later one is higher.
    seats: BTreeMap<u64, Waiter>,
    numbers: u64,
}

#[derive(Debug)]
struct Waiter {
    since: Instant,
    dismissed: Arc<Notify>,
}

impl Hall {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection that has waited longest, if that is long enough.
    fn dismiss_first(&self, now: Instant) {
        let mut waiting = self.lock();
        let Some(first) = waiting.seats.first_entry() else { return };
        if now - first.get().since >= COURTESY {
            first.remove().dismissed.notify_one();
        }
    }
}

/// A connection's place.
struct Seat {
    hall: Arc<Hall>,
    number: AtomicU64,
    dismissed: Arc<Notify>,
}

impl Seat {
    fn in_hall(hall: Arc<Hall>) -> Self {
        let seat = Self { hall, number: AtomicU64::default(), dismissed: Arc::default() };
        seat.wait();
        seat
    }

    fn wait(&self) {
        let mut waiting = self.hall.lock();
        waiting.numbers += 1;
        let number = waiting.numbers;
        waiting.seats.insert(number, Waiter { since: Instant::now(), dismissed: Arc::clone(&self.dismissed) });
        self.number.store(number, Ordering::Relaxed);
    }

    /// Whether it was waiting, and not dismissed.
    fn stop_waiting(&self) -> bool {
        self.hall.lock().seats.remove(&self.number.load(Ordering::Relaxed)).is_some()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.stop_waiting();
    }
}
