using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Management.Listings;

public sealed class ListingTests
{
    private static readonly byte[] s_png = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task APIs_are_found_by_words_in_any_or_one_field()
    {
        await using var manager = await WithApisAsync();
        await manager.AskAsync<ApiCategory>(HttpMethod.Put, "categories/Animals", """{"name":"Animals"}""");
        await ListAsync(
            manager,
            "petstore",
            """{"title":"Pet Store","tags":["dogs","cats"],"categories":["Animals"],"properties":{"team":"blue one"}}"""
        );
        await ListAsync(
            manager,
            "orders",
            """{"tags":["money"],"businessOwner":{"name":"Olga","email":"o@example.com"}}"""
        );

        foreach (
            var (query, found) in new[]
            {
                ("", "orders petstore"),
                ("PET", "petstore"),
                ("\"pet store\"", "petstore"),
                ("tag:dogs", "petstore"),
                ("tags:CATS pet", "petstore"),
                ("tag:dogs money", ""),
                ("category:animals", "petstore"),
                ("property:team=blue", "petstore"),
                ("owner:olga", "orders"),
                ("context:/ord", "orders"),
                ("state:created", "orders petstore"),
                ("petstore:1.0.0", "petstore"),
                ("name:store version:2", ""),
            }
        )
        {
            var page = await manager.AskAsync<Page<ApiSummary>>(
                HttpMethod.Get,
                $"apis?query={Uri.EscapeDataString(query)}"
            );
            Assert.Equal((query, found), (query, string.Join(' ', page.Items.Select(a => a.Name))));
        }

        var tags = await manager.AskAsync<TagView[]>(HttpMethod.Get, "tags");
        Assert.Equal(["cats", "dogs", "money"], tags.Select(t => t.Name));
        var used = await manager.RefusedAsync(HttpStatusCode.Conflict, HttpMethod.Delete, "categories/Animals");
        Assert.Contains("petstore:1.0.0", used.Title, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_subscriber_sees_what_is_published_to_them_and_nothing_else_exists_for_them()
    {
        await using var manager = await WithApisAsync();
        var sue = await manager.TokenAsync("sue", Roles.Subscriber);
        Assert.Empty(await NamesAsync(manager, sue));

        await StepAsync(manager, "petstore", "publish");
        await StepAsync(manager, "orders", "publish");
        Assert.Equal(["orders:1.0.0", "petstore:1.0.0"], await NamesAsync(manager, sue));

        await ListAsync(manager, "orders", """{"visibleTo":["partner"]}""");
        Assert.Equal(["petstore:1.0.0"], await NamesAsync(manager, sue));
        await manager.RunAsync("deploy", "orders");
        foreach (
            var below in (string[])
                [
                    "",
                    "/openapi",
                    "/listing",
                    "/thumbnail",
                    "/documents",
                    "/documents/Start",
                    "/documents/Start/content",
                    "/comments",
                    "/rating",
                    "/revisions",
                    "/revisions/1",
                    "/diff?from=1&to=1",
                    "/policies",
                    "/lifecycle",
                    "/deployments",
                ]
        )
        {
            var refused = await manager.RefusedAsync(
                HttpStatusCode.NotFound,
                HttpMethod.Get,
                $"apis/orders{below}",
                token: sue
            );
            // Not of what is asked for below it, which there may be: the API itself is none.
            Assert.Contains("API", refused.Title, StringComparison.Ordinal);
        }

        using var app = await manager.SendAsync(HttpMethod.Post, "applications", """{"name":"Hers"}""", token: sue);
        await manager.RefusedAsync(
            HttpStatusCode.NotFound,
            HttpMethod.Post,
            "subscriptions",
            """{"application":"Hers","api":"orders"}""",
            token: sue
        );
        await ListAsync(manager, "orders", """{"visibleTo":["subscriber"]}""");
        Assert.Equal(2, (await NamesAsync(manager, sue)).Count());
    }

    [Fact]
    public async Task A_listing_limits_the_plans_of_new_subscriptions()
    {
        await using var manager = await WithApisAsync();
        await DefaultPolicies.EnsureAsync(manager.Catalogue, TestCatalogue.Tester, Stop);
        await ListAsync(manager, "petstore", """{"plans":["Gold","Silver"]}""");
        await manager.RunAsync("app", "create", "Mine");

        var refused = await manager.RunAsync("sub", "create", "Mine", "petstore");
        Assert.Equal(ExitCode.Invalid, refused.Code);
        Assert.Contains("take one of Gold, Silver", refused.Error, StringComparison.Ordinal);
        Assert.Equal(
            ExitCode.Done,
            (await manager.RunAsync("sub", "create", "Mine", "petstore", "--plan", "Gold")).Code
        );
    }

    [Fact]
    public async Task Bad_listings_are_told_with_every_place()
    {
        await using var manager = await WithApisAsync();

        var refused = await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Put,
            "apis/petstore/listing",
            """{"title":" x","tags":["a\u0000"],"categories":["Nowhere"],"plans":["Platin"],"businessOwner":{"name":"O","email":"o"}}"""
        );

        Assert.Equal(
            ["/businessOwner/email", "/categories", "/plans", "/tags/0", "/title"],
            refused.Errors!.Value.Select(e => e.Pointer).Order(StringComparer.Ordinal)
        );
        await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Put,
            "apis/petstore/listing",
            """{"tittle":"x"}"""
        );
    }

