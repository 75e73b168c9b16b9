using System.Collections.Concurrent;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// One upstream per connect timeout, shared by all APIs: its pools are per address, so a backend behind many APIs has one
/// bounded pool, and a changed API keeps its warm connections.
/// </summary>
internal sealed class UpstreamSet(UpstreamSettings settings)
{
    private readonly ConcurrentDictionary<int, IUpstream> _byTimeout = new();

    // In steps of a quarter of a second up to a minute, so that no publisher can make more than 240 of them.
    public IUpstream For(TimeSpan connectTimeout)
    {
        var quarters = (int)Math.Clamp(Math.Ceiling(connectTimeout.TotalSeconds * 4), 1, 240);
        return _byTimeout.GetOrAdd(
            quarters,
            q => new HttpUpstream(settings with { ConnectTimeout = TimeSpan.FromSeconds(q / 4.0) })
        );
    }
}
