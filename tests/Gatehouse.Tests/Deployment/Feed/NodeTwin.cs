using System.Net.Sockets;
using Gatehouse.Deployment.Worker;
using Gatehouse.Model;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Feeds;

/// <summary>A worker without its gateway: a real store, a real synchronizer, a table in memory.</summary>
internal sealed class NodeTwin : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    private NodeTwin(
        WorkerStore store,
        Synchronizer synchronizer,
        TargetTwin target,
        Latest<IReadOnlyList<string>> managers,
        bool run
    )
    {
        Store = store;
        Synchronizer = synchronizer;
        Target = target;
        Managers = managers;
        _running = run ? synchronizer.RunAsync(_stop.Token) : Task.CompletedTask;
    }

    public WorkerStore Store { get; }

    public Synchronizer Synchronizer { get; }

    public TargetTwin Target { get; }

    public Latest<IReadOnlyList<string>> Managers { get; }

    public SyncStatus Status => Synchronizer.Status.Value;

    public static SynchronizerOptions Options(params string[] managers) =>
        new()
        {
            Profile = Profile.GatewayWorker,
            Version = "1.2.3",
            Managers = new Latest<IReadOnlyList<string>>(managers),
            Connect = static address => Connect(address),
            ShortestPause = TimeSpan.FromMilliseconds(5),
            LongestPause = TimeSpan.FromMilliseconds(50),
            // Whoever wants to see silence says how much of it: a process full of tests is silent for seconds by itself.
            Silence = TimeSpan.FromSeconds(60),
        };

    /// <summary>A channel whose connections break after so many bytes were received.</summary>
    public static GrpcChannel Connect(string address, Func<int>? cutAfter = null) =>
        GrpcChannel.ForAddress(
            $"http://{address}",
            new()
            {
                DisposeHttpClient = true,
                HttpHandler = new SocketsHttpHandler
                {
                    ConnectCallback = async (context, cancellation) =>
                    {
                        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                        try
                        {
                            await socket.ConnectAsync(context.DnsEndPoint, cancellation);
                        }
                        catch
                        {
                            socket.Dispose();
                            throw;
                        }

                        var stream = new NetworkStream(socket, ownsSocket: true);
                        return cutAfter is null ? stream : new CutStream(stream, cutAfter());
                    },
                },
            }
        );

    public static async Task<NodeTwin> StartAsync(
        string directory,
        SynchronizerOptions options,
        TargetTwin? target = null,
        TimeProvider? time = null,
        bool run = true
    )
    {
        time ??= TimeProvider.System;
        target ??= new();
        var (store, table) = await WorkerStore.OpenAsync(directory, time, NullLogger<WorkerStore>.Instance);
        var synchronizer = new Synchronizer(store, target, options, time, NullLogger<Synchronizer>.Instance);
        await synchronizer.ServeStoredAsync(table);
        return new(store, synchronizer, target, options.Managers, run);
    }

    /// <summary>Waits until the node has applied <paramref name="head"/>.</summary>
    public Task<SyncStatus> ReachesAsync(CatalogueHead head) => WhenAsync(s => s.Cursor == head);

    public async Task<SyncStatus> WhenAsync(Func<SyncStatus, bool> condition)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(60));
        try
        {
            return await Synchronizer.Status.WhenAsync(condition, deadline.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"Not within 60 s: {Status}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Store.Dispose();
        _stop.Dispose();
    }
}

/// <summary>A connection that breaks after a number of bytes.</summary>
internal sealed class CutStream(Stream inner, int bytes) : Stream
{
    private int _left = bytes;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left <= 0)
        {
            throw new IOException("cut");
        }

        var read = await inner.ReadAsync(buffer[..Math.Min(Math.Max(buffer.Length, 0), _left)], cancellationToken);
        _left -= read;
        return read;
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        inner.WriteAsync(buffer, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
