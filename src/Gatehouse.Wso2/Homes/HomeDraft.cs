using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Gatehouse.Wso2;

/// <summary>A home while its files are read: values that one file needs of another, and the settings so far.</summary>
internal sealed partial class HomeDraft(string directory, HomeOptions options, ReadingLog log)
{
    private readonly Dictionary<string, HomeSetting> _settings = new(StringComparer.Ordinal);

    public ReadingLog Log => log;

    public bool IsWorker => options.IsWorker;

    /// <summary>carbon.xml <c>Ports/Offset</c>, or what the command line says.</summary>
    public int Offset { get; set; } = options.PortOffset ?? 0;

    public bool OffsetIsGiven => options.PortOffset is not null;

    public string? HostName { get; set; }

    public string? ManagementHostName { get; set; }

    /// <summary>Servlet connectors before the offset.</summary>
    public int? HttpPort { get; set; }

    public int? HttpsPort { get; set; }

    /// <summary>What the outside sees of the servlet connectors, with the place of the setting.</summary>
    public (int Port, Place Place)? HttpProxyPort { get; set; }

    public (int Port, Place Place)? HttpsProxyPort { get; set; }

    /// <summary>carbon.xml <c>WorkerHttpProxyPort</c>, <c>WorkerHttpsProxyPort</c>.</summary>
    public (int Port, Place Place)? WorkerHttpProxyPort { get; set; }

    public (int Port, Place Place)? WorkerHttpsProxyPort { get; set; }

    public string? LocalMemberHost { get; set; }

    /// <summary>A join token found in <c>groupPassword</c>.</summary>
    public string? JoinToken { get; set; }

    public ImmutableArray<HomeSetting> Settings => [.. _settings.Values.OrderBy(s => s.Key, StringComparer.Ordinal)];

    /// <summary>The first of a key wins: files are read in the order of their say.</summary>
    public void Set(string key, HomeValue value, Place place) =>
        _settings.TryAdd(key, new HomeSetting(key, value, place));

    public void Set(string key, string text, Place place) => Set(key, new HomeValue.Text(text), place);

    public bool Has(string key) => _settings.ContainsKey(key);

    /// <summary>A port of the element or attribute; null with a problem when it is none.</summary>
    public static int? Port(ElementReader xml, XObject what, string text)
    {
        if (
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && port is > 0 and <= 65535
        )
        {
            return port;
        }

        xml.Wrong(what, $"'{text}' is not a port", "write a number from 1 to 65535");
        return null;
    }

    /// <summary><c>true</c> or <c>false</c>; null with a problem when it is neither.</summary>
    public static bool? Switch(ElementReader xml, XObject what, string text)
    {
        if (bool.TryParse(text, out var value))
        {
            return value;
        }

        xml.Wrong(what, $"'{text}' is neither true nor false", "write true or false");
        return null;
    }

    /// <summary>
    /// The text with <c>${…}</c> filled in as the old server did: <c>hostName</c>, <c>httpPort</c>, <c>httpsPort</c>,
    /// <c>carbon.home</c>. What is not known stays as it stands.
    /// </summary>
    public string Fill(string text) =>
        Placeholder()
            .Replace(
                text,
                match =>
                    match.Groups[1].Value switch
                    {
                        "hostName" => LocalMemberHost ?? HostName ?? match.Value,
                        "httpPort" => Number((HttpPort ?? 9763) + Offset),
                        "httpsPort" => Number((HttpsPort ?? 9443) + Offset),
                        "carbon.home" => directory,
                        _ => match.Value,
                    }
            );

    /// <summary>What is only known when all files are read: the URLs that the outside sees.</summary>
    public void Settle()
    {
        // 1. API traffic: WSDLEPRPrefix was set already where there is one; else the proxy ports with the public name.
        if (HostName is { } host)
        {
            Derive("publicUrls.gateway.https", "https", host, WorkerHttpsProxyPort ?? HttpsProxyPort, 443);
            Derive("publicUrls.gateway.http", "http", host, WorkerHttpProxyPort ?? HttpProxyPort, 80);
        }

        // 2. The console, on nodes that have one.
        if (!IsWorker && (ManagementHostName ?? HostName) is { } management)
        {
            Derive("publicUrls.management", "https", management, HttpsProxyPort, 443);
        }
    }

    private void Derive(string key, string scheme, string host, (int Port, Place Place)? proxy, int usual)
    {
        if (proxy is { } known)
        {
            Set(
                key,
                known.Port == usual ? $"{scheme}://{host}" : $"{scheme}://{host}:{Number(known.Port)}",
                known.Place
            );
        }
    }

    private static string Number(int n) => n.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"\$\{([A-Za-z0-9_.]+)\}")]
    private static partial Regex Placeholder();
}
