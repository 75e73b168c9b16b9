"""What is measured: each case starts its targets; the first is what the others are compared with."""
import urllib.parse

import measure
import targets

# More than a worker remembers, so that a cycle through them finds none again.
TOKENS = 21_000


def port(backend):
    return urllib.parse.urlsplit(backend.url).port


def plain(stage, arguments):
    backend = port(stage.backend())
    return [
        stage.nginx(backend),
        stage.haproxy(backend),
        stage.yarp(backend),
        stage.worker("gatehouse", backend),
        stage.worker("gatehouse-sockets", backend, transport="sockets"),
    ]


def policies(stage, arguments):
    backend = port(stage.backend())
    return [
        stage.nginx(backend),
        stage.nginx(backend, lua=True),
        targets.keyed(stage.worker("gatehouse", backend, log=True), "gatehouse"),
    ]


def jwt(stage, arguments):
    backend = port(stage.backend())
    tokens = stage.tokens(TOKENS)
    worker = stage.worker("gatehouse", backend, keys=f"{tokens}/keys.json")
    return [
        stage.nginx(backend),
        *(
            targets.with_token(worker, f"{algorithm}-{'new' if fresh else 'known'}", tokens, algorithm, fresh)
            for fresh in (False, True)
            for algorithm in ("rs256", "es256")
        ),
    ]


def tls(stage, arguments):
    backend = port(stage.backend())
    return [stage.nginx(backend, tls=True), stage.haproxy(backend, tls=True), stage.worker("gatehouse", backend, tls=True)]


def h2(stage, arguments):
    return [target.at(load=measure.Load(tool="h2load")) for target in tls(stage, arguments)]


def body64k(stage, arguments):
    backend = port(stage.backend(64 * 1024))
    return [stage.nginx(backend), stage.haproxy(backend), stage.yarp(backend), stage.worker("gatehouse", backend)]


def post(stage, arguments):
    backend = port(stage.backend())
    started = [stage.nginx(backend), stage.haproxy(backend), stage.yarp(backend), stage.worker("gatehouse", backend)]
    return [target.at(load=measure.Load("post.lua")) for target in started]


def apis(stage, arguments):
    backend = port(stage.backend())
    # Three are the open one, the keyed one and the one that asks for a token; the load goes over the rest.
    workers = [(count, stage.worker(f"apis-{count}", backend, apis=count + 3)) for count in (1, 1_000, 10_000)]
    return [stage.nginx(backend), *(worker.at(load=measure.Load("apis.lua", [count + 3])) for count, worker in workers)]


def paced(stage, arguments):
    backend = port(stage.backend())
    load = measure.Load(tool="h2load", http1=True, rate=arguments.rate)
    return [target.at(load=load) for target in (stage.nginx(backend), stage.yarp(backend), stage.worker("gatehouse", backend))]


CASES = {
    "plain": (plain, "Plain proxy, 1 KiB GET"),
    "policies": (policies, "Key, limit, route, metrics and access log; `nginx` is the bare proxy"),
    "jwt": (jwt, "Access tokens, known (the same again) and new (never seen); `nginx` is the bare proxy"),
    "tls": (tls, "TLS 1.3, HTTP/1.1, connections kept"),
    "h2": (h2, "TLS 1.3, HTTP/2 with one stream a connection"),
    "body64k": (body64k, "Answers of 64 KiB"),
    "post": (post, "POST of 1 KiB"),
    "apis": (apis, "Requests spread over 1, 1 000 and 10 000 APIs of ten operations"),
    "paced": (paced, "Plain proxy at a sixth of saturation"),
}

# Case, target, compared with, at most, what it says.
GATES = [
    ("plain", "gatehouse", "nginx", 1.05, "bare proxy ÷ NGINX"),
    ("plain", "gatehouse", "yarp", 0.50, "bare proxy ÷ YARP's default pipeline"),
    ("policies", "gatehouse", "nginx", 1.15, "key, limit, route, metrics, access log ÷ bare NGINX"),
    ("policies", "gatehouse", "nginx-lua", 0.80, "the same ÷ NGINX+Lua doing the same"),
    ("body64k", "gatehouse", "nginx", 0.80, "64 KiB answers ÷ NGINX"),
    ("tls", "gatehouse", "nginx", 1.25, "TLS, HTTP/1.1 ÷ NGINX"),
    ("h2", "gatehouse", "nginx", 2.00, "HTTP/2, one stream a connection ÷ NGINX"),
    ("paced", "gatehouse", "nginx", 1.05, "bare proxy at a sixth of saturation ÷ NGINX"),
]

# Case, target, most bytes that a worker allocates for a request.
ALLOCATED = [("plain", "gatehouse", 1024), ("policies", "gatehouse", 1024)]
