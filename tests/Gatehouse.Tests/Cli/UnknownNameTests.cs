using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Tests.Management.Apis;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Tests.Cli;

/// <summary>Names that are none, before anything is begun and with the way to those there are.</summary>
public sealed class UnknownNameTests
{
    [Fact]
    public async Task A_rotation_without_a_node_that_is_none_is_never_begun()
    {
        var view = new AuthorityView(
            "CN=prod",
            "ab",
            DateTimeOffset.UnixEpoch,
            null,
            [new("mgr-1", Profile.ControlPlane, null), new("worker-1", Profile.GatewayWorker, null)]
        );
        await using var manager = await FakeManager.StartAsync(http =>
            http.Response.WriteAsync(JsonSerializer.Serialize(view, ManagementJson.Default.AuthorityView))
        );
        using var shell = new Shell();
        new Credentials().With("prod", manager.Context).Save(shell.CredentialsPath);

        var ran = await shell.RunAsync("cert", "rotate-ca", "--yes", "--without", "nobody");

        Assert.Equal(ExitCode.NotFound, ran.Code);
        Assert.Equal(
            "error: there is no node 'nobody'\n  where  --without\n  fix    name one of: mgr-1, worker-1\n",
            ran.Error
        );
        Assert.All(manager.Requests, request => Assert.Equal("GET", request.Method));
    }

    [Fact]
    public async Task A_name_that_the_manager_does_not_know_leads_to_the_command_that_lists_them()
    {
        await using var manager = await LiveManager.StartAsync();

        foreach (
            var (line, list) in new[]
            {
                ("environment delete nowhere", "environment list"),
                ("node environments nobody default", "node list"),
                ("api show nothing", "api list"),
                ("app delete nothing --yes", "app list"),
                ("plan show nothing", "plan list"),
                ("limit show api nothing", "limit list"),
                ("limit show application nothing", "limit list"),
                ("limit show key nothing", "limit list"),
                ("issuer show nothing", "issuer list"),
                ("user lock nobody", "user list"),
                ("user sessions --end nothing", "user sessions"),
                ("block remove user/nobody", "block list"),
                ("alert test nothing", "alert rules"),
                ("token revoke nothing", "token list"),
                ("key revoke nothing --yes", "key list APP"),
                ("task approve nothing", "task list"),
            }
        )
        {
            var ran = await manager.RunAsync(line.Split(' '));

            Assert.True(ran.Code == ExitCode.NotFound, $"{line}: {ran.Code} {ran.Error}");
            Assert.EndsWith($"\n  fix    'gatehouse {list}' lists the names\n", ran.Error, StringComparison.Ordinal);
        }
    }
}