    [Fact]
    public async Task A_picture_is_taken_by_its_bytes()
    {
        await using var manager = await WithApisAsync();

        Assert.Equal(HttpStatusCode.NoContent, await PictureAsync(manager, s_png));
        using var shown = await manager.SendAsync(HttpMethod.Get, "apis/petstore/thumbnail");
        Assert.Equal("image/png", shown.Content.Headers.ContentType!.MediaType);
        Assert.Equal("nosniff", shown.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal(
            HttpStatusCode.BadRequest,
            await PictureAsync(manager, Encoding.UTF8.GetBytes("<svg onload=\"alert(1)\"/>"))
        );
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await PictureAsync(manager, new byte[300 * 1024]));
        // More than fits into the connection: who is cut off while sending sees no answer.
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await PictureAsync(manager, new byte[4_000_000]));
        // A new listing keeps the picture.
        await ListAsync(manager, "petstore", "{}");
        Assert.True((await manager.AskAsync<ApiView>(HttpMethod.Get, "apis/petstore")).Summary.Listing.HasThumbnail);
    }

    [Fact]
    public async Task Documents_are_pages_files_and_links_and_no_browser_takes_one_for_a_page_of_ours()
    {
        await using var manager = await WithApisAsync();
        var page = manager.Write("start.md", "# Start\nhere");
        var file = manager.Write("evil.html", "<script>alert(1)</script>");

        Assert.Equal(ExitCode.Done, (await manager.RunAsync("doc", "put", "petstore", "Start", page)).Code);
        Assert.Equal(
            ExitCode.Done,
            (await manager.RunAsync("doc", "put", "petstore", "Sample", file, "--type", "samples")).Code
        );
        Assert.Equal(
            ExitCode.Done,
            (await manager.RunAsync("doc", "put", "petstore", "Forum", "--url", "https://forum.example")).Code
        );

        var list = await manager.RunAsync("doc", "list", "petstore");
        Assert.Equal(
            """
            NAME     TYPE      IS                      SUMMARY
            Forum    how-to    https://forum.example
            Sample   samples   text/html
            Start    how-to    text/markdown

            """,
            string.Join('\n', list.Out.Split('\n').Select(l => l.TrimEnd()))
        );
        using var html = await manager.SendAsync(HttpMethod.Get, "apis/petstore/documents/Sample/content");
        Assert.Equal("attachment", html.Content.Headers.ContentDisposition!.DispositionType);
        Assert.StartsWith(
            "sandbox",
            html.Headers.GetValues("Content-Security-Policy").Single(),
            StringComparison.Ordinal
        );
        using var text = await manager.SendAsync(HttpMethod.Get, "apis/petstore/documents/Start/content");
        Assert.Equal("# Start\nhere", await text.Content.ReadAsStringAsync(Stop));
        await manager.RefusedAsync(
            HttpStatusCode.BadRequest,
            HttpMethod.Put,
            "apis/petstore/documents/Bad",
            """{"url":"javascript:alert(1)"}"""
        );
        Assert.Equal(ExitCode.Done, (await manager.RunAsync("doc", "delete", "petstore", "Forum", "--yes")).Code);
        Assert.Equal(ExitCode.NotFound, (await manager.RunAsync("doc", "delete", "petstore", "Forum", "--yes")).Code);
    }

    [Fact]
    public async Task A_new_version_has_the_listing_and_the_documents_of_the_old_one()
    {
        await using var manager = await WithApisAsync();
        await ListAsync(manager, "petstore", """{"tags":["dogs"]}""");
        await manager.RunAsync("doc", "put", "petstore", "Start", manager.Write("start.md", "# Start"));

        var made = await manager.RunAsync("api", "version", "petstore", "2.0.0");

        Assert.Equal((ExitCode.Done, "petstore:2.0.0 is made\n"), (made.Code, made.Error));
        var copy = await manager.AskAsync<ApiView>(HttpMethod.Get, "apis/petstore:2.0.0");
        Assert.Equal(["dogs"], copy.Summary.Listing.Tags);
        Assert.Equal(ApiState.Created, copy.Summary.State);
        using var text = await manager.SendAsync(HttpMethod.Get, "apis/petstore:2.0.0/documents/Start/content");
        Assert.Equal("# Start", await text.Content.ReadAsStringAsync(Stop));
        Assert.Equal(ExitCode.Conflict, (await manager.RunAsync("api", "version", "petstore:1.0.0", "2.0.0")).Code);
        Assert.Equal(ExitCode.Invalid, (await manager.RunAsync("api", "version", "petstore:1.0.0", "a/b")).Code);
    }

    [Fact]
    public async Task An_API_is_made_without_a_document_and_has_one()
    {
        await using var manager = await LiveManager.StartAsync();

        var made = await manager.RunAsync(
            "api",
            "create",
            "things",
            "--endpoint",
            "http://127.0.0.1:9700",
            "--operation",
            "GET /things/{id}",
            "--operation",
            "post /things"
        );

        Assert.Equal((ExitCode.Done, "things:1.0.0 is made\n"), (made.Code, made.Error));
        var api = await manager.AskAsync<ApiView>(HttpMethod.Get, "apis/things");
        Assert.Equal(
            ["POST /things", "GET /things/{id}"],
            api.Definition.Operations.Select(o => $"{o.Method} {o.Path}")
        );
        using var document = await manager.SendAsync(HttpMethod.Get, "apis/things/openapi");
        Assert.Contains("\"name\": \"id\"", await document.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        var bad = await manager.RunAsync("api", "create", "x", "--endpoint", "http://a", "--operation", "FETCH /x");
        Assert.Equal(ExitCode.Invalid, bad.Code);
        Assert.Contains("FETCH /x", bad.Error, StringComparison.Ordinal);
        await manager.AskAsync<ImportView>(HttpMethod.Put, "apis/things/openapi", Documents.Pets);
        var changed = await manager.AskAsync<ApiView>(HttpMethod.Get, "apis/things");
        Assert.Equal(3, changed.Definition.Operations.Length);
    }

    [Fact]
    public async Task The_default_version_moves_at_once_and_no_rollback_takes_it_back()
    {
        await using var node = await ManagedGateway.StartAsync();
        await node.ImportAsync();
        await StepAsync(node.Manager, "petstore", "deploy-as-prototype");
        await node.Manager.RunAsync("api", "set", "petstore:1.0.0", "default-version=yes");
        Assert.Equal(200, (await node.CallAsync("/petstore/pets")).Status);

        await node.Manager.RunAsync("api", "version", "petstore", "2.0.0");
        await StepAsync(node.Manager, "petstore:2.0.0", "deploy-as-prototype");
        var moved = await node.Manager.RunAsync("api", "set", "petstore:2.0.0", "default-version=yes");
        Assert.Equal(ExitCode.Done, moved.Code);

        Assert.Equal(200, (await node.CallAsync("/petstore/pets")).Status);
        Assert.False(
            (await node.Manager.AskAsync<ApiView>(HttpMethod.Get, "apis/petstore:1.0.0")).Definition.IsDefaultVersion
        );
        await node.Manager.AskAsync<DeploymentView>(HttpMethod.Post, "apis/petstore:1.0.0/deployments", "{}");
        await node.Manager.AskAsync<DeploymentView>(
            HttpMethod.Post,
            "apis/petstore:1.0.0/rollback",
            """{"revision":1}"""
        );
        Assert.Equal(200, (await node.CallAsync("/petstore/pets")).Status);
        Assert.Equal(200, (await node.CallAsync("/petstore/1.0.0/pets")).Status);
    }

    private static async Task<LiveManager> WithApisAsync()
    {
        var manager = await LiveManager.StartAsync();
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis", Documents.Pets, HttpStatusCode.Created);
        await manager.AskAsync<ImportView>(HttpMethod.Post, "apis?name=orders", Documents.Pets, HttpStatusCode.Created);
        return manager;
    }

    private static Task<ApiListing> ListAsync(LiveManager manager, string api, string listing) =>
        manager.AskAsync<ApiListing>(HttpMethod.Put, $"apis/{api}/listing", listing);

    private static Task StepAsync(LiveManager manager, string api, string action) =>
        manager.AskAsync<LifecycleView>(HttpMethod.Post, $"apis/{api}/lifecycle", $$"""{"action":"{{action}}"}""");

    private static async Task<IEnumerable<string>> NamesAsync(LiveManager manager, string token)
    {
        using var response = await manager.SendAsync(HttpMethod.Get, "apis", token: token);
        var page = System.Text.Json.JsonSerializer.Deserialize<Page<ApiSummary>>(
            await response.Content.ReadAsStringAsync(Stop),
            Gatehouse.Client.ManagerClient.Json
        )!;
        return page.Items.Select(a => a.Id);
    }

    private static async Task<HttpStatusCode> PictureAsync(LiveManager manager, byte[] bytes)
    {
        using var content = new ByteArrayContent(bytes);
        content.Headers.ContentType = new MediaTypeHeaderValue("image/png");
        using var response = await manager.Http.PutAsync("apis/petstore/thumbnail", content, Stop);
        return response.StatusCode;
    }
}
