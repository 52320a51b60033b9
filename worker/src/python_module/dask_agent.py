"""The agent's part of a worker's Python: the worker that has the agent as its nanny, and the helper for what only
Python can do for a nanny. Both are named to `dask worker` as --worker-class, so that they get what its command line,
environment and configuration say."""

import asyncio
import json
import logging
import os
import socket
import ssl
import sys

import dask
import distributed
from dask.system import CPU_COUNT
from dask.utils import parse_timedelta
from distributed import Nanny, Worker
from distributed.comm import connect
from distributed.http.routing import RoutingApplication
from distributed.node import ServerNode
from distributed.security import Security

# The agent's own variables are nothing for tasks. This module is loaded twice, and must not forget them.
AGENT = os.environ.pop("DASK_AGENT_NANNY", None) or globals()["AGENT"]
TOKEN = os.environ.pop("DASK_AGENT_TOKEN", None) or globals()["TOKEN"]
# Variables that the agent set because a Nanny does by default, and what its helper changed.
GIVEN = json.loads(os.environ.pop("DASK_AGENT_GIVEN", "null")) or globals().get("GIVEN") or {}
# Releases with which all of this was seen to do what a Nanny does: from, to.
TESTED = (2024, 1), (2026, 8)
sys.modules["dask_agent"] = sys.modules[__name__]

# What a helper tells of itself, as the agent gave it to this process.
_path = GIVEN.get("path") or []
sys.path[:0] = [p for p in _path if p not in sys.path]


def _others(preload):
    """The preloads without this one. Where that leaves none, distributed goes on to look at its configuration."""
    return [p for p in preload or () if p != __file__ and not p.startswith(f'"""{__doc__}')]


def _environment():
    """Variables as a Nanny sets them. Those that must be there before the process is are set by the agent, which does
    not know the configuration: where that says something else, the process begins again."""
    preset = GIVEN.get("preset") or {}
    own = {k: v for k, v in os.environ.items() if preset.get(k) != v}

    def configured(key):
        return {k: own.get(k, str(v)) for k, v in (dask.config.get(key) or {}).items()}

    before = configured("distributed.nanny.pre-spawn-environ")
    if before.get("PYTHONHASHSEED") in (None, "0"):
        before["PYTHONHASHSEED"] = "6640"
    after = configured("distributed.nanny.environ")
    changed = GIVEN.get("env") or {}
    wanted = {**before, **changed}
    wrong = any(os.environ.get(k) != v for k, v in wanted.items()) or any(k not in before for k in preset)
    if wrong and not GIVEN.get("again"):
        env = {k: v for k, v in os.environ.items() if k not in preset}
        env.update(wanted)
        env.update(DASK_AGENT_NANNY=AGENT, DASK_AGENT_TOKEN=TOKEN)
        env["DASK_AGENT_GIVEN"] = json.dumps({**GIVEN, "again": True, "preset": before})
        line = getattr(sys, "orig_argv", None) or [sys.executable, *sys.argv]
        os.execve(sys.executable, [sys.executable, *line[1:]], env)
    os.environ.update({k: v for k, v in after.items() if k not in changed})


def _refuse(why):
    sys.stderr.write(f"dask-agent: {why}\n")
    sys.stderr.flush()
    os._exit(int(GIVEN["refused"]))


class _Dashboard:
    """The worker's dashboard, which is loaded when it is first asked for. What it needs takes about as long to
    import as all the rest of a worker, and few workers are ever looked at."""

    def __init__(self, worker):
        self._worker, self._loaded = worker, None

    def add_application(self, application):
        self._loaded = application

    def _load(self):
        if self._loaded is None:
            worker = self._worker
            try:
                import distributed.dashboard.worker as dashboard
            except ImportError:
                logging.getLogger("distributed.worker").debug("the dashboard cannot be loaded", exc_info=True)
                self._loaded = RoutingApplication([])
            else:
                dashboard.connect(self, worker.http_server, worker, prefix=worker._http_prefix)
        return self._loaded

    def __str__(self):
        return str(self._load())

    def __getattr__(self, name):
        if name.startswith("stop") and self._loaded is None:
            raise AttributeError(name)
        return getattr(self._load(), name)


def _later(made):
    """What `made` serves over HTTP is as it would be, and its dashboard is loaded later."""
    if not made._dashboard:
        return
    made._dashboard = False
    serve = made.start_http_server

    def serve_and_dashboard(*args, **kwargs):
        serve(*args, **kwargs)
        made.http_application.add_application(_Dashboard(made))

    made.start_http_server = serve_and_dashboard


