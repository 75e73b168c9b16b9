using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>
/// A <c>synapse-configs/default</c> folder: <c>api</c>, <c>sequences</c>, <c>endpoints</c>, and beside them what has no counterpart here.
/// </summary>
internal static partial class SynapseFolder
{
    private static readonly (string Folder, string Note)[] s_others =
    [
        ("proxy-services", "SOAP proxy services have no counterpart: make an API of what callers use of it"),
        ("inbound-endpoints", "traffic comes in over HTTP, HTTPS and WebSocket on the gateway's own ports"),
        ("tasks", "scheduled tasks have no counterpart"),
        ("message-stores", "message stores have no counterpart"),
        ("message-processors", "message stores have no counterpart"),
        ("event-sources", "events have no counterpart"),
        ("priority-executors", "executors have no counterpart"),
        ("templates", "templates are expanded by hand: write what they do as policies of the APIs"),
        ("local-entries", "entries count where a sequence uses them; those that none uses are nothing"),
    ];

    // Of every installation; nothing of the operator's is in them.
    private static readonly HashSet<string> s_shipped = new(StringComparer.Ordinal)
    {
        "main",
        "fault",
        "_auth_failure_handler_",
        "_production_key_error_",
        "_sandbox_key_error_",
        "_throttle_out_handler_",
        "_token_fault_",
        "_resource_mismatch_handler_",
        "_cors_request_handler_",
        "_threat_fault_",
        "_graphql_failure_handler_",
        "_block_api_handler_",
        "_build_",
        "_status_code_request_",
        "_custom_handler_",
        "dispatchSeq",
        "outDispatchSeq",
        "outflowDispatchSeq",
        "outflowFaultSeq",
        "WSO2AM--Ext--In",
        "WSO2AM--Ext--Out",
        "WSO2AM--Ext--Fault",
    };

    public static bool Is(string path) =>
        Directory.Exists(Path.Combine(path, "api"))
        && Directory.EnumerateFiles(Path.Combine(path, "api"), "*.xml").Any();

    public static void Read(string path, string? tenant, Import import)
    {
        var library = new SynapseLibrary();
        foreach (var (xml, _) in Files(path, "endpoints", import.Log))
        {
            library.Endpoints.TryAdd(NameOf(xml), (xml, xml.Root));
        }

        foreach (var (xml, _) in Files(path, "sequences", import.Log))
        {
            library.Sequences.TryAdd(NameOf(xml), (xml, xml.Root));
        }

        var apis = Files(path, "api", import.Log).ToList();
        var defaults = new SynapseDefaults();
        foreach (var (xml, _) in apis.Where(a => IsDefaultVersion(a.Xml)))
        {
            defaults.Read(xml);
        }

        foreach (var (xml, file) in apis.Where(a => !IsDefaultVersion(a.Xml)))
        {
            SynapseApiReader.Read(xml, file, library, defaults, tenant, import);
        }

        foreach (
            var (name, (xml, root)) in library
                .Sequences.Concat(library.Endpoints)
                .OrderBy(l => l.Value.Xml.File, StringComparer.Ordinal)
        )
        {
            if (s_shipped.Contains(name) && !library.Used.Contains(name))
            {
                xml.NotNeeded(root, "of every installation: what it does, the gateway does by itself");
            }
            else if (!library.Used.Contains(name))
            {
                xml.NotNeeded(root, "no API that was read uses it");
            }

            xml.Finish();
        }

        ReadOthers(path, import.Log);
    }

    private static void ReadOthers(string path, ReadingLog log)
    {
        foreach (var (folder, note) in s_others)
        {
            foreach (var (xml, _) in Files(path, folder, log))
            {
                var isShipped =
                    folder == "inbound-endpoints"
                    && NameOf(xml)
                        is "WebSocketInboundEndpoint"
                            or "SecureWebSocketInboundEndpoint"
                            or "WebhookServer"
                            or "SecureWebhookServer";
                log.Add(
                    new Finding(
                        isShipped || folder == "local-entries" ? Outcome.NotNeeded : Outcome.NeedsYou,
                        xml.At(xml.Root),
                        ElementReader.PathOf(xml.Root),
                        NameOf(xml),
                        null,
                        note
                    )
                );
            }
        }
    }

    private static IEnumerable<(ElementReader Xml, string File)> Files(string path, string folder, ReadingLog log)
    {
        var full = Path.Combine(path, folder);
        foreach (
            var file in Directory.Exists(full)
                ? Directory.EnumerateFiles(full, "*.xml", SearchOption.TopDirectoryOnly).Order(StringComparer.Ordinal)
                : Enumerable.Empty<string>()
        )
        {
            if (SafeXml.ReadFile(file, log) is { Root: not null } document)
            {
                yield return (new ElementReader(document, file, log, SynapseVerdicts.All), file);
            }
        }
    }

    private static string NameOf(ElementReader xml) =>
        (string?)xml.Root.Attribute("name")
        ?? (string?)xml.Root.Attribute("key")
        ?? Path.GetFileNameWithoutExtension(xml.File);

    // The API without a version that calls the gateway again with a header, so that /context answers like /context/1.0.0.
    private static bool IsDefaultVersion(ElementReader xml) =>
        xml.Root.Attribute("version") is null
        && xml.Root.Descendants().Any(e => (string?)e.Attribute("name") == "WSO2_AM_API_DEFAULT_VERSION");

    /// <summary><c>admin--PizzaShackAPI:v1.0.0</c> in its parts.</summary>
    [GeneratedRegex(@"\A(?:(?<provider>.+?)--)?(?<name>.+?)(?::v(?<version>.+))?\z")]
    public static partial Regex ApiName();
}

/// <summary>Named sequences and endpoints that APIs refer to.</summary>
internal sealed class SynapseLibrary
{
    public Dictionary<string, (ElementReader Xml, XElement Root)> Endpoints { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, (ElementReader Xml, XElement Root)> Sequences { get; } = new(StringComparer.Ordinal);

    public HashSet<string> Used { get; } = new(StringComparer.Ordinal);
}

/// <summary>Which version of which context answers without a version too.</summary>
internal sealed class SynapseDefaults
{
    private readonly HashSet<string> _addresses = new(StringComparer.Ordinal);

    public void Read(ElementReader xml)
    {
        foreach (var endpoint in xml.Root.Descendants().Where(e => e.Name.LocalName is "http" or "address"))
        {
            var text = (string?)endpoint.Attribute("uri-template") ?? (string?)endpoint.Attribute("uri") ?? "";
            if (Uri.TryCreate(text.Replace("{", "%7B", StringComparison.Ordinal), UriKind.Absolute, out var url))
            {
                _addresses.Add(url.AbsolutePath.TrimEnd('/'));
            }
        }

        xml.Converted(
            xml.Root,
            "isDefaultVersion",
            "the version it leads to answers without its version too, in one pass"
        );
        xml.NotNeeded(xml.Root.Elements().FirstOrDefault() ?? xml.Root, "part of that");
        foreach (var element in xml.Root.Elements())
        {
            xml.NotNeeded(element, "part of that");
        }

        xml.Finish();
    }

    public bool Has(string address) => _addresses.Contains(address);
}
