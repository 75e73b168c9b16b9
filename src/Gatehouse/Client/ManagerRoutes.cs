using System.Collections.Frozen;
using System.Text.Json;
using Gatehouse.Management;

namespace Gatehouse.Client;

/// <summary>
/// The routes of the REST API, from its document, which this build has inside. The client sends nothing that is not one of
/// them, so that no command can rely on what the document does not promise.
/// </summary>
internal static class ManagerRoutes
{
    private const string Base = "/api/v1/";

    private static readonly Lazy<FrozenDictionary<string, Route[]>> s_routes = new(Read);

    /// <summary>
    /// Throws <see cref="InvalidOperationException"/>, which is a fault of this program, unless the document has a route for
    /// <paramref name="path"/> with every name of its query.
    /// </summary>
    /// <param name="method">The HTTP method.</param>
    /// <param name="path">Below <c>/api/v1/</c>, perhaps with a query.</param>
    public static void Demand(HttpMethod method, string path)
    {
        var question = path.IndexOf('?', StringComparison.Ordinal);
        var segments = (question < 0 ? path : path[..question]).TrimStart('/').Split('/');
        var route =
            s_routes.Value.GetValueOrDefault(method.Method)?.FirstOrDefault(r => r.Fits(segments))
            ?? throw new InvalidOperationException($"The REST API has no route {method} {Base}{path}.");
        var query = question < 0 ? [] : path[(question + 1)..].Split('&', StringSplitOptions.RemoveEmptyEntries);
        foreach (var name in query.Select(p => p.Split('=')[0]).Where(name => !route.Query.Contains(name)))
        {
            throw new InvalidOperationException($"{method} {Base}{route.Template} takes no '{name}'.");
        }
    }

    private static FrozenDictionary<string, Route[]> Read()
    {
        using var document = JsonDocument.Parse(RestDocument.Content);
        return document
            .RootElement.GetProperty("paths")
            .EnumerateObject()
            .SelectMany(path =>
                path.Value.EnumerateObject()
                    .Select(operation =>
                        (
                            Method: operation.Name.ToUpperInvariant(),
                            Route: Route.Of(path.Name[Base.Length..], operation.Value)
                        )
                    )
            )
            .GroupBy(r => r.Method)
            // A literal is nearer than a parameter: apis/create before apis/{id}.
            .ToFrozenDictionary(g => g.Key, g => g.Select(r => r.Route).OrderBy(r => r.Parameters).ToArray());
    }

    private sealed record Route(string Template, string[] Segments, bool TakesRest, FrozenSet<string> Query)
    {
        public int Parameters => Segments.Count(IsParameter);

        public static Route Of(string template, JsonElement operation) =>
            new(
                template,
                template.Split('/'),
                operation.TryGetProperty("parameters", out var parameters)
                    && parameters.EnumerateArray().Any(p => p.TryGetProperty("x-rest-of-path", out _)),
                parameters.ValueKind == JsonValueKind.Array
                    ? parameters
                        .EnumerateArray()
                        .Where(p => p.GetProperty("in").GetString() == "query")
                        .Select(p => p.GetProperty("name").GetString()!)
                        .ToFrozenSet(StringComparer.Ordinal)
                    : FrozenSet<string>.Empty
            );

        public bool Fits(string[] path) =>
            (path.Length == Segments.Length || (TakesRest && path.Length > Segments.Length))
            && path.Zip(Segments).All(p => IsParameter(p.Second) || p.First == p.Second);

        private static bool IsParameter(string segment) => segment.StartsWith('{');
    }
}
