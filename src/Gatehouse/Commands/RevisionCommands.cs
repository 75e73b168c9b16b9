using System.CommandLine;
using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse revision list | diff</c>.</summary>
internal static class RevisionCommands
{
    public static Command Create() => new Command("revision", "Look at what was deployed").With(List(), Diff());

    private static Command List()
    {
        var name = ApiCommands.Name();
        return new Command("list", "List the revisions of an API, the newest first")
            .With(name)
            .Does(
                async (call, cancellation) =>
                    call.Output.Items<RevisionView>(
                        "Revision",
                        await Pages.AllAsync(
                            (stop, limit, offset) =>
                                call.Manager.ListRevisionsOfApiAsync(call.Get(name), stop, limit, offset),
                            cancellation
                        ),
                        new("REVISION", r => $"r{r.Number}"),
                        new("DEPLOYED", r => r.IsDeployed ? "yes" : null),
                        new("BY", r => r.CreatedBy, Drop: 1),
                        new("AT", r => r.CreatedAt.ToString("u", CultureInfo.InvariantCulture), Drop: 2),
                        new("DIGEST", r => r.Digest.ToString()[..12], Drop: 3),
                        new("MESSAGE", r => r.Message, Drop: 4)
                    )
            );
    }

    private static Command Diff()
    {
        var name = ApiCommands.Name();
        var from = Revision("from", "The older revision (default: the newest one)");
        var to = Revision("to", "The newer revision (default: what a deployment would make now)");
        return new Command("diff", "Show what differs between two revisions")
            .With(name, from, to)
            .Does(
                async (call, cancellation) =>
                {
                    var diff = await call.Manager.GetDiffOfApiAsync(
                        call.Get(name),
                        cancellation,
                        from: call.Find(from),
                        to: call.Find(to)
                    );
                    if (call.Output.Format != OutputFormat.Table)
                    {
                        call.Output.Item("RevisionDiff", diff);
                        return;
                    }

                    Print(call, diff);
                }
            );
    }

    private static void Print(Call call, RevisionDiff diff)
    {
        if (diff.Changes.IsEmpty && diff.Document == "")
        {
            call.Output.Say($"{diff.From} and {diff.To} are the same");
            return;
        }

        foreach (var change in diff.Changes)
        {
            var sign = change switch
            {
                { Before: null } => '+',
                { After: null } => '-',
                _ => '~',
            };
            var values = sign == '~' ? $"  {change.Before} -> {change.After}" : "";
            call.Output.Line($"{sign} {change.What}{values}{(change.IsBreaking ? "  (callers may fail)" : "")}");
        }

        if (diff.Document is null)
        {
            call.Output.Say("the documents differ in more than 1000 lines and are not shown");
        }
        else if (diff.Document.Length > 0)
        {
            call.Output.Line($"--- {diff.From}");
            call.Output.Line($"+++ {diff.To}");
            // A publisher wrote the document; a terminal must not obey it.
            call.Output.Line(
                string.Concat(
                    diff.Document.TrimEnd('\n').Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? '·' : c)
                )
            );
        }
    }

    private static Argument<int?> Revision(string name, string description) =>
        new(name)
        {
            Description = description,
            HelpName = "rN",
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = DeployCommands.ParseRevision,
        };
}
