using System.Collections.Immutable;
using System.Net;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway.Transport;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway;

/// <summary>What a balancer does by its own configuration, seen by callers over sockets.</summary>
public sealed class BalancingRuleTests : IAsyncLifetime
{
    private const string Api = "api.example.com";
    private readonly BalancerTable _table;
    private readonly GatewayEngine _engine;
    private readonly ListenerSet _listeners;
    private readonly HttpClient _http = new(
        new SocketsHttpHandler
        {
            UseCookies = false,
            AllowAutoRedirect = false,
            SslOptions = new() { RemoteCertificateValidationCallback = (_, c, _, _) => TlsNode.IsOurs(c) },
        }
    );
    private TlsNode _one = null!;
    private TlsNode _two = null!;

    public BalancingRuleTests()
    {
        var options = TestTransport.Over(new() { Node = "lb1" });
        _table = new(
            new()
            {
                Tls = TlsNode.Trusting,
                StickyKey = new byte[32],
                ConnectTimeout = TimeSpan.FromSeconds(20),
            },
            options,
            TimeProvider.System
        );
        _engine = new(_table, options, TimeProvider.System, NullLoggerFactory.Instance);
        _listeners = new(_engine, NullLoggerFactory.Instance);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private BalancingRules Rules
    {
        set => _table.Apply(value);
    }

    public async ValueTask InitializeAsync()
    {
        await _listeners.StartAsync(
            [TestGateway.Plain(), TestGateway.Plain("https") with { Tls = _ => TlsNode.ServerTls }],
            Cancel
        );
        _one = await TlsNode.StartAsync("w1");
        _two = await TlsNode.StartAsync("w2");
        Serve(_one.Entity(), _two.Entity());
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _listeners.DisposeAsync();
        await _one.DisposeAsync();
        await _two.DisposeAsync();
    }

    [Fact]
    public async Task A_plain_call_is_sent_to_https_with_its_path_and_query_and_no_node_is_asked()
    {
        Rules = Of(
            new HostRule
            {
                Hosts = [Api],
                Scheme = "http",
                Return = new() { Status = 301, Location = "https://$host$request_uri" },
            }
        );

        using var plain = await AskAsync("/a%20b?x=%2f&y", "API.example.com:8080");
        using var secure = await AskAsync("/a", Api, "https");
        using var other = await AskAsync("/a", "other.example.com");

        Assert.Equal(HttpStatusCode.MovedPermanently, plain.StatusCode);
        Assert.Equal("https://api.example.com/a%20b?x=%2f&y", plain.Headers.Location!.OriginalString);
        Assert.NotEmpty(plain.Headers.GetValues("X-Request-Id"));
        Assert.Equal(HttpStatusCode.OK, secure.StatusCode);
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        Assert.Equal(2, _one.Requests + _two.Requests);
    }

    [Fact]
    public async Task A_body_of_a_redirected_call_does_not_spoil_the_connection()
    {
        Rules = Of(
            new HostRule
            {
                Return = new() { Status = 308, Location = "/new$uri" },
            }
        );
        for (var i = 0; i < 3; i++)
        {
            using var request = Request("/a", Api);
            request.Method = HttpMethod.Post;
            request.Content = new StringContent("a body that nobody reads");
            using var answer = await _http.SendAsync(request, Cancel);

            Assert.Equal((HttpStatusCode)308, answer.StatusCode);
            Assert.Equal("/new/a", answer.Headers.Location!.OriginalString);
        }
    }

    [Fact]
    public async Task What_follows_the_path_of_a_rule_goes_along()
    {
        Rules = Of(
            new HostRule
            {
                Path = "/old/",
                Return = new() { Status = 302, Location = "https://new.example.com/v2/$rest$is_args$args" },
            }
        );

        using var with = await AskAsync("/old/a/b?c=d", Api);
        using var without = await AskAsync("/%6fld/a", Api);

        Assert.Equal("https://new.example.com/v2/a/b?c=d", with.Headers.Location!.OriginalString);
        Assert.Equal("https://new.example.com/v2/a", without.Headers.Location!.OriginalString);
    }

    [Fact]
    public async Task A_text_is_answered_at_an_exact_path_and_a_path_below_an_answer_may_pass()
    {
        Rules = Of(
            new HostRule { Return = new() { Status = 403 } },
            new HostRule { Path = "/open/", Return = HostReturn.Off },
            new HostRule
            {
                Path = "/health",
                IsExact = true,
                Return = new()
                {
                    Status = 200,
                    Body = "{}",
                    ContentType = "application/json",
                },
            }
        );

        using var health = await AskAsync("/health?deep", Api);
        Assert.Equal("{}", await health.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("application/json", health.Content.Headers.ContentType!.MediaType);
        foreach (
            var (path, status) in ((string, HttpStatusCode)[])
                [
                    ("/health/x", HttpStatusCode.Forbidden),
                    ("/open", HttpStatusCode.Forbidden),
                    ("/open/x", HttpStatusCode.OK),
                    ("/o%70en/x", HttpStatusCode.OK),
                ]
        )
        {
            using var answer = await AskAsync(path, Api);
            Assert.Equal(status, answer.StatusCode);
        }
    }

    [Fact]
    public async Task Headers_are_set_and_taken_off_on_both_ways_and_some_not_on_errors()
    {
        var headers = ImmutableSortedDictionary<string, string>.Empty;
        Rules = Of(
            new HostRule
            {
                RequestHeaders = headers.Add("X-Tenant", "acme").Add("X-Debug", "").Add("X-Ip", "$remote_addr"),
                AnswerHeaders = headers.Add("Strict-Transport-Security", "max-age=31536000").Add("Server", ""),
            },
            new HostRule { AnswerHeaders = headers.Add("Cache-Control", "max-age=60"), OnErrors = false },
            new HostRule
            {
                Path = "/own",
                Return = new() { Status = 404 },
            }
        );
        _one.OnRequest = _two.OnRequest = features =>
        {
            var response = features.GetRequiredFeature<IHttpResponseFeature>();
            response.StatusCode = features.GetRequiredFeature<IHttpRequestFeature>().Path == "/bad" ? 500 : 200;
            response.Headers["Server"] = "secret";
            response.Headers["Strict-Transport-Security"] = "max-age=1";
            return Task.CompletedTask;
        };

        using var good = await AskAsync("/a", Api, more: ("X-Debug", "1"));
        var seen = _one.Requests > 0 ? _one.Seen : _two.Seen;
        Assert.Equal("acme", seen["X-Tenant"]);
        Assert.Equal("127.0.0.1", seen["X-Ip"]);
        Assert.False(seen.ContainsKey("X-Debug"));
        Assert.Equal("max-age=31536000", Assert.Single(good.Headers.GetValues("Strict-Transport-Security")));
        Assert.Equal("max-age=60", good.Headers.CacheControl!.ToString());
        Assert.False(good.Headers.Contains("Server"));

        // An error of a node, one of the balancer's own answers, and one that the gateway tells.
        foreach (var path in (string[])["/bad", "/own", "/a//b"])
        {
            using var bad = await AskAsync(path, Api);
            Assert.True((int)bad.StatusCode >= 400);
            Assert.Null(bad.Headers.CacheControl);
            Assert.Equal(path != "/a//b", bad.Headers.Contains("Strict-Transport-Security"));
        }
    }

    [Fact]
    public async Task An_address_that_calls_too_often_is_told_when_to_come_again_and_an_encoded_path_does_not_help()
    {
        Assert.True(Quota.TryParse("1/h", out var limit, out _));
        Rules = Of(new HostRule { Path = "/login", Rate = new(limit, 2) });
        for (var i = 0; i < 3; i++)
        {
            using var passes = await AskAsync("/login", Api);
            Assert.Equal(HttpStatusCode.OK, passes.StatusCode);
        }

        foreach (var path in (string[])["/login", "/%6cogin", "/login/x?y"])
        {
            using var refused = await AskAsync(path, Api);
            Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
            Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
        }

        using var elsewhere = await AskAsync("/a", Api);
        Assert.Equal(HttpStatusCode.OK, elsewhere.StatusCode);
        Assert.Contains("gatehouse_throttled_total{level=\"address\"} 3\n", Metrics(), StringComparison.Ordinal);

        // A reload that leaves the rule as it was forgives nothing; another rate begins anew.
        Rules = Of(new HostRule { Path = "/login", Rate = new(limit, 2) });
        using var still = await AskAsync("/login", Api);
        Rules = Of(new HostRule { Path = "/login", Rate = new(limit, 3) });
        using var anew = await AskAsync("/login", Api);
        Assert.Equal(HttpStatusCode.TooManyRequests, still.StatusCode);
        Assert.Equal(HttpStatusCode.OK, anew.StatusCode);
    }

    [Fact]
    public async Task Rules_of_a_name_take_the_place_of_those_without_names_and_a_sent_on_name_needs_no_API()
    {
        Rules = Of(
            new HostRule { Return = new() { Status = 410 } },
            new HostRule { Hosts = [Api] },
            new HostRule
            {
                Hosts = ["old.example.com"],
                Return = new() { Status = 301, Location = "https://api.example.com$uri" },
            }
        );
        _table
            .Prepare(
                [
                    Entities.Put(
                        EntityKinds.Hosts,
                        "default",
                        CanonicalJson.Write(new() { Gateway = [Api] }, ModelJson.Default.PublicHosts)
                    ) with
                    {
                        Epoch = 9,
                    },
                ],
                replace: false
            )
            .Publish();

        using var api = await AskAsync("/a", Api);
        using var old = await AskAsync("/a", "old.example.com");
        using var nobody = await AskAsync("/a", "nobody.example.com");

        Assert.Equal(HttpStatusCode.OK, api.StatusCode);
        Assert.Equal("https://api.example.com/a", old.Headers.Location!.OriginalString);
        Assert.Equal(HttpStatusCode.Gone, nobody.StatusCode);
    }

    [Fact]
    public async Task A_weight_is_a_share_and_a_backup_serves_while_no_other_is_well()
    {
        Rules = new() { Algorithm = NodeChoice.Parse("round-robin")!, Nodes = [new("w1", 3, IsBackup: false)] };
        await CallAsync(8);
        Assert.Equal((6, 2), (_one.Requests, _two.Requests));

        Rules = new() { Nodes = [new("w1", 1, IsBackup: true)] };
        await CallAsync(5);
        Assert.Equal((6, 7), (_one.Requests, _two.Requests));

        await _two.DisposeAsync();
        using var nobody = new HeldPort(_two.Port);
        await CallAsync(5);
        Assert.Equal(11, _one.Requests);
    }

    [Theory]
    [InlineData("hash-header:X-Tenant", "X-Tenant", "acme", "umbrella")]
    [InlineData("hash-cookie:session", "Cookie", "a=b; session=acme", "session=umbrella; a=b")]
    public async Task What_is_alike_goes_to_the_same_node(string algorithm, string header, string one, string other)
    {
        Rules = new() { Algorithm = NodeChoice.Parse(algorithm)! };
        foreach (var value in (string[])[one, other])
        {
            var nodes = new HashSet<string>();
            for (var i = 0; i < 5; i++)
            {
                using var answer = await AskAsync($"/{i}", Api, more: (header, value));
                nodes.Add(await answer.Content.ReadAsStringAsync(Cancel));
            }

            Assert.Single(nodes);
        }
    }

    [Theory]
    [InlineData("hash-ip", 1)]
    [InlineData("hash-uri", 2)]
    public async Task A_hash_of_the_address_keeps_a_caller_and_one_of_the_path_spreads_it(
        string algorithm,
        int expected
    )
    {
        Rules = new() { Algorithm = NodeChoice.Parse(algorithm)! };
        var nodes = new HashSet<string>();
        for (var i = 0; i < 64; i++)
        {
            using var answer = await AskAsync($"/{i}", Api);
            nodes.Add(await answer.Content.ReadAsStringAsync(Cancel));
        }

        Assert.Equal(expected, nodes.Count);
    }

    [Fact]
    public async Task A_change_of_nodes_that_was_prepared_before_a_reload_keeps_the_new_rules()
    {
        var prepared = _table.Prepare([Entities.Gone(EntityKinds.Node, "w2") with { Epoch = 9 }], replace: false);
        Rules = Of(new HostRule { Return = new() { Status = 204 } });
        prepared.Publish();

        using var answer = await AskAsync("/a", Api);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Single(_table.Nodes);
    }

    private static BalancingRules Of(params HostRule[] rules) => new() { Hosts = [.. rules] };

    private void Serve(params Node[] nodes) =>
        _table.Prepare([.. nodes.Select((n, i) => Entities.Node(n) with { Epoch = i + 1 })], replace: false).Publish();

    private async Task CallAsync(int times)
    {
        for (var i = 0; i < times; i++)
        {
            using var answer = await AskAsync("/a", Api);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    private HttpRequestMessage Request(string path, string host, string scheme = "http") =>
        new(
            HttpMethod.Get,
            new Uri(
                $"{scheme}://127.0.0.1:{_listeners.Bound[scheme].Port}{path}",
                new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }
            )
        )
        {
            Headers = { Host = host },
        };

    private async Task<HttpResponseMessage> AskAsync(
        string path,
        string host,
        string scheme = "http",
        (string Name, string Value)? more = null
    )
    {
        using var request = Request(path, host, scheme);
        if (more is { } header)
        {
            request.Headers.TryAddWithoutValidation(header.Name, header.Value);
        }

        return await _http.SendAsync(request, Cancel);
    }

    private string Metrics()
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        _engine.WriteMetrics(buffer);
        return System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
