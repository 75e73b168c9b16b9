"""What a set of processes costs while a load runs: CPU from /proc, requests and latencies from wrk."""
import os
import re
import subprocess

HZ = os.sysconf("SC_CLK_TCK")


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


def load(url, headers, connections, seconds):
    """One run of wrk on one thread."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run(command + [url], capture_output=True, text=True, timeout=seconds + 30, check=True).stdout
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


def run(target, connections, seconds):
    """Loads one target and says what a request cost its processes."""
    pids = family(target.pid)
    before = cpu_seconds(pids)
    result = load(target.url, target.headers, connections, seconds)
    after = cpu_seconds(pids)
    count = max(result["requests"], 1)
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
