# Runs a Dask program and shows, while it runs, what the scheduler has to do and which workers come and go.
#
# usage: timeline.py [OPTIONS] SCHEDULER_ADDRESS -- PROGRAM [ARGUMENT]...
# Takes nothing but a scheduler that can be reached, and a kubectl that finds the cluster's API server or its address.
# Exit code: the program's; 3 if it succeeded and --require-growth found no worker that was added in its middle.
import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

from observe import ClusterView, SchedulerView

COLUMNS = ("queued", "running", "desired", "pods", "ready", "registered", "leaving")
HEADER_EVERY = 20  # lines
QUIET = 10  # seconds after which a line is printed although nothing changed
STALE = 5  # seconds after which an answer of the scheduler is not shown any more
NO_GROWTH = 3  # exit code


def parse():
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Runs a Dask program and shows its cluster while it runs.")
    parser.add_argument("scheduler", help="address of the scheduler")
    parser.add_argument("program", nargs="+", help="the program and its arguments, after --")
    parser.add_argument("--cluster", default="example", help="name of the DaskCluster")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--group", help="worker group to watch; default: the cluster's own")
    parser.add_argument("--api", metavar="URL", help="an API server to ask directly, without kubectl")
    parser.add_argument("--require-growth", action="store_true", help="fail if no worker was added in the middle")
    parser.add_argument("--linger", type=float, default=0, metavar="SECONDS",
                        help="how long to watch after the program's end for the last worker to leave")
    parser.add_argument("--summary", metavar="FILE", help="write the summary's figures there too, as JSON")
    args = parser.parse_args()
    args.group = args.group or f"{args.cluster}-default"
    return args


def clock(seconds):
    """Write a duration as minutes and seconds."""
    return f"{int(seconds // 60):3d}:{int(seconds % 60):02d}"


class Display:
    """Prints rows of figures and the program's own lines, each with the time since the start."""

    def __init__(self):
        self.start = time.time()
        self.lock = threading.Lock()
        self.rows = 0
        self.last = None
        self.printed = 0.0

    def say(self, text):
        """Print a line of the program."""
        with self.lock:
            print(f"{clock(time.time() - self.start)} | {text}", flush=True)

    def row(self, figures):
        """Print a row if it differs from the last one, or if that is long ago."""
        now = time.time()
        if figures == self.last and now - self.printed < QUIET:
            return
        self.last, self.printed = figures, now
        cells = ("?" if figures[name] is None else figures[name] for name in COLUMNS)
        line = f"{clock(now - self.start)} " + " ".join(f"{cell:>10}" for cell in cells)
        with self.lock:
            if self.rows % HEADER_EVERY == 0:
                print("  time " + " ".join(f"{name:>10}" for name in COLUMNS), flush=True)
            self.rows += 1
            print(f"{line}  {bar(figures)}".rstrip(), flush=True)


def bar(figures):
    """Draw the workers: # is ready, . is on its way, - is leaving."""
    leaving = figures["leaving"]
    ready = max(figures["ready"] - (leaving - figures["ending"]), 0)  # those that end are not ready any more
    return "#" * ready + "." * (figures["pods"] - leaving - ready) + "-" * leaving


def current(scheduler, cluster):
    """Return one row's figures; None where something is not known."""
    row = dict.fromkeys(COLUMNS) | cluster.counts()
    seen = scheduler.latest
    if seen and time.time() - seen["at"] < STALE:
        row |= {"queued": seen["queued"], "running": seen["processing"], "registered": seen["registered"]}
    return row


def relay(stream, display):
    """Hand the program's lines on as they come."""
    for line in stream:
        display.say(line.rstrip())


def watch(args, display, scheduler, cluster):
    """Run the program to its end, with a row for each second that changed something.

    Returns its exit code, the most workers at a time, and how many seconds it ran.
    """
    peak = {"ready": 0, "registered": 0}
    process = subprocess.Popen(args.program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=os.environ | {"PYTHONUNBUFFERED": "1"})
    reader = threading.Thread(target=relay, args=(process.stdout, display), daemon=True)
    reader.start()
    ended = None
    try:
        while ended is None or time.time() - ended < args.linger:
            row = current(scheduler, cluster)
            display.row(row)
            for name in peak:
                peak[name] = max(peak[name], row[name] or 0)
            if ended is None and process.poll() is not None:
                ended = time.time()
            if ended is not None and row["pods"] == 0:
                break
            time.sleep(1)
    finally:
        if process.poll() is None:
            process.terminate()
    process.wait()
    reader.join(5)
    return process.returncode, peak, ended - display.start


