using System.Collections.Immutable;

namespace Gatehouse.Wso2;

/// <summary>One <c>server</c> block while it is read.</summary>
internal sealed class NginxVirtualHost
{
    private readonly bool _sslOn;

    public NginxVirtualHost(NginxDirective server, ImmutableArray<string> managementHosts, string[] managementWords)
    {
        _sslOn = server.Block.Any(d => d is { Name: "ssl", Arguments: ["on"] });
        var names = server.Block.Where(d => d.Name == "server_name").SelectMany(d => d.Arguments).ToList();
        IsManagement =
            names.Exists(n => managementHosts.Contains(n, StringComparer.OrdinalIgnoreCase))
            || names.Exists(n =>
                n.Split('.', '-').Any(part => managementWords.Contains(part, StringComparer.OrdinalIgnoreCase))
            );
    }

    /// <summary>For console and portals, by its name.</summary>
    public bool IsManagement { get; }

    public NginxDirective? Certificate { get; set; }

    public NginxDirective? Key { get; set; }

    /// <summary>Whether a <c>listen</c> of it speaks TLS.</summary>
    public bool IsTls(NginxDirective listen) =>
        _sslOn || listen.Arguments.Contains("ssl") || listen.Arguments.Contains("quic");
}
