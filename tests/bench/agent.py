"""Measures a worker under the agent (mode Full) beside the same worker under Dask's own Nanny, in turns, in one run.

usage: agent.py AGENT ROUNDS; needs openssl
Start: from exec to the scheduler's word that the worker is there. Memory: proportional set size of all its processes.
Tasks: 10 000 tiny ones on one worker of two threads. Shuffle: 1 GB of a table, peer to peer, between two workers.
Prints a table; of each ratio the median and its extremes."""

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import Client

AGENT, ROUNDS = sys.argv[1], int(sys.argv[2])
WORKER = [sys.executable, "-m", "distributed.cli.dask_worker"]
PARTS, ROWS = 64, 1_000_000  # of two numbers of 8 bytes each: 1 GB
NANNY, FULL = [], [AGENT, "run", "--mode=full", "--"]


def descendants(pid):
    """A process and all that it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += descendants(int(child))
    return found


def pss(pid):
    """MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def rss(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def start(address, before, name, flags, folder):
    line = [*before, *WORKER, address, "--name", name, "--nthreads", "2", "--host", "127.0.0.1", *flags]
    return subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def part(number):
    draw = np.random.default_rng(number)
    return pd.DataFrame({"k": draw.integers(0, 1_000_000, ROWS), "v": draw.random(ROWS)})


def shuffle(client, address, before, folder):
    processes = [start(address, before, f"w{n}", ["--no-dashboard", "--nthreads", "1"], folder) for n in range(2)]
    try:
        client.wait_for_workers(2)
        meta = part(0).iloc[:0]
        with dask.config.set({"dataframe.shuffle.method": "p2p"}):
            table = dd.from_map(part, range(PARTS), meta=meta).persist()
            table.map_partitions(len).compute()
            begin = time.perf_counter()
            rows = table.shuffle("k").map_partitions(len).sum().compute()
        assert rows == PARTS * ROWS, rows
        return {"1 GB shuffled, s": time.perf_counter() - begin}
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(60)
        client.run_on_scheduler(gone)


def measure(client, address, before, flags, folder, tasks):
    begin = time.perf_counter()
    process = start(address, before, "w", flags, folder)
    try:
        client.run_on_scheduler(there)
        took = {"start, s": time.perf_counter() - begin}
        client.submit(lambda: 1).result()
        time.sleep(1)  # what a start leaves behind is given back
        took["PSS of all processes, MiB"] = sum(map(pss, descendants(process.pid)))
        if before:
            took["RSS of the agent, MiB"] = rss(process.pid)
        if tasks:
            begin = time.perf_counter()
            client.gather(client.map(abs, range(10_000), pure=False))
            took["10 000 tasks, s"] = time.perf_counter() - begin
        return took
    finally:
        process.terminate()
        process.wait(60)
        client.run_on_scheduler(gone)


async def there(dask_scheduler):
    while not any(w.status.name == "running" for w in dask_scheduler.workers.values()):
        await asyncio.sleep(0.005)


async def gone(dask_scheduler):
    while dask_scheduler.workers:
        await asyncio.sleep(0.005)


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def compare(title, rounds, measure):
    """Both in turns, the other one first each time."""
    pairs = []
    for n in range(rounds):
        taken = {len(b): measure(b) for b in ([NANNY, FULL] if n % 2 else [FULL, NANNY])}
        pairs.append((taken[len(NANNY)], taken[len(FULL)]))
    print(f"\n{title}\n\n| | Dask's Nanny | agent | Nanny / agent |\n|---|---|---|---|")
    for what in pairs[0][1]:
        own = [full[what] for _, full in pairs]
        other = [nanny[what] for nanny, _ in pairs if what in nanny]
        ratio = spread([a / b for a, b in zip(other, own)]) if other else ""
        print(f"| {what} | {spread(other) if other else ''} | {spread(own)} | {ratio} |", flush=True)


@contextlib.contextmanager
def cluster(folder):
    """A scheduler, as a client and its address."""
    where = Path(folder, "s.json")
    where.unlink(missing_ok=True)
    line = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
            "--no-dashboard", "--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(where)]
    scheduler = subprocess.Popen(line, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not where.exists():
            time.sleep(0.05)
        with Client(scheduler_file=str(where)) as client:
            yield client, client.scheduler.address
    finally:
        scheduler.kill()
        scheduler.wait()


def use_tls(folder):
    """From now on all of Dask has TLS, with one certificate for everybody."""
    key, cert = (os.path.join(folder, name) for name in ("key.pem", "cert.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=dask-internal",
                    "-keyout", key, "-out", cert], check=True, stderr=subprocess.DEVNULL)
    settings = {"DEFAULT_SCHEME": "tls", "TLS__CA_FILE": cert}
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        settings |= {f"TLS__{role}__CERT": cert, f"TLS__{role}__KEY": key}
    os.environ.update({f"DASK_DISTRIBUTED__COMM__{name}": value for name, value in settings.items()})
    dask.config.refresh()


def main():
    with tempfile.TemporaryDirectory() as folder:
        with cluster(folder) as (client, address):
            compare("the same flags", ROUNDS, lambda b: measure(client, address, b, [], folder, False))
            compare("--no-dashboard on both sides", ROUNDS,
                    lambda b: measure(client, address, b, ["--no-dashboard"], folder, True))
            compare("a table", min(ROUNDS, 3), lambda b: shuffle(client, address, b, folder))
        use_tls(folder)
        with cluster(folder) as (client, address):
            compare("with TLS", min(ROUNDS, 3), lambda b: measure(client, address, b, [], folder, True))


if __name__ == "__main__":
    os.environ["DASK_CONFIG"] = "/nowhere"
    main()
