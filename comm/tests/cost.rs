//! What a reply costs while it is read: its own bytes and what is kept of it, whatever it is made of. Alone in
//! its binary: it counts what the process allocates.

#![allow(clippy::unwrap_used, clippy::panic)] // clippy knows tests only by their attribute

use dask_comm::{Budget, CommError, Connection, Limits, SchedulerClient, Timeouts, frames};
use tokio::io::AsyncWriteExt;

/// Longest reply here, bytes; as the one that once took 130 MB.
const BULK: usize = 4 << 20;
/// What is allowed beside the reply: twice its half, while the buffer grows, and the process itself.
const BESIDE_KIB: u64 = 4 << 10;

/// Resident memory of this process, KiB: `VmHWM` is the most it ever had since `reset_peak`.
fn kib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Time that this process computed, hundredths of a second: what a machine with other work leaves no mark on.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    // utime and stime, fields 14 and 15 of the whole line.
    after_name.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum()
}

fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn array(len: u32, element: &[u8]) -> Vec<u8> {
    let head = [[0xdd].as_slice(), &len.to_be_bytes()].concat();
    [head, element.repeat(len as usize)].concat()
}

/// An identity with one more entry, `junk`, before the workers and one in them.
fn identity_with(junk: &[u8]) -> Vec<u8> {
    let worker = b"\x84\xa4name\xa2w0\xa4host\xa1h\xa6status\xa7running\xa7metrics";
    [
        b"\x84\xa4junk".as_slice(),
        junk,
        b"\xa2id\xa1s\xa7started\x01\xa7workers\x81\xa9tcp://a:1",
        worker,
        b"\x81\xa6digest",
        junk,
    ]
    .concat()
}

/// Asks a scheduler for its identity that answers with `reply`.
fn ask(reply: &[u8]) -> Result<usize, CommError> {
    let wire = frames::encode(&[reply]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let scheduler = async {
            let (reading, mut writing) = tokio::io::split(theirs);
            let hello = dask_comm::message::encode(&dask_comm::Hello::default().to_value()).unwrap();
            writing.write_all(&frames::encode(&[hello])).await.unwrap();
            let _ = writing.write_all(&wire).await;
            std::future::pending::<()>().await;
            drop(reading);
        };
        let client = async {
            let connection = Connection::handshake(ours, Limits::default(), Timeouts::default()).await?;
            let mut client = SchedulerClient::from(connection);
            client.allow(100, BULK, &Budget::new(BULK, 64 << 10));
            Ok(client.identity().await?.workers.len())
        };
        tokio::select! { answer = client => answer, () = scheduler => panic!("it never ends") }
    })
}

#[test]
fn a_reply_costs_its_length_and_no_time() {
    let (nils, maps) = (array(3_300_000, b"\xc0"), array(1_600_000, b"\x81\xc0"));
    let nested = [vec![0x91; 3_300_000], vec![0xc0]].concat();
    let half = array(1_600_000, b"\xc0");
    let bulk: [(Vec<u8>, Option<usize>); 5] = [
        (nils, None),
        (maps, None),
        (nested, None),
        (identity_with(&half), Some(1)),
        (array(16_000, &array(40, b"\xa4\xff\xff\xff\xff")), None),
    ];
    ask(&identity_with(b"\xc0")).unwrap();
    for (i, (reply, expected)) in bulk.iter().enumerate() {
        reset_peak();
        let before = kib("VmRSS");
        let start = cpu();
        let answer = ask(reply);
        let took = cpu() - start;
        let grew = kib("VmHWM").saturating_sub(before);
        assert_eq!(answer.as_ref().ok(), expected.as_ref(), "{i}: {answer:?}");
        // The wire's copy, which this process also plays the peer for, and the buffer's half while it grows.
        let own = 3 * reply.len() as u64 / 1024;
        assert!(grew <= own + BESIDE_KIB, "{i}: {grew} KiB for {} KiB", reply.len() / 1024);
        // Without optimisation; the program does it in a tenth.
        assert!(took < 300, "{i}: {took} hundredths of a second");
    }
}
