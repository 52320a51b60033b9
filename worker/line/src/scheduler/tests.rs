//! Command lines as people write them, and the scheduler that each names.

use super::*;

/// A line, whose arguments are parted by `|` where they have spaces, and what it names: an address, host and port, a word that
/// is not readable (with `?` before it), or nothing.
const LINES: [(&str, &str); 71] = [
    // Plain.
    ("dask worker", ""),
    ("dask worker tcp://s:8786", "tcp://s:8786"),
    ("dask worker s:8786 --name a", "s:8786"),
    ("dask worker --name a --nthreads 2 tls://s.ns.svc:8786", "tls://s.ns.svc:8786"),
    ("dask-worker --nthreads 2 s:8786 --name a", "s:8786"),
    ("/opt/bin/dask-worker --nanny tcp://[::1]:8786", "tcp://[::1]:8786"),
    ("dask worker [fd00::1]:8786", "[fd00::1]:8786"),
    ("dask-worker --name $(N) --dashboard --dashboard-address 8788", ""),
    ("dask worker --nthreads 1 --nworkers 1 --memory-limit 0 --resources A=1,B=2", ""),
    ("dask-worker --nthreads 2 --no-dashboard --memory-limit 6GB --death-timeout 60", ""),
    ("dask-worker --no-bokeh tcp://s:1", "tcp://s:1"),
    ("dask-worker --nprocs 2 tcp://s:1", "tcp://s:1"),
    ("dask-worker --reconnect tcp://s:1", "tcp://s:1"),
    ("dask-worker --jupyter-port 9999 tcp://s:1", "tcp://s:1"),
    ("dask-worker s:8786 --nthreads 2 --dashboard-address 8790", "s:8786"),
    ("dask worker --lifetime 1h --lifetime-stagger 10m --lifetime-restart tcp://s:1", "tcp://s:1"),
    ("dask worker --nworkers=auto tcp://s:1", "tcp://s:1"),
    ("dask worker --nanny-port 3000:3003", ""),
    ("dask worker --preload-nanny x.py tcp://s:1", "tcp://s:1"),
    ("dask worker --scheduler-file /shared/s.json", ""),
    ("dask worker -- tcp://s:1", "tcp://s:1"),
    ("dask worker tcp://s:1 --name dask-worker", "tcp://s:1"),
    ("dask worker --dashboard-address=:8787 --name x", ""),
    // Values of options are no scheduler.
    ("dask worker --listen-address tcp://0.0.0.0:9000 --name s:1", ""),
    ("dask worker --listen-address tcp://0.0.0.0:9000 --contact-address tcp://svc:9000", ""),
    ("dask worker --contact-address tcp://svc:9000 tcp://s:1", "tcp://s:1"),
    ("dask worker --protocol ucx ucx://s:1", "ucx://s:1"),
    ("dask worker ws://s:8786", "ws://s:8786"),
    // Programs before the worker, with options of their own.
    ("tini -g -- /usr/bin/prepare.sh dask worker --lifetime 1h tcp://s:1", "tcp://s:1"),
    ("tini -g -- dask-worker tls://s:8786", "tls://s:8786"),
    ("dumb-init -- dask-worker tls://s:8786 --name a", "tls://s:8786"),
    ("conda run -n e --no-capture-output dask-worker tls://s:8786", "tls://s:8786"),
    ("conda run --no-capture-output -n e dask-worker tls://s:8786", "tls://s:8786"),
    ("conda run -n dask-worker dask worker tls://s:8786", "tls://s:8786"),
    ("micromamba run -n e dask worker tcp://s:1", "tcp://s:1"),
    ("poetry run dask worker tcp://s:1", "tcp://s:1"),
    ("pixi run -e prod dask worker tcp://s:1", "tcp://s:1"),
    ("uv run --frozen dask worker tcp://s:1", "tcp://s:1"),
    ("uv run --no-sync dask-worker tls://s:8786", "tls://s:8786"),
    ("op run --env-file=/e -- dask-worker tls://s:8786", "tls://s:8786"),
    ("python -m dask worker tcp://s:1", "tcp://s:1"),
    ("python -u -m distributed.cli.dask_worker --no-nanny tls://s:1", "tls://s:1"),
    ("memray run -m distributed.cli.dask_worker tcp://s:1", "tcp://s:1"),
    ("opentelemetry-instrument --traces_exporter console dask worker tcp://s:1", "tcp://s:1"),
    ("numactl --cpunodebind 0 dask worker tcp://s:1", "tcp://s:1"),
    ("gosu 1000:1000 dask worker tcp://s:1", "tcp://s:1"),
    ("wrapper tcp://other:1 dask worker", ""),
    ("watchmedo auto-restart -d /app -- dask-worker tcp://s:1", "tcp://s:1"),
    // Lines for a shell, and what they say of a worker before they start one.
    ("sh|-c|echo \"Starting dask worker\" && exec dask worker tls://s:8786", "tls://s:8786"),
    ("sh|-c|mkdir -p /scratch/dask-worker && dask worker tls://s:8786", "tls://s:8786"),
    ("sh|-c|cd /opt/dask-worker; exec dask worker tls://s:8786", "tls://s:8786"),
    ("sh|-c|conda activate dask-worker && dask worker tls://s:8786", "tls://s:8786"),
    ("sh|-c|dask worker $EXTRA_ARGS tls://s:8786", "tls://s:8786"),
    ("sh|-c|dask worker --name $(hostname -s) tls://s:8786", "tls://s:8786"),
    ("sh|-c|exec dask worker --nworkers 2 tcp://s:8786", "tcp://s:8786"),
    ("sh|-c|cd /w && exec dask-worker 's:8786'", "s:8786"),
    ("bash|-lc|source activate x; dask worker tls://s:1; echo done:1", "tls://s:1"),
    ("bash|-c|trap 'echo bye:1' EXIT; dask-worker & wait other:1", ""),
    ("bash|-c|exec \"$0\" \"$@\"|dask|worker|tcp://s:1", "tcp://s:1"),
    ("su|user|-c|dask worker tcp://s:1", "tcp://s:1"),
    // Words that only a shell can read.
    ("sh|-c|dask-worker ${HOST}:8786", "?${HOST}:8786"),
    ("sh|-c|pip install x && dask worker tcp://${P}s:8786 --name a", "?tcp://${P}s:8786"),
    ("sh|-c|dask worker tcp://$H:$P", "?tcp://$H:$P"),
    ("sh|-c|dask worker `cat /address`", "?`cat"),
    ("dask worker $(SCHED) --nworkers 2", "?$(SCHED)"),
    ("bash|-c|dask-worker --nworkers $(nproc) tcp://s:1", "tcp://s:1"),
    // Other workers.
    ("dask-cuda-worker --rmm-async --enable-cudf-spill tls://s:8786", "tls://s:8786"),
    ("dask cuda worker --rmm-pool-size 5GB --disable-nvlink tls://s:8786", "tls://s:8786"),
    ("dask spec --spec {} tcp://s:1", "tcp://s:1"),
    ("python /app/start_worker.py tcp://s:1", ""),
    ("supervisord -c /etc/s.conf", ""),
];

#[test]
fn each_line_names_the_scheduler_that_its_author_means() {
    for (line, wanted) in LINES {
        let by = if line.contains('|') { '|' } else { ' ' };
        let words: Vec<String> = line.split(by).map(String::from).collect();
        let told = match scheduler(&words) {
            Named::Address(text) | Named::WithoutScheme(text) => text,
            Named::Unreadable(text) => format!("?{text}"),
            Named::Nothing => String::new(),
        };
        assert_eq!(told, wanted, "{line}");
    }
}

#[test]
fn only_an_address_without_a_scheme_depends_on_the_configuration() {
    assert_eq!(named("tls://s:1"), Named::Address("tls://s:1".into()));
    assert_eq!(named("s:1"), Named::WithoutScheme("s:1".into()));
    assert_eq!(named("tcp://$S:1"), Named::Unreadable("tcp://$S:1".into()));
    assert_eq!([named("none"), named("")], [Named::Nothing, Named::Nothing]);
    let line: Vec<String> = ["dask", "worker", "s:1"].map(String::from).into();
    assert_eq!(scheduler(&line), Named::WithoutScheme("s:1".into()));
}
