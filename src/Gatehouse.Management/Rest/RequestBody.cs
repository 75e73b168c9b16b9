using Gatehouse.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Management;

/// <summary>Reads request bodies that are no JSON documents of the REST API.</summary>
internal static class RequestBody
{
    /// <summary>Of a PUT whose body names another thing than its path.</summary>
    public static Problem OtherName { get; } =
        new("/name", "The name in the body is another than in the path", "make them the same");

    /// <summary>The whole body, of at most <paramref name="limit"/> bytes; one more is answered with 413.</summary>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(
        HttpContext http,
        int limit,
        CancellationToken cancellation
    )
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = limit;
        }

        using var body = new MemoryStream((int)Math.Min(http.Request.ContentLength ?? 0, limit));
        await http.Request.Body.CopyToAsync(body, cancellation).ConfigureAwait(false);
        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }
}
