namespace Gatehouse.Gateway.Pipeline;

/// <summary>Headers that Gatehouse reads or writes and ASP.NET has no word for.</summary>
internal static class HeaderNames
{
    public const string RequestId = "X-Request-Id";
    public const string ForwardedFor = "X-Forwarded-For";
    public const string ForwardedHost = "X-Forwarded-Host";
    public const string ForwardedServer = "X-Forwarded-Server";
    public const string ForwardedProto = "X-Forwarded-Proto";
    public const string ForwardedPort = "X-Forwarded-Port";

    /// <summary>The certificate that a trusted proxy saw; of anybody else it is taken away.</summary>
    public const string ClientCertificate = "X-Client-Certificate";

    /// <summary>Set by a balancer on what it sends a second time, on the data hop only.</summary>
    public const string Replay = "X-Gatehouse-Replay";

    /// <summary>A trace grant: whoever shows a good one may use the headers below.</summary>
    public const string Grant = "X-Gatehouse-Grant";

    /// <summary>In an answer: what the node had applied when it took the request.</summary>
    public const string Epoch = "X-Gatehouse-Epoch";

    /// <summary>In a request: a node that has not applied so much refuses it.</summary>
    public const string MinEpoch = "X-Gatehouse-Min-Epoch";

    /// <summary>In a request with a grant: asks what becomes of it and why. In the answer: that, as JSON.</summary>
    public const string Trace = "X-Gatehouse-Trace";

    /// <summary>True for a header that callers and workers say to each other: no backend gets it, none may send it.</summary>
    public static bool IsOwn(string name) =>
        name.Length > 12 && name.StartsWith("X-Gatehouse-", StringComparison.OrdinalIgnoreCase);
}
