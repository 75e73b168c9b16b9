using System.Collections.Immutable;
using System.ComponentModel;

namespace Gatehouse.Model;

/// <summary>Settings of <c>cache</c>.</summary>
public sealed record CacheSettings : IPolicySettings
{
    /// <summary>Seconds an answer is fresh that says nothing itself.</summary>
    [Description("Seconds that an answer is fresh which does not say how long it is; 0 keeps only answers that do")]
    public int DefaultSeconds { get; set; }

    /// <summary>The largest body kept.</summary>
    [Description("The largest body that is kept, in bytes")]
    public int MaxBodyBytes { get; set; } = 1024 * 1024;

    /// <summary>All that one API keeps on one node.</summary>
    [Description("All that is kept for the API on one node, in bytes; the least recently used goes first")]
    public long MaxTotalBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Stale-while-revalidate of answers that do not say.</summary>
    [Description("Seconds that a stale answer is still given while a new one is fetched, unless the answer says")]
    public int StaleWhileRevalidate { get; set; }

    /// <summary>Stale-if-error of answers that do not say.</summary>
    [Description("Seconds that a stale answer is still given when the backend fails, unless the answer says")]
    public int StaleIfError { get; set; }

    /// <summary>Whether every application has answers of its own.</summary>
    [Description("Keeps answers apart by the calling application")]
    public bool PerApplication { get; set; } = true;

    /// <summary>Keeps answers with Set-Cookie too.</summary>
    [Description("Keeps answers with Set-Cookie too, without that header")]
    public bool KeepSetCookie { get; set; }

    IEnumerable<Problem> IPolicySettings.Check()
    {
        if (DefaultSeconds is < 0 or > 31_536_000)
        {
            yield return new("/defaultSeconds", "defaultSeconds is 0 to 31536000");
        }

        if (MaxBodyBytes is < 1 or > 64 * 1024 * 1024)
        {
            yield return new("/maxBodyBytes", "maxBodyBytes is 1 to 67108864");
        }

        if (MaxTotalBytes < MaxBodyBytes || MaxTotalBytes > 4L << 30)
        {
            yield return new("/maxTotalBytes", "maxTotalBytes is at least maxBodyBytes and at most 4294967296");
        }

        if (StaleWhileRevalidate < 0 || StaleIfError < 0)
        {
            yield return new(StaleIfError < 0 ? "/staleIfError" : "/staleWhileRevalidate", "Seconds are not negative");
        }
    }
}
