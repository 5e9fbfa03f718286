//! `kill -9`: what was acknowledged is there.

use crate::client::{Client, PASSWORD, Tokens, tokens};
use crate::server::Place;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What one thread was told was done, until nobody answered any more.
#[derive(Default)]
struct Acknowledged {
    users: Vec<String>,
    /// The last refresh token that was given out.
    refresh: Option<String>,
    refreshes: usize,
}

/// Signs up and refreshes until there is no answer.
fn write_until_the_end(client: Client, thread: &str, first: Tokens, written: &AtomicUsize) -> Acknowledged {
    let mut done = Acknowledged { refresh: Some(first.refresh.clone()), ..Acknowledged::default() };
    let mut current = first.refresh;
    for n in 0.. {
        let name = format!("{thread}-{n}");
        match client.try_sign_up(&name) {
            Ok(answer) => {
                answer.expect(201);
                done.users.push(name);
            }
            Err(_) => break,
        }
        match client.try_refresh(&current) {
            Ok(answer) => current = tokens(&answer.expect(200)).refresh,
            Err(_) => break,
        }
        done.refresh = Some(current.clone());
        done.refreshes += 1;
        written.fetch_add(1, Ordering::Relaxed);
    }
    done
}

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    let place = Place::new();
    for round in 0..3 {
        // The lost answer to the last refresh is asked for again after the restart, within the grace time.
        let start = || place.server().env("DOORWARD_REFRESH_GRACE", "60");
        let mut server = start().start();
        let client = server.client();
        let written = AtomicUsize::new(0);
        let names: Vec<_> = (0..4).map(|n| format!("r{round}t{n}")).collect();
        let firsts: Vec<_> = names.iter().map(|name| client.newcomer(name)).collect();
        let all: Vec<_> = thread::scope(|scope| {
            let writers: Vec<_> = names
                .iter()
                .zip(firsts)
                .map(|(name, first)| scope.spawn(|| write_until_the_end(client, name, first, &written)))
                .collect();
            // In the middle: when some of each was written, and every thread is at it.
            while written.load(Ordering::Relaxed) < 20 + round {
                thread::sleep(Duration::from_millis(1));
            }
            server.kill();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        assert!(all.iter().map(|done| done.refreshes).sum::<usize>() >= 20);

        let server = start().start();
        assert_eq!(server.admin_password(), None);
        for done in all {
            for name in done.users {
                server.client().log_in(&name, PASSWORD).expect(200);
            }
            // The token that was given out last is of the session's generation, or of the one before when the answer to
            // the next refresh was lost; either gives the successor.
            server.client().refresh(&done.refresh.unwrap()).expect(200);
        }
    }
}
