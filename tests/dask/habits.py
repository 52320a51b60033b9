"""What users of Dask are in the habit of doing with workers, and what comes of it, line by line. Usage:
habits.py COMMAND...: what comes before `dask worker` (nothing, or the agent). The lines must not depend on it."""

import asyncio
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import dask
from distributed import Client, Nanny, get_worker, worker_client
from distributed.diagnostics.plugin import (
    CondaInstall, Environ, NannyPlugin, PipInstall, UploadDirectory, WorkerPlugin
)

BEFORE = sys.argv[1:]
FOLDER = Path(tempfile.mkdtemp(prefix="habits-"))
# Since 2025.4 a client is told of some workers only, unless it asks for all.
NEWER = {"n_workers": -1} if "n_workers" in inspect.signature(Client.scheduler_info).parameters else {}
PATIENCE = 60
PRE_SPAWN = "DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON"


def until(what, look):
    deadline = time.time() + PATIENCE
    while True:
        try:
            found = look()
        except (OSError, KeyError, ValueError):
            found = None
        if found:
            return found
        assert time.time() < deadline, f"not in time: {what}"
        time.sleep(0.05)


def start(line, log, **env):
    out = open(FOLDER / log, "w")
    env = {**os.environ, "TMPDIR": str(FOLDER), **env}
    return subprocess.Popen(line, stdout=out, stderr=subprocess.STDOUT, cwd=FOLDER, env=env)


def worker(address, name, *more, **env):
    line = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--name", name, "--nthreads", "1"]
    # As in a pod of its own: two would unpack the same files into one folder.
    more = ["--host", "127.0.0.1", "--memory-limit", "1GiB", "--no-dashboard", "--local-directory", name, *more]
    return start([*BEFORE, *line, *more], f"{name}.log", **env)


def pids(client):
    """Processes by the workers' names, as the scheduler knows them: one that is just going would not answer."""
    return client.run_on_scheduler(lambda dask_scheduler: {w.name: w.pid for w in dask_scheduler.workers.values()})


def info(client):
    return client.scheduler_info(**NEWER)["workers"]


def on_all(client, function, *args, **kwargs):
    """The results of all workers, each once."""
    return sorted({str(v) for v in client.run(function, *args, **kwargs).values()})


def told(function):
    try:
        return function()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def restart(client):
    before = pids(client)
    client.restart(timeout=PATIENCE)
    until("both are back", lambda: len(info(client)) == 2)
    after = pids(client)
    yield "names", sorted(after)
    yield "new processes", [n for n in sorted(after) if before[n] != after[n]]


def restart_workers(client):
    before = pids(client)
    address = next(a for a, w in info(client).items() if w["name"] == "a")
    yield "answer", list(client.restart_workers([address], timeout=PATIENCE).values())
    until("it is back", lambda: len(info(client)) == 2)
    after = pids(client)
    yield "new processes", [n for n in sorted(after) if before[n] != after[n]]


def environ(client):
    client.register_plugin(Environ({"HABIT": "1", "OMP_NUM_THREADS": "3"}))
    until("both are back", lambda: len(info(client)) == 2)
    yield "variables", on_all(client, lambda: (os.environ["HABIT"], os.environ["OMP_NUM_THREADS"]))


def pre_spawn(client):
    names = ["MALLOC_TRIM_THRESHOLD_", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "OF_USER"]
    yield "variables", on_all(client, lambda: [os.environ.get(n) for n in names])
    yield "the agent's own", on_all(client, lambda: [n for n in os.environ if n.startswith("DASK_AGENT")])
    yield "hash", len(on_all(client, lambda: hash("x")))


def upload_directory(client):
    package = FOLDER / "uploaded"
    package.mkdir()
    (package / "in_a_folder.py").write_text("VALUE = 7\n")
    newer = "restart_workers" in inspect.signature(UploadDirectory.__init__).parameters
    options = {"restart_workers" if newer else "restart": True, "update_path": True}
    client.register_plugin(UploadDirectory(str(package), **options))
    until("both are back", lambda: len(info(client)) == 2)

    def look():
        import in_a_folder

        return in_a_folder.VALUE

    yield "imported", on_all(client, look)


