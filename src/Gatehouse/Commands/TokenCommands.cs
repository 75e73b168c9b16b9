using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse token create | list | revoke</c>: what lets a node in once.</summary>
internal static class TokenCommands
{
    public static Command Create() => new Command("token", "Let new nodes join").With(CreateToken(), List(), Revoke());

    private static Command CreateToken()
    {
        var profile = new Option<Profile>("--profile")
        {
            Description = $"What the node becomes: {string.Join(", ", Profiles.Names)}",
            HelpName = "PROFILE",
            Required = true,
            CustomParser = result =>
            {
                var text = result.Tokens[0].Value;
                if (Profiles.TryParse(text, out var known))
                {
                    return known;
                }

                result.AddError(
                    NearestName.Of(text, Profiles.Names) is { } nearest
                        ? $"'{text}' is not a profile; did you mean '{nearest}'?"
                        : $"'{text}' is not a profile; use one of {string.Join(", ", Profiles.Names)}"
                );
                return default;
            },
        };
        profile.CompletionSources.Add(_ =>
            Profiles.Names.Select(n => new System.CommandLine.Completions.CompletionItem(n))
        );
        var name = new Option<string?>("--name")
        {
            Description = "What the node is called (default: the next free name)",
            HelpName = "NAME",
        };
        var environments = new Option<string[]>("--environment")
        {
            Description = "An environment that the worker may serve; several times for several (default: default)",
            HelpName = "ENVIRONMENT",
        };
        return new Command("create", "Make a join token: one node, one use, one hour")
            .With(profile, name, environments)
            .Does(
                async (call, cancellation) =>
                {
                    var token = await call.Manager.CreateJoinTokenAsync(
                        new CreateJoinToken(
                            call.Get(profile),
                            call.Get(name),
                            call.Get(environments) is { Length: > 0 } named ? named : null
                        ),
                        cancellation
                    );
                    if (call.Output.Format != OutputFormat.Table)
                    {
                        call.Output.Item("JoinToken", token);
                        return;
                    }

                    var left = Words.Span(token.ExpiresAt - DateTimeOffset.UtcNow + TimeSpan.FromSeconds(5));
                    call.Output.Say(
                        $"Run this on the machine of {token.Node} ({token.Profile.Name()}), within {left}:"
                    );
                    call.Output.Line($"gatehouse join {token.Token}");
                }
            );
    }

    private static Command List() =>
        new Command("list", "List join tokens that are still good").Does(
            async (call, cancellation) =>
            {
                var tokens = await call.Manager.ListJoinTokensAsync(cancellation);
                var now = DateTimeOffset.UtcNow;
                call.Output.Items(
                    "JoinToken",
                    tokens,
                    new("TOKEN", t => t.Id),
                    new("PROFILE", t => t.Profile.Name()),
                    new("NODE", t => t.Node),
                    new("ENVIRONMENTS", t => string.Join(", ", t.Environments), Drop: 3),
                    new("BY", t => t.CreatedBy, Drop: 1),
                    new("EXPIRES IN", t => t.ExpiresAt > now ? Words.Span(t.ExpiresAt - now) : "expired"),
                    new("ATTEMPTS", t => $"{t.Attempts}", Drop: 2),
                    new("USED", t => t.UsedAt is null ? "no" : $"{Words.Ago(t.UsedAt, now)} ago")
                );
            }
        );

    private static Command Revoke()
    {
        var id = new Argument<string>("id")
        {
            Description = "The token's id, as 'token list' shows it",
            HelpName = "ID",
        };
        return new Command("revoke", "Make a join token useless")
            .With(id)
            .Does(
                async (call, cancellation) =>
                {
                    await call.Manager.DeleteJoinTokenAsync(call.Get(id), cancellation);
                    call.Output.Say($"token {call.Get(id)} is revoked");
                }
            );
    }
}
