namespace Gatehouse.Cluster;

/// <summary>One line of the well-known members as the operator wrote it (seed: axis2.xml <c>member</c>).</summary>
/// <param name="HostPattern">A host name, an address, or a range over the last octet such as <c>192.168.1.2-10</c>.</param>
/// <param name="Port">The membership port of whatever answers there.</param>
/// <param name="File">The file it was written in, for messages.</param>
/// <param name="Line">1-based; 0 when unknown.</param>
public sealed record WellKnownMember(string HostPattern, int Port, string? File = null, int Line = 0);
