using System.Collections.Immutable;

namespace Gatehouse.Management.OpenApi;

/// <summary>Where a document says its API is served. Only absolute http and https URLs can be endpoints.</summary>
internal static class Servers
{
    private const int MaxUrl = 2000;

    public static ImmutableArray<string> OfVersion3(DocumentNode root, ProblemList problems)
    {
        var urls = ImmutableArray.CreateBuilder<string>();
        foreach (var server in root["servers"]?.Items ?? [])
        {
            var url = server["url"]?.Text ?? "";
            foreach (var variable in server["variables"]?.Members ?? [])
            {
                if (
                    url.Length <= MaxUrl
                    && variable.Value["default"]?.Text is { Length: > 0 and <= MaxUrl } value
                    && variable.Name.Length > 0
                )
                {
                    url = url.Replace($"{{{variable.Name}}}", value, StringComparison.Ordinal);
                }
            }

            if (Absolute(url) is { } absolute)
            {
                urls.Add(absolute);
            }
        }

        if (urls.Count > 1 && root["servers"] is { } servers)
        {
            // They may be production, staging and sandbox: spreading calls over them would be wrong more often than right.
            problems.Warn(
                servers,
                $"Of {urls.Count} servers only the first is taken for the endpoint",
                "give each endpoint with --endpoint when calls are to be spread",
                "servers"
            );
        }

        return urls.ToImmutable();
    }

    public static ImmutableArray<string> OfVersion2(DocumentNode root)
    {
        if (root["host"]?.Text is not { Length: > 0 } host)
        {
            return [];
        }

        var schemes = root["schemes"]?.Items.Select(s => s.Text).ToList() ?? [];
        var scheme = schemes.Count == 0 || schemes.Contains("https") ? "https" : schemes[0];
        return Absolute($"{scheme}://{host}{root["basePath"]?.Text}") is { } url ? [url] : [];
    }

    private static string? Absolute(string url) =>
        url.Length <= MaxUrl
        && Uri.TryCreate(url, UriKind.Absolute, out var parsed)
        && parsed.Scheme is "http" or "https"
            ? url
            : null;
}
