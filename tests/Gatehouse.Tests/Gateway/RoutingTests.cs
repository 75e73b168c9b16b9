using System.Collections.Immutable;
using System.Net;
using Gatehouse.Model;

namespace Gatehouse.Tests.Gateway;

public sealed class RoutingTests : IAsyncLifetime
{
    private readonly Backend _backend = new();
    private TestGateway _gateway = null!;

    public async ValueTask InitializeAsync() => _gateway = await TestGateway.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
    }

    [Fact]
    public async Task A_path_that_no_API_has_is_not_found()
    {
        _gateway.Run(Petstore().Put());

        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("/other/1.0.0/pets"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("/petstore/2.0.0/pets"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("/petstore/pets"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("/petstore/1.0.0x/pets"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("/"));
        Assert.Empty(_backend.Requests);
    }

    [Fact]
    public async Task A_path_with_another_method_tells_which_it_allows()
    {
        _gateway.Run(Petstore("GET /pets", "POST /pets", "DELETE /pets/{id}").Put());

        using var answer = await _gateway.SendAsync(HttpMethod.Put, "/petstore/1.0.0/pets");

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal(["GET", "HEAD", "POST"], answer.Content.Headers.Allow);
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("/petstore/1.0.0/stores"));
    }

    [Fact]
    public async Task HEAD_is_served_by_the_GET_operation()
    {
        _gateway.Run(Petstore("GET /pets", "POST /orders").Put());

        using var answer = await _gateway.SendAsync(HttpMethod.Head, "/petstore/1.0.0/pets");
        using var other = await _gateway.SendAsync(HttpMethod.Head, "/petstore/1.0.0/orders");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("HEAD /pets HTTP/1.1", _backend.Only.Line);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, other.StatusCode);
    }

    [Fact]
    public async Task The_longest_context_wins()
    {
        await using var deeper = new Backend();
        _gateway.Run(Petstore().Put());
        _gateway.Run(
            (
                Petstore() with
                {
                    Name = "deeper",
                    Context = "/petstore/1.0.0",
                    Version = "x",
                    Production = Entities.To(deeper.Url),
                }
            ).Put()
        );

        await StatusAsync("/petstore/1.0.0/x/pets");
        await StatusAsync("/petstore/1.0.0/y/pets");

        Assert.Equal("/pets", deeper.Only.Target);
        Assert.Equal("/y/pets", _backend.Only.Target);
    }

    [Fact]
    public async Task The_default_version_also_answers_without_a_version()
    {
        _gateway.Run((Petstore() with { IsDefaultVersion = true }).Put());

        await StatusAsync("/petstore/pets/7");
        await StatusAsync("/petstore/1.0.0/pets/8");

        Assert.Equal(["/pets/7", "/pets/8"], _backend.Requests.Select(r => r.Target));
    }

    [Fact]
    public async Task The_default_version_moves_from_one_API_to_another_in_one_commit()
    {
        var first = Petstore() with { IsDefaultVersion = true };
        var second = Petstore() with { Version = "2.0.0", Name = "petstore2" };
        _gateway.Run(first.Put(), second.Put());

        _gateway.Run((second with { IsDefaultVersion = true }).Put(), (first with { IsDefaultVersion = false }).Put());

        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/petstore/pets"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/petstore/1.0.0/pets"));
    }

    [Fact]
    public async Task A_second_API_at_a_taken_place_is_refused_and_told_who_has_it()
    {
        _gateway.Run((Petstore() with { IsDefaultVersion = true }).Put());

        var same = Assert.Single(_gateway.Apply((Petstore() with { Name = "twin" }).Put()));
        var alias = Assert.Single(
            _gateway.Apply((Petstore() with { Name = "alias", Version = "9", IsDefaultVersion = true }).Put())
        );

        Assert.Equal("/context", same.Field);
        Assert.Contains("petstore:1.0.0", same.Reason, StringComparison.Ordinal);
        Assert.Equal("/isDefaultVersion", alias.Field);
        Assert.Equal(1, _gateway.Table.Apis);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/petstore/1.0.0/pets"));
    }

    [Fact]
    public async Task A_refused_API_keeps_its_place_against_one_of_the_same_batch()
    {
        _gateway.Run(Petstore().Put());
        var broken = Entities.Put(EntityKinds.Api, "petstore:1.0.0", "{}"u8.ToArray());

        var refusals = _gateway.Apply((Petstore() with { Name = "thief" }).Put(), broken);

        Assert.Equal(["petstore:1.0.0", "thief:1.0.0"], refusals.Select(r => r.Name).Order());
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/petstore/1.0.0/pets"));
        Assert.Equal(1, _gateway.Table.Apis);
    }

    [Fact]
    public async Task An_API_for_one_host_comes_before_one_for_all()
    {
        await using var own = new Backend();
        _gateway.Run(
            Petstore().Put(),
            (Petstore() with { Name = "own", Hosts = ["Pets.Example.com"], Production = Entities.To(own.Url) }).Put()
        );

        using var named = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/a",
            headers: ("Host", "pets.example.COM:8280")
        );
        using var other = await _gateway.SendAsync(
            HttpMethod.Get,
            "/petstore/1.0.0/b",
            headers: ("Host", "api.example.com")
        );

        Assert.Equal("/a", own.Only.Target);
        Assert.Equal("/b", _backend.Only.Target);
    }

    [Theory]
    [InlineData("/pets/mine", "GET /pets/{id}", "GET /pets/mine", 1)]
    [InlineData("/pets/7", "GET /pets/{id}", "GET /pets/mine", 0)]
    [InlineData("/pets/7", "GET /*", "GET /pets/{id}", 1)]
    [InlineData("/pets/7/toys", "GET /*", "GET /pets/{id}", 0)]
    [InlineData("/pets/7.json", "GET /pets/{id}", "GET /pets/{id}.json", 1)]
    [InlineData("/a-b-c", "GET /{x}", "GET /{from}-{to}", 1)]
    [InlineData("/files", "GET /{x}", "GET /files/*", 1)]
    [InlineData("/files/a/b", "GET /*", "GET /files/*", 1)]
    [InlineData("/a/c/d", "GET /a/{x}/d", "GET /a/c/e", 0)]
    public async Task The_most_specific_template_that_fits_is_taken(string path, string first, string second, int taken)
    {
        string[] operations = [first, second];
        var api = Petstore(operations);
        _gateway.Run(
            (
                api with
                {
                    Security = ["apikey"],
                    Operations = [.. api.Operations.Select((o, i) => o with { Open = i == taken })],
                }
            ).Put()
        );

        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/petstore/1.0.0" + path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    public async Task The_bare_context_is_the_root_resource(string path)
    {
        _gateway.Run(Petstore("GET /").Put());

        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/petstore/1.0.0" + path));
    }

    [Fact]
    public async Task What_follows_the_context_reaches_the_backend_byte_for_byte()
    {
        _gateway.Run((Petstore() with { AllowEncodedSlash = true, AllowSemicolon = true }).Put());
        const string resource = "/a%2Fb/%41;v=1/caf%C3%A9/x'y(z)!/~t%7e?q=%2e%2e//../a&b=[1]";

        var answer = await _gateway.RawAsync(
            $"GET /petstore/1.0.0{resource} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        );

        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.Equal(resource, _backend.Only.Target);
    }

    [Fact]
    public async Task An_absolute_target_is_read_as_its_path()
    {
        _gateway.Run(Petstore().Put());

        var answer = await _gateway.RawAsync(
            "GET http://api.example.com/petstore/1.0.0/pets?x=1 HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n"
        );

        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.Equal("/pets?x=1", _backend.Only.Target);
    }

    [Fact]
    public async Task An_API_ends_with_its_tombstone_and_unknown_tombstones_do_no_harm()
    {
        _gateway.Run(Petstore().Put());
        _gateway.Run(
            Entities.Gone(EntityKinds.Api, "petstore:1.0.0"),
            Entities.Gone(EntityKinds.Api, "never:1"),
            Entities.Gone(EntityKinds.Key, "never"),
            Entities.Gone(EntityKinds.Subscription, "nonsense"),
            Entities.Gone(EntityKinds.Revocation, "key/never"),
            Entities.Put("gadget", "from-a-newer-manager", "?"u8.ToArray())
        );

        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("/petstore/1.0.0/pets"));
        Assert.Equal(0, _gateway.Table.Apis);
        Assert.Equal(0, _gateway.Table.Operations);
    }

    [Fact]
    public async Task A_whole_table_replaces_what_it_lacks_and_keeps_what_it_cannot_read()
    {
        var gone = Petstore() with { Name = "gone", Context = "/gone" };
        _gateway.Run(Petstore().Put(), gone.Put());

        var refusals = _gateway.Apply(
            [Entities.Put(EntityKinds.Api, "petstore:1.0.0", "[]"u8.ToArray())],
            replace: true
        );

        Assert.Equal("petstore:1.0.0", Assert.Single(refusals).Name);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/petstore/1.0.0/pets"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("/gone/1.0.0/pets"));
    }

    [Fact]
    public void A_set_that_is_not_published_leaves_no_trace()
    {
        _gateway.Table.Prepare([Petstore().Put()], replace: false);

        Assert.Equal(0, _gateway.Table.Apis);
    }

    [Fact]
    public void One_change_among_thousands_compiles_one_API()
    {
        _gateway.Run(
            Enumerable
                .Range(0, 5000)
                .Select(i => (Petstore("GET /pets") with { Name = $"api{i}", Context = $"/api{i}" }).Put())
        );
        var before = _gateway.Table.Compilations;

        _gateway.Run((Petstore("GET /cats", "GET /dogs") with { Name = "api7", Context = "/api7" }).Put());

        Assert.Equal(1, _gateway.Table.Compilations - before);
        Assert.Equal(5000, _gateway.Table.Apis);
        Assert.Equal(5001, _gateway.Table.Operations);
    }

    [Theory]
    [InlineData("/context", "no-slash")]
    [InlineData("/context", "/a/../b")]
    [InlineData("/context", "/a b")]
    public void A_bad_context_is_refused_with_its_place(string field, string context) =>
        AssertRefused(field, Petstore() with { Context = context });

    [Fact]
    public void What_a_node_cannot_run_is_refused_with_its_place()
    {
        var api = Petstore();
        AssertRefused("/security/0", api with { Security = ["saml2"] });
        AssertRefused("/transports/0", api with { Transports = ["ftp"] });
        AssertRefused("/transports", api with { Transports = [] });
        AssertRefused("/errorFormat", api with { ErrorFormat = "soap" });
        AssertRefused("/apiKeyHeader", api with { ApiKeyHeader = "a b" });
        AssertRefused("/operations/1/path", api with { Operations = Entities.Operations("GET /a", "GET /{x") });
        AssertRefused("/operations/1", api with { Operations = Entities.Operations("GET /a", "GET /a") });
        AssertRefused("/operations/0/method", api with { Operations = Entities.Operations("get /a") });
        AssertRefused("/production/endpoints", api with { Production = new() { Endpoints = [] } });
        AssertRefused("/production/endpoints/0/url", api with { Production = Entities.To("ftp://x") });
        AssertRefused("/production/endpoints/0/url", api with { Production = Entities.To("http://u:p@x") });
        AssertRefused("/sandbox/algorithm", api with { Sandbox = api.Production with { Algorithm = "magic" } });
        AssertRefused(
            "/production/responseTimeout",
            api with
            {
                Production = api.Production with { ResponseTimeout = TimeSpan.Zero },
            }
        );
        Assert.Equal("/name", Assert.Single(_gateway.Apply(api.Put() with { Name = "other:1" })).Field);
    }

    private void AssertRefused(string field, Api api) =>
        Assert.Equal(field, Assert.Single(_gateway.Apply(api.Put())).Field);

    private Api Petstore(params string[] operations) => Entities.Petstore(_backend.Url, operations);

    private async Task<HttpStatusCode> StatusAsync(string path)
    {
        using var answer = await _gateway.GetAsync(path);
        return answer.StatusCode;
    }
}
