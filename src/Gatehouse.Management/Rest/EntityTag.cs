using System.Globalization;
using Gatehouse.Model;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Management;

/// <summary>The epoch of an entity as <c>ETag</c> and <c>If-Match</c>.</summary>
public static class EntityTag
{
    /// <summary>Sets <c>ETag</c>.</summary>
    public static void SetEntityTag(this HttpResponse response, long epoch) =>
        response.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{epoch}\"");

    /// <summary>
    /// The epoch the caller expects: from <c>If-Match: "epoch"</c>; 0 for <c>If-None-Match: *</c>, it must not exist; null
    /// when it names none or says <c>If-Match: *</c>. Throws <see cref="ProblemsException"/> on anything else.
    /// </summary>
    public static long? ExpectedEpoch(this HttpRequest request)
    {
        if (request.Headers.IfNoneMatch.ToString().Trim() == "*")
        {
            return 0;
        }

        var text = request.Headers.IfMatch.ToString().Trim();
        if (text.Length == 0 || text == "*")
        {
            return null;
        }

        if (
            text.Length > 2
            && text[0] == '"'
            && text[^1] == '"'
            && long.TryParse(
                text.AsSpan(1, text.Length - 2),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out var epoch
            )
        )
        {
            return epoch;
        }

        throw new ProblemsException([
            new(
                "If-Match",
                "If-Match is not an ETag of this API",
                "send back the ETag exactly as it was given, \"17\""
            ),
        ]);
    }
}
