using System.Collections.Immutable;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Cli;

namespace Gatehouse.Client;

/// <summary>
/// The way to a cluster's managers; <see cref="ManagerApi"/> has what can be asked of them. They are tried in turn until one can be
/// connected to; every failure is a <see cref="CommandFailure"/> that says what to do.
/// </summary>
internal sealed class ManagerClient : IDisposable
{
    /// <summary>How the REST API spells its bodies.</summary>
    public static JsonSerializerOptions Json { get; } =
        new(JsonSerializerDefaults.Web)
        {
            Converters = { new EnumNames() },
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        };

    private const int MostWaits = 10;

    private readonly ImmutableArray<Uri> _managers;
    private readonly ManagerContext _context;
    private readonly string? _credentials;
    private readonly List<HttpClient> _former = [];
    private HttpClient _http;
    private string? _authority;
    private readonly TimeSpan _timeout;
    private readonly Dictionary<string, string> _tags = [];
    private int _preferred;

    /// <summary>Talks to the cluster a context describes.</summary>
    /// <param name="context">The cluster.</param>
    /// <param name="timeout">For each request.</param>
    /// <param name="credentials">The file that keeps the context's authority, to be kept up; null for none.</param>
    public ManagerClient(ManagerContext context, TimeSpan timeout, string? credentials = null)
    {
        _context = context;
        _credentials = credentials;
        _managers = context.Managers;
        _timeout = timeout;
        _authority = context.Ca;
        _http = Connect();
    }

