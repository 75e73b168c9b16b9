using System.CommandLine;
using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse limit create application | api | key</c>, <c>list</c>, <c>show</c>, <c>delete</c>: the limits that are no plans.</summary>
internal static class LimitCommands
{
    public static Command Create() =>
        new Command("limit", "Limits of applications, of APIs, and by keys of your own").With(
            new Command("create", "Make a limit").With(NewForApplications(), NewForApis(), NewForKeys()),
            List(),
            Show(),
            Delete()
        );

    public static Option<string?> Description() =>
        new("--description") { Description = "For people", HelpName = "TEXT" };

    public static Option<bool> Update() => new("--update") { Description = "Replace the one of that name" };

    public static string Text(Quota? quota) => quota?.ToString() ?? "unlimited";

    public static string? Burst(int? burst) =>
        burst is { } n ? string.Create(CultureInfo.InvariantCulture, $"{n}/s") : null;

    public static void SayHowItIsDivided(Call call) =>
        call.Output.Say("Each worker enforces its part: the limit divided by the registered workers.");

    private static Command NewForApplications()
    {
        var name = Name();
        var rate = Rate.Option("--rate", "What all calls of an application may use, such as 50/min");
        var burst = new Option<int?>("--burst") { Description = "Most requests a second", HelpName = "N" };
        var shared = new Option<bool>("--shared")
        {
            Description = "Users of an application share it, instead of each for themselves",
        };
        var (description, update) = (Description(), Update());
        return new Command("application", "For an application's calls to all APIs")
            .With(name, rate, burst, shared, description, update)
            .Does(
                async (call, cancellation) =>
                {
                    var policy = new ApplicationPolicy
                    {
                        Name = call.Get(name),
                        Description = call.Get(description) ?? "",
                        Quota = call.Get(rate),
                        Burst = call.Get(burst),
                        PerUser = !call.Get(shared),
                    };
                    Print(
                        call,
                        call.Get(update)
                            ? await call.Manager.PutApplicationPolicyAsync(policy.Name, policy, cancellation)
                            : await call.Manager.CreateApplicationPolicyAsync(policy, cancellation)
                    );
                    call.Output.Next($"gatehouse app create NAME --policy {policy.Name}");
                }
            );
    }

    private static Command NewForApis()
    {
        var name = Name();
        var rate = Rate.Option("--rate", "What requests that no --when takes may use");
        var when = new Option<string[]>("--when")
        {
            Description =
                "Another rate for some requests: 'CONDITION[,CONDITION…] => RATE', with ip=RANGE, header:NAME=VALUE, query:NAME=VALUE or claim:NAME=VALUE, '!' in front inverts; the first that fits counts",
            HelpName = "RULE",
        };
        var perUser = new Option<bool>("--per-user")
        {
            Description = "Each user for themselves, instead of all together",
        };
        var (description, update) = (Description(), Update());
        return new Command("api", "For an API or an operation")
            .With(name, rate, when, perUser, description, update)
            .Does(
                async (call, cancellation) =>
                {
                    var policy = new ApiPolicy
                    {
                        Name = call.Get(name),
                        Description = call.Get(description) ?? "",
                        Quota = call.Get(rate),
                        PerUser = call.Get(perUser),
                        Groups = [.. (call.Get(when) ?? []).Select(Group)],
                    };
                    Print(
                        call,
                        call.Get(update)
                            ? await call.Manager.PutApiPolicyAsync(policy.Name, policy, cancellation)
                            : await call.Manager.CreateApiPolicyAsync(policy, cancellation)
                    );
                    call.Output.Next(
                        $"gatehouse api import FILE --policy {policy.Name}, or x-throttling-tier in the document"
                    );
                }
            );
    }

