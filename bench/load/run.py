#!/usr/bin/env python3
"""CPU per request of a Gatehouse worker beside NGINX, NGINX with Lua, HAProxy and YARP, case by case, in interleaved runs.

Each round loads every target of a case once, in an order rotated by round, so that drift of the machine hits all alike. CPU
is the user and system time of a target's processes over the load. Ratios are medians of the ratios within a round, not ratios
of medians: a noisy neighbour hits a whole round. Loopback only; it starts and ends everything it measures.

  bench/load/run.py                       # every case, about half an hour; writes bench/results/load-DATE.md and .json
  bench/load/run.py --quick --cases plain,policies
  bench/load/run.py --serve plain         # starts a case's targets and names them, for another yardstick
"""
import argparse
import datetime
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import urllib.parse

import cases
import cluster
import idle
import measure
import targets


class Running:
    """A process set of somebody else's."""

    def __init__(self, text):
        self.name, rest = text.split("=", 1)
        self.url, _, pid = rest.rpartition("@")
        if urllib.parse.urlsplit(self.url).hostname not in ("127.0.0.1", "localhost"):
            sys.exit(f"loopback only: {self.url}")
        self.pid, self.headers, self.load = int(pid), targets.TYPICAL, measure.Load()

    def allocated(self):
        return None


def conditions(arguments):
    cpu = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown CPU")

    def version(*command):
        ran = subprocess.run(command, capture_output=True, text=True)
        return next(iter((ran.stdout or ran.stderr).splitlines()), "")

    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {cpu}, Linux {os.uname().release}",
        "versions": [version("nginx", "-v"), version("haproxy", "-v"), "dotnet " + version("dotnet", "--version")],
        "commit": version("git", "-C", targets.ROOT, "rev-parse", "--short", "HEAD"),
        "load": f"1 client thread, {arguments.connections} connections, {arguments.rounds} rounds of {arguments.seconds} s, "
        "1 KiB answers unless said, 5 typical headers",
        "load_average": [os.getloadavg()[0]],
    }


def ratio(results, name, reference):
    """The median of the ratios within a round; None without both."""
    base = {r["round"]: r["us"] for r in results if r["target"] == reference}
    ratios = [r["us"] / base[r["round"]] for r in results if r["target"] == name and base.get(r["round"])]
    return statistics.median(ratios) if ratios else None


