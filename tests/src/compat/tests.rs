//! The table and what it speaks of belong together. No cluster is needed.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use dask_crds::{DaskAutoscaler, DaskCluster, DaskJob, DaskWorkerGroup};
use serde_json::Value;

use super::*;
use crate::manifest;

/// Reads an object as the operator gets it: a creator's status never reaches it, the API server drops it.
fn read(mut object: Value) -> Result<(), serde_json::Error> {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    match object["kind"].as_str() {
        Some("DaskCluster") => serde_json::from_value::<DaskCluster>(object).map(drop),
        Some("DaskWorkerGroup") => serde_json::from_value::<DaskWorkerGroup>(object).map(drop),
        Some("DaskAutoscaler") => serde_json::from_value::<DaskAutoscaler>(object).map(drop),
        Some("DaskJob") => serde_json::from_value::<DaskJob>(object).map(drop),
        other => panic!("kind {other:?}"),
    }
}

fn files_below(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "json") {
            found.insert(path);
        }
    }
}

#[test]
fn every_fixture_fits_its_type() {
    for (row, path) in objects() {
        let object = manifest::file(&path).unwrap();
        assert_eq!(object["apiVersion"], "kubernetes.dask.org/v1", "{}", row.id);
        if let Err(error) = read(object) {
            panic!("{}: {error}", row.id);
        }
    }
}

#[test]
fn every_fixture_has_one_row_and_every_row_its_fixture() {
    let mut there = BTreeSet::new();
    files_below(&settings::repository().join(FIXTURES), &mut there);
    let named: Vec<PathBuf> =
        objects().into_iter().map(|(_, path)| settings::repository().join(path)).collect();
    assert_eq!(there, named.iter().cloned().collect());
    assert_eq!(there.len(), named.len(), "a fixture has two rows");
    let ids: Vec<&str> = table().into_iter().flat_map(|s| s.rows).map(|r| r.id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "two rows have one id: {ids:?}");
}

#[test]
fn what_shows_a_row_is_there() {
    for row in table().into_iter().flat_map(|section| section.rows) {
        for Proof(file, name) in row.shown_by {
            let text = fs::read_to_string(settings::repository().join(file));
            let text = text.unwrap_or_else(|e| panic!("{}: {file}: {e}", row.id));
            let wanted = if file.ends_with(".rs") { format!("fn {name}(") } else { (*name).to_string() };
            assert!(text.contains(&wanted), "{}: {file} has no {wanted:?}", row.id);
        }
    }
}

#[test]
fn what_runs_says_by_which_test() {
    for row in table().into_iter().flat_map(|section| section.rows) {
        assert!(!matches!(row.expected, Expected::Runs(_)) || !row.shown_by.is_empty(), "{}", row.id);
    }
}

#[test]
fn the_document_is_what_the_table_says() {
    if env::var("UPDATE_COMPATIBILITY").is_ok_and(|v| v == "1") {
        fs::write(document_path(), document()).unwrap();
    }
    let written = fs::read_to_string(document_path()).unwrap_or_default();
    assert!(
        written == document(),
        "docs/compatibility.md is out of date: UPDATE_COMPATIBILITY=1 cargo test -p dask-operator-tests --lib"
    );
}
