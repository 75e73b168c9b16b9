using System.CommandLine;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Wso2;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse import wso2</c>: reads an old installation into files of ours, with a report of every line that was read.</summary>
internal static class ImportCommands
{
    public static Command Create() =>
        new Command("import", "Take over what another system holds").With(FromWso2(), ImportDatabaseCommand.Create());

    private static Command FromWso2()
    {
        var source = new Argument<string>("source")
        {
            Description =
                "A WSO2 home (with repository/conf), a synapse-configs folder, an apictl project or .zip, or a directory of these",
            HelpName = "DIR",
        };
        var nginx = new Option<string?>("--nginx")
        {
            Description = "NGINX files of its load balancer: a directory with nginx.conf or vhosts",
            HelpName = "DIR",
        };
        var to = new Option<string>("--out")
        {
            Description = "Where to write (default: gatehouse-import)",
            HelpName = "DIR",
            DefaultValueFactory = _ => "gatehouse-import",
        };
        var apply = new Option<bool>("--apply")
        {
            Description = "Also import the APIs, plans and limits into the cluster you are signed in to",
        };
        var all = new Option<bool>("--all")
        {
            Description = "Print every line; without it, what is not needed is counted",
        };
        return new Command("wso2", "Turn a WSO2 installation, its APIs and its NGINX files into ours")
            .With(source, nginx, to, apply, all)
            .Does(
                async (call, cancellation) =>
                {
                    var import = Import.Read(call.Get(source), call.Get(nginx));
                    EnsureRead(import);
                    var folder = Path.GetFullPath(call.Get(to)!);
                    ImportFiles.Write(folder, import);
                    Print(call, import, folder, call.Get(all));
                    var failed = call.Get(apply) ? await ApplyAsync(call, import, folder, cancellation) : 0;
                    return End(call, import, folder, failed);
                }
            );
    }

    /// <summary>Fails, before anything is written, when a place to read is not there or nothing in it could be read.</summary>
    public static void EnsureRead(Import import)
    {
        if (!import.HasItsInputs || (import.Log.Findings.Count == 0 && import.Log.Problems.Count > 0))
        {
            throw CommandFailure.Invalid("nothing is written", [.. import.Log.Problems]);
        }
    }

    /// <summary>Says what could not be read, and how the command ends.</summary>
    public static ExitCode End(Call call, Import import, string folder, int failed)
    {
        if (import.Log.Problems.Count == 0)
        {
            return failed == 0 ? ExitCode.Done : ExitCode.Partly;
        }

        call.Output.Failure(
            CommandFailure.Invalid(
                $"{import.Log.Problems.Count} file{(import.Log.Problems.Count == 1 ? "" : "s")} or values could not be read; the rest is in {folder}",
                [.. import.Log.Problems]
            )
        );
        return ExitCode.Partly;
    }

    public static void Print(Call call, Import import, string folder, bool all)
    {
        if (call.Output.Format != OutputFormat.Table)
        {
            call.Output.Document(ImportReport.Json(import));
            return;
        }

        var shown = import
            .Log.Findings.Where(f => all || f.Outcome != Outcome.NotNeeded)
            .OrderBy(f => Rank(f.Outcome))
            .ToList();
        if (shown.Count > 0)
        {
            call.Output.Items<Finding>(
                "Finding",
                shown,
                new("OUTCOME", f => f.Outcome.Words()),
                new("WHERE", f => Short(f.Place)),
                new("WHAT", f => f.Value is null ? f.Element : $"{f.Element} = {f.Value}"),
                new("BECAME, OR WHY", f => string.Join("; ", new[] { f.Target, f.Note }.OfType<string>()))
            );
        }

        call.Output.Say(
            string.Join(
                ", ",
                Enum.GetValues<Outcome>().Select(o => $"{import.Log.Findings.Count(f => f.Outcome == o)} {o.Words()}")
            )
                + $"; {import.Apis.Length} APIs, {import.Limits.Length} plans and limits"
                + (
                    import.Applications.IsEmpty
                        ? ""
                        : $", {import.Applications.Length} applications with {import.Applications.Sum(a => a.Tokens.Length)} tokens"
                )
        );
        call.Output.Say($"Written to {folder}: report.html has every line");
        if (!import.Apis.IsEmpty)
        {
            call.Output.Next($"gatehouse api import {Path.Combine(folder, "apis", import.Apis[0].Folder)} --deploy");
        }
    }

    private static int Rank(Outcome outcome) =>
        outcome switch
        {
            Outcome.Dangerous => 0,
            Outcome.NeedsYou => 1,
            Outcome.Converted => 2,
            _ => 3,
        };

