using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Gatehouse.Gateway.Transport;

/// <summary>
/// Every call that a loop makes to the kernel, with spans instead of pointers and results of a negated errno instead of a
/// thread's last error. All unsafe code of the transport is here and in <see cref="Libc"/>; a test stands in for the kernel
/// by overriding what it wants to disturb.
/// </summary>
internal unsafe class SocketCalls
{
    private const int LongestAddress = 128;

    public static SocketCalls Kernel { get; } = new();

    public static int NewPoll() => Checked(Libc.epoll_create1(Libc.CLOEXEC));

    public static int NewEvent() => Checked(Libc.eventfd(0, Libc.CLOEXEC | Libc.SOCK_NONBLOCK));

    public static int NewSocket(AddressFamily family) =>
        Checked(
            Libc.socket(
                family == AddressFamily.InterNetworkV6 ? 10 : 2,
                Libc.SOCK_STREAM | Libc.SOCK_NONBLOCK | Libc.CLOEXEC,
                Libc.IPPROTO_TCP
            )
        );

    public virtual int Receive(int fd, Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            return Result((int)Libc.recv(fd, start, buffer.Length, Libc.MSG_DONTWAIT));
        }
    }

    /// <summary>1 when a byte waits, 0 at the peer's end, else a negated errno.</summary>
    public virtual int Peek(int fd)
    {
        byte first;
        return Result((int)Libc.recv(fd, &first, 1, Libc.MSG_PEEK | Libc.MSG_DONTWAIT));
    }

    /// <param name="fd">The socket.</param>
    /// <param name="data">What to send.</param>
    /// <param name="more">Whether more follows at once, so that a small packet need not leave alone.</param>
    public virtual int Send(int fd, ReadOnlySpan<byte> data, bool more)
    {
        fixed (byte* start = data)
        {
            var flags = Libc.MSG_NOSIGNAL | Libc.MSG_DONTWAIT | (more ? Libc.MSG_MORE : 0);
            return Result((int)Libc.send(fd, start, data.Length, flags));
        }
    }

    public virtual int Accept(int listener, out IPEndPoint? remote)
    {
        var address = stackalloc byte[LongestAddress];
        var length = LongestAddress;
        var fd = Result(Libc.accept4(listener, address, &length, Libc.SOCK_NONBLOCK | Libc.CLOEXEC));
        remote = fd < 0 ? null : ToEndPoint(new(address, length));
        return fd;
    }

    public virtual int Connect(int fd, IPEndPoint endPoint)
    {
        var address = endPoint.Serialize();
        fixed (byte* start = address.Buffer.Span)
        {
            return Result(Libc.connect(fd, start, address.Size));
        }
    }

    public virtual int Control(int poll, int operation, int fd, uint events, ulong key)
    {
        var change = stackalloc byte[16];
        MemoryMarshal.Write(new Span<byte>(change, 16), events);
        MemoryMarshal.Write(new Span<byte>(change + Libc.EventKey, 8), key);
        return Result(Libc.epoll_ctl(poll, operation, fd, change));
    }

    /// <summary>Waits for events; they lie in the buffer as the kernel lays them, see <see cref="EventAt"/>.</summary>
    public static int Wait(int poll, Span<byte> events, int timeout)
    {
        fixed (byte* start = events)
        {
            return Result(Libc.epoll_wait(poll, start, events.Length / Libc.EventSize, timeout));
        }
    }

    public static (uint Events, ulong Key) EventAt(ReadOnlySpan<byte> events, int index)
    {
        var at = events.Slice(index * Libc.EventSize, Libc.EventSize);
        return (MemoryMarshal.Read<uint>(at), MemoryMarshal.Read<ulong>(at[Libc.EventKey..]));
    }

    public static void Signal(int eventFd)
    {
        ulong one = 1;
        _ = Libc.write(eventFd, (byte*)&one, sizeof(ulong));
    }

    /// <summary>How many bytes wait to be received.</summary>
    public static int Waiting(int fd)
    {
        int count;
        return Libc.ioctl(fd, Libc.FIONREAD, &count) < 0 ? 0 : count;
    }

    public static void MakeNonBlocking(int fd)
    {
        var on = 1;
        _ = Libc.ioctl(fd, Libc.FIONBIO, &on);
    }

    /// <summary>The error that ended an attempt to connect; 0 for none.</summary>
    public static int ErrorOf(int fd)
    {
        int error;
        var length = sizeof(int);
        return Libc.getsockopt(fd, Libc.SOL_SOCKET, Libc.SO_ERROR, &error, &length) < 0
            ? Marshal.GetLastSystemError()
            : error;
    }

    public static IPEndPoint? LocalOf(int fd)
    {
        var address = stackalloc byte[LongestAddress];
        var length = LongestAddress;
        return Libc.getsockname(fd, address, &length) < 0 ? null : ToEndPoint(new(address, length));
    }

    /// <summary>No delay for small packets, and a probe of the peer after a minute of silence.</summary>
    public static void Tune(int fd)
    {
        Set(fd, Libc.IPPROTO_TCP, Libc.TCP_NODELAY, 1);
        Set(fd, Libc.SOL_SOCKET, Libc.SO_KEEPALIVE, 1);
        Set(fd, Libc.IPPROTO_TCP, Libc.TCP_KEEPIDLE, 60);
    }

    /// <param name="fd">The socket, whose number the kernel may give away from now on.</param>
    /// <param name="reset">Whether the peer is told that something went wrong.</param>
    public static void Close(int fd, bool reset)
    {
        if (reset)
        {
            // struct linger { int on = 1, seconds = 0 }
            var linger = stackalloc int[] { 1, 0 };
            _ = Libc.setsockopt(fd, Libc.SOL_SOCKET, Libc.SO_LINGER, linger, 2 * sizeof(int));
        }
        else
        {
            _ = Libc.shutdown(fd, Libc.SHUT_RDWR);
        }

        _ = Libc.close(fd);
    }

    public static void CloseHandle(int fd) => _ = Libc.close(fd);

    /// <summary>What the system says to an errno.</summary>
    public static string Explain(int errno) => Marshal.GetPInvokeErrorMessage(errno);

    private static void Set(int fd, int level, int option, int value) =>
        _ = Libc.setsockopt(fd, level, option, &value, sizeof(int));

    private static IPEndPoint? ToEndPoint(ReadOnlySpan<byte> address)
    {
        if (address.Length < 8)
        {
            return null;
        }

        var port = BinaryPrimitives.ReadUInt16BigEndian(address[2..]);
        return MemoryMarshal.Read<ushort>(address) switch
        {
            2 => new(new IPAddress(address.Slice(4, 4)), port),
            10 when address.Length >= 28 => new(
                new IPAddress(address.Slice(8, 16), MemoryMarshal.Read<uint>(address[24..])),
                port
            ),
            _ => null,
        };
    }

    private static int Result(int result) => result < 0 ? -Marshal.GetLastSystemError() : result;

    private static int Checked(int fd) =>
        fd >= 0 ? fd : throw new IOException($"The kernel refuses: {Explain(Marshal.GetLastSystemError())}");
}
