"""The processes under comparison, each started from a configuration written here, and ended with the run."""
import json
import os
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

import measure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECRET = "gk_bench_0123456789abcdefghijklmnop"
PACKAGES = {
    "wrk": "wrk",
    "h2load": "nghttp2-client",
    "nginx": "nginx",
    "haproxy": "haproxy",
    "openssl": "openssl",
    "dotnet": "dotnet-sdk-10.0",
}
LUA_MODULES = [f"/usr/lib/nginx/modules/{name}.so" for name in ("ndk_http_module", "ngx_http_lua_module")]
PATH = "/open/1.0.0/items/42"

# HAProxy reckons with two descriptors a connection and does not start when there may not be so many.
HAPROXY_CONNECTIONS = min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 100)

# What the usual client sends, so that parsing has something to do.
TYPICAL = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    "Accept: application/json, text/plain, */*",
    "Accept-Encoding: gzip, deflate, br",
    "Accept-Language: en-US,en;q=0.9",
]


def require_tools():
    missing = [tool for tool in PACKAGES if not shutil.which(tool)]
    missing += [] if all(os.path.exists(module) for module in LUA_MODULES) else ["nginx-lua"]
    if missing:
        sys.exit("missing: " + ", ".join(f"{tool} (package {PACKAGES.get(tool, 'libnginx-mod-http-lua')})" for tool in missing))


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
    """A started process set with what is asked of it."""

    def __init__(self, name, process, url, headers=(), load=None):
        self.name, self.process, self.url, self.headers = name, process, url, list(headers)
        self.load = load or measure.Load()
        self.pid = process.pid
        self.ready_seconds = None
        self.log = None

    def allocated(self):
        """Bytes that the worker has allocated so far, by its own account; None for who keeps none."""
        if self.log is None:
            return None
        before = os.path.getsize(self.log)
        self.process.send_signal(signal.SIGUSR1)
        for _ in range(200):
            time.sleep(0.01)
            with open(self.log) as log:
                log.seek(before)
                said = log.read()
            if said.endswith("\n"):
                return json.loads(said.splitlines()[-1])["allocated"]
        return None

    def at(self, name=None, url=None, headers=None, load=None):
        """The same processes, asked otherwise."""
        other = Target(name or self.name, self.process, url or self.url, self.headers if headers is None else headers, load or self.load)
        other.ready_seconds, other.log = self.ready_seconds, self.log
        return other


