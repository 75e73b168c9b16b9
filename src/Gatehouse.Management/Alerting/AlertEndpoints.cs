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
        Catalogue catalogue,
        CancellationToken cancellation
    ) =>
        TypedResults.Ok(
            Paging.Of(
                [
                    .. (
                        await catalogue
                            .ListAsync(EntityKinds.AlertRule, ManagerJson.Default.AlertRule, cancellation)
                            .ConfigureAwait(false)
                    ).Select(a => a.Value),
                ],
                limit,
                offset
            )
        );

    private static async Task<Ok<AlertRule>> PutAsync(
        string name,
        AlertRule rule,
        HttpRequest request,
        Caller caller,
        Catalogue catalogue,
        CancellationToken cancellation
    )
    {
        var problems = rule.Check();
        if (rule.Name != name)
        {
            problems = problems.Add(RequestBody.OtherName);
        }

        if (!problems.IsEmpty)
        {
            throw new ProblemsException(problems);
        }

        var before = await catalogue
            .FindAsync(EntityKinds.AlertRule, name, ManagerJson.Default.AlertRule, cancellation)
            .ConfigureAwait(false);
        rule = rule with { Signed = before?.Value.Signed == true };
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"set alert rule {name}").Put(
                    EntityKinds.AlertRule,
                    name,
                    rule,
                    ManagerJson.Default.AlertRule,
                    request.ExpectedEpoch() ?? before?.Epoch ?? 0
                ),
                cancellation
            )
            .ConfigureAwait(false);
        return TypedResults.Ok(rule);
    }

    private static async Task<Ok<WebhookSecret>> MakeSecretAsync(
        string name,
        HttpResponse response,
        Caller caller,
        Catalogue catalogue,
        Notifier notifier,
        CancellationToken cancellation
    )
    {
        var rule =
            await catalogue
                .FindAsync(EntityKinds.AlertRule, name, ManagerJson.Default.AlertRule, cancellation)
                .ConfigureAwait(false)
            ?? throw new NotFoundException("alert rule", Excerpt.Of(name));
        var secret = await notifier.MakeSecretAsync(name, cancellation).ConfigureAwait(false);
        await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"made a webhook secret for alert rule {name}").Put(
                    EntityKinds.AlertRule,
                    name,
                    rule.Value with
                    {
                        Signed = true,
                    },
                    ManagerJson.Default.AlertRule,
                    rule.Epoch
                ),
                cancellation
            )
            .ConfigureAwait(false);
        response.Headers.CacheControl = "no-store";
        return TypedResults.Ok(new WebhookSecret(secret));
    }

    private static async Task<NoContent> DeleteAsync(
        string name,
        Caller caller,
        Catalogue catalogue,
        Notifier notifier,
        CancellationToken cancellation
    )
    {
        var result = await catalogue
            .CommitAsync(
                new CatalogueTransaction(caller.Actor, $"deleted alert rule {name}").Delete(
                    EntityKinds.AlertRule,
                    name
                ),
                cancellation
            )
            .ConfigureAwait(false);
        if (!result.Moved)
        {
            throw new NotFoundException("alert rule", Excerpt.Of(name));
        }

        await notifier.ForgetSecretAsync(name, cancellation).ConfigureAwait(false);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<ToldView>> TestAsync(
        string name,
        Catalogue catalogue,
        Notifier notifier,
        CancellationToken cancellation
    )
    {
        var rule =
            await catalogue
                .FindAsync(EntityKinds.AlertRule, name, ManagerJson.Default.AlertRule, cancellation)
                .ConfigureAwait(false)
            ?? throw new NotFoundException("alert rule", Excerpt.Of(name));
        var told = await notifier
            .TellAsync(
                rule.Value,
                new(name, "test", "This is a test; nothing is wrong.", catalogue.Time.GetUtcNow()),
                isOver: false,
                cancellation
            )
            .ConfigureAwait(false);
        var all = rule.Value.Webhooks.Length + rule.Value.Emails.Length;
        return TypedResults.Ok(new ToldView(told, all, told < all ? "the manager's log says why" : null));
    }

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

    private static async Task<Ok<ToldView>> TestMailAsync(TestMail ask, Mailer mailer, CancellationToken cancellation)
    {
        if (!ListingRules.Email().IsMatch(ask.To))
        {
            throw new ProblemsException([
                new("/to", $"'{Excerpt.Of(ask.To)}' is no e-mail address", "write name@host"),
            ]);
        }

        try
        {
            await mailer
                .SendAsync(ask.To, "Gatehouse test", "Mail of this Gatehouse cluster arrives.\n", cancellation)
                .ConfigureAwait(false);
            return TypedResults.Ok(new ToldView(1, 1));
        }
        catch (MailException e)
        {
            return TypedResults.Ok(new ToldView(0, 1, e.Message));
        }
    }
}
