using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace Gatehouse.Management;

/// <summary>
/// The OpenAPI 3.1 document of this REST API. It is generated from the routes by a test, which fails when they differ, and
/// built in: no manager spends anything on making it, and the command line knows the routes without asking.
/// </summary>
public static class RestDocument
{
    /// <summary>Where it is served.</summary>
    public const string Path = "/api/v1/openapi.json";

    private const string Resource = "rest-api.json";

    private static readonly byte[] s_content = Read();
    private static readonly EntityTagHeaderValue s_tag = new(
        $"\"{Convert.ToHexStringLower(SHA256.HashData(s_content))[..16]}\""
    );

    /// <summary>The document's JSON, UTF-8.</summary>
    public static ReadOnlyMemory<byte> Content => s_content;

    // Says nothing of this cluster, so that a client can read it before it signs in.
    internal static void MapDocument(this IEndpointRouteBuilder rest) =>
        rest.MapGet("/openapi.json", Show)
            .AllowAnonymous()
            .WithSummary("This document")
            .Produces<System.Text.Json.Nodes.JsonObject>(StatusCodes.Status200OK, "application/json");

    private static FileContentHttpResult Show(HttpResponse response)
    {
        response.Headers.CacheControl = "no-cache";
        return TypedResults.Bytes(s_content, "application/json", entityTag: s_tag);
    }

    private static byte[] Read()
    {
        using var stream =
            typeof(RestDocument).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"This build holds no {Resource}.");
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
