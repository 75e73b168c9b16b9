using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.Metadata;

namespace Gatehouse.Management;

/// <summary>How large a route's request body may be. The innermost one of a route counts.</summary>
public static class RequestLimit
{
    /// <summary>Enough for every request of the REST API that carries no document.</summary>
    public const long Small = 64 * 1024;

    /// <summary>Bodies above <paramref name="bytes"/> are answered with 413.</summary>
    public static TBuilder LimitBody<TBuilder>(this TBuilder builder, long bytes)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new Metadata(bytes));

    private sealed record Metadata(long? MaxRequestBodySize) : IRequestSizeLimitMetadata;
}
