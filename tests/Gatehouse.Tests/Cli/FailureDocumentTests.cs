using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Tests.Cluster;
using Gatehouse.Tests.Management.Apis;
using YamlDotNet.RepresentationModel;

namespace Gatehouse.Tests.Cli;

/// <summary>Whatever goes wrong, a script reads it in one form.</summary>
public sealed class FailureDocumentTests : IDisposable
{
    // What every failure has, and what it may have besides.
    private static readonly string[] s_always = ["type", "title", "detail", "exitCode"];
    private static readonly string[] s_known = [.. s_always, "status", "instance", "fix", "errors"];

    private readonly Shell _shell = new();

    public void Dispose() => _shell.Dispose();

    [Theory]
    [InlineData("stauts", (int)ExitCode.Usage, "unknown command 'stauts'")]
    [InlineData("status --manger https://x", (int)ExitCode.Usage, "unknown option '--manger'")]
    [InlineData("node show", (int)ExitCode.Usage, "required argument 'NAME' missing for command: 'show'")]
    [InlineData("usage --by planet", (int)ExitCode.Usage, "--by cannot be 'planet'")]
    [InlineData("usage --by planet --since planet", (int)ExitCode.Usage, "2 mistakes on the command line")]
    [InlineData("api set petstore colour=red", (int)ExitCode.Usage, "'colour' is no field of an API")]
    [InlineData("status", (int)ExitCode.NotAllowed, "not signed in to any cluster")]
    [InlineData("status --token-file HOME/none --manager https://127.0.0.1:1", (int)ExitCode.Usage, "HOME/none")]
    [InlineData("status --ca HOME/none --manager https://127.0.0.1:1", (int)ExitCode.Usage, "HOME/none")]
    [InlineData("check --from HOME/none", (int)ExitCode.NotFound, "there is no such directory")]
    [InlineData("api import HOME/none.yaml", (int)ExitCode.NotFound, "there is no such file")]
    [InlineData("backup verify HOME/none", (int)ExitCode.Invalid, "HOME/none")]
    [InlineData(
        "status --manager https://127.0.0.1:1 --token-file HOME/token",
        (int)ExitCode.Unreachable,
        "cannot reach"
    )]
    [InlineData(
        "status --manager https://no.invalid --token-file HOME/token",
        (int)ExitCode.Unreachable,
        "the host name"
    )]
    public async Task A_failure_before_a_manager_answered_is_one_problem(string line, int code, string detail)
    {
        _shell.Write("token", "ght_x");

        await CheckAsync(
            arguments =>
                _shell.RunAsync([.. arguments.Select(a => a.Replace("HOME", _shell.Home, StringComparison.Ordinal))]),
            line,
            (ExitCode)code,
            status: null,
            detail.Replace("HOME", _shell.Home, StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_managers_refusal_is_one_problem()
    {
        await using var manager = await LiveManager.StartAsync();
        var stranger = manager.Write("stranger", "ght_nobody");
        using var authority = new TestAuthority();
        var ca = manager.Write("other.pem", authority.CertificatePem);

        await CheckAsync(Run, "app delete nothing --yes", ExitCode.NotFound, 404, "no application 'nothing'");
        await CheckAsync(Run, "plan delete nothing --yes", ExitCode.NotFound, 404, "nothing");
        await CheckAsync(Run, $"app list --token-file {stranger}", ExitCode.NotAllowed, 401, "");
        await CheckAsync(Run, "user create ann_! --role admin", ExitCode.Invalid, 400, "");
        await CheckAsync(
            Run,
            $"app list --ca {ca}",
            ExitCode.Unreachable,
            null,
            "certificate is not one of the cluster"
        );
        await Run(["app", "create", "shop"]);
        await CheckAsync(Run, "app create shop", ExitCode.Conflict, 409, "shop");

        async Task<Ran> Run(string[] arguments)
        {
            var ran = await manager.RunAsync(arguments);
            return new(ran.Code, ran.Out, ran.Error);
        }
    }

    [Fact]
    public async Task A_format_that_is_none_is_told_as_text()
    {
        var ran = await _shell.RunAsync("status", "-o", "planet");

        Assert.StartsWith("error: 'planet' is not an output format", ran.Error, StringComparison.Ordinal);
    }

    private static async Task CheckAsync(
        Func<string[], Task<Ran>> run,
        string line,
        ExitCode code,
        int? status,
        string detail
    )
    {
        var asText = await run(line.Split(' '));
        var asJson = await run([.. line.Split(' '), "-o", "json"]);
        var asYaml = await run([.. line.Split(' '), "-o", "yaml"]);

        Assert.StartsWith("error: ", asText.Error, StringComparison.Ordinal);
        Assert.All([asText, asJson, asYaml], ran => Assert.Equal((code, ""), (ran.Code, ran.Out)));
        var problem = JsonNode.Parse(asJson.Error)!.AsObject();
        Assert.Empty(s_always.Except(problem.Select(p => p.Key)));
        Assert.Empty(problem.Select(p => p.Key).Except(s_known));
        Assert.Equal("about:blank", (string?)problem["type"]);
        Assert.Equal((int)code, (int?)problem["exitCode"]);
        Assert.Equal(status, (int?)problem["status"]);
        Assert.Contains(detail, (string?)problem["detail"], StringComparison.Ordinal);
        Assert.All(
            problem["errors"]?.AsArray() ?? [],
            e => Assert.False(string.IsNullOrEmpty((string?)e!["detail"]), asJson.Error)
        );
        // Whoever reads it knows what to do.
        Assert.True(problem["fix"] is not null || problem["errors"] is not null, asJson.Error);
        var yaml = new YamlStream();
        yaml.Load(new StringReader(asYaml.Error));
        var map = (YamlMappingNode)yaml.Documents.Single().RootNode;
        Assert.Equal(problem.Select(p => p.Key), map.Children.Keys.Select(k => ((YamlScalarNode)k).Value));
        Assert.Equal((string?)problem["detail"], ((YamlScalarNode)map["detail"]).Value);
    }
}
