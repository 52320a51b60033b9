# A Dask client for tests: obeys one command a line on stdin, answers one line of JSON each on stdout.
#
# usage: driver.py SCHEDULER_ADDRESS
# Work waits for files ("gates"), so that a test decides when it ends:
#   hold N GATE          submits N tasks that run until GATE exists
#   pin KEY WORKER       puts one result on the worker of that address and keeps it there
#   tuple_key            runs a task whose key is a tuple
#   rechunk GATE         starts a P2P rechunk, one of whose inputs waits for GATE
#   shuffle GATE         starts a P2P shuffle of a dataframe likewise
#   wait                 waits for all that was submitted and answers how much that was
#   release              forgets all of it
import json
import os
import sys
import time

import dask
from distributed import Client, wait


def hold(gate, value=None):
    """Return `value` once the file `gate` exists."""
    while not os.path.exists(gate):
        time.sleep(0.02)
    return value


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


def main():
    client = Client(sys.argv[1], timeout=20)
    kept = []
    commands = {
        "hold": lambda n, gate: kept.extend(client.map(hold, [gate] * int(n), range(int(n)), pure=False)),
        "pin": lambda key, worker: kept.append(client.scatter({key: 42}, workers=[worker])[key]),
        "tuple_key": lambda: kept.append(client.submit(sum, [1, 2], key=("tup", 0, 1))),
        "rechunk": lambda gate: kept.append(rechunk(gate)),
        "shuffle": lambda gate: kept.append(shuffle(gate)),
        "wait": lambda: wait(kept, timeout=20) and len(kept),
        "release": kept.clear,
    }
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *arguments = line.split()
        print(json.dumps(commands[name](*arguments)), flush=True)


if __name__ == "__main__":
    main()
