using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Deployment.Trust;
using Gatehouse.Wso2;

namespace Gatehouse.Commands;

/// <summary>What an import writes: <c>gatehouse.yaml</c>, <c>balancer/gatehouse.yaml</c>, <c>apis/</c>, <c>limits/</c>, <c>tls/</c>, and the report.</summary>
internal static class ImportFiles
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // for files, never for a page
    };

    /// <summary>Writes everything below <paramref name="folder"/>; what is there by the same name is replaced.</summary>
    public static void Write(string folder, Import import)
    {
        if (!import.Node.IsEmpty)
        {
            Put(folder, "gatehouse.yaml", Yaml(import.Node));
        }

        if (!import.Balancer.IsEmpty)
        {
            Put(
                folder,
                "balancer/gatehouse.yaml",
                Yaml(import.Balancer.Add(new("node.profile", new HomeValue.Text("load-balancer"), new Place("nginx"))))
            );
        }

        foreach (var api in import.Apis)
        {
            Put(folder, $"apis/{api.Folder}/openapi.json", api.Document.ToJsonString(s_json) + "\n");
            Put(folder, $"apis/{api.Folder}/api.yaml", YamlText.Of(Settings(api)));
        }

        foreach (var limit in import.Limits)
        {
            Put(folder, $"limits/{limit.Kind}/{FileName(limit.Name)}.json", limit.Document.ToJsonString(s_json) + "\n");
        }

        foreach (var file in import.Files)
        {
            Put(folder, file.Path, file.Content.ToArray(), file.IsSecret);
        }

        Put(folder, "report.json", ImportReport.Json(import).ToJsonString(s_json) + "\n");
        Put(folder, "report.html", ImportReport.Html(import));
    }

    /// <summary>The settings as a file for a node, each with its origin in the report.</summary>
    public static string Yaml(IEnumerable<HomeSetting> settings)
    {
        var root = new JsonObject();
        foreach (var setting in settings)
        {
            var section = root;
            var names = setting.Key.Split('.');
            foreach (var name in names[..^1])
            {
                section[name] ??= new JsonObject();
                section = (JsonObject)section[name]!;
            }

            var value = Json(setting.Value);
            if (setting.Key == "tls.certificates")
            {
                section[names[^1]] ??= new JsonArray();
                ((JsonArray)section[names[^1]]!).Add(value);
            }
            else
            {
                section[names[^1]] = value;
            }
        }

        return "# Made by 'gatehouse import wso2'; the report says where each value stood.\n" + YamlText.Of(root);
    }

    private static JsonNode Json(HomeValue value) =>
        value switch
        {
            HomeValue.Text { Value: "true" or "false" } flag => flag.Value == "true",
            HomeValue.Text text
                when int.TryParse(text.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var n) => n,
            HomeValue.Text text => text.Value,
            HomeValue.List list => new JsonArray([.. list.Items.Select(i => (JsonNode)i.Value)]),
            HomeValue.Map map => new JsonObject(
                map.Entries.DistinctBy(e => e.Name).Select(e => KeyValuePair.Create(e.Name, (JsonNode?)e.Value))
            ),
            HomeValue.Tree tree => tree.Value.DeepClone(),
            _ => throw new InvalidOperationException($"{value.GetType().Name} is no value of a setting."),
        };

    private static JsonObject Settings(ImportedApi api)
    {
        var settings = new JsonObject
        {
            ["name"] = api.Name,
            ["version"] = api.Version,
            ["context"] = api.Context,
        };
        Add("auth", api.Auth);
        Add("clientCertificate", api.ClientCertificate);
        Add("authorizationHeader", api.AuthorizationHeader);
        Add("apiKeyHeader", api.ApiKeyHeader);
        Add("passAuthorization", api.PassAuthorization ? true : null);
        Add("policy", api.Policy);
        Add("maxTps", api.MaxTps);
        Add("sandboxMaxTps", api.SandboxMaxTps);
        Add(
            "sandboxEndpoints",
            api.SandboxEndpoints.IsEmpty ? null : new JsonArray([.. api.SandboxEndpoints.Select(e => (JsonNode)e)])
        );
        Add("isDefaultVersion", api.IsDefaultVersion ? true : null);
        return settings;

        void Add(string name, JsonNode? value)
        {
            if (value is not null)
            {
                settings[name] = value;
            }
        }
    }

    private static string FileName(string name) =>
        string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '_'));

    private static void Put(string folder, string path, string text) =>
        Put(folder, path, Encoding.UTF8.GetBytes(text), secret: false);

    private static void Put(string folder, string path, byte[] content, bool secret)
    {
        var file = Path.Combine(folder, path.Replace('/', Path.DirectorySeparatorChar));
        DurableFile.CreateDirectory(Path.GetDirectoryName(file)!, secret: false);
        DurableFile.Write(file, content, secret: secret);
    }
}
