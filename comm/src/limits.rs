//! How much and how long a peer may make us work.

use std::time::Duration;

/// Bounds on one message, whatever the peer declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sum of the lengths of a message's frames, bytes. 64 MiB, Dask's own shard size, unless told; an
    /// identity is about 1 KiB a worker.
    pub max_message_bytes: usize,
    /// Frames of a message. 1024 unless told; the replies an operator reads have one, errors five.
    pub max_frames: usize,
    /// Nesting of arrays and maps. 64 unless told, never more than [`Limits::DEPTH_CEILING`].
    pub max_depth: usize,
}

impl Limits {
    /// What `max_depth` is capped to: decoding is recursive and must fit any thread's stack.
    pub const DEPTH_CEILING: usize = 256;
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_message_bytes: 64 << 20, max_frames: 1024, max_depth: 64 }
    }
}

/// How long the peer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Each of the two steps of the handshake. 5 s unless told; distributed itself has none here.
    pub handshake: Duration,
    /// A whole request, from the first byte sent to the last received. 10 s unless told.
    pub request: Duration,
    /// A whole `retire_workers`, which copies the workers' data away before it answers. 120 s unless told.
    pub retire: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            request: Duration::from_secs(10),
            retire: Duration::from_secs(120),
        }
    }
}
