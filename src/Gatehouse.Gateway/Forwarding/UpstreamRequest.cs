using Gatehouse.Gateway.Pipeline;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// A request that knows how often it went out. The runtime sends a request without a body again, up to three times, when a
/// connection ends before the answer, whatever the method; that is no setting of its. Its only call back at that moment is
/// for the encoding of headers, so there it is stopped: a request that must not be repeated is not, and one that may be is
/// once, for the connection that a backend closed for idleness at the very moment it was used.
/// </summary>
internal sealed class UpstreamRequest(HttpMethod method, Uri uri) : HttpRequestMessage(method, uri)
{
    private int _heads;

    public bool MayBeSentAgain { get; init; }

    /// <summary>True when some of it may have reached the target.</summary>
    public bool WasSent => _heads > 0;

    /// <summary>Called for every header that is written. Throws when the head may not be written (again).</summary>
    public void Writing(string header)
    {
        // One header that every request has exactly once counts the heads.
        if (
            header.Length != HeaderNames.RequestId.Length
            || !header.Equals(HeaderNames.RequestId, StringComparison.OrdinalIgnoreCase)
        )
        {
            return;
        }

        if (_heads++ > (MayBeSentAgain ? 1 : 0))
        {
            throw new InvalidOperationException("The request was sent and may not be sent again.");
        }
    }
}
