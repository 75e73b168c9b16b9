using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Routing;

/// <summary>Applies changes of applications, subscriptions, keys, issuers and revocations to a directory.</summary>
internal sealed class ConsumerChanges(
    ConsumerDirectory running,
    bool replace,
    SecretSeal? secrets,
    ICollection<Refusal> refusals
)
{
    public ConsumerDirectory Apply(IReadOnlyList<EntityChange> changes)
    {
        var directory = replace ? ConsumerDirectory.Empty : running;
        foreach (var change in changes)
        {
            directory = change.Kind switch
            {
                EntityKinds.Application => Application(directory, change),
                EntityKinds.Subscription => Subscription(directory, change),
                EntityKinds.Key => Key(directory, change),
                EntityKinds.Issuer => Issuer(directory, change),
                // Never decoded, so never refused: the name says all.
                EntityKinds.Revocation => directory.WithRevocation(change.Name, revoked: !change.Deleted),
                _ => directory,
            };
        }

        return directory;
    }

    private ConsumerDirectory Application(ConsumerDirectory directory, EntityChange change)
    {
        if (change.Deleted)
        {
            return directory.WithApplication(change.Name, null, DateTimeOffset.MaxValue);
        }

        if (Decode(change, ModelJson.Default.Application) is { } application && Names(change, application.Id, "/id"))
        {
            return directory.WithApplication(
                application.Id,
                application.Name,
                ExpiryOf(change),
                application.Suspended,
                application.Policy,
                application.Owner
            );
        }

        return replace && running.Application(change.Name) is { Name: { } name } last
            ? directory.WithApplication(last.Id, name, last.Expires, last.IsSuspended, last.Limits?.Policy, last.Owner)
            : directory;
    }

    private ConsumerDirectory Subscription(ConsumerDirectory directory, EntityChange change)
    {
        var slash = change.Name.IndexOf('/');
        if (slash <= 0)
        {
            if (!change.Deleted)
            {
                Refuse(change, "", "A subscription is named application/api:version.");
            }

            return directory;
        }

        var (application, api) = (change.Name[..slash], change.Name[(slash + 1)..]);
        if (change.Deleted)
        {
            return directory.WithSubscription(application, api, null);
        }

        if (
            Decode(change, ModelJson.Default.Subscription) is { } subscription
            && Names(change, Model.Subscription.EntityName(subscription.Application, subscription.Api), "")
        )
        {
            return directory.WithSubscription(
                application,
                api,
                new(ExpiryOf(change), subscription.State, new(application, api, subscription.Plan))
            );
        }

        return replace && running.Application(application)?.Subscriptions.Find(api) is { } last
            ? directory.WithSubscription(application, api, last)
            : directory;
    }

    private ConsumerDirectory Key(ConsumerDirectory directory, EntityChange change)
    {
        if (change.Deleted)
        {
            return directory.WithKey(change.Name, null);
        }

        if (Decode(change, ModelJson.Default.ApiKey) is { } key && Names(change, key.Id, "/id"))
        {
            if (!KeyBounds.TryMake(key.Addresses, key.Referers, out var bounds))
            {
                Refuse(change, "/addresses", "Not a list of networks; write each as 192.0.2.0/24.");
            }
            else if (directory.Holder(key.Hash) is { } holder && holder.Id != key.Id)
            {
                Refuse(change, "/hash", $"The same key is there as {holder.Id}; create a new one.");
            }
            else
            {
                return directory.WithKey(
                    key.Id,
                    new(key.Id, key.Application, key.Hash, key.Sandbox, ExpiryOf(change))
                    {
                        Type = key.Type,
                        Bounds = bounds,
                        Token = KnownToken.Of(key),
                    }
                );
            }
        }

        return replace && running.Key(change.Name) is { } last ? directory.WithKey(last.Id, last) : directory;
    }

    private ConsumerDirectory Issuer(ConsumerDirectory directory, EntityChange change)
    {
        if (change.Deleted)
        {
            return directory.WithIssuer(change.Name, null);
        }

        var last = running.Issuers.Named(change.Name);
        if (Decode(change, ModelJson.Default.Issuer) is { } issuer && Names(change, issuer.Name, "/name"))
        {
            if (CompiledIssuer.TryCompile(issuer, last, secrets, out var field, out var reason) is not { } compiled)
            {
                Refuse(change, field, reason);
            }
            else if (directory.Issuers.Of(issuer.Url) is { } taken && taken.Settings.Name != issuer.Name)
            {
                Refuse(change, "/url", $"Tokens of that issuer are {taken.Settings.Name}'s; delete one of the two.");
            }
            else
            {
                return directory.WithIssuer(issuer.Name, compiled);
            }
        }

        return replace && last is not null ? directory.WithIssuer(change.Name, last) : directory;
    }

    private T? Decode<T>(EntityChange change, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            if (JsonSerializer.Deserialize(change.Payload.Span, type) is { } value)
            {
                return value;
            }

            Refuse(change, "", "The payload is empty.");
        }
        catch (JsonException bad)
        {
            Refuse(change, bad.Path ?? "", $"Cannot be read: {bad.Message}");
        }

        return null;
    }

    private bool Names(EntityChange change, string name, string field)
    {
        if (change.Name == name)
        {
            return true;
        }

        Refuse(change, field, $"The entity is named '{change.Name}', its content says '{name}'.");
        return false;
    }

    private void Refuse(EntityChange change, string field, string reason) =>
        refusals.Add(new(change.Kind, change.Name, change.Epoch, field, reason));

    private static DateTimeOffset ExpiryOf(EntityChange change) => change.ExpiresAt ?? DateTimeOffset.MaxValue;
}
