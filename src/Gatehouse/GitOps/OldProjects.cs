using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;
using Gatehouse.Wso2;

namespace Gatehouse.GitOps;

/// <summary>
/// API projects of WSO2's apictl among the sources: a project wants what <c>gatehouse import wso2</c> makes of it. Its state, its
/// deployment and its listing stay as they are.
/// </summary>
internal static class OldProjects
{
    private const string OlderFolder = "Meta-information";
    private static readonly string[] s_files = ["api.yaml", "api.json"];

    /// <summary>The folders of a directory that are projects, itself included; what lies in one is no source of ours.</summary>
    public static List<string> Find(string directory, Terminal terminal) =>
        [
            .. Directory
                .EnumerateDirectories(directory, "*", SearchOption.AllDirectories)
                .Prepend(directory)
                .Where(folder => !Path.GetRelativePath(directory, folder).Split('/', '\\').Any(IsPassedOver))
                .Where(folder => FileOf(folder) is { } file && IsProject(file, terminal))
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>What a project wants; null when something is wrong with it, which <paramref name="problems"/> then says.</summary>
    public static WantedResource? Read(string folder, ApiKind kind, Terminal terminal, List<Problem> problems)
    {
        var import = Import.Read(folder, nginx: null);
        problems.AddRange(import.Log.Problems);
        if (
            import.Apis is not [var api]
            || SourceFile.Read(FileOf(folder)!, terminal, problems) is not { } file
            || import.Log.Problems.Count > 0
        )
        {
            if (import.Log.Problems.Count == 0)
            {
                problems.Add(
                    new("", "no API comes of this project", $"gatehouse import wso2 {folder} says why", FileOf(folder))
                );
            }

            return null;
        }

        try
        {
            var source = ApiSource.Of(SettingsOf(api), api.Document.ToJsonString(), api.IsDefaultVersion);
            if (source.Check(api.Name, api.Version) is { IsEmpty: false } wrong)
            {
                throw new ProblemsException(wrong);
            }

            return new(
                kind,
                Api.EntityName(api.Name, api.Version),
                new JsonObject { ["source"] = TypedJson.Write(source) },
                file
            )
            {
                Warning = WarningOf(import, folder),
            };
        }
        catch (ProblemsException wrong)
        {
            // The document was made here: its lines are in no file.
            problems.AddRange(wrong.Problems.Select(p => new Problem(p.Pointer, p.Message, p.Fix, file.Path)));
            return null;
        }
    }

    // Hidden, or a part of a project.
    private static bool IsPassedOver(string name) => name == OlderFolder || (name.StartsWith('.') && name != ".");

    private static string? FileOf(string folder) =>
        new[] { folder, Path.Combine(folder, OlderFolder) }
            .SelectMany(place => s_files.Select(name => Path.Combine(place, name)))
            .FirstOrDefault(File.Exists);

    // Ours begins with its kind; apictl's says it all below 'data', and the older tool's lies in a folder of its own.
    private static bool IsProject(string path, Terminal terminal) =>
        Path.GetFileName(Path.GetDirectoryName(path)) == OlderFolder
        || SourceFile.Read(path, terminal, []) is { Content: var content }
            && content["kind"] is null
            && (content["data"] is JsonObject || content["id"] is JsonObject);

    private static ImportSettings SettingsOf(ImportedApi api) =>
        new()
        {
            Name = api.Name,
            Version = api.Version,
            Context = api.Context,
            Auth = api.Auth,
            ClientCertificate = api.ClientCertificate,
            AuthorizationHeader = api.AuthorizationHeader,
            PassAuthorization = api.PassAuthorization,
            ApiKeyHeader = api.ApiKeyHeader,
            Policy = api.Policy,
            SandboxEndpoints = api.SandboxEndpoints,
            MaxTps = api.MaxTps,
            SandboxMaxTps = api.SandboxMaxTps,
        };

    private static string? WarningOf(Import import, string folder)
    {
        var open = import.Log.Findings.Count(f => f.Outcome is Outcome.NeedsYou or Outcome.Dangerous);
        return open == 0
            ? null
            : $"{folder}: {open} line{(open == 1 ? "" : "s")} of it could not be taken over; gatehouse import wso2 {folder} says which";
    }
}
