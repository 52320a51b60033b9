# Ordinary Dask on an elastic cluster: work comes, workers come; work ends, workers go; results stay.
#
# usage: python workflow.py [SCHEDULER_ADDRESS]        (default: $DASK_SCHEDULER_ADDRESS)
# It needs a cluster that starts workers by demand, at least two of them: apply cluster.yaml and autoscaler.yaml.
# Every result is compared with an answer that is known beforehand; the first that differs ends the program.
import contextlib
import hashlib
import itertools
import math
import os
import sys
import time

import dask.array as da
import dask.bag as db
import dask.dataframe as dd
import numpy
import pandas
from dask.distributed import Client, wait

PATIENCE = 300  # seconds that starting or stopping workers may take
READING = 0.4  # seconds for which a task waits as if it read its input from a storage
PARALLEL = 2.9  # seconds; x, y and z one after the other take 3


def check(right, message):
    """End the program with this message unless `right`."""
    if not right:
        raise SystemExit(f"WRONG: {message}")


def workers(client):
    """Return how many workers the cluster has."""
    return len(client.nthreads())


@contextlib.contextmanager
def stage(client, title):
    """Tell how long a stage took, and how many workers there were before and after it."""
    print(f"{title} ...")
    before, start = workers(client), time.monotonic()
    yield
    took = time.monotonic() - start
    print(f"    {took:.1f} s, workers before and after: {before}, {workers(client)}")


# --- x and y in parallel, z after both ---------------------------------------------------------------------------------


def pause(_):
    """Keep a worker busy for half a second, as long as Dask expects of a task it does not know yet."""
    time.sleep(0.5)


def ask_for_two_workers(client):
    """Keep 7.5 s of work in the queue: at Dask's 5 s of work for each worker, that is work for two."""
    deadline = time.monotonic() + PATIENCE
    pauses = []
    while workers(client) < 2:
        check(time.monotonic() < deadline, f"no two workers within {PATIENCE} s; does a DaskAutoscaler allow them?")
        pauses = [p for p in pauses if not p.done()]
        pauses += client.map(pause, range(15 - len(pauses)), pure=False)
        time.sleep(0.3)
    wait(pauses)


def slow_square(number):
    """Square a number, in one second."""
    time.sleep(1)
    return number * number


def slow_sum(first, second):
    """Add two numbers, in one second."""
    time.sleep(1)
    return first + second


def x_y_z(client):
    """Run x and y, which do not need each other, and z, which needs both. Return how many seconds it took."""
    start = time.monotonic()
    x = client.submit(slow_square, 3, pure=False)
    y = client.submit(slow_square, 4, pure=False)
    z = client.submit(slow_sum, x, y, pure=False)
    check(z.result() == 25, f"3² + 4² is 25, not {z.result()}")
    return time.monotonic() - start


def parallel(client):
    """x, y and z take a second each, and two seconds together."""
    print("x = 3² and y = 4², a second each, then z = x + y, another second ...")
    for _ in range(3):
        ask_for_two_workers(client)
        took = x_y_z(client)
        if workers(client) >= 2:  # else one was taken away meanwhile, and the time says nothing
            break
    print(f"    z = 25 after {took:.2f} s: x and y ran at the same time")
    check(took < PARALLEL, f"x, y and z took {took:.2f} s together, so x and y did not run at the same time")


# --- Bag, Array, DataFrame ---------------------------------------------------------------------------------------------


def primes_between(start, stop):
    """Count the primes from `start` up to and without `stop` by trying divisors."""
    time.sleep(READING)
    small = [n for n in range(2, math.isqrt(stop) + 1) if all(n % d for d in range(2, math.isqrt(n) + 1))]
    count = 0
    for number in range(max(start, 2), stop):
        candidates = itertools.takewhile(lambda prime: prime * prime <= number, small)
        count += all(number % prime for prime in candidates)
    return count


def bag(client):
    """Count primes in parts of equal length."""
    limit, parts = 4_000_000, 100
    with stage(client, f"Bag: the primes below {limit:,}, counted in {parts} parts"):
        step = limit // parts
        starts = db.from_sequence(range(0, limit, step), npartitions=parts)
        count = starts.map(lambda start: primes_between(start, start + step)).sum().compute()
    check(count == 283_146, f"there are 283,146 primes below {limit:,}, not {count:,}")
    print(f"    {count:,} primes, which is right")


