using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Gatehouse.Client;
using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Tests.Management.Alerting;

public sealed class AlertTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_rule_tells_once_when_requests_fail_and_once_when_it_is_over()
    {
        await using var manager = await LiveManager.StartAsync();
        await using var hook = await Hook.StartAsync();
        await RuleAsync(
            manager,
            "errors",
            $$"""{"name":"errors","on":"error-rate","percent":10,"webhooks":["{{hook.Url}}"]}"""
        );
        using var store = new UsageStore(manager.Catalogue.Database, TimeProvider.System);
        var keeper = manager.Service<AlertKeeper>();
        await store.TakeAsync(Worker, Batch(1, good: 50, bad: 2), Stop);
        await keeper.LookAsync(Stop);
        Assert.Empty(hook.Got);

        await store.TakeAsync(Worker, Batch(2, good: 0, bad: 20), Stop);
        await keeper.LookAsync(Stop);
        await keeper.LookAsync(Stop);

        var raised = Assert.Single(hook.Got);
        Assert.Equal(("raised", "petstore:1.0.0", AlertTrigger.ErrorRate), (raised.Event, raised.About, raised.On));
        Assert.Contains("30.6 % of 72 requests", raised.Message, StringComparison.Ordinal);
        Assert.Equal(1, (await manager.AskAsync<Page<RaisedAlert>>(HttpMethod.Get, "alerts")).Total);

        await store.TakeAsync(Worker, Batch(3, good: 500, bad: 0), Stop);
        await keeper.LookAsync(Stop);
        Assert.Equal(["raised", "over"], hook.Got.Select(g => g.Event));
        Assert.Equal(0, (await manager.AskAsync<Page<RaisedAlert>>(HttpMethod.Get, "alerts")).Total);
    }

    [Fact]
    public async Task A_refusal_and_a_task_are_told_of_and_looks_at_once_tell_once()
    {
        await using var manager = await LiveManager.StartAsync();
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
        await using var manager = await LiveManager.StartAsync();
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

        await manager.Service<AlertKeeper>().LookAsync(Stop);

        Assert.Equal(AlertTrigger.Approval, Assert.Single(hook.Got).On);
        Assert.Empty(server.Mails);
    }

    private static PeerIdentity Worker { get; } = new("test", Profile.GatewayWorker, "gw-1", "01");

    private static Task<AlertRule> RuleAsync(LiveManager manager, string name, string rule) =>
        manager.AskAsync<AlertRule>(HttpMethod.Put, $"alert-rules/{name}", rule);

    private static EventBatch Batch(long sequence, int good, int bad)
    {
        var batch = new EventBatch { Stream = "a", Sequence = sequence };
        batch.Texts.Add(["", "petstore:1.0.0"]);
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
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
                    using var reader = new StreamReader(request.Body);
                    hook.Got.Enqueue(
                        JsonSerializer.Deserialize<AlertDocument>(
                            await reader.ReadToEndAsync(Stop),
                            ManagerClient.Json
                        )!
                    );
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

        public MailServer()
        {
            _listener.Start();
            _ = ServeAsync();
        }

        public ConcurrentQueue<string> Mails { get; } = new();

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await _listener.AcceptTcpClientAsync();
                    await TakeAsync(client);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException) { }
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
