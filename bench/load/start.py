#!/usr/bin/env python3
"""Start of a worker's data plane: process start to first answered request, and RSS, by number of APIs.

  bench/load/start.py [--apis 2,1000,5000] [--rounds 5]
"""
import argparse
import datetime
import json
import os
import statistics
import sys
import tempfile
import urllib.parse

import measure
import targets


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apis", default="2,1000,5000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-build", action="store_true")
    arguments = parser.parse_args()
    targets.require_tools()
    if not arguments.no_build:
        targets.build()

    counts = [int(n) for n in arguments.apis.split(",")]
    runs = []
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as directory:
        stage = targets.Stage(directory)
        try:
            port = urllib.parse.urlsplit(stage.backend().url).port
            for _ in range(arguments.rounds):
                for count in counts:
                    one = targets.Stage(directory)
                    try:
                        worker = one.worker("worker", port, apis=count)
                        with open(os.path.join(directory, "worker.log")) as log:
                            said = json.loads(log.readline())
                        runs.append(
                            {
                                "apis": count,
                                "seconds": worker.ready_seconds,
                                "compile_ms": said["compileMs"],
                                "rss": measure.memory_mib(measure.family(worker.pid)),
                            }
                        )
                    finally:
                        one.close()
        finally:
            stage.close()

    date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    lines = [
        f"# Start of a worker's data plane, {date[:10]}",
        "",
        f"- {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}; {arguments.rounds} rounds, medians; ten operations an API",
        "- start: from process start to the first request answered through the backend, with the table compiled from entities",
        "",
        "| APIs | start s | of it compiling ms | RSS MiB |",
        "|---|---|---|---|",
    ]
    for count in counts:
        rows = [r for r in runs if r["apis"] == count]
        median = lambda key: statistics.median(r[key] for r in rows)
        lines.append(f"| {count} | {median('seconds'):.2f} | {median('compile_ms'):.0f} | {median('rss'):.0f} |")
    path = os.path.join(targets.ROOT, "bench", "results", f"start-{date[:10]}")
    with open(path + ".md", "w") as file:
        file.write("\n".join(lines) + "\n")
    with open(path + ".json", "w") as file:
        json.dump(runs, file, indent=1)
    print("\n".join(lines[5:]))
    print(f"\nwritten: {os.path.relpath(path)}.md", file=sys.stderr)


if __name__ == "__main__":
    main()
