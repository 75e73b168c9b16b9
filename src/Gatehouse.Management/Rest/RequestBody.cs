using Gatehouse.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.Management;

/// <summary>Reads request bodies that are no JSON documents of the REST API.</summary>
internal static class RequestBody
{
    // Of a body that is too large, so much is still read: a caller that is cut off while it sends sees a broken connection in the
    // place of the answer.
    private const int Discarded = 4 * 1024 * 1024;

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
            size.MaxRequestBodySize = limit + Discarded;
        }

        using var body = new MemoryStream((int)Math.Min(http.Request.ContentLength ?? 0, limit));
        var piece = new byte[16 * 1024];
        var length = 0L;
        while (
            length <= limit + Discarded
            && await http.Request.Body.ReadAsync(piece, cancellation).ConfigureAwait(false) is > 0 and var count
        )
        {
            length += count;
            if (length <= limit)
            {
                body.Write(piece, 0, count);
            }
        }

        if (length > limit)
        {
            throw new BadHttpRequestException(
                $"Request body too large. At most {limit} bytes are taken.",
                StatusCodes.Status413PayloadTooLarge
            );
        }

        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }
}
