using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Pipeline;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Routing;

/// <summary>
/// Another revision that some callers of an API get. Who shows the same credential, or calls from the same address where none
/// is shown, always gets the same one, on every node.
/// </summary>
/// <param name="Api">The other revision.</param>
/// <param name="Percent">How many of a hundred callers get it.</param>
/// <param name="Headers">Where credentials stand.</param>
internal sealed record CanaryChoice(CompiledApi Api, int Percent, string[] Headers)
{
    private readonly ulong _api = StableHash.Of(Api.Name);

    /// <summary>Whether a request gets it. An open stream that is checked again stays with what it began with.</summary>
    public bool IsFor(Exchange exchange)
    {
        if (!exchange.IsSecondLook)
        {
            // Mixed with the API's name, so that it is not the same callers who try everything.
            exchange.IsCanary = StableHash.Mix(StableHash.Of(WhoCalls(exchange)) ^ _api) % 100 < (ulong)Percent;
        }

        return exchange.IsCanary;
    }

    private string WhoCalls(Exchange exchange)
    {
        foreach (var header in Headers)
        {
            if (exchange.Request.Headers.TryGetValue(header, out var shown) && !StringValues.IsNullOrEmpty(shown))
            {
                return shown.ToString();
            }
        }

        return exchange.Caller.Address;
    }
}
