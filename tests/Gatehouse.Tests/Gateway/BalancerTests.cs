using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway.Transport;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway;

public sealed class BalancerTests : IAsyncLifetime
{
    private readonly BalancerTable _table;
    private readonly GatewayEngine _engine;
    private readonly ListenerSet _listeners;
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseCookies = false });
    private TlsNode _one = null!;
    private TlsNode _two = null!;
    private long _epoch;

    public BalancerTests()
    {
        var options = TestTransport.Over(new() { Node = "lb1" });
        _table = new(
            new()
            {
                Tls = TlsNode.Trusting,
                StickyKey = new byte[32],
                ConnectTimeout = TimeSpan.FromSeconds(20),
                ApiStickyCookie = "pinned",
            },
            options,
            TimeProvider.System
        );
        _engine = new(_table, options, TimeProvider.System, NullLoggerFactory.Instance);
        _listeners = new(_engine, NullLoggerFactory.Instance);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _listeners.StartAsync([TestGateway.Plain()], Cancel);
        _http.BaseAddress = new($"http://127.0.0.1:{_listeners.Bound["http"].Port}");
        _one = await TlsNode.StartAsync("w1");
        _two = await TlsNode.StartAsync("w2");
        Run(Entities.Node(_one.Entity()), Entities.Node(_two.Entity()));
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _listeners.DisposeAsync();
        await _one.DisposeAsync();
        await _two.DisposeAsync();
    }

    [Fact]
    public async Task Requests_reach_both_workers_over_TLS_with_host_and_path_as_they_came()
    {
        var seen = new HashSet<string>();
        for (var i = 0; i < 6; i++)
        {
            seen.Add(await GetAsync("/petstore/1.0.0/a%20b?x=%2f", ("Host", "API.Example.com:80")));
        }

        Assert.Equal(["w1", "w2"], seen.Order());
        Assert.Equal("apis.gatehouse.internal", _one.ServerName);
        Assert.Equal("/petstore/1.0.0/a%20b?x=%2f", _one.SeenTarget);
        Assert.Equal("API.Example.com:80", _one.Seen.Host);
        Assert.Equal("API.Example.com:80", _one.Seen["X-Forwarded-Host"]);
        Assert.Equal("lb1", _one.Seen["X-Forwarded-Server"]);
        Assert.Equal("http", _one.Seen["X-Forwarded-Proto"]);
        Assert.Equal("127.0.0.1", _one.Seen["X-Forwarded-For"]);
        Assert.Equal(_listeners.Bound["http"].Port.ToString(null, null), _one.Seen["X-Forwarded-Port"]);
        Assert.NotEmpty(_one.Seen["X-Request-Id"].ToString());
    }

    [Fact]
    public async Task A_repeatable_request_is_replayed_once_on_another_worker()
    {
        _one.OnRequest = HangUp;

        for (var i = 0; i < 4; i++)
        {
            Assert.Equal("w2", await GetAsync("/a"));
            Assert.Equal("w2cat", await SendAsync(HttpMethod.Put, "/a", new StringContent("cat")));
        }

        _two.OnRequest = HangUp;
        var before = _one.Requests + _two.Requests;
        using var answer = await _http.GetAsync(new Uri("/a", UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal(2, _one.Requests + _two.Requests - before);
    }

    [Fact]
    public async Task A_request_that_repeating_could_harm_fails_with_502_and_is_counted()
    {
        _one.OnRequest = HangUp;
        _two.OnRequest = HangUp;
        using var content = new StringContent(new string('x', 70_000));

        using var posted = await _http.PostAsync(new Uri("/a", UriKind.Relative), null, Cancel);
        using var large = await _http.PutAsync(new Uri("/a", UriKind.Relative), content, Cancel);

        Assert.Equal(HttpStatusCode.BadGateway, posted.StatusCode);
        Assert.Equal(HttpStatusCode.BadGateway, large.StatusCode);
        Assert.Equal(2, _one.Requests + _two.Requests);
        Assert.Contains("gatehouse_not_replayable_total 2\n", Metrics(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_that_is_down_costs_no_request()
    {
        await _one.DisposeAsync();
        using var nobody = new HeldPort(_one.Port);

        for (var i = 0; i < 10; i++)
        {
            Assert.Equal("w2", await GetAsync("/a"));
            Assert.Equal("w2cat", await SendAsync(HttpMethod.Post, "/a", new StringContent("cat")));
        }
    }

    [Fact]
    public async Task What_callers_and_workers_say_to_each_other_passes_untouched_and_412_is_no_failure()
    {
        _two.OnRequest = _one.OnRequest = features =>
        {
            var response = features.GetRequiredFeature<IHttpResponseFeature>();
            response.StatusCode = 412;
            response.Headers["X-Gatehouse-Epoch"] = "41";
            return Task.CompletedTask;
        };

        for (var i = 0; i < 6; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/a");
            request.Headers.Add("X-Gatehouse-Grant", "ghx1_any");
            request.Headers.Add("X-Gatehouse-Min-Epoch", "42");
            using var answer = await _http.SendAsync(request, Cancel);
            Assert.Equal(HttpStatusCode.PreconditionFailed, answer.StatusCode);
            Assert.Equal("41", Assert.Single(answer.Headers.GetValues("X-Gatehouse-Epoch")));
        }

        Assert.Equal(6, _one.Requests + _two.Requests);
        Assert.Equal("ghx1_any", _one.Seen["X-Gatehouse-Grant"]);
        Assert.Equal("42", _one.Seen["X-Gatehouse-Min-Epoch"]);
        Assert.All(_table.Nodes, n => Assert.True(n.Preferred));
    }

    [Fact]
    public async Task A_host_of_an_environment_leads_to_its_workers_and_every_other_host_to_the_default_ones()
    {
        Run(
            Entities.Node(_one.Entity()),
            Entities.Node(_two.Entity() with { Environments = ["staging"] }),
            Entities.Put(
                EntityKinds.Environment,
                "staging",
                CanonicalJson.Write(
                    new() { Name = "staging", Hosts = ["staging.example.com"] },
                    ModelJson.Default.GatewayEnvironment
                )
            )
        );
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal("w2", await AskAsync("staging.example.com"));
            Assert.Equal("w1", await AskAsync("api.example.com"));
        }

        async Task<string> AskAsync(string host)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/a") { Headers = { Host = host } };
            using var answer = await _http.SendAsync(request, Cancel);
            return await answer.Content.ReadAsStringAsync(Cancel);
        }
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public async Task Balancers_that_share_the_key_honour_each_others_cookies(byte key, bool honoured)
    {
        var options = new GatewayOptions { Node = "lb2" };
        var table = new BalancerTable(
            new()
            {
                Tls = TlsNode.Trusting,
                StickyKey = Enumerable.Repeat(key, 32).ToArray(),
                ApiStickyCookie = "pinned",
            },
            options,
            TimeProvider.System
        );
        await using var listeners = new ListenerSet(
            new GatewayEngine(table, options, TimeProvider.System, NullLoggerFactory.Instance),
            NullLoggerFactory.Instance
        );
        await listeners.StartAsync([TestGateway.Plain()], Cancel);
        var nodes = new[] { Entities.Node(_one.Entity()), Entities.Node(_two.Entity()) };
        table.Prepare([.. nodes.Select((n, i) => n with { Epoch = i + 1 })], replace: true).Publish();
        var (node, cookie) = await AnsweredAsync("/a");

        for (var i = 0; i < 4; i++)
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get,
                $"http://127.0.0.1:{listeners.Bound["http"].Port}/a"
            );
            request.Headers.Add("Cookie", cookie![..cookie!.IndexOf(';')]);
            using var answer = await _http.SendAsync(request, Cancel);
            var text = await answer.Content.ReadAsStringAsync(Cancel);

            // An honoured cookie is not set again.
            Assert.Equal(!honoured, answer.Headers.Contains("Set-Cookie"));
            Assert.True(!honoured || text == node);
        }
    }

    [Fact]
    public async Task Over_TLS_the_cookie_is_a_host_cookie_and_the_bare_name_counts_for_nothing()
    {
        await _listeners.ApplyAsync([TestGateway.Plain("https") with { Tls = _ => TlsNode.ServerTls }], Cancel);
        using var http = new HttpClient(
            new SocketsHttpHandler
            {
                UseCookies = false,
                SslOptions = new() { RemoteCertificateValidationCallback = (_, c, _, _) => TlsNode.IsOurs(c) },
            }
        )
        {
            BaseAddress = new($"https://127.0.0.1:{_listeners.Bound["https"].Port}"),
        };

        var (node, cookie) = await AskAsync(null);
        Assert.Matches("^__Host-pinned=[A-Za-z0-9_-]{22}; Path=/; Secure; HttpOnly; SameSite=Lax$", cookie);
        var value = cookie![cookie!.IndexOf('=')..cookie.IndexOf(';')];
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal((node, null), await AskAsync($"__Host-pinned{value}"));
        }

        Assert.Equal("", (node == "w1" ? _one : _two).Seen.Cookie.ToString());
        Assert.NotNull((await AskAsync($"pinned{value}")).Cookie);

        async Task<(string Node, string? Cookie)> AskAsync(string? sent)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/a");
            if (sent is not null)
            {
                request.Headers.Add("Cookie", sent);
            }

            using var answer = await http.SendAsync(request, Cancel);
            return (
                await answer.Content.ReadAsStringAsync(Cancel),
                answer.Headers.TryGetValues("Set-Cookie", out var set) ? set.Single() : null
            );
        }
    }

    [Fact]
    public async Task A_certificate_that_a_caller_shows_is_told_to_the_worker_and_one_that_it_claims_is_not()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var made = new CertificateRequest("CN=shop", key, HashAlgorithmName.SHA256).CreateSelfSigned(
            DateTimeOffset.UtcNow.AddDays(-1),
            DateTimeOffset.UtcNow.AddDays(1)
        );
        using var shown = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        await _listeners.ApplyAsync(
            [
                TestGateway.Plain("https") with
                {
                    Tls = _ =>
                    {
                        var tls = TlsNode.ServerTls;
                        tls.ClientCertificateRequired = true;
                        tls.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
                        return tls;
                    },
                },
            ],
            Cancel
        );

        Assert.Equal($":{Convert.ToBase64String(shown.RawData)}:", await ToldAsync(shown));
        Assert.Equal("", await ToldAsync(null));

        async Task<string> ToldAsync(X509Certificate2? certificate)
        {
            using var http = new HttpClient(
                new SocketsHttpHandler
                {
                    SslOptions = new()
                    {
                        RemoteCertificateValidationCallback = (_, c, _, _) => TlsNode.IsOurs(c),
                        LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate!,
                    },
                }
            );
            using var request = new HttpRequestMessage(
                HttpMethod.Get,
                $"https://127.0.0.1:{_listeners.Bound["https"].Port}/a"
            );
            request.Headers.Add("X-Client-Certificate", ":AQID:");
            using var answer = await http.SendAsync(request, Cancel);
            var node = await answer.Content.ReadAsStringAsync(Cancel) == "w1" ? _one : _two;
            return node.Seen["X-Client-Certificate"].ToString();
        }
    }

    [Fact]
    public async Task A_node_that_fails_its_probe_is_tried_last_and_not_removed()
    {
        var prober = new NodeProber(
            _table,
            (node, _) => Task.FromResult(node.Name == "w1" ? ProbeResult.NotReady : ProbeResult.Ready),
            TimeProvider.System
        );
        await prober.ProbeOnceAsync(Cancel);
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal("w2", await GetAsync("/a"));
        }

        Assert.Equal([false, true], _table.Nodes.Select(n => n.Preferred));
        await _two.DisposeAsync();
        using var nobody = new HeldPort(_two.Port);
        Assert.Equal("w1", await GetAsync("/a"));
    }

    [Fact]
    public async Task If_all_look_dead_all_are_tried()
    {
        var prober = new NodeProber(_table, (_, _) => throw new IOException("no route"), TimeProvider.System);
        await prober.ProbeOnceAsync(Cancel);

        var seen = new HashSet<string>();
        for (var i = 0; i < 6; i++)
        {
            seen.Add(await GetAsync("/a"));
        }

        Assert.Equal(["w1", "w2"], seen.Order());
    }

    [Fact]
    public async Task Draining_and_leaving_take_a_node_out()
    {
        Run(Entities.Node(_one.Entity(draining: true)));
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal("w2", await GetAsync("/a"));
        }

        Run(Entities.Node(_one.Entity()), Entities.Gone(EntityKinds.Node, "w2"));
        Assert.Equal("w1", await GetAsync("/a"));
        Run(Entities.Gone(EntityKinds.Node, "w1"));
        using var none = await _http.GetAsync(new Uri("/a", UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, none.StatusCode);
    }

    [Fact]
    public async Task A_node_that_cannot_be_read_keeps_its_last_good_self()
    {
        var prepared = _table.Prepare(
            [
                Entities.Put(EntityKinds.Node, "w1", "{}"u8.ToArray()) with
                {
                    Epoch = 9,
                },
                Entities.Put(EntityKinds.DeniedCertificate, "0A", "?"u8.ToArray()) with
                {
                    Epoch = 10,
                },
            ],
            replace: true
        );
        prepared.Publish();

        Assert.Equal(("w1", 9), (prepared.Refusals.Single().Name, prepared.Refusals.Single().Epoch));
        Assert.Equal("w1", await GetAsync("/a"));
        Assert.Single(_table.Nodes);
    }

    [Fact]
    public async Task Management_is_reached_by_its_exact_name_only_and_APIs_never_by_it()
    {
        await using var manager = await TlsNode.StartAsync("m1");
        Run(Entities.Node(manager.Entity(Profile.GatewayManager)), Hosts(["api.example.com"], ["mgt.example.com"]));

        Assert.Equal("m1", await GetAsync("/admin", ("Host", "MGT.example.com:443")));
        Assert.Equal("management.gatehouse.internal", manager.ServerName);
        Assert.StartsWith("w", await GetAsync("/admin", ("Host", "api.example.com")), StringComparison.Ordinal);
        foreach (
            var host in (string[])["other.example.com", "mgt.example.com.", "mgt.example.com.evil", "xmgt.example.com"]
        )
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/admin");
            request.Headers.Host = host;
            using var answer = await _http.SendAsync(request, Cancel);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }

        Run(Hosts([], ["mgt.example.com"]));
        Assert.StartsWith("w", await GetAsync("/admin", ("Host", "other.example.com")), StringComparison.Ordinal);
        Assert.Equal(1, manager.Requests);
    }

    [Fact]
    public async Task A_cookie_brings_a_caller_back_to_its_node_and_never_reaches_it()
    {
        var (node, cookie) = await AnsweredAsync("/a");
        Assert.NotNull(cookie);
        Assert.EndsWith("; Path=/; HttpOnly; SameSite=Lax", cookie, StringComparison.Ordinal);
        var pair = cookie[..cookie.IndexOf(';')];
        Assert.StartsWith("pinned=", pair, StringComparison.Ordinal);
        Assert.DoesNotContain(node, pair, StringComparison.Ordinal);

        for (var i = 0; i < 5; i++)
        {
            Assert.Equal((node, null), await AnsweredAsync("/a", ("Cookie", $"theme=dark; {pair}; lang=en")));
        }

        Assert.Equal("theme=dark; lang=en", (node == "w1" ? _one : _two).Seen.Cookie);

        // Draining: another node, another cookie. Nonsense: picked anew.
        var mine = node == "w1" ? _one : _two;
        Run(Entities.Node(mine.Entity(draining: true)));
        var (other, fresh) = await AnsweredAsync("/a", ("Cookie", pair));
        Assert.NotEqual(node, other);
        Assert.NotNull(fresh);
        Assert.NotNull((await AnsweredAsync("/a", ("Cookie", "pinned=made-up"))).Cookie);
    }

    [Fact]
    public async Task A_caller_cannot_say_where_it_comes_from()
    {
        await GetAsync(
            "/a",
            ("X-Forwarded-For", "6.6.6.6"),
            ("X-Forwarded-Host", "evil"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Port", "1"),
            ("X-Forwarded-Server", "evil")
        );
        var seen = _one.Requests > 0 ? _one.Seen : _two.Seen;

        Assert.Equal("127.0.0.1", seen["X-Forwarded-For"]);
        Assert.Equal("http", seen["X-Forwarded-Proto"]);
        Assert.Equal("lb1", seen["X-Forwarded-Server"]);
        Assert.DoesNotContain("evil", seen["X-Forwarded-Host"].ToString(), StringComparison.Ordinal);
    }

    private static Task HangUp(IFeatureCollection features)
    {
        features.GetRequiredFeature<IHttpRequestLifetimeFeature>().Abort();
        return Task.CompletedTask;
    }

    private static EntityChange Hosts(string[] gateway, string[] management) =>
        Entities.Put(
            EntityKinds.Hosts,
            "default",
            CanonicalJson.Write(
                new() { Gateway = [.. gateway], Management = [.. management] },
                ModelJson.Default.PublicHosts
            )
        );

    private void Run(params EntityChange[] changes)
    {
        var prepared = _table.Prepare([.. changes.Select(c => c with { Epoch = ++_epoch })], replace: false);
        Assert.Empty(prepared.Refusals);
        prepared.Publish();
    }

    private async Task<string> GetAsync(string path, params (string, string)[] headers) =>
        (await AnsweredAsync(path, headers)).Node;

    private async Task<(string Node, string? Cookie)> AnsweredAsync(string path, params (string, string)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await _http.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        var cookie = answer.Headers.TryGetValues("Set-Cookie", out var set) ? set.Single() : null;
        return (await answer.Content.ReadAsStringAsync(Cancel), cookie);
    }

    private async Task<string> SendAsync(HttpMethod method, string path, HttpContent content)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        using var answer = await _http.SendAsync(request, Cancel);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadAsStringAsync(Cancel);
    }

    private string Metrics()
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        _engine.WriteMetrics(buffer);
        return System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
