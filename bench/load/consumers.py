#!/usr/bin/env python3
"""Applications × subscriptions × keys: how long they take to come in, and what a worker is with them.

For each number: a cluster of one manager and one worker takes that many applications over from a dump of an old database
(`gatehouse import wso2-db --apply`: each with its subscriptions, a consumer key with its secret, and a token that counts), then
as many more from a directory of sources (`gatehouse apply`), then compares that directory again (`gatehouse diff`). Then the
worker is started anew on its store, and called with one token and with a random one of all.

  bench/load/consumers.py [--applications 1000,10000] [--subscriptions 3] [--seconds 5] [--no-apply]
"""
import argparse
import datetime
import http.client
import json
import os
import secrets
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

import cluster
import measure
import targets

APIS = 10
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scripts", "consumers.lua")


def dump(path, count, subscriptions):
    """A dump of PostgreSQL with that many applications; answers their tokens."""
    tokens = [secrets.token_hex(16) for _ in range(count)]
    clients = [secrets.token_urlsafe(21)[:28] for _ in range(count)]

    def copy(file, table, columns, rows):
        file.write(f"COPY public.{table} ({', '.join(columns)}) FROM stdin;\n")
        for row in rows:
            file.write("\t".join("\\N" if v is None else str(v) for v in row) + "\n")
        file.write("\\.\n\n")

    many = range(1, count + 1)
    with open(path, "w") as file:
        file.write("--\n-- PostgreSQL database dump\n--\n\n")
        copy(file, "am_subscriber", ["subscriber_id", "user_id", "tenant_id"], [[1, "ann", -1234]])
        copy(
            file,
            "am_api",
            ["api_id", "api_provider", "api_name", "api_version", "context"],
            [[a + 1, "admin", f"api{a}", "1.0.0", f"/api{a}/1.0.0"] for a in range(APIS)],
        )
        copy(
            file,
            "am_application",
            ["application_id", "name", "subscriber_id", "application_tier", "callback_url", "description", "application_status", "group_id"],
            [[n, f"old-{n}", 1, "Unlimited", "", "", "APPROVED", ""] for n in many],
        )
        copy(
            file,
            "am_subscription",
            ["subscription_id", "tier_id", "api_id", "application_id", "sub_status", "subs_create_state"],
            [
                [n * subscriptions + s, "Unlimited", (n + s) % APIS + 1, n, "UNBLOCKED", "SUBSCRIBE"]
                for n in many
                for s in range(subscriptions)
            ],
        )
        copy(
            file,
            "am_application_key_mapping",
            ["application_id", "consumer_key", "key_type", "state", "create_mode"],
            [[n, clients[n - 1], "PRODUCTION", "COMPLETED", "CREATED"] for n in many],
        )
        copy(
            file,
            "idn_oauth_consumer_apps",
            ["id", "consumer_key", "consumer_secret", "username", "tenant_id", "user_domain", "app_name", "oauth_version", "callback_url", "grant_types"],
            [
                [n, clients[n - 1], secrets.token_urlsafe(21)[:28], "ann", -1234, "PRIMARY", f"ann_old-{n}_PRODUCTION", "OAuth-2.0", "", "client_credentials"]
                for n in many
            ],
        )
        copy(
            file,
            "idn_oauth2_access_token",
            ["token_id", "access_token", "refresh_token", "consumer_key_id", "authz_user", "tenant_id", "user_domain", "user_type"]
            + ["time_created", "refresh_token_time_created", "validity_period", "refresh_token_validity_period", "token_scope_hash", "token_state", "token_state_id"],
            [
                [f"t{n}", tokens[n - 1], f"r{n}", n, "ann", -1234, "PRIMARY", "APPLICATION", "2025-12-01 10:00:00", "2025-12-01 10:00:00", 3153600000000, 84600000, f"h{n}", "ACTIVE", "NONE"]
                for n in many
            ],
        )
        file.write("--\n-- PostgreSQL database dump complete\n--\n")
    return tokens


