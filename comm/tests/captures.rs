//! Byte for byte what real Dask processes (2024.1.0 to 2026.8.0) put on the wire.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy knows tests only by their attribute

use bytes::Bytes;
use dask_comm::{CommError, Connection, Hello, Limits, Timeouts, Value, frames, message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A scheduler's hello.
const HELLO: &[u8] = b"\x3a\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x2a\0\0\0\0\0\0\0\
    \x83\xabcompression\xc0\xa6python\x93\x03\x0b\x07\xafpickle-protocol\x05";
/// A Python client's request for the identity.
const IDENTITY: &[u8] = b"\x24\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x14\0\0\0\0\0\0\0\
    \x82\xa2op\xa8identity\xa5reply\xc3";
/// A scheduler's reply to `adaptive_target`: 0.
const TARGET: &[u8] = b"\x11\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0";
/// A key of a worker's metrics and its value.
const DIGEST: &[u8] = b"\x81\x94\xa7execute\xa3gpu\xaathread-cpu\xa7seconds\xcb\x3f\xf0\0\0\0\0\0\0";
/// The key `("tup", 0, 1)` of a task.
const TUPLE_KEY: &[u8] = b"\x93\xa3tup\x00\x01";

#[tokio::test]
async fn hello_of_a_scheduler() {
    assert_eq!(HELLO.len(), 66);
    let hello = Hello { compression: None, python: Some(vec![3, 11, 7]), pickle_protocol: 5 };
    assert_eq!(frames::encode(&[message::encode(&hello.to_value()).unwrap()]), HELLO);
    let read = frames::read(&mut &HELLO[..], None, &Limits::default()).await.unwrap();
    assert_eq!(Hello::read(&read[0]).unwrap(), hello);
}

#[tokio::test]
async fn request_and_reply() {
    assert_eq!((IDENTITY.len(), TARGET.len()), (44, 25));
    let (ours, mut peer) = tokio::io::duplex(4096);
    let scheduler = async {
        peer.write_all(HELLO).await.unwrap();
        let mut hello = [0; 66];
        peer.read_exact(&mut hello).await.unwrap();
        let mut request = [0; 44];
        peer.read_exact(&mut request).await.unwrap();
        peer.write_all(TARGET).await.unwrap();
        (request, peer)
    };
    let client = async {
        let mut connection =
            Connection::handshake(ours, Limits::default(), Timeouts::default()).await.unwrap();
        assert_eq!(connection.peer().python, Some(vec![3, 11, 7]));
        connection.request("identity", vec![]).await.unwrap()
    };
    let ((request, _peer), reply) = tokio::join!(scheduler, client);
    assert_eq!(request, IDENTITY);
    assert_eq!(reply, Value::from(0));
}

#[test]
fn keys_that_are_no_texts() {
    let key = Value::Array(vec!["tup".into(), 0.into(), 1.into()]);
    assert_eq!(message::decode(TUPLE_KEY, &Limits::default()).unwrap(), key);
    assert_eq!(message::encode(&key).unwrap(), TUPLE_KEY);
    let digest = Value::Array(["execute", "gpu", "thread-cpu", "seconds"].map(Value::from).to_vec());
    let map = Value::Map(vec![(digest, 1.0.into())]);
    assert_eq!(message::decode(DIGEST, &Limits::default()).unwrap(), map);
    assert_eq!(message::encode(&map).unwrap(), DIGEST);
}

/// The shape of a failed request: a head with placeholders and four more frames of those lengths.
#[tokio::test]
async fn error_reply() {
    let text = "TypeError(\"Scheduler.adaptive_target() got an unexpected keyword argument 'bogus'\")";
    let serialized = |frame: u64| Value::Map(vec![("__Serialized__".into(), frame.into())]);
    let head = Value::Map(vec![
        ("status".into(), "uncaught-error".into()),
        ("exception".into(), serialized(1)),
        ("traceback".into(), serialized(3)),
        ("exception_text".into(), text.into()),
        ("traceback_text".into(), "  File \"core.py\"\n".into()),
    ]);
    let mut reply = vec![Bytes::from(message::encode(&head).unwrap())];
    reply.extend([160, 674, 160, 504].map(|len| Bytes::from(vec![0x80; len])));

    let (ours, mut peer) = tokio::io::duplex(1 << 16);
    peer.write_all(HELLO).await.unwrap();
    peer.write_all(&frames::encode(&reply)).await.unwrap();
    peer.write_all(TARGET).await.unwrap();
    let mut connection = Connection::handshake(ours, Limits::default(), Timeouts::default()).await.unwrap();
    match connection.request("adaptive_target", vec![("bogus", 1.into())]).await {
        Err(CommError::Remote { op, text: got }) => {
            assert_eq!((op.as_str(), got.as_str()), ("adaptive_target", text))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(connection.request("adaptive_target", vec![]).await.unwrap(), Value::from(0), "still usable");
}
