using System.Runtime.CompilerServices;

namespace Gatehouse.Model;

/// <summary>
/// The newest value of something, to read at any time and to follow. A follower that is slow skips to the newest; nobody
/// sees an older value after a newer one.
/// </summary>
public sealed class Latest<T>(T initial)
    where T : class
{
    private readonly Lock _lock = new();
    private T _value = initial;
    private TaskCompletionSource _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The newest value.</summary>
    public T Value => Volatile.Read(ref _value);

    /// <summary>Replaces the value when <paramref name="isNewer"/>(current, candidate) says so. Returns whether it did.</summary>
    public bool Offer(T candidate, Func<T, T, bool> isNewer)
    {
        TaskCompletionSource moved;
        lock (_lock)
        {
            if (!isNewer(_value, candidate))
            {
                return false;
            }

            Volatile.Write(ref _value, candidate);
            moved = _moved;
            _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        moved.SetResult();
        return true;
    }

    /// <summary>Replaces the value.</summary>
    public void Set(T value) => Offer(value, static (_, _) => true);

    /// <summary>
    /// Replaces the value by what <paramref name="change"/> makes of it; the same reference means no change. Runs under a
    /// lock, so that no two changes are made of the same value: keep it short.
    /// </summary>
    public void Change(Func<T, T> change)
    {
        TaskCompletionSource moved;
        lock (_lock)
        {
            var next = change(_value);
            if (ReferenceEquals(next, _value))
            {
                return;
            }

            Volatile.Write(ref _value, next);
            moved = _moved;
            _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        moved.SetResult();
    }

    /// <summary>The value now, then every newer one, until cancelled.</summary>
    public async IAsyncEnumerable<T> FollowAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        while (true)
        {
            T value;
            Task moved;
            lock (_lock)
            {
                value = _value;
                moved = _moved.Task;
            }

            yield return value;
            await moved.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Completes when the value satisfies <paramref name="condition"/>, with that value.</summary>
    public async Task<T> WhenAsync(Func<T, bool> condition, CancellationToken cancellation = default)
    {
        await foreach (var value in FollowAsync(cancellation).ConfigureAwait(false))
        {
            if (condition(value))
            {
                return value;
            }
        }

        throw new OperationCanceledException(cancellation);
    }
}
