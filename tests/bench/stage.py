"""The control plane between two measurements: definitions, namespaces, and putting everything away."""

import subprocess
import time

from api import DASK, Refused, wait
from measure import Process

PARTS = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kwok")
PLURALS = ("daskautoscalers", "daskjobs", "daskworkergroups", "daskclusters")
AWAY = 300  # seconds until all objects of a scenario have to be gone


class Stage:
    def __init__(self, settings, api):
        self.settings, self.api, self.installed = settings, api, None
        pids = {name: (settings.directory / "pids" / name).read_text() for name in PARTS}
        self.parts = {name: Process(int(pid)) for name, pid in pids.items()}

    def kubectl(self, *arguments):
        config = self.settings.directory / "admin.kubeconfig"
        command = [self.settings.directory / "bin/kubectl", "--kubeconfig", config, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr}")

    def install(self, whose):
        """Sees to it that these definitions are the installed ones, and not the others'."""
        if self.installed == whose:
            return
        names = [f"{plural}.kubernetes.dask.org" for plural in PLURALS]
        self.kubectl("delete", "crd", *names, "--ignore-not-found", "--timeout=120s")
        self.installed = None
        self.kubectl("apply", "--server-side", "-f", str(self.settings.crds[whose]))
        wait("the definitions are served", lambda: self.served(whose == "ours"), 60)
        self.installed = whose

    def served(self, has_status):
        try:
            for plural in PLURALS:
                self.api.get(f"{DASK}/{plural}?limit=1")
            names = {resource["name"] for resource in self.api.get(DASK)["resources"]}
        except Refused as refused:
            if refused.status not in (404, 429, 503):
                raise
            return False
        statuses = {f"{plural}/status" for plural in PLURALS if plural != "daskjobs"}  # theirs have that one
        return set(PLURALS) <= names and (statuses <= names if has_status else not statuses & names)

    def namespace(self, name):
        self.api.post("/api/v1/namespaces", {"metadata": {"name": name}})
        path = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        wait("the namespace has its account", lambda: self.api.find(path), 60)

    def rest(self):
        """Waits until the control plane has nothing to do any more; what is left after a minute is the same for all."""
        until, busy = time.monotonic() + 60, True
        while busy and time.monotonic() < until:
            before = sum(part.cpu() for part in self.parts.values())
            time.sleep(1)
            busy = sum(part.cpu() for part in self.parts.values()) - before > 0.15

    def clear(self, namespace):
        """Puts away all of a scenario's objects. No operator runs, so no scheduler is asked."""
        for plural in PLURALS:
            path = f"{DASK}/namespaces/{namespace}/{plural}"
            for item in self.api.get(path)["items"]:
                name = item["metadata"]["name"]
                if item["metadata"].get("finalizers"):
                    self.api.patch(f"{path}/{name}", {"metadata": {"finalizers": None}})
                self.api.delete(f"{path}/{name}")
        wait("all objects are gone", lambda: self.empty(namespace), AWAY, every=1)

    def empty(self, namespace):
        left = 0
        for base, plural in (("/apis/apps/v1", "deployments"), ("/apis/apps/v1", "replicasets"), ("/api/v1", "pods")):
            path = f"{base}/namespaces/{namespace}/{plural}"
            if self.api.get(f"{path}?limit=1")["items"]:
                left += 1
                self.api.delete(path, gracePeriodSeconds=0, propagationPolicy="Background")
        return not left
