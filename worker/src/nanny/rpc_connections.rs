//! The connections that others have to the nanny: so many at a time. Where there are too many, the one that has been idle for the
//! longest gives way, so that silent clients cannot keep the worker out.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Connections at a time; a scheduler, a worker and its helper use some each.
const MOST: usize = 64;

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct RpcConnections(Arc<Mutex<All>>);

#[derive(Debug, Default)]
struct All {
    /// A number for each thing that a connection did.
    clock: u64,
    /// By the number of the last one.
    guests: BTreeMap<u64, One>,
}

#[derive(Debug)]
struct One {
    busy: bool,
    leave: oneshot::Sender<()>,
}

/// A connection's place, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    all: RpcConnections,
    number: u64,
}

impl RpcConnections {
    /// A place for a new connection, and what resolves when it has to give way; `None`: all others have something to do.
    pub fn come(&self) -> Option<(Place, oneshot::Receiver<()>)> {
        let mut all = self.all();
        if all.guests.len() >= MOST {
            let idle = all.guests.iter().find(|(_, one)| !one.busy).map(|(number, _)| *number)?;
            // One that has ended meanwhile hears nothing.
            let _ = all.guests.remove(&idle)?.leave.send(());
        }
        let (leave, left) = oneshot::channel();
        let number = all.tick();
        all.guests.insert(number, One { busy: false, leave });
        Some((Place { all: self.clone(), number }, left))
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

impl Place {
    /// The connection has something to do from now on, or it has not.
    pub fn is_busy(&mut self, busy: bool) {
        let mut all = self.all.all();
        let Some(mut one) = all.guests.remove(&self.number) else { return };
        one.busy = busy;
        let number = all.tick();
        all.guests.insert(number, one);
        drop(all);
        self.number = number;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.all().guests.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_has_been_idle_for_the_longest_gives_way() {
        let guests = RpcConnections::default();
        let mut all: Vec<_> = (0..MOST).map(|_| guests.come().unwrap()).collect();
        // The first one just said something, the second one is at work.
        all[0].0.is_busy(true);
        all[0].0.is_busy(false);
        all[1].0.is_busy(true);
        let _new = guests.come().unwrap();
        let gone: Vec<_> = (0..MOST).filter(|n| all[*n].1.try_recv().is_ok()).collect();
        assert_eq!(gone, [2]);
    }

    #[test]
    fn where_all_are_at_work_another_one_is_sent_away() {
        let guests = RpcConnections::default();
        let mut all: Vec<_> = (0..MOST).map(|_| guests.come().unwrap()).collect();
        all.iter_mut().for_each(|(place, _)| place.is_busy(true));
        assert!(guests.come().is_none());
        all.pop();
        assert!(guests.come().is_some(), "a place was given back");
    }
}
