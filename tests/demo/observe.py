# What timeline.py looks at: the scheduler, by a plugin that counts, and the API server, by `kubectl get --watch` or,
# where one is given that asks for no credentials, by its address.
# Both run in threads, so that neither a deaf scheduler nor a lost watch holds up the other or the display.
import contextlib
import json
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import cloudpickle
from distributed import Client
from distributed.diagnostics.plugin import SchedulerPlugin

PLUGIN = "demo-timeline"
GROUPS = {"pods": "/api/v1", "daskworkergroups": "/apis/kubernetes.dask.org/v1"}
POLL = 0.5  # seconds


class Recorder(SchedulerPlugin):
    """Runs in the scheduler: when each worker came, took its first task and left, and how many tasks it finished."""

    name = PLUGIN

    def __init__(self):
        self.first_task = None  # when the first task was submitted; all times are the scheduler's clock
        self.workers = {}  # name: what is known of it; the name of a worker is its pod's
        self.names = {}  # address: name
        self.results = set()  # keys that were computed and not forgotten
        self.repeated = 0  # tasks that had to be computed again

    async def start(self, scheduler):
        self.scheduler = scheduler
        for address in scheduler.workers:
            self.add_worker(scheduler, address)

    def add_worker(self, scheduler, worker):
        name = self.names[worker] = str(scheduler.workers[worker].name)
        self.workers.setdefault(name, {"joined": time.time(), "took": None, "tasks": 0})["left"] = None

    def remove_worker(self, scheduler, worker, **kwargs):
        name = self.names.pop(worker, None)
        if name in self.workers:
            self.workers[name]["left"] = time.time()

    def transition(self, key, start, finish, *args, **kwargs):
        if self.first_task is None:
            self.first_task = time.time()
        if finish == "processing":
            on = self.scheduler.tasks[key].processing_on
            seen = self.workers.get(str(on.name)) if on else None
            if seen and seen["took"] is None:
                seen["took"] = time.time()
        elif finish == "memory" and start == "processing":
            name = self.names.get(kwargs.get("worker"))
            if name:
                self.workers[name]["tasks"] += 1
            self.repeated += key in self.results
            self.results.add(key)
        elif finish == "forgotten":
            self.results.discard(key)


def snapshot(plugin, dask_scheduler=None):
    """Runs in the scheduler: what it has to do, and what the plugin has seen. None: the plugin is not there."""
    recorder = dask_scheduler.plugins.get(plugin)
    if recorder is None:
        return None
    workers = dask_scheduler.workers.values()
    return {
        "now": time.time(),
        "queued": len(dask_scheduler.queued) + len(dask_scheduler.unrunnable),
        "processing": sum(len(ws.processing) for ws in workers),
        "registered": len(workers),
        "retiring": sum(ws.status.name == "closing_gracefully" for ws in workers),
        "first_task": recorder.first_task,
        "repeated": recorder.repeated,
        "workers": {name: dict(seen) for name, seen in recorder.workers.items()},
    }


class SchedulerView(threading.Thread):
    """Asks the scheduler twice a second. `latest` is its last answer with our clock's time, `at`."""

    def __init__(self, address):
        super().__init__(daemon=True)
        # Pickled with what it contains: the scheduler has no such module.
        cloudpickle.register_pickle_by_value(__import__(__name__))
        self.client = Client(address, timeout=60, set_as_default=False)
        self.client.register_plugin(Recorder())
        self.latest = None
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(POLL):
            try:
                self.ask()
            except Exception as why:  # whatever it is, the workflow goes on and so do we
                print(f"(the scheduler did not answer the timeline: {why!r})")
                self.ended.wait(3)

    def ask(self):
        asked = time.time()
        answer = self.client.run_on_scheduler(snapshot, PLUGIN)
        if answer is None:  # a new scheduler
            self.client.register_plugin(Recorder())
            return
        answer["at"] = time.time()
        answer["ahead"] = answer["now"] - (asked + answer["at"]) / 2  # how far the scheduler's clock is before ours
        self.latest = answer

    def close(self):
        self.ended.set()
        self.join(5)
        try:
            self.client.unregister_scheduler_plugin(PLUGIN)
        finally:
            self.client.close(timeout=5)


class Watch(threading.Thread):
    """The objects of one kind that belong to a cluster, by name, as the API server reports them."""

    def __init__(self, kind, namespace, selector, changed, api=None):
        super().__init__(daemon=True)
        self.command = ["kubectl", "--namespace", namespace, "get", kind, "--selector", selector]
        self.command += ["--watch", "--output-watch-events", "--output", "json"]
        query = urllib.parse.urlencode({"labelSelector": selector, "watch": "true"})
        self.url = api and f"{api}{GROUPS[kind]}/namespaces/{namespace}/{kind}?{query}"
        self.changed = changed  # called with the event's type and the object
        self.objects = {}
        self.process = None
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            known = set(self.objects)
            with self.open() as lines:
                for line in lines:
                    event = json.loads(line)
                    self.note(event["type"], event["object"])
                    known.discard(event["object"]["metadata"]["name"])
            if not self.ended.wait(2):  # an API server ends a watch from time to time; the next one begins with a list
                for name in known:
                    self.objects.pop(name, None)

    @contextlib.contextmanager
    def open(self):
        if self.url:
            with urllib.request.urlopen(self.url) as answer:
                yield answer
        else:
            with subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True) as self.process:
                yield self.process.stdout

    def note(self, kind, thing):
        name = thing["metadata"]["name"]
        if kind == "DELETED":
            self.objects.pop(name, None)
        elif kind in ("ADDED", "MODIFIED"):
            self.objects[name] = thing
        else:
            return
        self.changed(kind, thing)

    def close(self):
        self.ended.set()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.join(5)


class ClusterView:
    """The worker group and the pods of a cluster, and when they changed (our clock)."""

    def __init__(self, cluster, namespace, group, api=None):
        self.group = group
        self.wishes = []  # (time, workers asked for), a new one for each change
        self.created = {}  # pod: when it was first seen
        label = f"dask.org/cluster-name={cluster}"
        self.groups = Watch("daskworkergroups", namespace, label, self.group_changed, api)
        pods = f"{label},dask.org/component=worker,dask.org/workergroup-name={group}"
        self.pods = Watch("pods", namespace, pods, self.pod_changed, api)

    def start(self):
        self.groups.start()
        self.pods.start()

    def close(self):
        self.groups.close()
        self.pods.close()

    def group_changed(self, _, group):
        if group["metadata"]["name"] == self.group:
            replicas = group["spec"]["worker"].get("replicas", 1)
            if not self.wishes or self.wishes[-1][1] != replicas:
                self.wishes.append((time.time(), replicas))

    def pod_changed(self, _, pod):
        self.created.setdefault(pod["metadata"]["name"], time.time())

    def counts(self):
        """Workers desired (None: not known yet), pods, and of these the ready, the ending and the leaving ones."""
        pods = [p for p in list(self.pods.objects.values()) if p["status"].get("phase") in ("Pending", "Running")]
        ending = sum("deletionTimestamp" in p["metadata"] for p in pods)
        ready = sum(is_ready(p) for p in pods)
        retiring = self.groups.objects.get(self.group, {}).get("status", {}).get("workers", {}).get("retiring", 0)
        desired = self.wishes[-1][1] if self.wishes else None
        leaving = min(max(retiring, ending), len(pods))
        return {"desired": desired, "pods": len(pods), "ready": ready, "ending": ending, "leaving": leaving}


def is_ready(pod):
    """Whether a pod has the condition Ready and is not being deleted."""
    conditions = pod["status"].get("conditions", [])
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