    private static string Short(Place place)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, place.File);
        return (place with { File = relative.Length < place.File.Length ? relative : place.File }).ToString();
    }

    // Plans and limits first: an API names them. What fails is told, the rest goes on.
    private static async Task<int> ApplyAsync(Call call, Import import, string folder, CancellationToken cancellation)
    {
        var failed = await ApplyLimitsAsync(call, import, cancellation);
        foreach (var api in import.Apis)
        {
            try
            {
                var found = ApiFolder.Find(Path.Combine(folder, "apis", api.Folder))!;
                using var content = new ByteArrayContent(await DocumentSource.ReadAsync(found.Document, cancellation));
                content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
                var view = await ApiCommands.ImportAsync(
                    call,
                    found.Document,
                    found.Import with
                    {
                        Update = true,
                    },
                    content,
                    cancellation
                );
                call.Output.Say($"{view.Api.Id} is {(view.Created ? "imported" : "updated")} at {view.Api.Address}");
            }
            catch (CommandFailure failure) when (failure.Code is not (ExitCode.Unreachable or ExitCode.NotAllowed))
            {
                call.Output.Failure(failure);
                failed++;
            }
        }

        return failed;
    }

    /// <summary>Makes the plans and limits; how many failed.</summary>
    public static async Task<int> ApplyLimitsAsync(Call call, Import import, CancellationToken cancellation)
    {
        var failed = 0;
        foreach (var limit in import.Limits)
        {
            try
            {
                if (limit.IsAssumed && await SetByOperatorAsync(call.Manager, limit, cancellation) is { } own)
                {
                    call.Output.Say($"{limit.Kind}/{limit.Name} is kept at {own}, which an operator set");
                    continue;
                }

                await PutAsync(call.Manager, limit, cancellation);
                call.Output.Say($"{limit.Kind}/{limit.Name} is there");
            }
            catch (CommandFailure failure) when (failure.Code is not (ExitCode.Unreachable or ExitCode.NotAllowed))
            {
                call.Output.Failure(failure);
                failed++;
            }
        }

        return failed;
    }

    /// <summary>A document that an import made, as the manager takes it; <paramref name="what"/> it is of is named when it is none.</summary>
    public static T As<T>(JsonObject document, string what)
    {
        try
        {
            return document.Deserialize<T>(ManagerClient.Json)!;
        }
        catch (JsonException e)
        {
            throw new CommandFailure(
                ExitCode.Invalid,
                $"it cannot be taken over: {(e.InnerException ?? e).Message.Split(" Path:")[0]}",
                what,
                "mend it where it came from, or make it by hand",
                cause: e
            );
        }
    }

    private static Task PutAsync(ManagerApi manager, ImportedLimit limit, CancellationToken cancellation)
    {
        return limit.Kind switch
        {
            "plans" => manager.PutPlanAsync(limit.Name, Read<Plan>(), cancellation),
            "application-policies" => manager.PutApplicationPolicyAsync(
                limit.Name,
                Read<ApplicationPolicy>(),
                cancellation
            ),
            "api-policies" => manager.PutApiPolicyAsync(limit.Name, Read<ApiPolicy>(), cancellation),
            _ => throw new InvalidOperationException($"'{limit.Kind}' is no kind of limit."),
        };

        T Read<T>() => As<T>(limit.Document, $"{limit.Kind}/{limit.Name}");
    }

    // What it grants, when that is not what a new catalogue begins with; null when it does, and when there is none.
    private static async Task<string?> SetByOperatorAsync(
        ManagerApi manager,
        ImportedLimit limit,
        CancellationToken cancellation
    )
    {
        try
        {
            switch (limit.Kind)
            {
                case "plans":
                    var plan = await manager.GetPlanAsync(limit.Name, cancellation);
                    var isOurs =
                        plan.Burst is null
                        && DefaultPolicies.Plans.Any(p => p.Name == plan.Name && p.Quota == plan.Quota);
                    return isOurs ? null : Text(plan.Quota);
                case "application-policies":
                    return Text((await manager.GetApplicationPolicyAsync(limit.Name, cancellation)).Quota);
                default:
                    return Text((await manager.GetApiPolicyAsync(limit.Name, cancellation)).Quota);
            }
        }
        catch (CommandFailure failure) when (failure.Code == ExitCode.NotFound)
        {
            return null;
        }

        static string Text(Quota? quota) => quota?.ToString() ?? "no bound";
    }
}
