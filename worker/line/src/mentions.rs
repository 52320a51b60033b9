//! Whether words start a Dask worker, as far as they tell.

/// Programs and modules that do nothing else.
const ALONE: [&str; 3] = ["dask-worker", "dask-cuda-worker", "distributed.cli.dask_worker"];

/// Whether the words start a Dask worker. They may be whole lines for a shell, and programs may be named with their
/// path.
pub fn mentions_a_worker(words: &[String]) -> bool {
    let is_between = |c: char| c.is_whitespace() || ";&|()<>{}=\"'`".contains(c);
    let words: Vec<&str> = words
        .iter()
        .flat_map(|text| text.split(is_between))
        .filter(|word| !word.is_empty())
        .map(|word| word.rsplit('/').next().unwrap_or(word))
        .collect();
    let follows = |rest: &[&str]| {
        let rest = rest.strip_prefix(&["cuda"]).unwrap_or(rest);
        matches!(rest.first(), Some(&("worker" | "spec")))
    };
    words.iter().enumerate().any(|(i, w)| ALONE.contains(w) || (*w == "dask" && follows(&words[i + 1..])))
}
