using System.Collections.Immutable;
using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.GitOps;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse check | diff | apply | export -f DIR</c>: a directory of sources, and the catalogue made equal to it.</summary>
internal static class GitOpsCommands
{
    private static readonly JsonSerializerOptions s_plan = new(Output.Json);

    public static IEnumerable<Command> Create() => [Check(), Diff(), Apply(), Export()];

    private static Option<string> From() =>
        new("--from", "-f")
        {
            Description = "The directory of sources",
            HelpName = "DIR",
            Required = true,
        };

    private static Option<bool> Prune() =>
        new("--prune") { Description = "Delete what the directory does not hold, of the kinds it holds some of" };

    private static Command Check()
    {
        var directory = From();
        return new Command("check", "Read a directory of sources and tell everything that is wrong; asks no manager")
            .With(directory)
            .Does(
                (call, _) =>
                {
                    var wanted = Read(call, call.Get(directory)!);
                    call.Output.Say(
                        wanted.IsEmpty
                            ? "There is nothing in it"
                            : "Good: "
                                + string.Join(
                                    ", ",
                                    wanted.GroupBy(w => w.Kind.Word).Select(g => $"{g.Count()} {g.Key}")
                                )
                    );
                    return Task.CompletedTask;
                }
            );
    }

    private static ImmutableArray<WantedResource> Read(Call call, string directory)
    {
        var wanted = SourceTree.Read(directory, call.Terminal);
        foreach (var warning in wanted.Select(w => w.Warning).OfType<string>())
        {
            call.Output.Warn(warning);
        }

        return wanted;
    }

    private static Command Diff()
    {
        var (directory, prune) = (From(), Prune());
        var zero = new Option<bool>("--exit-zero") { Description = "Exit 0 when there are differences too" };
        var plan = new Option<string?>("--plan")
        {
            Description = "Write what would be done to a file, for 'apply --plan'",
            HelpName = "FILE",
        };
        return new Command("diff", "What 'apply' would change; exits 10 when there is anything")
            .With(directory, prune, zero, plan)
            .Does(
                async (call, cancellation) =>
                {
                    var changes = await PlanAsync(call, call.Get(directory)!, call.Get(prune), cancellation);
                    Show(call, changes);
                    if (call.Get(plan) is { } file)
                    {
                        await File.WriteAllTextAsync(
                            file,
                            JsonSerializer.Serialize(new SavedPlan(DigestOf(changes), Views(changes)), s_plan),
                            cancellation
                        );
                    }

                    return changes.IsEmpty || call.Get(zero) ? ExitCode.Done : ExitCode.Pending;
                }
            );
    }

    private static Command Apply()
    {
        var (directory, prune, yes) = (From(), Prune(), Confirmation.Yes());
        var plan = new Option<string?>("--plan")
        {
            Description = "Do exactly what 'diff --plan FILE' wrote, or nothing when it would be something else by now",
            HelpName = "FILE",
        };
        return new Command("apply", "Make the catalogue what a directory says")
            .With(directory, prune, plan, yes)
            .Does(
                async (call, cancellation) =>
                {
                    var changes = await PlanAsync(call, call.Get(directory)!, call.Get(prune), cancellation);
                    if (call.Get(plan) is { } file)
                    {
                        await EnsureSameAsync(file, changes, cancellation);
                    }

                    if (changes.Count(c => c.Action == "delete") is > 0 and var gone)
                    {
                        Show(call, changes);
                        Confirmation.Ask(call, yes, "prune", $"{gone} of these are deletions, which cannot be undone.");
                    }

                    var done = 0;
                    foreach (var change in changes)
                    {
                        await DoAsync(call, change, change.Apply, $"{done} of {changes.Length}", cancellation);
                        done++;
                        call.Output.Say($"{change.Action}d {change.Kind} {change.Name}");
                    }

                    foreach (var change in changes.Where(c => c.Finish is not null))
                    {
                        await DoAsync(call, change, change.Finish!, "All but the last steps of the", cancellation);
                    }

                    if (call.Output.Format != OutputFormat.Table)
                    {
                        call.Output.Items<ChangeView>("Change", Views(changes));
                    }
                    else if (changes.IsEmpty)
                    {
                        call.Output.Say("Nothing to change");
                    }
                }
            );
    }

