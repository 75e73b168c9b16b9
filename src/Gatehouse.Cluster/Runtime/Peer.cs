using System.Net;

namespace Gatehouse.Cluster.Runtime;

/// <summary>What strangers say of themselves, made fit for a log.</summary>
internal static class Peer
{
    private const int MaxLength = 200;

    /// <summary>The host of <c>[::ffff:1.2.3.4]:5678</c>: the port differs at every knock.</summary>
    public static string HostOf(string peer) =>
        IPEndPoint.TryParse(peer, out var at)
            ? (at.Address.IsIPv4MappedToIPv6 ? at.Address.MapToIPv4() : at.Address).ToString()
            : Printable(peer);

    /// <summary>Cut, and without line breaks or other control characters.</summary>
    public static string Printable(string text) =>
        new([.. text.Take(MaxLength).Select(c => char.IsControl(c) ? ' ' : c)]);
}
