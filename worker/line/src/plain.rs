//! Whether a command line starts a plain Dask worker, and how it is started with the agent as its nanny.

use std::time::Duration;

use thiserror::Error;

use crate::duration::duration;

/// Options of `dask worker` that take a value (distributed 2024.1 to 2026.8, `cli/dask_worker.py`).
const WITH_VALUE: [&str; 26] = [
    "--tls-ca-file",
    "--tls-cert",
    "--tls-key",
    "--worker-port",
    "--nanny-port",
    "--dashboard-address",
    "--listen-address",
    "--contact-address",
    "--host",
    "--interface",
    "--protocol",
    "--nthreads",
    "--nworkers",
    "--name",
    "--memory-limit",
    "--pid-file",
    "--local-directory",
    "--resources",
    "--scheduler-file",
    "--death-timeout",
    "--dashboard-prefix",
    "--lifetime",
    "--lifetime-stagger",
    "--worker-class",
    "--preload",
    "--scheduler-sni",
];
/// Those that take none.
const ALONE: [&str; 5] =
    ["--dashboard", "--no-dashboard", "--nanny", "--lifetime-restart", "--no-lifetime-restart"];

/// Why the agent does not take the Nanny's place.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NotPlain {
    /// It is something else, or hidden in a script.
    #[error(
        "the command line does not contain `dask worker`, `dask-worker` or `-m distributed.cli.dask_worker`"
    )]
    NoWorker,
    /// An option that asks for another Nanny, or for none.
    #[error("{0} is for a Nanny of Python")]
    ForTheNanny(String),
    /// An option that is not known here.
    #[error("{0:?} is no option of `dask worker` that the agent knows")]
    Unknown(String),
    /// Several processes whose number, or what each is to have, only Dask knows.
    #[error("--nworkers {0}")]
    Several(String),
    /// The scheduler is not named.
    #[error("the scheduler is named by a file")]
    SchedulerFile,
}

/// Most processes of one command line; Dask's own advice is one for each few cores.
const MOST_PROCESSES: u16 = 256;

/// Which one of several workers of one command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number, from 0 on.
    pub index: u16,
    /// How many there are.
    pub of: u16,
    /// Whether the command line says how many threads each has.
    pub says_threads: bool,
}

/// A command line that starts plain workers, mostly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerLine {
    words: Vec<String>,
    /// How long it waits for a scheduler.
    pub death_timeout: Option<Duration>,
    /// The port that its Nanny was to have.
    pub nanny_port: Option<u16>,
    /// Whether it says something of a dashboard.
    says_dashboard: bool,
    /// Which one of several workers it starts.
    pub place: Option<Place>,
    /// How many it starts.
    processes: u16,
    says_threads: bool,
}

impl WorkerLine {
    /// Reads a command line.
    ///
    /// # Errors
    /// See [`NotPlain`].
    pub fn of(words: &[String]) -> Result<Self, NotPlain> {
        let mut line = Self {
            words: words.into(),
            death_timeout: None,
            nanny_port: None,
            says_dashboard: false,
            place: None,
            processes: 1,
            says_threads: false,
        };
        let mut is_for_one = None;
        let mut rest = words[arguments(words).ok_or(NotPlain::NoWorker)?..].iter().map(String::as_str);
        let mut positional = 0;
        while let Some(word) = rest.next() {
            if !word.starts_with('-') {
                positional += 1;
                if positional > 1 {
                    return Err(NotPlain::Unknown(word.into()));
                }
                continue;
            }
            line.says_dashboard |= word.starts_with("--dashboard") || word == "--no-dashboard";
            let (option, value) = word.split_once('=').map_or((word, None), |(o, v)| (o, Some(v)));
            if ALONE.contains(&option) && value.is_none() {
                continue;
            }
            if option == "--no-nanny" || option == "--preload-nanny" {
                return Err(NotPlain::ForTheNanny(option.into()));
            }
            if !WITH_VALUE.contains(&option) {
                return Err(NotPlain::Unknown(option.into()));
            }
            let value = value.or_else(|| rest.next()).unwrap_or_default();
            line.option(option, value)?;
            // Dask refuses them for several.
            is_for_one =
                is_for_one.or(["--nanny-port", "--listen-address"].into_iter().find(|o| *o == option));
        }
        match is_for_one {
            Some(option) if line.processes > 1 => {
                Err(NotPlain::Several(format!("{} with {option}", line.processes)))
            }
            _ => Ok(line),
        }
    }

    fn option(&mut self, option: &str, value: &str) -> Result<(), NotPlain> {
        match option {
            "--worker-class" => return Err(NotPlain::ForTheNanny(option.into())),
            "--scheduler-file" => return Err(NotPlain::SchedulerFile),
            "--nworkers" => match value.parse() {
                Ok(processes @ 1..=MOST_PROCESSES) => self.processes = processes,
                _ => return Err(NotPlain::Several(value.into())),
            },
            "--nthreads" => self.says_threads = value != "0",
            "--nanny-port" => match value.parse() {
                Ok(port) => self.nanny_port = Some(port),
                Err(_) => return Err(NotPlain::ForTheNanny(format!("--nanny-port {value}"))),
            },
            "--death-timeout" => self.death_timeout = duration(value),
            _ => {}
        }
        Ok(())
    }

    /// The same, without a dashboard where it says nothing of one.
    #[must_use]
    pub fn without_dashboard(mut self) -> Self {
        if !std::mem::replace(&mut self.says_dashboard, true) {
            self.words.push("--no-dashboard".into());
        }
        self
    }

