//! Commands of a guide: what a reader is told to type is what the tests run.

use std::fs;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::settings::repository;

/// The `sh` blocks of a document of this repository, in their order, without their indentation.
///
/// # Errors
/// It cannot be read, or a block does not end.
pub fn blocks(document: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(repository().join(document)).with_context(|| document.to_string())?;
    let mut blocks = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    for line in text.lines().map(str::trim_start) {
        match (&mut open, line) {
            (None, "```sh") => open = Some(Vec::new()),
            (Some(_), "```") => blocks.extend(open.take().map(|lines| lines.join("\n"))),
            (Some(lines), line) => lines.push(line),
            (None, _) => {}
        }
    }
    ensure!(open.is_none(), "{document}: a block does not end");
    Ok(blocks)
}

/// Runs a block in the repository's root, as a shell would that stops at the first error.
///
/// # Errors
/// It fails; with what it said.
pub async fn run(block: &str, variables: &[(&str, &str)]) -> Result<String> {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", block]).current_dir(repository());
    let output = command.envs(variables.iter().copied()).output().await.context("bash")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{block}\n{said}{}", String::from_utf8_lossy(&output.stderr));
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migration_guide_has_its_commands() {
        let blocks = blocks("docs/migrating.md").unwrap();
        assert_eq!(blocks.len(), 5);
        assert!(blocks[1].starts_with("helm uninstall") && blocks[3].contains("--skip-crds"));
    }
}
