using System.Text;
using Gatehouse.Cli;
using Gatehouse.Commands;
using Gatehouse.Configuration;
using Gatehouse.Management;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Gatehouse.Tests.Cli;
using Gatehouse.Wso2;

namespace Gatehouse.Tests.Wso2;

/// <summary>What an import writes is taken by the rest of the product.</summary>
public sealed class ImportAcceptanceTests
{
    // Their backends are put together by the old server while a request is on its way; the report says so.
    private static readonly string[] s_withoutBackend = ["Wsdl", "Dynamic", "Circle"];

    [Theory]
    [InlineData("synapse-1.10")]
    [InlineData("synapse-2.x")]
    [InlineData("synapse-3.x")]
    [InlineData("home-tenant")]
    [InlineData("apictl-4.x")]
    [InlineData("apictl-old")]
    public void Every_API_of_a_sample_is_taken_by_the_catalogue(string sample)
    {
        foreach (var api in Import.Read(Golden.In("samples", sample), nginx: null).Apis)
        {
            var text = Encoding.UTF8.GetBytes(api.Document.ToJsonString());
            var document = OpenApiReader.Read(text);
            var settings = new ImportSettings
            {
                Name = api.Name,
                Version = api.Version,
                Context = api.Context,
                Auth = api.Auth,
                ClientCertificate = api.ClientCertificate,
                AuthorizationHeader = api.AuthorizationHeader,
                ApiKeyHeader = api.ApiKeyHeader,
                SandboxEndpoints = api.SandboxEndpoints,
                MaxTps = api.MaxTps,
                SandboxMaxTps = api.SandboxMaxTps,
            };

            var problems = ApiRules.Check(settings.Apply(document, Digest.Of(text), null));

            Assert.True(
                problems.All(p => p.Pointer == "/endpoints" && s_withoutBackend.Contains(api.Name)),
                $"{api.Name}: {string.Join("; ", problems)}"
            );
        }
    }

    [Fact]
    public async Task The_files_of_an_import_are_a_configuration_and_directories_of_APIs()
    {
        using var shell = new Shell();
        var folder = Path.Combine(shell.Home, "out");

        var ran = await shell.RunAsync(
            "import",
            "wso2",
            Golden.In("homes", "manager"),
            "--nginx",
            Golden.In("nginx"),
            "--out",
            folder
        );

        Assert.True(ran.Code == ExitCode.Done, ran.Error);
        foreach (var file in (string[])["gatehouse.yaml", "balancer/gatehouse.yaml"])
        {
            var (configuration, problems) = NodeConfiguration.Read(new() { File = Path.Combine(folder, file) });
            Assert.True(configuration is not null, $"{file}: {string.Join("; ", problems)}");
        }

        Assert.True(File.Exists(Path.Combine(folder, "report.html")));
        Assert.Contains(
            "am.wso2.com",
            await File.ReadAllTextAsync(Path.Combine(folder, "report.json"), TestContext.Current.CancellationToken),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Keys_of_a_keystore_are_written_for_their_owner_alone()
    {
        using var shell = new Shell();
        var folder = Path.Combine(shell.Home, "out");

        var ran = await shell.RunAsync("import", "wso2", Golden.In("samples", "home-tenant"), "--out", folder);

        Assert.True(ran.Code == ExitCode.Done, ran.Error);
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite,
            File.GetUnixFileMode(Path.Combine(folder, "tls", "am.key"))
        );
        Assert.StartsWith(
            "-----BEGIN CERTIFICATE",
            await File.ReadAllTextAsync(Path.Combine(folder, "tls", "am.crt"), TestContext.Current.CancellationToken),
            StringComparison.Ordinal
        );
        var own = ApiFolder.Find(Path.Combine(folder, "apis", "Own-1"))!.Import;
        var other = new ApiImport { Name = "Other" }.Or(own);
        Assert.Equal(("Own", "/own"), (own.Name, own.Context));
        Assert.Equal(("Other", "/own"), (other.Name, other.Context));
    }

    [Fact]
    public async Task An_import_that_could_not_read_everything_says_so_and_writes_the_rest()
    {
        using var shell = new Shell();
        var folder = Path.Combine(shell.Home, "out");

        var ran = await shell.RunAsync("import", "wso2", Golden.In("samples", "hostile"), "--out", folder);

        Assert.Equal(ExitCode.Partly, ran.Code);
        Assert.Contains("billion-laughs.xml:2:", ran.Error, StringComparison.Ordinal);
        Assert.True(Directory.Exists(Path.Combine(folder, "apis", "Good-1")));
    }

    [Fact]
    public async Task A_directory_of_nothing_is_refused()
    {
        using var shell = new Shell();

        var ran = await shell.RunAsync("import", "wso2", shell.Home, "--out", Path.Combine(shell.Home, "out"));

        Assert.Equal(ExitCode.Invalid, ran.Code);
        Assert.Contains("nothing of WSO2", ran.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nowhere", "nowhere-either")]
    [InlineData("nowhere", null)]
    [InlineData(".", "nowhere")]
    public async Task Of_inputs_that_are_not_there_nothing_is_written(string source, string? nginx)
    {
        using var shell = new Shell();
        var folder = Path.Combine(shell.Home, "out");
        var samples = Golden.In("samples", "home-tenant");

        var ran = await shell.RunAsync([
            "import",
            "wso2",
            Path.Combine(samples, source),
            .. nginx is null ? (string[])[] : ["--nginx", Path.Combine(samples, nginx)],
            "--out",
            folder,
        ]);

        Assert.Equal(ExitCode.Invalid, ran.Code);
        Assert.False(Directory.Exists(folder));
        var missing = new[] { source, nginx }.Count(name =>
            name?.StartsWith("nowhere", StringComparison.Ordinal) == true
        );
        Assert.Equal(missing, ran.Error.Split("error: there is no such directory").Length - 1);
        Assert.Contains($"where  {Path.Combine(samples, "nowhere")}", ran.Error, StringComparison.Ordinal);
        Assert.EndsWith("nothing is written\n", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dump_that_is_not_there_leaves_nothing_behind()
    {
        using var shell = new Shell();
        var folder = Path.Combine(shell.Home, "out");

        var ran = await shell.RunAsync("import", "wso2-db", Path.Combine(shell.Home, "no.sql"), "--out", folder);

        Assert.NotEqual(ExitCode.Done, ran.Code);
        Assert.False(Directory.Exists(folder));
    }
}
