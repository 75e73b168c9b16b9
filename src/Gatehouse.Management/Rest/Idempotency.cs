using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;

namespace Gatehouse.Management;

/// <summary>
/// A create that is sent again is done once: the same request with the same <c>Idempotency-Key</c> gets the first one's answer
/// (draft-ietf-httpapi-idempotency-key-header). Another request with that key is answered 422, one whose first is not done yet
/// 409. Whose answer was lost after it was committed is told so with 409, and never done twice.
/// </summary>
internal sealed class Idempotency(IdempotencyStore store, ManagementOptions options) : IDisposable
{
    /// <summary>Longest key, in characters.</summary>
    public const int LongestKey = 255;

    private const string Header = "Idempotency-Key";
    private const int LargestBody = DocumentLimits.MaxBytes + 1;
    private const int LargestAnswer = 1024 * 1024;

    private static readonly string[] s_kept = [HeaderNames.Location, HeaderNames.ETag, HeaderNames.CacheControl];

    // Without a cluster key nothing is kept beyond the process, and neither are answers readable beyond it.
    private readonly ClusterKey _key = options.ClusterKey ?? ClusterKey.Create();

    /// <summary>What every request goes through, behind authorization.</summary>
    public async Task RunAsync(HttpContext http, RequestDelegate next)
    {
        if (
            http.GetEndpoint()?.Metadata.GetMetadata<IdempotentRoute>() is null
            || http.Request.Headers[Header] is not { Count: > 0 } values
            || Caller.Of(http.User, Caller.RemoteOf(http)) is not { } caller
        )
        {
            await next(http).ConfigureAwait(false);
            return;
        }

        var id = new IdempotencyId(caller.User, KeyOf(values.ToString()));
        var fingerprint = await FingerprintAsync(http).ConfigureAwait(false);
        var (verdict, row) = await store.BeginAsync(id, fingerprint, http.RequestAborted).ConfigureAwait(false);
        switch (verdict)
        {
            case IdempotencyVerdict.First:
                await DoAsync(http, next, id, row).ConfigureAwait(false);
                return;
            case IdempotencyVerdict.Again:
                await RepeatAsync(http, id, row).ConfigureAwait(false);
                return;
            case IdempotencyVerdict.AnotherRequest:
                await ManagementProblems
                    .Problem(
                        StatusCodes.Status422UnprocessableEntity,
                        $"This {Header} was sent with another request",
                        "Take a new key for every new request."
                    )
                    .ExecuteAsync(http)
                    .ConfigureAwait(false);
                return;
            case IdempotencyVerdict.Lost:
                await SayLostAsync(http).ConfigureAwait(false);
                return;
            default:
                http.Response.Headers.RetryAfter = "1";
                await ManagementProblems
                    .Problem(
                        StatusCodes.Status409Conflict,
                        "The first request with this key is not done yet",
                        "Send it again in a moment."
                    )
                    .ExecuteAsync(http)
                    .ConfigureAwait(false);
                return;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (options.ClusterKey is null)
        {
            _key.Dispose();
        }
    }

    // Once it began it is finished, whether or not its caller is still there: that is what the key is for.
    private async Task DoAsync(HttpContext http, RequestDelegate next, IdempotencyId id, IdempotencyRow row)
    {
        var outer = http.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        var aborted = http.RequestAborted;
        using var limit = new CancellationTokenSource(IdempotencyStore.Longest);
        http.RequestAborted = limit.Token;
        using var body = new MemoryStream();
        http.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(body));
        try
        {
            using (IdempotencyStore.Enter(row))
            {
                await next(http).ConfigureAwait(false);
            }

            await http.Response.CompleteAsync().ConfigureAwait(false);
        }
        catch
        {
            await store.GiveUpAsync(row).ConfigureAwait(false);
            throw;
        }
        finally
        {
            http.Features.Set(outer);
            http.RequestAborted = aborted;
        }

        if (http.Response.StatusCode is >= 200 and < 300 && body.Length <= LargestAnswer)
        {
            var answer = new KeptAnswer(
                http.Response.ContentType,
                s_kept
                    .Where(h => http.Response.Headers.ContainsKey(h))
                    .ToDictionary(h => h, h => http.Response.Headers[h].ToString(), StringComparer.Ordinal),
                body.ToArray()
            );
            // An answer may hold a secret that is shown once: only the cluster key opens it.
            var wrapped = _key.Wrap(
                id.Wrapping,
                JsonSerializer.SerializeToUtf8Bytes(answer, IdempotencyJson.Default.KeptAnswer)
            );
            await store.FinishAsync(row, http.Response.StatusCode, wrapped).ConfigureAwait(false);
        }
        else
        {
            await store.GiveUpAsync(row).ConfigureAwait(false);
        }

        http.Response.ContentLength = body.Length;
        await http
            .Response.Body.WriteAsync(body.GetBuffer().AsMemory(0, (int)body.Length), http.RequestAborted)
            .ConfigureAwait(false);
    }

