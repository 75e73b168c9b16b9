using System.CommandLine;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse api scopes list | set | delete</c>: the scopes that an API has.</summary>
internal static class ScopeCommands
{
    public static Command Create() =>
        new Command("scopes", "The scopes of an API, and which roles may have them").With(List(), Set(), Delete());

    private static Command List()
    {
        var name = ApiCommands.Name();
        return new Command("list", "List the scopes of an API")
            .With(name)
            .Does(
                async (call, cancellation) =>
                    Print(
                        call,
                        await Pages.AllAsync(
                            (stop, limit, offset) =>
                                call.Manager.ListScopesOfApiAsync(call.Get(name), stop, limit: limit, offset: offset),
                            cancellation
                        )
                    )
            );
    }

    private static Command Set()
    {
        var (name, scope) = (ApiCommands.Name(), Scope());
        var description = new Option<string?>("--description")
        {
            Description = "For people; who is asked for consent reads it",
            HelpName = "TEXT",
        };
        var role = new Option<string[]>("--role")
        {
            Description = "A user must have this role, or another that is given, to get it; may be given several times",
            HelpName = "ROLE",
        };
        var noRole = new Option<bool>("--no-role") { Description = "Everybody may have it, applications too" };
        return new Command("set", "Make a scope of an API, or change what is said of it")
            .With(name, scope, description, role, noRole)
            .Does(
                async (call, cancellation) =>
                {
                    var roles = call.Get(role) ?? [];
                    if (roles.Length > 0 && call.Get(noRole))
                    {
                        throw new CommandFailure(
                            ExitCode.Usage,
                            "both --role and --no-role were given",
                            fix: "give one"
                        );
                    }

                    var set = await call.Manager.PutScopeOfApiAsync(
                        call.Get(name),
                        call.Get(scope),
                        new SetApiScope
                        {
                            Description = call.Get(description),
                            Roles = roles.Length > 0 || call.Get(noRole) ? [.. roles] : null,
                        },
                        cancellation
                    );
                    Print(call, [set]);
                    call.Output.Next($"gatehouse api operations set {call.Get(name)} OPERATION --scope {set.Name}");
                }
            );
    }

    private static Command Delete()
    {
        var (name, scope) = (ApiCommands.Name(), Scope());
        var yes = Confirmation.Yes();
        return new Command("delete", "Take a scope away that no operation asks for")
            .With(name, scope, yes)
            .Does(
                async (call, cancellation) =>
                {
                    Confirmation.Ask(
                        call,
                        yes,
                        call.Get(scope),
                        $"No new token gets the scope {call.Get(scope)} once no other API has it."
                    );
                    await call.Manager.DeleteScopeOfApiAsync(call.Get(name), call.Get(scope), cancellation);
                    call.Output.Say($"{call.Get(scope)} is deleted");
                }
            );
    }

    private static Argument<string> Scope() =>
        new("scope") { Description = "The scope, as it stands in tokens", HelpName = "SCOPE" };

    private static void Print(Call call, IReadOnlyList<ApiScopeView> scopes) =>
        call.Output.Items<ApiScopeView>(
            "Scope",
            scopes,
            new("SCOPE", s => s.Name),
            new("DESCRIPTION", s => s.Description, Drop: 1),
            new("ROLES", s => s.Roles.IsEmpty ? "everybody" : string.Join(", ", s.Roles)),
            new("OPERATIONS", s => s.Operations.IsEmpty ? "none" : string.Join(", ", s.Operations))
        );
}
