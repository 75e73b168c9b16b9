using System.Collections.Immutable;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>What somebody asks of the node that runs on a data directory.</summary>
/// <param name="Command"><c>reload</c>, <c>status</c>, <c>sign-in-link</c>.</param>
/// <param name="Arguments">What the command needs besides; null for nothing.</param>
internal sealed record ControlRequest(string Command, JsonObject? Arguments = null);

/// <summary>What the node answers.</summary>
/// <param name="Done">False when nothing was changed.</param>
/// <param name="Summary">One line for the user.</param>
/// <param name="Data">What the command gives.</param>
/// <param name="Problems">Why not, one by one.</param>
internal sealed record ControlReply(
    bool Done,
    string Summary,
    JsonObject? Data = null,
    IReadOnlyList<Problem>? Problems = null
);

/// <summary>
/// A Unix socket in the data directory, for the commands that need the running node itself: one line of JSON there, one line
/// back. Who may connect is decided by the directory's mode (0700): its owner and root.
/// </summary>
internal static class ControlSocket
{
    private const int MaxLine = 256 * 1024;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Answers until cancelled. Call it with the data directory's lock held: whatever socket lies there is of a process that
    /// is gone. <paramref name="handle"/> is called once at a time.
    /// </summary>
    public static async Task ServeAsync(
        string dataDirectory,
        Func<ControlRequest, CancellationToken, Task<ControlReply>> handle,
        CancellationToken stopping
    )
    {
        var path = DataDirectory.ControlSocket(dataDirectory);
        File.Delete(path);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(EndPoint(path));
        listener.Listen(8);
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                using var client = await listener.AcceptAsync(stopping);
                await AnswerAsync(client, handle, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Told to stop.
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Asks the node on a data directory. A <see cref="CommandFailure"/> says so when none runs there.</summary>
    public static async Task<ControlReply> AskAsync(
        string dataDirectory,
        ControlRequest request,
        TimeSpan timeout,
        CancellationToken cancellation
    )
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(timeout);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(EndPoint(DataDirectory.ControlSocket(dataDirectory)), deadline.Token);
            await using var stream = new NetworkStream(socket);
            await WriteLineAsync(stream, request, deadline.Token);
            return await ReadLineAsync<ControlReply>(stream, deadline.Token)
                ?? throw new IOException("the node closed the connection without an answer");
        }
        catch (SocketException e)
        {
            var holder = DataDirectory.HolderOf(dataDirectory);
            throw new CommandFailure(
                ExitCode.Unreachable,
                holder is null
                    ? "no node runs on this data directory"
                    : $"process {holder} holds this data directory, but does not answer: {e.Message}",
                dataDirectory,
                holder is null
                    ? "start it with 'gatehouse run', or name another with --data DIR"
                    : "is it still starting?",
                cause: e
            );
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CommandFailure(
                ExitCode.TimedOut,
                $"the node did not answer within {timeout.TotalSeconds:0} s",
                dataDirectory,
                "its log says what it is busy with"
            );
        }
        catch (Exception e) when (e is IOException or JsonException)
        {
            throw new CommandFailure(
                ExitCode.Failed,
                $"the node's answer is lost: {e.Message}",
                dataDirectory,
                cause: e
            );
        }
    }

    private static async Task AnswerAsync(
        Socket client,
        Func<ControlRequest, CancellationToken, Task<ControlReply>> handle,
        CancellationToken stopping
    )
    {
        try
        {
            await using var stream = new NetworkStream(client);
            ControlRequest? request;
            using (var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping))
            {
                deadline.CancelAfter(s_patience); // one who connects and says nothing must not keep the others waiting
                request = await ReadLineAsync<ControlRequest>(stream, deadline.Token);
            }

            if (request is not null)
            {
                await WriteLineAsync(stream, await HandleAsync(request, handle, stopping), stopping);
            }
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            // Said nothing in time.
        }
        catch (Exception e) when (e is IOException or SocketException or JsonException)
        {
            // Hung up, or does not speak our language: nothing was asked, nothing is answered.
        }
    }

    private static async Task<ControlReply> HandleAsync(
        ControlRequest request,
        Func<ControlRequest, CancellationToken, Task<ControlReply>> handle,
        CancellationToken stopping
    )
    {
        try
        {
            return await handle(request, stopping);
        }
        catch (CommandFailure failure)
        {
            return new ControlReply(false, failure.Message, Problems: failure.Problems);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new ControlReply(false, $"the node failed to {request.Command}: {e.Message}");
        }
    }

    private static async Task WriteLineAsync<T>(Stream stream, T value, CancellationToken cancellation)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(value, ManagerClient.Json);
        await stream.WriteAsync((byte[])[.. line, (byte)'\n'], cancellation);
    }

    private static async Task<T?> ReadLineAsync<T>(Stream stream, CancellationToken cancellation)
    {
        var line = new byte[4096];
        var length = 0;
        while (true)
        {
            var read = await stream.ReadAsync(line.AsMemory(length), cancellation);
            if (read == 0)
            {
                return default;
            }

            length += read;
            if (line[length - 1] == '\n')
            {
                return JsonSerializer.Deserialize<T>(line.AsSpan(0, length), ManagerClient.Json);
            }

            if (length == line.Length)
            {
                if (length >= MaxLine)
                {
                    throw new IOException($"a message of more than {MaxLine} bytes");
                }

                Array.Resize(ref line, length * 2);
            }
        }
    }

    // The kernel takes 107 bytes at most.
    private static UnixDomainSocketEndPoint EndPoint(string path)
    {
        const int Longest = 107;
        return Encoding.UTF8.GetByteCount(path) <= Longest
            ? new UnixDomainSocketEndPoint(path)
            : throw new CommandFailure(
                ExitCode.Failed,
                $"the data directory's path is too long for a socket in it: more than {Longest} bytes",
                path,
                "use a shorter one with --data DIR"
            );
    }
}
