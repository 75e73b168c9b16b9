using System.Net.Security;
using Gatehouse.Configuration;

namespace Gatehouse.Nodes;

/// <summary>
/// How the public TLS ports meet their callers: with which certificate, and whether they ask for one. One delegate for each
/// way and for the node's life, so that listeners that are compared at a reload are equal.
/// </summary>
internal sealed class PublicTls
{
    private readonly Func<string?, SslServerAuthenticationOptions?>[] _asking;

    public PublicTls(PublicCertificates certificates)
    {
        Plain = certificates.For;
        _asking =
        [
            .. Enum.GetValues<ClientCertificates>()
                .Select<ClientCertificates, Func<string?, SslServerAuthenticationOptions?>>(ask =>
                    ask == ClientCertificates.Off
                        ? Plain
                        : name => Asks(ask, name) ? certificates.Asking(name, ask) : certificates.For(name)
                ),
        ];
    }

    /// <summary>Asks nobody: console and REST.</summary>
    public Func<string?, SslServerAuthenticationOptions?> Plain { get; }

    /// <summary>True for a name under which an API that takes client certificates answers; a worker's table says.</summary>
    public Func<string?, bool> TakesCertificates { get; set; } = static _ => false;

    /// <summary>True for a name of console, portals and REST; a balancer's table says.</summary>
    public Func<string?, bool> IsManagement { get; set; } = static _ => false;

    /// <summary>Asks as the listener's setting says.</summary>
    public Func<string?, SslServerAuthenticationOptions?> Asking(ClientCertificates ask) => _asking[(int)ask];

    // A browser that is asked shows its user a question: people who sign in at the console must not be. Only "required" makes
    // no exception, because whoever is let in under one name may then ask for another host.
    private bool Asks(ClientCertificates ask, string? name) =>
        ask switch
        {
            ClientCertificates.Required => true,
            ClientCertificates.Optional => !IsManagement(name),
            ClientCertificates.Auto => TakesCertificates(name),
            _ => false,
        };
}
