using Gatehouse.Gateway.Pipeline;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Policies;

/// <summary>Asks another service whether a request may pass, and takes headers from its answer into the request.</summary>
internal sealed class CallOutPolicy(CallOutSettings settings, Outside outside) : IWaitingPolicy
{
    private static readonly GatewayProblem s_refused = new(403, "403", "Forbidden", "The request was refused.");
    private static readonly GatewayProblem s_unanswered = new(
        503,
        "503",
        "Service Unavailable",
        "A service that has to let this request pass did not answer."
    );

    private readonly Uri _url = new(settings.Url);
    private readonly TimeSpan _timeout = TimeSpan.FromMilliseconds(settings.TimeoutMs);

    public bool RunsAgain => false;

    public async ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
    {
        if (
            settings.Method == "POST"
            && await exchange.ReadBodyAsync(settings.MaxBytes).ConfigureAwait(false) is { } problem
        )
        {
            return problem;
        }

        using var question = Question(exchange);

        // Removed whatever comes: a caller must not say by itself what the service is asked for.
        foreach (var name in settings.TakeHeaders)
        {
            exchange.Request.Headers.Remove(name);
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(exchange.Lifetime.RequestAborted);
        patience.CancelAfter(_timeout);
        try
        {
            using var answer = await outside.SendAsync(question, patience.Token).ConfigureAwait(false);
            if ((int)answer.StatusCode >= 500)
            {
                return settings.PassOnFailure ? null : s_unanswered;
            }

            if (!answer.IsSuccessStatusCode)
            {
                return s_refused;
            }

            foreach (var name in settings.TakeHeaders)
            {
                if (answer.Headers.NonValidated.TryGetValues(name, out var values))
                {
                    exchange.Request.Headers[name] = values.ToArray();
                }
            }

            return null;
        }
        catch (Exception failure)
            when (failure is HttpRequestException or IOException or InvalidOperationException
                || failure is OperationCanceledException && !exchange.CallerGone
            )
        {
            return settings.PassOnFailure ? null : s_unanswered;
        }
    }

    private HttpRequestMessage Question(Exchange exchange)
    {
        var question = new HttpRequestMessage(HttpMethod.Parse(settings.Method), _url)
        {
            Content = settings.Method == "POST" ? Outside.BodyOf(exchange) : null,
        };
        foreach (var name in settings.SendHeaders)
        {
            Outside.Copy(exchange, question, name);
        }

        question.Headers.TryAddWithoutValidation(HeaderNames.RequestId, exchange.RequestId);
        question.Headers.TryAddWithoutValidation(HeaderNames.ForwardedFor, exchange.Caller.Address);
        question.Headers.TryAddWithoutValidation("X-Original-Method", exchange.Request.Method);
        question.Headers.TryAddWithoutValidation("X-Original-Target", exchange.Request.RawTarget);
        return question;
    }
}
