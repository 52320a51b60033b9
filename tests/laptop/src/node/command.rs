//! The command line of a container: what its manifest says, what its image adds, and with paths of this machine.

use std::path::Path;

use k8s_openapi::api::core::v1::Container;

use super::{
    environment::expand,
    image::{self, AGENT_PROGRAM, Image},
    start::Within,
};

/// What the entry point of Dask's images consists of: it only prepares the image, and hands signals on to the group.
const ENTRY: [&str; 2] = ["tini", "prepare.sh"];

/// Which processes of a container hear a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signals {
    /// The first one alone.
    First,
    /// All, as `tini -g` hands them on.
    Group,
}

/// A command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its words.
    pub words: Vec<String>,
    /// Who hears signals.
    pub signals: Signals,
}

/// The command line of a container with that image; `agent` is the agent's program.
pub fn line(container: &Container, kind: Image, agent: &Path, within: &Within) -> Line {
    let told = |words: &Option<Vec<String>>| -> Vec<String> {
        words.iter().flatten().map(|word| within.paths.rewrite(&expand(word, &within.variables))).collect()
    };
    let (mut words, args) = (told(&container.command), told(&container.args));
    let mut signals = Signals::First;
    if words.is_empty() {
        match kind {
            Image::Dask => signals = Signals::Group,
            Image::Agent => words.push(AGENT_PROGRAM.into()),
            Image::EntryPoint => words.extend(image::ENTRY.map(String::from)),
        }
    }
    words.extend(args);
    while words.first().is_some_and(|w| ENTRY.contains(&w.rsplit('/').next().unwrap_or_default())) {
        words.remove(0);
        while words.first().is_some_and(|w| w.starts_with('-')) {
            if words.remove(0) == "-g" {
                signals = Signals::Group;
            }
        }
    }
    if kind == Image::Agent && words.first().is_some_and(|w| w == AGENT_PROGRAM) {
        words[0] = agent.display().to_string();
    }
    // Dask's images end at once when they are told nothing: their command is a shell.
    if words.is_empty() {
        words.push("bash".into());
    }
    Line { words, signals }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &[&str], args: &[&str], image: Image) -> (String, Signals) {
        let some = |words: &[&str]| Some(words.iter().map(ToString::to_string).collect());
        let container = Container { command: some(command), args: some(args), ..Container::default() };
        let Line { words, signals } = line(&container, image, Path::new("/build/agent"), &Within::default());
        (words.join(" "), signals)
    }

    #[test]
    fn the_entry_point_of_dasks_image_is_left_out() {
        let (first, group) = (Signals::First, Signals::Group);
        let dask = |command: &[&str], args: &[&str]| of(command, args, Image::Dask);
        assert_eq!(dask(&["dask", "worker"], &[]), ("dask worker".into(), first));
        assert_eq!(dask(&[], &["dask", "worker"]), ("dask worker".into(), group));
        let entry = ["tini", "-g", "--", "/usr/bin/prepare.sh", "dask", "worker"];
        assert_eq!(dask(&entry, &[]), ("dask worker".into(), group));
        assert_eq!(dask(&[], &[]), ("bash".into(), group));
    }

    #[test]
    fn other_images_have_another_one() {
        let entry = Image::EntryPoint;
        let words = r#"sh -c eval "$ENTRY_POINT" entry-point worker"#;
        assert_eq!(of(&[], &["worker"], entry), (words.into(), Signals::First));
        assert_eq!(of(&["dask"], &["worker"], entry), ("dask worker".into(), Signals::First));
        assert_eq!(of(&["/dask-agent", "install"], &[], Image::Agent).0, "/build/agent install");
        assert_eq!(of(&[], &["install"], Image::Agent).0, "/build/agent install");
    }
}
