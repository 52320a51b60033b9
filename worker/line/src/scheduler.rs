//! What a worker's command line says of its scheduler.

/// Options of `dask worker` and `dask cuda worker` that take no value: what follows one may be the scheduler.
const FLAGS: [&str; 14] = [
    "--nanny",
    "--no-nanny",
    "--dashboard",
    "--no-dashboard",
    "--bokeh",
    "--no-bokeh",
    "--lifetime-restart",
    "--no-lifetime-restart",
    "--reconnect",
    "--no-reconnect",
    "--enable-tcp-over-ucx",
    "--enable-infiniband",
    "--enable-nvlink",
    "--enable-rdmacm",
];
/// Schemes of addresses.
const SCHEMES: [&str; 4] = ["tcp://", "tls://", "ws://", "wss://"];

/// The scheduler that the command line names: its first argument that is an address and no option's value.
pub fn scheduler(line: &[String]) -> Option<String> {
    let words = line.iter().flat_map(|w| w.split_whitespace());
    let mut is_value = false;
    let mut is_worker = false;
    for word in words {
        if std::mem::take(&mut is_value) {
            continue;
        }
        if word.starts_with("--") {
            is_value = !word.contains('=') && !FLAGS.contains(&word);
        } else if is_worker && is_address(word) {
            return Some(if word.contains("://") { word.into() } else { format!("tcp://{word}") });
        } else {
            is_worker |= [
                "worker",
                "dask-worker",
                "dask-cuda-worker",
                "spec",
                "distributed.cli.dask_worker",
                "distributed.cli.dask_spec",
            ]
            .iter()
            .any(|name| word == *name || word.ends_with(&format!("/{name}")));
        }
    }
    None
}

fn is_address(word: &str) -> bool {
    if SCHEMES.iter().any(|s| word.starts_with(s)) {
        return true;
    }
    word.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<String> {
        scheduler(&line.split(' ').map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_scheduler_is_the_argument_that_is_an_address() {
        let found = |line| of(line).unwrap_or_default();
        assert_eq!(found("dask worker tcp://s:1"), "tcp://s:1");
        assert_eq!(found("dask-worker --nthreads 2 s:8786 --name a"), "tcp://s:8786");
        assert_eq!(found("python -m distributed.cli.dask_worker --no-nanny tls://s:1"), "tls://s:1");
        assert_eq!(found("/opt/bin/dask-worker --nanny tcp://[::1]:8786"), "tcp://[::1]:8786");
        assert_eq!(found("dask cuda worker s:1"), "tcp://s:1");
    }

    #[test]
    fn values_of_options_are_not_the_scheduler() {
        assert_eq!(of("dask worker --listen-address tcp://0.0.0.0:9000 --name s:1"), None);
        assert_eq!(of("dask worker --dashboard-address=:8787 --name x"), None);
        assert_eq!(of("wrapper tcp://other:1 dask worker"), None);
        assert_eq!(of("dask worker"), None);
    }

    #[test]
    fn lines_for_a_shell_are_read_too() {
        let line = ["sh", "-c", "exec dask worker --nworkers 2 tcp://s:8786"].map(String::from);
        assert_eq!(scheduler(&line).as_deref(), Some("tcp://s:8786"));
    }
}
