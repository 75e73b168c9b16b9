"""What a set of processes costs while a load runs: CPU from /proc, requests and latencies from wrk or h2load."""
import os
import re
import subprocess
import tempfile

HZ = os.sysconf("SC_CLK_TCK")
HERE = os.path.dirname(os.path.abspath(__file__))


class Load:
    """How a target is called: by wrk, or by h2load where the protocol or the pace asks for it."""

    def __init__(self, script=None, arguments=(), tool="wrk", http1=False, rate=0):
        self.script, self.arguments = script, [str(a) for a in arguments]
        self.tool, self.http1, self.rate = tool, http1, rate


def stat(pid):
    text = open(f"/proc/{pid}/stat").read()
    return text[text.rindex(")") + 2 :].split()


def family(pid):
    """A process and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(int(stat(entry)[1]), []).append(int(entry))
            except (OSError, ValueError):
                pass
    found, todo = set(), [pid]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += children.get(one, [])
    return found


def cpu_seconds(pids):
    """(user, system) time of the processes so far; a process that is gone counts nothing."""
    user = system = 0
    for pid in pids:
        try:
            fields = stat(pid)
        except OSError:
            continue
        user += int(fields[11]) + int(fields[13])
        system += int(fields[12]) + int(fields[14])
    return user / HZ, system / HZ


def memory_mib(pids, key="Rss"):
    kib = 0
    for pid in pids:
        try:
            for line in open(f"/proc/{pid}/smaps_rollup"):
                if line.startswith(key + ":"):
                    kib += int(line.split()[1])
        except OSError:
            pass
    return kib / 1024


def milliseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def load(target, connections, seconds):
    """One run of the load generator on one thread."""
    return (h2load if target.load.tool == "h2load" else wrk)(target, connections, seconds)


def wrk(target, connections, seconds):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in target.headers:
        command += ["-H", header]
    if target.load.script:
        command += ["-s", os.path.join(HERE, "scripts", target.load.script)]
    command += [target.url] + (["--", *target.load.arguments] if target.load.arguments else [])
    out = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True).stdout
    total = int(re.search(r"(\d+) requests in", out)[1])
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    errors = re.search(r"Socket errors: (.*)", out)
    latency = dict(re.findall(r"^\s+(50|99)%\s+(\S+)$", out, re.M))
    return {
        "requests": total - (int(bad[1]) if bad else 0),
        "bad": int(bad[1]) if bad else 0,
        "errors": errors[1] if errors else None,
        "rps": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
        "p50": milliseconds(latency["50"]),
        "p99": milliseconds(latency["99"]),
    }


def h2load(target, connections, seconds):
    """One stream a connection: what a browser or a client library with one call at a time does."""
    with tempfile.NamedTemporaryFile("r", suffix=".log") as log:
        command = ["h2load", "-t1", f"-c{connections}", "-m1", f"-D{seconds}", f"--log-file={log.name}"]
        if target.load.http1:
            command += ["--h1"]
        if target.load.rate:
            command += [f"--rps={target.load.rate / connections}"]
        for header in target.headers:
            command += ["-H", header]
        out = subprocess.run(command + [target.url], capture_output=True, text=True, timeout=seconds + 60, check=True).stdout
        times = sorted(int(parts[2]) / 1000 for parts in (line.split("\t") for line in log) if len(parts) == 3)
    done = int(re.search(r"requests: \d+ total, \d+ started, (\d+) done", out)[1])
    good = int(re.search(r"status codes: (\d+) 2xx, (\d+) 3xx", out)[1])
    return {
        "requests": good,
        "bad": done - good,
        "errors": None,
        "rps": good / seconds,
        "p50": times[len(times) // 2] if times else 0,
        "p99": times[len(times) * 99 // 100] if times else 0,
    }


def run(target, connections, seconds):
    """Loads one target and says what a request cost its processes."""
    pids = family(target.pid)
    allocated = target.allocated()
    before = cpu_seconds(pids)
    result = load(target, connections, seconds)
    after = cpu_seconds(pids)
    count = max(result["requests"], 1)
    if allocated is not None and (now := target.allocated()) is not None:
        result["allocated"] = (now - allocated) / count
    user, system = (1e6 * (b - a) / count for a, b in zip(before, after))
    return result | {
        "target": target.name,
        "us": user + system,
        "user_us": user,
        "system_us": system,
        "rss": memory_mib(pids),
        "pss": memory_mib(pids, "Pss"),
        "load1": os.getloadavg()[0],
    }