def sources(directory, count, subscriptions):
    os.makedirs(os.path.join(directory, "applications"))
    for n in range(count):
        with open(os.path.join(directory, "applications", f"new-{n}.yaml"), "w") as file:
            file.write(f"kind: Application\nname: new-{n}\nowner: ann\nsubscriptions:\n")
            for s in range(subscriptions):
                file.write(f'  - api: "api{(n + s) % APIS}:1.0.0"\n')


def run(nodes, *arguments, codes=(0,)):
    """Seconds that a command of the command line takes."""
    began = time.monotonic()
    done = subprocess.run(
        cluster.GATEHOUSE + list(arguments),
        cwd=nodes.stage.directory,
        env=os.environ | nodes.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode not in codes:
        sys.exit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return time.monotonic() - began


def await_token(worker, token, number, seconds):
    """Waits until an API takes the token; the seconds it took."""
    began = time.monotonic()
    context = ssl._create_unverified_context()
    while time.monotonic() - began < seconds:
        try:
            connection = http.client.HTTPSConnection("127.0.0.1", worker.ports["listen.gateway.https"], timeout=5, context=context)
            connection.request("GET", f"/api{number}/1.0.0/items", headers={"Authorization": f"Bearer {token}"})
            status = connection.getresponse().status
            if status == 200:
                return time.monotonic() - began
        except OSError:
            status = "no answer"
        time.sleep(0.005)
    sys.exit(f"{worker.name} did not take the token within {seconds} s: {status}")


def lookups(nodes, worker, tokens, subscriptions, seconds):
    """CPU µs of the worker per request, with one token and with a random one of all, in turns."""
    costs = {"one": [], "all": []}
    # Each token with an API that its application subscribed to.
    pairs = [f"{token} /api{(n + 1 + (n % subscriptions)) % APIS}/1.0.0/items" for n, token in enumerate(tokens)]
    files = {
        "one": nodes.stage.write("one.txt", pairs[0] + "\n"),
        "all": nodes.stage.write("all.txt", "\n".join(pairs) + "\n"),
    }
    url = f"http://127.0.0.1:{worker.ports['listen.gateway.http']}/"
    for round_ in range(7):
        for name in ("one", "all") if round_ % 2 else ("all", "one"):
            before = sum(measure.cpu_seconds({worker.pid}))
            done = subprocess.run(
                ["wrk", "-t1", "-c32", f"-d{seconds}s", "-s", SCRIPT, url, "--", files[name]], capture_output=True, text=True, check=True
            )
            used = sum(measure.cpu_seconds({worker.pid})) - before
            said = json.loads(done.stdout.splitlines()[-1])
            if said["bad"]:
                sys.exit(f"{said['bad']} of {said['requests']} requests were not answered with 200")
            if round_:  # the first round compiles code
                costs[name].append(1e6 * used / said["requests"])
    return {name: statistics.median(values) for name, values in costs.items()}


def one(count, subscriptions, seconds, applies):
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as directory:
        stage = targets.Stage(directory)
        try:
            backend = stage.backend().url.rstrip("/")
            nodes = cluster.Cluster(stage, workers=1)
            for number in range(APIS):
                nodes.import_api(f"api{number}", backend, ["/items"], auth="oauth2")
                nodes.deploy(f"api{number}")
            tokens = dump(os.path.join(directory, "old.sql"), count, subscriptions)
            result = {"applications": count, "subscriptions": subscriptions}
            result["takeover_seconds"] = run(nodes, "import", "wso2-db", "old.sql", "--apply")
            result["arrived_seconds"] = await_token(nodes.workers[0], tokens[-1], count % APIS, 60)
            if applies:
                sources(os.path.join(directory, "sources"), count, subscriptions)
                result["apply_seconds"] = run(nodes, "apply", "-f", "sources")
                result["diff_seconds"] = run(nodes, "diff", "-f", "sources")
            result["manager_cpu_seconds"] = sum(measure.cpu_seconds({nodes.manager.pid}))
            nodes.stop(nodes.workers[0])
            began = time.monotonic()
            worker = nodes.workers[0] = nodes.restart(nodes.workers[0])
            await_token(worker, tokens[-1], count % APIS, 120)
            result["start_seconds"] = time.monotonic() - began
            result["worker_mib"] = measure.memory_mib({worker.pid})
            result["manager_mib"] = measure.memory_mib({nodes.manager.pid})
            result["catalogue_mib"] = os.path.getsize(os.path.join(directory, "manager-1", "catalogue", "catalogue.db")) / 2**20
            result["lookup"] = lookups(nodes, worker, tokens, subscriptions, seconds)
            result["load1"] = os.getloadavg()[0]
            return result
        finally:
            stage.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--applications", default="1000,10000")
    parser.add_argument("--subscriptions", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--no-apply", action="store_true", help="only those of the old database")
    parser.add_argument("--no-build", action="store_true")
    arguments = parser.parse_args()
    counts = [int(n) for n in arguments.applications.split(",")]
    if max(counts) > 100_000 or not 1 <= arguments.subscriptions <= APIS:
        sys.exit(f"bounded runs only: at most 100000 applications, 1 to {APIS} subscriptions each")
    if not arguments.no_build:
        cluster.build()

    results = []
    for count in counts:
        results.append(one(count, arguments.subscriptions, arguments.seconds, not arguments.no_apply))
        print(json.dumps(results[-1]), file=sys.stderr)
    write(results)


def write(results):
    date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    lines = [
        f"# Applications × subscriptions × keys, {date[:10]}",
        "",
        f"- {os.cpu_count()} cores that run the manager on SQLite, a worker, the command line and the load",
        "- taken over: `gatehouse import wso2-db --apply`, each application with its subscriptions, a consumer key and a token; one request and one commit an application",
        "- applied: as many more applications from files, with `gatehouse apply`: a request and a commit for the application, its owner and each subscription; compared: `gatehouse diff` of them, nothing to do",
        "- arrived: from the end of the takeover until the worker takes the last token",
        "- start: the worker with all of them in its store, from process start to the first request that a taken token opens; RSS right after",
        "- request: CPU µs of the worker for a request with a token, the same one each time and a random one of all; medians of six rounds",
        "",
        "| applications | taken over s (ms each) | arrived s | applied s (ms each) | compared s | start s | worker MiB | manager MiB | catalogue MiB | request, one token µs | of all µs | load average |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        n = r["applications"]
        applied = f"{r['apply_seconds']:.1f} ({1e3 * r['apply_seconds'] / n:.1f}) | {r['diff_seconds']:.1f}" if "apply_seconds" in r else "– | –"
        lines.append(
            f"| {n} × {r['subscriptions']} | {r['takeover_seconds']:.1f} ({1e3 * r['takeover_seconds'] / n:.1f}) | {r['arrived_seconds']:.2f} "
            f"| {applied} | {r['start_seconds']:.2f} "
            f"| {r['worker_mib']:.0f} | {r['manager_mib']:.0f} | {r['catalogue_mib']:.0f} "
            f"| {r['lookup']['one']:.1f} | {r['lookup']['all']:.1f} | {r['load1']:.1f} |"
        )
    path = os.path.join(targets.ROOT, "bench", "results", f"consumers-{date[:10]}")
    with open(path + ".md", "w") as file:
        file.write("\n".join(lines) + "\n")
    with open(path + ".json", "w") as file:
        json.dump(results, file, indent=1)
    print("\n".join(lines[9:]))
    print(f"\nwritten: {os.path.relpath(path)}.md", file=sys.stderr)


if __name__ == "__main__":
    main()
