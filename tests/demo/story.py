# The demo's story on a cluster of processes: applies examples/, runs examples/workflow.py beside a live timeline, and
# then says how to look around, until Ctrl-C. Usage: story.py [--once]
# Run by `laptop`, which sets LAPTOP_API and KUBECONFIG.
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"
API = os.environ["LAPTOP_API"]
DASK = f"{API}/apis/kubernetes.dask.org/v1/namespaces/default"
PATIENCE = 60  # seconds


def ask(url, body=None):
    """Read an object, or apply a manifest to its URL."""
    headers = {"Content-Type": "application/apply-patch+yaml", "User-Agent": "demo"}
    method = "GET" if body is None else "PATCH"
    request = urllib.request.Request(url, body, headers if body else {}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        raise SystemExit(f"{method} {url}: {json.load(refusal)['message']}") from None


def apply(resource, file):
    """Apply a manifest of examples/ as `kubectl apply --server-side` does."""
    manifest = (EXAMPLES / file).read_bytes()
    ask(f"{DASK}/{resource}/example?fieldManager=demo&force=true", manifest)
    print(f"{resource}/example applied (examples/{file})")


def wait_for_scheduler():
    """Wait until the cluster's scheduler is ready."""
    deadline = time.monotonic() + PATIENCE
    while True:
        conditions = ask(f"{DASK}/daskclusters/example").get("status", {}).get("conditions", [])
        known = {c["type"]: c for c in conditions}
        if known.get("SchedulerReady", {}).get("status") == "True":
            return
        if time.monotonic() > deadline:
            why = "; ".join(f"{c['type']} {c['reason']}: {c['message']}" for c in conditions)
            raise SystemExit(f"no scheduler within {PATIENCE} s: {why}")
        time.sleep(0.1)


def tell(address):
    """Say how to look around."""
    print(f"""
To look at it, now or while it works:
  http://{address}:8787/status     in a browser: the dashboard
  export KUBECONFIG={os.environ['KUBECONFIG']}
  kubectl get daskclusters,daskworkergroups,daskautoscalers,pods
  kubectl get events
  kubectl delete daskautoscaler example; kubectl scale daskcluster example --replicas=3
  {sys.executable} {EXAMPLES / 'workflow.py'} tcp://{address}:8786
Ctrl-C ends it; nothing of it is left.
""")


def main():
    start = time.monotonic()
    apply("daskclusters", "cluster.yaml")
    apply("daskautoscalers", "autoscaler.yaml")
    wait_for_scheduler()
    address = ask(f"{API}/api/v1/namespaces/default/services/example-scheduler")["spec"]["clusterIP"]
    scheduler = f"tcp://{address}:8786"
    print(f"the scheduler is ready after {time.monotonic() - start:.1f} s: {scheduler}; "
          f"its dashboard: http://{address}:8787/status")
    print(f"python examples/workflow.py {scheduler}\n")
    command = [sys.executable, HERE / "timeline.py", "--api", API, "--cluster", "example", "--require-growth"]
    command += ["--linger", "90", "--summary", pathlib.Path(os.environ["KUBECONFIG"]).parent / "summary.json"]
    command += [scheduler, "--", sys.executable, EXAMPLES / "workflow.py", scheduler]
    code = subprocess.call(command, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
    if code or "--once" in sys.argv:
        sys.exit(code)
    tell(address)
    signal.pause()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
