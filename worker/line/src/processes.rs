//! How many workers a command line starts, as far as it tells.

use crate::starts::starts_a_worker;

/// Most processes of one command line; Dask's own advice is one for each few cores.
const MOST_PROCESSES: u16 = 256;

/// How many worker processes the words start: the number at the last `--nworkers`, and 1 where a plain worker's line has
/// none. `None` where only Dask knows it (`--nworkers auto`, one for each GPU), or the words start no worker. Words may
/// be whole lines for a shell, and the worker may have options that no agent knows.
pub fn processes(words: &[String]) -> Option<u16> {
    if !starts_a_worker(words) {
        return None;
    }
    let is_between = |c: char| c.is_whitespace() || ";&|()<>{}=\"'`".contains(c);
    let words: Vec<&str> = words.iter().flat_map(|w| w.split(is_between)).filter(|w| !w.is_empty()).collect();
    match words.iter().rposition(|word| *word == "--nworkers") {
        Some(n) => words.get(n + 1)?.parse().ok().filter(|n| (1..=MOST_PROCESSES).contains(n)),
        None => starts_one(&words).then_some(1),
    }
}

/// Whether the program is one that starts one worker where it is not told otherwise.
fn starts_one(words: &[&str]) -> bool {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let is_alone =
        |word: &&str| ["dask-worker", "distributed.cli.dask_worker"].contains(&name(word).as_str());
    words.iter().any(is_alone) || words.windows(2).any(|pair| name(pair[0]) == "dask" && pair[1] == "worker")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<u16> {
        processes(&line.split(' ').map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_number_is_read_in_every_form() {
        for line in [
            "dask worker --nworkers 4",
            "dask-worker s:1 --nworkers=4 --no-nanny",
            "tini -- python -m distributed.cli.dask_worker --new-thing x --nworkers 2 --nworkers 4 -- s:1",
            "dask cuda worker --nworkers 4 --preload-nanny x --worker-class a.B",
        ] {
            assert_eq!(of(line), Some(4), "{line}");
        }
        let shell = ["sh", "-c", "exec dask worker --nworkers=\"4\" $S"].map(String::from);
        assert_eq!(processes(&shell), Some(4));
    }

    #[test]
    fn a_plain_worker_is_one_process_and_the_rest_is_not_known() {
        assert_eq!(of("dask worker --name $(DASK_WORKER_NAME) --nthreads 8"), Some(1));
        for line in [
            "dask worker --nworkers auto",
            "dask worker --nworkers -1",
            "dask worker --nworkers 0",
            "dask worker --nworkers 300",
            "dask worker --nworkers $(N)",
            "dask worker --nworkers",
            "dask cuda worker",
            "dask-cuda-worker s:1",
            "dask spec --spec {}",
            "worker.sh --nworkers 4",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
