# Writes down what a release of dask-kubernetes' client sends: the bodies of its POST requests, each as a file of
# JSON, and what make_cluster_spec answers. Only this program answers, always "not found": no cluster is needed.
#
# usage: record.py FOLDER       with the python of client-venv.sh
import asyncio
import json
import os
import sys
import tempfile
import threading
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

POSTED = []


class NotFound(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "POST":
            POSTED.append(json.loads(body))
        code, answer = 404, {"kind": "Status", "code": 404, "message": "not found"}
        if self.path.startswith("/version"):
            code, answer = 200, {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
        text = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


def kubeconfig(port):
    server = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "default"}}
    user = {"name": "u", "user": {"token": "none"}}
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "c"}
    return json.dumps({**config, "clusters": [server], "contexts": [context], "users": [user]})


def sent(action):
    POSTED.clear()
    try:
        action()
    except Exception:  # nothing could be created, the client says
        if not POSTED:
            raise
    assert len(POSTED) == 1, POSTED
    return POSTED[0]


def objects(KubeCluster):
    few = {"requests": {"cpu": "20m", "memory": "100Mi"}, "limits": {"memory": "400Mi"}}
    given = {"image": "example.org/dask:1", "n_workers": 2, "env": {"COLOUR": "green"}, "resources": few}

    def create(**options):
        return lambda: KubeCluster(name="kc", namespace="default", quiet=True, **options)

    def asks(method, *args, **kwargs):
        state = {"image": "example.org/dask:1", "n_workers": 3, "env": [], "resources": {}}
        it = types.SimpleNamespace(name="kc", namespace="default", worker_command=["dask-worker"], **state)
        return lambda: asyncio.run(getattr(KubeCluster, method)(it, *args, **kwargs))

    yield "cluster", create()
    yield "cluster-with-all", create(**given, idle_timeout=600, jupyter=True, scheduler_service_type="NodePort")
    yield "group", asks("_add_worker_group", "more")
    yield "group-with-all", asks("_add_worker_group", "big", n_workers=1, env=[{"name": "COLOUR", "value": "red"}], resources=few)
    yield "autoscaler", asks("_adapt", minimum=1, maximum=5)
    yield "autoscaler-without-bounds", asks("_adapt")


def write(folder, name, body):
    (Path(folder) / f"{name}.json").write_text(json.dumps(body, indent=2) + "\n")


def main(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), NotFound)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
        config.write(kubeconfig(server.server_port))
        config.flush()
        os.environ["KUBECONFIG"] = config.name
        from dask_kubernetes.operator import KubeCluster, make_cluster_spec

        for name, action in objects(KubeCluster):
            write(folder, name, sent(action))
        write(folder, "make-cluster-spec", make_cluster_spec("made"))
    # Half-made clusters must not be looked for at exit.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
