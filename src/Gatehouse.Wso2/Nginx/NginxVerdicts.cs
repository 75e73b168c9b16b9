namespace Gatehouse.Wso2;

/// <summary>What is said of NGINX directives that no value is taken from, by name.</summary>
internal static class NginxVerdicts
{
    private const string Http = "the balancer's own HTTP; it has no such knob";
    private const string Tls = "TLS 1.2 and 1.3 with the ciphers of the operating system";
    private const string NodeTls = "nodes and balancer show each other certificates of the cluster";
    private const string Probes =
        "nodes are probed every second and by what their answers say; a failed one is tried last";
    private const string Compress = "the compress policy of an API does it";
    private const string Process = "NGINX's own processes";
    private const string Cache = "the cache policy of an API keeps answers, by RFC 9111, apart for each application";

    /// <summary>The verdict; null for a directive that nobody thought of.</summary>
    public static Verdict? Of(string name) => s_all.GetValueOrDefault(name) ?? OfFamily(name);

    private static Verdict? OfFamily(string name) =>
        name switch
        {
            _ when name.StartsWith("gzip", StringComparison.Ordinal)
                    || name.StartsWith("brotli", StringComparison.Ordinal) => Verdict.NotNeeded(Compress),
            _ when name.StartsWith("proxy_cache", StringComparison.Ordinal) => Verdict.NeedsYou(Cache),
            _ when name.StartsWith("proxy_ssl_", StringComparison.Ordinal) => Verdict.NotNeeded(NodeTls),
            _ when name.StartsWith("proxy_next_upstream", StringComparison.Ordinal) => Verdict.NotNeeded(
                "a request that may be repeated goes to another node once, any other is answered 502"
            ),
            _ when name.StartsWith("proxy_buffer", StringComparison.Ordinal)
                    || name.StartsWith("proxy_temp", StringComparison.Ordinal) => Verdict.NotNeeded(
                "bodies are passed on as they come"
            ),
            _ when name.StartsWith("ssl_", StringComparison.Ordinal) => Verdict.NotNeeded(Tls),
            _ when name.StartsWith("keepalive", StringComparison.Ordinal) => Verdict.NotNeeded(
                "connections to nodes are kept and used again by themselves"
            ),
            _ when name.StartsWith("open_file_cache", StringComparison.Ordinal) => Verdict.NotNeeded(
                "no files are served"
            ),
            _ when name.StartsWith("worker_", StringComparison.Ordinal) => Verdict.NotNeeded(Process),
            _ when name.StartsWith("fastcgi_", StringComparison.Ordinal)
                    || name.StartsWith("uwsgi_", StringComparison.Ordinal) => Verdict.NeedsYou(
                "the balancer passes on to nodes only; keep NGINX for what is no API"
            ),
            _ when name.StartsWith("auth_", StringComparison.Ordinal) => Verdict.NeedsYou(
                "callers prove themselves at the API: gatehouse api import --auth, or the call-out policy for a service of your own"
            ),
            _ => null,
        };

