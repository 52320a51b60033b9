"""Talks to the API server as one user: requests, watches, and waiting until something is so."""

import http.client
import json
import re
import ssl
import threading
import time

MERGE = "application/merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
DASK = "/apis/kubernetes.dask.org/v1"


class Refused(Exception):
    def __init__(self, status, method, path, text):
        super().__init__(f"{method} {path}: {status} {text[:300]}")
        self.status = status


class NotInTime(Exception):
    pass


def wait(what, condition, limit, every=0.1):
    """Waits until the condition holds and answers what it answered."""
    until = time.monotonic() + limit
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > until:
            raise NotInTime(f"{what}: not within {limit} s")
        time.sleep(every)


class Api:
    """One user of the API server, for one thread at a time."""

    def __init__(self, kubeconfig):
        text = kubeconfig.read_text()
        self.host, self.port = re.search(r"https://([\d.]+):(\d+)", text).groups()
        self.token = re.search(r"token: (\w+)", text)[1]
        self.context = ssl.create_default_context(cafile=re.search(r"certificate-authority: ([^\s}]+)", text)[1])
        self.connection = None

    def connect(self, timeout):
        return http.client.HTTPSConnection(self.host, int(self.port), context=self.context, timeout=timeout)

    def headers(self, **more):
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/json", **more}

    def request(self, method, path, body=None, kind="application/json"):
        if self.connection is None:
            self.connection = self.connect(300)
        headers = self.headers(**({"Content-Type": kind} if body is not None else {}))
        try:
            self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = self.connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise
        if answer.status >= 300:
            raise Refused(answer.status, method, path, text)
        return json.loads(text)

    def get(self, path):
        return self.request("GET", path)

    def find(self, path):
        """As `get`, or nothing where there is nothing."""
        try:
            return self.get(path)
        except Refused as refused:
            if refused.status != 404:
                raise
            return None

    def post(self, path, body):
        return self.request("POST", path, body)

    def patch(self, path, body):
        return self.request("PATCH", path, body, MERGE)

    def delete(self, path, **options):
        try:
            self.request("DELETE", path, options or None)
        except Refused as refused:
            if refused.status != 404:
                raise


class Pods:
    """Watches one namespace for pods that run and are ready, in a thread. Rows of a table, sent once a pod runs, cost the
    API server and us next to nothing."""

    def __init__(self, api, namespace):
        self.api, self.ready, self.changed, self.closed = api, set(), threading.Condition(), False
        self.reopened = 0  # times
        self.path = f"/api/v1/namespaces/{namespace}/pods?watch=true&includeObject=None&fieldSelector=status.phase%3DRunning"
        self.open()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def open(self):
        self.connection = self.api.connect(3600)
        self.connection.request("GET", self.path, headers=self.api.headers(Accept=TABLE))
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            raise Refused(self.answer.status, "GET", self.path, self.answer.read().decode())

    def run(self):
        while not self.closed:
            try:
                for line in self.answer:
                    event = json.loads(line)
                    for row in event["object"].get("rows", []):
                        self.row(event["type"], *row["cells"][:2])
                # The API server drops watchers that it thinks too slow. A new watch begins with all that is there.
                self.reopened += 1
                self.open()
            except (OSError, ValueError, http.client.HTTPException, Refused) as error:
                if not self.closed:
                    print(f"pods are watched anew after: {error!r}", flush=True)
                    time.sleep(0.5)

    def row(self, event, name, containers):
        ready, wanted = containers.split("/")
        with self.changed:
            if event == "DELETED" or ready != wanted:
                self.ready.discard(name)
            else:
                self.ready.add(name)
            self.changed.notify_all()

    def wait(self, count, limit, alive):
        """Waits until so many are ready, and answers when that was."""
        until = time.monotonic() + limit
        with self.changed:
            while len(self.ready) < count:
                self.changed.wait(1)
                alive()
                if time.monotonic() > until:
                    raise NotInTime(f"{len(self.ready)} of {count} pods are ready after {limit} s")
            return time.monotonic()

    def close(self):
        self.closed = True
        # A thread that reads is only woken by the end of what it reads.
        try:
            self.socket.shutdown(2)
        except OSError:
            pass
        self.thread.join(10)
        self.connection.close()
