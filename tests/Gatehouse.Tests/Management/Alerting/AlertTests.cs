using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Gatehouse.Tests.Management.Alerting;

public sealed class AlertTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_rule_tells_once_when_requests_fail_and_once_when_it_is_over()
    {
        // A clock that stands still: the manager does not look by itself.
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var manager = await LiveManager.StartAsync(time);
        await using var hook = await Hook.StartAsync();
        await RuleAsync(
            manager,
            "errors",
            $$"""{"name":"errors","on":"error-rate","percent":10,"webhooks":["{{hook.Url}}"]}"""
        );
        using var store = new UsageStore(manager.Catalogue.Database, time);
        var keeper = manager.Service<AlertKeeper>();
        await store.TakeAsync(Worker, Batch(1, time, good: 50, bad: 2), Stop);
        await keeper.LookAsync(Stop);
        Assert.Empty(hook.Got);

        await store.TakeAsync(Worker, Batch(2, time, good: 0, bad: 20), Stop);
        await keeper.LookAsync(Stop);
        await keeper.LookAsync(Stop);

        var raised = Assert.Single(hook.Got);
        Assert.Equal(("raised", "petstore:1.0.0", AlertTrigger.ErrorRate), (raised.Event, raised.About, raised.On));
        Assert.Contains("30.6 % of 72 requests", raised.Message, StringComparison.Ordinal);
        Assert.Equal(1, (await manager.AskAsync<Page<RaisedAlert>>(HttpMethod.Get, "alerts")).Total);

        await store.TakeAsync(Worker, Batch(3, time, good: 500, bad: 0), Stop);
        await keeper.LookAsync(Stop);
        Assert.Equal(["raised", "over"], hook.Got.Select(g => g.Event));
        Assert.Equal(0, (await manager.AskAsync<Page<RaisedAlert>>(HttpMethod.Get, "alerts")).Total);
    }

    [Fact]
    public async Task A_refusal_and_a_task_are_told_of_and_looks_at_once_tell_once()
    {
        // A clock that stands still: the manager does not look by itself.
        await using var manager = await LiveManager.StartAsync(new FakeTimeProvider(DateTimeOffset.UtcNow));
        await using var hook = await Hook.StartAsync();
        await RuleAsync(manager, "refused", $$"""{"name":"refused","on":"refused","webhooks":["{{hook.Url}}"]}""");
        await RuleAsync(manager, "tasks", $$"""{"name":"tasks","on":"approval","webhooks":["{{hook.Url}}"]}""");
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        await manager.RegisterWorkerAsync("gw-1");
        await manager.ReportAsync("gw-1", refuses: "petstore:1.0.0");
        await manager.RunAsync("task", "settings", "applications");
        var sue = await manager.TokenAsync("sue", Roles.Subscriber);
        using var asked = await manager.SendAsync(HttpMethod.Post, "applications", """{"name":"Hers"}""", token: sue);

        var keeper = manager.Service<AlertKeeper>();
        await Task.WhenAll(keeper.LookAsync(Stop), keeper.LookAsync(Stop), keeper.LookAsync(Stop));

        Assert.Equal(
            [AlertTrigger.Approval, AlertTrigger.Refused],
            hook.Got.Select(g => g.On).OrderByDescending(o => o)
        );
        Assert.Contains(hook.Got, g => g.Message.Contains("cannot be compiled", StringComparison.Ordinal));
        Assert.Contains(hook.Got, g => g.Message.Contains("sue makes application Hers", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_node_that_is_lost_stale_or_near_the_end_of_its_certificate_is_told_of_and_so_is_its_return()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var manager = await LiveManager.StartAsync(time);
        await using var hook = await Hook.StartAsync();
        foreach (var on in (string[])["node-lost", "stale", "certificate"])
        {
            await RuleAsync(
                manager,
                on,
                $$"""{"name":"{{on}}","on":"{{on}}","node":"{{(on == "stale" ? "gw-2" : "gw-1")}}","webhooks":["{{hook.Url}}"]}"""
            );
        }

        await manager.RegisterWorkerAsync("gw-1");
        await manager.RegisterWorkerAsync("gw-2");
        await manager.ReportAsync("gw-1");
        await manager
            .Service<NodeBoard>()
            .RecordAsync(
                new PeerIdentity("test", Profile.GatewayWorker, "gw-2", "A2"),
                new() { State = "serving", FreshnessUnverified = true },
                Stop
            );
        await using (var context = manager.Catalogue.Database.Open())
        {
            context.NodeCertificates.Add(
                new()
                {
                    SerialNumber = "A1",
                    Node = "gw-1",
                    IssuedAt = time.GetUtcNow().AddDays(-89),
                    NotAfter = time.GetUtcNow().AddDays(1),
                }
            );
            await context.SaveChangesAsync(Stop);
        }

        var keeper = manager.Service<AlertKeeper>();
        await ToldAsync(2);
        Assert.Equal([(AlertTrigger.Certificate, "gw-1", "raised"), (AlertTrigger.Stale, "gw-2", "raised")], Told());

        time.Advance(TimeSpan.FromSeconds(10));
        await manager.ReportAsync("gw-2");
        await ToldAsync(4);
        Assert.Equal(
            [
                (AlertTrigger.Certificate, "gw-1", "raised"),
                (AlertTrigger.NodeLost, "gw-1", "raised"),
                (AlertTrigger.Stale, "gw-2", "over"),
                (AlertTrigger.Stale, "gw-2", "raised"),
            ],
            Told()
        );

        // The manager looks by itself too, when its clock moves: who saw it first tells, and may not have been heard yet.
        async Task ToldAsync(int count)
        {
            var patience = Stopwatch.StartNew();
            do
            {
                await keeper.LookAsync(Stop);
            } while (hook.Got.Count < count && patience.Elapsed < TimeSpan.FromSeconds(60));
        }

        IEnumerable<(AlertTrigger, string, string)> Told() =>
            hook.Got.Select(g => (g.On, g.About, g.Event)).OrderBy(t => $"{t.On} {t.About} {t.Event}");
    }

    [Fact]
    public async Task A_mail_goes_out_by_the_server_that_is_set_and_its_password_comes_back_to_nobody()
    {
        await using var manager = await LiveManager.StartAsync();
        using var server = new MailServer();
        var nobody = await manager.AskAsync<ToldView>(
            HttpMethod.Post,
            "mail-settings/test",
            """{"to":"a@example.com"}"""
        );
        Assert.Equal("No mail server is set.", nobody.Reason);

        await manager.AskAsync<MailSettings>(
            HttpMethod.Put,
            "mail-settings",
            $$"""{"host":"127.0.0.1","port":{{server.Port}},"plain":true,"from":"gatehouse@example.com"}"""
        );
        await RuleAsync(manager, "mail", """{"name":"mail","on":"node-lost","emails":["ops@example.com"]}""");
        var told = await manager.AskAsync<ToldView>(HttpMethod.Post, "alert-rules/mail/test");

        Assert.Equal((1, 1, null), (told.Told, told.Of, told.Reason));
        var mail = Assert.Single(server.Mails);
        Assert.Contains("RCPT TO:<ops@example.com>", mail, StringComparison.Ordinal);
        Assert.Contains("Subject: [test] mail: test", mail, StringComparison.Ordinal);

        foreach (
            var bad in (string[])
                [
                    """{"host":"127.0.0.1","plain":true,"user":"u","password":"p","from":"a@b"}""",
                    """{"host":"no host","from":"a@b"}""",
                    """{"host":"mail.example.com","from":"nobody"}""",
                ]
        )
        {
            await manager.RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Put, "mail-settings", bad);
        }

        foreach (
            var bad in (string[])["""{"name":"x","on":"node-lost"}""", """{"name":"x","on":"moon","emails":["a@b"]}"""]
        )
        {
            await manager.RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Put, "alert-rules/x", bad);
        }
    }

    [Fact]
    public async Task Webhooks_are_signed_once_a_secret_was_made_and_it_is_shown_once()
    {
        await using var manager = await LiveManager.StartAsync();
        await using var hook = await Hook.StartAsync();
        var set = await manager.RunAsync("alert", "set", "lost", "--on", "node-lost", "--webhook", hook.Url);
        await manager.RunAsync("alert", "test", "lost");
        Assert.Equal(ExitCode.Done, set.Code);
        Assert.Equal(["", ""], hook.Signatures.Select(s => s.Id + s.Signature).Append(""));

        var secret = (await manager.RunAsync("alert", "secret", "lost")).Out.Trim();
        await manager.RunAsync("alert", "test", "lost");
        // A rule that is set anew stays signed, whatever is sent with it.
        await RuleAsync(
            manager,
            "lost",
            $$"""{"name":"lost","on":"node-lost","signed":false,"webhooks":["{{hook.Url}}"]}"""
        );
        await manager.RunAsync("alert", "test", "lost");

        var signed = hook.Signatures.Skip(1).ToList();
        Assert.Equal(2, signed.Count);
        Assert.All(
            signed,
            s =>
            {
                using var hmac = new System.Security.Cryptography.HMACSHA256(
                    Convert.FromBase64String(secret["whsec_".Length..])
                );
                var content = Encoding.UTF8.GetBytes($"{s.Id}.{s.Timestamp}.").Concat(s.Body).ToArray();
                Assert.Equal($"v1,{Convert.ToBase64String(hmac.ComputeHash(content))}", s.Signature);
                var age = DateTimeOffset.UtcNow.ToUnixTimeSeconds() - long.Parse(s.Timestamp, null);
                Assert.InRange(age, 0, 300);
            }
        );
        Assert.NotEqual(signed[0].Id, signed[1].Id);
        var rules = await manager.RunAsync("alert", "rules", "-o", "json");
        Assert.DoesNotContain(secret, rules.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("/hook", rules.Out, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("alert", "delete", "lost", "--yes")).Code);
        Assert.Equal(ExitCode.NotFound, (await manager.RunAsync("alert", "secret", "lost")).Code);
    }

    [Fact]
    public void A_signature_is_the_one_of_the_standards_own_example() =>
        Assert.Equal(
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            WebhookSignature.Of(
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                DateTimeOffset.FromUnixTimeSeconds(1614265330),
                """{"test": 2432232314}"""u8
            )
        );

    [Fact]
    public async Task Rules_are_exported_without_their_webhooks_and_applied_with_them()
    {
        await using var manager = await LiveManager.StartAsync();
        await RuleAsync(
            manager,
            "errors",
            """{"name":"errors","on":"error-rate","percent":7,"webhooks":["https://hooks.example/T0K3N"],"emails":["ops@example.com"]}"""
        );
        await manager.AskAsync<WebhookSecret>(HttpMethod.Post, "alert-rules/errors/secret");
        var folder = Path.GetDirectoryName(manager.Write("here", ""))! + "/sources";

        var export = await manager.RunAsync("export", "--out", folder);
        var file = await File.ReadAllTextAsync(Path.Combine(folder, "alert-rules", "errors.yaml"), Stop);
        var unset = await manager.RunAsync("check", "-f", folder);
        await File.WriteAllTextAsync(
            Path.Combine(folder, "alert-rules", "errors.yaml"),
            file.Replace("percent: 7", "percent: 9", StringComparison.Ordinal)
                .Replace(
                    "secret: env:ERRORS_WEBHOOKS",
                    $"secret: file:{manager.Write("url", "https://hooks.example/T0K3N")}",
                    StringComparison.Ordinal
                ),
            Stop
        );
        var diff = await manager.RunAsync("diff", "-f", folder);
        var apply = await manager.RunAsync("apply", "-f", folder);
        var again = await manager.RunAsync("diff", "-f", folder);

        Assert.Equal(ExitCode.Done, export.Code);
        Assert.DoesNotContain("T0K3N", file, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Invalid, unset.Code);
        Assert.True(diff.Code == ExitCode.Pending, diff.Error + diff.Out);
        Assert.Contains("percent: 7 -> 9", diff.Out + diff.Error, StringComparison.Ordinal);
        Assert.True(apply.Code == ExitCode.Done, apply.Error);
        Assert.True(again.Code == ExitCode.Done, again.Error + again.Out);
        var rule = Assert.Single((await manager.AskAsync<Page<AlertRule>>(HttpMethod.Get, "alert-rules")).Items);
        Assert.Equal((9, true, "https://hooks.example/T0K3N"), (rule.Percent, rule.Signed, rule.Webhooks[0]));
    }

    [Fact]
    public async Task The_mail_server_is_set_tried_and_removed_from_the_command_line()
    {
        await using var manager = await LiveManager.StartAsync();
        using var server = new MailServer();
        var port = server.Port;
        var password = manager.Write("password", "s3cret-of-mail\n");

        var none = await manager.RunAsync("mail", "show");
        var set = await manager.RunAsync(
            "mail",
            "set",
            "127.0.0.1",
            "--port",
            $"{port}",
            "--plain",
            "--from",
            "gatehouse@example.com"
        );
        var test = await manager.RunAsync("mail", "test", "ops@example.com");
        server.HangUp();
        var failed = await manager.RunAsync("mail", "test", "ops@example.com");
        var secret = await manager.RunAsync(
            "mail",
            "set",
            "mail.example.com",
            "--from",
            "gatehouse@example.com",
            "--user",
            "gate",
            "--password",
            password
        );
        var shown = await manager.RunAsync("mail", "show", "-o", "json");
        var kept = await manager.RunAsync(
            "mail",
            "set",
            "MAIL.example.com",
            "--from",
            "g@example.com",
            "--user",
            "gate"
        );
        var elsewhere = await manager.RunAsync(
            "mail",
            "set",
            "mail.attacker.example",
            "--from",
            "gatehouse@example.com",
            "--user",
            "gate"
        );
        var early = await manager.RunAsync(
            "mail",
            "set",
            "mail.example.com",
            "--from",
            "g@example.com",
            "--port",
            "465"
        );
        var unsure = await manager.RunAsync("mail", "delete");
        var deleted = await manager.RunAsync("mail", "delete", "--yes");
        var again = await manager.RunAsync("mail", "delete");
        var after = await manager.AskAsync<MailSettings>(HttpMethod.Get, "mail-settings");

        Assert.Contains("No mail server is set", none.Error, StringComparison.Ordinal);
        Assert.True(set.Code == ExitCode.Done, set.Error);
        Assert.True(test.Code == ExitCode.Done, test.Error);
        Assert.Contains("RCPT TO:<ops@example.com>", Assert.Single(server.Mails), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, failed.Code);
        Assert.Contains($"127.0.0.1:{port} did not take the mail", failed.Error, StringComparison.Ordinal);
        Assert.True(secret.Code == ExitCode.Done, secret.Error);
        Assert.Contains("\"hasPassword\": true", shown.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret-of-mail", shown.Out + secret.Error, StringComparison.Ordinal);
        Assert.True(kept.Code == ExitCode.Done, kept.Error);
        Assert.Contains("write the password again", elsewhere.Error, StringComparison.Ordinal);
        Assert.Contains("take 587", early.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, unsure.Code);
        Assert.True(deleted.Code == ExitCode.Done, deleted.Error);
        Assert.Contains("no mail server is set", again.Error, StringComparison.Ordinal);
        Assert.Equal(("", false), (after.Host, after.HasPassword));
    }

    [Fact]
    public async Task A_password_is_kept_with_the_mail_server_it_is_for_or_not_at_all()
    {
        await using var manager = await LiveManager.StartAsync();
        var database = manager.Service<ManagementOptions>().Database;
        var secrets = new SecretStore(database, LiveManager.ClusterKey);
        await manager.AskAsync<MailSettings>(
            HttpMethod.Put,
            "mail-settings",
            """{"host":"one.example.com","from":"a@example.com","user":"u","password":"of one"}"""
        );
        await using (var context = database.Open())
        {
            await context.Database.ExecuteSqlRawAsync(
                "CREATE TRIGGER no_space BEFORE UPDATE ON entities BEGIN SELECT RAISE(ABORT, 'no space'); END",
                Stop
            );
        }

        await manager.RefusedAsync(
            HttpStatusCode.InternalServerError,
            HttpMethod.Put,
            "mail-settings",
            """{"host":"two.example.com","from":"a@example.com","user":"u","password":"of two"}"""
        );
        await manager.RefusedAsync(HttpStatusCode.InternalServerError, HttpMethod.Put, "mail-settings", "{}");

        var stored = await manager.AskAsync<MailSettings>(HttpMethod.Get, "mail-settings");
        Assert.Equal(("one.example.com", true), (stored.Host, stored.HasPassword));
        Assert.Equal("of one"u8.ToArray(), await secrets.FindAsync("mail/password", Stop));
    }

    [Fact]
    public async Task An_invitation_is_mailed_where_that_is_possible_and_copied_where_it_is_not()
    {
        await using var manager = await LiveManager.StartAsync();
        using var server = new MailServer();
        const string Ann = """{"name":"NAME","roles":["subscriber"],"email":"ann@example.com"}""";
        Task<UserLink> InviteAsync(string name) =>
            manager.AskAsync<UserLink>(
                HttpMethod.Post,
                "users",
                Ann.Replace("NAME", name, StringComparison.Ordinal),
                HttpStatusCode.Created
            );

        var copied = await InviteAsync("a1");
        await manager.AskAsync<MailSettings>(
            HttpMethod.Put,
            "mail-settings",
            $$"""{"host":"127.0.0.1","port":{{server.Port}},"plain":true,"from":"gatehouse@example.com"}"""
        );
        var mailed = await InviteAsync("a2");
        var reset = await manager.RunAsync("user", "reset", "a2");
        server.HangUp();
        var failed = await InviteAsync("a3");

        Assert.Null(copied.MailedTo);
        Assert.Equal(("ann@example.com", null), (mailed.MailedTo, mailed.Trouble));
        Assert.Contains("Mailed to ann@example.com", reset.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("link=", reset.Out, StringComparison.Ordinal);
        Assert.Null(failed.MailedTo);
        Assert.Contains("127.0.0.1", failed.Trouble, StringComparison.Ordinal);
        Assert.Equal(2, server.Mails.Count);
        var mail = server.Mails.First();
        Assert.Contains("RCPT TO:<ann@example.com>", mail, StringComparison.Ordinal);
        var text = mail.Contains("base64", StringComparison.Ordinal)
            ? Encoding.UTF8.GetString(
                Convert.FromBase64String(string.Concat(mail.Split("\n\n", 2)[1].Split('\n').Select(l => l.Trim())))
            )
            : mail.Replace("=\n", "", StringComparison.Ordinal).Replace("=3D", "=", StringComparison.Ordinal);
        Assert.Contains($"https://am.example.com/sign-in#link={mailed.Code}", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_who_may_read_the_audit_sees_what_is_raised()
    {
        await using var manager = await LiveManager.StartAsync();

        foreach (
            var (role, status) in new[]
            {
                (Roles.Subscriber, HttpStatusCode.Forbidden),
                (Roles.Publisher, HttpStatusCode.Forbidden),
                (Roles.Auditor, HttpStatusCode.OK),
                (Roles.Operator, HttpStatusCode.OK),
            }
        )
        {
            using var response = await manager.SendAsync(
                HttpMethod.Get,
                "alerts",
                token: await manager.TokenAsync($"a-{role}", role)
            );
            Assert.Equal((role, status), (role, response.StatusCode));
        }
    }

    [Fact]
    public async Task A_mailbox_that_no_mail_can_go_to_keeps_nobody_else_from_being_told()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var manager = await LiveManager.StartAsync(time);
        await using var hook = await Hook.StartAsync();
        using var server = new MailServer();
        await manager.AskAsync<MailSettings>(
            HttpMethod.Put,
            "mail-settings",
            $$"""{"host":"127.0.0.1","port":{{server.Port}},"plain":true,"from":"gatehouse@example.com"}"""
        );
        await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Put,
            "alert-rules/none",
            """{"name":"none","on":"approval","emails":[null],"webhooks":[null]}"""
        );
        // What an older build took: two dots are no name of a mailbox.
        await manager.Catalogue.CommitAsync(
            new CatalogueTransaction(TestCatalogue.Tester, "set alert rule tasks").Put(
                EntityKinds.AlertRule,
                "tasks",
                new AlertRule
                {
                    Name = "tasks",
                    On = AlertTrigger.Approval,
                    Emails = ["a..b@example.com", "..@.."],
                    Webhooks = [hook.Url],
                },
                ManagerJson.Default.AlertRule
            ),
            Stop
        );
        await manager.RunAsync("task", "settings", "applications");
        var sue = await manager.TokenAsync("sue", Roles.Subscriber);
        using var asked = await manager.SendAsync(HttpMethod.Post, "applications", """{"name":"Hers"}""", token: sue);

        var looking = manager.Service<AlertKeeper>().LookAsync(Stop);
        // What cannot be told is tried again a little later.
        while (!looking.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(looking, Task.Delay(10, Stop));
        }

        await looking;
        Assert.Equal(AlertTrigger.Approval, Assert.Single(hook.Got).On);
        Assert.Empty(server.Mails);
    }

    private static PeerIdentity Worker { get; } = new("test", Profile.GatewayWorker, "gw-1", "01");

    private static Task<AlertRule> RuleAsync(LiveManager manager, string name, string rule) =>
        manager.AskAsync<AlertRule>(HttpMethod.Put, $"alert-rules/{name}", rule);

    private static EventBatch Batch(long sequence, TimeProvider time, int good, int bad)
    {
        var batch = new EventBatch { Stream = "a", Sequence = sequence };
        batch.Texts.Add(["", "petstore:1.0.0"]);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        batch.Events.AddRange(
            Enumerable
                .Range(0, good + bad)
                .Select(i => new Event
                {
                    At = now,
                    Api = 1,
                    Status = i < good ? 200 : 503,
                })
        );
        return batch;
    }

    /// <summary>Takes webhooks on a real port.</summary>
    private sealed class Hook : IAsyncDisposable
    {
        private WebApplication _app = null!;

        public ConcurrentQueue<AlertDocument> Got { get; } = new();

        public ConcurrentQueue<(string Id, string Timestamp, string Signature, byte[] Body)> Signatures { get; } =
            new();

        public string Url => $"{_app.Urls.Single()}/hook";

        public static async Task<Hook> StartAsync()
        {
            var hook = new Hook();
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
            hook._app = builder.Build();
            hook._app.MapPost(
                "/hook",
                async (HttpRequest request) =>
                {
                    using var body = new MemoryStream();
                    await request.Body.CopyToAsync(body, Stop);
                    hook.Signatures.Enqueue(
                        (
                            request.Headers["webhook-id"].ToString(),
                            request.Headers["webhook-timestamp"].ToString(),
                            request.Headers["webhook-signature"].ToString(),
                            body.ToArray()
                        )
                    );
                    hook.Got.Enqueue(JsonSerializer.Deserialize<AlertDocument>(body.ToArray(), ManagerClient.Json)!);
                    return Results.Ok();
                }
            );
            await hook._app.StartAsync(Stop);
            return hook;
        }

        public ValueTask DisposeAsync() => _app.DisposeAsync();
    }

    /// <summary>The little of SMTP that taking a mail needs.</summary>
    private sealed class MailServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private volatile bool _hangsUp;

        public MailServer()
        {
            _listener.Start();
            _ = ServeAsync();
        }

        public ConcurrentQueue<string> Mails { get; } = new();

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        /// <summary>Takes no more mails. Its port stays its own: nobody else answers there.</summary>
        public void HangUp() => _hangsUp = true;

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptTcpClientAsync();
                    if (_hangsUp)
                    {
                        continue;
                    }

                    try
                    {
                        await TakeAsync(client);
                    }
                    catch (IOException)
                    {
                        // It hung up without waiting for our last word; the next one is served all the same.
                    }
                }
            }
            catch (Exception e) when (e is SocketException or InvalidOperationException) { }
        }

        private async Task TakeAsync(TcpClient client)
        {
            var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII);
            await using var writer = new StreamWriter(stream, Encoding.ASCII) { NewLine = "\r\n", AutoFlush = true };
            var mail = new StringBuilder();
            await writer.WriteLineAsync("220 test");
            while (await reader.ReadLineAsync() is { } line)
            {
                mail.AppendLine(line);
                if (line == "DATA")
                {
                    await writer.WriteLineAsync("354 go on");
                    while (await reader.ReadLineAsync() is { } text && text != ".")
                    {
                        mail.AppendLine(text);
                    }

                    Mails.Enqueue(mail.ToString());
                }

                await writer.WriteLineAsync(line == "QUIT" ? "221 bye" : "250 ok");
                if (line == "QUIT")
                {
                    return;
                }
            }
        }
    }
}
