using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>What the machine the tests run on can give: time that can be held, ports that are free.</summary>
internal static class Machine
{
    private const int FirstOffset = 20_000;
    private const int LastOffset = 22_900; // 9763 + this stays below the ports the kernel gives to outgoing connections
    private const int Step = 20;
    private static readonly int[] s_ports = [4000, 7443, 8080, 8243, 8280, 8443, 9090, 9443, 9700, 9763];

    private static readonly ConcurrentBag<FileStream> s_reserved = [];

    private static int s_next = Random.Shared.Next((LastOffset - FirstOffset) / Step);

    /// <summary>More than twice as much to run as there are processors: no time can be held then.</summary>
    public static bool IsBusy =>
        File.Exists("/proc/loadavg")
        && double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture)
            > 2 * Environment.ProcessorCount;

    /// <summary>True when the tests may make namespaces and file systems.</summary>
    public static bool IsRoot => Environment.UserName == "root";

    /// <summary>An offset below which <see cref="Step"/> nodes find all their ports free.</summary>
    public static int TakeOffset()
    {
        const int slots = (LastOffset - FirstOffset) / Step;
        for (var attempt = 0; attempt < slots; attempt++)
        {
            var offset = FirstOffset + (Interlocked.Increment(ref s_next) % slots * Step);
            if (
                TryReserve(offset)
                && s_ports.All(port => Enumerable.Range(offset, Step).All(node => IsFree(port + node)))
            )
            {
                return offset;
            }
        }

        throw new InvalidOperationException($"No free ports above {FirstOffset}.");
    }

    // Other tests of this machine leave it alone as long as this process lives, also before a node listens.
    private static bool TryReserve(int offset)
    {
        try
        {
            s_reserved.Add(
                new FileStream(
                    Path.Combine(Path.GetTempPath(), $"gatehouse-tests-{offset}.lock"),
                    FileMode.OpenOrCreate,
                    FileAccess.ReadWrite,
                    FileShare.None
                )
            );
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
