//! Dask as the operator meets it: schedulers that know workers, tasks and data, and answer in Dask's own protocol.
//!
//! Time passes only when it is asked for: before each question and each change, what was due meanwhile happens.

mod demand;
mod scheduler;
mod serve;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use dask_operator::env::{Address, Connector, SchedulerStream};
use futures::{FutureExt, future::BoxFuture};

use scheduler::Place;
pub use scheduler::{Floods, Key, Mood, Retired, Says, Scheduler, Shuffle, Task, Worker};

use crate::{clock::SimClock, trace::Trace};

/// All schedulers of a world.
#[derive(Clone, Debug)]
pub struct Dask {
    clock: SimClock,
    trace: Trace,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By the UID of the pod that a scheduler runs in.
    schedulers: BTreeMap<String, Scheduler>,
    made: u64,
    /// When a cluster last lost one.
    ended: BTreeMap<String, Duration>,
}

impl Dask {
    /// No schedulers yet.
    pub fn new(clock: &SimClock, trace: &Trace) -> Self {
        Self { clock: clock.clone(), trace: trace.clone(), inner: Arc::default() }
    }

    /// A scheduler begins in this pod. One that was there before is over, with all that it knew.
    pub fn start(&self, pod: &str, cluster: &str, ip: &str) {
        let now = self.clock.elapsed();
        let mut inner = self.lock();
        inner.made += 1;
        let id = format!("Scheduler-{}", inner.made);
        self.trace.say("dask", format_args!("{id} of {cluster} starts at {ip}"));
        let mood = inner.schedulers.get(pod).map(|s| s.mood.clone()).unwrap_or_default();
        inner.schedulers.insert(pod.into(), Scheduler::new(&id, &Place { pod, cluster, ip }, now, mood));
    }

    /// The scheduler in this pod is over.
    pub fn stop(&self, pod: &str) {
        let now = self.clock.elapsed();
        let mut inner = self.lock();
        if let Some(old) = inner.schedulers.remove(pod) {
            inner.ended.insert(old.cluster, now);
            self.trace.say("dask", format_args!("{} is over", old.id));
        }
    }

    /// Looks at, or changes, the scheduler of a cluster; `None` if it has none.
    pub fn of<T>(&self, cluster: &str, look: impl FnOnce(&mut Scheduler) -> T) -> Option<T> {
        let now = self.clock.elapsed();
        let mut inner = self.lock();
        let scheduler = inner.schedulers.values_mut().find(|s| s.cluster == cluster)?;
        scheduler.advance(now);
        Some(look(scheduler))
    }

    /// When a cluster last lost a scheduler.
    pub fn ended(&self, cluster: &str) -> Option<Duration> {
        self.lock().ended.get(cluster).copied()
    }

    /// Changes every scheduler.
    pub fn each(&self, mut change: impl FnMut(&mut Scheduler)) {
        let now = self.clock.elapsed();
        for scheduler in self.lock().schedulers.values_mut() {
            scheduler.advance(now);
            change(scheduler);
        }
    }

    /// Workers that were told to end since the last time, by pod UID.
    pub fn take_closed(&self) -> Vec<String> {
        let mut inner = self.lock();
        inner.schedulers.values_mut().flat_map(|s| std::mem::take(&mut s.closed)).collect()
    }

    /// What was asked about leaving since the last time, and what came of it.
    pub fn take_retired(&self) -> Vec<Retired> {
        let mut inner = self.lock();
        inner.schedulers.values_mut().flat_map(|s| std::mem::take(&mut s.retired)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, ip: &str) -> Option<(String, Mood)> {
        let inner = self.lock();
        inner.schedulers.iter().find(|(_, s)| s.ip == ip).map(|(pod, s)| (pod.clone(), s.mood.clone()))
    }
}

impl Connector for Dask {
    fn dial(&self, to: Address) -> BoxFuture<'static, io::Result<Box<dyn SchedulerStream>>> {
        let dask = self.clone();
        async move {
            let late = dask.at(&to.ip).map_or(Duration::ZERO, |(_, mood)| mood.connects_late);
            tokio::time::sleep(Duration::from_millis(1) + late).await;
            match dask.at(&to.ip) {
                None => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
                Some((_, mood)) if mood.is_silent(dask.clock.elapsed()) => std::future::pending().await,
                Some((pod, mood)) => {
                    let (ours, theirs) = tokio::io::duplex(1 << 16);
                    if mood.tls {
                        tokio::spawn(async move { serve::refuse(theirs, dask).await });
                    } else {
                        tokio::spawn(async move { serve::run(theirs, dask, pod).await });
                    }
                    Ok(Box::new(ours) as Box<dyn SchedulerStream>)
                }
            }
        }
        .boxed()
    }
}
