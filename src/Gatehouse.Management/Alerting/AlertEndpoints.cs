using System.Text.Json.Serialization;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Gatehouse.Management;

/// <summary>What a test of a rule or of mail came to.</summary>
/// <param name="Told">How many were reached.</param>
/// <param name="Of">How many were to be.</param>
/// <param name="Reason">Why one was not; null when all were.</param>
public sealed record ToldView(int Told, int Of, string? Reason = null);

/// <summary>Asks for a mail to see whether the server takes it.</summary>
/// <param name="To">The mailbox.</param>
public sealed record TestMail([property: JsonRequired] string To);

/// <summary>What a rule's webhooks are signed with, in the one moment it can be read.</summary>
/// <param name="Secret"><c>whsec_</c> and 32 bytes in base 64, as libraries of Standard Webhooks take it.</param>
public sealed record WebhookSecret(string Secret);

internal static class AlertEndpoints
{
    public static void MapAlerts(this IEndpointRouteBuilder rest)
    {
        rest.MapGet("/alerts", RaisedAsync)
            .WithSummary("What is wrong now and whom it was told")
            .Require(Permission.Audit);
        // Webhooks' addresses are secrets, and whoever sets one makes the manager call it.
        rest.MapGet("/alert-rules", ListAsync).WithSummary("The alert rules").Require(Permission.Operate);
        rest.MapPut("/alert-rules/{name}", PutAsync)
            .WithSummary("Makes or changes an alert rule")
            .Conditional()
            .Require(Permission.Operate);
        rest.MapDelete("/alert-rules/{name}", DeleteAsync)
            .WithSummary("Deletes an alert rule")
            .Require(Permission.Operate);
        rest.MapPost("/alert-rules/{name}/secret", MakeSecretAsync)
            .WithSummary("Makes the secret that signs a rule's webhooks; it is in this answer only")
            .Require(Permission.Operate);
        rest.MapPost("/alert-rules/{name}/test", TestAsync)
            .WithSummary("Tells whom a rule tells that this is a test")
            .Require(Permission.Operate);
        rest.MapGet("/mail-settings", ShowMailAsync)
            .WithSummary("How mail is sent, without its password")
            .Require(Permission.Administer);
        rest.MapPut("/mail-settings", SetMailAsync).WithSummary("Says how mail is sent").Require(Permission.Administer);
        rest.MapPost("/mail-settings/test", TestMailAsync)
            .WithSummary("Sends a test mail")
            .Require(Permission.Administer);
    }

    private static async Task<Ok<Page<RaisedAlert>>> RaisedAsync(
        int? limit,
        int? offset,
        Catalogue catalogue,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            Paging.Of(
                [
                    .. (
                        await catalogue
                            .ListAsync(EntityKinds.RaisedAlert, ManagerJson.Default.RaisedAlert, cancellation)
                            .ConfigureAwait(false)
                    ).Select(a => a.Value),
                ],
                limit,
                offset
            )
        );

    private static async Task<Ok<Page<AlertRule>>> ListAsync(
        int? limit,
        int? offset,
        AlertRules rules,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            Paging.Of(
                [.. (await rules.ListAsync(cancellation).ConfigureAwait(false)).Select(r => r.Value)],
                limit,
                offset
            )
        );

    private static async Task<Ok<AlertRule>> PutAsync(
        string name,
        AlertRule rule,
        HttpRequest request,
        Caller caller,
        AlertRules rules,
        CancellationToken cancellation
    )
    {
        if (rule.Name != name)
        {
            throw new ProblemsException(rule.Check().Add(RequestBody.OtherName));
        }

        return TypedResults.Ok(
            await rules.PutAsync(rule, request.ExpectedEpoch(), caller.Actor, cancellation).ConfigureAwait(false)
        );
    }

    private static async Task<Ok<WebhookSecret>> MakeSecretAsync(
        string name,
        HttpResponse response,
        Caller caller,
        AlertRules rules,
        CancellationToken cancellation
    )
    {
        var secret = await rules.MakeSecretAsync(name, caller.Actor, cancellation).ConfigureAwait(false);
        response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new WebhookSecret(secret));
    }

    private static async Task<NoContent> DeleteAsync(
        string name,
        Caller caller,
        AlertRules rules,
        CancellationToken cancellation
    )
    {
        await rules.DeleteAsync(name, caller.Actor, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<ToldView>> TestAsync(string name, AlertRules rules, CancellationToken cancellation) =>
        TypedResults.Ok(await rules.TestAsync(name, cancellation).ConfigureAwait(false));

    private static async Task<Ok<MailSettings>> ShowMailAsync(Mailer mailer, CancellationToken cancellation) =>
        TypedResults.Ok(await mailer.ReadAsync(cancellation).ConfigureAwait(false));

    private static async Task<Ok<MailSettings>> SetMailAsync(
        MailSettings settings,
        Caller caller,
        Mailer mailer,
        CancellationToken cancellation
    )
    {
        await mailer.SaveAsync(settings, caller.Actor, cancellation).ConfigureAwait(false);
        return TypedResults.Ok(await mailer.ReadAsync(cancellation).ConfigureAwait(false));
    }

    private static async Task<Ok<ToldView>> TestMailAsync(
        TestMail ask,
        Mailer mailer,
        CancellationToken cancellation
    ) => TypedResults.Ok(await mailer.TestAsync(ask.To, cancellation).ConfigureAwait(false));
}
