using System.Net;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Forwarding.Http1;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway.Transport;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Gateway;

/// <summary>How requests are spread over the endpoints of an API, and what becomes of those that fail.</summary>
public sealed class EndpointTests : IAsyncLifetime
{
    private readonly Backend _one = new((_, s) => Backend.ReplyAsync(s, "one"));
    private readonly Backend _two = new((_, s) => Backend.ReplyAsync(s, "two"));
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(56));
    private TestGateway _gateway = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private EndpointSet Both => Entities.To(_one.Url, _two.Url);

    public async ValueTask InitializeAsync() => _gateway = await TestGateway.StartAsync(time: _time);

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _one.DisposeAsync();
        await _two.DisposeAsync();
    }

    [Theory]
    [InlineData("round-robin", 3, 1, 30, 10)]
    [InlineData("round-robin", 1, 0, 40, 0)]
    [InlineData("least-requests", 1, 1, 20, 20)]
    public async Task Endpoints_get_their_share(string algorithm, int first, int second, int ones, int twos)
    {
        Serve(Both with { Algorithm = algorithm, Endpoints = [To(_one, first), To(_two, second)] });

        var answers = await AskAsync(40);

        Assert.Equal((ones, twos), (answers.Count(a => a == "one"), answers.Count(a => a == "two")));
    }

    [Fact]
    public async Task A_later_group_serves_when_no_earlier_one_does()
    {
        using var port = new HeldPort();
        var nobody = new Endpoint { Url = port.Url };
        Serve(Both with { Endpoints = [To(_one) with { Group = 2 }, nobody, To(_two) with { Group = 1 }] });

        Assert.All(await AskAsync(6), a => Assert.Equal("two", a));
        Assert.Empty(_one.Requests);
    }

    [Fact]
    public async Task Requests_are_counted_with_where_they_went_and_who_fails_comes_first()
    {
        using var port = new HeldPort();
        var nobody = port.Url;
        Serve(Both with { Endpoints = [To(_one), new() { Url = $"{nobody}/under" }] });
        await AskAsync(10);
        using var _ = await _gateway.GetAsync("/nothing/is/here");

        // A request is counted once its answer is out.
        await LoopServer.Until(() => _gateway.Engine.Count() is { Requests: >= 11, InFlight: 0 });
        var count = _gateway.Engine.Count();

        Assert.Equal((11, 0, 0), (count.Requests, count.Failed, count.MoreTargets));
        Assert.Equal([nobody, _one.Url.TrimEnd('/')], count.Targets.Select(t => t.Name));
        Assert.Equal([true, false], count.Targets.Select(t => t.Ill));
        Assert.Equal(10, count.Targets[1].Requests);
        Assert.All(count.Targets, t => Assert.Equal(0, t.InFlight));
    }

    [Fact]
    public async Task One_address_goes_to_one_endpoint()
    {
        Serve(Both with { Algorithm = "hash-ip" });

        Assert.Single((await AskAsync(10)).Distinct());
    }

    [Fact]
    public async Task A_header_decides_the_endpoint_and_different_ones_spread()
    {
        Serve(Both with { Algorithm = "hash-header", HashHeader = "X-Tenant" });

        var seen = new HashSet<string>();
        for (var tenant = 0; tenant < 20; tenant++)
        {
            var answers = await AskAsync(3, ("X-Tenant", $"t{tenant}"));
            seen.Add(Assert.Single(answers.Distinct()));
        }

        Assert.Equal(2, seen.Count);
    }

    [Fact]
    public async Task A_cookie_brings_a_caller_back_and_does_not_reach_the_backend()
    {
        Serve(Both with { Sticky = true });
        using var first = await _gateway.GetAsync("/petstore/1.0.0/x");
        var body = await first.Content.ReadAsStringAsync(Cancel);
        var cookie = first.Headers.GetValues("Set-Cookie").Single().Split(';')[0];

        Assert.All(await AskAsync(6, ("Cookie", $"a=1; {cookie}")), a => Assert.Equal(body, a));
        Assert.All(
            _one.Requests.Concat(_two.Requests).Skip(1).Where(r => r.Header("Cookie") is not null),
            r => Assert.Equal("a=1", r.Header("Cookie"))
        );
    }

    [Fact]
    public async Task A_breaker_leaves_an_endpoint_alone_and_tries_it_once_in_a_while()
    {
        var well = false;
        _one.OnRequest = (r, s) =>
        {
            r.ClosesAfter = !well;
            return well ? Backend.ReplyAsync(s, "one") : Task.CompletedTask;
        };
        Serve(
            Entities.To(_one.Url) with
            {
                Breaker = new() { Failures = 2, OpenFor = TimeSpan.FromSeconds(30) },
            }
        );

        Assert.Equal(HttpStatusCode.BadGateway, await StatusAsync());
        Assert.Equal(HttpStatusCode.BadGateway, await StatusAsync());
        var asked = _one.Requests.Count;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync());
        Assert.Equal(asked, _one.Requests.Count);

        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(HttpStatusCode.BadGateway, await StatusAsync());
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync());

        well = true;
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
        Assert.Equal(HttpStatusCode.OK, await StatusAsync());
    }

    [Fact]
    public async Task An_endpoint_that_is_full_leaves_the_rest_to_others()
    {
        var asked = new TaskCompletionSource();
        var goOn = new TaskCompletionSource();
        _one.OnRequest = async (_, s) =>
        {
            asked.TrySetResult();
            await goOn.Task;
            await Backend.ReplyAsync(s, "one");
        };
        Serve(Both with { Endpoints = [To(_one), To(_two) with { Group = 1 }], MaxRequests = 1 });

        var held = _gateway.GetAsync("/petstore/1.0.0/x");
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(60), Cancel);

        Assert.All(await AskAsync(3), a => Assert.Equal("two", a));
        goOn.SetResult();
        using var answer = await held;
        Assert.Equal("one", await answer.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task A_repeatable_request_is_sent_to_another_endpoint_where_the_API_says_so()
    {
        _one.OnRequest = (r, _) =>
        {
            r.ClosesAfter = true;
            return Task.CompletedTask;
        };
        Serve(Both with { Replay = true });

        Assert.All(await AskAsync(4), a => Assert.Equal("two", a));
    }

    [Fact]
    public async Task An_endpoint_has_its_own_timeout()
    {
        _one.OnRequest = (_, _) => Task.Delay(Timeout.Infinite, Cancel);
        Serve(
            Entities.To(_one.Url) with
            {
                Endpoints = [To(_one) with { ResponseTimeout = TimeSpan.FromMilliseconds(200) }],
            }
        );

        Assert.Equal(HttpStatusCode.GatewayTimeout, await StatusAsync());
    }

    [Fact]
    public async Task An_endpoint_that_says_it_is_ill_is_tried_last_until_it_is_well()
    {
        var status = "500 Ill";
        _one.OnRequest = (r, s) =>
            r.Target == "/health" ? Backend.ReplyAsync(s, "", status) : Backend.ReplyAsync(s, "one");
        Serve(
            Both with
            {
                Endpoints = [To(_one), To(_two) with { Group = 1 }],
                Health = new()
                {
                    Path = "/health",
                    Interval = TimeSpan.FromSeconds(1),
                    // Time passes faster here than a busy machine answers.
                    Timeout = TimeSpan.FromHours(1),
                    Failures = 2,
                    Successes = 2,
                },
            }
        );
        Assert.Equal("one", (await AskAsync(1)).Single());

        await UntilAsync("two");
        status = "200 OK";
        await UntilAsync("one");

        async Task UntilAsync(string wanted)
        {
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            enough.CancelAfter(TimeSpan.FromSeconds(60));
            while ((await AskAsync(1)).Single() != wanted)
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                await Task.Delay(20, enough.Token);
            }

            Assert.Equal(wanted, (await AskAsync(1)).Single());
        }
    }

    [Fact]
    public async Task A_connection_that_ended_at_the_wrong_moment_costs_only_requests_that_may_not_be_repeated()
    {
        var served = new System.Collections.Concurrent.ConcurrentDictionary<Stream, int>();
        _one.OnRequest = (r, s) =>
        {
            // Every second request on a connection finds it closing.
            r.ClosesAfter = served.AddOrUpdate(s, 1, (_, n) => n + 1) == 2;
            return r.ClosesAfter ? Task.CompletedTask : Backend.ReplyAsync(s, "one");
        };
        Serve(Entities.To(_one.Url));
        var posted = new List<HttpStatusCode>();

        Assert.All(await AskAsync(5), a => Assert.Equal("one", a));
        for (var i = 0; i < 4; i++)
        {
            using var answer = await _gateway.SendAsync(HttpMethod.Post, "/petstore/1.0.0/x", new StringContent("a"));
            posted.Add(answer.StatusCode);
        }

        Assert.Contains(HttpStatusCode.BadGateway, posted);
        Assert.Equal(4, _one.Requests.Count(r => r.Line.StartsWith("POST", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Requests_wait_in_line_when_there_are_as_many_connections_as_there_may_be()
    {
        await using var gateway = await TestGateway.StartAsync(new() { Node = "w1", ConnectionsPerBackend = 2 });
        gateway.Run((Entities.Petstore(_one.Url)).Put());
        var (now, most) = (0, 0);
        _one.OnRequest = async (_, s) =>
        {
            var together = Interlocked.Increment(ref now);
            most = Math.Max(most, together);
            await Task.Delay(20, Cancel);
            Interlocked.Decrement(ref now);
            await Backend.ReplyAsync(s, "one");
        };

        var answers = await Task.WhenAll(
            Enumerable
                .Range(0, 4)
                .Select(_ => gateway.Http.GetStringAsync(new Uri("/petstore/1.0.0/x", UriKind.Relative), Cancel))
        );

        Assert.All(answers, a => Assert.Equal("one", a));
        Assert.InRange(most, 1, 2);
    }

    [Fact]
    public async Task A_body_waits_for_the_backend_to_ask_for_it()
    {
        _one.OnRequest = (_, s) => Backend.ReplyAsync(s, "no", "413 Too Large");
        Serve(Entities.To(_one.Url));

        var answer = await _gateway.RawAsync(
            "POST /petstore/1.0.0/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
        );

        Assert.StartsWith(
            "HTTP/1.1 413",
            answer[answer.LastIndexOf("HTTP/1.1", StringComparison.Ordinal)..],
            StringComparison.Ordinal
        );
        Assert.Equal("100-continue", _one.Only.Header("Expect"));
    }

    [Fact]
    public async Task A_caller_gets_its_go_ahead_from_the_backend_and_then_sends_its_body()
    {
        using var backend = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        backend.Start();
        Serve(Entities.To($"http://{backend.LocalEndpoint}"));
        var patience = Environment.TickCount64 + 60_000;
        while (!await TalkedAsync())
        {
            Assert.True(Environment.TickCount64 < patience, "the backend was always too late");
        }

        // False when the machine kept the backend from saying anything for longer than it is waited for.
        async Task<bool> TalkedAsync()
        {
            using var caller = new System.Net.Sockets.TcpClient();
            await caller.ConnectAsync(IPAddress.Loopback, _gateway.Port, Cancel);
            var call = caller.GetStream();
            var began = Environment.TickCount64;
            await Backend.WriteAsync(
                call,
                "POST /petstore/1.0.0/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
            );
            using var answers = new StreamReader(call);
            var goAhead = answers.ReadLineAsync(Cancel).AsTask();

            using var asked = await backend.AcceptTcpClientAsync(Cancel);
            var stream = asked.GetStream();
            var head = await UntilAsync(stream, "\r\n\r\n");
            Assert.Contains("Expect: 100-continue", head, StringComparison.Ordinal);
            if (goAhead.IsCompleted)
            {
                Assert.InRange(
                    Environment.TickCount64 - began,
                    Expectation.Patience.TotalMilliseconds - 50,
                    double.MaxValue
                );
                return false;
            }

            await Backend.WriteAsync(stream, "HTTP/1.1 100 Continue\r\n\r\n");
            Assert.Equal("HTTP/1.1 100 Continue", await goAhead);
            await Backend.WriteAsync(call, "body");
            Assert.EndsWith("body", await UntilAsync(stream, "body"), StringComparison.Ordinal);

            await Backend.ReplyAsync(stream, "thanks");
            Assert.Contains("thanks", await answers.ReadToEndAsync(Cancel), StringComparison.Ordinal);
            return true;
        }

        static async Task<string> UntilAsync(Stream stream, string end)
        {
            var (text, one) = ("", new byte[1]);
            while (!text.EndsWith(end, StringComparison.Ordinal))
            {
                await stream.ReadExactlyAsync(one, Cancel);
                text += (char)one[0];
            }

            return text;
        }
    }

    [Fact]
    public async Task Trailers_of_a_request_reach_the_backend_but_none_that_says_what_was_decided_here()
    {
        Serve(Entities.To(_one.Url));

        var answer = await _gateway.RawAsync(
            "POST /petstore/1.0.0/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                + "3\r\none\r\n0\r\nX-Sum: 7\r\nAuthorization: late\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
        );

        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.Equal("one", System.Text.Encoding.ASCII.GetString(_one.Only.Body));
        Assert.Equal(["X-Sum: 7"], _one.Only.Trailers);
    }

    [Fact]
    public async Task Trailers_reach_callers_whose_protocol_has_a_place_for_them()
    {
        _one.OnRequest = (_, s) =>
            Backend.WriteAsync(
                s,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\n\r\n"
            );
        Serve(Entities.To(_one.Url));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/petstore/1.0.0/x")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        using var answer = await _gateway.Http.SendAsync(request, Cancel);

        Assert.Equal("one", await answer.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("7", answer.TrailingHeaders.GetValues("X-Sum").Single());
        Assert.False(answer.TrailingHeaders.Contains("Content-Length"));
    }

    [Fact]
    public async Task A_name_is_asked_again_while_it_is_used_and_old_answers_stay_good_while_nobody_answers()
    {
        IPAddress[] leads = [IPAddress.Parse("192.0.2.1")];
        var fails = false;
        var asked = 0;
        var address = new BackendAddress(
            "backend.test",
            80,
            _time,
            (_, _) =>
            {
                asked++;
                return fails
                    ? Task.FromException<IPAddress[]>(new System.Net.Sockets.SocketException())
                    : Task.FromResult(leads);
            }
        );
        var old = Assert.Single(await address.ResolveAsync(Cancel));
        leads = [IPAddress.Parse("192.0.2.2")];
        Assert.True(address.Has(old));

        _time.Advance(TimeSpan.FromSeconds(31));
        address.Has(old);
        Assert.False(address.Has(old));
        Assert.Equal(leads, await address.ResolveAsync(Cancel));

        fails = true;
        _time.Advance(TimeSpan.FromSeconds(31));
        address.Has(old);
        Assert.True(address.Has(leads[0]));
        Assert.Equal(3, asked);
    }

    [Fact]
    public void A_retry_budget_is_a_share_of_the_requests_and_a_few_in_hand()
    {
        var budget = new RetryBudget(percent: 20);
        var spent = 0;
        for (var i = 0; i < 100; i++)
        {
            budget.Earn();
            spent += budget.TrySpend() ? 1 : 0;
        }

        Assert.InRange(spent, 25, 31);
        Assert.False(new RetryBudget(percent: 0).TrySpend());
    }

    [Fact]
    public void When_a_target_goes_only_its_own_callers_move()
    {
        var targets = Enumerable
            .Range(0, 5)
            .Select(i => new Target($"http://b{i}", new($"http://b{i}"), null!, () => default, _time))
            .ToArray();
        var all = new TargetPool([.. targets], BalancingAlgorithm.Hash);
        var moved = 0;
        for (ulong caller = 0; caller < 500; caller++)
        {
            var hash = StableHash.Mix(caller + 1);
            var before = all.Choose([], hash)!;
            var after = all.Choose([targets[0]], hash)!;
            moved += before == after ? 0 : 1;
            Assert.True(before == after || before == targets[0]);
        }

        Assert.InRange(moved, 60, 140);
    }

    [Fact]
    public void What_makes_no_sense_is_refused_with_its_place()
    {
        foreach (
            var (field, set) in ((string, EndpointSet)[])
                [
                    ("algorithm", Both with { Algorithm = "dice" }),
                    ("hashHeader", Both with { Algorithm = "hash-header" }),
                    ("retryPercent", Both with { RetryPercent = 101 }),
                    ("maxRequests", Both with { MaxRequests = 0 }),
                    ("breaker/failures", Both with { Breaker = new() { Failures = 1 } }),
                    ("breaker/openFor", Both with { Breaker = new() { OpenFor = TimeSpan.Zero } }),
                    ("health/interval", Both with { Health = new() { Interval = TimeSpan.Zero } }),
                    ("health/path", Both with { Health = new() { Path = "x y" } }),
                    ("endpoints/0/weight", Both with { Endpoints = [To(_one, -1), To(_two)] }),
                ]
        )
        {
            var refusals = _gateway.Apply((Entities.Petstore("") with { Production = set }).Put());
            Assert.Equal($"/production/{field}", Assert.Single(refusals).Field);
        }
    }

    [Fact]
    public void A_row_of_before_weights_reads_as_equal_shares()
    {
        var old = System.Text.Json.JsonSerializer.Deserialize(
            """{"endpoints":[{"url":"http://a"},{"url":"http://b"}],"algorithm":"round-robin","connectTimeout":"00:00:05","responseTimeout":"00:01:00"}""",
            ModelJson.Default.EndpointSet
        )!;

        Serve(old);
    }

    [Fact]
    public void Endpoints_of_which_none_would_get_a_request_are_refused() =>
        Assert.Equal(
            "/production/endpoints",
            Assert
                .Single(
                    _gateway.Apply(
                        (Entities.Petstore("") with { Production = Both with { Endpoints = [To(_one, 0)] } }).Put()
                    )
                )
                .Field
        );

    private static Endpoint To(Backend backend, int weight = 1) => new() { Url = backend.Url, Weight = weight };

    private void Serve(EndpointSet set) => _gateway.Run((Entities.Petstore("") with { Production = set }).Put());

    private async Task<List<string>> AskAsync(int times, params (string, string)[] headers)
    {
        var answers = new List<string>();
        for (var i = 0; i < times; i++)
        {
            using var answer = await _gateway.SendAsync(HttpMethod.Get, "/petstore/1.0.0/x", headers: headers);
            answers.Add(await answer.Content.ReadAsStringAsync(Cancel));
        }

        return answers;
    }

    private async Task<HttpStatusCode> StatusAsync()
    {
        using var answer = await _gateway.GetAsync("/petstore/1.0.0/x");
        return answer.StatusCode;
    }
}
