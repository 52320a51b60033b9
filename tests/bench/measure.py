"""What a process used, and what the API server wrote down of who asked for what."""

import collections
import json
import os
import time


class Process:
    """A running process, by its number."""

    def __init__(self, pid):
        self.pid = pid

    def cpu(self):
        """Seconds of processor time so far, user and system, of all threads. The clock is the one that
        clock_getcpuclockid(3) names; /proc counts in hundredths, which is too coarse for an idle minute."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def memory(self):
        """Resident memory in MB: its peak, and now."""
        with open(f"/proc/{self.pid}/status") as file:
            lines = dict(line.split(":", 1) for line in file)
        return tuple(round(int(lines[key].split()[0]) / 1024, 1) for key in ("VmHWM", "VmRSS"))


class Audit:
    """The API server's audit log."""

    def __init__(self, path):
        self.path = path

    def mark(self):
        return os.path.getsize(self.path)

    def requests(self, user, since):
        """How many requests of each kind the user made since that mark; a watch counts when it begins."""
        counts = collections.Counter()
        with open(self.path, "rb") as file:
            file.seek(since)
            for line in file:
                if line.endswith(b"\n") and b'"' + user.encode() + b'"' in line:
                    kind = self.kind(json.loads(line), user)
                    if kind:
                        counts[kind] += 1
        return counts

    @staticmethod
    def kind(entry, user):
        verb, what = entry["verb"], entry.get("objectRef")
        counted = "ResponseStarted" if verb == "watch" else "ResponseComplete"
        if entry["user"]["username"] != user or entry["stage"] != counted:
            return None
        if not what or "resource" not in what:
            return f"{verb} /" + entry["requestURI"].strip("/").split("/")[0].split("?")[0]
        return f"{verb} " + "/".join(filter(None, (what["resource"], what.get("subresource"))))


class Meter:
    """Measures one contestant, and the control plane beside it, from a start on."""

    def __init__(self, contestant, audit, control_plane):
        self.contestant, self.audit, self.control_plane = contestant, audit, control_plane
        self.mark, self.start = audit.mark(), time.monotonic()
        self.cpu = contestant.process().cpu()
        self.others = {name: process.cpu() for name, process in control_plane.items()}

    def quiet(self, limit, silence=2.0):
        """Waits until the contestant has asked and computed nothing for a while; answers since when, or nothing if it
        is never quiet."""
        until, process = time.monotonic() + limit, self.contestant.process()
        since, seen, mark, counted = time.monotonic(), process.cpu(), self.mark, 0
        while time.monotonic() < until:
            time.sleep(0.25)
            self.contestant.alive()
            now = self.audit.mark()
            if now != mark:
                counted, mark = sum(self.audit.requests(self.contestant.user, mark).values()), now
            else:
                counted = 0
            if counted or process.cpu() - seen > 0.05:
                since, seen = time.monotonic(), process.cpu()
            elif time.monotonic() - since > silence:
                return since
        return None

    def take(self):
        """What was used since the start."""
        peak, now = self.contestant.process().memory()
        requests = self.audit.requests(self.contestant.user, self.mark)
        controllers = self.audit.requests("kube-controller-manager", self.mark)
        others = {n: round(p.cpu() - self.others[n], 3) for n, p in self.control_plane.items()}
        return {
            "seconds": round(time.monotonic() - self.start, 3),
            "cpu": round(self.contestant.process().cpu() - self.cpu, 4),
            "peak_rss": peak,
            "rss": now,
            "requests": dict(sorted(requests.items())),
            "controllers": dict(sorted(controllers.items())),
            "control_plane_cpu": others,
        }
