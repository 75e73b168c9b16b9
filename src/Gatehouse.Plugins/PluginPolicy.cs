namespace Gatehouse.Plugins;

/// <summary>
/// A plug-in's policy of one operation. Shared by all its requests, so it must bear being called at the same time; runs on
/// the thread pool, never on the gateway's loops. What it throws, and what it does not finish in time, is told to the caller
/// as 500 and to the operator by the log; other requests are not touched.
/// </summary>
public abstract class PluginPolicy
{
    /// <summary>Most bytes of a request body that the policy reads; a larger body is refused with 413. 0: the body passes unread.</summary>
    public virtual int BodyLimit => 0;

    /// <summary>
    /// Most bytes of an answer's body that the policy reads. Such an answer is held until it is whole, and the caller gets 502
    /// in the place of a larger one; so it is not for streams. 0: answers pass unread, piece by piece, as they come.
    /// </summary>
    public virtual int AnswerBodyLimit => 0;

    /// <summary>How long one call may take, at most five minutes.</summary>
    public virtual TimeSpan Patience => TimeSpan.FromSeconds(5);

    /// <summary>Before the request is forwarded, after credentials, limits and validation.</summary>
    /// <param name="request">May be changed until the call ends; later changes have no effect.</param>
    /// <param name="cancellation">The caller is gone, or the time is up.</param>
    /// <returns>Whether the request goes on.</returns>
    public virtual ValueTask<Verdict> OnRequestAsync(PluginRequest request, CancellationToken cancellation) =>
        new(Verdict.Pass);

    /// <summary>
    /// When an answer has come, of the backend or of a policy further in, and nothing of it has been sent: with an
    /// <see cref="AnswerBodyLimit"/> the whole of it, else its status and headers.
    /// </summary>
    /// <param name="answer">May be changed until the call ends; later changes have no effect.</param>
    /// <param name="cancellation">The caller is gone, or the time is up.</param>
    public virtual ValueTask OnAnswerAsync(PluginAnswer answer, CancellationToken cancellation) => default;
}

/// <summary>Whether a request goes on.</summary>
public sealed class Verdict
{
    private Verdict() { }

    /// <summary>It goes on.</summary>
    public static Verdict Pass { get; } = new();

    internal int Status { get; private init; }

    internal string? Refusal { get; private init; }

    internal string? ContentType { get; private init; }

    internal ReadOnlyMemory<byte> Body { get; private init; }

    internal IReadOnlyDictionary<string, string> Headers { get; private init; } = new Dictionary<string, string>();

    /// <summary>It ends with an error in the API's own format.</summary>
    /// <param name="status">400 to 599.</param>
    /// <param name="description">A sentence that helps the caller.</param>
    public static Verdict Refuse(int status, string description)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(status, 400);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(status, 599);
        ArgumentException.ThrowIfNullOrWhiteSpace(description);
        return new() { Status = status, Refusal = description };
    }

    /// <summary>It is answered here and not forwarded.</summary>
    /// <param name="status">200 to 599.</param>
    /// <param name="body">The body; empty for none.</param>
    /// <param name="contentType">The body's media type.</param>
    /// <param name="headers">Further headers.</param>
    public static Verdict Answer(
        int status,
        ReadOnlyMemory<byte> body = default,
        string contentType = "text/plain; charset=utf-8",
        IReadOnlyDictionary<string, string>? headers = null
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(status, 200);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(status, 599);
        return new()
        {
            Status = status,
            Body = body,
            ContentType = contentType,
            Headers = headers ?? new Dictionary<string, string>(),
        };
    }
}
