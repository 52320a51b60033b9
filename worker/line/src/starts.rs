//! Whether a command line starts a Dask worker, and whether its first word is a program that may do so.

/// Programs that are a worker.
const WORKERS: [&str; 3] = ["dask-worker", "dask-cuda-worker", "dask-spec"];
/// Modules that are a worker.
const MODULES: [&str; 2] = ["distributed.cli.dask_worker", "distributed.cli.dask_spec"];
/// Programs that run the command line, or the shell's line, among their words.
const RUNNERS: [&str; 62] = [
    "ash",
    "aws-vault",
    "bash",
    "busybox",
    "catatonit",
    "catchsegv",
    "chamber",
    "chrt",
    "conda",
    "coverage",
    "dash",
    "ddtrace-run",
    "doppler",
    "dumb-init",
    "env",
    "envconsul",
    "gosu",
    "hatch",
    "infisical",
    "ionice",
    "ksh",
    "mamba",
    "memray",
    "micromamba",
    "mpiexec",
    "mpirun",
    "ncu",
    "newrelic-admin",
    "nice",
    "nohup",
    "nsys",
    "numactl",
    "op",
    "opentelemetry-instrument",
    "pdm",
    "perf",
    "pipenv",
    "pixi",
    "poetry",
    "py-spy",
    "rye",
    "scalene",
    "setarch",
    "setpriv",
    "sh",
    "stdbuf",
    "strace",
    "su",
    "su-exec",
    "sudo",
    "taskset",
    "time",
    "timeout",
    "tini",
    "tini-static",
    "unbuffer",
    "uv",
    "vault-env",
    "viztracer",
    "watchmedo",
    "xvfb-run",
    "zsh",
];
/// Programs that look at others, of what they are given.
const LOOKERS: [&str; 12] =
    ["pgrep", "pkill", "pidof", "ps", "grep", "tail", "cat", "curl", "wget", "echo", "ls", "kill"];
/// Words of a shell that stand before a command.
const KEYWORDS: [&str; 11] =
    ["if", "then", "else", "elif", "do", "while", "until", "!", "{", "exec", "command"];
/// What ends a command in a shell's line, as far as that matters here.
const BETWEEN: [char; 7] = ['\n', ';', '&', '|', '(', ')', '`'];

