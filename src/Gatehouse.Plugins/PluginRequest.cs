namespace Gatehouse.Plugins;

/// <summary>A request as a plug-in sees it: what is left of it after credentials were taken off. A copy, good for one call.</summary>
public sealed class PluginRequest
{
    private readonly bool _readsBody;

    internal PluginRequest(PluginHeaders headers, ReadOnlyMemory<byte> body, bool readsBody) =>
        (Headers, Body, _readsBody) = (headers, body, readsBody);

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

    /// <summary>
    /// Puts another body in the place of the one that came. Throws <see cref="InvalidOperationException"/> for a policy
    /// without a <see cref="PluginPolicy.BodyLimit"/>.
    /// </summary>
    /// <param name="body">The new body, which is copied; its length is told by itself.</param>
    public void ReplaceBody(ReadOnlyMemory<byte> body) =>
        (Body, HasNewBody) = _readsBody
            ? (body.ToArray(), true)
            : throw new InvalidOperationException("The policy reads no request bodies: it has no BodyLimit.");
}

/// <summary>An answer as a plug-in sees it. A copy, good for one call.</summary>
public sealed class PluginAnswer
{
    private readonly bool _readsBody;

    internal PluginAnswer(int status, PluginHeaders headers, ReadOnlyMemory<byte> body, bool readsBody) =>
        (Status, Headers, Body, _readsBody) = (status, headers, body, readsBody);

    /// <summary>The request's id.</summary>
    public required string RequestId { get; init; }

    /// <summary>The status.</summary>
    public int Status { get; }

    /// <summary>Its headers.</summary>
    public PluginHeaders Headers { get; }

    /// <summary>
    /// Its body, when <see cref="PluginPolicy.AnswerBodyLimit"/> asks for it; else empty, and so are answers to <c>HEAD</c> and
    /// those with 204 or 304. Backends are asked not to compress it; one that does so all the same says it in
    /// <c>Content-Encoding</c>.
    /// </summary>
    public ReadOnlyMemory<byte> Body { get; private set; }

    internal bool HasNewBody { get; private set; }

    /// <summary>
    /// Puts another body in the place of the one that came; a validator (<c>ETag</c>) of the old one goes with it. Throws
    /// <see cref="InvalidOperationException"/> for a policy without a <see cref="PluginPolicy.AnswerBodyLimit"/>.
    /// </summary>
    /// <param name="body">The new body, which is copied; its length is told by itself. Callers get none where there may be none.</param>
    public void ReplaceBody(ReadOnlyMemory<byte> body) =>
        (Body, HasNewBody) = _readsBody
            ? (body.ToArray(), true)
            : throw new InvalidOperationException("The policy reads no answers: it has no AnswerBodyLimit.");
}
