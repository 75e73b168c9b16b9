using System.Collections.Immutable;
using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Portal.DevPortal;

/// <summary>
/// Calls an API through the gateway for somebody who looks at its page, so that no browser has to be allowed there or trust its
/// certificate. Leads to the gateway only, and only to addresses of the API.
/// </summary>
public sealed class TryIt(PortalOptions options, ManagementOptions management, TimeProvider time) : IDisposable
{
    private const int MostOfAnswer = 256 * 1024;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly HttpClient _http = new(
        new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            SslOptions = new() { RemoteCertificateValidationCallback = IsTrusted(options.Authorities) },
        }
    )
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>Makes the call. Throws <see cref="ProblemsException"/> when the gateway cannot be reached.</summary>
    /// <param name="through">Where it is called; null while no node takes calls.</param>
    /// <param name="method">The method.</param>
    /// <param name="path">Context, version, resource and query, escaped.</param>
    /// <param name="headers">Names and values.</param>
    /// <param name="body">JSON to send; null for none.</param>
    /// <param name="caller">Who tries it; gets the trace when they may see behind the gateway.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<TryAnswer> SendAsync(
        GatewayDoor? through,
        string method,
        string path,
        IEnumerable<(string Name, string Value)> headers,
        string? body,
        Caller caller,
        CancellationToken cancellation
    )
    {
        var door = through?.Inside ?? throw Wrong("No node takes calls", "add a worker");
        using var request = new HttpRequestMessage(HttpMethod.Parse(method), new Uri(door, path));
        if (body is { Length: > 0 })
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        foreach (var (name, value) in headers)
        {
            if (value.Length > 0 && !request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, value);
            }
        }

        if (through.Host is { } host)
        {
            request.Headers.Host = host;
        }

        if (caller.May(Permission.Trace))
        {
            request.Headers.TryAddWithoutValidation(
                "X-Gatehouse-Grant",
                TraceGrant.Issue(management.CatalogueKey, caller.User, time.GetUtcNow().AddMinutes(1))
            );
            request.Headers.TryAddWithoutValidation("X-Gatehouse-Trace", "1");
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(s_patience);
        var clock = Stopwatch.StartNew();
        try
        {
            using var answer = await _http
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token)
                .ConfigureAwait(false);
            var (text, isCut) = await ReadAsync(answer.Content, deadline.Token).ConfigureAwait(false);
            var all = answer.Headers.Concat(answer.Content.Headers).ToList();
            return new(
                (int)answer.StatusCode,
                answer.ReasonPhrase ?? "",
                clock.Elapsed,
                [
                    .. all.Where(h => !h.Key.StartsWith("X-Gatehouse-", StringComparison.OrdinalIgnoreCase))
                        .Select(h => (h.Key, string.Join(", ", h.Value))),
                ],
                Pretty(text),
                isCut,
                TraceOf(
                    all.FirstOrDefault(h => h.Key.Equals("X-Gatehouse-Trace", StringComparison.OrdinalIgnoreCase)).Value
                )
            );
        }
        catch (HttpRequestException e)
        {
            throw Wrong($"The gateway cannot be reached: {e.Message}", "look at the nodes in the console");
        }
        catch (IOException e)
        {
            throw Wrong($"The answer broke off: {e.Message}", "look at the backend: it closed before it was done");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw Wrong($"Nothing was answered within {s_patience.TotalSeconds:0} seconds", "is the backend slow?");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    // The node's own certificate, or one that the machine trusts. The name is not looked at when the cluster's authority
    // signed it: the address was taken from the catalogue.
    private static RemoteCertificateValidationCallback IsTrusted(Func<ImmutableArray<X509Certificate2>> authorities) =>
        (_, certificate, _, errors) =>
        {
            if (errors == SslPolicyErrors.None)
            {
                return true;
            }

            if (certificate is not X509Certificate2 shown)
            {
                return false;
            }

            using var chain = new X509Chain();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(authorities().ToArray());
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            return chain.Build(shown);
        };

    private static async Task<(string Text, bool IsCut)> ReadAsync(HttpContent content, CancellationToken cancellation)
    {
        var stream = await content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var buffer = new byte[MostOfAnswer + 1];
            var read = await stream.ReadAtLeastAsync(buffer, buffer.Length, false, cancellation).ConfigureAwait(false);
            return (Encoding.UTF8.GetString(buffer, 0, Math.Min(read, MostOfAnswer)), read > MostOfAnswer);
        }
    }

    private static string Pretty(string text)
    {
        try
        {
            return JsonSerializer.Serialize(JsonNode.Parse(text), s_indented);
        }
        catch (JsonException)
        {
            return text;
        }
    }

    private static readonly JsonSerializerOptions s_indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // the page escapes it
    };

    private static JsonObject? TraceOf(IEnumerable<string>? header)
    {
        try
        {
            return header is null ? null : JsonNode.Parse(string.Join("", header)) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static ProblemsException Wrong(string message, string fix) => new([new Problem("", message, fix)]);
}

/// <summary>What a call came to.</summary>
/// <param name="Status">The status.</param>
/// <param name="Reason">Its phrase.</param>
/// <param name="Took">From the manager and back.</param>
/// <param name="Headers">Of the answer.</param>
/// <param name="Body">As text, JSON indented.</param>
/// <param name="IsCut">True when there was more of it.</param>
/// <param name="Trace">What the gateway did, for who may see that.</param>
public sealed record TryAnswer(
    int Status,
    string Reason,
    TimeSpan Took,
    ImmutableArray<(string Name, string Value)> Headers,
    string Body,
    bool IsCut,
    JsonObject? Trace
);