def pip_install(client):
    wheel = FOLDER / "habit-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as z:
        z.writestr("habit.py", "VALUE = 8\n")
        z.writestr("habit-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: habit\nVersion: 1.0\n")
        z.writestr("habit-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr("habit-1.0.dist-info/RECORD", "")
    target = str(FOLDER / "installed")
    options = ["--no-index", "--no-deps", "--quiet", "--target", target]
    plugin = PipInstall(packages=[str(wheel)], pip_options=options, restart_workers=True)
    client.register_plugin(plugin)
    until("both are back", lambda: len(info(client)) == 2)

    def look():
        sys.path.insert(0, target)
        import habit

        return habit.VALUE

    yield "imported", on_all(client, look)


def conda_install(client):
    """conda itself is not there: what it is asked for is written down instead."""
    package = FOLDER / "conda" / "cli"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    asked = FOLDER / "asked"
    (package / "python_api.py").write_text(
        "import pathlib\nclass Commands:\n    INSTALL = 'install'\n"
        f"def run_command(*line):\n    pathlib.Path({str(asked)!r}).write_text(str(line))\n    return '', b'', 0\n"
    )

    def find(folder, dask_worker):
        sys.path.insert(0, folder)

    before = pids(client)
    yield "found", on_all(client, find, str(FOLDER), nanny=True)
    client.register_plugin(CondaInstall(packages=["habit"], conda_options=["--quiet"], restart_workers=True))
    until("both are back", lambda: len(info(client)) == 2)
    after = pids(client)
    yield "asked", asked.read_text()
    yield "new processes", [n for n in sorted(after) if before[n] != after[n]]


class Own(NannyPlugin):
    restart = True

    def __init__(self, folder):
        self.folder = folder

    def setup(self, nanny):
        os.chdir(self.folder)
        os.environ["FROM_OS"] = "os"
        nanny.env["FROM_NANNY"] = f"{isinstance(nanny, Nanny)} {nanny.local_directory != ''} {nanny.nthreads}"

    def teardown(self, nanny):
        Path(self.folder, "torn-down").touch()


class Failing(NannyPlugin):
    async def setup(self, nanny):
        await asyncio.sleep(0)
        raise ValueError("no such thing")


class Asking(NannyPlugin):
    async def setup(self, nanny):
        workers = await nanny.scheduler.ncores()
        nanny.env["ASKED"] = str(len(workers))


def own_plugins(client):
    folder = FOLDER / "own"
    folder.mkdir()
    client.register_plugin(Own(str(folder)), name="own")
    until("both are back", lambda: len(info(client)) == 2)
    names = ["FROM_OS", "FROM_NANNY"]
    yield "variables", on_all(client, lambda: [os.environ.get(n) for n in names])
    yield "folder", on_all(client, lambda: Path.cwd().name)
    yield "fails", told(lambda: client.register_plugin(Failing(), name="failing"))
    client.register_plugin(Asking(), name="asking")
    client.restart_workers([a for a, w in info(client).items() if w["name"] == "b"], timeout=PATIENCE)
    until("both are back", lambda: len(info(client)) == 2)
    yield "asked", [v for v in on_all(client, lambda: os.environ.get("ASKED")) if v != "None"]
    for name in ("failing", "asking", "own"):
        client.unregister_worker_plugin(name, nanny=True)
    yield "torn down", (folder / "torn-down").exists()


def run_on_nannies(client):
    yield "result", on_all(client, lambda dask_worker: isinstance(dask_worker, Nanny), nanny=True)
    yield "raises", told(lambda: client.run(lambda: 1 / 0, nanny=True))

    async def slow(x, dask_worker):
        await asyncio.sleep(0.01)
        return x + (dask_worker.worker_address or "").split(":")[0]

    yield "coroutine", on_all(client, slow, "at ", nanny=True)
    logs = client.get_worker_logs(nanny=True)
    yield "logs", sorted({(type(line).__name__, len(line)) for lines in logs.values() for line in lines})
    yield "logs of workers", len(client.get_worker_logs())


class Mark(WorkerPlugin):
    def setup(self, worker):
        worker.mark = "marked"


class Counter:
    n = 0

    def add(self):
        self.n += 1
        return self.n


def nested():
    with worker_client() as c:
        return c.submit(lambda: 20).result() + 1


def everyday(client):
    client.register_plugin(Mark(), name="mark")
    yield "plugin", on_all(client, lambda dask_worker: dask_worker.mark)
    script = FOLDER / "sent.py"
    script.write_text("VALUE = 9\n")
    client.upload_file(str(script))

    def look():
        import sent

        return sent.VALUE

    yield "file", client.submit(look).result()
    counter = client.submit(Counter, actor=True).result()
    yield "actor", [counter.add().result() for _ in range(3)]
    yield "worker_client", client.submit(nested).result()
    data = client.scatter(5)
    client.publish_dataset(data, name="five")
    yield "dataset", (client.list_datasets(), client.get_dataset("five").result())
    yield "where", client.submit(lambda: get_worker().nanny is not None).result()
    futures = client.map(lambda x: x * 2, range(50))
    yield "tasks", sum(client.gather(futures))


def shuffle(client):
    import pandas
    import dask.dataframe as dd

    frame = dd.from_pandas(pandas.DataFrame({"k": [i % 7 for i in range(210)], "v": range(210)}), npartitions=6)
    with dask.config.set({"dataframe.shuffle.method": "p2p"}):
        sums = frame.shuffle("k").groupby("k").v.sum().compute()
    yield "sums", [int(sums[k]) for k in range(7)]


def crash(client):
    before = pids(client)
    os.kill(before["a"], signal.SIGKILL)
    until("a new one is there", lambda: "a" in (now := pids(client)) and now["a"] != before["a"])
    yield "back", sorted(pids(client))
    yield "works", client.submit(lambda: 3, workers=["a"]).result()


def lifetime(client, address):
    again = worker(address, "again", "--lifetime", "3s", "--lifetime-restart")
    once = worker(address, "once", "--lifetime", "3s")
    first = until("it is there", lambda: pids(client).get("again"))
    until("another one is there", lambda: pids(client).get("again") not in (None, first))
    yield "comes again", again.poll() is None
    again.terminate()
    yield "on SIGTERM", again.wait(PATIENCE)
    yield "ends", once.wait(PATIENCE)


def retired(client, processes):
    address = next(a for a, w in info(client).items() if w["name"] == "a")
    client.retire_workers([address])
    yield "ends", processes["a"].wait(PATIENCE)


def preloads(client, address):
    for name in ("one", "two"):
        text = f"import os\ndef dask_setup(worker):\n    os.environ['ORDER'] = os.environ.get('ORDER', '') + '{name}'\n"
        (FOLDER / f"preload_{name}.py").write_text(text)
    one, two = str(FOLDER / "preload_one.py"), str(FOLDER / "preload_two.py")
    of_worker = "DASK_DISTRIBUTED__WORKER__PRELOAD"
    started = [
        ("flags", "ORDER", worker(address, "flags", "--preload", one, "--preload", two)),
        ("variable", "ORDER", worker(address, "variable", **{of_worker: two})),
        ("both", "ORDER", worker(address, "both", "--preload", one, **{of_worker: two})),
        ("threads", "OMP_NUM_THREADS", worker(address, "threads", **{f"{PRE_SPAWN}__OMP_NUM_THREADS": "2"})),
    ]
    for name, variable, _ in started:
        there = until("it is there", lambda: [a for a, w in info(client).items() if w["name"] == name])
        yield name, client.run(lambda: os.environ.get(variable), workers=there)[there[0]]
    for _, _, process in started:
        process.terminate()
    yield "end", [process.wait(PATIENCE) for _, _, process in started]


def get(url):
    """The answer's code and body."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def dashboards(client, address):
    """A worker's own dashboard, and the same through the scheduler; JupyterLab beside it."""
    from bokeh.client import pull_session

    seen = worker(address, "seen", "--dashboard", "--dashboard-address", "127.0.0.1:0")
    unseen = worker(address, "unseen")
    until("they are there", lambda: {"seen", "unseen"} <= set(pids(client)))
    there = {w["name"]: w for w in info(client).values()}
    port = there["seen"]["services"]["dashboard"]
    web = client.scheduler_info()["services"]["dashboard"]
    own, through = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{web}/proxy/{port}/127.0.0.1"
    for what, url in ("itself", own), ("through the scheduler", through):
        for path in ("health", "status", "system", "profile", "static/js/bokeh.min.js", "no-such"):
            code, body = get(f"{url}/{path}")
            yield f"{what}: {path}", (code, body.partition("<title>")[2].partition("</title>")[0].strip())
    yield "metrics", "dask_worker_threads" in get(f"{own}/metrics")[1]
    yield "sitemap", get(f"{own}/sitemap.json")[0]
    for what, url in ("itself", own), ("through the scheduler", through):
        # The proxy of an old release may not know the websockets of a new jupyter-server-proxy: then it works under none of the nannies.
        yield f"live, {what}", told(lambda: len(pull_session(url=f"{url}/status").document.roots))
    unseen_port = there["unseen"]["services"]["dashboard"]
    yield "left off", get(f"http://127.0.0.1:{unseen_port}/status")[0]
    yield "links", f"proxy/{port}/127.0.0.1/status" in get(f"http://127.0.0.1:{web}/info/main/workers.html")[1]
    for path in ("jupyter/lab", "jupyter/api/status", "jupyter/api/kernelspecs"):
        yield path, get(f"http://127.0.0.1:{web}/{path}")[0]
    for process in (seen, unseen):
        process.terminate()
    yield "end", [process.wait(PATIENCE) for process in (seen, unseen)]


def several(client, address):
    """Several workers of one command, and of a program as dask-cuda has one: a nanny for each device."""
    many = worker(address, "many", "--nworkers", "2", "--nthreads", "0")
    devices = FOLDER / "devices.py"
    devices.write_text(
        "import asyncio, os, sys\nfrom distributed import Nanny\nasync def main():\n"
        "    nannies = [Nanny(sys.argv[1], name=f'device-{i}', nthreads=1, host='127.0.0.1', dashboard=False,\n"
        "                     memory_limit='1GiB', env={'DEVICE': str(i)}) for i in range(2)]\n"
        "    await asyncio.gather(*nannies)\n"
        "    await asyncio.gather(*[nanny.finished() for nanny in nannies])\n"
        "if __name__ == '__main__':\n    asyncio.run(main())\n"
    )
    cuda = start([*BEFORE, sys.executable, str(devices), address], "devices.log")
    names = ["device-0", "device-1", "many-0", "many-1"]
    until("they are there", lambda: set(names) <= {str(n) for n in pids(client)})
    yield "names", sorted(str(n) for n in pids(client))
    yield "threads and memory", sorted((w["nthreads"], w["memory_limit"]) for w in info(client).values())
    where = {w["name"]: a for a, w in info(client).items()}
    devices = client.run(lambda: os.environ["DEVICE"], workers=[where["device-0"], where["device-1"]])
    yield "devices", sorted(devices.values())
    before = pids(client)
    # One after the other: two nannies of one process that restart at once may wait for each other in 2024.1.
    for name in names:
        client.restart_workers([where[name]], timeout=PATIENCE)
        until("they are back", lambda: set(names) <= set(pids(client)))
    after = pids(client)
    yield "new processes", [n for n in names if before[n] != after[n]]
    client.retire_workers(names=names, close_workers=True)
    yield "end", [process.wait(PATIENCE) for process in (many, cuda)]


def main():
    scheduler = start([sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
                       "--jupyter", "--dashboard-address", "127.0.0.1:0", "--scheduler-file", "s.json"], "scheduler.log")
    processes = {}
    try:
        address = until("the scheduler listens", lambda: json.loads((FOLDER / "s.json").read_text())["address"])
        for name in ("a", "b"):
            processes[name] = worker(address, name, OF_USER="user", MKL_NUM_THREADS="5")
        with Client(address) as client:
            client.wait_for_workers(2, timeout=PATIENCE)
            steps = [pre_spawn, everyday, shuffle, restart, restart_workers, environ, upload_directory, pip_install,
                     conda_install, own_plugins, run_on_nannies, crash]
            steps = [(step, ()) for step in steps]
            steps += [(dashboards, (address,)), (several, (address,)), (preloads, (address,)), (lifetime, (address,)), (retired, (processes,))]
            for step, more in steps:
                begin = time.time()
                for what, result in step(client, *more):
                    print(f"{step.__name__}: {what}: {result}", flush=True)
                print(f"{step.__name__} took {time.time() - begin:.1f} s", file=sys.stderr, flush=True)
        scheduler.terminate()
        scheduler.wait(PATIENCE)
    except BaseException:
        for log in sorted(FOLDER.glob("*.log")):
            sys.stderr.write(f"--- {log.name}\n{log.read_text()[-6000:]}\n")
        raise
    finally:
        for process in [scheduler, *processes.values()]:
            process.kill()


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
