using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Model;

namespace Gatehouse.GitOps;

/// <summary>What a directory of sources may hold of one kind: how it is read, compared with what there is, and made so.</summary>
internal abstract class SourceKind
{
    /// <summary>The word after <c>kind:</c>.</summary>
    public abstract string Word { get; }

    /// <summary>The folder that <c>export</c> writes it to.</summary>
    public abstract string Folder { get; }

    /// <summary>What a file wants; null when something is wrong with it, which <paramref name="problems"/> then says.</summary>
    public abstract WantedResource? Read(SourceFile file, ICollection<Problem> problems);

    /// <summary>What has to be done for it; null for nothing. Changes nothing by itself.</summary>
    public abstract Task<PlannedChange?> PlanAsync(Call call, WantedResource wanted, CancellationToken cancellation);

    /// <summary>The names of what there is.</summary>
    public abstract Task<IReadOnlyList<string>> NamesAsync(Call call, CancellationToken cancellation);

    /// <summary>Takes one away.</summary>
    public abstract PlannedChange Delete(Call call, string name);

    /// <summary>Writes all there is as files below a directory.</summary>
    public abstract Task ExportAsync(Call call, string directory, CancellationToken cancellation);

    /// <summary>A file's path for a name that may hold anything.</summary>
    protected static string SafeName(string name) =>
        string.Concat(name.Select(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.' or ' ' ? c : '_'))
            .Trim('.', ' ')
            is { Length: > 0 } safe
            ? safe
            : "_";

    /// <summary>Writes a document with its kind in front, without members that hold nothing.</summary>
    protected void WriteFile(string path, JsonObject content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var document = new JsonObject { ["kind"] = Word };
        foreach (var (name, value) in content)
        {
            if (value is not null and not JsonArray { Count: 0 } and not JsonObject { Count: 0 })
            {
                document[name] = value.DeepClone();
            }
        }

        File.WriteAllText(path, YamlText.Of(document));
    }
}

/// <summary>One resource as a file wants it.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Name">Its name, unique within the kind.</param>
/// <param name="Content">Its content in the form that is compared.</param>
/// <param name="File">Where it was written.</param>
internal sealed record WantedResource(SourceKind Kind, string Name, JsonObject Content, SourceFile File)
{
    /// <summary>What somebody should know who applies it; null for nothing.</summary>
    public string? Warning { get; init; }

    /// <summary>The same failure, told by places in the file, or in the OpenAPI document beside it.</summary>
    public CommandFailure Locate(CommandFailure failure, string? document = null) =>
        failure.Problems.IsEmpty
            ? new(failure.Code, failure.Message, File.Path, failure.Fix, cause: failure)
            : new(
                failure.Code,
                failure.Message,
                File.Path,
                failure.Fix,
                [
                    .. failure.Problems.Select(p =>
                        p.Line > 0 ? p with { File = document ?? p.File } : File.At(p.Pointer, p.Message, p.Fix)
                    ),
                ],
                failure
            );
}

/// <summary>What is done to one resource.</summary>
/// <param name="Action"><c>create</c>, <c>update</c> or <c>delete</c>.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Name">Its name.</param>
/// <param name="Differences">What differs; empty when it is created or deleted.</param>
internal sealed record PlannedChange(string Action, string Kind, string Name, ImmutableArray<Difference> Differences)
{
    /// <summary>Does it.</summary>
    public required Func<CancellationToken, Task> Apply { get; init; }

    /// <summary>Does what has to wait until everything else is done; null for nothing.</summary>
    public Func<CancellationToken, Task>? Finish { get; init; }
}
