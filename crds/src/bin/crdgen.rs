//! Writes the CustomResourceDefinitions and the reference pages to where they are checked in; `--check` only compares.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Directories that hold the definitions, relative to this crate.
const DIRECTORIES: [&str; 2] = ["yaml", "../charts/dask-operator/crds"];
/// Directory of the reference pages, relative to this crate.
const REFERENCE: &str = "../docs/reference";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => write(),
        ["--check"] => check(),
        _ => Err("usage: crdgen [--check]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crdgen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn files() -> Result<Vec<(PathBuf, String)>, Box<dyn Error>> {
    let documents = dask_crds::crd_documents()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for directory in DIRECTORIES {
        files.extend(documents.iter().map(|(name, text)| (root.join(directory).join(name), text.clone())));
    }
    let pages = dask_crds::reference_pages();
    files.extend(pages.into_iter().map(|(name, text)| (root.join(REFERENCE).join(name), text)));
    Ok(files)
}

fn write() -> Result<(), Box<dyn Error>> {
    for (path, text) in files()? {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::write(&path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    Ok(())
}

fn check() -> Result<(), Box<dyn Error>> {
    let stale: Vec<String> = files()?
        .iter()
        .filter(|(path, text)| fs::read_to_string(path).ok().as_ref() != Some(text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("stale, run `cargo run -p dask-crds --bin crdgen`: {}", stale.join(", ")).into())
}
