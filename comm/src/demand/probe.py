# Gives the schedulers of this process an operation that says what waits and what it needs. The operator sends this text
# with `run_function`; it works on distributed 2024.1 and newer. It changes nothing else, and is gone with the process.
#
# Work is counted by shape (what a task asks of its worker) and by prefix. Counts of task groups are the scheduler's
# own; to which shapes they belong is seen by looking at no more than LOOKS tasks in each state, and scaled where a
# group has more. A group whose tasks were not looked at now has the shapes that were seen of it before.
def install():
    import time
    import weakref
    from itertools import islice

    from distributed import Scheduler

    NAME = "dask_operator_demand_2"
    LOOKS, GROUPS, SHAPES, ROWS, NAMES, TEXT, PREFIX = 1000, 5000, 64, 192, 16, 200, 64
    WAITING, QUEUED, UNRUNNABLE, ASSIGNED, RUNNING, SECEDED = columns = range(6)
    COLUMNS, PLAIN = len(columns), ((), (), (), False)

    def words(values):
        return tuple(sorted(str(value)[:TEXT] for value in (values or ()))[:NAMES])

    def shape_of(ts, memo):
        resources, workers, hosts = ts.resource_restrictions, ts.worker_restrictions, ts.host_restrictions
        if not (resources or workers or hosts):
            return PLAIN
        key = (
            tuple(resources.items()) if resources else (),
            frozenset(workers) if workers else (),
            frozenset(hosts) if hosts else (),
            ts.loose_restrictions,
        )
        shape = memo.get(key)
        if shape is None:
            amounts = sorted((str(name)[:TEXT], float(amount)) for name, amount in key[0])
            shape = memo[key] = tuple(amounts[:NAMES]), words(workers), words(hosts), bool(key[3])
        return shape

    def looked_at(s):
        # {name of group: {(shape, column): tasks}}, and whether those are all.
        found, memo = {}, {}

        def look(ts, column):
            group = found.setdefault(ts.group.name, {})
            key = shape_of(ts, memo), column
            group[key] = group.get(key, 0) + 1

        processing = sum(len(ws.processing) for ws in s.workers.values())
        step = -(-len(s.unrunnable) // LOOKS) or 1
        for ts in islice(s.unrunnable, 0, None, step):
            look(ts, UNRUNNABLE)
        stride, skip = -(-processing // LOOKS) or 1, 0
        for ws in s.workers.values():
            executing, seceded = ws.executing, ws.long_running
            for ts in islice(ws.processing, skip, None, stride):
                look(ts, SECEDED if ts in seceded else RUNNING if ts in executing else ASSIGNED)
            skip = (skip - len(ws.processing)) % stride
        return found, step == stride == 1

    def shapes_of(known, group, seen):
        if seen:
            shapes = known[group.name] = {}
            for (shape, _), count in seen.items():
                shapes[shape] = shapes.get(shape, 0) + count
        return known.get(group.name) or {PLAIN: 1}

    def spread(rows, prefix, shares, total):
        # In whole tasks, and none is lost to rounding.
        of, given, so_far = sum(shares.values()), 0, 0
        for (shape, column), share in shares.items():
            so_far += share
            upto = total * so_far // of
            if upto > given:
                rows.setdefault((shape, prefix), [0] * COLUMNS)[column] += upto - given
            given = upto

    def rows_of(s, known):
        found, exact = looked_at(s)
        rows = {}
        if len(known) > 2 * GROUPS:
            known.clear()
        for n, group in enumerate(list(s.task_groups.values())):
            if n >= GROUPS:
                exact = False
                break
            states, seen = group.states, found.get(group.name, {})
            counts = [states[state] for state in ("waiting", "queued", "no-worker", "processing")]
            if not any(counts):
                continue
            waiting, queued, unrunnable, processing = counts
            shapes, prefix = shapes_of(known, group, seen), group.prefix

            def among(columns):
                # Shares of what was looked at, else of what is known of the group.
                shares = {key: n for key, n in seen.items() if key[1] in columns}
                return shares or {(shape, columns[0]): n for shape, n in shapes.items()}

            spread(rows, prefix, among([WAITING]), waiting)
            # What asks for something of its worker is never held back in the queue.
            spread(rows, prefix, {(PLAIN, QUEUED): 1}, queued)
            spread(rows, prefix, among([UNRUNNABLE]), unrunnable)
            spread(rows, prefix, among([ASSIGNED, RUNNING, SECEDED]), processing)
        return rows, exact

    def served_by(s, shape):
        # A registered worker that may run it, now or once it has time.
        resources, workers, hosts, loose = shape
        named = set(workers)
        for address, ws in s.workers.items():
            is_named = not (named or hosts) or loose or address in named or str(ws.name) in named or ws.host in hosts
            if is_named and all(ws.resources.get(name, 0) >= amount for name, amount in resources):
                return address
        return None

    def name(prefix):
        return str(prefix.name)[:PREFIX].encode("utf-8", "replace").decode()

    def seconds(value):
        return float(value) if value is not None and value >= 0 else -1.0

    def answer(s, known):
        began = time.perf_counter()
        rows, exact = rows_of(s, known)
        ordered = sorted(rows.items(), key=lambda row: -sum(row[1]))
        numbers, told, left_out = {}, [], 0
        for (shape, prefix), counts in ordered:
            if len(told) >= ROWS or (shape not in numbers and len(numbers) >= SHAPES):
                left_out += sum(counts)
                continue
            number = numbers.setdefault(shape, len(numbers))
            durations = seconds(prefix.duration_average), seconds(prefix.max_exec_time)
            told.append([number, name(prefix), *counts, *durations])
        published = s.extensions.get("publish")
        clients = sum(1 for name in s.clients if name != "fire-and-forget")
        forgotten = s.clients.get("fire-and-forget")
        return {
            "shapes": [
                [[list(r) for r in shape[0]], list(shape[1]), list(shape[2]), shape[3], served_by(s, shape)]
                for shape in numbers
            ],
            "rows": told,
            "left_out": left_out,
            "exact": exact and not left_out,
            "idle": sum(1 for ws in s.workers.values() if not ws.processing),
            "threads": s.total_nthreads,
            "clients": clients,
            "published": len(getattr(published, "datasets", ())),
            "fire_and_forget": len(forgotten.wants_what) if forgotten is not None else 0,
            "took": time.perf_counter() - began,
        }

    def number(name):
        prefix, _, version = name.rpartition("_")
        return int(version) if prefix == NAME.rpartition("_")[0] and version.isdigit() else None

    def offer(scheduler):
        known, this = {}, weakref.ref(scheduler)

        def dask_operator_demand(**ignored):
            return answer(this(), known)

        for older in [name for name in scheduler.handlers if (number(name) or number(NAME)) < number(NAME)]:
            del scheduler.handlers[older]
        scheduler.handlers.setdefault(NAME, dask_operator_demand)

    for scheduler in list(Scheduler._instances):
        offer(scheduler)


install()
