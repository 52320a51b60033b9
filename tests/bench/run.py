"""Runs all rounds on a control plane that is up, and writes what was measured as JSON.

Usage: run.py SETTINGS.json OUT.json. Ends with 1 if something did not finish; times are not judged.
"""

import http.client
import json
import pathlib
import sys
import time
import types

from api import Api, NotInTime, Pods, Refused
from contestants import CONTESTANTS, Bare
from measure import Audit, Meter
from stage import Stage

# name: number of clusters, workers of each, seconds until they have to be ready, and whether the clusters are there
# before (without workers) or the making of them is measured, too.
FULL = {
    "grow-100": (1, 100, 300, True),
    "grow-1000": (1, 1000, 900, True),
    "clusters-10x10": (10, 10, 300, False),
}
QUICK = {"grow-100": FULL["grow-100"], "clusters-3x10": (3, 10, 120, False)}
IDLE = {"full": 60, "quick": 10}
WARM = (1, 100, 300, True)  # once, before anything counts: a server that has done nothing yet is slow
QUIET = 90  # longest wait for a contestant that still does something after its pods are ready


class Bench:
    def __init__(self, settings):
        self.settings = settings
        self.admin, self.observer = (Api(settings.directory / f"{u}.kubeconfig") for u in ("admin", "observer"))
        self.stage = Stage(settings, self.admin)
        self.audit = Audit(settings.directory / "audit.log")
        self.template = json.loads((pathlib.Path(__file__).parent / "cluster.json").read_text())
        self.results, self.failed, self.number = [], False, 0

    def clusters(self, namespace, count, workers):
        for number in range(count):
            cluster = json.loads(json.dumps(self.template))
            cluster["metadata"] = {"name": f"bench-{number}", "namespace": namespace}
            cluster["spec"]["worker"]["replicas"] = workers
            selector = {"dask.org/cluster-name": f"bench-{number}", "dask.org/component": "scheduler"}
            cluster["spec"]["scheduler"]["service"]["selector"] = selector
            yield cluster

    def scenario(self, contestant, namespace, count, workers, limit, grows):
        """One contestant in one scenario: what it used until it was quiet again, and when the pods were ready."""
        clusters = list(self.clusters(namespace, count, workers))
        contestant.start(clusters, self.admin)
        if grows:
            contestant.prepare(clusters, self.admin)
        Meter(contestant, self.audit, {}).quiet(QUIET)
        self.stage.rest()
        wanted = count * (workers + (1 if contestant.is_operator else 0))
        pods = Pods(self.observer, namespace)
        try:
            meter = Meter(contestant, self.audit, self.stage.parts)
            (contestant.grow if grows else contestant.create)(clusters, self.admin)
            ready = pods.wait(wanted, limit, contestant.alive)
            since = meter.quiet(QUIET)
        finally:
            pods.close()
        taken = meter.take()
        self.exactly(namespace, wanted)
        last = since and round(since - meter.start, 3)
        return taken | {"wall": round(ready - meter.start, 3), "quiet": last, "watch_reopened": pods.reopened}

    def exactly(self, namespace, wanted):
        found = len(self.admin.get(f"/api/v1/namespaces/{namespace}/pods")["items"])
        if found != wanted:
            raise NotInTime(f"{found} pods instead of {wanted}")

    def idle(self, contestant, seconds):
        meter, until = Meter(contestant, self.audit, self.stage.parts), time.monotonic() + seconds
        while time.monotonic() < until:
            contestant.alive()
            time.sleep(max(0, min(1, until - time.monotonic())))
        return meter.take()

    def one(self, turn, kind, name, shape):
        """One measurement, or the reason why there is none; with the last scenario goes the idle time after it."""
        self.number += 1
        namespace = f"bench-{self.number}"
        try:
            self.stage.install(kind.crds)
            self.stage.namespace(namespace)
            with kind(self.settings, self.audit) as contestant:
                result = self.scenario(contestant, namespace, *shape)
                self.keep(turn, kind, name, result)
                if name.startswith("clusters"):
                    self.keep(turn, kind, "idle", self.idle(contestant, IDLE[self.settings.mode]))
        except (NotInTime, Refused, OSError, RuntimeError, http.client.HTTPException) as error:
            self.failed = True
            self.keep(turn, kind, name, {"error": str(error)})
        self.stage.clear(namespace)
        self.stage.rest()

    def keep(self, turn, kind, name, result):
        self.results.append({"round": turn, "contestant": kind.user, "scenario": name} | result)
        seconds = result.get("wall", result.get("seconds"))
        said = result.get("error") or f"{seconds:8.2f} s {result['cpu']:7.2f} s CPU {result['peak_rss']:7.1f} MB"
        print(f"{time.strftime('%H:%M:%S')} round {turn} {name:15} {kind.title:16} {said}", flush=True)

    def all(self):
        self.one(0, Bare, "warm-up", WARM)
        self.results = [result for result in self.results if result["round"]]
        for turn in range(self.settings.rounds):
            for name, shape in (QUICK if self.settings.mode == "quick" else FULL).items():
                # Each round begins with another one, so that none always comes after the same.
                for place in range(len(CONTESTANTS)):
                    self.one(turn + 1, CONTESTANTS[(turn + place) % len(CONTESTANTS)], name, shape)


def main():
    settings = types.SimpleNamespace(**json.loads(pathlib.Path(sys.argv[1]).read_text()))
    settings.directory = pathlib.Path(settings.directory)
    bench = Bench(settings)
    try:
        bench.all()
    finally:
        facts = {"mode": settings.mode, "rounds": settings.rounds, "idle_seconds": IDLE[settings.mode]}
        pathlib.Path(sys.argv[2]).write_text(json.dumps(facts | {"results": bench.results}, indent=1) + "\n")
    sys.exit(1 if bench.failed else 0)


if __name__ == "__main__":
    main()
