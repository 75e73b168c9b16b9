using System.Collections.Immutable;
using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse api operations list | set</c>: who may call which operation, and how often.</summary>
internal static class OperationCommands
{
    public static Command Create() =>
        new Command("operations", "Look at the operations of an API, and say who may call them and how often").With(
            List(),
            Set()
        );

    private static Command List()
    {
        var name = ApiCommands.Name();
        return new Command("list", "List the operations of an API")
            .With(name)
            .Does(async (call, cancellation) => Print(call, await AllAsync(call, call.Get(name), cancellation)));
    }

    private static Command Set()
    {
        var name = ApiCommands.Name();
        var operation = new Argument<string[]>("operations")
        {
            Description = "Which, as 'list' shows them, such as \"GET /pets/{id}\"; several may be given",
            HelpName = "OPERATION",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var all = new Option<bool>("--all") { Description = "All operations of the API" };
        var auth = new Option<string?>("--auth")
        {
            Description =
                "any (every caller the API lets in), application or application-user (tokens of that kind), or none (anybody)",
        };
        auth.AcceptOnlyFromAmong([.. Enum.GetValues<OperationAuth>().Select(Word)]);
        var scope = new Option<string[]>("--scope")
        {
            Description = "A token must hold this scope, or another that is given; may be given several times",
            HelpName = "SCOPE",
        };
        var noScope = new Option<bool>("--no-scope") { Description = "No scope is asked for" };
        var limit = new Option<string?>("--limit")
        {
            Description = "API policy of 'gatehouse limit list', or none",
            HelpName = "LIMIT",
        };
        return new Command(
            "set",
            "Change operations of an API; deploy it to make the change count. "
                + "Example: gatehouse api operations set petstore \"DELETE /pets/{petId}\" --auth application-user --scope pets:write"
        )
            .With(name, operation, all, auth, scope, noScope, limit)
            .Does(
                async (call, cancellation) =>
                {
                    var (api, named) = (call.Get(name), call.Find(operation) ?? []);
                    var scopes = call.Get(scope) ?? [];
                    if (named.Length == 0 != call.Get(all))
                    {
                        throw Usage("say which operations: name them, or all of them by --all");
                    }

                    if (scopes.Length > 0 && call.Get(noScope))
                    {
                        throw Usage("give --scope or --no-scope, not both");
                    }

                    if (call.Get(auth) is null && call.Get(limit) is null && scopes.Length == 0 && !call.Get(noScope))
                    {
                        throw Usage("say what changes: --auth, --scope, --no-scope or --limit");
                    }

                    var change = new OperationChange
                    {
                        Method = "",
                        Path = "",
                        Auth = call.Get(auth) is { } word
                            ? Enum.GetValues<OperationAuth>().First(a => Word(a) == word)
                            : null,
                        Scopes =
                            call.Get(noScope) ? ImmutableArray<string>.Empty
                            : scopes.Length > 0 ? [.. scopes]
                            : null,
                        Policy = call.Get(limit) is "none" ? Plan.Unlimited : call.Get(limit),
                    };
                    var which = call.Get(all)
                        ? (await AllAsync(call, api, cancellation)).Select(o => (o.Method, o.Path))
                        : named.Select(ApiCommands.MethodAndPath);
                    var changed = await call.Manager.PatchOperationsOfApiAsync(
                        api,
                        [.. which.Select(o => change with { Method = o.Method, Path = o.Path })],
                        cancellation
                    );
                    call.Output.Say(
                        $"{(changed.Length == 1 ? "1 operation" : $"{changed.Length} operations")} of {api} changed"
                    );
                    Print(call, changed);
                    call.Output.Next($"gatehouse deploy {api} --wait");
                }
            );
    }

    private static Task<IReadOnlyList<OperationView>> AllAsync(Call call, string api, CancellationToken cancellation) =>
        Pages.AllAsync(
            (stop, limit, offset) => call.Manager.ListOperationsOfApiAsync(api, stop, limit: limit, offset: offset),
            cancellation
        );

    private static void Print(Call call, IReadOnlyList<OperationView> operations) =>
        call.Output.Items<OperationView>(
            "Operation",
            operations,
            new("METHOD", o => o.Method),
            new("PATH", o => o.Path),
            new("AUTH", o => Word(o.Auth)),
            new("SCOPES", o => o.Scopes.IsEmpty ? null : string.Join(", ", o.Scopes)),
            new("LIMIT", o => o.Policy, Drop: 2),
            new("SUMMARY", o => o.Summary, Drop: 1)
        );

    private static string Word(OperationAuth auth) =>
        System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName($"{auth}");

    private static CommandFailure Usage(string fix) => new(ExitCode.Usage, "this does not say what to do", fix: fix);
}
