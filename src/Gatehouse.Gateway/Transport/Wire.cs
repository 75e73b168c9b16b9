namespace Gatehouse.Gateway.Transport;

/// <summary>
/// One byte stream to somewhere: a connection. At most one receive and one send may be under way at a time, each by whoever
/// awaits it; <see cref="Abort"/> may be called by anyone at any time.
/// </summary>
internal abstract class Wire : IDisposable
{
    /// <summary>Receives at least one byte; 0 when the peer has ended its side. Throws <see cref="IOException"/> when the connection is lost.</summary>
    public abstract ValueTask<int> ReceiveAsync(Memory<byte> buffer);

    /// <summary>Sends all of it. The buffer is the caller's again when the task is done. Throws <see cref="IOException"/> when the connection is lost.</summary>
    public abstract ValueTask SendAsync(ReadOnlyMemory<byte> data);

    /// <summary>Whether data, the peer's end or an error has arrived: an idle connection of which this is true must not be used again.</summary>
    public abstract bool HasInput { get; }

    /// <summary>Resets the connection: pending calls fail with <see cref="IOException"/>, later ones too. Safe to call twice.</summary>
    public abstract void Abort();

    /// <summary>Closes the connection. Not while a call is pending: <see cref="Abort"/> and await it first. Safe to call twice.</summary>
    public abstract void Dispose();
}
