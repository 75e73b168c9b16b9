namespace Gatehouse.Plugins;

/// <summary>A request as a plug-in sees it: what is left of it after credentials were taken off. A copy, good for one call.</summary>
public sealed class PluginRequest
{
    internal PluginRequest(PluginHeaders headers, ReadOnlyMemory<byte> body) => (Headers, Body) = (headers, body);

    /// <summary>The id that logs and backend know it by.</summary>
    public required string Id { get; init; }

    /// <summary>The method.</summary>
    public required string Method { get; init; }

    /// <summary>The path as it was sent, context included.</summary>
    public required string Path { get; init; }

    /// <summary>The query as it was sent, with its question mark; empty for none.</summary>
    public required string Query { get; init; }

    /// <summary>The caller's address, as far as proxies that are trusted say.</summary>
    public required string CallerAddress { get; init; }

    /// <summary>The id of the application that calls; null on an open operation.</summary>
    public required string? Application { get; init; }

    /// <summary>Its headers.</summary>
    public PluginHeaders Headers { get; }

    /// <summary>Its body, when <see cref="PluginPolicy.BodyLimit"/> asks for it; else empty.</summary>
    public ReadOnlyMemory<byte> Body { get; private set; }

    internal bool HasNewBody { get; private set; }

    /// <summary>Puts another body in the place of the one that came. Only for a policy with a <see cref="PluginPolicy.BodyLimit"/>.</summary>
    public void ReplaceBody(ReadOnlyMemory<byte> body) => (Body, HasNewBody) = (body.ToArray(), true);
}

/// <summary>An answer as a plug-in sees it. A copy, good for one call.</summary>
public sealed class PluginAnswer
{
    internal PluginAnswer(int status, PluginHeaders headers) => (Status, Headers) = (status, headers);

    /// <summary>The request's id.</summary>
    public required string RequestId { get; init; }

    /// <summary>The status.</summary>
    public int Status { get; }

    /// <summary>Its headers.</summary>
    public PluginHeaders Headers { get; }
}
