//! The address by which a scheduler knows a worker.

use super::text_type::text_type;

text_type! {
    /// Where a worker process listens (`tls://10.0.0.7:40331`), as the scheduler calls it.
    WorkerAddress
}
