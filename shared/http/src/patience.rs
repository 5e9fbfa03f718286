//! How long a request is worked on. A store that is slow ends it; a queue of passwords to hash and a client that is slow do not.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, error::Elapsed, timeout_at};

/// A request is answered by then, with 503 if it must be: longer than any one call of the store is waited for, and shorter than
/// a function may run (`Timeout` in `template.yaml`).
pub const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// At the least, so long lies between two looks at a clock that stands.
const LOOK: Duration = Duration::from_millis(10);

tokio::task_local! {
    static CLOCK: Arc<StopClock>;
}

/// The time that a request takes, without what is not the store's.
struct StopClock(Mutex<Times>);

struct Times {
    started: Instant,
    /// How many things are waited for that do not count, and since when there is one.
    stopped: usize,
    since: Instant,
    /// What did not count, up to then.
    off: Duration,
}

impl StopClock {
    fn start() -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self(Mutex::new(Times { started: now, stopped: 0, since: now, off: Duration::ZERO })))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Times) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When the patience is over, as it stands now.
    fn over(&self) -> Instant {
        self.change(|times| {
            let off = if times.stopped > 0 { times.since.elapsed() } else { Duration::ZERO };
            times.started + ANSWERED_WITHIN + times.off + off
        })
    }
}

/// Stops the clock until it is dropped.
struct Stopped<'a>(&'a StopClock);

impl<'a> Stopped<'a> {
    fn new(clock: &'a StopClock) -> Self {
        clock.change(|times| {
            if times.stopped == 0 {
                times.since = Instant::now();
            }
            times.stopped += 1;
        });
        Self(clock)
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.change(|times| {
            times.stopped -= 1;
            if times.stopped == 0 {
                times.off += times.since.elapsed();
            }
        });
    }
}

/// Waits for something whose time is not the store's.
pub(crate) async fn unhurried<T>(work: impl Future<Output = T>) -> T {
    let clock = CLOCK.try_with(Arc::clone).ok();
    let _stopped = clock.as_deref().map(Stopped::new);
    work.await
}

/// Works on a request in a task of its own, until it is done or the patience is over. Then it is given up where it stands, as
/// by the end of a process: what went on would meet what the client does next.
///
/// # Errors
/// When the patience is over. What is in the answer is that the work panicked.
pub(crate) async fn answered<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<Result<T, JoinError>, Elapsed> {
    let clock = StopClock::start();
    let mut task: JoinHandle<T> = tokio::spawn(CLOCK.scope(Arc::clone(&clock), work));
    let mut until = clock.over();
    loop {
        match timeout_at(until, &mut task).await {
            Ok(ended) => return Ok(ended),
            Err(elapsed) if clock.over() <= Instant::now() => {
                task.abort();
                return Err(elapsed);
            }
            Err(_) => until = clock.over().max(Instant::now() + LOOK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_given_up() {
        let started = Instant::now();
        assert!(answered(sleep(LONG)).await.is_err());
        assert_eq!(started.elapsed().as_secs(), ANSWERED_WITHIN.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_count_does_not_count() {
        let work = async {
            sleep(SHORT).await;
            unhurried(sleep(LONG)).await;
            tokio::join!(unhurried(sleep(LONG)), unhurried(sleep(LONG * 2)), sleep(SHORT));
            7
        };
        assert_eq!(answered(work).await.unwrap().unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn and_what_counts_adds_up_around_it() {
        let started = Instant::now();
        let work = async {
            sleep(SHORT).await;
            unhurried(sleep(LONG)).await;
            sleep(SHORT).await;
        };
        assert!(answered(work).await.is_err());
        assert_eq!(started.elapsed().as_secs(), (ANSWERED_WITHIN + LONG).as_secs());
    }

    #[tokio::test]
    async fn a_panic_is_an_end_too() {
        assert!(answered(async { panic!("on purpose") }).await.unwrap().is_err());
    }
}
