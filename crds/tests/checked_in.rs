//! The checked-in YAML is what the types say, complete, and small enough for `kubectl apply`.

mod common;

use std::{fs, path::Path, process::Command};

use common::definitions;

/// Most bytes of a definition. All annotations of an object may have 262144 together (Kubernetes API machinery); the
/// rest is for other annotations and for later fields.
const LIMIT: usize = 200_000;

#[test]
fn checked_in_copies_are_current() {
    let run = Command::new(env!("CARGO_BIN_EXE_crdgen")).arg("--check").output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn nothing_else_lies_beside_the_copies() {
    let mut wanted: Vec<String> = definitions().iter().map(|(name, _)| name.clone()).collect();
    wanted.sort();
    assert_eq!(
        wanted,
        ["daskautoscalers.yaml", "daskclusters.yaml", "daskjobs.yaml", "daskworkergroups.yaml"]
    );
    for directory in ["yaml", "../charts/dask-operator/crds"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let mut found: Vec<String> = fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert_eq!(found, wanted, "{}", path.display());
    }
}

#[test]
fn crdgen_refuses_arguments_it_does_not_know() {
    let run = Command::new(env!("CARGO_BIN_EXE_crdgen")).arg("--chek").output().unwrap();
    assert!(!run.status.success());
    assert!(String::from_utf8_lossy(&run.stderr).contains("usage"));
}

#[test]
fn each_definition_fits_the_annotation_of_kubectl_apply() {
    for (name, definition) in definitions() {
        let size = definition.to_string().len();
        assert!(size < LIMIT, "{name}: {size} bytes as JSON");
    }
}

#[test]
fn what_is_written_reads_back_equal() {
    let read: Vec<_> = definitions().iter().map(|(_, definition)| definition.clone()).collect();
    assert_eq!(read, dask_crds::definitions());
}

#[test]
fn output_is_the_same_every_time() {
    assert_eq!(dask_crds::crd_documents().unwrap(), dask_crds::crd_documents().unwrap());
}
