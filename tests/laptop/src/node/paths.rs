//! Paths of a container that lie elsewhere on this machine: a process has no file system of its own, so what it is told of
//! such a path names the place here instead.

use std::path::{Path, PathBuf};

use super::environment::Variables;

/// A container's paths, and where they are.
#[derive(Clone, Debug, Default)]
pub struct Paths(Vec<(String, PathBuf)>);

impl Paths {
    /// What is told of `path` is meant for `here`.
    pub fn add(&mut self, path: &str, here: PathBuf) {
        self.0.push((path.trim_end_matches('/').to_string(), here));
        // The longest that fits counts.
        self.0.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    }

    /// A text with each of the paths replaced, where it stands for itself or for something below.
    pub fn rewrite(&self, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(c) = rest.chars().next() {
            let before = out.chars().next_back();
            match self.0.iter().find(|(path, _)| begins(rest, path, before)) {
                Some((path, here)) => {
                    out.push_str(&here.display().to_string());
                    rest = &rest[path.len()..];
                }
                None => {
                    out.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
        out
    }

    /// Rewrites those variables that the manifest set: the others are this machine's.
    pub fn rewrite_all(&self, variables: &mut Variables, base: &Variables) {
        for (_, value) in variables.iter_mut().filter(|(name, value)| base.get(*name) != Some(value)) {
            *value = self.rewrite(value);
        }
    }

    /// Where a path of the container is on this machine, if it is one of these.
    pub fn find(&self, path: &str) -> Option<&Path> {
        self.0.iter().find(|(known, _)| known == path).map(|(_, here)| here.as_path())
    }
}

/// Whether the text begins with this path, and neither goes on nor began as a longer name.
fn begins(text: &str, path: &str, before: Option<char>) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let after = text.strip_prefix(path).map(|rest| rest.chars().next());
    !before.is_some_and(|c| is_name(c) || c == '/') && after.is_some_and(|c| !c.is_some_and(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_paths_are_replaced() {
        let mut paths = Paths::default();
        paths.add("/a", "/x/a".into());
        paths.add("/a/b/", "/x/b".into());
        for (text, rewritten) in [
            ("/a", "/x/a"),
            ("/a/c /a/b/c", "/x/a/c /x/b/c"),
            ("touch '/a/b' && ls --dir=/a; cat </a/d", "touch '/x/b' && ls --dir=/x/a; cat </x/a/d"),
            ("/ab /a-b /b/a x/a https://a/a", "/ab /a-b /b/a x/a https://a/a"),
            ("", ""),
        ] {
            assert_eq!(paths.rewrite(text), rewritten);
        }
    }

    #[test]
    fn what_the_machine_says_stays() {
        let mut paths = Paths::default();
        paths.add("/a", "/x".into());
        let base = Variables::from([("PATH".into(), "/a/bin".into())]);
        let mut all = base.clone();
        all.insert("MINE".into(), "/a/bin".into());
        paths.rewrite_all(&mut all, &base);
        assert_eq!((all["PATH"].as_str(), all["MINE"].as_str()), ("/a/bin", "/x/bin"));
    }
}
