#!/usr/bin/env python3
"""Commit → served by every worker, on a real cluster of one manager and two workers, by number of deployed APIs.

Each sample deploys a revision that adds an operation, over REST, while one thread per worker asks for that operation until
it is no longer unknown. Time runs from the moment the deploy request is sent (so it holds the request, the revision and the
commit) and from the moment it is answered (the commit is on disk then) to the first served answer of the slowest worker.
Also says what a worker's start takes and its memory with that many APIs in its store.

  bench/load/propagation.py [--apis 10,1000,5000] [--samples 100]
"""
import argparse
import datetime
import http.client
import json
import os
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse

import cluster
import measure
import targets

PATHS = ["/items", "/items/{id}", "/items/{id}/parts", "/orders", "/orders/{id}"]


def await_served(port, path, limit, found):
    """Asks until the answer is no longer 404; notes when."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    while time.monotonic() < limit:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            found.append(time.monotonic())
            return
        time.sleep(0.001)


def sample(nodes, number, backend):
    """Milliseconds until every worker serves a new operation: (from sent, from answered)."""
    nodes.import_api("probe", backend, [*PATHS, f"/probe-{number}"], update=True)
    found, limit = [], time.monotonic() + 30
    askers = [
        threading.Thread(target=await_served, args=(w.ports["listen.gateway.http"], f"/probe/1.0.0/probe-{number}", limit, found))
        for w in nodes.workers
    ]
    for asker in askers:
        asker.start()
    time.sleep(0.05)
    sent = time.monotonic()
    nodes.deploy("probe")
    answered = time.monotonic()
    for asker in askers:
        asker.join()
    if len(found) < len(nodes.workers):
        sys.exit(f"sample {number}: only {len(found)} of {len(nodes.workers)} workers served it within 30 s")
    return 1e3 * (max(found) - sent), max(0.0, 1e3 * (max(found) - answered))


def start_of(nodes, number):
    """Seconds from process start to the first served request, and RSS."""
    worker = nodes.workers[0]
    nodes.stop(worker)
    began = time.monotonic()
    worker = nodes.workers[0] = nodes.restart(worker)
    while time.monotonic() - began < 60:
        try:
            found = []
            await_served(worker.ports["listen.gateway.http"], f"/probe/1.0.0/probe-{number}", time.monotonic() + 5, found)
            if found:
                return found[0] - began, measure.memory_mib({worker.pid})
        except OSError:
            time.sleep(0.005)
    sys.exit("the worker did not serve within 60 s of its restart")


def quantile(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apis", default="10,1000,5000")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--no-build", action="store_true")
    arguments = parser.parse_args()
    if arguments.samples > 1000:
        sys.exit("bounded runs only: at most 1000 samples")
    targets.require_tools()
    if not arguments.no_build:
        cluster.build()

    results = []
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as directory:
        stage = targets.Stage(directory)
        try:
            backend = stage.backend().url.rstrip("/")
            nodes = cluster.Cluster(stage, workers=2)
            nodes.import_api("probe", backend, PATHS)
            deployed, number = 0, 0
            for count in sorted(int(n) for n in arguments.apis.split(",")):
                began = time.monotonic()
                while deployed < count - 1:
                    deployed += 1
                    nodes.import_api(f"api{deployed}", backend, PATHS)
                    nodes.deploy(f"api{deployed}")
                filled = time.monotonic() - began
                pairs = []
                for _ in range(arguments.samples + 3):
                    number += 1
                    pairs.append(sample(nodes, number, backend))
                pairs = pairs[3:]  # the first ones compile code
                seconds, rss = start_of(nodes, number)
                results.append(
                    {
                        "apis": count,
                        "sent_ms": [p[0] for p in pairs],
                        "answered_ms": [p[1] for p in pairs],
                        "fill_seconds": filled,
                        "start_seconds": seconds,
                        "rss_mib": rss,
                        "load1": os.getloadavg()[0],
                    }
                )
                print(f"{count} APIs measured", file=sys.stderr)
        finally:
            stage.close()
    write(results, arguments)


def write(results, arguments):
    date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    lines = [
        f"# Commit → served by every worker, {date[:10]}",
        "",
        f"- {os.cpu_count()} cores that also run the manager, two workers and the backend; {arguments.samples} deployments each, one at a time",
        "- sent: from sending the deploy request; answered: from its answer, when the commit is on disk; both to the slowest worker's first served request",
        "- start: from process start to the first served request, from the worker's own store; RSS right after",
        "",
        "| APIs | answered p50 ms | p99 ms | sent p50 ms | p99 ms | start s | RSS MiB | load average |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        lines.append(
            f"| {r['apis']} | {statistics.median(r['answered_ms']):.1f} | {quantile(r['answered_ms'], .99):.1f} "
            f"| {statistics.median(r['sent_ms']):.1f} | {quantile(r['sent_ms'], .99):.1f} "
            f"| {r['start_seconds']:.2f} | {r['rss_mib']:.0f} | {r['load1']:.1f} |"
        )
    path = os.path.join(targets.ROOT, "bench", "results", f"propagation-{date[:10]}")
    with open(path + ".md", "w") as file:
        file.write("\n".join(lines) + "\n")
    with open(path + ".json", "w") as file:
        json.dump(results, file, indent=1)
    print("\n".join(lines[6:]))
    print(f"\nwritten: {os.path.relpath(path)}.md", file=sys.stderr)


if __name__ == "__main__":
    main()