    private static readonly Dictionary<string, Verdict> s_all = new()
    {
        ["user"] = Verdict.NotNeeded(Process),
        ["pid"] = Verdict.NotNeeded(Process),
        ["daemon"] = Verdict.NotNeeded(Process),
        ["load_module"] = Verdict.NotNeeded(Process),
        ["use"] = Verdict.NotNeeded(Process),
        ["multi_accept"] = Verdict.NotNeeded(Process),
        ["sendfile"] = Verdict.NotNeeded("no files are served"),
        ["tcp_nopush"] = Verdict.NotNeeded(Http),
        ["tcp_nodelay"] = Verdict.NotNeeded(Http),
        ["server_tokens"] = Verdict.NotNeeded("answers of the gateway name no version"),
        ["types_hash_max_size"] = Verdict.NotNeeded(Http),
        ["server_names_hash_bucket_size"] = Verdict.NotNeeded(Http),
        ["default_type"] = Verdict.NotNeeded("the type of what a return answers; no files are served"),
        ["charset"] = Verdict.NotNeeded("no files are served"),
        ["root"] = Verdict.NeedsYou("no files are served: keep NGINX, or another server, for them"),
        ["index"] = Verdict.NotNeeded("no files are served"),
        ["alias"] = Verdict.NeedsYou("no files are served: keep NGINX, or another server, for them"),
        ["try_files"] = Verdict.NeedsYou("no files are served: keep NGINX, or another server, for them"),
        ["autoindex"] = Verdict.NotNeeded("no files are served"),
        ["log_format"] = Verdict.NotNeeded("access lines have one form (docs); log.format: json makes them objects"),
        ["zone"] = Verdict.NotNeeded("one process serves all connections"),
        ["least_conn"] = Verdict.NotNeeded("the balancer goes by the fewest requests in flight already"),
        ["least_time"] = Verdict.NotNeeded("the balancer goes by the fewest requests in flight already"),
        ["random"] = Verdict.NotNeeded("the balancer goes by the fewest requests in flight already"),
        ["max_conns"] = Verdict.NotNeeded("limits.connectionsPerBackend bounds them"),
        ["health_check"] = Verdict.NotNeeded(Probes),
        ["check"] = Verdict.NotNeeded(Probes),
        ["proxy_http_version"] = Verdict.NotNeeded("1.1 or 2, as the node takes"),
        ["proxy_redirect"] = Verdict.NotNeeded("nodes answer with the names that callers know"),
        ["proxy_connect_timeout"] = Verdict.NotNeeded("2 s, then the next node is tried"),
        ["proxy_request_buffering"] = Verdict.NotNeeded("bodies are passed on as they come"),
        ["proxy_max_temp_file_size"] = Verdict.NotNeeded("bodies are passed on as they come"),
        ["proxy_pass_request_headers"] = Verdict.NotNeeded("always"),
        ["proxy_pass_request_body"] = Verdict.NotNeeded("always"),
        ["proxy_pass_header"] = Verdict.NotNeeded("headers of answers are passed on as they are"),
        ["proxy_ignore_client_abort"] = Verdict.NotNeeded("a caller that goes ends its request"),
        ["proxy_socket_keepalive"] = Verdict.NotNeeded(Http),
        ["proxy_headers_hash_max_size"] = Verdict.NotNeeded(Http),
        ["proxy_headers_hash_bucket_size"] = Verdict.NotNeeded(Http),
        ["client_body_timeout"] = Verdict.NotNeeded("a standstill in a body is bounded by balancer.sendTimeout"),
        ["client_body_buffer_size"] = Verdict.NotNeeded("bodies are passed on as they come"),
        ["client_header_buffer_size"] = Verdict.NotNeeded("limits.requestHead bounds all headers of a request"),
        ["reset_timedout_connection"] = Verdict.NotNeeded(Http),
        ["lingering_close"] = Verdict.NotNeeded(Http),
        ["merge_slashes"] = Verdict.NotNeeded(
            "a path with // is refused; nodes must not read it another way than the balancer"
        ),
        ["ignore_invalid_headers"] = Verdict.NotNeeded("a request with an invalid header is refused"),
        ["underscores_in_headers"] = Verdict.NotNeeded("headers with '_' are passed on"),
        ["server_name_in_redirect"] = Verdict.NotNeeded("nodes answer with the names that callers know"),
        ["port_in_redirect"] = Verdict.NotNeeded("publicUrls say which port stands in a redirect"),
        ["absolute_redirect"] = Verdict.NotNeeded("nodes answer with the names that callers know"),
        ["http2"] = Verdict.NotNeeded("TLS ports speak HTTP/2 and 1.1"),
        ["resolver"] = Verdict.NotNeeded("nodes say their addresses themselves"),
        ["resolver_timeout"] = Verdict.NotNeeded("nodes say their addresses themselves"),
        ["recursive_error_pages"] = Verdict.NotNeeded(Http),
        ["client_max_body_size"] = Verdict.NeedsYou(
            "bodies are not bounded by the balancer: add the size-limit policy to the APIs that need it"
        ),
        ["error_page"] = Verdict.NeedsYou(
            "the gateway tells what went wrong in WSO2's form, or RFC 9457; pages of your own need a proxy in front"
        ),
        ["proxy_intercept_errors"] = Verdict.NeedsYou("answers are passed on as they are"),
        ["if"] = Verdict.NeedsYou(
            "carried over are those about $scheme and $host that send callers elsewhere; say what this one is for in an API's policies"
        ),
        ["set"] = Verdict.NeedsYou("variables have no counterpart"),
        ["map"] = Verdict.NeedsYou("variables have no counterpart"),
        ["geo"] = Verdict.NeedsYou("variables have no counterpart; the ip-filter policy lets addresses in or not"),
        ["split_clients"] = Verdict.NeedsYou("a share of calls goes to another revision by weight: gatehouse deploy"),
        ["allow"] = Verdict.NeedsYou(
            "add the ip-filter policy to the APIs, or listen.management.allow for the console"
        ),
        ["deny"] = Verdict.NeedsYou("add the ip-filter policy to the APIs, or listen.management.allow for the console"),
        ["satisfy"] = Verdict.NeedsYou("callers prove themselves at the API"),
        ["limit_req_zone"] = Verdict.NeedsYou(
            "what is not counted by the caller's address is a limit of the workers: gatehouse limit create key NAME --key … --rate 10/s"
        ),
        ["limit_req"] = Verdict.NeedsYou("belongs to the location around it"),
        ["limit_req_log_level"] = Verdict.NotNeeded("refused calls are counted: gatehouse_throttled_total"),
        ["limit_req_dry_run"] = Verdict.NeedsYou(
            "a rate of balancer.hosts counts and refuses: take it out to try without"
        ),
        ["limit_req_status"] = Verdict.NotNeeded("429, with Retry-After"),
        ["limit_conn_zone"] = Verdict.NeedsYou(
            "limits count requests, not connections; limits.connections bounds a listener"
        ),
        ["limit_conn"] = Verdict.NeedsYou(
            "limits count requests, not connections; limits.connections bounds a listener"
        ),
        ["set_real_ip_from"] = Verdict.NeedsYou("set proxies.trusted to this network"),
        ["real_ip_header"] = Verdict.NotNeeded("X-Forwarded-For is read from trusted proxies, right to left"),
        ["real_ip_recursive"] = Verdict.NotNeeded("X-Forwarded-For is read from trusted proxies, right to left"),
        ["ssl_client_certificate"] = Verdict.NeedsYou(
            "client certificates are asked for by the APIs that want them: gatehouse api import --auth mutualtls"
        ),
        ["ssl_verify_client"] = Verdict.NeedsYou(
            "client certificates are asked for by the APIs that want them: gatehouse api import --auth mutualtls"
        ),
        ["ssl_trusted_certificate"] = Verdict.NotNeeded("put the chain into the certificate's file"),
        ["ssl_password_file"] = Verdict.NeedsYou("take the passphrase off: openssl pkey -in KEY -out NEWKEY"),
        ["proxy_hide_header"] = Verdict.NeedsYou("belongs to the location around it"),
        ["stub_status"] = Verdict.NotNeeded("metrics are at listen.health, /metrics"),
        ["access_by_lua_block"] = Verdict.NeedsYou(
            "scripts have no counterpart; the call-out policy asks a service of your own"
        ),
        ["upstream_conf"] = Verdict.NotNeeded("nodes say their addresses themselves"),
    };
}
