using System.Collections.Immutable;
using System.Net;
using System.Reflection;
using System.Text.Json.Nodes;
using Gatehouse.Client;
using Gatehouse.Management;

namespace Gatehouse.Tests.Management.Rest;

/// <summary>The REST API and its document say the same.</summary>
public sealed class RestDocumentTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_document_in_docs_and_the_command_lines_client_are_what_the_routes_say()
    {
        await using var host = await RestHost.StartAsync(whole: true);
        var document = await RestDescription.MakeAsync(host);

        Check(Path.Combine(RestDescription.Folder, "openapi.json"), RestDescription.Write(document));
        Check(Path.Combine(RestDescription.Folder, "README.md"), RestReference.Write(document));
        Check(RestClientSource.File, new RestClientSource(RestDescription.TypeOf).Write(document));
        Assert.Equal(
            host.Routes(),
            OperationsOf(document).Select(o => $"{o.Method} {o.Path}").Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public void Every_route_has_a_name_of_its_own_and_a_sentence()
    {
        var operations = OperationsOf(RestDescription.Read()).Select(o => o.Operation).ToList();

        Assert.All(
            operations,
            o => Assert.False(string.IsNullOrWhiteSpace(o["summary"]?.GetValue<string>()), o.ToString())
        );
        var names = operations.Select(o => o["operationId"]!.GetValue<string>()).ToList();
        Assert.Equal(names.Distinct(), names);
        // As methods of a client: a verb and what it is done to. Only what a program does without a body or answer of its own is a bare verb.
        Assert.All(names, name => Assert.Matches("^[a-z]+([A-Z][a-z0-9]+)*$", name));
        Assert.DoesNotContain(names, name => name.StartsWith("post", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("GET /api/v1/apis", "listApis")]
    [InlineData("GET /api/v1/apis/{id}", "getApi")]
    [InlineData("POST /api/v1/apis", "importApi")]
    [InlineData("POST /api/v1/apis/create", "createApi")]
    [InlineData("POST /api/v1/apis/{id}/deployments", "deployApi")]
    [InlineData("GET /api/v1/apis/{id}/documents/{name}/content", "getContentOfDocumentOfApi")]
    [InlineData("POST /api/v1/applications/{app}/keys", "createKeyOfApplication")]
    [InlineData("POST /api/v1/me/tokens", "createMyToken")]
    [InlineData("GET /api/v1/nodes", "listNodes")]
    public void A_program_finds_an_operation_by_what_it_does(string route, string name) =>
        Assert.Equal(
            name,
            OperationsOf(RestDescription.Read()).Single(o => $"{o.Method} {o.Path}" == route).Operation[
                "operationId"
            ]!.GetValue<string>()
        );

    [Fact]
    public void Every_operation_but_a_redirect_is_a_method_of_the_command_lines_client()
    {
        var methods = typeof(ManagerApi)
            .GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Select(m => m.Name);
        var operations = OperationsOf(RestDescription.Read())
            .Select(o => o.Operation)
            .ToLookup(RestClientSource.OnlyRedirects);

        Assert.Equal(["signInWithProvider"], operations[true].Select(IdOf));
        Assert.Equal(
            operations[false]
                .Select(o => Capital(IdOf(o)) + "Async")
                .Append("GetUsageAsCsvAsync")
                .Append("GetUsageOfApplicationAsCsvAsync")
                .Order(StringComparer.Ordinal),
            methods.Order(StringComparer.Ordinal)
        );

        static string IdOf(JsonNode operation) => operation["operationId"]!.GetValue<string>();
        static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];
    }

    [Fact]
    public void Everything_the_document_refers_to_is_in_it()
    {
        var document = RestDescription.Read();
        var schemas = document["components"]!["schemas"]!.AsObject();

        Assert.All(RestDescription.References(document), name => Assert.Contains(name, schemas));
    }

    [Fact]
    public async Task The_document_is_served_to_anybody_and_again_only_when_it_changed()
    {
        await using var host = await RestHost.StartAsync();

        var (first, text) = await host.SendAsync("GET", RestDocument.Path, null);
        var (again, _) = await host.SendAsync(
            "GET",
            RestDocument.Path,
            null,
            null,
            ("If-None-Match", first.Headers.ETag!.ToString())
        );

        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal("application/json", first.Content.Headers.ContentType!.MediaType);
        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(RestDescription.Folder, "openapi.json"), Stop), text);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
    }

    internal static ImmutableArray<(string Method, string Path, JsonNode Operation)> OperationsOf(JsonNode document) =>
        [
            .. from path in document["paths"]!.AsObject()
            from method in path.Value!.AsObject()
            select (method.Key.ToUpperInvariant(), path.Key, method.Value!),
        ];

    private static void Check(string file, string text)
    {
        if (Environment.GetEnvironmentVariable("GATEHOUSE_REWRITE_GOLDEN") == "1")
        {
            File.WriteAllText(file, text);
        }

        Assert.Equal(File.ReadAllText(file), text);
    }
}
