"""From what was measured to tables. Usage: report.py DIR [TARGET]: prints them, or writes TARGET.md and TARGET.json."""

import json
import pathlib
import statistics
import sys

import facts

TITLES = {"ours": "dask-operator", "bare": "bare client", "dask-kubernetes": "dask-kubernetes"}
SCENARIOS = {
    "grow-100": "One group, 0 → 100 workers",
    "grow-1000": "One group, 0 → 1,000 workers",
    "clusters-3x10": "3 clusters of 10 workers, made at once",
    "clusters-10x10": "10 clusters of 10 workers, made at once",
    "idle": "{idle_seconds} idle seconds with those clusters",
}


def total(counts):
    return sum(counts.values())


def writes(counts):
    return sum(count for kind, count in counts.items() if kind.split()[0] not in ("get", "list", "watch"))


def others(result):
    return sum(result["control_plane_cpu"].values())


# Row title, value of one result, how it is written, and the least that something is divided by.
CPU = "CPU of the control plane, s", others, "{:.1f}", 0.1
REQUESTS = "its API requests", lambda r: total(r["requests"]), "{:.0f}", 10
GROWTH = (
    ("until all pods are ready, s", lambda r: r["wall"], "{:.2f}", 0.01),
    ("until it does nothing more, s", lambda r: r["quiet"], "{:.2f}", 0.01),
    ("its CPU, s", lambda r: r["cpu"], "{:.2f}", 0.005),
    ("its peak memory, MB", lambda r: r["peak_rss"], "{:.0f}", 1),
    REQUESTS,
    ("writes of Kubernetes' controllers", lambda r: writes(r["controllers"]), "{:.0f}", 10),
    CPU,
)
IDLE = (
    ("its CPU, s", lambda r: r["cpu"], "{:.3f}", 0.005),
    ("its memory, MB", lambda r: r["rss"], "{:.0f}", 1),
    REQUESTS,
    CPU,
)


def spread(values, form):
    """The median, and the least and the most where they differ."""
    values = [v for v in values if v is not None]
    if not values:
        return "did not finish"
    middle, least, most = (form.format(f(values)) for f in (statistics.median, min, max))
    return middle if least == most else f"{middle} ({least}–{most})"


class Report:
    def __init__(self, measured):
        self.measured = measured
        self.by = {}  # (scenario, contestant): round: result
        for result in measured["results"]:
            if "error" not in result:
                key = (result["scenario"], result["contestant"])
                self.by.setdefault(key, {})[result["round"]] = result

    def values(self, scenario, who, value):
        return {turn: value(result) for turn, result in self.by.get((scenario, who), {}).items()}

    def ratio(self, scenario, over, under, value, least):
        """Over divided by under, pair by pair within a round; nothing where the divisor is next to nothing."""
        a, b = self.values(scenario, over, value), self.values(scenario, under, value)
        turns = [t for t in a.keys() & b.keys() if None not in (a[t], b[t]) and b[t] >= least]
        pairs = [a[turn] / b[turn] for turn in turns]
        return spread(pairs, "{:.2f}") if pairs else "–"

    def figures(self, scenario):
        yield "| | dask-operator | bare client | dask-kubernetes | dask-operator / bare | dask-kubernetes / dask-operator |"
        yield "|---|---|---|---|---|---|"
        for title, value, form, least in IDLE if scenario == "idle" else GROWTH:
            cells = [spread(self.values(scenario, who, value).values(), form) for who in TITLES]
            cells.append(self.ratio(scenario, "ours", "bare", value, least))
            cells.append(self.ratio(scenario, "dask-kubernetes", "ours", value, least))
            yield f"| {title} | {' | '.join(cells)} |"

    def requests(self, scenario):
        results = {who: list(self.by.get((scenario, who), {}).values()) for who in TITLES}
        kinds = sorted({kind for found in results.values() for result in found for kind in result["requests"]})
        if not kinds:
            yield "None of them asked anything."
            return
        yield "| request | dask-operator | bare client | dask-kubernetes |"
        yield "|---|---|---|---|"
        for kind in kinds:
            cells = (spread([r["requests"].get(kind, 0) for r in results[who]], "{:.0f}") for who in TITLES)
            yield f"| {kind} | {' | '.join(cells)} |"

    def body(self):
        present = {result["scenario"] for result in self.measured["results"]}
        for scenario, title in SCENARIOS.items():
            if scenario in present:
                yield f"## {title.format(**self.measured)}\n"
                yield from self.figures(scenario)
                yield "\nAPI requests by verb and resource:\n"
                yield from self.requests(scenario)
                yield ""
        failed = [r for r in self.measured["results"] if "error" in r]
        if failed:
            yield "## What did not finish\n"
            for r in failed:
                yield f"- round {r['round']}, {r['scenario']}, {TITLES[r['contestant']]}: {r['error']}"


def main():
    directory = pathlib.Path(sys.argv[1])
    measured = json.loads((directory / "results.json").read_text())
    measured = {
        "versions": facts.versions(json.loads((directory / "versions.json").read_text())),
        "machine": facts.machine(),
        **measured,
    }
    body = "\n".join(Report(measured).body())
    if len(sys.argv) < 3:
        print(body)
        return
    head = (pathlib.Path(__file__).parent / "report.head.md").read_text()
    versions = ", ".join(f"{name} {version}" for name, version in measured["versions"].items())
    head = head.format(versions=versions, **{k: measured[k] for k in ("machine", "rounds")})
    pathlib.Path(f"{sys.argv[2]}.md").write_text(f"{head}\n{body.rstrip()}\n")
    pathlib.Path(f"{sys.argv[2]}.json").write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
