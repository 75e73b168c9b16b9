using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Samples;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Cli;

public sealed class ApiCommandTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Api_set_changes_what_no_document_says_and_names_what_it_cannot_read()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.RunAsync(
            "api",
            "import",
            Documents.Sample("petstore.yaml"),
            "--endpoint",
            "http://127.0.0.1:9700"
        );

        var set = await manager.RunAsync(
            "api",
            "set",
            "petstore",
            "connect-timeout=2s",
            "response-timeout=30s",
            "default-version=yes",
            "encoded-slash=yes",
            "semicolon=yes",
            "sandbox=http://127.0.0.1:9701,http://127.0.0.1:9702",
            "description=Cats=dogs"
        );

        Assert.Equal(ExitCode.Done, set.Code);
        Assert.Contains("petstore:1.0.0 is changed", set.Error, StringComparison.Ordinal);
        var shown = await manager.RunAsync("api", "show", "petstore", "-o", "json");
        using var json = JsonDocument.Parse(shown.Out);
        var text = json.RootElement.ToString();
        foreach (
            var expected in (string[])
                [
                    "\"connectTimeout\":\"00:00:02\"",
                    "\"responseTimeout\":\"00:00:30\"",
                    "\"isDefaultVersion\":true",
                    "\"allowEncodedSlash\":true",
                    "\"allowSemicolon\":true",
                    "http://127.0.0.1:9702",
                    "Cats=dogs",
                ]
        )
        {
            Assert.Contains(expected, text.Replace(": ", ":", StringComparison.Ordinal), StringComparison.Ordinal);
        }

        foreach (
            var (wrong, says) in new[]
            {
                ("respons-timeout=3s", "did you mean 'response-timeout'?"),
                ("response-timeout", "has no value"),
                ("response-timeout=soon", "cannot be read"),
                ("semicolon=maybe", "semicolon=yes|no"),
                ("connect-timeout=10m", "out of bounds"),
                ("endpoint=ftp://x", "is no absolute http or https URL"),
            }
        )
        {
            var refused = await manager.RunAsync("api", "set", "petstore", wrong);
            Assert.NotEqual(ExitCode.Done, refused.Code);
            Assert.Contains(says, refused.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Policies_that_are_no_JSON_are_told_with_their_line_and_column()
    {
        await using var manager = await LiveManager.StartAsync();
        var directory = Directory.CreateTempSubdirectory("policies-");
        var file = Path.Combine(directory.FullName, "p.json");
        await File.WriteAllTextAsync(file, "[\n  { \"name\": cors }\n]", TestContext.Current.CancellationToken);

        var broken = await manager.RunAsync("api", "policies", "petstore", "--set", file);
        var nowhere = await manager.RunAsync("api", "policies", "petstore", "--set", file, "--operation", "GET");

        Assert.Equal(ExitCode.Invalid, broken.Code);
        Assert.Contains($"{file}:2:13", broken.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, nowhere.Code);
        Assert.Contains("'GET /pets'", nowhere.Error, StringComparison.Ordinal);
        directory.Delete(recursive: true);
    }

    [Fact]
    public async Task From_a_document_to_a_key_on_the_command_line()
    {
        await using var manager = await LiveManager.StartAsync();

        var imported = await manager.RunAsync(
            "api",
            "import",
            Documents.Sample("petstore.yaml"),
            "--context",
            "/pets",
            "--endpoint",
            "http://127.0.0.1:9700"
        );
        Assert.Equal(
            (ExitCode.Done, "petstore:1.0.0 is imported: 6 operations at /pets/1.0.0\n"),
            (imported.Code, imported.Error)
        );
        Assert.Equal(
            """
            api         petstore:1.0.0
            address     /pets/1.0.0
            operations  6
            auth        apikey

            """,
            imported.Out
        );

        var deployed = await manager.RunAsync("deploy", "petstore");
        Assert.Equal(ExitCode.Done, deployed.Code);
        Assert.Matches(@"^petstore:1\.0\.0 r1 is deployed \(epoch \d+\)\n.*no worker is registered", deployed.Error);

        var pizza = await manager.RunAsync(
            "api",
            "import",
            Documents.Sample("pizzashack.yaml"),
            "--deploy",
            "--auth",
            "none"
        );
        Assert.Equal(ExitCode.Done, pizza.Code);
        var list = await manager.RunAsync("api", "list");
        Assert.Equal(
            """
            NAME         VERSION   ADDRESS             STATE       AUTH     OPERATIONS   DEPLOYED   LATEST   CHANGED
            petstore     1.0.0     /pets/1.0.0         published   apikey   6            r1         r1       no
            pizzashack   1.0.0     /pizzashack/1.0.0   published   none     6            r1         r1       no

            """,
            list.Out
        );

        Assert.Equal(ExitCode.Done, (await manager.RunAsync("app", "create", "MyApp")).Code);
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("sub", "create", "MyApp", "petstore")).Code);
        Assert.Matches(
            @"\AAPPLICATION   API              STATE    PLAN\nMyApp         petstore:1\.0\.0   [^\n]+\n\z",
            (await manager.RunAsync("sub", "list")).Out
        );
        var key = await manager.RunAsync("key", "create", "MyApp", "--expires", "90d");
        Assert.Equal(ExitCode.Done, key.Code);
        Assert.Matches(@"\Agwk_[0-9A-Za-z]{38}\n\z", key.Out);
        Assert.Matches(
            @"\Akey_\w{8} of MyApp \(production, expires \d{4}-\d\d-\d\d\); it is not shown again\n\z",
            key.Error
        );

        var id = key.Error[..12];
        Assert.Equal(ExitCode.Usage, (await manager.RunAsync("key", "revoke", id)).Code);
        Assert.Equal((ExitCode.Done, $"{id} is revoked\n"), Both(await manager.RunAsync("key", "revoke", id, "--yes")));
        Assert.Equal(ExitCode.NotFound, (await manager.RunAsync("key", "roll", id, "--overlap", "24h")).Code);
    }

    [Fact]
    public async Task A_bad_document_is_told_with_file_line_and_column()
    {
        await using var manager = await LiveManager.StartAsync();
        var file = manager.Write(
            "bad.yaml",
            "openapi: 3.1.0\ninfo: { title: T, version: '1' }\npaths:\n  pets: { get: {} }\n"
        );

        var ran = await manager.RunAsync("api", "import", file);

        Assert.Equal(ExitCode.Invalid, ran.Code);
        Assert.Equal(
            $"""
            error: A path begins with '/': 'pets'
              where  {file}:4:3 (/paths/pets)
              fix    write '/pets'
            {file} was not imported

            """,
            ran.Error
        );
        var json = JsonDocument.Parse((await manager.RunAsync("api", "import", file, "-o", "json")).Error).RootElement;
        Assert.Equal(4, json.GetProperty("errors")[0].GetProperty("line").GetInt32());
    }

    [Fact]
    public async Task A_document_is_fetched_from_a_URL_by_the_command()
    {
        await using var manager = await LiveManager.StartAsync();
        await using var backend = await SampleBackend.StartAsync(0, Stop);

        var missing = await manager.RunAsync("api", "import", $"{backend.Url}/nowhere.yaml");
        Assert.Equal(ExitCode.NotFound, missing.Code);
        Assert.Contains("404", missing.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.NotFound, (await manager.RunAsync("api", "import", "/no/such/file")).Code);
        // The menu is JSON and no OpenAPI document: it was fetched and read.
        var menu = await manager.RunAsync("api", "import", $"{backend.Url}/menu");
        Assert.Equal(ExitCode.Invalid, menu.Code);
        Assert.Contains("An OpenAPI document is an object", menu.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Waiting_tells_each_worker_and_exits_by_how_they_answered()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.RegisterWorkerAsync("gw-1");
        await manager.RegisterWorkerAsync("gw-2");
        await manager.RunAsync("api", "import", Documents.Sample("petstore.yaml"));

        var nobody = await manager.RunAsync("deploy", "petstore", "--wait", "--timeout", "1");
        Assert.Equal(ExitCode.TimedOut, nobody.Code);
        Assert.Contains("not heard from within 1 s: gw-1, gw-2", nobody.Error, StringComparison.Ordinal);

        await manager.ReportAsync("gw-1");
        var one = await manager.RunAsync("deploy", "petstore", "--wait", "--timeout", "1");
        Assert.Equal(ExitCode.Partly, one.Code);
        Assert.Matches(@"gw-1 applied after \d+ ms", one.Error);

        await manager.ReportAsync("gw-2", refuses: "petstore:1.0.0");
        var refused = await manager.RunAsync("deploy", "petstore", "--wait");
        Assert.Equal(ExitCode.Partly, refused.Code);
        Assert.Contains(
            "gw-2 refused it and keeps serving what it had: cannot be compiled",
            refused.Error,
            StringComparison.Ordinal
        );

        await manager.ReportAsync("gw-2");
        var all = await manager.RunAsync("deploy", "petstore", "--wait", "-o", "json");
        Assert.Equal(ExitCode.Done, all.Code);
        Assert.True(JsonDocument.Parse(all.Out).RootElement.GetProperty("isSettled").GetBoolean());
    }

    [Fact]
    public async Task Revisions_are_listed_compared_and_rolled_back_to()
    {
        await using var manager = await LiveManager.StartAsync();
        var file = manager.Write("pets.yaml", Documents.Pets);
        await manager.RunAsync("api", "import", file, "--deploy");
        File.WriteAllText(file, Documents.PetsToo);
        Assert.Equal(ExitCode.Conflict, (await manager.RunAsync("api", "import", file)).Code);
        await manager.RunAsync("api", "import", file, "--update");
        await manager.RunAsync("deploy", "petstore", "-m", "put, not post");

        var diff = await manager.RunAsync("revision", "diff", "petstore", "r1", "r2");
        Assert.StartsWith(
            """
            - operation GET /health  (callers may fail)
            + operation GET /ready
            - operation POST /pets  (callers may fail)
            + operation PUT /pets
            --- r1
            +++ r2
            @@ 
            """.TrimEnd('\n'),
            diff.Out,
            StringComparison.Ordinal
        );
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("rollback", "petstore")).Code);
        var list = await manager.RunAsync("revision", "list", "petstore");
        Assert.Matches(@"r2 +ann .*put, not post\nr1 +yes +ann ", list.Out);
        Assert.Equal(ExitCode.NotFound, (await manager.RunAsync("rollback", "petstore", "r7")).Code);
        Assert.Equal(ExitCode.Usage, (await manager.RunAsync("rollback", "petstore", "seven")).Code);
        Assert.Equal(ExitCode.Usage, (await manager.RunAsync("undeploy", "petstore")).Code);
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("undeploy", "petstore", "--yes")).Code);
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("api", "delete", "petstore", "--yes")).Code);
        Assert.Equal(ExitCode.NotFound, (await manager.RunAsync("api", "show", "petstore")).Code);
    }

    private static (ExitCode, string) Both(CommandRun ran) => (ran.Code, ran.Error);
}