def worker(scheduler=None, **kwargs):
    """The worker. What keeps the agent from being its nanny is told to the agent, which then runs the command as is."""
    release = tuple(int(n) for n in distributed.__version__.split(".")[:2])
    if not TESTED[0] <= release <= TESTED[1]:
        _refuse(f"distributed {distributed.__version__} was not tested with the agent as nanny")
    if dask.config.get("distributed.nanny.preload", None):
        _refuse("distributed.nanny.preload is for a Nanny of Python")
    _environment()
    kwargs["preload"] = _others(kwargs.get("preload"))
    _place(kwargs)
    made = Worker(scheduler, nanny=AGENT, **kwargs)
    # Goes with its heartbeats, from which the operator learns who its nanny is.
    made.metrics["agent"] = lambda _: GIVEN["counts"]
    _later(made)
    start = made.start_unsafe

    async def start_and_tell():
        result = await start()
        memory = made.memory_manager.memory_limit
        terminate = dask.config.get("distributed.worker.memory.terminate")
        interval = parse_timedelta(dask.config.get("distributed.worker.memory.monitor-interval"), default="ms")
        await made.rpc(AGENT).agent_worker(
            token=TOKEN,
            address=made.address,
            pid=os.getpid(),
            folder=made.local_directory,
            memory=int(memory * terminate) if memory and terminate else 0,
            part=float(terminate or 0),
            interval=int(1000 * interval),
        )
        return result

    made.start_unsafe = start_and_tell
    return made


def _place(kwargs):
    """One of several workers of one command line has a number, and its part of the threads."""
    if GIVEN.get("place"):
        index, of, says_threads = GIVEN["place"]
        if kwargs.get("name") not in (None, ""):
            kwargs["name"] = f"{kwargs['name']}-{index}"
        if not says_threads:
            kwargs["nthreads"] = CPU_COUNT // of


def tls(scheduler=None, security=None, **kwargs):
    """Tells the agent what flags, variables and configuration say of connections, and ends."""
    security = Security(**(security or {}))
    told = {what.removesuffix("_file"): file for what, file in security.get_tls_config_for_role("worker").items()}
    told["token"] = TOKEN
    told["scheme"] = dask.config.get("distributed.comm.default-scheme", None)
    told["only_newest"] = security.tls_min_version == ssl.TLSVersion.TLSv1_3
    with socket.create_connection(("127.0.0.1", GIVEN["tls"])) as agent:
        agent.sendall(json.dumps(told).encode())
    os._exit(0)


class Helper(Nanny):
    """A Nanny without a worker of its own: it does what needs Python, and asks the agent for the rest."""

    def __init__(self, scheduler=None, **kwargs):
        _environment()
        kwargs["preload"] = _others(kwargs.get("preload"))
        _place(kwargs)
        self._first = {"env": None, "os": dict(os.environ), "cwd": os.getcwd(), "path": list(sys.path)}
        super().__init__(scheduler, **kwargs)
        self._first["env"] = dict(self.env)
        self.env.update(GIVEN.get("env") or {})
        for op in ("run", "plugin_add", "plugin_remove"):
            self.handlers[op] = self._telling(self.handlers[op], with_comm=op == "run")

    async def start_unsafe(self):
        await ServerNode.start_unsafe(self)
        self._address = AGENT
        comm = await connect(AGENT, **self.connection_args)
        await comm.write({"op": "agent_helper", "token": TOKEN, "reply": False})

        async def serve():
            await self._handle_comm(comm)
            os._exit(0)

        self._serving = asyncio.create_task(serve())
        return self

    def _telling(self, handler, with_comm):
        async def handle(comm, **kwargs):
            await self._tell()
            answer = handler(comm, **kwargs) if with_comm else handler(**kwargs)
            if asyncio.iscoroutine(answer):
                answer = await answer
            await self._tell()
            return answer

        # distributed hands the connection to handlers whose first parameter is called comm.
        return handle

    async def _tell(self):
        """Tells the agent what changed here and is for workers, and learns which one there is."""
        known = self._first
        env = {k: v for k, v in os.environ.items() if known["os"].get(k) != v}
        env.update({k: str(v) for k, v in self.env.items() if known["env"].get(k) != v})
        path = [p for p in sys.path if p not in known["path"]]
        cwd = os.getcwd() if os.getcwd() != known["cwd"] else None
        there = await self.rpc(AGENT).agent_state(token=TOKEN, env=env, path=path, cwd=cwd)
        self.process = _Process(**there) if there.get("worker_address") else None

    async def restart(self, timeout=30, reason="nanny-restart"):
        await self._tell()
        return await self.rpc(AGENT).restart(timeout=timeout, reason=reason)

    async def kill(self, timeout=5, reason="nanny-kill"):
        return await self.rpc(AGENT).kill(timeout=timeout, reason=reason)

    async def instantiate(self):
        return await self.rpc(AGENT).instantiate()


class _Process:
    """The agent's worker process, as plugins may look at it."""

    def __init__(self, worker_address, worker_dir, pid):
        self.worker_address, self.worker_dir, self.pid = worker_address, worker_dir, pid

    def is_alive(self):
        return True
