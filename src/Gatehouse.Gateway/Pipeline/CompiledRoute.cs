using Gatehouse.Gateway.Accounting;
using Gatehouse.Gateway.Balancing;
using Gatehouse.Gateway.Forwarding;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Gateway.Throttling;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>All that one operation of an API, or one virtual host of a balancer, does to a request: complete, immutable, ready to run.</summary>
internal sealed class CompiledRoute
{
    /// <summary>The API's entity name, or the virtual host, for logs and counters.</summary>
    public required string Name { get; init; }

    /// <summary>The API's revision, for traces; 0 for a virtual host.</summary>
    public int Revision { get; init; }

    /// <summary>Method and path template, for traces; null where no operation was found.</summary>
    public string? Operation { get; init; }

    /// <summary>What the request must pass, in order.</summary>
    public required IPolicy[] Policies
    {
        get;
        init
        {
            field = value;
            var waits = Array.FindIndex(value, p => p is IWaitingPolicy);
            FirstWaiting = waits < 0 ? value.Length : waits;
            TouchesAnswers = Array.Exists(value, p => p is IAnswerPolicy);
            TouchesFaults = Array.Exists(value, p => p is IFaultPolicy);
        }
    }

    /// <summary>How many policies stand before the first that may wait.</summary>
    public int FirstWaiting { get; private init; }

    /// <summary>Whether any policy takes part in answers.</summary>
    public bool TouchesAnswers { get; private init; }

    /// <summary>Whether any policy takes part in telling problems.</summary>
    public bool TouchesFaults { get; private init; }

    /// <summary>What a path of the API may hold; what a policy makes of it too.</summary>
    public PathRules Paths { get; init; } = PathRules.Strict;

    /// <summary>Where production calls go.</summary>
    public required TargetPool Production { get; init; }

    /// <summary>Where calls with a sandbox key go; null when there is no sandbox.</summary>
    public TargetPool? Sandbox { get; init; }

    public required ForwardingRules Forwarding { get; init; }

    public required RequestMeter Meter { get; init; }

    /// <summary>Which headers tell what is left of a limit.</summary>
    public RateLimitHeaderForm RateLimitHeaders { get; init; }

    public ErrorFormat ErrorFormat { get; init; }

    public AccessLog? AccessLog { get; init; }

    public AccessLog? ErrorLog { get; init; }
}
