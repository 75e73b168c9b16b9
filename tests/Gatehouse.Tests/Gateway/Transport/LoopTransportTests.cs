using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Gatehouse.Gateway;
using Gatehouse.Gateway.Transport;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gatehouse.Tests.Gateway.Transport;

[Collection(TransportRunsAlone.Name)]
public sealed class LoopTransportTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);

    public LoopTransportTests() => Assert.SkipUnless(LoopGroup.IsSupported, "The loops run on Linux only.");

    [Fact]
    public async Task A_connection_that_waits_holds_no_buffer()
    {
        var lent = Buffers.Lent;
        await using var server = new LoopServer(LoopServer.EchoAsync);
        using var socket = await server.ConnectAsync();
        await EchoOnceAsync(socket);

        await LoopServer.BuffersAreBackAsync(lent);
    }

    [Fact]
    public async Task A_read_ends_when_its_token_says_so_and_the_next_one_goes_on()
    {
        var outcome = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new LoopServer(async connection =>
        {
            using var token = new CancellationTokenSource();
            var reading = connection.Transport.Input.ReadAsync(token.Token);
            await token.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await reading);
            var read = await connection.Transport.Input.ReadAsync();
            outcome.SetResult($"{read.Buffer.Length} {read.IsCanceled}");
        });
        using var socket = await server.ConnectAsync();
        await Task.Delay(50);
        await socket.SendAsync(new byte[3]);

        Assert.Equal("3 False", await outcome.Task.WaitAsync(s_soon));
    }

    [Fact]
    public async Task A_pending_read_is_cancelled_from_outside_and_says_so()
    {
        var connected = new TaskCompletionSource<PipeReader>(TaskCreationOptions.RunContinuationsAsynchronously);
        var outcome = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new LoopServer(async connection =>
        {
            var reading = connection.Transport.Input.ReadAsync();
            connected.SetResult(connection.Transport.Input);
            outcome.SetResult((await reading).IsCanceled);
        });
        using var socket = await server.ConnectAsync();

        (await connected.Task.WaitAsync(s_soon)).CancelPendingRead();

        Assert.True(await outcome.Task.WaitAsync(s_soon));
    }

    [Fact]
    public async Task The_caller_hanging_up_is_told_while_nobody_reads()
    {
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new LoopServer(async connection =>
        {
            connection.ConnectionClosed.Register(closed.SetResult);
            await closed.Task;
        });
        var socket = await server.ConnectAsync();
        socket.Dispose();

        await closed.Task.WaitAsync(s_soon);
    }

    [Fact]
    public async Task What_was_written_before_the_end_arrives_to_the_last_byte()
    {
        const int length = 5_000_000;
        await using var server = new LoopServer(async connection =>
        {
            var output = connection.Transport.Output;
            for (var at = 0; at < length; at += 50_000)
            {
                output.GetMemory(50_000).Span[..50_000].Fill((byte)(at / 50_000));
                output.Advance(50_000);
            }

            await output.CompleteAsync();
        });
        using var socket = await server.ConnectAsync();
        await Task.Delay(50);
        var got = await ReadAllAsync(socket);

        Assert.Equal(length, got.Length);
        Assert.Equal(99, got[^1]);
    }

    [Fact]
    public async Task A_flush_waits_for_a_caller_who_does_not_read()
    {
        var flushing = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new LoopServer(async connection =>
        {
            var flush = connection.Transport.Output.WriteAsync(new byte[20_000_000]).AsTask();
            flushing.SetResult(flush);
            await flush;
        });
        using var socket = await server.ConnectAsync();
        var flush = await flushing.Task.WaitAsync(s_soon);

        Assert.NotSame(flush, await Task.WhenAny(flush, Task.Delay(200)));
        Assert.Equal(20_000_000, (await ReadAllAsync(socket)).Length);
        await flush.WaitAsync(s_soon);
    }

    [Fact]
    public async Task A_caller_who_sends_without_end_is_held_back_by_TCP()
    {
        var lent = Buffers.Lent;
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new LoopServer(async _ => await release.Task);
        using var socket = await server.ConnectAsync();
        socket.SendTimeout = 300;
        socket.Blocking = false;
        var sent = 0;
        for (var idle = 0; idle < 20; )
        {
            try
            {
                sent += socket.Send(new byte[100_000]);
                idle = 0;
            }
            catch (SocketException full) when (full.SocketErrorCode == SocketError.WouldBlock)
            {
                idle++;
                await Task.Delay(10);
            }
        }

        Assert.InRange(sent, 1, 50_000_000);
        await LoopServer.BuffersAreBackAsync(lent);
        release.SetResult();
    }

    [Fact]
    public async Task An_abort_resets_the_caller_and_fails_the_read()
    {
        var outcome = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new LoopServer(async connection =>
        {
            var reading = connection.Transport.Input.ReadAsync();
            connection.Abort(new ConnectionAbortedException("enough"));
            outcome.SetResult(await Record.ExceptionAsync(async () => await reading));
            Assert.True((await connection.Transport.Output.WriteAsync(new byte[5])).IsCompleted);
        });
        // The reset may be here before the caller has noticed that it is connected.
        var failure = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using var socket = await server.ConnectAsync();
            await socket.ReceiveAsync(new byte[1]);
        });

        Assert.Equal(SocketError.ConnectionReset, failure.SocketErrorCode);
        Assert.Equal("enough", (await outcome.Task.WaitAsync(s_soon))?.Message);
    }

    [Fact]
    public async Task Code_that_leaves_the_loop_comes_back_with_the_next_read()
    {
        var places = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new LoopServer(async connection =>
        {
            var input = connection.Transport.Input;
            await ((LoopConnection)connection).Loop.Enter();
            var read = await input.ReadAsync();
            input.AdvanceTo(read.Buffer.End);
            var before = Loop.Current is not null;
            await OffLoop.Switch();
            var off = Loop.Current is null;

            // Nothing may come before somebody waits for it: what is there already needs no way back.
#pragma warning disable CA2012 // Its result is taken once, where it ends.
            var next = input.ReadAsync().GetAwaiter();
#pragma warning restore CA2012
            next.UnsafeOnCompleted(() =>
            {
                input.AdvanceTo(next.GetResult().Buffer.End);
                places.SetResult($"{before} {off} {Loop.Current is not null}");
            });
            waits.SetResult();
            await places.Task;
        });
        using var socket = await server.ConnectAsync();
        await socket.SendAsync(new byte[1]);
        await waits.Task.WaitAsync(s_soon);
        await socket.SendAsync(new byte[1]);

        Assert.Equal("True True True", await places.Task.WaitAsync(s_soon));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_flushed_off_the_loop_leaves_though_the_peer_is_heard_before_the_loop_knows(bool cancelled)
    {
        var connected = new TaskCompletionSource<PipeWriter>(TaskCreationOptions.RunContinuationsAsynchronously);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new LoopServer(
            connection =>
            {
                connected.SetResult(connection.Transport.Output);
                return done.Task;
            },
            loops: 1
        );
        using var socket = await server.ConnectAsync();
        var output = await connected.Task.WaitAsync(s_soon);
        using var goOn = new ManualResetEventSlim();
        var holding = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server
            .Loops.Loops[0]
            .Post(
                _ =>
                {
                    holding.SetResult();
                    goOn.Wait(s_soon);
                },
                server
            );
        await holding.Task.WaitAsync(s_soon);

        try
        {
            // The kernel says with it that the socket may be written to, and the loop hears of that first.
            await socket.SendAsync(new byte[1]);
            if (cancelled)
            {
                output.CancelPendingFlush();
            }

            var flushing = output.WriteAsync(new byte[3]).AsTask();
            goOn.Set();

            Assert.Equal(cancelled, (await flushing.WaitAsync(s_soon)).IsCanceled);
            Assert.Equal(3, await socket.ReceiveAsync(new byte[8]).WaitAsync(s_soon));
        }
        finally
        {
            done.SetResult();
        }
    }

    [Fact]
    public async Task A_port_on_loops_is_taken_for_others_on_loops_too()
    {
        await using var server = new LoopServer(LoopServer.EchoAsync);

        var refused = Assert.Throws<SocketException>(() =>
            LoopListener.Open(server.Loops, "second", server.Bound, NullLogger.Instance)
        );
        Assert.Equal(SocketError.AddressAlreadyInUse, refused.SocketErrorCode);
    }

    [Fact]
    public async Task One_port_serves_both_families()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "No IPv6 here.");
        var remotes = new List<EndPoint?>();
        await using var server = new LoopServer(
            connection =>
            {
                lock (remotes)
                {
                    remotes.Add(connection.RemoteEndPoint);
                }

                Assert.NotNull(connection.LocalEndPoint);
                return LoopServer.EchoAsync(connection);
            },
            endPoint: new(IPAddress.IPv6Any, 0)
        );
        foreach (var address in new[] { IPAddress.Loopback, IPAddress.IPv6Loopback })
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(address, server.Bound.Port);
            await EchoOnceAsync(socket);
            Assert.Contains(remotes, r => r is IPEndPoint ip && ip.Port == ((IPEndPoint)socket.LocalEndPoint!).Port);
        }
    }

    [Fact]
    public async Task Connections_are_spread_over_the_loops()
    {
        await using var server = new LoopServer(LoopServer.EchoAsync, loops: 3);
        var sockets = new List<Socket>();
        for (var i = 0; i < 60; i++)
        {
            sockets.Add(await server.ConnectAsync());
            await EchoOnceAsync(sockets[^1]);
        }

        var open = server.Loops.Loops.Select(l => l.Open).ToList();
        sockets.ForEach(s => s.Dispose());
        Assert.InRange(open.Max() - open.Min(), 0, 6);
    }

    [Fact]
    public async Task Who_connected_before_the_port_closed_is_served()
    {
        using var held = new HeldPort();
        await using var server = new LoopServer(LoopServer.EchoAsync, endPoint: new(IPAddress.Loopback, held.Number));
        var sockets = new List<Socket>();
        for (var i = 0; i < 50; i++)
        {
            sockets.Add(await server.ConnectAsync());
        }

        await server.Listener.UnbindAsync();
        foreach (var socket in sockets)
        {
            await EchoOnceAsync(socket);
            socket.Dispose();
        }

        await Assert.ThrowsAsync<SocketException>(() => server.ConnectAsync());
    }

    [Fact]
    public async Task Descriptors_and_threads_of_loops_that_ended_are_gone()
    {
        await OnceAsync();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var (descriptors, threads) = (Descriptors(), Threads());
        for (var i = 0; i < 5; i++)
        {
            await OnceAsync();
        }

        await LoopServer.Until(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Descriptors() <= descriptors && Threads() <= threads;
        });

        static async Task OnceAsync()
        {
            await using var server = new LoopServer(LoopServer.EchoAsync);
            for (var i = 0; i < 10; i++)
            {
                using var socket = await server.ConnectAsync();
                await EchoOnceAsync(socket);
            }
        }

        static int Descriptors() =>
            new DirectoryInfo("/proc/self/fd")
                .EnumerateFileSystemInfos()
                .Count(f => f.LinkTarget is { } to && (to.Contains("eventpoll") || to.Contains("eventfd")));
        static int Threads() =>
            Directory
                .EnumerateDirectories("/proc/self/task")
                .Count(t => NameOf(t).StartsWith("Gatehouse loop", StringComparison.Ordinal));

        static string NameOf(string thread)
        {
            try
            {
                return File.ReadAllText(Path.Combine(thread, "comm"));
            }
            catch (IOException)
            {
                // One of the pool's that ended between two looks.
                return "";
            }
        }
    }

    [Fact]
    public async Task A_late_event_never_reaches_the_next_socket_in_the_same_place()
    {
        using var group = LoopGroup.Start(1, SocketCalls.Kernel, NullLogger<LoopGroup>.Instance);
        var loop = group.Loops[0];
        var seen = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Post(
            _ =>
            {
                var fd = SocketCalls.NewSocket(AddressFamily.InterNetwork);
                var (first, second) = (new Silent(loop, fd), new Silent(loop, fd));
                var key = loop.Add(first, fd, Libc.EPOLLIN | Libc.EPOLLET);
                loop.Remove(key, fd);
                var next = loop.Add(second, fd, Libc.EPOLLIN | Libc.EPOLLET);
                loop.Dispatch(Libc.EPOLLIN, key);
                var late = second.Woken;
                loop.Dispatch(Libc.EPOLLIN, next);
                seen.SetResult($"{(uint)key == (uint)next} {late} {second.Woken}");
                loop.Remove(next, fd);
                SocketCalls.CloseHandle(fd);
            },
            loop
        );

        Assert.Equal("True 0 1", await seen.Task.WaitAsync(s_soon));
    }

    [Fact]
    public async Task A_loop_that_stands_still_is_named_with_its_time_and_measured()
    {
        var log = new Lines();
        using var group = LoopGroup.Start(1, SocketCalls.Kernel, log);
        using var goOn = new ManualResetEventSlim();
        group
            .Loops[0]
            .Post(
                _ =>
                {
                    Thread.Sleep(900);
                    goOn.Wait(s_soon);
                },
                group
            );

        await LoopServer.Until(() => log.Contains("Loop 0 has been standing still for"));
        goOn.Set();
        await LoopServer.Until(() => log.Contains("Loop 0 stood still for"));
        await LoopServer.Until(() => group.Loops[0].Lag.Seconds > 0.8);
    }

    [Fact]
    public async Task A_fault_in_a_handler_costs_its_connection_and_not_the_loop()
    {
        var log = new Lines();
        using var group = LoopGroup.Start(1, SocketCalls.Kernel, log);
        group.Loops[0].Post(static _ => throw new InvalidOperationException("on purpose"), group);
        var goesOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        group.Loops[0].Post(static done => ((TaskCompletionSource)done).SetResult(), goesOn);

        await goesOn.Task.WaitAsync(s_soon);
        Assert.True(log.Contains("A fault on loop 0"));
    }

    [Fact]
    public void A_buffer_given_back_is_poisoned()
    {
        var buffer = Buffers.Rent(100);
        buffer[5] = 1;
        Buffers.Return(buffer);

        Assert.Equal(Buffers.Poison, buffer[5]);
    }

    private static async Task EchoOnceAsync(Socket socket)
    {
        await socket.SendAsync("hello"u8.ToArray());
        var got = new byte[5];
        for (var at = 0; at < 5; )
        {
            var count = await socket.ReceiveAsync(got.AsMemory(at)).AsTask().WaitAsync(s_soon);
            Assert.NotEqual(0, count);
            at += count;
        }

        Assert.Equal("hello"u8, got);
    }

    private static async Task<byte[]> ReadAllAsync(Socket socket)
    {
        using var all = new MemoryStream();
        await new NetworkStream(socket).CopyToAsync(all).WaitAsync(s_soon);
        return all.ToArray();
    }

    private sealed class Silent(Loop loop, int fd) : LoopSocket(loop, fd)
    {
        public int Woken { get; private set; }

        public override void Abandon(Exception reason) { }

        protected override void OnReadable() => Woken++;

        protected override void OnWritable() { }
    }

    private sealed class Lines : ILogger<LoopGroup>
    {
        private readonly List<string> _lines = [];

        public bool Contains(string text)
        {
            lock (_lines)
            {
                return _lines.Exists(l => l.Contains(text, StringComparison.Ordinal));
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            lock (_lines)
            {
                _lines.Add(formatter(state, exception));
            }
        }
    }
}
