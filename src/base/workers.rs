//! Several pieces of work at once, each worker with something of its own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// Does pieces 0 to `count` with so many workers, each of which begins with `start`; results in the order of the
/// pieces. A failure lets the pieces end that are under way, and none begins after it.
///
/// # Errors
/// That of the first piece in their order that failed.
pub fn at_once<S, T: Send>(
    count: usize,
    workers: usize,
    start: impl Fn() -> Result<S> + Sync,
    work: impl Fn(&mut S, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Mutex<Vec<(usize, Result<T>)>> = Mutex::new(Vec::new());
    let worker = || {
        let mut own = None;
        while !failed.load(Ordering::Relaxed) {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            if piece >= count {
                return;
            }
            let begun = match &mut own {
                Some(own) => Ok(own),
                none => start().map(|own| none.insert(own)),
            };
            let result = begun.and_then(|own| work(own, piece));
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            if let Ok(mut done) = done.lock() {
                done.push((piece, result));
            }
        }
    };
    match workers.min(count) {
        0 | 1 => worker(),
        workers => std::thread::scope(|scope| {
            (0..workers).for_each(|_| drop(scope.spawn(worker)));
        }),
    }
    let mut done = done.into_inner().map_err(|_| Error::internal("a worker panicked"))?;
    done.sort_by_key(|(piece, _)| *piece);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_each_worker_starts_once() {
        for workers in [0, 1, 3, 20] {
            let starts = AtomicUsize::new(0);
            let start = || Ok(starts.fetch_add(1, Ordering::Relaxed));
            let squares = at_once(10, workers, start, |_, piece| Ok(piece * piece)).unwrap();
            assert_eq!(squares, (0..10).map(|piece| piece * piece).collect::<Vec<_>>());
            assert!(starts.into_inner() <= workers.clamp(1, 10));
        }
        assert!(at_once(0, 4, || Ok(()), |(), _| Ok(())).unwrap().is_empty());
    }

    #[test]
    fn a_failure_stops_what_has_not_begun_and_lets_the_rest_end() {
        for workers in [1, 2, 4] {
            let ended = Mutex::new(Vec::new());
            let work = |(): &mut (), piece: usize| match piece {
                3 => Err(Error::input("the fourth")),
                _ => {
                    ended.lock().unwrap().push(piece);
                    Ok(())
                }
            };
            let error = at_once(100, workers, || Ok(()), work).unwrap_err().to_string();
            assert!(error.contains("the fourth"));
            let ended = ended.into_inner().unwrap();
            assert!([0, 1, 2].iter().all(|piece| ended.contains(piece)) && ended.len() < 99, "{ended:?}");
        }
        assert!(at_once(2, 2, || Err::<(), _>(Error::input("no engine")), |(), _| Ok(())).is_err());
    }
}
