"""The processes under comparison, each started from a configuration written here, and ended with the run."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECRET = "gk_bench_0123456789abcdefghijklmnop"
PACKAGES = {"wrk": "wrk", "nginx": "nginx", "haproxy": "haproxy", "dotnet": "dotnet-sdk-10.0"}

# What the usual client sends, so that parsing has something to do.
TYPICAL = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    "Accept: application/json, text/plain, */*",
    "Accept-Encoding: gzip, deflate, br",
    "Accept-Language: en-US,en;q=0.9",
]


def require_tools():
    missing = [tool for tool in PACKAGES if not shutil.which(tool)]
    if missing:
        sys.exit("missing: " + ", ".join(f"{tool} (package {PACKAGES[tool]})" for tool in missing))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def build():
    for project in ("bench/worker", "bench/yarp"):
        subprocess.run(["dotnet", "build", "-c", "Release", "-v", "q", "-nologo", project], cwd=ROOT, check=True, stdout=sys.stderr)


def program(name):
    return f"{ROOT}/artifacts/bin/{name}/release/{name}.dll"


class Target:
    """A started process set with the URL to load."""

    def __init__(self, name, process, url, headers=()):
        self.name, self.process, self.url, self.headers = name, process, url, list(headers)
        self.pid = process.pid
        self.ready_seconds = None

    def at(self, name, url, headers=()):
        """The same processes at another URL."""
        other = Target(name, self.process, url, headers)
        other.ready_seconds = self.ready_seconds
        return other


class Stage:
    """Starts processes in one temporary directory and ends exactly those."""

    def __init__(self, directory):
        self.directory = directory
        self.processes = []
        self.cores = os.cpu_count()

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def start(self, command, url, name, headers=(), environment=None):
        log = open(os.path.join(self.directory, f"{name}.log"), "w")
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=self.directory, stdout=log, stderr=log, env=os.environ | (environment or {}), start_new_session=True
        )
        self.processes.append(process)
        return self.adopt(name, process, url, headers, began, log.name)

    def adopt(self, name, process, url, headers=(), began=None, log=None):
        """Waits until a started process answers 2xx."""
        began = began or time.monotonic()
        target = Target(name, process, url, headers)
        request = urllib.request.Request(url, headers=dict(h.split(": ", 1) for h in headers))
        while True:
            try:
                with urllib.request.urlopen(request, timeout=2) as answer:
                    answer.read()
                break
            except OSError as error:
                if process.poll() is not None or time.monotonic() - began > 60:
                    said = open(log).read()[-2000:] if log else ""
                    sys.exit(f"{name} does not answer at {url}: {error}\n{said}")
                time.sleep(0.005)
        target.ready_seconds = time.monotonic() - began
        return target

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    # The backend: 1 KiB from memory.
    def backend(self):
        port = free_port()
        body = "x" * 1024
        path = self.write(
            "backend.conf",
            f"""daemon off; worker_processes 1; pid backend.pid; error_log backend.err;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
  server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 "{body}"; }} }} }}
""",
        )
        return self.start(["nginx", "-p", self.directory, "-c", path], f"http://127.0.0.1:{port}/", "backend")

    def nginx(self, backend_port):
        port = free_port()
        path = self.write(
            "nginx.conf",
            f"""daemon off; worker_processes {self.cores}; pid nginx.pid; error_log nginx.err;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
  upstream backend {{ server 127.0.0.1:{backend_port}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} reuseport;
    location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Request-Id $request_id; }} }} }}
""",
        )
        return self.start(
            ["nginx", "-p", self.directory, "-c", path], f"http://127.0.0.1:{port}/open/1.0.0/items/42", "nginx", TYPICAL
        )

    def haproxy(self, backend_port):
        port = free_port()
        path = self.write(
            "haproxy.cfg",
            f"""global
  nbthread {self.cores}
  maxconn 4096
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout client 300s
  timeout server 300s
  timeout connect 5s
frontend in
  bind 127.0.0.1:{port}
  default_backend out
backend out
  server one 127.0.0.1:{backend_port} pool-max-conn 256
""",
        )
        return self.start(["haproxy", "-db", "-f", path], f"http://127.0.0.1:{port}/open/1.0.0/items/42", "haproxy", TYPICAL)

    def yarp(self, backend_port):
        port = free_port()
        return self.start(
            ["dotnet", program("Gatehouse.Bench.Yarp"), str(port), f"http://127.0.0.1:{backend_port}"],
            f"http://127.0.0.1:{port}/open/1.0.0/items/42",
            "yarp",
            TYPICAL,
        )

    def worker(self, name, backend_port, apis=2, inline=True, log=None, transport="loops"):
        port = free_port()
        return self.start(
            ["dotnet", program("Gatehouse.Bench.Worker"), str(port), f"http://127.0.0.1:{backend_port}", str(apis), log or "none"],
            f"http://127.0.0.1:{port}/open/1.0.0/items/42",
            name,
            TYPICAL,
            ({"DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS": "1"} if inline else {}) | {"GATEHOUSE_BENCH_TRANSPORT": transport},
        )


def keyed(target, name):
    """The keyed API of the same worker."""
    return target.at(name, target.url.replace("/open/", "/keyed/"), target.headers + [f"apikey: {SECRET}"])