    private static Command NewForKeys()
    {
        var name = Name();
        var key = new Option<string>("--key")
        {
            Description =
                $"What is counted together, of {string.Join(", ", LimitRules.KeyParts)}, such as $apiContext:$userId",
            HelpName = "TEMPLATE",
            Required = true,
        };
        var rate = Rate.Option("--rate", "What each key may use", required: true);
        var (description, update) = (Description(), Update());
        return new Command("key", "For whatever parts of a request make up a key")
            .With(name, key, rate, description, update)
            .Does(
                async (call, cancellation) =>
                {
                    var rule = new CustomRule
                    {
                        Name = call.Get(name),
                        Description = call.Get(description) ?? "",
                        Key = call.Get(key)!,
                        Quota =
                            call.Get(rate)
                            ?? throw new CommandFailure(
                                ExitCode.Invalid,
                                "a key without a bound limits nothing",
                                "--rate"
                            ),
                    };
                    Print(
                        call,
                        call.Get(update)
                            ? await call.Manager.PutCustomRuleAsync(rule.Name, rule, cancellation)
                            : await call.Manager.CreateCustomRuleAsync(rule, cancellation)
                    );
                }
            );
    }

    private static Command List() =>
        new Command("list", "List the limits").Does(
            async (call, cancellation) =>
            {
                var applications = await Pages.AllAsync(call.Manager.ListApplicationPoliciesAsync, cancellation);
                var apis = await Pages.AllAsync(call.Manager.ListApiPoliciesAsync, cancellation);
                var rules = await Pages.AllAsync(call.Manager.ListCustomRulesAsync, cancellation);
                call.Output.Items<LimitLine>(
                    "Limit",
                    [.. applications.Select(Line), .. apis.Select(Line), .. rules.Select(Line)],
                    new("FOR", l => l.For),
                    new("NAME", l => l.Name),
                    new("RATE", l => l.Rate),
                    new("BURST", l => l.Burst, Drop: 2),
                    new("COUNTED BY", l => l.CountedBy, Drop: 1)
                );
            }
        );

    private static Command Show()
    {
        var (kind, name) = (Kind(), Name());
        return new Command("show", "Show one limit")
            .With(kind, name)
            .Does(
                async (call, cancellation) =>
                {
                    switch (call.Get(kind))
                    {
                        case "application":
                            Print(call, await call.Manager.GetApplicationPolicyAsync(call.Get(name), cancellation));
                            break;
                        case "api":
                            Print(call, await call.Manager.GetApiPolicyAsync(call.Get(name), cancellation));
                            break;
                        default:
                            Print(call, await call.Manager.GetCustomRuleAsync(call.Get(name), cancellation));
                            break;
                    }
                }
            );
    }

    private static Command Delete()
    {
        var (kind, name, yes) = (Kind(), Name(), Confirmation.Yes());
        return new Command("delete", "Delete a limit that nothing names")
            .With(kind, name, yes)
            .Does(
                async (call, cancellation) =>
                {
                    Confirmation.Ask(call, yes, call.Get(name), $"Deleting {call.Get(name)} cannot be taken back.");
                    await (
                        call.Get(kind) switch
                        {
                            "application" => call.Manager.DeleteApplicationPolicyAsync(call.Get(name), cancellation),
                            "api" => call.Manager.DeleteApiPolicyAsync(call.Get(name), cancellation),
                            _ => call.Manager.DeleteCustomRuleAsync(call.Get(name), cancellation),
                        }
                    );
                    call.Output.Say($"{call.Get(name)} is deleted");
                }
            );
    }

    private static void Print(Call call, ApplicationPolicy policy)
    {
        call.Output.Item(
            "Limit",
            policy,
            ("for", "application"),
            ("name", policy.Name),
            ("description", policy.Description.Length == 0 ? null : policy.Description),
            ("rate", Text(policy.Quota)),
            ("burst", Burst(policy.Burst)),
            ("counted by", Line(policy).CountedBy)
        );
        SayHowItIsDivided(call);
    }

