using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Throttling;

/// <summary>Turns away who is blocked, open streams too.</summary>
internal sealed class BlockPolicy : IPolicy
{
    public static readonly BlockPolicy Instance = new();

    private BlockPolicy() { }

    public GatewayProblem? Apply(Exchange exchange)
    {
        var table = exchange.Limits;
        if (!table.Blocks.Block(exchange))
        {
            return null;
        }

        table.Meter.Refused(ThrottleLevel.Block);
        return ThrottleProblem.Blocked;
    }
}
