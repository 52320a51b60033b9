# Drives dask-kubernetes' own KubeCluster: one command a line on stdin, one line of JSON each on stdout.
#
# usage: kube_cluster.py NAMESPACE NAME IMAGE
#   create N        a KubeCluster with N workers, connected and with all of them
#   compute N       runs N tasks on it and answers their sum
#   scale N         KubeCluster.scale
#   adapt MIN MAX   KubeCluster.adapt
#   logs            {pod name: number of lines}
#   close           KubeCluster.close
import json
import sys

from dask_kubernetes.operator import KubeCluster
from distributed import Client


class Commands:
    def __init__(self, namespace, name, image):
        self.where = {"namespace": namespace, "name": name, "image": image}

    def create(self, workers):
        few = {"requests": {"cpu": "20m", "memory": "100Mi"}}
        self.cluster = KubeCluster(n_workers=int(workers), resources=few, quiet=True, **self.where)
        self.client = Client(self.cluster)
        self.client.wait_for_workers(int(workers), timeout=90)

    def compute(self, n):
        return sum(self.client.gather(self.client.map(lambda x: x * x, range(int(n)), pure=False)))

    def scale(self, workers):
        self.cluster.scale(int(workers))

    def adapt(self, minimum, maximum):
        self.cluster.adapt(minimum=int(minimum), maximum=int(maximum))

    def logs(self):
        return {name: len(log.splitlines()) for name, log in self.cluster.get_logs().items()}

    def close(self):
        self.client.close()
        self.cluster.close()


def main():
    commands = Commands(*sys.argv[1:])
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        name, *arguments = line.split()
        print(json.dumps(getattr(commands, name)(*arguments)), flush=True)


if __name__ == "__main__":
    main()
