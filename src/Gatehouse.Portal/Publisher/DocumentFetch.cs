using System.Net;
using System.Net.Sockets;
using System.Text;
using Gatehouse.Management;

namespace Gatehouse.Portal.Publisher;

/// <summary>
/// Fetches an OpenAPI document for a publisher. A publisher may let the workers call any backend anyway; what is refused is
/// what only the manager's own machine reaches: its loopback and link-local addresses, where cloud metadata lives.
/// </summary>
public sealed class DocumentFetch : IDisposable
{
    private const int MostBytes = 20 * 1024 * 1024;

    private readonly HttpClient _http = new(
        new SocketsHttpHandler
        {
            AllowAutoRedirect = true,
            MaxAutomaticRedirections = 5,
            UseProxy = false,
            ConnectCallback = ConnectAsync,
            PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        }
    )
    {
        Timeout = TimeSpan.FromSeconds(15),
        MaxResponseContentBufferSize = MostBytes,
    };

    /// <summary>The text at an address. Throws <see cref="ProblemsException"/> with why it cannot be had.</summary>
    public async Task<string> ReadAsync(string address, CancellationToken cancellation)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            throw Wrong("That is no address", "begin with https:// or http://");
        }

        try
        {
            using var response = await _http.GetAsync(url, cancellation).ConfigureAwait(false);
            return response.IsSuccessStatusCode
                ? Encoding.UTF8.GetString(
                    await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false)
                )
                : throw Wrong(
                    $"{url.Host} answered {(int)response.StatusCode}",
                    "open the address in a browser and look"
                );
        }
        catch (HttpRequestException e)
        {
            throw Wrong(
                $"{url.Host} cannot be reached: {e.Message}",
                "is the address right, and does the manager's machine reach it?"
            );
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Wrong($"{url.Host} did not answer within 15 seconds", "save the document and open it as a file");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    // Judged after the name was resolved and on the address that is connected to, so that no name leads around it.
    private static async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context,
        CancellationToken cancellation
    )
    {
        var addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancellation).ConfigureAwait(false);
        var allowed =
            addresses.FirstOrDefault(a => !IsOwn(a))
            ?? throw new HttpRequestException(
                "it is an address of the manager's own machine; save the document and open it as a file"
            );
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static bool IsOwn(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return IPAddress.IsLoopback(plain)
            || plain.Equals(IPAddress.Any)
            || plain.Equals(IPAddress.IPv6Any)
            || plain.IsIPv6LinkLocal
            || (plain.AddressFamily == AddressFamily.InterNetwork && plain.GetAddressBytes() is [169, 254, ..]);
    }

    private static ProblemsException Wrong(string message, string fix) => new([new("/url", message, fix)]);
}
