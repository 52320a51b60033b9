# A Dask client for tests: obeys one command a line on stdin, answers one line of JSON each on stdout.
#
# usage: driver.py SCHEDULER_ADDRESS
# Work waits for gates, so that a test decides when it ends: files, or where a gate is no absolute path
# `distributed.Event`s, which also tasks on other machines can see. Work:
#   hold N GATE          submits N tasks that run until GATE is open
#   pin KEY WORKER       puts one result on the worker of that address and keeps it there
#   tuple_key            runs a task whose key is a tuple
#   rechunk GATE         starts a P2P rechunk, one of whose inputs waits for GATE
#   shuffle GATE         starts a P2P shuffle of a dataframe likewise
#   scatter N BYTES      puts N values of that size on the workers
#   compute N SECONDS    submits N tasks that take that long and report each run
#   gated N GATE         submits N tasks that report each run and wait for GATE
#   needs N NAME         submits N tasks, each of which needs one of the resource NAME of its worker
#   seceded N GATE       likewise, and they leave their threads first
#   actor WORKER         makes an actor on the worker of that address
#   hog WORKER MIB       fills so much memory on the worker of that address, little by little
#   plugin MIB           registers a plugin for nannies of that size
#   retire NAME          has the scheduler let the worker of that name go
#   shutdown             ends the scheduler, as a client may
#   workers              {name: address} of the workers that there are
# What became of it:
#   open GATE            opens a gate that is an Event
#   wait [SECONDS]       waits for all that was submitted and answers how much that was
#   check                fetches all results and answers those that are wrong (none: an empty list)
#   runs                 {tasks, most: how often the most run one ran, by_worker: {name: runs}}
#   troubles             {suspicious: most times a task lost its worker, erred, p2p_runs: P2P runs so far}
#   events TOPIC         what was logged under that topic
#   release              forgets all of it
import collections
import copy
import json
import os
import sys
import time

import dask
from distributed import Client, Event, get_worker, secede, wait
from distributed.diagnostics.plugin import NannyPlugin

SLOW = 20  # seconds, for `wait` that does not say


def hold(gate, value=None):
    """Return `value` once `gate` is open."""
    if os.path.isabs(gate):
        while not os.path.exists(gate):
            time.sleep(0.02)
    else:
        Event(gate).wait()
    return value


def reported(value, seconds=0, gate=None, leave=False):
    """Report that this task runs; later return a result that only this one has."""
    worker = get_worker()
    worker.log_event("runs", [value, str(worker.name)])
    if leave:
        secede()
    time.sleep(seconds)
    if gate:
        hold(gate)
    return [value, value * value]


def hog(mib):
    """Fill memory, and keep it for a while."""
    filled = []
    for _ in range(0, int(mib), 10):
        filled.append(bytes([1]) * (10 << 20))
        time.sleep(0.1)
    time.sleep(SLOW)
    return len(filled)


def gated_block(block, gate, block_info=None):
    """Pass an array's block on, the last one after `gate`."""
    if block_info and block_info[0]["chunk-location"] == (3, 0):
        hold(gate)
    return block


def gated_partition(number, gate):
    """Make a dataframe's partition, the last one after `gate`."""
    import pandas

    if number == 3:
        hold(gate)
    return pandas.DataFrame({"a": range(8), "b": number})


def rechunk(gate):
    import dask.array

    # Newer versions would join inputs this small before they move anything.
    settings = {"array.rechunk.method": "p2p", "array.chunk-size": "1B"}
    with dask.config.set(settings):
        ones = dask.array.ones((4, 4), chunks=(1, 4))
        rows = ones.map_blocks(gated_block, gate, dtype=float, meta=ones._meta)
        return rows.rechunk((4, 1)).persist()


def shuffle(gate):
    import dask.dataframe
    import pandas

    meta = pandas.DataFrame({"a": [0], "b": [0]})
    frame = dask.dataframe.from_map(gated_partition, range(4), gate=gate, meta=meta)
    with dask.config.set({"dataframe.shuffle.method": "p2p"}):
        return frame.shuffle("a").persist()


def troubles(dask_scheduler):
    """Runs on the scheduler."""
    from distributed.shuffle._core import ShuffleRunSpec

    tasks = dask_scheduler.tasks.values()
    # Runs are numbered over all shuffles of the process.
    (numbers,) = ShuffleRunSpec.__dataclass_fields__["run_id"].default_factory.args
    return {
        "suspicious": max((task.suspicious for task in tasks), default=0),
        "erred": sum(task.state == "erred" for task in tasks),
        "p2p_runs": next(copy.copy(numbers)) - 1,
    }


