using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Commands;
using Gatehouse.Model;

namespace Gatehouse.GitOps;

/// <summary>A kind whose resources are one document each, read and replaced whole by name.</summary>
/// <typeparam name="T">What is sent to replace one.</typeparam>
/// <typeparam name="TLive">What is listed.</typeparam>
/// <param name="word">The word after <c>kind:</c>.</param>
/// <param name="folder">The folder it is exported to.</param>
/// <param name="fromLive">What would have to be sent to make what is listed.</param>
/// <param name="check">What is wrong with one, as far as that can be told here.</param>
/// <param name="complete">Says what is meant where nothing is said; null when the type does.</param>
/// <param name="secrets">Members that are secrets as a whole, and stay out of files.</param>
/// <param name="isSource">False for what the cluster makes itself; null when it makes none.</param>
internal sealed class NamedKind<T, TLive>(
    string word,
    string folder,
    Func<TLive, T> fromLive,
    Func<T, ImmutableArray<Problem>> check,
    Func<T, T>? complete = null,
    Func<TLive, bool>? isSource = null,
    string[]? secrets = null
) : SourceKind
    where T : class
{
    // What a command plans from: looked at once, not for each of its files.
    private readonly ConditionalWeakTable<Call, Task<SortedDictionary<string, JsonObject>>> _plannedFrom = [];

    /// <summary>Reads the list.</summary>
    public required Func<ManagerApi, PageReader<TLive>> List { get; init; }

    /// <summary>Makes one, or replaces that of its name.</summary>
    public required Func<ManagerApi, string, T, CancellationToken, Task> Put { get; init; }

    /// <summary>Takes one away.</summary>
    public required Func<ManagerApi, string, CancellationToken, Task> Remove { get; init; }

    public override string Word => word;

    public override string Folder => folder;

    public override WantedResource? Read(SourceFile file, ICollection<Problem> problems)
    {
        var content = file.Content.DeepClone().AsObject();
        content.Remove("kind");
        if (TypedJson.Read<T>(file, content, problems) is not { } value)
        {
            return null;
        }

        var wrong = check(value);
        foreach (var problem in wrong)
        {
            problems.Add(file.At(problem.Pointer, problem.Message, problem.Fix));
        }

        var normal = TypedJson.Write(complete is null ? value : complete(value));
        return wrong.IsEmpty ? new(this, normal["name"]!.GetValue<string>(), normal, file) : null;
    }

    public override async Task<PlannedChange?> PlanAsync(
        Call call,
        WantedResource wanted,
        CancellationToken cancellation
    )
    {
        var live = (await PlannedFromAsync(call, cancellation)).GetValueOrDefault(wanted.Name);
        var differences = live is null ? [] : JsonDifference.Of(live, wanted.Content, wanted.File.Secrets);
        return live is not null && differences.IsEmpty
            ? null
            : new(live is null ? "create" : "update", Word, wanted.Name, differences)
            {
                Apply = async stop =>
                {
                    try
                    {
                        await Put(call.Manager, wanted.Name, TypedJson.Restore<T>(wanted.Content), stop);
                    }
                    catch (CommandFailure failure)
                    {
                        throw wanted.Locate(failure);
                    }
                },
            };
    }

    public override async Task<IReadOnlyList<string>> NamesAsync(Call call, CancellationToken cancellation) =>
        [.. (await PlannedFromAsync(call, cancellation)).Keys];

    public override PlannedChange Delete(Call call, string name) =>
        new("delete", Word, name, []) { Apply = stop => Remove(call.Manager, name, stop) };

    public override async Task ExportAsync(Call call, string directory, CancellationToken cancellation)
    {
        foreach (var (name, content) in await LiveAsync(call, cancellation))
        {
            var variables = new List<string>();
            foreach (var member in secrets ?? [])
            {
                content[member] = Secrets.ByName.Refer(member, content[member], name, variables);
            }

            if (variables.Count > 0)
            {
                call.Output.Warn(
                    $"{Word} {name} holds secrets, which were not written; set {string.Join(", ", variables)} before you apply it"
                );
            }

            WriteFile(Path.Combine(directory, Folder, SafeName(name) + ".yaml"), content);
        }
    }

    private Task<SortedDictionary<string, JsonObject>> PlannedFromAsync(Call call, CancellationToken cancellation) =>
        _plannedFrom.GetValue(call, c => LiveAsync(c, cancellation));

    private async Task<SortedDictionary<string, JsonObject>> LiveAsync(Call call, CancellationToken cancellation)
    {
        var all = new SortedDictionary<string, JsonObject>(StringComparer.Ordinal);
        var lives = await Pages.AllAsync(List(call.Manager), cancellation);
        foreach (var live in lives.Where(l => isSource?.Invoke(l) != false))
        {
            var json = TypedJson.Write(fromLive(live));
            all[json["name"]!.GetValue<string>()] = json;
        }

        return all;
    }
}
