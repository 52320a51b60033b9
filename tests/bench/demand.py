# What it costs a scheduler to tell what waits, beside Dask's own adaptive_target, in one process without workers.
#
# usage: demand.py [TASKS...]
# Half of the tasks ask for a resource, in two amounts within one task group. Times are of the scheduler's event loop, medians of 21.
import asyncio
import pathlib
import pickle
import statistics
import sys
import time

import distributed
import msgpack
from distributed import Client, Scheduler
from distributed.core import connect

PROBE = pathlib.Path(__file__).parents[2] / "comm/src/demand/probe.py"
ROUNDS = 21


async def measured(ask, op):
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        reply = await ask(op)
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times), len(msgpack.packb(reply))


async def with_tasks(tasks):
    async with Scheduler(port=0, dashboard_address=":0") as scheduler:
        async with Client(scheduler.address, asynchronous=True) as client:
            comm = await connect(scheduler.address)

            async def ask(op, **arguments):
                await comm.write({"op": op, "reply": True, **arguments})
                return await comm.read()

            arguments = pickle.dumps((PROBE.read_text(), {}), protocol=0)
            await ask("run_function", function=b"cbuiltins\nexec\n.", args=arguments, serializers=["msgpack"])
            kept = client.map(abs, range(tasks // 2), pure=False)
            for amount in (1, 2):
                numbers = range(tasks // 4)
                kept += client.map(abs, numbers, pure=False, key=f"gpu-{amount}", resources={"GPU": amount})
            while len(scheduler.tasks) < 4 * (tasks // 4):
                await asyncio.sleep(0.1)
            demand, size = await measured(ask, "dask_operator_demand_2")
            target, _ = await measured(ask, "adaptive_target")
            ratio = demand / target
            print(f"{tasks:9,}  {demand:8.2f} ms  {target:8.2f} ms  {ratio:6.2f}  {size:8,} bytes", flush=True)
            await comm.close()


print(f"distributed {distributed.__version__}")
print("    tasks       demand  adaptive_target  ratio    answer")
for tasks in map(int, sys.argv[1:] or ["1000", "10000", "100000"]):
    asyncio.run(with_tasks(tasks))
