using Gatehouse.Gateway.Pipeline;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Policies;

/// <summary>What policies that look into request bodies have in common.</summary>
internal static class BodyInspection
{
    // What cannot be looked into cannot be let through by a policy that is there to look.
    private static readonly GatewayProblem s_encoded = new(
        415,
        "415",
        "Unsupported Media Type",
        "This API looks into request bodies and takes them without Content-Encoding only."
    )
    {
        Closes = true,
    };

    /// <summary>Reads the body as a whole. Says why it cannot be looked into.</summary>
    public static ValueTask<GatewayProblem?> ReadAsync(Exchange exchange, int most)
    {
        if (!exchange.HasBody)
        {
            return new((GatewayProblem?)null);
        }

        var encoding = exchange.Request.Headers.ContentEncoding;
        return encoding.Count > 0 && !encoding.ToString().Equals("identity", StringComparison.OrdinalIgnoreCase)
            ? new(s_encoded)
            : exchange.ReadBodyAsync(most);
    }

    /// <summary>True when a media type is of that format, or is not said at all: leaving it out must not be a way around.</summary>
    public static bool MayBe(StringValues contentType, string format) =>
        contentType.Count == 0 || contentType.ToString().Contains(format, StringComparison.OrdinalIgnoreCase);

    /// <summary>A body that is not let through.</summary>
    public static GatewayProblem Refuse(string why) => new(400, "400", "Bad Request", why) { Closes = true };
}
