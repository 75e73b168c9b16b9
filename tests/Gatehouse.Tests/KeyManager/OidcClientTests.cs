using System.Diagnostics;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Gateway;

namespace Gatehouse.Tests.KeyManager;

/// <summary>The key manager as a certified client library sees it: openid-client on Node, in <c>tests/oidc-client</c>.</summary>
public sealed class OidcClientTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_client_library_signs_in_refreshes_introspects_revokes_and_registers()
    {
        await using var manager = await TestKeyManager.StartAsync(isIssuer: true);
        var client = await manager.AddClientAsync(
            new
            {
                type = "oauth2",
                grants = new[] { "authorization_code", "refresh_token", "client_credentials" },
                redirectUris = new[] { TestClient.Redirect },
            }
        );
        var cookie = await manager.AddUserAsync("bob", Roles.Subscriber);

        var told = await RunAsync(
            manager,
            manager.Address.AbsoluteUri,
            client.Id,
            client.Secret!,
            cookie,
            TestClient.Redirect,
            await manager.TokenAsync("bob", Roles.Subscriber)
        );

        string Told(string name) => told[name]!.GetValue<string>();
        Assert.Equal(manager.Address.AbsoluteUri, Told("issuer"));
        Assert.Equal("bob", Told("userName"));
        Assert.True(told["rotated"]!.GetValue<bool>());
        Assert.Equal(("invalid_grant", "invalid_grant"), (Told("reuse"), Told("afterReuse")));
        Assert.True(told["activeBefore"]!.GetValue<bool>());
        Assert.False(told["activeAfter"]!.GetValue<bool>());

        // And a worker that has the feed agrees on what still counts.
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        var api = Entities.Petstore(backend.Url, "GET /pets") with { Security = ["oauth2"] };
        foreach (var id in new[] { client.Id, Told("registeredClient") })
        {
            await SubscribeAsync(manager, id);
        }

        Assert.Empty(gateway.Apply([api.Put(), .. await manager.FeedAsync()], replace: true));
        Assert.Equal(HttpStatusCode.Unauthorized, await CallAsync(gateway, Told("revokedAccess")));
        Assert.Equal(HttpStatusCode.Unauthorized, await CallAsync(gateway, Told("refreshedAccess")));
        Assert.Equal(HttpStatusCode.OK, await CallAsync(gateway, Told("robotAccess")));
    }

    private static async Task SubscribeAsync(TestKeyManager manager, string clientId)
    {
        var keys = await manager.Catalogue.ListAsync(EntityKinds.Key, ModelJson.Default.ApiKey, Stop);
        var application = keys.Single(k => k.Value.ClientId == clientId).Value.Application;
        await manager.Catalogue.CommitAsync(
            new CatalogueTransaction(Management.TestCatalogue.Tester, "subscribed").Put(
                EntityKinds.Subscription,
                Subscription.EntityName(application, "petstore:1.0.0"),
                new Subscription { Application = application, Api = "petstore:1.0.0" },
                ModelJson.Default.Subscription
            ),
            Stop
        );
    }

    private static async Task<HttpStatusCode> CallAsync(TestGateway gateway, string token)
    {
        using var response = await gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/pets",
            headers: ("Authorization", $"Bearer {token}")
        );
        return response.StatusCode;
    }

    private static async Task<JsonNode> RunAsync(TestKeyManager manager, params string[] arguments)
    {
        var folder = Path.GetFullPath(Path.Combine(ThisFolder(), "../../oidc-client"));
        if (!Directory.Exists(Path.Combine(folder, "node_modules", "openid-client")))
        {
            var (installed, said) = (-1, "");
            // A download may fail.
            for (var attempt = 1; attempt <= 3 && installed is not (0 or 127); attempt++)
            {
                (installed, said) = await StartAsync(
                    folder,
                    "npm",
                    ["ci", "--no-audit", "--no-fund", "--fetch-retries=5"]
                );
            }

            Assert.SkipWhen(installed == 127, "npm is not installed");
            Assert.True(installed == 0, said);
        }

        var authority = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(authority, manager.Authority, Stop);
            var (code, output) = await StartAsync(folder, "node", ["flow.mjs", .. arguments], authority);
            Assert.SkipWhen(code == 127, "node is not installed");
            Assert.True(code == 0, output);
            return JsonNode.Parse(output)!;
        }
        finally
        {
            File.Delete(authority);
        }
    }

    private static async Task<(int Code, string Output)> StartAsync(
        string folder,
        string program,
        string[] arguments,
        string? authority = null
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (authority is not null)
        {
            start.Environment["NODE_EXTRA_CA_CERTS"] = authority;
        }

        try
        {
            using var process = Process.Start(start)!;
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Stop);
            deadline.CancelAfter(TimeSpan.FromMinutes(2));
            await using var kill = deadline.Token.Register(() => process.Kill(entireProcessTree: true));
            var error = process.StandardError.ReadToEndAsync(Stop);
            var output = await process.StandardOutput.ReadToEndAsync(Stop);
            await process.WaitForExitAsync(Stop);
            return (process.ExitCode, process.ExitCode == 0 ? output : output + await error);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (127, "");
        }
    }

    private static string ThisFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
