#!/usr/bin/env python3
"""CPU per request of a Gatehouse worker beside NGINX, HAProxy and YARP, in one interleaved run.

Each round loads every target once, in an order rotated by round, so that drift of the machine hits all alike. CPU is the
user and system time of a target's processes over the load. Ratios are medians of the ratios within a round to NGINX, not
ratios of medians: a noisy neighbour hits a whole round. Loopback only; it starts and ends everything it measures.

  bench/load/run.py                 # a few minutes; prints a table, writes bench/results/cpu-DATE.md and .json
  bench/load/run.py --extra real=http://127.0.0.1:8280/petstore/1.0.0/pets@PID   # a process that runs already
"""
import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.parse

import cluster
import measure
import targets


class Running:
    """A process set of somebody else's."""

    def __init__(self, text):
        self.name, rest = text.split("=", 1)
        self.url, _, pid = rest.rpartition("@")
        if urllib.parse.urlsplit(self.url).hostname not in ("127.0.0.1", "localhost"):
            sys.exit(f"loopback only: {self.url}")
        self.pid, self.headers = int(pid), targets.TYPICAL


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
        "load": f"wrk, 1 thread, {arguments.connections} connections, {arguments.rounds} rounds of {arguments.seconds} s, 1 KiB responses, 5 typical headers",
        "load_average": [os.getloadavg()[0]],
    }


def table(results, order, reference):
    base = {r["round"]: r["us"] for r in results if r["target"] == reference}
    lines = [
        "| target | CPU µs/request | min–max | ÷ nginx | user | system | requests/s | p50 ms | p99 ms | RSS MiB | PSS MiB | failed |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in order:
        rows = [r for r in results if r["target"] == name]
        if not rows:
            continue
        median = lambda key: statistics.median(r[key] for r in rows)
        ratio = statistics.median(r["us"] / base[r["round"]] for r in rows if r["round"] in base)
        lines.append(
            f"| {name} | {median('us'):.1f} | {min(r['us'] for r in rows):.1f}–{max(r['us'] for r in rows):.1f} | {ratio:.2f} "
            f"| {median('user_us'):.1f} | {median('system_us'):.1f} | {median('rps'):.0f} | {median('p50'):.2f} | {median('p99'):.2f} "
            f"| {median('rss'):.0f} | {median('pss'):.0f} | {sum(r['bad'] for r in rows)} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--warm", type=int, default=200_000, help="requests thrown away per target first, or a minute of them")
    parser.add_argument("--only", default="", help="comma list of targets, besides nginx")
    parser.add_argument("--real", action="store_true", help="also two workers of a real cluster: open API, and key with access log")
    parser.add_argument("--extra", action="append", default=[], help="NAME=URL@PID of a running process")
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--label", default="cpu")
    arguments = parser.parse_args()
    if arguments.rounds > 50 or arguments.seconds > 60:
        sys.exit("bounded runs only: at most 50 rounds of 60 seconds")
    targets.require_tools()
    if not arguments.no_build:
        targets.build()
        if arguments.real:
            cluster.build()

    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as directory:
        stage = targets.Stage(directory)
        try:
            port = urllib.parse.urlsplit(stage.backend().url).port
            started = [stage.nginx(port), stage.haproxy(port), stage.yarp(port)]
            bare = stage.worker("gatehouse", port)
            logging = stage.worker("gatehouse-logging", port, log=os.path.join(directory, "access.log"))
            started += [bare, targets.keyed(logging, "gatehouse-key-log"), stage.worker("gatehouse-sockets", port, transport="sockets")]
            started += [Running(text) for text in arguments.extra]
            if arguments.real:
                started += real(stage, port)
            if arguments.only:
                wanted = {"nginx", *arguments.only.split(",")}
                started = [t for t in started if t.name in wanted]

            about = conditions(arguments)
            for target in started:
                warm(target, arguments)
            results = []
            for round_ in range(arguments.rounds):
                turn = round_ % len(started)
                for target in started[turn:] + started[:turn]:
                    result = measure.run(target, arguments.connections, arguments.seconds)
                    if result["bad"] or result["errors"]:
                        print(f"{target.name}: {result['bad']} failed, {result['errors']}", file=sys.stderr)
                    results.append(result | {"round": round_})
            about["load_average"].append(os.getloadavg()[0])
            write(arguments.label, about, results, [t.name for t in started])
        finally:
            stage.close()


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
        sent += measure.load(target.url, target.headers, arguments.connections, 2)["requests"]
        if sent >= arguments.warm:
            break


def write(label, about, results, order):
    text = table(results, order, "nginx")
    lines = [
        f"# CPU per request, {about['date'][:10]}",
        "",
        f"- machine: {about['machine']}; load average {about['load_average'][0]:.1f} before, {about['load_average'][1]:.1f} after",
        f"- {', '.join(about['versions'])}; commit {about['commit']}",
        f"- {about['load']}",
        "- ÷ nginx: median of the ratios within a round; failed: responses other than 2xx and 3xx",
        "",
        text,
        "",
        "`gatehouse`: open API. `gatehouse-key-log`: API key, subscription, metrics and a JSON access log. `gatehouse-sockets`: open API",
        "on the runtime's sockets with inline completions instead of the loops. `real`, `real-key-log`: workers of a real cluster. `yarp`: its default pipeline. All proxies keep connections to the backend open.",
        "",
    ]
    path = os.path.join(targets.ROOT, "bench", "results", f"{label}-{about['date'][:10]}")
    with open(path + ".md", "w") as file:
        file.write("\n".join(lines))
    with open(path + ".json", "w") as file:
        json.dump({"conditions": about, "runs": results}, file, indent=1)
    print(text)
    print(f"\nwritten: {os.path.relpath(path)}.md", file=sys.stderr)


if __name__ == "__main__":
    main()
