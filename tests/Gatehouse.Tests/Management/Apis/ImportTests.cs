using System.Net;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Tests.Management.Apis;

public abstract class ImportTests(Product product)
{
    public sealed class OnSqlite() : ImportTests(Product.Sqlite);

    public sealed class OnPostgreSql() : ImportTests(Product.PostgreSql);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_import_makes_a_definition_from_the_document_and_keeps_the_document_as_it_was()
    {
        await using var manager = await LiveManager.StartAsync(on: product);

        var imported = await manager.AskAsync<ImportView>(
            HttpMethod.Post,
            "apis",
            Documents.Pets,
            HttpStatusCode.Created
        );

        Assert.True(imported.Created);
        Assert.Equal("petstore:1.0.0", imported.Api.Id);
        Assert.Equal("/petstore/1.0.0", imported.Api.Address);
        var shown = await manager.AskAsync<ApiView>(HttpMethod.Get, "apis/petstore");
        Assert.Equal(["http://pets.internal:8080"], shown.Definition.Endpoints);
        Assert.Equal(["apikey"], shown.Definition.Security);
        Assert.Equal(3, shown.Definition.Operations.Length);
        using var document = await manager.SendAsync(HttpMethod.Get, "apis/petstore:1.0.0/openapi");
        Assert.Equal(Documents.Pets, await document.Content.ReadAsStringAsync(Stop));
        Assert.Equal("application/yaml", document.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task A_bad_document_is_refused_with_every_problem_and_nothing_is_imported()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        var before = await manager.Catalogue.ReadHeadAsync(Stop);

        var problem = await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Post,
            "apis",
            "openapi: 3.1.0\ninfo: { title: T, version: '1' }\npaths:\n  a: { get: {} }\n  /b/{: { get: {} }\n"
        );

        Assert.Equal(
            [("/paths/a", 4, 3), ("/paths/~1b~1{", 5, 3)],
            problem.Errors!.Value.Select(e => (e.Pointer, e.Line, e.Column))
        );
        Assert.Equal(before, await manager.Catalogue.ReadHeadAsync(Stop));
    }

    [Theory]
    [InlineData("?name=a:b", "/name")]
    [InlineData("?version=1%2F2", "/version")]
    [InlineData("?context=pets", "/context")]
    [InlineData("?context=/a/../b", "/context")]
    [InlineData("?endpoint=ftp://x", "/endpoints/0")]
    [InlineData("?endpoint=http://user:secret@x", "/endpoints/0")]
    [InlineData("?endpoint=http://x?y=z", "/endpoints/0")]
    [InlineData("?auth=psychic", "/security")]
    public async Task A_bad_setting_is_refused_by_its_pointer(string query, string pointer)
    {
        await using var manager = await LiveManager.StartAsync(on: product);

        var problem = await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Post,
            $"apis{query}",
            Documents.Pets
        );

