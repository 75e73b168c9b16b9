"""A real cluster on this machine: a manager and workers as processes, with the REST API to change it."""
import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import targets

GATEHOUSE = ["dotnet", targets.program("Gatehouse").replace("Gatehouse.dll", "gatehouse.dll")]


def build():
    subprocess.run(
        ["dotnet", "build", "-c", "Release", "-v", "q", "-nologo", "src/Gatehouse"], cwd=targets.ROOT, check=True, stdout=sys.stderr
    )


class Node:
    """One started node; its log is beside its data."""

    def __init__(self, name, process, ports, log):
        self.name, self.process, self.ports, self.log = name, process, ports, log
        self.pid = process.pid


class Cluster:
    """Starts nodes in a stage's directory; the stage ends them."""

    def __init__(self, stage, workers, settings=None):
        self.stage = stage
        self.settings = settings or {}
        self.environment = {"XDG_CONFIG_HOME": os.path.join(stage.directory, "config")}
        self.manager = self._start("manager-1", ["init", "--workers", str(workers)])
        said = self._wait_for(self.manager, r"ghj1_\S+", workers)
        saved = json.load(open(os.path.join(self.environment["XDG_CONFIG_HOME"], "gatehouse", "credentials.json")))
        context = saved["contexts"][saved["current"]]
        self.rest = context["managers"][0] + "/api/v1"
        self.token = context["token"]
        self.trust = ssl.create_default_context(cadata=context["ca"])
        self.workers = []
        for number, token in enumerate(said, 1):
            worker = self._start(f"worker-{number}", ["join", token])
            self._wait_for(worker, r" runs and is a node of ", 1)
            self.workers.append(worker)

    def restart(self, node):
        """Ends a node and starts it on the same data."""
        self.stop(node)
        return self._start(node.name, ["run"], node.ports)

    def stop(self, node):
        node.process.terminate()
        node.process.wait(60)

    def call(self, method, path, body=None, content_type="application/json"):
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.rest + path, data, {"Authorization": f"Bearer {self.token}"}, method=method)
        if data is not None:
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, context=self.trust, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from None
        return json.loads(text) if text else None

    def import_api(self, name, backend, paths, auth="none", update=False):
        document = {
            "openapi": "3.0.3",
            "info": {"title": name, "version": "1.0.0"},
            "paths": {
                path: {method: {"responses": {"200": {"description": "ok"}}} for method in ("get", "post")}
                | ({"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]} if "{id}" in path else {})
                for path in paths
            },
        }
        query = {"name": name, "context": f"/{name}", "endpoint": backend, "auth": auth, "update": str(update).lower()}
        return self.call("POST", "/apis?" + urllib.parse.urlencode(query), json.dumps(document))

    def deploy(self, name):
        """Deploys what was imported; the answer is sent after the commit."""
        return self.call("POST", f"/apis/{name}:1.0.0/deployments", {})

    def _start(self, name, command, ports=None):
        ports = ports or {
            key: targets.free_port()
            for key in (
                "listen.gateway.http",
                "listen.gateway.https",
                "listen.management.http",
                "listen.management.https",
                "listen.internal.port",
                "listen.health.port",
                "cluster.localMember.port",
            )
        }
        log = os.path.join(self.stage.directory, f"{name}.log")
        settings = [f"--set={key}={value}" for key, value in (ports | self.settings.get(name, {})).items()]
        data = os.path.join(self.stage.directory, name)
        extra = ["--name", name] if command[0] == "init" else []
        with open(log, "a") as file:
            process = subprocess.Popen(
                GATEHOUSE + command + ["--data", data, "--advertise", "127.0.0.1"] + extra + settings,
                cwd=self.stage.directory,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=os.environ | self.environment,
                start_new_session=True,
            )
        self.stage.processes.append(process)
        return Node(name, process, ports, log)

    def _wait_for(self, node, pattern, count):
        limit = time.monotonic() + 120
        while True:
            text = open(node.log).read()
            found = re.findall(pattern, text)
            if len(found) >= count:
                return found
            if node.process.poll() is not None or time.monotonic() > limit:
                sys.exit(f"{node.name} did not start:\n{text[-3000:]}")
            time.sleep(0.05)