def table(results, order):
    lines = [
        f"| target | CPU µs/request | min–max | ÷ {order[0]} | user | system | requests/s | p50 ms | p99 ms | RSS MiB | PSS MiB | B allocated | failed |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in order:
        rows = [r for r in results if r["target"] == name]
        if not rows:
            continue
        median = lambda key: statistics.median(r[key] for r in rows)
        allocated = f"{median('allocated'):.0f}" if all("allocated" in r for r in rows) else "–"
        lines.append(
            f"| {name} | {median('us'):.1f} | {min(r['us'] for r in rows):.1f}–{max(r['us'] for r in rows):.1f} "
            f"| {ratio(results, name, order[0]):.2f} | {median('user_us'):.1f} | {median('system_us'):.1f} | {median('rps'):.0f} "
            f"| {median('p50'):.2f} | {median('p99'):.2f} | {median('rss'):.0f} | {median('pss'):.0f} | {allocated} | {sum(r['bad'] for r in rows)} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join([*cases.CASES, "idle"]), help="comma list (default: all)")
    parser.add_argument("--only", default="", help="comma list of targets, besides the first of each case")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=int, default=6_000, help="requests/s of the paced case")
    parser.add_argument("--idle", type=int, default=10_000, help="connections of the idle case; a fifth of it over TLS")
    parser.add_argument("--warm", type=int, default=150_000, help="requests thrown away per target first, or a minute of them")
    parser.add_argument("--quick", action="store_true", help="three rounds of a second, little warmth: to see that it runs")
    parser.add_argument("--real", action="store_true", help="also two workers of a real cluster: open API, and key with access log")
    parser.add_argument("--extra", action="append", default=[], help="NAME=URL@PID of a running process, in the plain case")
    parser.add_argument("--serve", metavar="CASE", help="start the targets of a case, name them, and wait for Ctrl-C")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--label", default="load")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds, arguments.warm = 3, 1, 20_000
    wanted = arguments.cases.split(",")
    unknown = [c for c in [*wanted, arguments.serve or "plain"] if c not in cases.CASES and c != "idle"]
    if unknown:
        sys.exit(f"no such case: {', '.join(unknown)}; there are {', '.join(cases.CASES)} and idle")
    if arguments.rounds > 50 or arguments.seconds > 60:
        sys.exit("bounded runs only: at most 50 rounds of 60 seconds")
    targets.require_tools()
    if not arguments.no_build:
        targets.build()
        if arguments.real:
            cluster.build()
    if arguments.serve:
        serve(arguments)
        return

    about, results = conditions(arguments), {}
    for number, name in enumerate(wanted, 1):
        say(f"[{number}/{len(wanted)}] {name}: starting")
        with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as directory:
            stage = targets.Stage(directory)
            try:
                progress = lambda text: say(f"[{number}/{len(wanted)}] {name}: {text}")
                if name == "idle":
                    results[name] = idle.case(stage, arguments.idle, progress)
                else:
                    results[name] = compare(stage, name, arguments, progress)
            finally:
                stage.close()
        about["load_average"].append(os.getloadavg()[0])
        write(arguments.label, about, results)
    print(report(about, results))


def say(text):
    print(text, file=sys.stderr, flush=True)


def compare(stage, name, arguments, progress):
    """Every round of one case."""
    started = cases.CASES[name][0](stage, arguments)
    if name == "plain":
        started += [Running(text) for text in arguments.extra]
        if arguments.real:
            started += real(stage, urllib.parse.urlsplit(stage.backend().url).port)
    if arguments.only:
        started = [started[0], *(t for t in started[1:] if t.name in arguments.only.split(","))]
    for target in started:
        progress(f"warming {target.name}")
        warm(target, arguments)
    runs = []
    for round_ in range(arguments.rounds):
        progress(f"round {round_ + 1} of {arguments.rounds}")
        turn = round_ % len(started)
        for target in started[turn:] + started[:turn]:
            result = measure.run(target, arguments.connections, arguments.seconds)
            if result["bad"] or result["errors"]:
                progress(f"{target.name}: {result['bad']} failed, {result['errors']}")
            runs.append(result | {"round": round_})
    return {"order": [t.name for t in started], "runs": runs}


def real(stage, backend_port):
    """A manager and two workers; the second writes an access log and is called with a key."""
    nodes = cluster.Cluster(stage, workers=2, settings={"worker-2": {"log.access": os.path.join(stage.directory, "real-access.log")}})
    paths = ["/items", "/items/{id}", "/items/{id}/parts", "/orders", "/orders/{id}"]
    for name, auth in (("open", "none"), ("keyed", "apikey")):
        nodes.import_api(name, f"http://127.0.0.1:{backend_port}", paths, auth)
        nodes.deploy(name)
    nodes.call("POST", "/applications", {"name": "bench"})
    nodes.call("POST", "/subscriptions", {"application": "bench", "api": "keyed:1.0.0"})
    secret = nodes.call("POST", "/applications/bench/keys", {})["secret"]
    bare, keyed = nodes.workers
    return [
        stage.adopt("real", bare.process, f"http://127.0.0.1:{bare.ports['listen.gateway.http']}/open/1.0.0/items/42", targets.TYPICAL),
        stage.adopt(
            "real-key-log",
            keyed.process,
            f"http://127.0.0.1:{keyed.ports['listen.gateway.http']}/keyed/1.0.0/items/42",
            [*targets.TYPICAL, f"apikey: {secret}"],
        ),
    ]


def warm(target, arguments):
    """Until the runtime has compiled what is hot; on a busy machine that takes long."""
    sent = 0
    for _ in range(30):
        sent += measure.load(target, arguments.connections, 2)["requests"]
        if sent >= arguments.warm:
            break


def serve(arguments):
    """Starts the targets of a case and says what to call them, until Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as directory:
        stage = targets.Stage(directory)
        try:
            for target in cases.CASES[arguments.serve][0](stage, arguments):
                own = "".join(f" -H '{header}'" for header in target.headers if header not in targets.TYPICAL)
                print(f"{target.name}={target.url}@+{target.pid}{own}", flush=True)
            say("Ctrl-C ends them")
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        finally:
            stage.close()


def gates(results):
    lines = ["| gate | measured | at most | |", "|---|---|---|---|"]
    for case, name, reference, most, what in cases.GATES:
        if case in results and (measured := ratio(results[case]["runs"], name, reference)) is not None:
            lines.append(f"| {what} | {measured:.2f} | {most:.2f} | {'met' if measured <= most else 'missed'} |")
    for case, name, most in cases.ALLOCATED:
        rows = [r["allocated"] for r in results.get(case, {"runs": []})["runs"] if r["target"] == name and "allocated" in r]
        if rows:
            verdict = "met" if statistics.median(rows) <= most else "missed"
            lines.append(f"| {case}: bytes allocated a request | {statistics.median(rows):.0f} | {most} | {verdict} |")
    for row in results.get("idle", []):
        if row["gate"]:
            verdict = "met" if row["kib"] <= row["gate"] else "missed"
            lines.append(f"| {row['target']}, idle, KiB a connection | {row['kib']:.1f} | {row['gate']} | {verdict} |")
    return "\n".join(lines)


def report(about, results):
    sections = [
        f"# Load, {about['date'][:10]}",
        "\n".join(
            [
                f"- machine: {about['machine']}; load average {about['load_average'][0]:.1f} before, then "
                + ", ".join(f"{load:.1f}" for load in about["load_average"][1:]),
                f"- {', '.join(about['versions'])}; commit {about['commit']}",
                f"- {about['load']}",
                "- ÷: median of the ratios within a round; failed: answers other than 2xx and 3xx",
                "- all proxies keep connections to the backend open; `yarp` is its default pipeline; `gatehouse-sockets` runs on the",
                "  runtime's sockets with inline completions instead of the loops",
            ]
        ),
        gates(results),
    ]
    for name, result in results.items():
        if name == "idle":
            sections += ["## Idle connections", idle.table(result)]
        else:
            sections += [f"## {cases.CASES[name][1]}", table(result["runs"], result["order"])]
    return "\n\n".join(sections) + "\n"


def write(label, about, results):
    path = os.path.join(targets.ROOT, "bench", "results", f"{label}-{about['date'][:10]}")
    with open(path + ".md", "w") as file:
        file.write(report(about, results))
    with open(path + ".json", "w") as file:
        json.dump({"conditions": about, "cases": results}, file, indent=1)
    say(f"written: {os.path.relpath(path)}.md")


if __name__ == "__main__":
    main()
