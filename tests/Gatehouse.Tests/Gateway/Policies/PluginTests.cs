using System.Net;
using System.Text;
using System.Text.Json;
using Gatehouse.Gateway;
using Gatehouse.Model;
using Gatehouse.Plugins;
using Gatehouse.Tests.Cli;
using Gatehouse.Tests.Deployment.Trust;

namespace Gatehouse.Tests.Gateway.Policies;

/// <summary>Policies of C# plug-ins: the example of this repository as a node loads it, and plug-ins that are no good.</summary>
public sealed class PluginTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gatehouse-plugins-");
    private readonly Backend _backend = new();
    private readonly CapturedLog _log = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        var built = new DirectoryInfo(AppContext.BaseDirectory);
        var example = Path.Combine(built.Parent!.Parent!.FullName, "Acme.Stamp", built.Name);
        Directory.CreateDirectory(Path.Combine(_folder.FullName, "Acme.Stamp"));
        foreach (var file in Directory.GetFiles(example))
        {
            File.Copy(file, Path.Combine(_folder.FullName, "Acme.Stamp", Path.GetFileName(file)));
        }

        return default;
    }

    public async ValueTask DisposeAsync()
    {
        await _backend.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task The_example_acts_on_requests_and_answers_of_a_worker_that_has_it()
    {
        await using var gateway = await StartAsync(PluginSet.Load(_folder.FullName));
        gateway.Run(Api("acme/stamp", """{ "header": "X-Acme", "text": "seen" }""").Put());

        using var answer = await PostAsync(gateway, "12345");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("seen", answer.Headers.GetValues("X-Stamped").Single());
        Assert.Equal("seen 5", _backend.Only.Header("X-Acme"));
        Assert.Equal("12345", Encoding.UTF8.GetString(_backend.Only.Body));

        using var refused = await PostAsync(gateway, "", ("X-Refuse", "1"));
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Contains(
            "asked to be refused",
            await refused.Content.ReadAsStringAsync(Cancel),
            StringComparison.Ordinal
        );
        using var answered = await PostAsync(gateway, "", ("X-Answer", "from the plug-in"));
        Assert.Equal("from the plug-in", await answered.Content.ReadAsStringAsync(Cancel));
        Assert.Single(_backend.Requests);
    }

    [Fact]
    public async Task A_body_that_is_larger_than_the_plug_in_reads_is_refused()
    {
        await using var gateway = await StartAsync(PluginSet.Load(_folder.FullName));
        gateway.Run(Api("acme/stamp", """{ "maxBytes": 10 }""").Put());

        using var answer = await PostAsync(gateway, "eleven bytes");

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Empty(_backend.Requests);
    }

    [Theory]
    [InlineData("Content-Length: 5\r\n\r\nhello")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")]
    public async Task A_plug_in_reads_an_answer_whole_and_puts_another_in_its_place(string body)
    {
        _backend.OnRequest = (_, stream) => Backend.WriteAsync(stream, $"HTTP/1.1 200 OK\r\nETag: \"1\"\r\n{body}");
        await using var gateway = await StartAsync(PluginSet.Load(_folder.FullName));
        gateway.Run(Api("acme/stamp", """{ "text": "seen", "footer": " and seen", "maxBytes": 5 }""").Put());

        using var answer = await gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/x",
            headers: ("Accept-Encoding", "gzip")
        );

        Assert.Equal("hello and seen", await answer.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(14, answer.Content.Headers.ContentLength);
        Assert.Equal("seen", answer.Headers.GetValues("X-Stamped").Single());
        Assert.Null(answer.Headers.ETag);
        Assert.Null(_backend.Only.Header("Accept-Encoding"));
    }

    [Theory]
    [InlineData("Content-Length: 6\r\n\r\nhello!")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")]
    public async Task An_answer_that_is_larger_than_the_plug_in_reads_is_refused_and_says_by_whom(string body)
    {
        _backend.OnRequest = (_, stream) => Backend.WriteAsync(stream, $"HTTP/1.1 200 OK\r\n{body}");
        await using var gateway = await StartAsync(PluginSet.Load(_folder.FullName));
        gateway.Run(Api("acme/stamp", """{ "footer": ".", "maxBytes": 5 }""").Put());

        using var answer = await gateway.GetAsync("/petstore/1.0.0/x");

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        var told = await answer.Content.ReadAsStringAsync(Cancel);
        Assert.Contains("larger than the 5 bytes", told, StringComparison.Ordinal);
        Assert.Contains("acme/stamp", told, StringComparison.Ordinal);
        Assert.DoesNotContain("hello", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_streams_past_a_plug_in_that_reads_none()
    {
        var goesOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _backend.OnRequest = async (_, stream) =>
        {
            await Backend.WriteAsync(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            await goesOn.Task;
            await Backend.WriteAsync(stream, "6\r\nsecond\r\n0\r\n\r\n");
        };
        await using var gateway = await StartAsync(PluginSet.Load(_folder.FullName));
        gateway.Run(Api("acme/stamp", """{ "maxBytes": 5 }""").Put());

        using var answer = await gateway.GetAsync("/petstore/1.0.0/x");
        await using var body = await answer.Content.ReadAsStreamAsync(Cancel);
        var first = new byte[5];
        await body.ReadExactlyAsync(first, Cancel);
        goesOn.SetResult();

        using var rest = new StreamReader(body);
        Assert.Equal("first", Encoding.ASCII.GetString(first));
        Assert.Equal("second", await rest.ReadToEndAsync(Cancel));
        Assert.Equal("stamped", answer.Headers.GetValues("X-Stamped").Single());
    }

    [Fact]
    public async Task An_answer_that_may_have_no_body_gets_none()
    {
        _backend.OnRequest = (_, stream) => Backend.WriteAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        await using var gateway = await StartAsync(PluginSet.Load(_folder.FullName));
        gateway.Run(Api("acme/stamp", """{ "footer": "." }""").Put());

        using var answer = await gateway.SendAsync(HttpMethod.Head, "/petstore/1.0.0/x");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync(Cancel));
        Assert.True(answer.Headers.Contains("X-Stamped"));
    }

    [Theory]
    [InlineData("""{ "colour": "red" }""", "colour")]
    [InlineData("""{ "header": "" }""", "/header The stamp needs a header")]
    [InlineData("""{ "maxBytes": "many" }""", "maxBytes")]
    public async Task Settings_that_the_plug_in_does_not_take_are_refused_and_the_last_good_API_serves(
        string settings,
        string reason
    )
    {
        await using var gateway = await StartAsync(PluginSet.Load(_folder.FullName));
        gateway.Run(Api("acme/stamp", "{}").Put());

        var refusal = Assert.Single(gateway.Apply(Api("acme/stamp", settings).Put()));

        Assert.Contains(reason, $"{refusal.Field} {refusal.Reason}", StringComparison.Ordinal);
        using var answer = await PostAsync(gateway, "x");
        Assert.Equal("stamped", answer.Headers.GetValues("X-Stamped").Single());
    }

    [Fact]
    public async Task A_worker_without_the_plug_in_refuses_the_API_and_says_what_is_missing()
    {
        await using var gateway = await StartAsync(PluginSet.None);
        gateway.Run(Entities.Petstore(_backend.Url).Put());

        var refusal = Assert.Single(gateway.Apply(Api("acme/stamp", "{}").Put()));

        Assert.StartsWith("/operations/0/policies", refusal.Field, StringComparison.Ordinal);
        Assert.Contains("no plug-in for the policy 'acme/stamp'", refusal.Reason, StringComparison.Ordinal);
        Assert.Contains("'plugins'", refusal.Reason, StringComparison.Ordinal);
        using var answer = await gateway.GetAsync("/petstore/1.0.0/x");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public void What_is_no_plug_in_is_named_and_the_others_are_loaded()
    {
        Write("Broken/Broken.dll", "this is no assembly"u8.ToArray());
        Write("Empty/readme.txt", []);
        Write("Gatehouse.Model/Gatehouse.Model.dll", File.ReadAllBytes(typeof(Api).Assembly.Location));
        Write("stray.dll", []);

        var plugins = PluginSet.Load(_folder.FullName);

        Assert.Equal(["acme/stamp"], plugins.Kinds.Select(k => k.Name));
        Assert.Equal(
            ["Broken.dll", "Empty", "Gatehouse.Model.dll", "stray.dll"],
            plugins.Problems.Select(p => Path.GetFileName(p.File))
        );
        Assert.Contains("no assembly Empty.dll", plugins.Problems[1].Message, StringComparison.Ordinal);
        Assert.Contains("no public class", plugins.Problems[2].Message, StringComparison.Ordinal);
        Assert.All(plugins.Problems, p => Assert.NotNull(p.Fix));
        Assert.Contains("missing", PluginSet.Load("/nowhere/missing").Problems.Single().File, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plug_in_that_cannot_be_made_or_is_badly_named_is_refused_with_its_own_words()
    {
        var plugins = PluginSet.Of(
            typeof(Exploding),
            typeof(Misnamed),
            typeof(Contradicting),
            typeof(Unwritable),
            typeof(Failing),
            typeof(FailingsTwin)
        );

        Assert.Equal(["test/failing"], plugins.Kinds.Select(k => k.Name));
        Assert.Equal(
            [nameof(Exploding), nameof(Misnamed), nameof(Contradicting), nameof(Unwritable), nameof(FailingsTwin)],
            plugins.Problems.Select(p => p.Pointer.Split('+')[^1])
        );
        Assert.Contains("licence missing", plugins.Problems[0].Message, StringComparison.Ordinal);
        Assert.Contains("'Misnamed' is no name", plugins.Problems[1].Message, StringComparison.Ordinal);
        Assert.Contains("refuses its own example", plugins.Problems[2].Message, StringComparison.Ordinal);
        Assert.Contains("test/failing", plugins.Problems[4].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("throw", "failed; the gateway's log")]
    [InlineData("null", "failed; the gateway's log")]
    [InlineData("hang", "did not come to an end")]
    [InlineData("block", "did not come to an end")]
    [InlineData("host", "failed; the gateway's log")]
    [InlineData("split", "failed; the gateway's log")]
    [InlineData("answer", "failed; the gateway's log")]
    [InlineData("unread", "failed; the gateway's log")]
    public async Task A_plug_in_that_fails_costs_its_request_and_no_other(string how, string told)
    {
        _backend.OnRequest = (request, stream) =>
            Backend.ReplyAsync(stream, "hello", headers: request.Header("X-How") == "answer" ? "X-Fail: 1\r\n" : "");
        await using var gateway = await StartAsync(PluginSet.Of(typeof(Failing)));
        var patience = how is "hang" or "block" ? 300 : 60_000;
        gateway.Run(
            Api("test/failing", $$"""{ "patience": {{patience}} }""").Put(),
            (Entities.Petstore(_backend.Url) with { Name = "other", Context = "/other" }).Put()
        );

        using var failed = await PostAsync(gateway, "", ("X-How", how));
        using var other = await gateway.GetAsync("/other/1.0.0/x");
        var next = await PostAsync(gateway, "", ("X-How", "pass"));
        for (
            var until = Environment.TickCount64 + 60_000;
            patience == 300 && next.StatusCode != HttpStatusCode.OK && Environment.TickCount64 < until;

        )
        {
            // So short a patience a busy machine outlasts now and then.
            next.Dispose();
            next = await PostAsync(gateway, "", ("X-How", "pass"));
        }

        Assert.Equal(HttpStatusCode.InternalServerError, failed.StatusCode);
        var body = await failed.Content.ReadAsStringAsync(Cancel);
        Assert.Contains(told, body, StringComparison.Ordinal);
        Assert.Contains("test/failing", body, StringComparison.Ordinal);
        Assert.DoesNotContain("secret detail", body, StringComparison.Ordinal);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (other.StatusCode, next.StatusCode));
        Assert.Contains("The plug-in policy test/failing failed", _log.Text, StringComparison.Ordinal);
        next.Dispose();
    }

    [Fact]
    public async Task A_plug_in_that_throws_when_an_API_is_applied_refuses_that_API_alone()
    {
        await using var gateway = await StartAsync(PluginSet.Of(typeof(Failing)));

        var refusal = Assert.Single(
            gateway.Apply([
                Api("test/failing", """{ "refuseToStand": true }""").Put(),
                (Entities.Petstore(_backend.Url) with { Name = "other", Context = "/other" }).Put(),
            ])
        );

        Assert.Contains("no place for me", refusal.Reason, StringComparison.Ordinal);
        using var other = await gateway.GetAsync("/other/1.0.0/x");
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
    }

    [Fact]
    public async Task The_command_line_shows_what_a_plug_in_adds_with_the_schema_of_its_settings()
    {
        using var shell = new Shell();

        var list = await shell.RunAsync(["policy", "list", "--plugins", _folder.FullName, "-o", "json"]);
        var show = await shell.RunAsync(["policy", "show", "acme/stamp", "--plugins", _folder.FullName, "-o", "json"]);
        var without = await shell.RunAsync(["policy", "show", "acme/stamp"]);

        Assert.Contains("acme/stamp", list.Out, StringComparison.Ordinal);
        var schema = JsonDocument.Parse(show.Out).RootElement.GetProperty("schema");
        var text = schema.GetProperty("properties").GetProperty("text");
        Assert.Equal(
            "What is written into it, before the size of the body",
            text.GetProperty("description").GetString()
        );
        Assert.Equal("stamped", text.GetProperty("default").GetString());
        Assert.NotEqual(0, (int)without.Code);
        Assert.Contains("--plugins", without.Error, StringComparison.Ordinal);

        Write("Broken/Broken.dll", []);
        var broken = await shell.RunAsync(["policy", "list", "--plugins", _folder.FullName]);
        Assert.NotEqual(0, (int)broken.Code);
        Assert.Contains("Broken.dll", broken.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_manager_that_has_the_plug_in_judges_settings_by_it()
    {
        var kind = PluginSet.Load(_folder.FullName).Kinds.Single();
        PolicyKinds.Add([kind]);

        var problems = PolicyKinds
            .Check(
                [Use("acme/stamp", """{ "header": "" }"""), Use("acme/other", """{ "any": 1 }""")],
                "/policies",
                false
            )
            .ToList();

        Assert.Equal("/policies/0/settings/header", Assert.Single(problems).Pointer);
        Assert.Contains(PolicyKinds.Known, k => k.Name == "acme/stamp");
        Assert.DoesNotContain(PolicyKinds.All, k => k.Name == "acme/stamp");
    }

    private Task<TestGateway> StartAsync(PluginSet plugins) =>
        TestGateway.StartAsync(new() { Node = "w1", Plugins = plugins }, logs: _log);

    private Api Api(string policy, string settings) =>
        Entities.Petstore(_backend.Url) with
        {
            Policies = [Use(policy, settings)],
        };

    private static PolicyUse Use(string name, string settings) =>
        new() { Name = name, Settings = JsonDocument.Parse(settings).RootElement };

    private static Task<HttpResponseMessage> PostAsync(
        TestGateway gateway,
        string body,
        params (string, string)[] headers
    ) => gateway.SendAsync(HttpMethod.Post, "/petstore/1.0.0/x", new StringContent(body), headers: headers);

    private void Write(string path, byte[] content)
    {
        var file = Path.Combine(_folder.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, content);
    }

    public sealed record Nothing
    {
        public bool RefuseToStand { get; set; }

        public int Patience { get; set; } = 60_000;
    }

    public sealed record Odd
    {
        public nint Pointer { get; set; }

        public Func<int>? Code { get; set; }
    }

    public sealed class Exploding : PolicyPlugin<Nothing>
    {
        public Exploding() => throw new InvalidOperationException("licence missing");

        public override string Name => "test/exploding";

        public override string Summary => "";

        public override PluginPolicy Create(Nothing settings, PolicyPlace place) => throw new NotSupportedException();
    }

    public sealed class Misnamed : PolicyPlugin<Nothing>
    {
        public override string Name => "Misnamed";

        public override string Summary => "";

        public override PluginPolicy Create(Nothing settings, PolicyPlace place) => throw new NotSupportedException();
    }

    public sealed class Contradicting : PolicyPlugin<Nothing>
    {
        public override string Name => "test/contradicting";

        public override string Summary => "";

        public override string Example => """{ "other": 1 }""";

        public override PluginPolicy Create(Nothing settings, PolicyPlace place) => throw new NotSupportedException();
    }

    public sealed class Unwritable : PolicyPlugin<Odd>
    {
        public override string Name => "test/unwritable";

        public override string Summary => "";

        public override PluginPolicy Create(Odd settings, PolicyPlace place) => throw new NotSupportedException();
    }

    public class Failing : PolicyPlugin<Nothing>
    {
        public override string Name => "test/failing";

        public override string Summary => "Fails as asked.";

        public override PluginPolicy Create(Nothing settings, PolicyPlace place) =>
            settings.RefuseToStand ? throw new InvalidOperationException("no place for me") : new Fails(settings);
    }

    public sealed class FailingsTwin : Failing;

    private sealed class Fails(Nothing settings) : PluginPolicy
    {
        public override TimeSpan Patience => TimeSpan.FromMilliseconds(settings.Patience);

        public override async ValueTask<Verdict> OnRequestAsync(PluginRequest request, CancellationToken cancellation)
        {
            switch (request.Headers["X-How"])
            {
                case "throw":
                    throw new InvalidOperationException("secret detail");
                case "null":
                    return null!;
                case "hang":
                    await new TaskCompletionSource().Task;
                    break;
                case "block":
                    cancellation.WaitHandle.WaitOne();
                    Thread.Sleep(500);
                    break;
                case "host":
                    request.Headers["Host"] = "elsewhere";
                    break;
                case "unread":
                    request.ReplaceBody("another"u8.ToArray());
                    break;
                case "split":
                    request.Headers["X-A"] = "b\r\nTransfer-Encoding: chunked";
                    break;
            }

            return Verdict.Pass;
        }

        public override ValueTask OnAnswerAsync(PluginAnswer answer, CancellationToken cancellation) =>
            answer.Headers["X-Fail"] is null ? default : throw new InvalidOperationException("secret detail");
    }
}