class Stage:
    """Starts processes in one temporary directory and ends exactly those."""

    def __init__(self, directory):
        self.directory = directory
        # NGINX started as root serves files as somebody else.
        os.chmod(directory, 0o755)
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
                with urllib.request.urlopen(request, timeout=2, context=ssl._create_unverified_context()) as answer:
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

    def end(self, target):
        """Ends one target before the others."""
        target.process.send_signal(signal.SIGTERM)
        target.process.wait(20)

    def certificate(self):
        """A key and a self-signed certificate for 127.0.0.1 in one PEM file."""
        pem = os.path.join(self.directory, "bench.pem")
        if not os.path.exists(pem):
            made = ["-keyout", pem + ".key", "-out", pem + ".crt", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"]
            command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
            subprocess.run([*command, *made], check=True, capture_output=True)
            with open(pem, "w") as file:
                file.write(open(pem + ".crt").read() + open(pem + ".key").read())
        return pem

    def tokens(self, count):
        """Signs tokens of an issuer of its own; returns the directory with keys.json, rs256.txt and es256.txt."""
        directory = os.path.join(self.directory, "tokens")
        if not os.path.exists(directory):
            os.mkdir(directory)
            command = ["dotnet", program("Gatehouse.Bench.Worker"), "--tokens", str(count), "--directory", directory]
            subprocess.run(command, check=True)
        return directory

    def backend(self, size=1024):
        """A backend that answers everything with so many bytes: 1 KiB from memory, more from a cached file."""
        port = free_port()
        name = f"backend-{size}"
        if size <= 1024:
            answer = f'return 200 "{"x" * size}";'
        else:
            self.write(f"{size}.bin", "x" * size)
            answer = f"root {self.directory}; rewrite ^ /{size}.bin break;"
        path = self.write(
            f"{name}.conf",
            f"""daemon off; worker_processes 1; pid {name}.pid; error_log {name}.err;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; sendfile on; tcp_nopush on; open_file_cache max=10;
  server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; {answer} }} }} }}
""",
        )
        return self.start(["nginx", "-p", self.directory, "-c", path], f"http://127.0.0.1:{port}/", name)

    def nginx(self, backend_port, tls=False, lua=False):
        """NGINX as it is usually set up as a proxy; with Lua, a gateway that asks for a key, counts, measures and logs."""
        port = free_port()
        name = "nginx-lua" if lua else "nginx"
        modules = "".join(f"load_module {module};\n" for module in LUA_MODULES) if lua else ""
        listen = f"ssl http2 reuseport; ssl_certificate {self.certificate()}; ssl_certificate_key {self.certificate()}" if tls else "reuseport"
        path = self.write(
            f"{name}.conf",
            f"""{modules}daemon off; worker_processes {self.cores}; worker_rlimit_nofile 65536; pid {name}.pid; error_log {name}.err;
events {{ worker_connections 16384; }}
http {{ {LUA_HTTP if lua else "access_log off;"} keepalive_requests 1000000000; keepalive_timeout 300s;
  upstream backend {{ server 127.0.0.1:{backend_port}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} {listen};
    location / {{ {LUA_LOCATION if lua else ""} proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Request-Id $request_id; }} }} }}
""",
        )
        headers = [*TYPICAL, f"apikey: {SECRET}"] if lua else TYPICAL
        return self.start(
            ["nginx", "-p", self.directory, "-c", path], f"{'https' if tls else 'http'}://127.0.0.1:{port}{PATH}", name, headers
        )

    def haproxy(self, backend_port, tls=False):
        port = free_port()
        path = self.write(
            "haproxy.cfg",
            f"""global
  nbthread {self.cores}
  maxconn {HAPROXY_CONNECTIONS}
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout client 300s
  timeout server 300s
  timeout connect 5s
frontend in
  bind 127.0.0.1:{port} {f"ssl crt {self.certificate()} alpn h2,http/1.1" if tls else ""}
  default_backend out
backend out
  server one 127.0.0.1:{backend_port} pool-max-conn 256
""",
        )
        return self.start(["haproxy", "-db", "-f", path], f"{'https' if tls else 'http'}://127.0.0.1:{port}{PATH}", "haproxy", TYPICAL)

    def yarp(self, backend_port):
        port = free_port()
        return self.start(
            ["dotnet", program("Gatehouse.Bench.Yarp"), str(port), f"http://127.0.0.1:{backend_port}"],
            f"http://127.0.0.1:{port}{PATH}",
            "yarp",
            TYPICAL,
        )

    def worker(self, name, backend_port, apis=3, log=False, transport="loops", keys=None, tls=False):
        """A worker's data plane; called at its open API, over TLS when it has that."""
        port, tls_port = free_port(), free_port()
        command = ["dotnet", program("Gatehouse.Bench.Worker"), "--port", port, "--backend", f"http://127.0.0.1:{backend_port}"]
        command += ["--apis", apis, "--transport", transport]
        command += ["--log", os.path.join(self.directory, f"{name}-access.log")] if log else []
        command += ["--keys", keys] if keys else []
        command += ["--tls-port", tls_port, "--certificate", self.certificate()] if tls else []
        url = f"https://127.0.0.1:{tls_port}{PATH}" if tls else f"http://127.0.0.1:{port}{PATH}"
        inline = {"DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS": "1"}
        started = self.start([str(part) for part in command], url, name, TYPICAL, inline)
        started.log = os.path.join(self.directory, f"{name}.log")
        return started


# Finds the consumer of a key, counts its requests of this minute on all workers, tells it what is left, counts answers by
# status, and logs as JSON.
LUA_HTTP = f"""lua_shared_dict counters 10m;
  init_by_lua_block {{ consumers = {{ ["{SECRET}"] = "app_bench" }} }}
  log_format line escape=json '{{"time":"$time_iso8601","id":"$request_id","client":"$remote_addr","method":"$request_method",'
    '"host":"$host","path":"$uri","status":$status,"bytesIn":$request_length,"bytesOut":$body_bytes_sent,"seconds":$request_time,'
    '"application":"$consumer","target":"$upstream_addr"}}';
  access_log nginx-lua-access.log line buffer=64k flush=1s;"""
LUA_LOCATION = """set $consumer "";
      access_by_lua_block {
        local consumer = consumers[ngx.var.http_apikey or ""]
        if not consumer then return ngx.exit(401) end
        ngx.var.consumer = consumer
        ngx.req.clear_header("apikey")
        local limit, minute = 1000000000, math.floor(ngx.now() / 60)
        local used = ngx.shared.counters:incr(consumer .. ":" .. minute, 1, 0, 120)
        if used > limit then return ngx.exit(429) end
        ngx.header["RateLimit-Policy"] = '"Bench";q=1000000000;w=60'
        ngx.header["RateLimit"] = '"Bench";r=' .. (limit - used) .. ";t=60"
      }
      log_by_lua_block { ngx.shared.counters:incr("status:" .. ngx.status, 1, 0) }"""


def keyed(target, name):
    """The keyed API of the same worker."""
    return target.at(name, target.url.replace("/open/", "/keyed/"), target.headers + [f"apikey: {SECRET}"])


def with_token(target, name, directory, algorithm, fresh):
    """The API of the same worker that asks for a token: one and the same, or another with every request."""
    path = os.path.join(directory, f"{algorithm}.txt")
    url = target.url.replace("/open/", "/token/")
    if fresh:
        return target.at(name, url, load=measure.Load("tokens.lua", [path]))
    with open(path) as tokens:
        return target.at(name, url, target.headers + [f"Authorization: Bearer {tokens.readline().strip()}"])
