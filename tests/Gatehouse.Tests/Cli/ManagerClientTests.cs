using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management;
using Gatehouse.Model;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Tests.Cli;

public sealed class ManagerClientTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly Shell _shell = new();

    public void Dispose() => _shell.Dispose();

    [Fact]
    public async Task Status_is_a_headline_and_a_table_of_nodes()
    {
        await using var manager = await FakeManager.StartAsync(http => Json(http, Status()));
        SignIn(manager.Context);

        var ran = await _shell.RunAsync("status");

        Assert.Equal("", ran.Error);
        Assert.Equal(
            """
            CLUSTER prod   1 of 2 nodes serve · epoch 17 · 1 alert
            NODE   PROFILE           SUB-DOMAIN   ENVIRONMENTS   STATE     ADDRESS          EPOCH   REQ/S   SEEN   PID   VERSION
            gw-1   gateway-worker    worker       staging        serving   10.0.0.4:8243    17      1.5     now    42    0.1.0
            mgr    gateway-manager   mgt                         lost      [fd00::1]:7443   -               12 s
            ! mgr was last heard of long ago (since 3 min)

            """,
            ran.Out
        );
        Assert.Equal(("GET", "/api/v1/status", "Bearer ght_secret"), Assert.Single(manager.Requests));
    }

    [Fact]
    public async Task A_narrow_screen_loses_columns_and_never_wraps()
    {
        using var narrow = new Shell { Width = 72 };
        await using var manager = await FakeManager.StartAsync(http => Json(http, Status().Nodes));
        new Credentials().With("prod", manager.Context).Save(narrow.CredentialsPath);

        var ran = await narrow.RunAsync("node", "list");

        Assert.All(ran.Out.Split('\n'), line => Assert.True(line.Length <= 72, line));
        Assert.Contains("gw-1   gateway-worker", ran.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_and_yaml_carry_kind_and_version()
    {
        await using var manager = await FakeManager.StartAsync(http => Json(http, Status().Nodes));
        SignIn(manager.Context);

        var json = JsonDocument.Parse((await _shell.RunAsync("node", "list", "-o", "json")).Out).RootElement;
        var yaml = await _shell.RunAsync("node", "list", "-o", "yaml");

        Assert.Equal("gatehouse/v1", json.GetProperty("apiVersion").GetString());
        Assert.Equal("gw-1", json.GetProperty("items")[0].GetProperty("name").GetString());
        Assert.StartsWith(
            "apiVersion: gatehouse/v1\nkind: Node\nitems:\n- name: gw-1\n  profile: gateway-worker\n",
            yaml.Out,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(400, nameof(ExitCode.Invalid))]
    [InlineData(401, nameof(ExitCode.NotAllowed))]
    [InlineData(403, nameof(ExitCode.NotAllowed))]
    [InlineData(404, nameof(ExitCode.NotFound))]
    [InlineData(409, nameof(ExitCode.Conflict))]
    [InlineData(412, nameof(ExitCode.Conflict))]
    [InlineData(500, nameof(ExitCode.Failed))]
    [InlineData(503, nameof(ExitCode.Unreachable))]
    public async Task What_the_manager_answers_decides_the_exit_code(int status, string code)
    {
        await using var manager = await FakeManager.StartAsync(http =>
        {
            http.Response.StatusCode = status;
            return http.Response.WriteAsJsonAsync(
                new
                {
                    title = "No such thing",
                    detail = "Do this.",
                    status,
                }
            );
        });
        SignIn(manager.Context);

        var ran = await _shell.RunAsync("node", "show", "x");

        Assert.Equal(code, ran.Code.ToString());
        Assert.Equal($"error: No such thing\n  where  {manager.Url}api/v1/nodes/x\n  fix    Do this.\n", ran.Error);
    }

    [Fact]
    public async Task Every_problem_of_an_invalid_request_is_told_with_its_place()
    {
        await using var manager = await FakeManager.StartAsync(http =>
        {
            http.Response.StatusCode = 400;
            return http.Response.WriteAsJsonAsync(
                new
                {
                    title = "2 problems were found",
                    errors = (Problem[])
                        [
                            new("/paths/~1pets", "has no operation", null, "pets.yaml", 7, 3),
                            new("/info", "is missing", "add it"),
                        ],
                }
            );
        });
        SignIn(manager.Context);

        var ran = await _shell.RunAsync("node", "drain", "x");

        Assert.Equal(
            """
            error: has no operation
              where  pets.yaml:7:3 (/paths/~1pets)
            error: is missing
              where  /info
              fix    add it
            2 problems were found

            """,
            ran.Error
        );
    }

    [Fact]
    public async Task A_manager_that_is_gone_is_left_for_the_next()
    {
        await using var manager = await FakeManager.StartAsync(http => Json(http, Status().Nodes));
        SignIn(manager.Context with { Managers = [new Uri("https://localhost:1"), manager.Url] });

        Assert.Equal(ExitCode.Done, (await _shell.RunAsync("node", "list")).Code);
    }

    [Fact]
    public async Task A_manager_of_another_authority_never_sees_the_token()
    {
        await using var ours = await FakeManager.StartAsync(http => Json(http, Status()));
        await using var foreign = await FakeManager.StartAsync(http => Json(http, Status()));
        SignIn(ours.Context with { Managers = [foreign.Url] });

        var ran = await _shell.RunAsync("status");

        Assert.Equal(ExitCode.Unreachable, ran.Code);
        Assert.StartsWith(
            "error: the manager's certificate is not one of the cluster we know",
            ran.Error,
            StringComparison.Ordinal
        );
        Assert.Empty(foreign.Requests);
    }

    [Fact]
    public async Task A_saved_token_is_not_sent_to_an_address_it_was_not_saved_for()
    {
        await using var ours = await FakeManager.StartAsync(http => Json(http, Status()));
        await using var other = await FakeManager.StartAsync(http => Json(http, Status()));
        SignIn(ours.Context);

        await _shell.RunAsync("status", "--url", other.Url.ToString(), "--ca", _shell.Write("ca.pem", other.Ca));

        Assert.Null(Assert.Single(other.Requests).Authorization);
    }

    [Fact]
    public async Task A_token_and_an_authority_can_come_from_files()
    {
        await using var manager = await FakeManager.StartAsync(http => Json(http, Status()));
        _shell.Environment["GATEHOUSE_URL"] = manager.Url.ToString();

        var ran = await _shell.RunAsync(
            "status",
            "--ca",
            _shell.Write("ca.pem", manager.Ca),
            "--token-file",
            _shell.Write("token", "ght_other\n")
        );

        Assert.Equal(ExitCode.Done, ran.Code);
        Assert.Equal("Bearer ght_other", Assert.Single(manager.Requests).Authorization);
    }

    [Fact]
    public async Task A_silent_manager_is_given_up_after_the_timeout()
    {
        await using var manager = await FakeManager.StartAsync(http =>
            Task.Delay(Timeout.InfiniteTimeSpan, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default)
        );
        SignIn(manager.Context);

        var ran = await _shell.RunAsync("status", "--timeout", "1");

        Assert.Equal(ExitCode.TimedOut, ran.Code);
        Assert.StartsWith("error: no answer from the manager within 1 s", ran.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Signing_in_with_a_link_checks_the_pin_and_keeps_the_token(bool nameLeadsHere)
    {
        FakeManager? running = null;
        await using var manager = await FakeManager.StartAsync(http =>
            http.Request.Path.Value switch
            {
                "/ca.pem" => http.Response.WriteAsync(running!.Ca),
                "/api/v1/login" => Json(http, new IssuedToken("ght_new", "t1", "admin", "admin", s_now)),
                _ => Json(http, Status()),
            }
        );
        running = manager;

        // Before the balancer is there, the link's name leads nowhere: another manager is said.
        var link = SignInLink.For(
            nameLeadsHere ? manager.Url : new Uri("https://mgt.invalid"),
            "ghc_code",
            [manager.Authority]
        );
        var ran = await _shell.RunAsync([
            "login",
            link.ToString(),
            .. nameLeadsHere ? (string[])[] : ["--manager", manager.Url.ToString()],
        ]);

        Assert.Equal("signed in to prod as admin (admin)\n", ran.Error);
        var saved = Credentials.Load(_shell.CredentialsPath);
        Assert.Equal(("prod", "ght_new"), (saved.Current, saved.Contexts["prod"].Token));
        Assert.Equal(ExitCode.Done, (await _shell.RunAsync("status")).Code);
    }

    [Fact]
    public async Task A_kept_authority_follows_the_clusters_while_it_still_counts()
    {
        using var next = Gatehouse.Deployment.Trust.CertificateAuthority.CreateSuccessor("prod", TimeProvider.System);
        FakeManager? running = null;
        var pem = "";
        await using var manager = await FakeManager.StartAsync(http =>
        {
            http.Response.Headers[AuthorityFollower.Header] = $"{SignInLink.PinOf(running!.Authority)},{next.Pin}";
            return http.Request.Path == "/ca.pem" ? http.Response.WriteAsync(pem) : Json(http, Status());
        });
        running = manager;
        SignIn(manager.Context);

        // Not what the answer named: it is not taken.
        pem = manager.Ca;
        Assert.Equal(ExitCode.Done, (await _shell.RunAsync("status")).Code);
        Assert.Equal(manager.Ca, Credentials.Load(_shell.CredentialsPath).Contexts["prod"].Ca);

        pem = $"{manager.Ca}\n{next.Certificate.ExportCertificatePem()}\n";
        Assert.Equal(ExitCode.Done, (await _shell.RunAsync("status")).Code);
        Assert.Equal(pem, Credentials.Load(_shell.CredentialsPath).Contexts["prod"].Ca);

        // From now on there is nothing to fetch.
        manager.Requests.Clear();
        Assert.Equal(ExitCode.Done, (await _shell.RunAsync("status")).Code);
        Assert.Equal(["/api/v1/status"], manager.Requests.Select(r => r.Path));
    }

    [Fact]
    public async Task A_manager_with_another_authority_than_the_links_never_gets_the_code()
    {
        FakeManager? running = null;
        await using var manager = await FakeManager.StartAsync(http => http.Response.WriteAsync(running!.Ca));
        running = manager;

        var ran = await _shell.RunAsync("login", $"{manager.Url}#code=ghc_code&ca={new string('0', 64)}");

        Assert.Equal(ExitCode.NotAllowed, ran.Code);
        Assert.Equal(["/ca.pem"], manager.Requests.Select(r => r.Path));
    }

    [Fact]
    public async Task Signing_out_revokes_and_forgets()
    {
        await using var manager = await FakeManager.StartAsync(http =>
        {
            http.Response.StatusCode = 204;
            return Task.CompletedTask;
        });
        SignIn(manager.Context);

        var ran = await _shell.RunAsync("logout");

        Assert.Equal("signed out of prod\n", ran.Error);
        Assert.Equal(("POST", "/api/v1/logout"), manager.Requests.Select(r => (r.Method, r.Path)).Single());
        Assert.Empty(Credentials.Load(_shell.CredentialsPath).Contexts);
    }

    private void SignIn(ManagerContext context) => new Credentials().With("prod", context).Save(_shell.CredentialsPath);

    // As the manager writes it.
    private static Task Json<T>(HttpContext http, T value) =>
        http.Response.WriteAsync(JsonSerializer.Serialize(value, typeof(T), ManagementJson.Default));

    private static StatusView Status() =>
        new(
            "prod",
            "mgr",
            "0.1.0+abc",
            "h",
            17,
            s_now,
            s_now,
            [
                Node("gw-1", Profile.GatewayWorker, "worker", NodeState.Serving, "10.0.0.4") with
                {
                    Ports = ImmutableSortedDictionary<string, int>.Empty.Add("https", 8243).Add("http", 8280),
                    Epoch = 17,
                    LastSeen = s_now.AddSeconds(-1),
                    ProcessId = 42,
                    Version = "0.1.0+abc",
                    Environments = ["staging"],
                    Traffic = new(1.5, 0, 0, [], 0),
                },
                Node("mgr", Profile.GatewayManager, "mgt", NodeState.Lost, "fd00::1") with
                {
                    LastSeen = s_now.AddSeconds(-12),
                },
            ],
            [new Alert("node-lost", "mgr", "mgr was last heard of long ago", s_now.AddMinutes(-3))]
        );

    private static NodeView Node(string name, Profile profile, string subDomain, NodeState state, string host) =>
        new()
        {
            Name = name,
            Profile = profile,
            SubDomain = subDomain,
            State = state,
            Host = host,
            InternalPort = 7443,
            Ports = ImmutableSortedDictionary<string, int>.Empty,
            Properties = ImmutableSortedDictionary<string, string>.Empty,
            Draining = false,
        };
}
