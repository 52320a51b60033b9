//! A watch that may be late, and may break off.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tower::BoxError;

/// What a watch sends, later than it was sent and in the same order.
pub struct Slow<B> {
    inner: Pin<Box<B>>,
    lag: Arc<AtomicU64>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    waiting: VecDeque<(Instant, Frame<Bytes>)>,
    wake: Pin<Box<Sleep>>,
    ended: bool,
}

impl<B> Slow<B> {
    /// A watch with this lag, in milliseconds, that ends when it is cut off.
    pub fn new(inner: B, (lag, cut): (Arc<AtomicU64>, CancellationToken)) -> Self {
        Self {
            inner: Box::pin(inner),
            lag,
            cut: Box::pin(cut.cancelled_owned()),
            waiting: VecDeque::new(),
            wake: Box::pin(tokio::time::sleep(Duration::ZERO)),
            ended: false,
        }
    }
}

impl<B> Body for Slow<B>
where
    B: Body<Data = Bytes, Error = BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        while !self.ended {
            match self.inner.as_mut().poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let lag = Duration::from_millis(self.lag.load(Ordering::Relaxed));
                    let due = Instant::now() + lag;
                    let due = self.waiting.back().map_or(due, |(last, _)| due.max(*last));
                    self.waiting.push_back((due, frame));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => self.ended = true,
                Poll::Pending => break,
            }
        }
        let Some((due, _)) = self.waiting.front() else {
            return if self.ended { Poll::Ready(None) } else { Poll::Pending };
        };
        let due = *due;
        if due > Instant::now() {
            self.wake.as_mut().reset(due);
            if self.wake.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Ready(self.waiting.pop_front().map(|(_, frame)| Ok(frame)))
    }
}