def array(client):
    """Multiply the matrix of the cosine transform with its transpose: its rows are orthogonal and of length 1."""
    size, block = 5000, 1000
    with stage(client, f"Array: a matrix of {size} x {size} times its transpose, in blocks of {block} x {block}"):
        row = da.arange(size, chunks=block)[:, None]
        column = da.arange(size, chunks=block)[None, :]
        length = da.where(row == 0, math.sqrt(1 / size), math.sqrt(2 / size))
        matrix = length * da.cos(math.pi / size * row * (column + 0.5))
        error = abs(matrix @ matrix.T - da.eye(size, chunks=block)).max().compute()
    check(error < 1e-9, f"the product differs from the identity by {error}")
    print(f"    the identity, but for {error:.0e}, which is right")


ROWS, SENSORS = 100_000, 10


def day(number):
    """Read one day of measurements: row i of all days has the value i, and the sensors take turns."""
    time.sleep(READING)
    value = numpy.arange(number * ROWS, (number + 1) * ROWS)
    return pandas.DataFrame({"sensor": value % SENSORS, "value": value})


def dataframe(client):
    """Join measurements with a table of sensors, and sum them up by place."""
    days = 60
    places = pandas.DataFrame({"sensor": range(SENSORS), "place": ["river", "lake"] * (SENSORS // 2)})
    with stage(client, f"DataFrame: {days * ROWS:,} measurements in {days} parts, joined with a table and summed up"):
        measurements = dd.from_map(day, range(days), meta=day(0).head(0))
        total = measurements.merge(places, on="sensor").groupby("place").value.sum().compute()
    half = days * ROWS // 2  # the river's values are the even numbers, the lake's the odd ones
    expected = {"river": half * (half - 1), "lake": half * half}
    check(total.to_dict() == expected, f"the sums are {expected}, not {total.to_dict()}")
    print(f"    river {total['river']:,}, lake {total['lake']:,}, which is right")


# --- results outlive their workers -------------------------------------------------------------------------------------


def noise(_):
    """Make 4 MB that no other run of this task would make again."""
    time.sleep(READING)
    return numpy.random.default_rng().random(500_000)


def fingerprint(block):
    """Return what tells this block from any other."""
    return hashlib.sha256(block.tobytes()).hexdigest()


def fingerprints(client, blocks):
    """Return the fingerprints of blocks, taken where the blocks are."""
    return client.gather(client.map(fingerprint, blocks, pure=False))


def keep(client):
    """Hold results while workers leave: they move to those that stay, and are not computed again."""
    print("Results that stay: 24 blocks of random numbers, 4 MB each, on all workers ...")
    blocks = client.map(noise, range(24), pure=False)
    wait(blocks)
    before = fingerprints(client, blocks)
    holders = {address for addresses in client.who_has(blocks).values() for address in addresses}
    print(f"    on {len(holders)} workers; nothing is left to do, so the cluster may shrink")
    check(len(holders) >= 2, "the results lie on one worker, so none of them would have to move")

    deadline, seen = time.monotonic() + PATIENCE, workers(client)
    while seen > 1:
        check(time.monotonic() < deadline, f"still {seen} workers after {PATIENCE} s without work")
        time.sleep(0.5)
        now = workers(client)
        if now != seen:
            there = sum(bool(addresses) for addresses in client.who_has(blocks).values())
            print(f"    {seen} -> {now} workers, {there} of {len(blocks)} results are there")
            check(there == len(blocks), "results were lost")
            seen = now
    check(fingerprints(client, blocks) == before, "a block is not what it was: it was lost and computed again")
    print(f"    one worker is left and has all {len(blocks)} blocks, the very same numbers as before")


def main():
    address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DASK_SCHEDULER_ADDRESS")
    if not address:
        raise SystemExit("usage: python workflow.py SCHEDULER_ADDRESS (or set DASK_SCHEDULER_ADDRESS)")
    start = time.monotonic()
    with Client(address, timeout=60) as client:
        print(f"connected to {address}: {workers(client)} workers")
        for part in parallel, bag, array, dataframe, keep:
            part(client)
    print(f"done in {time.monotonic() - start:.0f} s; all results were right, and are released now")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, errors="replace")
    main()