    private HttpClient Connect()
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(5),
            AllowAutoRedirect = false, // a redirect would carry the token to wherever it points
            UseCookies = false,
        };
        if (_authority is not null)
        {
            handler.SslOptions.CertificateChainPolicy = TrustOnly(_authority);
        }

        var http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan }; // each request has its own
        if (_context.Token is not null)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", _context.Token);
        }

        return http;
    }

    /// <summary>Talks to the cluster that the options of a command, or the user's saved credentials, name.</summary>
    public static ManagerClient For(Call call) =>
        new(
            ManagerContextChoice.Of(call),
            TimeSpan.FromSeconds(Math.Max(1, call.Get(GlobalOptions.Timeout))),
            Credentials.PathFor(call.Terminal)
        );

    /// <summary>Sends, and reads the answer's JSON.</summary>
    public async Task<T> SendAsync<T>(ManagerRequest request, CancellationToken cancellation)
    {
        var (body, url) = await ExchangeAsync(request, cancellation);
        try
        {
            return JsonSerializer.Deserialize<T>(body, Json)
                ?? throw new JsonException("The answer is the JSON value null.");
        }
        catch (JsonException e)
        {
            throw new CommandFailure(
                ExitCode.Failed,
                $"the manager's answer cannot be read: {e.Message}",
                url.ToString(),
                "does this command have the same version as the manager? 'gatehouse version' prints both",
                cause: e
            );
        }
    }

    /// <summary>Sends, when the answer does not matter.</summary>
    public Task SendAsync(ManagerRequest request, CancellationToken cancellation) =>
        ExchangeAsync(request, cancellation);

    /// <summary>Sends, and gives the answer as it is.</summary>
    public async Task<byte[]> SendForBytesAsync(ManagerRequest request, CancellationToken cancellation) =>
        (await ExchangeAsync(request, cancellation)).Body;

    /// <summary>Opens a stream of server-sent events; who reads it ends it, or <paramref name="cancellation"/> does.</summary>
    public async Task<Stream> OpenAsync(ManagerRequest request, CancellationToken cancellation)
    {
        CommandFailure? failure = null;
        for (var attempt = 0; attempt < _managers.Length; attempt++)
        {
            var url = request.UrlAt(_managers[(_preferred + attempt) % _managers.Length]);
            using var message = Message(request, url);
            message.Headers.Accept.ParseAdd("text/event-stream");
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            deadline.CancelAfter(_timeout);
            try
            {
                var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, deadline.Token);
                _preferred = (_preferred + attempt) % _managers.Length;
                return response.IsSuccessStatusCode
                    ? await response.Content.ReadAsStreamAsync(cancellation)
                    : throw ManagerProblem.Read(response, await response.Content.ReadAsByteArrayAsync(deadline.Token));
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                failure = new CommandFailure(
                    ExitCode.Unreachable,
                    $"no answer from the manager within {_timeout.TotalSeconds:0} s",
                    url.ToString(),
                    "--timeout SECONDS waits longer"
                );
            }
            catch (HttpRequestException e)
            {
                failure = ManagerProblem.Read(e, url);
            }
        }

        throw failure!;
    }

    /// <summary>
    /// The manager's version; null when it does not say. Of its status nothing else is read: that of another version may not be
    /// readable here, and then this is what is asked.
    /// </summary>
    public async Task<string?> VersionAsync(CancellationToken cancellation) =>
        (await SendAsync<VersionOnly>(new(HttpMethod.Get, "/api/v1/status"), cancellation)).Version;

    public void Dispose()
    {
        _http.Dispose();
        _former.ForEach(http => http.Dispose());
    }

    private async Task FollowAuthorityAsync(HttpResponseMessage answer, Uri manager, CancellationToken cancellation)
    {
        if (
            _authority is { } kept
            && await AuthorityFollower.NewerAsync(kept, answer, _http, manager, cancellation) is { } newer
        )
        {
            _authority = newer;
            _former.Add(_http); // streams may still run over it
            _http = Connect();
            if (_credentials is not null)
            {
                AuthorityFollower.Keep(_credentials, kept, newer);
            }
        }
    }

    private async Task<(byte[] Body, Uri Url)> ExchangeAsync(ManagerRequest request, CancellationToken cancellation)
    {
        // Content is read once into memory so that it can be sent to the next manager when one cannot be connected to.
        var content = request.ToContent();
        var bytes = content is null ? null : await content.ReadAsByteArrayAsync(cancellation);
        request = WithConditions(request);
        var (again, waits) = (request.IsOnce ? 1 : 0, 0);
        CommandFailure? failure = null;
        for (var attempt = 0; attempt < _managers.Length; attempt++)
        {
            var manager = _managers[(_preferred + attempt) % _managers.Length];
            var url = request.UrlAt(manager);
            using var message = Message(request, url);
            if (bytes is not null)
            {
                message.Content = new ByteArrayContent(bytes);
                message.Content.Headers.ContentType = content!.Headers.ContentType;
            }

            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            deadline.CancelAfter(_timeout);
            try
            {
                using var response = await _http.SendAsync(message, deadline.Token);
                var body = await response.Content.ReadAsByteArrayAsync(deadline.Token);
                _preferred = (_preferred + attempt) % _managers.Length;
                if (response.IsSuccessStatusCode)
                {
                    Remember(request, response);
                    await FollowAuthorityAsync(response, manager, deadline.Token);
                    return (body, url);
                }

                // What was asked first, and whose answer was lost, is still being done.
                if (request.IsOnce && again == 0 && response.Headers.RetryAfter?.Delta is { } wait && waits < MostWaits)
                {
                    (waits, attempt) = (waits + 1, -1);
                    await Task.Delay(wait, deadline.Token);
                    continue;
                }

                throw ManagerProblem.Read(response, body);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // Not sent again: the manager may have done it.
                throw new CommandFailure(
                    ExitCode.TimedOut,
                    $"no answer from the manager within {_timeout.TotalSeconds:0} s",
                    url.ToString(),
                    "'gatehouse status' shows what was done; --timeout SECONDS waits longer"
                );
            }
            catch (HttpRequestException e)
            {
                var neverSent = ManagerProblem.WasNeverSent(e);
                // Once an answer was lost, that is what is wrong, whatever else fails.
                failure = failure is null || again > 0 ? ManagerProblem.Read(e, url) : failure;
                if (!neverSent && again-- <= 0)
                {
                    throw failure;
                }

                attempt -= neverSent ? 0 : 1;
            }
        }

        throw failure!;
    }

    // What was read is changed as it was read; what is made is made once, though its answer may get lost.
    private ManagerRequest WithConditions(ManagerRequest request) =>
        request with
        {
            Headers =
            [
                .. request.Headers.Select(h =>
                    h switch
                    {
                        (ManagerRequest.IfMatch, null) => (h.Name, _tags.GetValueOrDefault(request.Path)),
                        (ManagerRequest.IdempotencyKey, null) => (h.Name, Guid.NewGuid().ToString()),
                        _ => h,
                    }
                ),
            ],
        };

    private void Remember(ManagerRequest request, HttpResponseMessage response)
    {
        if (request.Method != HttpMethod.Get)
        {
            // It may have changed more of an API, an application, a node than what it was sent to.
            var changed = string.Join('/', request.Path.Split('/').Take(5));
            foreach (
                var path in _tags.Keys.Where(p => p == changed || p.StartsWith(changed + "/", StringComparison.Ordinal))
            )
            {
                _tags.Remove(path);
            }
        }
        else if (response.Headers.ETag is { IsWeak: false } tag)
        {
            _tags[request.Path] = tag.Tag;
        }
    }

    private static HttpRequestMessage Message(ManagerRequest request, Uri url)
    {
        var message = new HttpRequestMessage(request.Method, url);
        foreach (var (name, value) in request.Headers.Where(h => h.Value is not null))
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }

        return message;
    }

    internal static X509ChainPolicy TrustOnly(string pem)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck, // the cluster's deny list is an entity, not a CRL
        };
        try
        {
            policy.CustomTrustStore.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw new CommandFailure(
                ExitCode.Invalid,
                "the certificate authority is not a PEM certificate",
                fix: "give the ca.pem that 'gatehouse init' wrote with --ca FILE",
                cause: e
            );
        }

        return policy;
    }

    private sealed record VersionOnly(string? Version);
}