    private static async Task DoAsync(
        Call call,
        PlannedChange change,
        Func<CancellationToken, Task> act,
        string before,
        CancellationToken cancellation
    )
    {
        try
        {
            await act(cancellation);
        }
        catch (CommandFailure failure)
        {
            call.Output.Warn($"{before} changes were made before this; run it again when it is mended");
            throw new CommandFailure(
                failure.Code,
                $"{change.Kind} {change.Name}: {failure.Message}",
                failure.Where,
                failure.Fix,
                failure.Problems,
                failure
            );
        }
    }

    private static Command Export()
    {
        var directory = new Option<string>("--from", "-f", "--out")
        {
            Description = "The directory to write to",
            HelpName = "DIR",
            Required = true,
        };
        return new Command("export", "Write the catalogue as a directory of sources; no secret is in it")
            .With(directory)
            .Does(
                async (call, cancellation) =>
                {
                    var to = call.Get(directory)!;
                    foreach (var kind in SourceTree.Kinds)
                    {
                        try
                        {
                            await kind.ExportAsync(call, to, cancellation);
                        }
                        catch (CommandFailure failure) when (failure.Code == ExitCode.NotAllowed)
                        {
                            call.Output.Warn($"{kind.Word} is left out: {failure.Message}");
                        }
                    }

                    call.Output.Say($"Written to {to}");
                    call.Output.Next($"gatehouse diff -f {to}");
                }
            );
    }

    private static async Task<ImmutableArray<PlannedChange>> PlanAsync(
        Call call,
        string directory,
        bool prune,
        CancellationToken cancellation
    )
    {
        var wanted = Read(call, directory);
        var changes = ImmutableArray.CreateBuilder<PlannedChange>();
        foreach (var resource in wanted)
        {
            if (await resource.Kind.PlanAsync(call, resource, cancellation) is { } change)
            {
                changes.Add(change);
            }
        }

        if (prune)
        {
            // What others name goes last.
            foreach (var kind in SourceTree.Kinds.Reverse())
            {
                var kept = wanted.Where(w => w.Kind == kind).Select(w => w.Name).ToHashSet(StringComparer.Ordinal);
                if (kept.Count > 0)
                {
                    changes.AddRange(
                        (await kind.NamesAsync(call, cancellation))
                            .Where(n => !kept.Contains(n))
                            .Select(n => kind.Delete(call, n))
                    );
                }
            }
        }

        return changes.ToImmutable();
    }

    private static void Show(Call call, ImmutableArray<PlannedChange> changes)
    {
        if (call.Output.Format != OutputFormat.Table)
        {
            call.Output.Items<ChangeView>("Change", Views(changes));
            return;
        }

        foreach (var change in changes)
        {
            call.Output.Line($"{change.Action} {change.Kind} {change.Name}");
            foreach (var difference in change.Differences)
            {
                call.Output.Line($"  {difference}");
            }
        }

        if (changes.IsEmpty)
        {
            call.Output.Say("No differences");
        }
    }

    private static async Task EnsureSameAsync(
        string file,
        ImmutableArray<PlannedChange> changes,
        CancellationToken cancellation
    )
    {
        SavedPlan? saved;
        try
        {
            saved = JsonSerializer.Deserialize<SavedPlan>(await File.ReadAllTextAsync(file, cancellation), s_plan);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCode.Invalid, $"this is no plan: {e.Message}", file, cause: e);
        }

        if (saved?.Digest != DigestOf(changes))
        {
            throw new CommandFailure(
                ExitCode.Conflict,
                "what would be done now is not what the plan says: the directory or the catalogue changed since",
                file,
                "look at 'gatehouse diff' and write a new plan"
            );
        }
    }

    private static ImmutableArray<ChangeView> Views(ImmutableArray<PlannedChange> changes) =>
        [.. changes.Select(c => new ChangeView(c.Action, c.Kind, c.Name, c.Differences))];

    private static string DigestOf(ImmutableArray<PlannedChange> changes) =>
        Convert.ToHexStringLower(
            SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(Views(changes), s_plan)))
        );

    private sealed record SavedPlan(string Digest, ImmutableArray<ChangeView> Changes);

    private sealed record ChangeView(string Action, string Kind, string Name, ImmutableArray<Difference> Differences);
}
