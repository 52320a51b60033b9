//! What the operator takes from the outside: the time, randomness, and connections to schedulers.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use dask_operator_core::model::time::Timestamp;
use futures::future::BoxFuture;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::io::{AsyncRead, AsyncWrite};

/// The world around the operator. Waiting goes through tokio's clock, which a simulation can pause.
#[derive(Clone)]
pub struct Environment {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws random numbers.
    pub random: RandomSource,
    /// Connects to schedulers.
    pub dial: Arc<dyn Connector>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

impl Environment {
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, as the Kubernetes cluster would say it.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }
}

/// A source of random numbers that a seed determines.
#[derive(Clone, Debug)]
pub struct RandomSource(Arc<Mutex<StdRng>>);

impl RandomSource {
    /// The same seed gives the same numbers.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Numbers that cannot be foreseen.
    pub fn from_system() -> Self {
        Self(Arc::new(Mutex::new(StdRng::from_os_rng())))
    }

    /// A number in `[0, 1)`.
    pub fn fraction(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }
}

/// A connection to a scheduler.
pub trait SchedulerStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> SchedulerStream for T {}

/// Where a scheduler is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Namespace of its pod.
    pub namespace: String,
    /// Name of its pod.
    pub pod: String,
    /// IP of its pod, or of the node whose network it shares.
    pub ip: String,
    /// Port it listens on in its pod.
    pub port: u16,
}

/// Connects to schedulers.
pub trait Connector: Send + Sync {
    /// Opens a connection; the caller limits the time.
    fn dial(&self, to: Address) -> BoxFuture<'static, io::Result<Box<dyn SchedulerStream>>>;
}