/// Whether the words start a Dask worker: by the program itself, by one that is known to run others, by a script that
/// has the worker's words as its first arguments, or by a line for a shell. Words that merely speak of a worker do not.
pub fn starts_a_worker(words: &[String]) -> bool {
    starts(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whether the first word is a program that may start a worker, so that another program may come before it. A path may
/// be a script, or a file that some other program is to read: then the worker's words must follow.
pub fn begins_with_a_program(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.first().is_some_and(|first| {
        let name = name(first);
        name == "dask" || WORKERS.contains(&name) || is_python(name) || RUNNERS.contains(&name)
    }) || hands_over(&words)
}

fn starts(words: &[&str]) -> bool {
    let Some(first) = words.first() else { return false };
    if is_worker(words) {
        return true;
    }
    let name = name(first);
    if is_python(name) {
        return python_starts(&words[1..]);
    }
    if RUNNERS.contains(&name) {
        // Programs that look for a worker have its name among their words, too.
        let own = (1..words.len()).take_while(|n| !LOOKERS.contains(&self::name(words[*n])));
        return own.into_iter().any(|n| is_worker(&words[n..]) || line_starts(words[n]));
    }
    hands_over(words)
}

/// Whether the first word is a script, or another program with the worker's words behind `--`, that runs what follows. A
/// word behind an option may be its value.
fn hands_over(words: &[&str]) -> bool {
    (1..words.len()).any(|n| {
        let before = words[n - 1];
        let may = before == "--" || (is_script(words) && !before.starts_with('-'));
        may && is_worker(&words[n..])
    })
}

/// Whether the words are a worker's own, from the first one on.
fn is_worker(words: &[&str]) -> bool {
    match words {
        ["-m", module, ..] if MODULES.contains(module) => true,
        [program, rest @ ..] if name(program) == "dask" => {
            let rest = rest.strip_prefix(&["cuda"]).unwrap_or(rest);
            matches!(rest.first(), Some(&("worker" | "spec")))
        }
        [program, ..] => WORKERS.contains(&name(program)),
        [] => false,
    }
}

/// Whether Python starts one: what follows its own options is a module or a file.
fn python_starts(words: &[&str]) -> bool {
    let mut rest = words;
    while let [option, more @ ..] = rest {
        match *option {
            "-m" => return is_worker(rest) || is_worker(more),
            "-X" | "-W" => rest = more.get(1..).unwrap_or_default(),
            _ if option.starts_with('-') => rest = more,
            _ => break,
        }
    }
    is_worker(rest)
}

/// Whether a line for a shell starts one.
fn line_starts(line: &str) -> bool {
    let is_line = |c: char| c.is_whitespace() || BETWEEN.contains(&c);
    line.contains(is_line)
        && line.split(BETWEEN).any(|command| {
            let words = command.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
            let words: Vec<&str> =
                words.skip_while(|word| KEYWORDS.contains(word) || is_assignment(word)).collect();
            starts(&words)
        })
}

fn is_assignment(word: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    word.split_once('=').is_some_and(|(variable, _)| is_name(variable))
}

fn is_script(words: &[&str]) -> bool {
    words.first().is_some_and(|first| first.contains('/') || first.ends_with(".sh"))
}

fn is_python(name: &str) -> bool {
    let version = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    version.is_some_and(|v| v.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// A program's name, without the path.
fn name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a line; those in quotes are one.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (n, part) in line.split('\'').enumerate() {
            if n % 2 == 1 {
                words.push(part.into());
            } else {
                words.extend(part.split_whitespace().map(String::from));
            }
        }
        words
    }

    #[test]
    fn a_worker_is_found_behind_what_runs_it() {
        for line in [
            "dask-worker --nthreads 2",
            "/opt/conda/bin/dask-worker s:1",
            "dask worker",
            "dask cuda worker",
            "dask spec --spec {}",
            "dask-cuda-worker",
            "python -m distributed.cli.dask_worker",
            "python3.12 -u -X dev -m dask worker",
            "/opt/conda/bin/python /opt/conda/bin/dask worker",
            "-m distributed.cli.dask_worker s:1",
            "tini -g -- dask-worker tls://s:1",
            "tini -g -- /usr/bin/prepare.sh dask worker --lifetime 1h",
            "/usr/bin/prepare.sh dask worker",
            "conda run -n e --no-capture-output dask worker",
            "uv run --frozen dask worker",
            "memray run -m distributed.cli.dask_worker",
            "watchmedo auto-restart -d /x -- dask-worker s:1",
            "su u -c 'dask worker'",
            "sh -c 'pip install x && exec dask worker tcp://s:8786;'",
            "bash -lc '(source activate x; A=1 B=2 dask-worker \"$S\")'",
            "bash -c 'exec \"$0\" \"$@\"' dask worker",
            "sh -c 'if true; then nice -n 5 dask worker; fi'",
            "sh -c 'dask-worker&'",
            "sh -c dask-worker",
            "wait-for-it s:8786 -- dask-worker",
            "/usr/bin/prepare.sh conda run -n e dask worker",
            "/usr/bin/prepare.sh tini -- dask worker",
        ] {
            assert!(starts_a_worker(&words(line)), "{line}");
        }
    }

    #[test]
    fn words_that_speak_of_a_worker_start_none() {
        for line in [
            "",
            "dask",
            "dask scheduler",
            "serve dask dashboard worker",
            "my-dask-workers",
            "exporter --process dask-worker",
            "pgrep -f 'dask worker'",
            "/opt/start.sh",
            "/opt/start.sh --kind dask-worker",
            "python monitor.py dask-worker",
            "sh -c 'while pgrep dask-worker; do sleep 1; done'",
            "sh -c 'tail -F /var/log/dask-worker.log'",
            "sh -c 'echo dask worker'",
            "sh -c 'while sleep 5; do timeout 5 pgrep -f dask-worker || exit 1; done'",
            "nohup tail -F /var/log/dask-worker",
            "time curl http://x/dask-worker",
            "worker tcp://s:1",
        ] {
            assert!(!starts_a_worker(&words(line)), "{line}");
        }
    }

    #[test]
    fn another_program_comes_only_before_a_program() {
        for line in [
            "dask worker",
            "dask-worker",
            "/opt/bin/dask-cuda-worker",
            "python3 /app/start.py",
            "bash -c x",
            "/usr/bin/tini -- x",
            "conda run x",
            "/usr/bin/prepare.sh dask worker",
        ] {
            assert!(begins_with_a_program(&words(line)), "{line}");
        }
        for line in [
            "",
            "worker tcp://s:1",
            "tcp://s:1 --nthreads 2",
            "--nthreads 2",
            "-m distributed.cli.dask_worker",
            "/app/start.py",
            "/etc/worker.yaml",
            "/opt/start.sh",
            "pythonic",
            "$(PROGRAM) worker",
        ] {
            assert!(!begins_with_a_program(&words(line)), "{line}");
        }
    }
}
