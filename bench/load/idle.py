#!/usr/bin/env python3
"""What an idle keep-alive connection costs: idle.py [CONNECTIONS], 10 000 when not said; a fifth of it over TLS.

Starts each proxy in turn, opens the connections, asks once on each, leaves them for five seconds and compares the resident
memory. Needs `ulimit -n` above the number."""
import resource
import socket
import ssl
import sys
import tempfile
import time
import urllib.parse

import measure
import targets

# KiB a connection, where there is an aim.
GATES = {"gatehouse": 10, "gatehouse, TLS": 45}


def ask(url, context):
    where = urllib.parse.urlsplit(url)
    one = socket.create_connection((where.hostname, where.port), timeout=20)
    if where.scheme == "https":
        one = context.wrap_socket(one)
    one.sendall(f"GET {where.path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    answer = b""
    while len(answer.partition(b"\r\n\r\n")[2]) < 1024:
        piece = one.recv(65536)
        if not piece:
            sys.exit(f"{url} closed a connection")
        answer += piece
    return one


def cost(target, count):
    """KiB of resident memory that each of so many idle connections takes."""
    context = ssl._create_unverified_context()
    for one in [ask(target.url, context) for _ in range(200)]:
        one.close()
    time.sleep(2)
    pids = measure.family(target.pid)
    before = measure.memory_mib(pids)
    idle = [ask(target.url, context) for _ in range(count)]
    time.sleep(5)
    each = (measure.memory_mib(pids) - before) * 1024 / count
    for one in idle:
        one.close()
    return each


def case(stage, count, progress):
    """A row per proxy."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    backend = urllib.parse.urlsplit(stage.backend().url).port
    proxies = {
        "nginx": lambda: stage.nginx(backend),
        "haproxy": lambda: stage.haproxy(backend),
        "yarp": lambda: stage.yarp(backend),
        "gatehouse": lambda: stage.worker("gatehouse", backend),
        "gatehouse-sockets": lambda: stage.worker("gatehouse-sockets", backend, transport="sockets"),
        "nginx, TLS": lambda: stage.nginx(backend, tls=True),
        "haproxy, TLS": lambda: stage.haproxy(backend, tls=True),
        "gatehouse, TLS": lambda: stage.worker("gatehouse-tls", backend, tls=True),
    }
    rows = []
    for name, start in proxies.items():
        connections = count // 5 if name.endswith("TLS") else count
        if name.startswith("haproxy"):
            connections = min(connections, targets.HAPROXY_CONNECTIONS - 300)
        progress(f"{connections} connections to {name}")
        target = start()
        rows.append({"target": name, "connections": connections, "kib": cost(target, connections), "gate": GATES.get(name)})
        stage.end(target)
    return rows


def table(rows):
    lines = ["| target | connections | KiB each |", "|---|---|---|"]
    return "\n".join(lines + [f"| {row['target']} | {row['connections']} | {row['kib']:.1f} |" for row in rows])


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as directory:
        stage = targets.Stage(directory)
        try:
            print(table(case(stage, count, lambda text: print(text, file=sys.stderr, flush=True))))
        finally:
            stage.close()


if __name__ == "__main__":
    main()
