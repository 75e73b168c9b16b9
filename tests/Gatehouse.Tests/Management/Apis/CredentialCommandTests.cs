using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Cli;
using Gatehouse.Model;

namespace Gatehouse.Tests.Management.Apis;

/// <summary>Credentials of backends: from the command line to the entity, and out of nothing.</summary>
public sealed class CredentialCommandTests
{
    private const string Secret = "very-secret-indeed";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_credential_travels_sealed_and_is_shown_to_nobody()
    {
        await using var manager = await LiveManager.StartAsync();
        var document = manager.Write("pets.yaml", Documents.Pets);
        await manager.RunAsync("api", "import", document);
        var file = manager.Write("secret.txt", $"{Secret}\n");

        var set = await manager.RunAsync(
            "api",
            "credential",
            "petstore",
            "--type",
            "basic",
            "--user",
            "gate",
            "--secret",
            file
        );
        await manager.RunAsync("deploy", "petstore");

        Assert.Equal(ExitCode.Done, set.Code);
        var api = await manager.Catalogue.FindAsync(EntityKinds.Api, "petstore:1.0.0", ModelJson.Default.Api, Stop);
        var credential = api!.Value.Production.Credential!;
        using var seal = new SecretSeal(LiveManager.ClusterKey.Derive(SecretSeal.Purpose));
        Assert.Equal(Secret, seal.Open(EndpointCredential.PlaceOf("petstore", "production"), credential.Secret!));
        Assert.Null(api.Value.Sandbox);
        foreach (
            var path in (string[])
                ["apis/petstore", "apis/petstore/revisions/1", "apis/petstore/source", "apis/petstore/diff", "audit"]
        )
        {
            using var answer = await manager.SendAsync(HttpMethod.Get, path);
            var text = await answer.Content.ReadAsStringAsync(Stop);
            Assert.DoesNotContain(Secret, text, StringComparison.Ordinal);
            Assert.DoesNotContain("ghs1_", text, StringComparison.Ordinal);
        }

        // A document that is imported anew, and a source that is applied, leave it in place.
        await manager.RunAsync("api", "import", document, "--update");
        var kept = await manager.Catalogue.FindAsync(
            EntityKinds.Definition,
            "petstore:1.0.0",
            Gatehouse.Management.DefinitionJson.Default.ApiDefinition,
            Stop
        );
        Assert.Equal(credential.Secret, kept!.Value.Credential!.Secret);

        var removed = await manager.RunAsync("api", "credential", "petstore", "--remove");
        Assert.Equal(ExitCode.Done, removed.Code);
    }

    [Fact]
    public async Task The_certificates_of_backends_travel_with_the_API_and_are_checked_where_they_are_given()
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.RunAsync("api", "import", manager.Write("pets.yaml", Documents.Pets));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var made = new CertificateRequest("CN=ours", key, HashAlgorithmName.SHA256).CreateSelfSigned(
            DateTimeOffset.UtcNow.AddDays(-1),
            DateTimeOffset.UtcNow.AddDays(1)
        );
        var pem = made.ExportCertificatePem() + "\n";

        var wrong = await manager.RunAsync("api", "set", "petstore", $"backend-ca={manager.Write("no.pem", "x")}");
        Assert.Equal(ExitCode.Invalid, wrong.Code);
        Assert.Contains("backendAuthorities", wrong.Error, StringComparison.Ordinal);
        Assert.NotEqual(ExitCode.Done, (await manager.RunAsync("api", "set", "petstore", "backend-ca=/nowhere")).Code);

        Assert.Equal(
            ExitCode.Done,
            (await manager.RunAsync("api", "set", "petstore", $"backend-ca={manager.Write("backends.pem", pem)}")).Code
        );
        await manager.RunAsync("deploy", "petstore");
        Assert.Equal(pem, await DeployedAsync());

        // A document that is imported anew leaves them in place, and so does a directory of sources.
        await manager.RunAsync("api", "import", manager.Write("pets.yaml", Documents.Pets), "--update");
        var directory = Path.Combine(Path.GetDirectoryName(manager.Write("sources", ""))!, "exported");
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("export", "-f", directory)).Code);
        Assert.Equal("No differences\n", (await manager.RunAsync("diff", "-f", directory)).Error);
        await manager.RunAsync("deploy", "petstore");
        Assert.Equal(pem, await DeployedAsync());

        Assert.Equal(ExitCode.Done, (await manager.RunAsync("api", "set", "petstore", "backend-ca=none")).Code);
        await manager.RunAsync("deploy", "petstore");
        Assert.Null(await DeployedAsync());

        async Task<string?> DeployedAsync() =>
            (await manager.Catalogue.FindAsync(EntityKinds.Api, "petstore:1.0.0", ModelJson.Default.Api, Stop))!
                .Value
                .Production
                .Authorities;
    }

    [Theory]
    [InlineData("""{"type":"basic","user":"u"}""", "/secret")]
    [InlineData("""{"type":"basic","secret":"s"}""", "/user")]
    [InlineData("""{"type":"oauth2","user":"u","secret":"s","tokenUrl":"http://id.example/token"}""", "/tokenUrl")]
    [InlineData("""{"type":"apikey","name":"Host","secret":"s"}""", "/name")]
    [InlineData("""{"type":"apikey","name":"X-Key","secret":"a\nb"}""", "/secret")]
    [InlineData("""{"type":"mutualtls","certificate":"x","secret":"s"}""", "/certificate")]
    [InlineData("""{"type":"magic","secret":"s"}""", "/type")]
    public async Task A_credential_that_could_not_be_used_is_refused_with_its_place(string ask, string pointer)
    {
        await using var manager = await LiveManager.StartAsync();
        await manager.RunAsync("api", "import", manager.Write("pets.yaml", Documents.Pets));

        var problem = await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Put,
            "apis/petstore/credentials/production",
            ask
        );

        Assert.Equal(pointer, Assert.Single(problem.Errors!.Value).Pointer);
        await manager.RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Put, "apis/petstore/credentials/moon", ask);
    }
}
