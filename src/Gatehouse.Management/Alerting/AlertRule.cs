using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Management.OpenApi;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Whom to tell when something is wrong, and again when it is over.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record AlertRule
{
    /// <summary>Names it.</summary>
    [JsonRequired]
    public string Name { get; init; } = "";

    /// <summary>What it watches.</summary>
    [JsonRequired]
    public AlertTrigger On { get; init; }

    /// <summary>Only this node; null for every one.</summary>
    public string? Node { get; init; }

    /// <summary>Only this API, by its full name; of <see cref="AlertTrigger.ErrorRate"/>.</summary>
    public string? Api { get; init; }

    /// <summary>More failed requests than so many in a hundred; of <see cref="AlertTrigger.ErrorRate"/>.</summary>
    public double Percent
    {
        // Generated readers do not run initializers; nobody means 0.
        get => field == 0 ? 5 : field;
        init;
    }

    /// <summary>Within so many minutes; of <see cref="AlertTrigger.ErrorRate"/>.</summary>
    public int Minutes
    {
        get => field == 0 ? 5 : field;
        init;
    }

    /// <summary>And at least so many requests, so that one failure at night wakes nobody.</summary>
    public long AtLeast
    {
        get => field == 0 ? 20 : field;
        init;
    }

    /// <summary>Addresses that get a JSON document by POST.</summary>
    public ImmutableArray<string> Webhooks
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>Mailboxes.</summary>
    public ImmutableArray<string> Emails
    {
        get => field.IsDefault ? [] : field;
        init;
    } = [];

    /// <summary>True while it tells nobody.</summary>
    public bool Muted { get; init; }

    /// <summary>
    /// True when its webhooks are signed (<see cref="WebhookSignature"/>): somebody made a secret for it. What is sent with a rule
    /// does not change it.
    /// </summary>
    public bool Signed { get; init; }

    /// <summary>Everything that is wrong with it.</summary>
    public ImmutableArray<Problem> Check()
    {
        var problems = ImmutableArray.CreateBuilder<Problem>();
        ListingRules.CheckText("/name", Name, 1, 64, problems);
        if (Name.Contains('/', StringComparison.Ordinal))
        {
            problems.Add(new("/name", "The name of a rule holds no '/'", "take another character"));
        }

        if (Percent is not (> 0 and <= 100))
        {
            problems.Add(new("/percent", "It is above 0 and at most 100", "take 5 for one request in twenty"));
        }

        if (Minutes is < 1 or > 1440)
        {
            problems.Add(new("/minutes", "It is 1 to 1440 minutes", "take 5"));
        }

        if (Webhooks.IsEmpty && Emails.IsEmpty)
        {
            problems.Add(new("/webhooks", "The rule tells nobody", "name a webhook or a mailbox"));
        }

        if (Webhooks.Length + Emails.Length > 20)
        {
            problems.Add(new("/webhooks", "A rule tells at most 20", "make another rule"));
        }

        for (var i = 0; i < Webhooks.Length; i++)
        {
            if (
                !Uri.TryCreate(Webhooks[i], UriKind.Absolute, out var uri)
                || uri.Scheme is not ("http" or "https")
                || uri.UserInfo.Length > 0
                || Webhooks[i].Length > 2000
            )
            {
                problems.Add(
                    new(
                        $"/webhooks/{i}",
                        $"'{Excerpt.Of(Webhooks[i] ?? "")}' is no http or https URL",
                        "write https://host/path"
                    )
                );
            }
        }

        for (var i = 0; i < Emails.Length; i++)
        {
            if (!ListingRules.Email().IsMatch(Emails[i] ?? ""))
            {
                problems.Add(
                    new($"/emails/{i}", $"'{Excerpt.Of(Emails[i] ?? "")}' is no e-mail address", "write name@host")
                );
            }
        }

        return problems.ToImmutable();
    }
}

/// <summary>What alert rules watch. Append only.</summary>
[JsonConverter(typeof(DashedEnum<AlertTrigger>))]
public enum AlertTrigger
{
    /// <summary>A node was not heard of.</summary>
    NodeLost,

    /// <summary>A node serves a table that no manager confirmed, of another history, or older than ten seconds.</summary>
    Stale,

    /// <summary>A node cannot run a change.</summary>
    Refused,

    /// <summary>A node's certificate ends and its renewal fails.</summary>
    Certificate,

    /// <summary>Too many requests fail by 5xx.</summary>
    ErrorRate,

    /// <summary>Something waits for approval.</summary>
    Approval,

    /// <summary>Anything else that status lists as an alert.</summary>
    Other,
}

/// <summary>Something a rule has told of and that is not over.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Key">What it is about, such as a node's name.</param>
/// <param name="Message">In words.</param>
/// <param name="Since">Since when.</param>
public sealed record RaisedAlert(string Rule, string Key, string Message, DateTimeOffset Since);
