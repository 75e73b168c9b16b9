using System.Runtime.CompilerServices;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// The door out of a loop. <c>await OffLoop.Switch()</c> continues on the pool when the code runs on a loop, and at once when
/// it does not. Whatever may block or compute for more than about 100 µs stands behind it: plug-ins, the check of a
/// signature that no cache knows, a file. The way back is the next read, write or flush of the connection that has to wait,
/// or <see cref="Loop.Enter"/>.
/// </summary>
internal static class OffLoop
{
    /// <summary>To be awaited.</summary>
    public static LoopDoor Switch() => new(null);
}

/// <summary>Continues on a loop, or on the pool for null; at once where the code already runs there.</summary>
internal readonly struct LoopDoor(Loop? to) : ICriticalNotifyCompletion
{
    public bool IsCompleted => Loop.Current == to;

    public LoopDoor GetAwaiter() => this;

    public void GetResult() { }

    // Nobody who stands here has a context to carry over: async methods carry their own.
    public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

    public void UnsafeOnCompleted(Action continuation)
    {
        if (to is null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static c => c(), continuation, preferLocal: false);
        }
        else
        {
            to.Post(static c => ((Action)c)(), continuation);
        }
    }
}