    private async Task RepeatAsync(HttpContext http, IdempotencyId id, IdempotencyRow row)
    {
        byte[] opened;
        try
        {
            opened = _key.Unwrap(id.Wrapping, row.Answer!);
        }
        catch (CryptographicException)
        {
            // Another manager's, where each has a key of its own, or from before the cluster had another one.
            await SayLostAsync(http).ConfigureAwait(false);
            return;
        }

        var answer = JsonSerializer.Deserialize(opened, IdempotencyJson.Default.KeptAnswer)!;
        http.Response.StatusCode = row.Status;
        http.Response.ContentType = answer.ContentType;
        foreach (var (name, value) in answer.Headers)
        {
            http.Response.Headers[name] = value;
        }

        http.Response.Headers["Idempotency-Replayed"] = "true";
        http.Response.ContentLength = answer.Body.Length;
        await http.Response.Body.WriteAsync(answer.Body, http.RequestAborted).ConfigureAwait(false);
    }

    private static Task SayLostAsync(HttpContext http) =>
        ManagementProblems
            .Problem(
                StatusCodes.Status409Conflict,
                "The first request with this key was carried out, and its answer is lost",
                "Read what there is before asking for it again with a new key."
            )
            .ExecuteAsync(http);

    // RFC 8941 strings come in quotes; what comes without is taken as it is.
    private static string KeyOf(string header)
    {
        var key = header.Trim();
        if (key is ['"', .., '"'] && key.Length >= 2)
        {
            key = key[1..^1];
        }

        return key.Length is >= 1 and <= LongestKey && key.All(c => c is >= ' ' and <= '~')
            ? key
            : throw new ProblemsException([
                new(
                    Header,
                    $"{Header} has 1 to {LongestKey} printable characters",
                    "take a new UUID for every new request"
                ),
            ]);
    }

    private static async Task<Digest> FingerprintAsync(HttpContext http)
    {
        var request = http.Request;
        var limit =
            http.GetEndpoint()
                ?.Metadata.GetMetadata<Microsoft.AspNetCore.Http.Metadata.IRequestSizeLimitMetadata>()
                ?.MaxRequestBodySize
            ?? LargestBody;
        if (request.HttpContext.GetEndpoint()?.Metadata.GetMetadata<RouteBody>() is { Type: null })
        {
            limit = LargestBody;
        }

        var body = await RequestBody
            .ReadAsync(http, (int)Math.Min(limit, LargestBody), http.RequestAborted)
            .ConfigureAwait(false);
        request.Body = new MemoryStream(body.ToArray(), writable: false);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(
            Encoding.UTF8.GetBytes(
                $"{request.Method}\n{request.Path}\n{request.QueryString}\n{request.ContentType}\n{request.Headers.IfMatch}\n"
            )
        );
        hash.AppendData(body.Span);
        return Digest.From(hash.GetHashAndReset());
    }
}

/// <summary>How a manager takes it in.</summary>
internal static class IdempotencyExtensions
{
    public static void UseIdempotency(this WebApplication app)
    {
        var idempotency = app.Services.GetRequiredService<Idempotency>();
        app.Use((http, next) => idempotency.RunAsync(http, next));
    }
}

/// <summary>An answer as it is kept, sealed.</summary>
/// <param name="ContentType">Its media type.</param>
/// <param name="Headers">Headers that belong to it.</param>
/// <param name="Body">Its bytes.</param>
internal sealed record KeptAnswer(string? ContentType, Dictionary<string, string> Headers, byte[] Body);

[System.Text.Json.Serialization.JsonSerializable(typeof(KeptAnswer))]
internal sealed partial class IdempotencyJson : System.Text.Json.Serialization.JsonSerializerContext;
