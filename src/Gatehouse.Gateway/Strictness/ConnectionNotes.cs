using System.Collections.Concurrent;

namespace Gatehouse.Gateway.Strictness;

/// <summary>
/// What the requests of an HTTP/1 connection said in <c>Connection</c>. Kestrel keeps of <c>X, close</c> only <c>close</c>,
/// and then nobody knows that X is for this hop alone; the guard has seen the bytes and notes them here. It may scan ahead of
/// the request that is served, so notes are numbered. As many are kept as heads fit into the connection's input buffer.
/// </summary>
internal sealed class ConnectionNotes
{
    // Most connections never say more than one word.
    private volatile ConcurrentQueue<(long Request, string Said)>? _notes;
    private long _scanned;
    private long _served;

    /// <summary>A head has ended. <paramref name="said"/> is its <c>Connection</c>, null when Kestrel keeps all of it.</summary>
    public void EndHead(string? said)
    {
        _scanned++;
        if (said is not null)
        {
            (_notes ??= new()).Enqueue((_scanned, said));
        }
    }

    /// <summary>Called once as each request begins: what it said, null when Kestrel kept it.</summary>
    public string? Next()
    {
        _served++;
        return
            _notes is { } notes && notes.TryPeek(out var note) && note.Request == _served && notes.TryDequeue(out note)
            ? note.Said
            : null;
    }
}