    /// Each of the workers by itself.
    pub fn each(&self) -> Vec<Self> {
        let (of, says_threads) = (self.processes, self.says_threads);
        let place = |index| (of > 1).then_some(Place { index, of, says_threads });
        (0..of).map(|index| Self { place: place(index), ..self.clone() }).collect()
    }

    /// What starts the worker: the author's own line, and the agent's module, which is named by `preload`.
    pub fn worker(&self, preload: &str) -> Vec<String> {
        self.with(preload, "worker")
    }

    /// What asks for the worker's settings of TLS.
    pub fn tls(&self, preload: &str) -> Vec<String> {
        self.with(preload, "tls")
    }

    /// What starts the helper.
    pub fn helper(&self, preload: &str) -> Vec<String> {
        self.with(preload, "Helper")
    }

    fn with(&self, preload: &str, class: &str) -> Vec<String> {
        let class = format!("dask_agent.{class}");
        let more = ["--no-nanny", "--preload", preload, "--worker-class", &class];
        // The last one counts.
        let alone: &[&str] = if self.processes > 1 { &["--nworkers", "1"] } else { &[] };
        self.words.iter().cloned().chain(more.iter().chain(alone).map(|w| (*w).into())).collect()
    }
}

/// Where the worker's own arguments begin.
fn arguments(words: &[String]) -> Option<usize> {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let next = |n: usize| words.get(n + 1).map_or("", String::as_str);
    words.iter().enumerate().find_map(|(n, word)| match name(word).as_str() {
        "dask-worker" => Some(n + 1),
        "dask" if next(n) == "worker" => Some(n + 2),
        "-m" if next(n) == "distributed.cli.dask_worker" => Some(n + 2),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Result<WorkerLine, NotPlain> {
        WorkerLine::of(&line.split(' ').map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn plain_workers_in_every_form() {
        for line in [
            "dask worker",
            "dask-worker tcp://s:8786 --nthreads 2 --no-dashboard",
            "python -m distributed.cli.dask_worker --name=a tcp://s:1 --preload a.py --preload b.py",
            "tini -g -- /usr/bin/prepare.sh dask worker --nworkers 1 --nanny",
            "conda run -n env /opt/bin/dask-worker --resources GPU=2 --memory-limit 2GiB",
        ] {
            let plain = of(line).unwrap_or_else(|e| panic!("{line}: {e}"));
            let worker = plain.worker("x.py").join(" ");
            let more = " --no-nanny --preload x.py --worker-class dask_agent.worker";
            assert_eq!(worker, format!("{line}{more}"), "nothing that its author said is changed");
        }
    }

    #[test]
    fn the_rest_keeps_its_own_nanny() {
        let why = |line: &str| of(line).unwrap_err().to_string();
        for line in ["dask cuda worker s:1", "dask-cuda-worker s:1", "dask spec --spec {}", "sh -c worker.sh"]
        {
            assert_eq!(of(line).unwrap_err(), NotPlain::NoWorker, "{line}");
        }
        let several = |what: &str| NotPlain::Several(what.into());
        for what in ["auto", "-1", "0", "many"] {
            assert_eq!(of(&format!("dask worker --nworkers {what}")).unwrap_err(), several(what));
        }
        let port = of("dask worker --nanny-port 3000 --nworkers=4").unwrap_err();
        assert_eq!(port, several("4 with --nanny-port"));
        for option in ["--no-nanny", "--preload-nanny x", "--worker-class a.B"] {
            let name = option.split(' ').next().unwrap();
            assert_eq!(why(&format!("dask worker {option}")), format!("{name} is for a Nanny of Python"));
        }
        assert_eq!(
            why("dask worker s:1 more"),
            "\"more\" is no option of `dask worker` that the agent knows"
        );
        assert_eq!(of("dask worker --new-thing 1").unwrap_err(), NotPlain::Unknown("--new-thing".into()));
        assert_eq!(of("dask worker -- s:1").unwrap_err(), NotPlain::Unknown("--".into()));
    }

    #[test]
    fn several_workers_are_started_one_by_one() {
        let lines = of("dask worker --nworkers=2 --nthreads 3").unwrap().each();
        let place = |index| Some(Place { index, of: 2, says_threads: true });
        assert_eq!([lines[0].place, lines[1].place], [place(0), place(1)]);
        assert!(lines[1].worker("x.py").join(" ").ends_with("dask_agent.worker --nworkers 1"));
        let one = of("dask worker --nthreads 0").unwrap().each();
        assert_eq!((one.len(), one[0].place), (1, None));
        assert!(!of("dask worker --nworkers 2 --nthreads 0").unwrap().each()[0].place.unwrap().says_threads);
    }

    #[test]
    fn a_dashboard_that_its_author_speaks_of_stays() {
        let words = |line: &str| of(line).unwrap().without_dashboard().without_dashboard().words.join(" ");
        assert_eq!(words("dask worker s:1"), "dask worker s:1 --no-dashboard");
        for says in ["--dashboard", "--no-dashboard", "--dashboard-address :8787", "--dashboard-address=:1"] {
            let line = format!("dask worker {says}");
            assert_eq!(words(&line), line);
        }
    }

    #[test]
    fn what_a_nanny_must_know_is_read() {
        let line = of("dask worker --death-timeout 5m --nanny-port 3000").unwrap();
        assert_eq!((line.death_timeout, line.nanny_port), (Some(Duration::from_secs(300)), Some(3000)));
    }
}
