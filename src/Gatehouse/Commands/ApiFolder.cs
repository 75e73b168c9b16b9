using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary>
/// A directory that <c>gatehouse api import</c> takes: <c>openapi.json</c> or <c>.yaml</c>, and <c>api.yaml</c> with what would else
/// be given as options. <c>gatehouse import wso2</c> writes such directories.
/// </summary>
internal sealed class ApiFolder
{
    private const string SettingsFile = "api.yaml";

    private static readonly Dictionary<string, Member> s_members = new(StringComparer.Ordinal)
    {
        ["name"] = One((import, text) => import with { Name = text }),
        ["version"] = One((import, text) => import with { Version = text }),
        ["context"] = One((import, text) => import with { Context = text }),
        ["auth"] = One((import, text) => import with { Auth = text }),
        ["clientCertificate"] = One((import, text) => import with { ClientCertificate = text }),
        ["authorizationHeader"] = One((import, text) => import with { AuthorizationHeader = text }),
        ["apiKeyHeader"] = One((import, text) => import with { ApiKeyHeader = text }),
        ["passAuthorization"] = Flag((import, flag) => import with { PassAuthorization = flag }),
        ["policy"] = One((import, text) => import with { Policy = text }),
        ["maxTps"] = Number((import, number) => import with { MaxTps = number }),
        ["sandboxMaxTps"] = Number((import, number) => import with { SandboxMaxTps = number }),
        ["endpoints"] = Many((import, texts) => import with { Endpoints = texts }),
        ["sandboxEndpoints"] = Many((import, texts) => import with { SandboxEndpoints = texts }),
        ["issuers"] = Many((import, texts) => import with { Issuers = texts }),
        ["audiences"] = Many((import, texts) => import with { Audiences = texts }),
        ["isDefaultVersion"] = Flag((import, flag) => import with { IsDefaultVersion = flag }),
    };

    private ApiFolder(string document) => Document = document;

    /// <summary>The OpenAPI document in it.</summary>
    public string Document { get; }

    /// <summary>What its <c>api.yaml</c> says.</summary>
    public ApiImport Import { get; private set; } = new();

    /// <summary>The folder at a path; null when that is none.</summary>
    public static ApiFolder? Find(string path)
    {
        if (!Directory.Exists(path))
        {
            return null;
        }

        var document = ((string[])["openapi.json", "openapi.yaml", "openapi.yml"])
            .Select(name => Path.Combine(path, name))
            .FirstOrDefault(File.Exists);
        if (document is null)
        {
            throw new CommandFailure(
                ExitCode.NotFound,
                "the directory holds no openapi.json and no openapi.yaml",
                path,
                Wso2.Home.Is(path) || File.Exists(Path.Combine(path, "Meta-information"))
                    ? $"it is of WSO2: gatehouse import wso2 {path}"
                    : "name a document, or a directory that 'gatehouse import wso2' wrote"
            );
        }

        var folder = new ApiFolder(document);
        var settings = Path.Combine(path, SettingsFile);
        if (File.Exists(settings))
        {
            folder.ReadSettings(settings);
        }

        return folder;
    }

    private void ReadSettings(string file)
    {
        var problems = new List<Problem>();
        var root = YamlTree.Read(
            File.ReadAllText(file, Encoding.UTF8),
            mark => new Origin(OriginKind.File, file, (int)mark.Line, (int)mark.Column),
            problems
        );
        if (root is ConfigMap map)
        {
            foreach (var entry in map.Entries)
            {
                Take(entry, problems);
            }
        }
        else if (root is not null)
        {
            problems.Add(root.Origin.Problem("", "the file is not a list of settings", "write 'name: …' and the like"));
        }

        if (problems.Count > 0)
        {
            throw CommandFailure.Invalid($"{file} cannot be used", [.. problems]);
        }
    }

    private void Take(ConfigEntry entry, List<Problem> problems)
    {
        if (!s_members.TryGetValue(entry.Key, out var member))
        {
            problems.Add(
                entry.KeyOrigin.Problem(
                    entry.Key,
                    $"unknown key '{entry.Key}'",
                    NearestName.Of(entry.Key, s_members.Keys) is { } nearest
                        ? $"did you mean '{nearest}'?"
                        : $"allowed here: {string.Join(", ", s_members.Keys)}"
                )
            );
            return;
        }

        ImmutableArray<string> texts = entry.Value switch
        {
            ConfigScalar { IsNull: false } scalar => [scalar.Text],
            ConfigList list => [.. list.Items.OfType<ConfigScalar>().Select(item => item.Text)],
            _ => [],
        };
        if (texts.IsEmpty)
        {
            return;
        }

        if (member.Set(Import, texts) is { } import)
        {
            Import = import;
        }
        else
        {
            problems.Add(
                entry.KeyOrigin.Problem(
                    entry.Key,
                    $"'{entry.Key}' cannot be '{string.Join(", ", texts)}'",
                    $"write {member.Takes}"
                )
            );
        }
    }

    private static Member One(Func<ApiImport, string, ApiImport> set) =>
        new("one value", (import, texts) => texts is [var text] ? set(import, text) : null);

    private static Member Many(Func<ApiImport, ImmutableArray<string>, ApiImport> set) => new("a list", set);

    private static Member Flag(Func<ApiImport, bool, ApiImport> set) =>
        new(
            "true or false",
            (import, texts) => texts is [var text] && bool.TryParse(text, out var flag) ? set(import, flag) : null
        );

    private static Member Number(Func<ApiImport, int, ApiImport> set) =>
        new(
            "a whole number",
            (import, texts) =>
                texts is [var text]
                && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                    ? set(import, number)
                    : null
        );

    /// <summary>A member of <c>api.yaml</c>.</summary>
    /// <param name="Takes">In words.</param>
    /// <param name="Set">Says it of the import; null when the values are none that it takes.</param>
    private sealed record Member(string Takes, Func<ApiImport, ImmutableArray<string>, ApiImport?> Set);
}
