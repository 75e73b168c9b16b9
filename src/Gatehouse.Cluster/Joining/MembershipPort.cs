using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Gatehouse.Model;

namespace Gatehouse.Cluster.Joining;

/// <summary>Finds a port to listen on before Akka tries (R2): it dies on a taken one.</summary>
internal static class MembershipPort
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The port to listen on, and what the operator should know when it is not the one asked for. Throws
    /// <see cref="MembershipException"/> when there is none.
    /// </summary>
    /// <param name="settings">Which port is asked for, and whether it may move.</param>
    /// <param name="held">The port that was listened on before; null at the first start.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stopping">The node stops.</param>
    public static async Task<(int Port, Problem? Moved)> ChooseAsync(
        MembershipSettings settings,
        int? held,
        TimeProvider time,
        CancellationToken stopping
    )
    {
        var bind = BindAddress(settings);
        var began = time.GetTimestamp();
        while (true)
        {
            // The runtime before may still be closing its listener; that is no reason to move on.
            var waits = held is not null && time.GetElapsedTime(began) < s_patience;
            var (port, problem) = await Task.Run(
                    () => Choose(bind, held ?? settings.LocalMemberPort, settings.AllowPortIncrement && !waits),
                    stopping
                )
                .ConfigureAwait(false);
            if (port is { } free)
            {
                return (free, problem);
            }

            if (!waits)
            {
                throw new MembershipException([problem!]);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(250), time, stopping).ConfigureAwait(false);
        }
    }

    /// <summary>The first free port and, when it is not the one asked for, what the operator should know.</summary>
    public static (int? Port, Problem? Problem) Choose(IPAddress bind, int wanted, bool mayMove)
    {
        if (IsFree(bind, wanted))
        {
            return (wanted, null);
        }

        var holder = PortHolder.Describe(wanted);
        if (!mayMove)
        {
            return (
                null,
                new Problem(
                    "cluster.localMember.port",
                    $"port {wanted} on {bind} is taken{holder}, and the port may not move",
                    "stop the other program, choose another port here and in the well-known members, or allow the port to move"
                )
            );
        }

        var last = Math.Min(wanted + MembershipSettings.PortIncrements, IPEndPoint.MaxPort);
        for (var port = wanted + 1; port <= last; port++)
        {
            if (IsFree(bind, port))
            {
                return (
                    port,
                    new Problem(
                        "cluster.localMember.port",
                        $"port {wanted} on {bind} is taken{holder}; membership uses {port} instead",
                        $"if others list {wanted} among their well-known members, free it or list {port}"
                    )
                );
            }
        }

        return (
            null,
            new Problem(
                "cluster.localMember.port",
                $"every port from {wanted} to {last} on {bind} is taken; {wanted}{holder}",
                "choose another port here and in the well-known members"
            )
        );
    }

    /// <summary>The address to listen on: the local member host when this machine has it, else every address.</summary>
    public static IPAddress BindAddress(MembershipSettings settings)
    {
        if (settings.BindHost is { } bind)
        {
            return IPAddress.Parse(bind.Trim('[', ']'));
        }

        if (!IPAddress.TryParse(settings.LocalMemberHost.Trim('[', ']'), out var own))
        {
            return IPAddress.Any;
        }

        return IPAddress.IsLoopback(own) || IsOfThisMachine(own) ? own
            : own.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any
            : IPAddress.Any;
    }

    private static bool IsOfThisMachine(IPAddress address) =>
        NetworkInterface
            .GetAllNetworkInterfaces()
            .SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Any(a => a.Address.Equals(address));

    private static bool IsFree(IPAddress bind, int port)
    {
        using var socket = new Socket(bind.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(bind, port));
            socket.Listen(1);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

/// <summary>Names the process that listens on a port, where the system tells.</summary>
public static class PortHolder
{
    private static readonly string[] s_tables = ["/proc/net/tcp", "/proc/net/tcp6"];

    /// <summary><c> by PID 123 (name)</c>, or nothing. Does not throw.</summary>
    public static string Describe(int port)
    {
        try
        {
            var inodes = s_tables
                .Where(File.Exists)
                .SelectMany(File.ReadLines)
                .Skip(1)
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(f =>
                    f.Length > 9
                    && f[3] == "0A"
                    && f[1]
                        .EndsWith(string.Create(CultureInfo.InvariantCulture, $":{port:X4}"), StringComparison.Ordinal)
                )
                .Select(f => $"socket:[{f[9]}]")
                .ToHashSet();
            if (inodes.Count == 0)
            {
                return "";
            }

            foreach (
                var process in Directory
                    .EnumerateDirectories("/proc")
                    .Where(d => int.TryParse(Path.GetFileName(d), out _))
            )
            {
                if (Holds(process, inodes))
                {
                    return $" by PID {Path.GetFileName(process)} ({File.ReadAllText(Path.Combine(process, "comm")).Trim()})";
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not Linux, or no right to look: the message goes without the name.
        }

        return "";
    }

    private static bool Holds(string process, HashSet<string> inodes)
    {
        try
        {
            return Directory
                .EnumerateFileSystemEntries(Path.Combine(process, "fd"))
                .Any(fd => new FileInfo(fd).LinkTarget is { } target && inodes.Contains(target));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // ended meanwhile, or another user's
        }
    }
}
