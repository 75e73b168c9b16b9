using Gatehouse.Cli;
using Gatehouse.Client;

namespace Gatehouse.Tests.Cli;

/// <summary>What the generated client sends.</summary>
public sealed class ManagerRequestTests
{
    private static readonly Uri s_manager = new("https://mgr:9443");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Names_are_one_segment_whatever_is_in_them_and_those_with_slashes_keep_these()
    {
        await using var manager = await FakeManager.StartAsync(http =>
        {
            http.Response.StatusCode = 204;
            return Task.CompletedTask;
        });
        using var client = new ManagerClient(manager.Context, TimeSpan.FromSeconds(30));
        var api = new ManagerApi(client);

        await api.DeleteSubscriptionAsync("a/b?c", "pets:1.0.0 ü", Stop);
        await api.DeleteBlockAsync("ip/10.0.0.0/8", Stop);

        Assert.Equal(
            ["/api/v1/subscriptions/a%2Fb%3Fc/pets:1.0.0%20%C3%BC", "/api/v1/blocks/ip/10.0.0.0/8"],
            manager.Requests.Select(r => r.Path)
        );
    }

    [Fact]
    public void A_query_leaves_out_what_is_not_said_and_repeats_a_list()
    {
        var request = new ManagerRequest(HttpMethod.Get, "/api/v1/apis")
        {
            Query =
            [
                ("name", null),
                ("query", "tag:a b&c=d"),
                ("endpoint", (string[])["http://a/?x=1", "http://b"]),
                ("issuer", Array.Empty<string>()),
                ("update", true),
                ("limit", -1),
                ("from", new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)),
            ],
        };

        Assert.Equal(
            "/api/v1/apis?query=tag%3Aa%20b%26c%3Dd&endpoint=http%3A%2F%2Fa%2F%3Fx%3D1&endpoint=http%3A%2F%2Fb"
                + "&update=true&limit=-1&from=2026-01-02T03%3A04%3A05.0000000%2B00%3A00",
            request.UrlAt(s_manager).PathAndQuery
        );
    }

    [Fact]
    public async Task A_condition_and_a_key_are_sent_where_they_are_given()
    {
        var headers = new List<(string?, string?)>();
        await using var manager = await FakeManager.StartAsync(http =>
        {
            headers.Add((http.Request.Headers.IfMatch, http.Request.Headers["Idempotency-Key"]));
            http.Response.StatusCode = 204;
            return Task.CompletedTask;
        });
        using var client = new ManagerClient(manager.Context, TimeSpan.FromSeconds(30));
        var api = new ManagerApi(client);

        await api.DeletePlanAsync("gold", Stop, ifMatch: "\"17\"");
        await api.DeletePlanAsync("gold", Stop);
        await Assert.ThrowsAsync<CommandFailure>(() =>
            api.CreatePlanAsync(new() { Name = "gold" }, Stop, idempotencyKey: "once")
        );

        Assert.Equal([("\"17\"", null), (null, null), (null, "once")], headers);
    }

    // The address of "documents/.." is that of the API, which would have been deleted.
    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    public async Task A_name_that_would_lead_to_another_resource_is_never_sent(string name)
    {
        await using var manager = await FakeManager.StartAsync(_ => Task.CompletedTask);
        using var shell = new Shell();
        new Credentials().With("prod", manager.Context).Save(shell.CredentialsPath);

        var document = await shell.RunAsync("doc", "delete", "petstore", name, "--yes");
        var block = await shell.RunAsync("block", "remove", $"user/{name}");

        Assert.All([document, block], ran => Assert.Equal(ExitCode.Usage, ran.Code));
        Assert.Contains("fix    write the name", document.Error, StringComparison.Ordinal);
        Assert.Empty(manager.Requests);
    }
}