def workers(dask_scheduler):
    """Runs on the scheduler."""
    return {str(worker.name): worker.address for worker in dask_scheduler.workers.values()}


def retire(client, name):
    address = client.run_on_scheduler(workers)[name]
    client.retire_workers([address], close_workers=True)


class Counter:
    """An actor: state that lives on one worker and cannot be moved."""

    count = 0


class Large(NannyPlugin):
    """A plugin for nannies as heavy as an uploaded folder."""

    name = "large"

    def __init__(self, mib):
        self.content = bytes(int(mib) << 20)


class Work:
    """What was submitted, and what must come of it."""

    def __init__(self, client):
        self.client = client
        self.kept = []
        self.expected = []
        self.totals = []

    def keep(self, what, expected):
        self.kept.extend(what)
        self.expected.extend(zip(what, expected, strict=True))

    def hold(self, n, gate):
        self.kept.extend(self.client.map(hold, [gate] * int(n), range(int(n)), pure=False))

    def scatter(self, n, size):
        values = [bytes([number % 256]) * int(size) for number in range(int(n))]
        self.keep(self.client.scatter(values, hash=False), values)

    def submit(self, n, resources=None, **how):
        numbers = range(len(self.kept), len(self.kept) + int(n))
        asked = {"pure": False, "resources": resources}
        tasks = [self.client.submit(reported, number, **asked, **how) for number in numbers]
        self.keep(tasks, [[number, number * number] for number in numbers])

    def collection(self, made, total, expected):
        self.kept.append(made)
        self.totals.append((lambda: total(made), expected))

    def check(self):
        results = self.client.gather([future for future, _ in self.expected], errors="skip")
        if len(results) != len(self.expected):
            return [f"{len(self.expected) - len(results)} results are lost"]
        wrong = [(r, e) for r, (_, e) in zip(results, self.expected) if r != e]
        totals = [(total(), expected) for total, expected in self.totals]
        wrong += [(total, expected) for total, expected in totals if total != expected]
        return [f"{str(result)[:40]} is not {str(expected)[:40]}" for result, expected in wrong]

    def runs(self):
        events = [message for _, message in self.client.get_events("runs")]
        runs = collections.Counter(value for value, _ in events)
        workers = collections.Counter(worker for _, worker in events)
        return {"tasks": len(runs), "most": max(runs.values(), default=0), "by_worker": workers}

    def release(self):
        self.kept.clear()
        self.expected.clear()
        self.totals.clear()


def main():
    client = Client(sys.argv[1], timeout=20)
    work = Work(client)
    commands = {
        "hold": work.hold,
        "pin": lambda key, worker: work.kept.append(client.scatter({key: 42}, workers=[worker])[key]),
        "tuple_key": lambda: work.kept.append(client.submit(sum, [1, 2], key=("tup", 0, 1))),
        "rechunk": lambda gate: work.collection(rechunk(gate), lambda x: int(x.sum().compute()), 16),
        "shuffle": lambda gate: work.collection(shuffle(gate), len, 32),
        "scatter": work.scatter,
        "compute": lambda n, seconds: work.submit(n, seconds=float(seconds)),
        "gated": lambda n, gate: work.submit(n, gate=gate),
        "needs": lambda n, name: work.submit(n, resources={name: 1}),
        "seceded": lambda n, gate: work.submit(n, gate=gate, leave=True),
        "actor": lambda worker: work.kept.append(client.submit(Counter, actor=True, workers=[worker])),
        "hog": lambda worker, mib: work.kept.append(client.submit(hog, mib, workers=[worker])),
        "plugin": lambda mib: client.register_plugin(Large(mib)) and None,
        "retire": lambda name: retire(client, name),
        "shutdown": lambda: client.shutdown(),
        "workers": lambda: client.run_on_scheduler(workers),
        "events": lambda topic: [message for _, message in client.get_events(topic)],
        "open": lambda gate: Event(gate, client=client).set(),
        "wait": lambda seconds=SLOW: wait(work.kept, timeout=float(seconds)) and len(work.kept),
        "check": work.check,
        "runs": work.runs,
        "troubles": lambda: client.run_on_scheduler(troubles),
        "release": work.release,
    }
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *arguments = line.split()
        print(json.dumps(commands[name](*arguments)), flush=True)


if __name__ == "__main__":
    main()
