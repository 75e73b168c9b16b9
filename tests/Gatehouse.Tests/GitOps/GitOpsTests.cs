using System.Net;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management;
using Gatehouse.Tests.Management.Apis;
using Gatehouse.Tests.Wso2;

namespace Gatehouse.Tests.GitOps;

public sealed class GitOpsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("gitops-").FullName;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_exported_applies_as_nothing_here_and_as_the_same_elsewhere()
    {
        await using var one = await FilledAsync();
        var (first, second) = (At("first"), At("second"));

        Assert.Equal(ExitCode.Done, (await one.RunAsync("export", "-f", first)).Code);
        var same = await one.RunAsync("diff", "-f", first, "--prune");
        Assert.Equal((ExitCode.Done, "", "No differences\n"), (same.Code, same.Out, same.Error));
        var nothing = await one.RunAsync("apply", "-f", first, "--prune");
        Assert.Equal((ExitCode.Done, "Nothing to change\n"), (nothing.Code, nothing.Error));

        await using var other = await LiveManager.StartAsync();
        Assert.Equal(ExitCode.Pending, (await other.RunAsync("diff", "-f", first)).Code);
        var applied = await other.RunAsync("apply", "-f", first);
        Assert.True(applied.Code == ExitCode.Done, applied.Error);
        await other.RunAsync("export", "-f", second);

        Assert.Equal(Files(first), Files(second));
        var api = await other.Catalogue.FindAsync(EntityKinds.Api, "petstore:1.0.0", ModelJson.Default.Api, Stop);
        Assert.Equal(ApiStatus.Blocked, api!.Value.Status);
        Assert.Equal(ExitCode.Done, (await other.RunAsync("diff", "-f", first)).Code);
    }

    [Fact]
    public async Task A_change_in_a_file_is_shown_applied_and_then_gone()
    {
        await using var manager = await FilledAsync();
        await manager.RunAsync("export", "-f", _directory);
        Edit("plans/Gold.yaml", "5000/min", "7000/min");
        Edit("apis/petstore-1.0.0/api.yaml", "state: blocked", "state: deprecated\nresponseTimeout: 00:00:07");
        Edit("apis/petstore-1.0.0/docs/start.md", "# Start", "# Begin");
        Edit("applications/ann-Mine.yaml", "plan: Gold", "plan: Silver");

        var diff = await manager.RunAsync("diff", "-f", _directory);

        Assert.Equal(ExitCode.Pending, diff.Code);
        Assert.Contains(
            "update Plan Gold\n  ~ quota: \"5000/min\" -> \"7000/min\"\n",
            diff.Out,
            StringComparison.Ordinal
        );
        Assert.Contains("  ~ responseTimeout: \"00:01:00\" -> \"00:00:07\"\n", diff.Out, StringComparison.Ordinal);
        Assert.Contains("  ~ state: blocked -> deprecated\n", diff.Out, StringComparison.Ordinal);
        Assert.Contains("  ~ documents/Start/content: ", diff.Out, StringComparison.Ordinal);
        Assert.Contains(
            "  ~ subscriptions/petstore:1.0.0/plan: \"Gold\" -> \"Silver\"\n",
            diff.Out,
            StringComparison.Ordinal
        );
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("diff", "-f", _directory, "--exit-zero")).Code);
        var applied = await manager.RunAsync("apply", "-f", _directory);
        Assert.True(applied.Code == ExitCode.Done, applied.Error);
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("diff", "-f", _directory)).Code);
        var api = await manager.Catalogue.FindAsync(EntityKinds.Api, "petstore:1.0.0", ModelJson.Default.Api, Stop);
        // What runs is what the files say: the changed definition was deployed.
        Assert.Equal(
            (ApiStatus.Deprecated, 7.0),
            (api!.Value.Status, api.Value.Production.ResponseTimeout.TotalSeconds)
        );
    }

    [Fact]
    public async Task Prune_deletes_what_the_directory_lacks_of_kinds_it_has()
    {
        await using var manager = await FilledAsync();
        await manager.RunAsync("export", "-f", _directory);
        File.Delete(At("plans/Bronze.yaml"));
        Directory.Delete(At("categories"), recursive: true);

        Assert.Equal(ExitCode.Done, (await manager.RunAsync("apply", "-f", _directory)).Code);
        Assert.Equal(ExitCode.Usage, (await manager.RunAsync("apply", "-f", _directory, "--prune")).Code);
        var pruned = await manager.RunAsync("apply", "-f", _directory, "--prune", "--yes");

        Assert.Equal((ExitCode.Done, "deleted Plan Bronze\n"), (pruned.Code, pruned.Error));
        Assert.Equal(1, (await manager.AskAsync<Page<ApiCategory>>(HttpMethod.Get, "categories")).Total);
    }

    [Fact]
    public async Task A_plan_is_done_exactly_or_not_at_all()
    {
        await using var manager = await FilledAsync();
        await manager.RunAsync("export", "-f", _directory);
        Edit("plans/Gold.yaml", "5000/min", "7000/min");
        var plan = Path.Combine(Path.GetTempPath(), $"plan-{Guid.NewGuid():N}.json");

        Assert.Equal(ExitCode.Pending, (await manager.RunAsync("diff", "-f", _directory, "--plan", plan)).Code);
        Edit("plans/Gold.yaml", "7000/min", "8000/min");
        Assert.Equal(ExitCode.Conflict, (await manager.RunAsync("apply", "-f", _directory, "--plan", plan)).Code);
        Edit("plans/Gold.yaml", "8000/min", "7000/min");
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("apply", "-f", _directory, "--plan", plan)).Code);
        File.Delete(plan);
    }

    [Fact]
    public async Task Everything_that_is_wrong_is_told_by_file_line_and_column_without_a_manager()
    {
        Write("a.yaml", "kind: Plan\nname: Gold\nquotta: 5/min\n");
        Write("b.yaml", "kind: Plan\nname: Silver\nquota: soon\n");
        Write("c.yaml", "kind: Plann\nname: X\n");
        Write("d.yaml", "name: X\n");
        Write("e.yaml", "kind: Plan\nname: [\n");
        Write("apis/x/api.yaml", "kind: Api\nname: x\nversion: '1'\nendpoints:\n  - ftp://x\nsecurity: [magic]\n");
        Write("apis/x/openapi.yaml", "openapi: 3.1.0\ninfo: { title: X, version: '1' }\npaths:\n  pets: {}\n");
        Write("apis/y/api.yaml", "kind: Api\nname: y\nversion: '1'\nlisting:\n  tittle: Y\n");

        var run = await RunAsync("check", "-f", _directory);

        Assert.Equal(ExitCode.Invalid, run.Code);
        foreach (
            var expected in (string[])
                [
                    "a.yaml:3:1",
                    "did you mean 'quota'?",
                    "b.yaml:3:1",
                    "c.yaml:1:1",
                    "did you mean 'Plan'?",
                    "d.yaml:1:1",
                    "e.yaml:",
                    "apis/x/openapi.yaml:4:3",
                    "apis/y/api.yaml:5:3",
                    "did you mean 'title'?",
                ]
        )
        {
            Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        }

        Write("apis/x/openapi.yaml", Documents.Pets);
        var more = await RunAsync("check", "-f", _directory);
        Assert.Contains("apis/x/api.yaml:5:5", more.Error, StringComparison.Ordinal);
        Assert.Contains("apis/x/api.yaml:6:1", more.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.NotFound, (await RunAsync("check", "-f", At("nowhere"))).Code);
    }

    [Fact]
    public async Task A_project_of_apictl_is_checked_applied_and_then_gone_from_the_differences()
    {
        await using var manager = await FilledAsync();
        await manager.RunAsync("export", "-f", _directory);
        Copy(Golden.In("samples", "apictl-4.x", "Failover-2.0.0"), "old/Failover-2.0.0");
        Copy(Golden.In("samples", "apictl-4.x", "Balanced-1.0.0"), "old/Balanced-1.0.0");

        var check = await RunAsync("check", "-f", _directory);
        Assert.True(check.Code == ExitCode.Done, check.Error);
        Assert.Contains("4 Api", check.Error + check.Out, StringComparison.Ordinal);
        Assert.Contains("could not be taken over; gatehouse import wso2", check.Error, StringComparison.Ordinal);

        var diff = await manager.RunAsync("diff", "-f", _directory);
        Assert.Equal(ExitCode.Pending, diff.Code);
        Assert.Contains("create Api Failover:2.0.0", diff.Out, StringComparison.Ordinal);
        var applied = await manager.RunAsync("apply", "-f", _directory);
        Assert.True(applied.Code == ExitCode.Done, applied.Error);
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("diff", "-f", _directory)).Code);
        var api = await manager.Catalogue.FindAsync(
            EntityKinds.Definition,
            "Failover:2.0.0",
            DefinitionJson.Default.ApiDefinition,
            Stop
        );
        Assert.Equal([0, 1, 2], api!.Value.Spread!.Endpoints.Select(e => e.Group));
        Assert.True(api.Value.IsDefaultVersion);

        Edit("old/Failover-2.0.0/api.yaml", "https://c.example.com", "https://d.example.com");
        var changed = await manager.RunAsync("diff", "-f", _directory);
        Assert.Contains("update Api Failover:2.0.0", changed.Out, StringComparison.Ordinal);
        Assert.Contains("https://d.example.com", changed.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("Balanced", changed.Out, StringComparison.Ordinal);

        Edit("old/Failover-2.0.0/api.yaml", "name: Failover", "nome: Failover");
        var broken = await RunAsync("check", "-f", _directory);
        Assert.Equal(ExitCode.Invalid, broken.Code);
        Assert.Contains("Failover-2.0.0/api.yaml", broken.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_secret_is_a_reference_in_the_file_and_is_never_shown()
    {
        await using var manager = await LiveManager.StartAsync();
        Write("token", "s3cr3t-value\n");
        Write("apis/petstore/openapi.yaml", Documents.Pets);
        Write(
            "apis/petstore/api.yaml",
            """
            kind: Api
            name: petstore
            version: 1.0.0
            policies:
              - name: headers
                settings:
                  request:
                    set:
                      Authorization:
                        secret: file:../../token
            """
        );
        var applied = await manager.RunAsync("apply", "-f", _directory);
        Assert.True(applied.Code == ExitCode.Done, applied.Error);
        Write("token", "another-value\n");

        var diff = await manager.RunAsync("diff", "-f", _directory);

        Assert.Equal(ExitCode.Pending, diff.Code);
        Assert.Contains("(secret) -> (secret)", diff.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr3t-value", diff.Out + diff.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("another-value", diff.Out + diff.Error, StringComparison.Ordinal);
        var exported = await manager.RunAsync("export", "-f", At("out"));
        Assert.Contains("set PETSTORE_AUTHORIZATION before you apply it", exported.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(Files(At("out")).Values, text => text.Contains("s3cr3t", StringComparison.Ordinal));
        File.Delete(At("token"));
        Assert.Equal(ExitCode.Invalid, (await manager.RunAsync("check", "-f", _directory)).Code);
    }

    [Fact]
    public async Task A_state_that_no_steps_lead_to_is_told_before_anything_is_done()
    {
        await using var manager = await FilledAsync();
        await manager.RunAsync("api", "lifecycle", "petstore", "deprecate");
        await manager.RunAsync("export", "-f", _directory);
        Edit("apis/petstore-1.0.0/api.yaml", "state: deprecated", "state: published");
        Edit("plans/Gold.yaml", "5000/min", "7000/min");

        var refused = await manager.RunAsync("apply", "-f", _directory);

        Assert.Equal(ExitCode.Invalid, refused.Code);
        Assert.Contains("api.yaml:5:1", refused.Error, StringComparison.Ordinal);
        var gold = await manager.AskAsync<Plan>(HttpMethod.Get, "plans/Gold");
        Assert.Equal("5000/min", gold.Quota.ToString());
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static async Task<LiveManager> FilledAsync()
    {
        var manager = await LiveManager.StartAsync();
        await DefaultPolicies.EnsureAsync(manager.Catalogue, TestCatalogue.Tester, Stop);
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        foreach (
            var line in (string[])
                [
                    "api set petstore description=Pets semicolon=yes sandbox=http://sandbox:1",
                    "api listing petstore tags=dogs,cats business-owner=Olga<o@example.com> property.team=blue",
                    "api lifecycle petstore publish",
                    "app create Mine",
                    "app about Mine --description mine --group sue,tom",
                    "sub create Mine petstore --plan Gold",
                    "api lifecycle petstore block",
                    "api create orders --endpoint http://orders:1",
                    "issuer create keycloak https://id.example --discovery",
                ]
        )
        {
            var run = await manager.RunAsync(line.Split(' '));
            Assert.True(run.Code == ExitCode.Done, line + run.Error);
        }

        await manager.AskAsync<ApiCategory>(HttpMethod.Put, "categories/Animals", """{"name":"Animals"}""");
        await manager.AskAsync<JsonElement>(
            HttpMethod.Put,
            $"apis/petstore/policies?method=GET&path={Uri.EscapeDataString("/pets")}",
            """[{"name":"size-limit","settings":{"request":1000}}]"""
        );
        var run2 = await manager.RunAsync("doc", "put", "petstore", "Start", manager.Write("start.md", "# Start"));
        Assert.Equal(ExitCode.Done, run2.Code);
        return manager;
    }

    private string At(string path) => Path.Combine(_directory, path);

    private void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), text);
    }

    private void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(At(to), Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    private void Edit(string path, string from, string to)
    {
        var text = File.ReadAllText(At(path));
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(At(path), text.Replace(from, to, StringComparison.Ordinal));
    }

    private static SortedDictionary<string, string> Files(string directory) =>
        new(
            Directory
                .EnumerateFiles(directory, "*", SearchOption.AllDirectories)
                .ToDictionary(f => Path.GetRelativePath(directory, f), File.ReadAllText),
            StringComparer.Ordinal
        );

    private static async Task<CommandRun> RunAsync(params string[] arguments)
    {
        var output = new StringWriter { NewLine = "\n" };
        var error = new StringWriter { NewLine = "\n" };
        var code = await CommandLine.RunAsync(
            arguments,
            new Terminal
            {
                Out = output,
                Error = error,
                Environment = _ => null,
                EnvironmentVariables = () => [],
            },
            Stop
        );
        return new((ExitCode)code, output.ToString(), error.ToString());
    }
}
