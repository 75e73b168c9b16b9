#!/usr/bin/env python3
"""What an idle keep-alive connection costs a worker: idle.py [CONNECTIONS], 10 000 when not said.

Starts a backend and a worker's data plane on the loops and on the runtime's sockets in turn, opens the connections, asks once
on each, leaves them for five seconds and compares the resident memory. Needs `ulimit -n` above the number."""
import resource
import socket
import sys
import tempfile
import time
import urllib.parse

import targets

GATE_KIB = 10


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


def ask(url):
    where = urllib.parse.urlsplit(url)
    one = socket.create_connection((where.hostname, where.port), timeout=20)
    one.sendall(f"GET {where.path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    answer = b""
    while len(answer.partition(b"\r\n\r\n")[2]) < 1024:
        piece = one.recv(65536)
        if not piece:
            sys.exit("the worker closed a connection")
        answer += piece
    return one


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as directory:
        stage = targets.Stage(directory)
        try:
            backend = urllib.parse.urlsplit(stage.backend().url).port
            for transport in ("loops", "sockets"):
                worker = stage.worker(transport, backend, transport=transport)
                for one in [ask(worker.url) for _ in range(200)]:
                    one.close()
                time.sleep(2)
                before = resident_kib(worker.pid)
                idle = [ask(worker.url) for _ in range(count)]
                time.sleep(5)
                each = (resident_kib(worker.pid) - before) / count
                print(f"{transport}: {each:.1f} KiB a connection ({count} idle; the aim is {GATE_KIB})", flush=True)
                for one in idle:
                    one.close()
        finally:
            stage.close()


if __name__ == "__main__":
    main()
