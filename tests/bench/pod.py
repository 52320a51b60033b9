"""Measures how long it takes from a worker's pod, created, to its first task, done: with the agent and without, in turns.

usage: pod.py NAMESPACE IMAGE ROUNDS, where kubectl and pods can be reached
A cluster without workers has a task that waits; then one of two groups gets one worker. They differ in `agent.mode` alone."""

import json
import select
import statistics
import subprocess
import sys
import time

from distributed import Client

NAMESPACE, IMAGE, ROUNDS = sys.argv[1], sys.argv[2], int(sys.argv[3])
MODES = ["Disabled", "Full"]
PATIENCE = 120


def kubectl(*args, **more):
    done = subprocess.run(["kubectl", "-n", NAMESPACE, *args], check=True, capture_output=True, text=True, **more)
    return done.stdout


def spec(name, args, **more):
    container = {"name": name, "image": IMAGE, "args": args, "resources": {"requests": {"cpu": "50m"}}, **more}
    return {"terminationGracePeriodSeconds": 10, "containers": [container]}


def worker(mode, replicas):
    args = ["dask", "worker", "--name", "$(DASK_WORKER_NAME)", "--nthreads", "1"]
    return {"replicas": replicas, "spec": spec("worker", args), "agent": {"mode": mode}}


def apply(kind, name, wanted):
    manifest = {"apiVersion": "kubernetes.dask.org/v1", "kind": kind, "metadata": {"name": name}, "spec": wanted}
    kubectl("apply", "-f", "-", input=json.dumps(manifest))


def until(what, look):
    deadline = time.time() + PATIENCE
    while not (found := look()):
        if time.time() > deadline:
            sys.exit(f"not in time: {what}")
        time.sleep(0.1)
    return found


def pods(part):
    found = json.loads(kubectl("get", "pods", "-o", "json", "-l", f"dask.org/component={part}"))
    return found["items"]


def scheduler():
    ports = [{"name": "tcp-comm", "containerPort": 8786}, {"name": "http-dashboard", "containerPort": 8787}]
    ready = {"tcpSocket": {"port": 8786}, "periodSeconds": 1}
    selector = {"dask.org/cluster-name": "c", "dask.org/component": "scheduler"}
    service = {"selector": selector, "ports": [{"name": p["name"], "port": p["containerPort"]} for p in ports]}
    return {"spec": spec("scheduler", ["dask", "scheduler"], ports=ports, readinessProbe=ready), "service": service}


def ready():
    return [p["status"]["podIP"] for p in pods("scheduler")
            if any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions", []))]


def measure(client, mode):
    group = f"c-{mode.lower()}"
    task = client.submit(time.time, pure=False)
    command = ["kubectl", "-n", NAMESPACE, "get", "pods", "-o", "name", "--watch-only"]
    watch = subprocess.Popen([*command, "-l", f"dask.org/workergroup-name={group}"], stdout=subprocess.PIPE)
    try:
        time.sleep(1)  # the watch is there
        kubectl("scale", f"daskworkergroup/{group}", "--replicas=1")
        if not select.select([watch.stdout], [], [], PATIENCE)[0]:
            sys.exit("no pod was made in time")
        begin = time.time()
        # The pods' clock is ours.
        return task.result(timeout=PATIENCE) - begin
    finally:
        watch.kill()
        task.release()  # the only worker would stay for its result
        kubectl("scale", f"daskworkergroup/{group}", "--replicas=0")
        until("the pod is gone", lambda: not pods("worker"))


def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main():
    apply("DaskCluster", "c", {"worker": worker("Full", 0), "scheduler": scheduler()})
    address = until("the scheduler is ready", ready)[0]
    for mode in MODES:
        apply("DaskWorkerGroup", f"c-{mode.lower()}", {"cluster": "c", "worker": worker(mode, 0)})
    taken = {mode: [] for mode in MODES}
    with Client(f"tcp://{address}:8786") as client:
        for n in range(-1, ROUNDS):
            for mode in MODES if n % 2 else MODES[::-1]:
                took = measure(client, mode)
                if n >= 0:  # the first time, files are read from the disk
                    taken[mode].append(took)
    ratios = [without / full for without, full in zip(taken["Disabled"], taken["Full"])]
    print("| pod created to first task, s | without the agent | with it | without / with |\n|---|---|---|---|")
    print(f"| | {spread(taken['Disabled'])} | {spread(taken['Full'])} | {spread(ratios)} |")


if __name__ == "__main__":
    main()
