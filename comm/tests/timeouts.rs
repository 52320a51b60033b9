//! Peers that are silent, slow or gone: every step ends in time, and nothing is read after that.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy knows tests only by their attribute

use dask_comm::{CommError, Connection, Hello, Limits, Timeouts, Value, frames, message};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, timeout};

fn wire(value: &Value) -> Vec<u8> {
    frames::encode(&[message::encode(value).unwrap()]).to_vec()
}

fn assert_timeout<T: std::fmt::Debug>(result: Result<T, CommError>, expected: &str) {
    match result {
        Err(CommError::Timeout { step }) => assert_eq!(step, expected),
        other => panic!("{other:?}"),
    }
}

/// A client and the raw stream of its peer, which has said hello.
async fn connected() -> (Connection<DuplexStream>, DuplexStream) {
    let (ours, mut peer) = tokio::io::duplex(1 << 16);
    peer.write_all(&wire(&Hello::default().to_value())).await.unwrap();
    let connection = Connection::handshake(ours, Limits::default(), Timeouts::default()).await.unwrap();
    let mut hello = [0; 66];
    peer.read_exact(&mut hello).await.unwrap();
    (connection, peer)
}

#[tokio::test(start_paused = true)]
async fn silent_peer() {
    let (ours, _peer) = tokio::io::duplex(1 << 16);
    let start = Instant::now();
    assert_timeout(
        Connection::handshake(ours, Limits::default(), Timeouts::default()).await,
        "handshake read",
    );
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn peer_that_does_not_read() {
    let (ours, _peer) = tokio::io::duplex(8);
    assert_timeout(
        Connection::handshake(ours, Limits::default(), Timeouts::default()).await,
        "handshake write",
    );
    let (ours, _peer) = tokio::io::duplex(8);
    assert_timeout(Connection::accept(ours, Limits::default(), Timeouts::default()).await, "handshake write");
}

#[tokio::test(start_paused = true)]
async fn one_byte_a_second() {
    let (ours, mut peer) = tokio::io::duplex(1 << 16);
    let drip = tokio::spawn(async move {
        for byte in wire(&Hello::default().to_value()) {
            if peer.write_all(&[byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    });
    let start = Instant::now();
    assert_timeout(
        Connection::handshake(ours, Limits::default(), Timeouts::default()).await,
        "handshake read",
    );
    assert_eq!(start.elapsed().as_secs(), 5);
    drip.await.unwrap();

    let (mut connection, mut peer) = connected().await;
    let drip = tokio::spawn(async move {
        let mut sent = 0;
        // Endless, so that only the deadline of the whole request ends it.
        let head: Vec<u8> = [0, 1, 1 << 20].iter().flat_map(|w: &u64| w.to_le_bytes()).collect();
        while peer.write_all(&[head.get(sent).copied().unwrap_or_default()]).await.is_ok() {
            sent += 1;
            sleep(Duration::from_secs(1)).await;
        }
    });
    let start = Instant::now();
    assert_timeout(connection.request("identity", vec![]).await, "request identity");
    assert_eq!(start.elapsed().as_secs(), 10);
    drop(connection);
    drip.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn late_reply_is_never_taken_for_another() {
    let (mut connection, mut peer) = connected().await;
    assert_timeout(connection.request("identity", vec![]).await, "request identity");
    peer.write_all(&wire(&"late".into())).await.unwrap();
    let start = Instant::now();
    assert!(matches!(connection.request("versions", vec![]).await, Err(CommError::Closed)));
    assert!(matches!(connection.read_message().await, Err(CommError::Closed)));
    assert!(matches!(connection.write_message(&Value::Nil).await, Err(CommError::Closed)));
    assert_eq!(start.elapsed(), Duration::ZERO, "at once");
}

#[tokio::test(start_paused = true)]
async fn dropped_request_closes() {
    let (mut connection, _peer) = connected().await;
    assert!(timeout(Duration::from_secs(1), connection.request("identity", vec![])).await.is_err());
    assert!(matches!(connection.request("identity", vec![]).await, Err(CommError::Closed)));
}

#[tokio::test]
async fn broken_replies_close() {
    type Expected = fn(&CommError) -> bool;
    let broken: [(&[u8], Expected); 4] = [
        (b"", |e| matches!(e, CommError::Io(_))),
        (b"\x09\0\0\0\0\0\0\0\x01", |e| matches!(e, CommError::Io(_))),
        (b"\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0\0\0", |e| matches!(e, CommError::TooLarge { .. })),
        (b"\x11\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\xc1", |e| {
            matches!(e, CommError::Malformed(_))
        }),
    ];
    for (bytes, expected) in broken {
        let (mut connection, mut peer) = connected().await;
        peer.write_all(bytes).await.unwrap();
        peer.shutdown().await.unwrap();
        let error = connection.request("identity", vec![]).await.unwrap_err();
        assert!(expected(&error), "{error:?}");
        assert!(!connection.is_usable());
        assert!(matches!(connection.request("identity", vec![]).await, Err(CommError::Closed)));
    }
}

#[tokio::test]
async fn peers_that_are_no_dask() {
    let http = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    let no_protocol = wire(&Value::Map(vec![("compression".into(), Value::Nil)]));
    for (bytes, malformed) in [(http.as_slice(), false), (&no_protocol, true)] {
        let (ours, mut peer) = tokio::io::duplex(1 << 16);
        peer.write_all(bytes).await.unwrap();
        let error = Connection::handshake(ours, Limits::default(), Timeouts::default()).await.unwrap_err();
        assert_eq!(matches!(error, CommError::Malformed(_)), malformed, "{error:?}");
        assert_eq!(matches!(error, CommError::TooLarge { .. }), !malformed, "{error:?}");
    }
}

/// Client and server of this crate with each other; the server may wait as long as it likes for a request.
#[tokio::test(start_paused = true)]
async fn server_side() {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let server = async {
        let mut server = Connection::accept(theirs, Limits::default(), Timeouts::default()).await.unwrap();
        // Giving up waiting between two messages loses nothing.
        assert!(timeout(Duration::from_secs(60), server.read_message()).await.is_err());
        let request = server.read_message().await.unwrap().unwrap();
        server.write_message(&Value::Array(vec![request.head])).await.unwrap();
        assert!(server.read_message().await.unwrap().is_none(), "end of stream");
        assert!(!server.is_usable());
    };
    let client = async {
        let mut client = Connection::handshake(ours, Limits::default(), Timeouts::default()).await.unwrap();
        sleep(Duration::from_secs(3600)).await;
        client.request("echo", vec![("data", 1.into())]).await.unwrap()
    };
    let ((), reply) = tokio::join!(server, client);
    assert_eq!(reply.to_string(), r#"[{"op": "echo", "reply": true, "data": 1}]"#);
}
