//! Hostile lengths must not make this process reserve memory. Alone in its binary: it measures the process.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy knows tests only by their attribute

use dask_comm::{CommError, Limits, frames, message};

/// Largest growth allowed while a million times as much is declared, KiB.
const ALLOWED_KIB: u64 = 8 << 10;

/// Most address space this process ever had, KiB: counts what is reserved, touched or not.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmPeak:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Frames whose lengths add up to the limit, of which only a little ever arrives.
fn declared_message(limits: &Limits) -> Vec<u8> {
    let words = [0, 2, limits.max_message_bytes as u64 - 1, 1];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word: &u64| word.to_le_bytes()).collect();
    bytes.extend([0xc0; 1000]);
    bytes
}

#[test]
fn declared_lengths_are_not_reserved() {
    let limits = Limits { max_message_bytes: 1 << 30, ..Limits::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let message = declared_message(&limits);
    // Each array claims the rest of 1 MiB of further arrays: 64 levels would be gigabytes.
    let claims: Vec<u8> = (0..200_000_u32)
        .flat_map(|i| [[0xdd].as_slice(), &(999_995 - 5 * i).to_be_bytes()].concat())
        .collect();
    let hostile: [&[u8]; 5] = [
        b"\xdd\xff\xff\xff\xff\xc0",
        b"\xdf\xff\xff\xff\xff\xc0\xc0",
        b"\xc6\xff\xff\xff\xff\x00",
        b"\xdb\xff\xff\xff\xff\x00",
        &[0xdd, 0x7f, 0xff, 0xff, 0xff].repeat(1000),
    ];
    // Whatever the runtime and the allocator set up once must not count.
    let harmless = frames::encode(&[b"\x91\xc0"]);
    runtime.block_on(frames::read(&mut &harmless[..], None, &limits)).unwrap();
    message::decode(b"\x91\xc0", &limits).unwrap();

    let before = peak_kib();
    for _ in 0..100 {
        let read = runtime.block_on(frames::read(&mut message.as_slice(), None, &limits));
        assert!(matches!(read, Err(CommError::Io(_))));
        for bytes in hostile {
            assert!(matches!(message::decode(bytes, &limits), Err(CommError::Malformed(_))));
        }
    }
    assert!(peak_kib() - before <= ALLOWED_KIB, "grew by {} KiB", peak_kib() - before);

    // Nested claims that do fit what is there end at the budget, four times the largest message.
    let small = Limits { max_message_bytes: claims.len(), ..limits };
    let before = peak_kib();
    assert!(matches!(message::decode(&claims, &small), Err(CommError::TooLarge { .. })));
    let budget_kib = 4 * claims.len() as u64 / 1024;
    assert!(peak_kib() - before <= budget_kib + ALLOWED_KIB, "grew by {} KiB", peak_kib() - before);
}
