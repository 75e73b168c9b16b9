using System.Text;
using Gatehouse.Cli;
using Gatehouse.Configuration;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary>
/// A directory that <c>gatehouse api import</c> takes: <c>openapi.json</c> or <c>.yaml</c>, and <c>api.yaml</c> with what would else
/// be given as options. <c>gatehouse import wso2</c> writes such directories.
/// </summary>
internal sealed class ApiFolder
{
    private const string SettingsFile = "api.yaml";

    // Member of api.yaml → parameter of the REST call.
    private static readonly Dictionary<string, string> s_parameters = new(StringComparer.Ordinal)
    {
        ["name"] = "name",
        ["version"] = "version",
        ["context"] = "context",
        ["auth"] = "auth",
        ["clientCertificate"] = "clientCertificate",
        ["authorizationHeader"] = "authorizationHeader",
        ["apiKeyHeader"] = "apiKeyHeader",
        ["passAuthorization"] = "passAuthorization",
        ["policy"] = "policy",
        ["maxTps"] = "maxTps",
        ["sandboxMaxTps"] = "sandboxMaxTps",
        ["endpoints"] = "endpoint",
        ["sandboxEndpoints"] = "sandboxEndpoint",
        ["issuers"] = "issuer",
        ["audiences"] = "audience",
    };

    private readonly List<(string Parameter, string Value)> _values = [];

    private ApiFolder(string document) => Document = document;

    /// <summary>The OpenAPI document in it.</summary>
    public string Document { get; }

    /// <summary>Answers without the version too; null for as it is.</summary>
    public bool? IsDefaultVersion { get; private set; }

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

    /// <summary>Adds what the folder says and the command line does not.</summary>
    public void AddTo(List<string> query)
    {
        var given = query.Select(q => q[..q.IndexOf('=', StringComparison.Ordinal)]).ToHashSet(StringComparer.Ordinal);
        query.AddRange(
            _values
                .Where(v => !given.Contains(v.Parameter))
                .Select(v => $"{v.Parameter}={Uri.EscapeDataString(v.Value)}")
        );
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
        if (entry.Key == "isDefaultVersion" && entry.Value is ConfigScalar { Text: "true" or "false" } flag)
        {
            IsDefaultVersion = flag.Text == "true";
        }
        else if (s_parameters.TryGetValue(entry.Key, out var parameter))
        {
            var texts = entry.Value switch
            {
                ConfigScalar { IsNull: false } scalar => [scalar],
                ConfigList list => list.Items.OfType<ConfigScalar>(),
                _ => [],
            };
            _values.AddRange(texts.Select(text => (parameter, text.Text)));
        }
        else
        {
            problems.Add(
                entry.KeyOrigin.Problem(
                    entry.Key,
                    $"unknown key '{entry.Key}'",
                    NearestName.Of(entry.Key, s_parameters.Keys) is { } nearest
                        ? $"did you mean '{nearest}'?"
                        : $"allowed here: {string.Join(", ", s_parameters.Keys)}, isDefaultVersion"
                )
            );
        }
    }
}
