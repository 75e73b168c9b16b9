using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// Builds async methods that every request waits in. The runtime's pooling builder keeps one finished state machine for a
/// thread and one for a core; a loop takes in thirty requests in one turn and then ends as many, so it would make nearly all
/// of them anew. This one keeps as many as a thread has had under way, up to a bound.
/// </summary>
/// <remarks>Use: <c>[AsyncMethodBuilder(typeof(LoopMethodBuilder&lt;&gt;))]</c>. As with the runtime's, the value task may be awaited once.</remarks>
internal struct LoopMethodBuilder<TResult>
{
    private Box? _box;
    private TResult _result;

    public readonly ValueTask<TResult> Task => _box is null ? new(_result) : new(_box, _box.Version);

    public static LoopMethodBuilder<TResult> Create() => default;

#pragma warning disable CA1822 // The compiler calls them on an instance.
    // The runtime's own: it sees to it that what the method does to its context ends with it.
    public readonly void Start<TMachine>(ref TMachine machine)
        where TMachine : IAsyncStateMachine => default(AsyncTaskMethodBuilder).Start(ref machine);

    public readonly void SetStateMachine(IAsyncStateMachine machine) => ArgumentNullException.ThrowIfNull(machine);
#pragma warning restore CA1822

    public void SetResult(TResult result)
    {
        if (_box is null)
        {
            _result = result;
        }
        else
        {
            _box.SetResult(result);
        }
    }

    public void SetException(Exception exception) => (_box ??= new Box()).SetException(exception);

    public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : INotifyCompletion
        where TMachine : IAsyncStateMachine => awaiter.OnCompleted(BoxOf(ref machine).MoveNext);

    public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : ICriticalNotifyCompletion
        where TMachine : IAsyncStateMachine => awaiter.UnsafeOnCompleted(BoxOf(ref machine).MoveNext);

    private Box<TMachine> BoxOf<TMachine>(ref TMachine machine)
        where TMachine : IAsyncStateMachine
    {
        if (_box is Box<TMachine> box)
        {
            box.Context = ExecutionContext.Capture();
            return box;
        }

        // This builder is a field of the machine: it has to know its box before both are copied into it.
        box = Box<TMachine>.Take();
        _box = box;
        box.Machine = machine;
        box.Context = ExecutionContext.Capture();
        return box;
    }

    private class Box : IValueTaskSource<TResult>
    {
        private ManualResetValueTaskSourceCore<TResult> _source;

        public short Version => _source.Version;

        public void SetResult(TResult result) => _source.SetResult(result);

        public void SetException(Exception exception) => _source.SetException(exception);

        public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

        public void OnCompleted(
            Action<object?> continuation,
            object? state,
            short token,
            ValueTaskSourceOnCompletedFlags flags
        ) => _source.OnCompleted(continuation, state, token, flags);

        public TResult GetResult(short token)
        {
            try
            {
                return _source.GetResult(token);
            }
            finally
            {
                _source.Reset();
                GiveBack();
            }
        }

        protected virtual void GiveBack() { }
    }

    private sealed class Box<TMachine> : Box
        where TMachine : IAsyncStateMachine
    {
        private const int MostKept = 256;

        [ThreadStatic]
        private static Box<TMachine>? t_kept;

        [ThreadStatic]
        private static int t_count;

        private Box<TMachine>? _next;

        private Box() => MoveNext = Run;

        public TMachine Machine = default!;

        public ExecutionContext? Context { get; set; }

        public Action MoveNext { get; }

        public static Box<TMachine> Take()
        {
            if (t_kept is not { } kept)
            {
                return new();
            }

            t_kept = kept._next;
            kept._next = null;
            t_count--;
            return kept;
        }

        // Nothing of a request stays in it.
        protected override void GiveBack()
        {
            Machine = default!;
            Context = null;
            if (t_count < MostKept)
            {
                _next = t_kept;
                t_kept = this;
                t_count++;
            }
        }

        private void Run()
        {
            if (Context is { } context)
            {
                ExecutionContext.Run(context, static box => ((Box<TMachine>)box!).Machine.MoveNext(), this);
            }
            else
            {
                Machine.MoveNext();
            }
        }
    }
}