    private static void Print(Call call, ApiPolicy policy)
    {
        call.Output.Item(
            "Limit",
            policy,
            [
                ("for", "api"),
                ("name", policy.Name),
                ("description", policy.Description.Length == 0 ? null : policy.Description),
                .. policy.Groups.Select(g => ("when", (string?)$"{Conditions(g)} => {Text(g.Quota)}")),
                (policy.Groups.IsEmpty ? "rate" : "else", Text(policy.Quota)),
                ("counted by", Line(policy).CountedBy),
            ]
        );
        SayHowItIsDivided(call);
    }

    private static void Print(Call call, CustomRule rule)
    {
        call.Output.Item(
            "Limit",
            rule,
            ("for", "key"),
            ("name", rule.Name),
            ("description", rule.Description.Length == 0 ? null : rule.Description),
            ("key", rule.Key),
            ("rate", rule.Quota.ToString())
        );
        SayHowItIsDivided(call);
    }

    private static LimitLine Line(ApplicationPolicy policy) =>
        new(
            "application",
            policy.Name,
            Text(policy.Quota),
            Burst(policy.Burst),
            policy.PerUser == true ? "application and user" : "application"
        );

    private static LimitLine Line(ApiPolicy policy) =>
        new(
            "api",
            policy.Name,
            policy.Groups.IsEmpty
                ? Text(policy.Quota)
                : $"{Text(policy.Quota)} and {policy.Groups.Length} by condition",
            null,
            policy.PerUser ? "API and user" : "API"
        );

    private static LimitLine Line(CustomRule rule) => new("key", rule.Name, rule.Quota.ToString(), null, rule.Key);

    /// <summary><c>ip=10.0.0.0/8,!header:X-Tier=gold => 100/min</c>.</summary>
    internal static ConditionGroup Group(string text)
    {
        var arrow = text.LastIndexOf("=>", StringComparison.Ordinal);
        if (arrow < 0)
        {
            throw Bad(text, "it has no '=>' between conditions and rate");
        }

        return new()
        {
            Conditions = [.. text[..arrow].Split(',').Select(c => Condition(text, c.Trim()))],
            Quota = Rate.Read(text[(arrow + 2)..].Trim(), why => throw Bad(text, why)),
        };
    }

    private static Condition Condition(string whole, string text)
    {
        var invert = text.StartsWith('!');
        var rest = invert ? text[1..] : text;
        var equals = rest.IndexOf('=', StringComparison.Ordinal);
        var (left, value) = equals < 0 ? (rest, "") : (rest[..equals], rest[(equals + 1)..]);
        var colon = left.IndexOf(':', StringComparison.Ordinal);
        var (word, name) = colon < 0 ? (left, "") : (left[..colon], left[(colon + 1)..]);
        if (!Enum.TryParse<ConditionKind>(word, ignoreCase: true, out var kind) || !Enum.IsDefined(kind))
        {
            throw Bad(whole, $"'{word}' is nothing that can be asked");
        }

        return new()
        {
            Kind = kind,
            Name = name,
            Value = value,
            Invert = invert,
        };
    }

    private static string Conditions(ConditionGroup group) =>
        string.Join(
            ',',
            group.Conditions.Select(c =>
                $"{(c.Invert ? "!" : "")}{c.Kind.ToString().ToLowerInvariant()}{(c.Name.Length > 0 ? $":{c.Name}" : "")}{(c.Value.Length > 0 ? $"={c.Value}" : "")}"
            )
        );

    private static CommandFailure Bad(string text, string why) =>
        new(
            ExitCode.Usage,
            $"--when '{text}' cannot be read: {why}",
            fix: "such as --when 'ip=10.0.0.0/8,header:X-Tier=gold => 100/min'"
        );

    private static Argument<string> Kind()
    {
        var kind = new Argument<string>("for") { Description = "application, api or key", HelpName = "FOR" };
        kind.AcceptOnlyFromAmong("application", "api", "key");
        return kind;
    }

    private static Argument<string> Name() => new("name") { Description = "The limit's name", HelpName = "NAME" };

    private sealed record LimitLine(string For, string Name, string Rate, string? Burst, string CountedBy);
}
