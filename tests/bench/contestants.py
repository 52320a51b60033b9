"""The three that are compared: how each is started, told to grow, and ended."""

import json
import os
import subprocess
import urllib.request

from api import DASK, NotInTime, wait
from measure import Process

START = 60  # seconds until a contestant has to be ready
HTTP = "127.0.0.1:26080"


class Contestant:
    """A process with a user of its own; it ends with the `with` block."""

    def __init__(self, settings, audit):
        self.settings, self.audit, self.child = settings, audit, None
        self.log = settings.directory / "log" / self.user

    def run(self, arguments, **options):
        # Nothing of our environment: no proxies, no settings, no home.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.settings.directory),
            "KUBECONFIG": str(self.settings.directory / f"{self.user}.kubeconfig"),
        }
        self.mark = self.audit.mark()
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(arguments, env=environment, stderr=log, cwd=self.settings.directory, **options)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.child is None:
            return
        if kind:
            print(f"--- the end of what {self.user} said:\n{self.log.read_text(errors='replace')[-3000:]}", flush=True)
        self.child.terminate()
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def process(self):
        return Process(self.child.pid)

    def alive(self):
        if self.child.poll() is not None:
            raise NotInTime(f"{self.user} ended with {self.child.returncode}")

    def answers(self, path):
        self.alive()
        try:
            with urllib.request.urlopen(f"http://{HTTP}{path}", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False


class Operator(Contestant):
    """An operator: what it does, it does because of objects that we make."""

    is_operator = True

    def start(self, clusters, api):
        """Runs until it watches; where clusters have no workers yet, until those are there."""
        self.run(self.arguments(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait(f"{self.user} is ready", self.ready, START)

    def prepare(self, clusters, api):
        for cluster in clusters:
            namespace, name = cluster["metadata"]["namespace"], cluster["metadata"]["name"]
            api.post(f"{DASK}/namespaces/{namespace}/daskclusters", with_workers(cluster, 0))
            wait("the group is there", lambda: api.find(group(cluster)), START)
            path = f"/api/v1/namespaces/{namespace}/pods?labelSelector=dask.org/cluster-name={name}"
            wait("the scheduler runs", lambda: phases(api, path) == ["Running"], START)

    def grow(self, clusters, api):
        for cluster in clusters:
            replicas = cluster["spec"]["worker"]["replicas"]
            api.patch(group(cluster), {"spec": {"worker": {"replicas": replicas}}})

    def create(self, clusters, api):
        for cluster in clusters:
            api.post(f"{DASK}/namespaces/{cluster['metadata']['namespace']}/daskclusters", cluster)


class Ours(Operator):
    user, title, crds = "ours", "dask-operator", "ours"

    def arguments(self):
        return [self.settings.operator, "--all-namespaces", "--scheduler-access", "direct", "--http-address", HTTP]

    def ready(self):
        return self.answers("/readyz")


class DaskKubernetes(Operator):
    user, title, crds = "dask-kubernetes", "dask-kubernetes", "theirs"

    def arguments(self):
        # As its image and chart start it.
        kopf = os.path.join(os.path.dirname(self.settings.python), "kopf")
        arguments = ["run", "-m", "dask_kubernetes.operator.controller", f"--liveness=http://{HTTP}/healthz"]
        return [kopf, *arguments, "--all-namespaces"]

    def ready(self):
        wanted = {f"watch {plural}" for plural in ("daskclusters", "daskworkergroups", "services", "pods")}
        return self.answers("/healthz") and wanted <= self.audit.requests(self.user, self.mark).keys()


class Bare(Contestant):
    user, title, crds = "bare", "bare client", "ours"
    is_operator = False

    def start(self, clusters, api):
        path = self.settings.directory / "clusters.json"
        path.write_text(json.dumps(clusters))
        self.run([self.settings.bare, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.child.stdout.readline() != "ready\n":
            raise NotInTime("bare client: did not get ready")

    def prepare(self, clusters, api):
        pass  # it made clusters and groups when it started

    def grow(self, clusters, api):
        self.child.stdin.write("go\n")
        self.child.stdin.flush()

    create = grow


def with_workers(cluster, replicas):
    copy = json.loads(json.dumps(cluster))
    copy["spec"]["worker"]["replicas"] = replicas
    return copy


def group(cluster):
    metadata = cluster["metadata"]
    return f"{DASK}/namespaces/{metadata['namespace']}/daskworkergroups/{metadata['name']}-default"


def phases(api, path):
    return [pod["status"].get("phase") for pod in api.get(path)["items"]]


CONTESTANTS = (Ours, Bare, DaskKubernetes)
