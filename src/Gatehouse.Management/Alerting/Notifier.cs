using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Management;

/// <summary>Tells people and programs of an alert. What cannot be told is tried again a little later, then given up and logged.</summary>
public sealed partial class Notifier(
    Mailer mailer,
    ManagementOptions options,
    TimeProvider time,
    ILogger<Notifier> logger
) : IDisposable
{
    private const int Attempts = 3;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);

    private readonly HttpClient _http = new(
        new SocketsHttpHandler
        {
            ConnectTimeout = s_patience,
            AllowAutoRedirect = false,
            UseCookies = false,
        }
    )
    {
        Timeout = s_patience,
        MaxResponseContentBufferSize = 64 * 1024,
    };

    /// <summary>Tells all that a rule names. Does not throw for those who cannot be reached; how many were.</summary>
    public async Task<int> TellAsync(AlertRule rule, RaisedAlert alert, bool isOver, CancellationToken cancellation)
    {
        var document = new AlertDocument(
            options.Cluster,
            rule.Name,
            rule.On,
            isOver ? "over" : "raised",
            alert.Key,
            alert.Message,
            alert.Since,
            time.GetUtcNow()
        );
        var body = JsonSerializer.SerializeToUtf8Bytes(document, ManagementJson.Default.AlertDocument);
        var id = WebhookSignature.NewId();
        var told = await Task.WhenAll(
                rule.Webhooks.Select(url =>
                        TryAsync(url, () => PostAsync(url, rule, id, body, cancellation), cancellation)
                    )
                    .Concat(
                        rule.Emails.Select(to =>
                            TryAsync(to, () => MailAsync(to, document, cancellation), cancellation)
                        )
                    )
            )
            .ConfigureAwait(false);
        return told.Count(t => t);
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>A new secret for a rule's webhooks, in place of the one before; shown here and never again.</summary>
    internal async Task<string> MakeSecretAsync(string rule, CancellationToken cancellation)
    {
        var secret = WebhookSignature.NewSecret();
        await Secrets.PutAsync(NameOf(rule), Encoding.UTF8.GetBytes(secret), cancellation).ConfigureAwait(false);
        return secret;
    }

    /// <summary>Forgets a rule's secret.</summary>
    internal Task ForgetSecretAsync(string rule, CancellationToken cancellation) =>
        options.ClusterKey is null ? Task.CompletedTask : Secrets.DeleteAsync(NameOf(rule), cancellation);

    private async Task PostAsync(string url, AlertRule rule, string id, byte[] body, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/json") { CharSet = "utf-8" };
        if (rule.Signed)
        {
            // Rather not told than told unsigned: a receiver that checks would not believe it.
            var secret =
                await Secrets.FindAsync(NameOf(rule.Name), cancellation).ConfigureAwait(false)
                ?? throw new MailException("the rule's secret is gone; make another one");
            var now = time.GetUtcNow();
            request.Headers.Add(WebhookSignature.IdHeader, id);
            request.Headers.Add(WebhookSignature.TimestampHeader, WebhookSignature.Seconds(now));
            request.Headers.Add(
                WebhookSignature.SignatureHeader,
                WebhookSignature.Of(Encoding.UTF8.GetString(secret), id, now, body)
            );
        }

        using var response = await _http.SendAsync(request, cancellation).ConfigureAwait(false);
        response.EnsureSuccessStatusCode();
    }

    private static string NameOf(string rule) => $"alert-rule/{rule}";

    private SecretStore Secrets =>
        new(
            options.Database,
            options.ClusterKey ?? throw new MailException("this manager has no cluster key to keep secrets with")
        );

    private Task MailAsync(string to, AlertDocument document, CancellationToken cancellation) =>
        mailer.SendAsync(
            to,
            $"[{document.Cluster}] {(document.Event == "over" ? "over: " : "")}{document.Rule}: {document.About}",
            $"{document.Message}\n\nRule {document.Rule} of cluster {document.Cluster}, since {document.Since:u}.\n",
            cancellation
        );

    private async Task<bool> TryAsync(string to, Func<Task> tell, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await tell().ConfigureAwait(false);
                return true;
            }
            catch (Exception e)
                when (e is HttpRequestException or MailException or TaskCanceledException
                    && !cancellation.IsCancellationRequested
                )
            {
                if (attempt == Attempts)
                {
                    LogGivenUp(Shown(to), e.Message);
                    return false;
                }

                await Task.Delay(s_pause * attempt, time, cancellation).ConfigureAwait(false);
            }
        }
    }

    // The rest of a webhook's address is its secret.
    private static string Shown(string to) =>
        Uri.TryCreate(to, UriKind.Absolute, out var url) && url.Host.Length > 0
            ? url.GetLeftPart(UriPartial.Authority)
            : to;

    [LoggerMessage(Level = LogLevel.Warning, Message = "{To} could not be told of an alert: {Reason}")]
    private partial void LogGivenUp(string to, string reason);
}

/// <summary>What a webhook gets.</summary>
/// <param name="Cluster">The cluster.</param>
/// <param name="Rule">The rule.</param>
/// <param name="On">What it watches.</param>
/// <param name="Event"><c>raised</c> or <c>over</c>.</param>
/// <param name="About">The node, API or task.</param>
/// <param name="Message">In words.</param>
/// <param name="Since">Since when.</param>
/// <param name="At">When this was sent.</param>
public sealed record AlertDocument(
    string Cluster,
    string Rule,
    AlertTrigger On,
    string Event,
    string About,
    string Message,
    DateTimeOffset Since,
    DateTimeOffset At
);
