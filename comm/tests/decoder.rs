//! The msgpack decoder: everything written comes back, nothing else gets in.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy knows tests only by their attribute

use dask_comm::{CommError, Limits, Value, message};
use proptest::prelude::*;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        (-1e300..1e300_f64).prop_map(Value::from),
        any::<i16>().prop_map(|n| Value::F32(f32::from(n))),
        ".{0,40}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Binary),
    ];
    leaf.prop_recursive(6, 128, 20, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..20).prop_map(Value::Array),
            prop::collection::vec(pair, 0..20).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn values_come_back(value in value()) {
        let bytes = message::encode(&value).unwrap();
        prop_assert_eq!(message::decode(&bytes, &Limits::default()).unwrap(), value);
    }

    #[test]
    fn every_cut_is_an_error(value in value(), at in any::<prop::sample::Index>()) {
        let bytes = message::encode(&value).unwrap();
        prop_assert!(message::decode(&bytes[..at.index(bytes.len())], &Limits::default()).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(value) = message::decode(&bytes, &Limits::default()) {
            // What is accepted is a value: another reader of msgpack agrees on it.
            let theirs = rmpv::decode::read_value(&mut bytes.as_slice()).unwrap();
            prop_assert_eq!(format!("{value:?}"), format!("{theirs:?}"));
        }
    }

    #[test]
    fn one_changed_byte_never_panics(value in value(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = message::encode(&value).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _ = message::decode(&bytes, &Limits::default());
    }
}

#[test]
fn large_lengths_use_their_own_markers() {
    for len in [31, 32, 255, 256, 65_535, 65_536] {
        let all = [
            Value::from("x".repeat(len)),
            Value::Binary(vec![7; len]),
            Value::Array(vec![Value::Nil; len]),
            Value::Map(vec![(1.into(), Value::Nil); len]),
        ];
        for value in all {
            let bytes = message::encode(&value).unwrap();
            assert_eq!(message::decode(&bytes, &Limits::default()).unwrap(), value, "{len}");
        }
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
    let limits = Limits { max_depth: 3, ..Limits::default() };
    assert!(message::decode(&nested(3), &limits).is_ok());
    assert!(matches!(
        message::decode(&nested(4), &limits),
        Err(CommError::TooLarge { got: 4, limit: 3, .. })
    ));
    // However deep a caller wants it, a thread's stack must do.
    let limits = Limits { max_depth: usize::MAX, ..Limits::default() };
    assert!(message::decode(&nested(Limits::DEPTH_CEILING), &limits).is_ok());
    assert!(matches!(message::decode(&nested(1_000_000), &limits), Err(CommError::TooLarge { .. })));
    let maps = [[0x81, 0xc0].repeat(1_000_000), vec![0xc0]].concat();
    assert!(matches!(message::decode(&maps, &limits), Err(CommError::TooLarge { .. })));
}

#[test]
fn what_dask_does_not_send_is_refused() {
    let refused: [&[u8]; 8] = [
        b"",
        b"\xc1",
        b"\xd4\x01\x00",         // fixext
        b"\xc7\x01\x01\x00",     // ext
        b"\xa1\xff",             // text, not UTF-8
        b"\xc0\xc0",             // two values
        b"\xdd\xff\xff\xff\xff", // an array of 2^32-1
        b"\xdf\xff\xff\xff\xff", // a map of 2^32-1
    ];
    for bytes in refused {
        assert!(
            matches!(message::decode(bytes, &Limits::default()), Err(CommError::Malformed(_))),
            "{bytes:?}"
        );
    }
}

#[test]
fn decoded_memory_is_bounded() {
    let limits = Limits { max_message_bytes: 1000, ..Limits::default() };
    let nils = message::encode(&Value::Array(vec![Value::Nil; 500])).unwrap();
    assert!(matches!(message::decode(&nils, &limits), Err(CommError::TooLarge { limit: 4000, .. })));
    let text = message::encode(&"x".repeat(900).into()).unwrap();
    assert!(message::decode(&text, &limits).is_ok());
}