        Assert.Equal([pointer], problem.Errors!.Value.Select(e => e.Pointer));
    }

    [Fact]
    public async Task A_document_without_server_needs_an_endpoint()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        var text = Documents.Pets.Replace("http://pets.internal:8080", "/v1", StringComparison.Ordinal);

        var problem = await manager.RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Post, "apis", text);
        Assert.Equal("/endpoints", Assert.Single(problem.Errors!.Value).Pointer);

        await manager.AskAsync<ImportView>(
            HttpMethod.Post,
            "apis?endpoint=http://x:1&endpoint=http://x:2",
            text,
            HttpStatusCode.Created
        );
        var shown = await manager.AskAsync<ApiView>(HttpMethod.Get, "apis/petstore");
        Assert.Equal(["http://x:1", "http://x:2"], shown.Definition.Endpoints);
    }

    [Fact]
    public async Task The_same_name_and_version_again_needs_update_which_keeps_what_it_does_not_say()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        await manager.AskAsync<ImportView>(
            HttpMethod.Post,
            "apis?context=/pets&auth=none&endpoint=http://x",
            Documents.Pets,
            HttpStatusCode.Created
        );

        var refused = await manager.RefusedAsync(HttpStatusCode.Conflict, HttpMethod.Post, "apis", Documents.PetsToo);
        Assert.Contains("--update", refused.Detail, StringComparison.Ordinal);

        var updated = await manager.AskAsync<ImportView>(HttpMethod.Post, "apis?update=true", Documents.PetsToo);
        Assert.False(updated.Created);
        var shown = await manager.AskAsync<ApiView>(HttpMethod.Get, "apis/petstore");
        Assert.Equal("/pets", shown.Definition.Context);
        Assert.Empty(shown.Definition.Security);
        Assert.Equal(["http://x"], shown.Definition.Endpoints);
        Assert.Contains(shown.Definition.Operations, o => o.Path == "/ready");
    }

    [Fact]
    public async Task An_address_belongs_to_one_API()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        await manager.AskAsync<ImportView>(
            HttpMethod.Post,
            "apis?context=/a/b&version=c",
            Documents.Pets,
            HttpStatusCode.Created
        );

        var taken = await manager.RefusedAsync(
            HttpStatusCode.Conflict,
            HttpMethod.Post,
            "apis?name=other&context=/a/b&version=c",
            Documents.Pets
        );
        Assert.Contains("/a/b/c is the address of petstore:c", taken.Title, StringComparison.Ordinal);

        using var deleted = await manager.SendAsync(HttpMethod.Delete, "apis/petstore");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        await manager.AskAsync<ImportView>(
            HttpMethod.Post,
            "apis?name=other&context=/a/b&version=c",
            Documents.Pets,
            HttpStatusCode.Created
        );
    }

    [Fact]
    public async Task A_change_made_meanwhile_is_noticed_by_its_ETag()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        using var shown = await manager.SendAsync(HttpMethod.Get, "apis/petstore");
        var tag = shown.Headers.ETag!.Tag;
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis?update=true", Documents.PetsToo);

        await manager.RefusedAsync(
            HttpStatusCode.PreconditionFailed,
            HttpMethod.Post,
            "apis?update=true",
            Documents.Pets,
            ifMatch: tag
        );
        await manager.RefusedAsync(HttpStatusCode.PreconditionFailed, HttpMethod.Delete, "apis/petstore", ifMatch: tag);
        await manager.RefusedAsync(
            HttpStatusCode.PreconditionFailed,
            HttpMethod.Post,
            "apis/petstore/deployments",
            "{}",
            ifMatch: tag
        );

        using var now = await manager.SendAsync(HttpMethod.Get, "apis/petstore");
        using var deleted = await manager.SendAsync(HttpMethod.Delete, "apis/petstore", ifMatch: now.Headers.ETag!.Tag);
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
    }

    [Fact]
    public async Task A_name_alone_is_enough_while_there_is_one_version()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        await manager.RefusedAsync(HttpStatusCode.NotFound, HttpMethod.Get, "apis/petstore");
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        await manager.AskAsync<ImportView>(
            HttpMethod.Post,
            "apis?version=2.0.0",
            Documents.Pets,
            HttpStatusCode.Created
        );

        var problem = await manager.RefusedAsync(HttpStatusCode.Conflict, HttpMethod.Get, "apis/petstore");

        Assert.Contains("petstore:1.0.0, petstore:2.0.0", problem.Detail, StringComparison.Ordinal);
        Assert.Equal(
            "2.0.0",
            (await manager.AskAsync<ApiView>(HttpMethod.Get, "apis/petstore:2.0.0")).Definition.Version
        );
    }

    [Fact]
    public async Task A_list_comes_in_pages()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        foreach (var name in (string[])["c", "a", "b"])
        {
            await manager.AskAsync<ImportView>(
                HttpMethod.Post,
                $"apis?name={name}",
                Documents.Pets,
                HttpStatusCode.Created
            );
        }

        var page = await manager.AskAsync<Page<ApiSummary>>(HttpMethod.Get, "apis?limit=2&offset=1");

        Assert.Equal((3, 1, 2), (page.Total, page.Offset, page.Limit));
        Assert.Equal(["b", "c"], page.Items.Select(a => a.Name));
        await manager.RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Get, "apis?limit=0");
    }

    [Fact]
    public async Task A_reader_may_not_import()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        var token = await manager.TokenAsync("bob", Roles.Auditor);

        await manager.RefusedAsync(HttpStatusCode.Forbidden, HttpMethod.Post, "apis", Documents.Pets, token: token);
    }

    [Fact]
    public async Task More_operations_than_the_feed_carries_are_refused_with_the_sizes()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        var text = new System.Text.StringBuilder(
            "openapi: 3.0.0\ninfo: { title: t, version: '1' }\nservers: [{ url: 'http://x' }]\npaths:\n"
        );
        var name = new string('x', 900);
        for (var i = 0; i < 1200; i++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"  /{name}{i}: {{ get: {{}} }}\n");
        }

        var problem = await manager.RefusedAsync(HttpStatusCode.BadRequest, HttpMethod.Post, "apis", text.ToString());

        Assert.Contains("1200 operations", Assert.Single(problem.Errors!.Value).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ten_megabytes_are_imported_and_deployed_in_seconds()
    {
        await using var manager = await LiveManager.StartAsync(on: product);
        var watch = System.Diagnostics.Stopwatch.StartNew();

        await manager.AskAsync<ImportView>(
            HttpMethod.Post,
            "apis",
            OpenApi.LargeDocument.Of(10 << 20, json: true),
            HttpStatusCode.Created
        );
        await manager.AskAsync<DeploymentView>(HttpMethod.Post, "apis/large/deployments", "{}");

        // Not a speed claim: work that grows faster than its input would take minutes.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"took {watch.Elapsed}");
        var api = await manager.Catalogue.FindAsync(EntityKinds.Api, "large:1.0.0", ModelJson.Default.Api, Stop);
        Assert.Equal(4000, api!.Value.Operations.Length);
    }
}
