"""What was compared, and on which machine."""

import importlib.metadata
import os
import platform

PACKAGES = ("dask-kubernetes", "kopf", "kr8s", "distributed")


def versions(ours):
    """Versions by name; `ours` are those that the scripts know."""
    packages = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "dask-operator": ours["commit"],
        "compiler": ours["rust"],
        **packages,
        "Python": platform.python_version(),
        "Kubernetes": ours["kubernetes"],
        "etcd": ours["etcd"],
        "kwok": ours["kwok"],
    }


def machine():
    """The processor, how many of them, memory and kernel."""
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) // 1024 // 1024
    cores, model = len(os.sched_getaffinity(0)), (models or [platform.machine()])[0]
    return f"{cores} cores ({model}), {memory} GB of memory, Linux {platform.release().split('-')[0]}"
