using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Gatehouse.Cluster.Joining;

/// <summary>Looks up SRV records (RFC 2782), which .NET cannot. One question over UDP to each resolver in turn.</summary>
internal static class ServiceRecords
{
    private const int Port = 53;
    private const ushort TypeSrv = 33;
    private const ushort TypeOpt = 41;
    private const int MaxAnswer = 4096;
    private const int MaxRecords = 256;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    /// <summary>The resolvers of <c>/etc/resolv.conf</c>; none elsewhere.</summary>
    public static IReadOnlyList<IPEndPoint> SystemResolvers(string file = "/etc/resolv.conf")
    {
        try
        {
            return
            [
                .. File.ReadLines(file)
                    .Select(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
                    .Where(f => f is ["nameserver", _, ..] && IPAddress.TryParse(f[1], out _))
                    .Select(f => new IPEndPoint(IPAddress.Parse(f[1]), Port))
                    .Take(3),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Targets and ports. Empty when nobody answers or there are none; throws only when cancelled.</summary>
    /// <param name="name">Whose records.</param>
    /// <param name="resolvers">Asked in turn.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="patience">How long each may take; a second when null.</param>
    public static async Task<IReadOnlyList<MemberAddress>> LookUpAsync(
        string name,
        IReadOnlyList<IPEndPoint> resolvers,
        CancellationToken cancellation,
        TimeSpan? patience = null
    )
    {
        foreach (var resolver in resolvers)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(patience ?? s_patience);
            try
            {
                using var socket = new Socket(resolver.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
                // Connected, so that only this resolver's answer is taken.
                await socket.ConnectAsync(resolver, limit.Token).ConfigureAwait(false);
                var id = (ushort)RandomNumberGenerator.GetInt32(ushort.MaxValue + 1);
                await socket.SendAsync(Question(name, id), limit.Token).ConfigureAwait(false);
                var buffer = new byte[MaxAnswer];
                while (true)
                {
                    var length = await socket.ReceiveAsync(buffer.AsMemory(), limit.Token).ConfigureAwait(false);
                    if (length > 12 && BinaryPrimitives.ReadUInt16BigEndian(buffer) == id)
                    {
                        return Answers(buffer.AsSpan(0, length));
                    }
                }
            }
            catch (Exception e)
                when (e is SocketException || (e is OperationCanceledException && !cancellation.IsCancellationRequested)
                )
            {
                // The next resolver may answer.
            }
        }

        return [];
    }

    internal static byte[] Question(string name, ushort id)
    {
        var message = new List<byte> { (byte)(id >> 8), (byte)id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1 };
        foreach (var label in name.TrimEnd('.').Split('.'))
        {
            var bytes = Encoding.ASCII.GetBytes(label);
            message.Add((byte)Math.Min(bytes.Length, 63));
            message.AddRange(bytes.Take(63));
        }

        message.AddRange([0, 0, (byte)TypeSrv, 0, 1]);
        // EDNS0: without it an answer ends at 512 bytes, about eight members.
        message.AddRange([0, 0, (byte)TypeOpt, MaxAnswer >> 8, MaxAnswer & 0xff, 0, 0, 0, 0, 0, 0]);
        return [.. message];
    }

    /// <summary>Reads an answer from anybody: whatever does not hold together ends it.</summary>
    internal static IReadOnlyList<MemberAddress> Answers(ReadOnlySpan<byte> message)
    {
        var found = new List<MemberAddress>();
        var questions = BinaryPrimitives.ReadUInt16BigEndian(message[4..]);
        var answers = Math.Min((int)BinaryPrimitives.ReadUInt16BigEndian(message[6..]), MaxRecords);
        var at = 12;
        for (var i = 0; i < questions; i++)
        {
            if (ReadName(message, ref at) is null)
            {
                return found;
            }

            at += 4;
        }

        for (var i = 0; i < answers; i++)
        {
            if (ReadName(message, ref at) is null || at + 10 > message.Length)
            {
                return found;
            }

            var type = BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
            var length = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 8)..]);
            at += 10;
            if (at + length > message.Length)
            {
                return found;
            }

            if (type == TypeSrv && length > 6)
            {
                var port = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 4)..]);
                var target = at + 6;
                if (
                    ReadName(message, ref target) is { Length: > 0 } host
                    && port > 0
                    && Uri.CheckHostName(host) != UriHostNameType.Unknown
                )
                {
                    found.Add(new MemberAddress(host.ToLowerInvariant(), port));
                }
            }

            at += length;
        }

        return found;
    }

    private static string? ReadName(ReadOnlySpan<byte> message, ref int at)
    {
        var name = new StringBuilder();
        var next = -1; // where reading goes on after the first pointer
        for (var steps = 0; steps < 128 && at < message.Length; steps++)
        {
            var length = message[at];
            if (length == 0)
            {
                at = next < 0 ? at + 1 : next;
                return name.ToString().TrimEnd('.');
            }

            if ((length & 0xC0) == 0xC0)
            {
                if (at + 1 >= message.Length)
                {
                    return null;
                }

                next = next < 0 ? at + 2 : next;
                at = ((length & 0x3F) << 8) | message[at + 1];
                continue;
            }

            if (length > 63 || at + 1 + length > message.Length || name.Length > 255)
            {
                return null;
            }

            name.Append(Encoding.ASCII.GetString(message.Slice(at + 1, length))).Append('.');
            at += 1 + length;
        }

        return null;
    }
}
