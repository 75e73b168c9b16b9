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
}
