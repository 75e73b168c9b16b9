using System.Collections.Frozen;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Portal.Assets;

/// <summary>
/// Scripts, styles and icons, embedded in the assembly: they are there after every kind of publish, and an address names
/// the content, so a browser keeps it for ever and an upgraded manager is never shown with old styles.
/// </summary>
public sealed partial class PortalAssets
{
    private const string Prefix = "portal/";

    private readonly FrozenDictionary<string, Asset> _assets;
    private readonly FrozenDictionary<string, string> _icons;

    /// <summary>Reads them.</summary>
    public PortalAssets()
    {
        var assembly = typeof(PortalAssets).Assembly;
        _assets = assembly
            .GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(name =>
            {
                using var stream = assembly.GetManifestResourceStream(name)!;
                var content = new byte[stream.Length];
                stream.ReadExactly(content);
                return new Asset(name[Prefix.Length..], content);
            })
            .ToFrozenDictionary(asset => asset.Name, StringComparer.Ordinal);
        _icons = Symbol()
            .Matches(System.Text.Encoding.UTF8.GetString(_assets["icons.svg"].Content))
            .ToFrozenDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value, StringComparer.Ordinal);
    }

    /// <summary>The address of a file, with its content's digest.</summary>
    public string Url(string name) => $"/assets/{name}?v={_assets[name].Version}";

    /// <summary>What an icon is drawn with; throws when there is none of that name.</summary>
    public string Icon(string name) =>
        _icons.TryGetValue(name, out var drawing)
            ? drawing
            : throw new ArgumentException($"icons.svg has no '{name}'.", nameof(name));

    internal Asset? Find(string name) => _assets.GetValueOrDefault(name);

    [GeneratedRegex("""<symbol id="([a-z0-9-]+)"[^>]*>(.*)</symbol>""")]
    private static partial Regex Symbol();

    /// <summary>One embedded file.</summary>
    internal sealed class Asset(string name, byte[] content)
    {
        private readonly Lazy<byte[]> _compressed = new(() => Compress(content));

        public string Name { get; } = name;

        public byte[] Content { get; } = content;

        public byte[] Compressed => _compressed.Value;

        public string Version { get; } = Convert.ToHexStringLower(SHA256.HashData(content))[..12];

        public string ContentType { get; } =
            Path.GetExtension(name) switch
            {
                ".css" => "text/css; charset=utf-8",
                ".js" => "text/javascript; charset=utf-8",
                ".svg" => "image/svg+xml",
                _ => "application/octet-stream",
            };

        private static byte[] Compress(byte[] content)
        {
            using var into = new MemoryStream();
            using (var brotli = new BrotliStream(into, CompressionLevel.Optimal))
            {
                brotli.Write(content);
            }

            return into.ToArray();
        }
    }
}

internal static class AssetEndpoints
{
    public static void MapAssets(this IEndpointRouteBuilder app) =>
        app.MapGet(
            "/assets/{name}",
            async (string name, HttpContext http, PortalAssets assets) =>
            {
                if (assets.Find(name) is not { } asset)
                {
                    http.Response.StatusCode = StatusCodes.Status404NotFound;
                    return;
                }

                var headers = http.Response.Headers;
                headers.CacheControl =
                    http.Request.Query["v"] == asset.Version ? "public, max-age=31536000, immutable" : "no-cache";
                headers.Vary = "Accept-Encoding";
                http.Response.ContentType = asset.ContentType;
                var content = asset.Content;
                if (http.Request.Headers.AcceptEncoding.ToString().Contains("br", StringComparison.Ordinal))
                {
                    headers.ContentEncoding = "br";
                    content = asset.Compressed;
                }

                http.Response.ContentLength = content.Length;
                await http.Response.Body.WriteAsync(content, http.RequestAborted).ConfigureAwait(false);
            }
        );
}
