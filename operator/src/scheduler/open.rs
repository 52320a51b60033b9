//! Opening a conversation with a scheduler, and finding out that it speaks TLS.

use dask_comm::{CommError, SchedulerClient, tls};

use super::{LIMITS, TIMEOUTS};
use crate::{
    context::Context,
    env::{Address, SchedulerStream},
};

/// Why there is no conversation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The scheduler speaks TLS.
    #[error("it speaks TLS, which the operator does not")]
    SpeaksTls,
    /// Anything else, for a person.
    #[error("{0}")]
    Other(String),
}

/// A connection that is ready for questions. One that a scheduler ends without a word is tried again with a
/// greeting of TLS, so that "it speaks TLS" is known and not guessed.
pub(crate) async fn connect(
    context: &Context,
    to: &Address,
) -> Result<SchedulerClient<Box<dyn SchedulerStream>>, Failure> {
    let wire = dial(context, to).await?;
    match SchedulerClient::connect(wire, LIMITS, TIMEOUTS).await {
        Ok(client) => Ok(client),
        Err(CommError::SpeaksTls) => Err(Failure::SpeaksTls),
        Err(CommError::NoHello) if speaks_tls(context, to).await => Err(Failure::SpeaksTls),
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}

/// Whether the scheduler answers a greeting of TLS.
pub(crate) async fn speaks_tls(context: &Context, to: &Address) -> bool {
    match dial(context, to).await {
        Ok(wire) => tls::answers(wire, TIMEOUTS.handshake).await,
        Err(_) => false,
    }
}

async fn dial(context: &Context, to: &Address) -> Result<Box<dyn SchedulerStream>, Failure> {
    match tokio::time::timeout(TIMEOUTS.handshake, context.env.dial.dial(to.clone())).await {
        Ok(Ok(wire)) => Ok(wire),
        Ok(Err(e)) => Err(Failure::Other(format!("cannot connect: {e}"))),
        Err(_) => Err(Failure::Other("cannot connect in time".into())),
    }
}
