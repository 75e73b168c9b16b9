using System.Runtime.CompilerServices;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// The door out of a loop. <c>await OffLoop.Switch()</c> continues on the pool when the code runs on a loop, and at once when
/// it does not. Whatever may block or compute for more than about 100 µs stands behind it: plug-ins, the check of a
/// signature that no cache knows, a file. The way back is the next read, write or flush of the connection, which runs on
/// the loop wherever it was called.
/// </summary>
internal static class OffLoop
{
    /// <summary>To be awaited.</summary>
    public static Awaitable Switch() => default;

    /// <summary>Continues on the pool.</summary>
    internal readonly struct Awaitable : ICriticalNotifyCompletion
    {
        public bool IsCompleted => Loop.Current is null;

        public Awaitable GetAwaiter() => this;

        public void GetResult() { }

        public void OnCompleted(Action continuation) =>
            ThreadPool.QueueUserWorkItem(static c => c(), continuation, preferLocal: false);

        public void UnsafeOnCompleted(Action continuation) =>
            ThreadPool.UnsafeQueueUserWorkItem(static c => c(), continuation, preferLocal: false);
    }
}