def history(start, scheduler, cluster):
    """Return what became of each worker, in the order in which they came."""
    def since(moment):
        return None if moment is None else round(moment - start, 1)

    def scheduler_since(moment):
        return None if moment is None else since(moment - scheduler["ahead"])

    workers = []
    for name, seen in scheduler["workers"].items():
        times = {key: scheduler_since(seen[key]) for key in ("joined", "took", "left")}
        workers.append({"name": name, "pod": since(cluster.created.get(name)), "tasks": seen["tasks"]} | times)
    return sorted(workers, key=lambda worker: worker["joined"])


def summarise(start, took, peak, scheduler, cluster):
    """Put together the summary's figures. Times are seconds since the start."""
    workers = history(start, scheduler, cluster)
    busy = sorted((w for w in workers if w["took"] is not None), key=lambda w: w["took"])
    first = busy[0]["took"] if busy else None
    added = [w for w in busy if w["pod"] is not None and w["pod"] > first]
    wishes = [(round(at - start, 1), number) for at, number in list(cluster.wishes)]
    submitted = scheduler["first_task"]
    return {
        "seconds": round(took, 1),
        "first_task_submitted": None if submitted is None else round(submitted - scheduler["ahead"] - start, 1),
        "first_task_taken": first,
        "added": [w["name"] for w in added],
        "added_asked_for": asked(wishes, added[0]["pod"]) if added else None,
        "added_took_a_task": added[0]["took"] if added else None,
        "peak_ready": peak["ready"],
        "peak_registered": peak["registered"],
        "tasks": sum(w["tasks"] for w in workers),
        "repeated": scheduler["repeated"],
        "workers": workers,
        "wishes": wishes,
    }


def asked(wishes, pod):
    """Return when the growth was asked for that this pod came of; the two are seen by different watches."""
    grown = [at for (at, more), (_, less) in zip(wishes[1:], wishes) if more > less and at <= pod + 1]
    return grown[-1] if grown else pod


def seconds(value):
    """Write a time of the summary."""
    return "-" if value is None else f"{value:.1f} s"


def show(summary):
    """Print the summary."""
    print("\nSummary (times are since the start)")
    print(f"  the program ran {summary['seconds']:.0f} s: {summary['tasks']} tasks,"
          f" of which {summary['repeated']} were computed again")
    if summary["first_task_taken"] is not None:
        waited = summary["first_task_taken"] - summary["first_task_submitted"]
        print(f"  from none: first task submitted at {seconds(summary['first_task_submitted'])},"
              f" taken by a worker {seconds(waited)} later")
    if summary["added"]:
        waited = summary["added_took_a_task"] - summary["added_asked_for"]
        print(f"  added in the middle: {len(summary['added'])}, asked for at {seconds(summary['added_asked_for'])};"
              f" the first of them took a task {seconds(waited)} later")
    else:
        print("  added in the middle: none")
    print(f"  at most {summary['peak_ready']} ready workers at a time")
    width = max((len(w["name"]) for w in summary["workers"]), default=6)
    print(f"\n  {'worker':<{width}} {'pod':>9} {'joined':>9} {'1st task':>9} {'left':>9} {'tasks':>7}")
    for w in summary["workers"]:
        times = " ".join(f"{seconds(w[name]):>9}" for name in ("pod", "joined", "took", "left"))
        print(f"  {w['name']:<{width}} {times} {w['tasks']:>7}")


def observe(args):
    """Run the program with everything around it. Return its exit code and the summary."""
    scheduler = SchedulerView(args.scheduler)
    scheduler.ask()  # once before anything runs, so that there is always a summary
    cluster = ClusterView(args.cluster, args.namespace, args.group, args.api)
    display = Display()
    scheduler.start()
    cluster.start()
    try:
        code, peak, took = watch(args, display, scheduler, cluster)
    finally:
        cluster.close()
        scheduler.close()
    return code, summarise(display.start, took, peak, scheduler.latest, cluster)


def main():
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    args = parse()
    try:
        code, summary = observe(args)
    except KeyboardInterrupt:
        sys.exit(130)
    show(summary)
    if args.summary:
        with open(args.summary, "w", encoding="utf-8") as file:
            json.dump(summary, file, indent=1)
    if code == 0 and args.require_growth and not summary["added"]:
        print("no worker was added while the program ran", file=sys.stderr)
        code = NO_GROWTH
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, errors="replace")
    main()
