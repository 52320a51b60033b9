//! Answers as the probe gives them, and answers that it never gives.

use rmpv::Value;

use super::*;
use crate::message;

fn read(value: &Value) -> Result<Demand, CommError> {
    Demand::read(Raw::whole(&message::encode(value).unwrap()).unwrap())
}

fn array(values: impl IntoIterator<Item = Value>) -> Value {
    Value::Array(values.into_iter().collect())
}

fn gpu() -> Value {
    let none = || array([]);
    array([array([array(["GPU".into(), 1.0.into()])]), none(), none(), false.into(), "tcp://w:1".into()])
}

fn row(shape: u64) -> Value {
    let counts = [1, 2, 3, 4, 5, 6].map(Value::from);
    array([shape.into(), "inc".into()].into_iter().chain(counts).chain([2.5.into(), Value::from(-1.0)]))
}

fn answer(shapes: Vec<Value>, rows: Vec<Value>) -> Value {
    let fields = [
        ("shapes", array(shapes)),
        ("rows", array(rows)),
        ("left_out", 7.into()),
        ("exact", false.into()),
        ("idle", 2.into()),
        ("threads", 8.into()),
        ("clients", 1.into()),
        ("published", 0.into()),
        ("fire_and_forget", 3.into()),
        ("took", 0.001.into()),
    ];
    Value::Map(fields.into_iter().map(|(k, v)| (k.into(), v)).collect())
}

#[test]
fn an_answer_is_read_as_it_is() {
    let demand = read(&answer(vec![gpu()], vec![row(0)])).unwrap();
    assert_eq!(demand.shapes[0].resources, [("GPU".to_string(), 1.0)]);
    assert_eq!(demand.shapes[0].served_by.as_deref(), Some("tcp://w:1"));
    assert!(!demand.shapes[0].is_loose);
    let work = &demand.work[0];
    assert_eq!(work.prefix, "inc");
    assert_eq!((work.waiting, work.queued, work.unrunnable), (1, 2, 3));
    assert_eq!((work.assigned, work.running, work.seceded), (4, 5, 6));
    assert_eq!((work.seconds, work.longest), (Some(2.5), None));
    assert_eq!((demand.left_out, demand.is_exact, demand.fire_and_forget), (7, false, 3));
    assert_eq!((demand.idle_workers, demand.threads, demand.clients), (2, 8, 1));
}

#[test]
fn what_the_probe_never_says_is_refused() {
    let bad = [
        ("no map", Value::Nil),
        ("a row of no shape", answer(vec![gpu()], vec![row(1)])),
        ("a short row", answer(vec![gpu()], vec![array([0.into()])])),
        ("too many shapes", answer(vec![gpu(); SHAPES + 1], vec![])),
        ("too many rows", answer(vec![gpu()], vec![row(0); ROWS + 1])),
        ("a shape that is a text", answer(vec!["GPU".into()], vec![])),
    ];
    for (what, value) in bad {
        assert!(read(&value).is_err(), "{what}");
    }
}

#[test]
fn the_probe_keeps_to_what_is_read() {
    let limits = format!("SHAPES, ROWS, NAMES, TEXT, PREFIX = 1000, 5000, {SHAPES}, {ROWS}, {PARTS}, ");
    assert!(PROBE.contains(&limits) && PROBE.contains(&format!("NAME = \"{OPERATION}\"")));
}

#[test]
fn the_probe_is_one_line_of_its_pickle() {
    let arguments = arguments();
    let text = arguments.strip_prefix(b"(V").unwrap().strip_suffix(b"\n}t.").unwrap();
    assert!(!text.contains(&b'\n') && text.is_ascii());
}
