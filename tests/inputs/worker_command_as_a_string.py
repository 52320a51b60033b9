# KubeCluster as notebooks use it: the worker's command is one string, `limit` is a typing error, and the specification is
# changed by hand. One command a line on stdin, one line of JSON each on stdout.
#
# usage: worker_command_as_a_string.py NAMESPACE NAME IMAGE
#   create     the cluster, connected
#   compute    a sum on it
#   close      ends it
import json
import sys

from dask_kubernetes.operator import KubeCluster, make_cluster_spec
from distributed import Client


class Commands:
    def __init__(self, namespace, name, image):
        few = {"requests": {"cpu": "20m", "memory": "100Mi"}, "limit": {"memory": "1Gi"}}
        line = "dask worker --nthreads 1 --nworkers 1 --memory-limit 300MB --no-dashboard"
        spec = make_cluster_spec(name=name, image=image, n_workers=1, resources=few, worker_command=line)
        spot = {"key": "spot", "operator": "Equal", "value": "true", "effect": "NoSchedule"}
        spec["spec"]["worker"]["spec"]["tolerations"] = [spot]
        self.where = {"custom_cluster_spec": spec, "namespace": namespace, "quiet": True}

    def create(self):
        self.cluster = KubeCluster(**self.where)
        self.client = Client(self.cluster)

    def compute(self):
        return self.client.submit(sum, [1, 2, 3]).result(timeout=60)

    def close(self):
        self.client.close()
        self.cluster.close()


if __name__ == "__main__":
    commands = Commands(*sys.argv[1:])
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(getattr(commands, line.strip())()), flush=True)
