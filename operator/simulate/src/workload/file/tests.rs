//! Files as people write them, and what is said of wrong ones.

use super::*;

#[test]
fn lines_become_tasks() {
    let text = r#"
        {"key": "load-1", "seconds": 2.5}
        {"key": "fit-1", "at": 3, "seconds": 60, "inputs": ["load-1"], "resources": {"GPU": 1}, "bytes": 7}

        {"prefix": "load", "seconds": 0, "count": 3}
        {"lose_one_in": 3, "at": 120}
    "#;
    let workload = read("own", text).unwrap();
    assert_eq!(workload.tasks.len(), 5);
    assert_eq!(workload.kinds.len(), 2, "load and fit");
    let fit = Task { at: 3_000, takes: 60_000, kind: 1, inputs: vec![0], bytes: 7 };
    assert_eq!(workload.tasks[1], fit);
    assert_eq!(workload.losses, [Loss { at: 120_000, one_in: 3 }]);
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, said) in [
        ("", "no task"),
        ("{\"seconds\": 1}\n{\"seconds\": 1", "line 2: EOF"),
        (r#"{"second": 1}"#, "line 1: unknown field `second`"),
        (r#"{"at": 1}"#, "line 1: seconds: -1 must be there"),
        (r#"{"seconds": -3}"#, "line 1: seconds: -3 must be"),
        (r#"{"seconds": 1e99}"#, "line 1: seconds: 1"),
        (r#"{"seconds": 1, "at": -1}"#, "line 1: at: -1 must be"),
        (r#"{"seconds": 1, "inputs": ["x"]}"#, "line 1: inputs: \"x\" must be the key of a line before"),
        (r#"{"seconds": 1, "resources": {"GPU": 0}}"#, "line 1: resources: GPU: 0 must be more than 0"),
        (r#"{"seconds": 1, "count": 0}"#, "line 1: count: 0 must be at least 1"),
        (r#"{"seconds": 1, "count": 2000000}"#, "line 1: count: 2000000 must be"),
        (
            "{\"key\": \"a\", \"seconds\": 1}\n{\"key\": \"a\", \"seconds\": 1}",
            "line 2: key: \"a\" must be another",
        ),
        (r#"{"lose_one_in": 0}"#, "line 1: lose_one_in: 0 must be 1"),
    ] {
        let error = read("own", text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}
