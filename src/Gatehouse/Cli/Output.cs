using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Client;

namespace Gatehouse.Cli;

/// <summary>Where a command's results and messages go: data to standard output, everything else to standard error.</summary>
internal sealed class Output(Terminal terminal, OutputFormat format, bool quiet)
{
    private const string ApiVersion = "gatehouse/v1";

    /// <summary>How documents are printed.</summary>
    public static JsonSerializerOptions Json => s_json;

    private static readonly JsonSerializerOptions s_json = new(ManagerClient.Json)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // for a terminal or a file, never for a page
    };

    /// <summary>How data is printed.</summary>
    public OutputFormat Format => format;

    /// <summary>Prints a list: as a table, or whole as JSON or YAML.</summary>
    public void Items<T>(string kind, IReadOnlyList<T> items, params IReadOnlyList<Column<T>> columns)
    {
        if (format != OutputFormat.Table)
        {
            Document(
                new JsonObject
                {
                    ["apiVersion"] = ApiVersion,
                    ["kind"] = kind,
                    ["items"] = JsonSerializer.SerializeToNode(items, s_json),
                }
            );
        }
        else if (items.Count == 0)
        {
            Message("none");
        }
        else
        {
            TextTable.Write(terminal, columns, items);
        }
    }

    /// <summary>Prints one thing: as lines of <c>name   value</c>, or whole as JSON or YAML.</summary>
    public void Item<T>(string kind, T item, params IReadOnlyList<(string Name, string? Value)> lines)
    {
        if (format != OutputFormat.Table)
        {
            var document = new JsonObject { ["apiVersion"] = ApiVersion, ["kind"] = kind };
            if (JsonSerializer.SerializeToNode(item, s_json) is JsonObject fields)
            {
                foreach (var (name, value) in fields)
                {
                    document[name] = value?.DeepClone();
                }
            }

            Document(document);
            return;
        }

        var width = lines.Where(l => l.Value is not null).Select(l => l.Name.Length).DefaultIfEmpty().Max();
        foreach (var (name, value) in lines.Where(l => l.Value is not null))
        {
            terminal.Out.WriteLine($"{name.PadRight(width)}  {value}");
        }
    }

    /// <summary>Prints data as it is.</summary>
    public void Line(string text) => terminal.Out.WriteLine(text);

    /// <summary>Prints a JSON document as JSON or YAML; as a table it is JSON too.</summary>
    public void Document(JsonNode document) => terminal.Out.WriteLine(TextOf(document));

    /// <summary>Tells the user something on standard error; not with <c>-q</c>.</summary>
    public void Say(string text)
    {
        if (!quiet)
        {
            terminal.Error.WriteLine(text);
        }
    }

    /// <summary>Suggests the next command; only to a person.</summary>
    public void Next(string command)
    {
        if (terminal.Interactive && format == OutputFormat.Table)
        {
            Say($"Next: {command}");
        }
    }

    /// <summary>Warns on standard error.</summary>
    public void Warn(string text) => terminal.Error.WriteLine($"{Paint("warning:", "33")} {text}");

    /// <summary>Writes to standard error, also with <c>-q</c>.</summary>
    public void Message(string text) => terminal.Error.WriteLine(text);

    /// <summary>Prints why a command failed on standard error: as lines, or with <c>-o json|yaml</c> as one problem (RFC 9457).</summary>
    public void Failure(CommandFailure failure)
    {
        if (format != OutputFormat.Table)
        {
            terminal.Error.WriteLine(TextOf(FailureDocument(failure)));
            return;
        }

        if (failure.Problems.IsEmpty)
        {
            WriteError(failure.Message, failure.Where, failure.Fix);
            return;
        }

        foreach (var problem in failure.Problems)
        {
            WriteError(problem.Message, Place(problem), problem.Fix);
        }

        // A list of one needs no heading.
        if (failure.Problems is [var only] && only.Message == failure.Message)
        {
            return;
        }

        terminal.Error.WriteLine(failure.Message);
        if (failure.Fix is not null)
        {
            terminal.Error.WriteLine($"  fix    {failure.Fix}");
        }
    }

    private void WriteError(string what, string? where, string? fix)
    {
        terminal.Error.WriteLine($"{Paint("error:", "31")} {what}");
        if (where is not null)
        {
            terminal.Error.WriteLine($"  where  {where}");
        }

        if (fix is not null)
        {
            terminal.Error.WriteLine($"  fix    {fix}");
        }
    }

    private static string? Place(Model.Problem problem)
    {
        var place = problem.File is null
            ? problem.Line > 0
                ? $"line {problem.Line}, column {Math.Max(problem.Column, 1)}"
                : ""
            : problem.Line > 0
                ? $"{problem.File}:{problem.Line}:{Math.Max(problem.Column, 1)}"
                : problem.File;
        return (place, problem.Pointer) switch
        {
            ("", "") => null,
            ("", var pointer) => pointer,
            (_, "") => place,
            (_, var pointer) => $"{place} ({pointer})",
        };
    }

    private static JsonObject FailureDocument(CommandFailure failure)
    {
        var document = new JsonObject
        {
            ["type"] = "about:blank",
            ["title"] = TitleOf(failure.Code),
            ["detail"] = failure.Message,
            ["exitCode"] = (int)failure.Code,
        };
        if (failure.Status is { } status)
        {
            document["status"] = status;
        }

        if (failure.Where is not null)
        {
            document["instance"] = failure.Where;
        }

        if (failure.Fix is not null)
        {
            document["fix"] = failure.Fix;
        }

        if (!failure.Problems.IsEmpty)
        {
            document["errors"] = new JsonArray([
                .. failure.Problems.Select(p =>
                    JsonSerializer.SerializeToNode(
                        new
                        {
                            pointer = p.Pointer,
                            detail = p.Message,
                            fix = p.Fix,
                            file = p.File,
                            line = p.Line > 0 ? p.Line : (int?)null,
                            column = p.Column > 0 ? p.Column : (int?)null,
                        },
                        s_json
                    )
                ),
            ]);
        }

        return document;
    }

    // The same for the same exit code (RFC 9457 §3.1.3); what happened this time is the detail.
    private static string TitleOf(ExitCode code) =>
        code switch
        {
            ExitCode.Usage => "Wrong usage of the command line",
            ExitCode.Invalid => "Invalid input",
            ExitCode.Unreachable => "Manager or node not reachable",
            ExitCode.NotAllowed => "Not signed in, or not allowed",
            ExitCode.NotFound => "Not found",
            ExitCode.Conflict => "Conflict",
            ExitCode.TimedOut => "Timed out",
            ExitCode.Partly => "Partly done",
            ExitCode.Pending => "Changes are pending",
            ExitCode.Interrupted => "Interrupted",
            _ => "Failed",
        };

    private string TextOf(JsonNode document) =>
        format == OutputFormat.Yaml ? YamlText.Of(document).TrimEnd('\n') : document.ToJsonString(s_json);

    private string Paint(string text, string colour) => terminal.Color ? $"\e[{colour}m{text}\e[0m" : text;
}
