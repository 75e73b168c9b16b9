using System.Runtime.InteropServices;

namespace Gatehouse.Gateway.Transport;

/// <summary>The calls of Linux that the loops are made of; numbers are those of x64 and arm64, where they agree.</summary>
internal static unsafe partial class Libc
{
    public const int EINTR = 4;
    public const int EAGAIN = 11;
    public const int EMFILE = 24;
    public const int ECONNABORTED = 103;
    public const int ECONNRESET = 104;
    public const int EINPROGRESS = 115;

    public const uint EPOLLIN = 0x1;
    public const uint EPOLLOUT = 0x4;
    public const uint EPOLLERR = 0x8;
    public const uint EPOLLHUP = 0x10;
    public const uint EPOLLRDHUP = 0x2000;
    public const uint EPOLLET = 1u << 31;
    public const int EPOLL_CTL_ADD = 1;
    public const int EPOLL_CTL_DEL = 2;
    public const int EPOLL_CTL_MOD = 3;

    public const int MSG_PEEK = 0x2;
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int MSG_MORE = 0x8000;
    public const int SOCK_STREAM = 1;
    public const int SOCK_NONBLOCK = 0x800;
    public const int CLOEXEC = 0x80000;
    public const int SHUT_RDWR = 2;

    public const int SOL_SOCKET = 1;
    public const int SO_ERROR = 4;
    public const int SO_KEEPALIVE = 9;
    public const int SO_LINGER = 13;
    public const int SO_REUSEPORT = 15;
    public const int IPPROTO_TCP = 6;
    public const int TCP_NODELAY = 1;
    public const int TCP_KEEPIDLE = 4;
    public const uint FIONREAD = 0x541B;
    public const uint FIONBIO = 0x5421;

    // struct epoll_event is packed on x64 and aligned elsewhere.
    public static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    public static readonly int EventKey = EventSize - 8;

    private static readonly bool s_isX64 = RuntimeInformation.ProcessArchitecture == Architecture.X64;
    private static readonly nint s_sendto = s_isX64 ? 44 : 206;
    private static readonly nint s_recvfrom = s_isX64 ? 45 : 207;

    public static nint recv(int fd, byte* buffer, nint length, int flags) =>
        syscall(s_recvfrom, fd, (nint)buffer, length, flags, 0, 0);

    public static nint send(int fd, byte* buffer, nint length, int flags) =>
        syscall(s_sendto, fd, (nint)buffer, length, flags, 0, 0);

    // libc's own recv and send are points at which a thread may be cancelled, which costs two locked operations a call; nobody
    // cancels a thread here. They never wait, so holding back a garbage collection for their time costs less than announcing
    // them to it.
    [LibraryImport("libc")]
    [SuppressGCTransition]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    [LibraryImport("libc")]
    public static partial int epoll_create1(int flags);

    [LibraryImport("libc")]
    public static partial int epoll_ctl(int epoll, int operation, int fd, byte* change);

    [LibraryImport("libc")]
    public static partial int epoll_wait(int epoll, byte* events, int count, int timeout);

    [LibraryImport("libc")]
    public static partial int eventfd(uint value, int flags);

    [LibraryImport("libc")]
    public static partial nint write(int fd, byte* buffer, nint length);

    [LibraryImport("libc")]
    public static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc")]
    public static partial int connect(int fd, byte* address, int length);

    [LibraryImport("libc")]
    public static partial int accept4(int fd, byte* address, int* length, int flags);

    [LibraryImport("libc")]
    public static partial int getsockname(int fd, byte* address, int* length);

    [LibraryImport("libc")]
    public static partial int setsockopt(int fd, int level, int option, void* value, int length);

    [LibraryImport("libc")]
    public static partial int getsockopt(int fd, int level, int option, void* value, int* length);

    [LibraryImport("libc")]
    public static partial int ioctl(int fd, nuint request, int* value);

    [LibraryImport("libc")]
    public static partial int shutdown(int fd, int how);

    [LibraryImport("libc")]
    public static partial int close(int fd);
}
