//! Framing: a message is a prelude of 64-bit lengths and then the frames, back to back.
//!
//! `u64 nosplit | u64 n | u64 len[n] | frames`, little-endian. `nosplit` tells Python how much to read at
//! once and may stop before the end, so readers go by the sum of the lengths.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{
    CommError, Limits,
    budget::{Budget, Share},
};

/// Bytes of a length field.
const WORD: usize = 8;
/// Most bytes reserved ahead of what has really arrived.
const READ_AHEAD: usize = 64 << 10;
/// Longest time for the body of a message that has a share of the common memory: it is on its way when its head is, and
/// 32 MiB take a third of a second at 1 Gbit/s.
const BODY: Duration = Duration::from_secs(2);

/// Lays frames out as one message.
pub fn encode<F: AsRef<[u8]>>(frames: &[F]) -> BytesMut {
    let payload: usize = frames.iter().map(|f| f.as_ref().len()).sum();
    let after_first = WORD * (frames.len() + 1) + payload;
    let mut out = BytesMut::with_capacity(WORD + after_first);
    out.extend_from_slice(&(after_first as u64).to_le_bytes());
    out.extend_from_slice(&(frames.len() as u64).to_le_bytes());
    for frame in frames {
        out.extend_from_slice(&(frame.as_ref().len() as u64).to_le_bytes());
    }
    for frame in frames {
        out.extend_from_slice(frame.as_ref());
    }
    out
}

/// Reads one message's frames: at least one. `first` is the message's first byte, if it was read already.
///
/// Memory follows what has arrived, not what was declared.
///
/// # Errors
/// [`CommError::Io`] (also on an end of stream), [`CommError::TooLarge`] over `limits`,
/// [`CommError::Malformed`] without a frame.
pub async fn read<R>(reader: &mut R, first: Option<u8>, limits: &Limits) -> Result<Vec<Bytes>, CommError>
where
    R: AsyncRead + Unpin,
{
    let first = first.as_slice();
    Ok(read_shared(reader, first, limits, None).await?.0)
}

/// [`read`], after the bytes `first`, with memory from `budget`: the frames need it for as long as they live.
pub(crate) async fn read_shared<R>(
    reader: &mut R,
    first: &[u8],
    limits: &Limits,
    budget: Option<&Budget>,
) -> Result<(Vec<Bytes>, Share), CommError>
where
    R: AsyncRead + Unpin,
{
    let mut head = [0_u8; 2 * WORD];
    let (known, unknown) = head.split_at_mut(first.len().min(2 * WORD));
    known.copy_from_slice(first);
    reader.read_exact(unknown).await?;
    // The first word, `nosplit`, is of no use here.
    let count = words(&head).nth(1).unwrap_or_default();
    if count == 0 {
        return Err(CommError::Malformed("message: no frames".into()));
    }
    let count = within("number of frames", count, limits.max_frames)?;
    let table = read_bounded(reader, count.saturating_mul(WORD)).await?;
    let total = words(&table).fold(0_u64, u64::saturating_add);
    let total = within("message", total, limits.max_message_bytes)?;
    let share = match budget {
        Some(budget) => budget.share(total).await?,
        None => None,
    };
    // While it holds a share, others may wait for theirs.
    let body = read_bounded(reader, total);
    let data = match share {
        None => body.await,
        Some(_) => tokio::time::timeout(BODY, body)
            .await
            .unwrap_or(Err(CommError::Timeout { step: "body of a large message".into() })),
    };
    let mut data = data?.freeze();
    // Each length is at most the total, which fits a usize.
    Ok((words(&table).map(|len| data.split_to(len as usize)).collect(), share))
}

/// The little-endian words of `bytes`.
fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let (words, _) = bytes.as_chunks::<WORD>();
    words.iter().map(|word| u64::from_le_bytes(*word))
}

/// `got` as a size, if it is no more than `limit`.
fn within(what: &'static str, got: u64, limit: usize) -> Result<usize, CommError> {
    match usize::try_from(got) {
        Ok(size) if size <= limit => Ok(size),
        _ => Err(CommError::TooLarge { what, got, limit: limit as u64 }),
    }
}

/// Reads exactly `len` bytes, growing the buffer only as they arrive, and never beyond what is needed.
async fn read_bounded<R: AsyncRead + Unpin>(reader: &mut R, len: usize) -> Result<BytesMut, CommError> {
    let mut buffer = BytesMut::with_capacity(len.min(READ_AHEAD));
    while buffer.len() < len {
        if buffer.len() == buffer.capacity() {
            let mut larger = BytesMut::with_capacity(len.min(2 * buffer.len()));
            larger.extend_from_slice(&buffer);
            buffer = larger;
        }
        let missing = (len - buffer.len()) as u64;
        if (&mut *reader).take(missing).read_buf(&mut buffer).await? == 0 {
            return Err(CommError::Io(std::io::ErrorKind::UnexpectedEof.into()));
        }
    }
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(mut bytes: &[u8], limits: &Limits) -> Result<Vec<Bytes>, CommError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read(&mut bytes, None, limits))
    }

    fn prelude(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    #[test]
    fn declared_sizes_are_checked_before_reading() {
        let limits = Limits { max_message_bytes: 100, max_frames: 2, ..Limits::default() };
        let too_large = |words: &[u64]| match read_all(&prelude(words), &limits) {
            Err(CommError::TooLarge { what, got, limit }) => (what, got, limit),
            other => panic!("{other:?}"),
        };
        assert_eq!(too_large(&[0, 3]), ("number of frames", 3, 2));
        assert_eq!(too_large(&[0, u64::MAX]), ("number of frames", u64::MAX, 2));
        assert_eq!(too_large(&[0, 1, 101]), ("message", 101, 100));
        assert_eq!(too_large(&[0, 2, u64::MAX, 2]), ("message", u64::MAX, 100));
        assert!(matches!(read_all(&prelude(&[0, 0]), &limits), Err(CommError::Malformed(_))));
    }

    #[test]
    fn a_short_stream_is_an_error() {
        let whole = encode(&[b"abc".as_slice(), b"defg"]);
        for cut in 0..whole.len() {
            assert!(matches!(read_all(&whole[..cut], &Limits::default()), Err(CommError::Io(_))), "{cut}");
        }
    }

    #[test]
    fn nosplit_does_not_matter() {
        let mut whole = encode(&[b"abc".as_slice(), b"defg"]);
        whole[0] = 1;
        assert_eq!(read_all(&whole, &Limits::default()).unwrap(), [b"abc".as_slice(), b"defg"]);
    }

    proptest! {
        #[test]
        fn frames_come_back(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..20)) {
            prop_assert_eq!(read_all(&encode(&frames), &Limits::default()).unwrap(), frames);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), n in 0_u64..4) {
            let limits = Limits { max_message_bytes: 1000, ..Limits::default() };
            let _ = read_all(&bytes, &limits);
            let mut shaped = prelude(&[0, n]);
            shaped.extend(bytes);
            if let Ok(frames) = read_all(&shaped, &limits) {
                prop_assert!(frames.iter().map(Bytes::len).sum::<usize>() <= shaped.len());
            }
        }
    }
}
