//! The core must not be able to look at the world: not at Kubernetes, a clock, the environment or chance.

use std::process::Command;

/// Crates that would let it.
const FORBIDDEN: [&str; 11] = [
    "kube-client",
    "kube-runtime",
    "tokio",
    "hyper",
    "reqwest",
    "rand",
    "fastrand",
    "getrandom",
    "mio",
    "socket2",
    "dask-comm",
];

#[test]
fn nothing_impure_is_linked_in() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "-p",
            "dask-operator-core",
            "-e",
            "normal",
            "--prefix",
            "none",
            "-f",
            "{lib}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8_lossy(&tree.stdout).replace('_', "-");
    assert!(tree.lines().any(|l| l == "dask-crds"), "the list is not empty");
    for krate in FORBIDDEN {
        assert!(!tree.lines().any(|l| l.trim() == krate), "{krate} is linked into the core");
    }
}
