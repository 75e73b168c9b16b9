using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse audit list | verify | export</c>: who did what, and whether the record of it is whole.</summary>
internal static class AuditCommands
{
    private const int MostAtOnce = 500;

    public static Command Create() =>
        new Command("audit", "Who did what, and whether that record is whole").With(List(), Verify(), Export());

    private static Command List()
    {
        var limit = new Option<int>("--limit")
        {
            Description = "How many entries, newest first",
            HelpName = "N",
            DefaultValueFactory = _ => 20,
        };
        return new Command("list", "The newest entries")
            .With(limit)
            .Does(
                async (call, cancellation) =>
                {
                    var page = await call.Manager.GetAuditAsync(
                        cancellation,
                        limit: Math.Clamp(call.Get(limit), 1, MostAtOnce)
                    );
                    call.Output.Items(
                        "AuditEntry",
                        page.Entries,
                        new("ID", e => e.Id.ToString(CultureInfo.InvariantCulture)),
                        new("AT", e => e.At.ToString("u", CultureInfo.InvariantCulture)),
                        new("WHO", e => e.Actor),
                        new("FROM", e => e.From),
                        new("WHAT", e => e.Summary)
                    );
                }
            );
    }

    private static Command Verify() =>
        new Command("verify", "Follow the chain over every entry; fails when one was edited or is missing").Does(
            async (call, cancellation) =>
            {
                var verdict = await call.Manager.GetAuditVerdictAsync(cancellation);
                if (!verdict.Whole)
                {
                    throw new CommandFailure(
                        ExitCode.Failed,
                        $"the audit is broken at entry {verdict.BrokenAt}: it was edited, or one before it is missing",
                        fix: "compare with an export or a backup made before"
                    );
                }

                call.Output.Item("AuditVerdict", verdict, ("audit", "whole"));
            }
        );

    private static Command Export() =>
        new Command("export", "Every entry as a JSON object a line, newest first, with its link of the chain").Does(
            async (call, cancellation) =>
            {
                long? before = null;
                do
                {
                    var page = await call.Manager.GetAuditAsync(cancellation, before, MostAtOnce);
                    foreach (var entry in page.Entries)
                    {
                        call.Output.Line(JsonSerializer.Serialize(entry, JsonSerializerOptions.Web));
                    }

                    before = page.Next;
                } while (before is not null);
            }
        );
}
