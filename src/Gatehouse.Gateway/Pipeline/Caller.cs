using System.Globalization;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Model;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>
/// Who sent a request and how, as far as it can be believed. Headers of proxies count only when the peer is a trusted one,
/// and addresses are read from the right: the first that is not a trusted proxy's is the caller's.
/// </summary>
internal sealed class Caller
{
    private IPAddress? _peer;
    private string _peerText = "";
    private int _localPort = -1;
    private string _localPortText = "";
    private StringValues _forwardedFor;
    private string? _certificateSaid;
    private X509Certificate2? _certificate;
    private Digest? _certificateDigest;
    private string? _numbered;
    private UInt128? _number;

    /// <summary>The caller's address.</summary>
    public string Address { get; private set; } = "";

    /// <summary>The caller's address as a number, IPv4 as IPv6-mapped; null when it cannot be read.</summary>
    public UInt128? AddressNumber
    {
        get
        {
            if (!ReferenceEquals(_numbered, Address))
            {
                _numbered = Address;
                _number = IPAddress.TryParse(Address, out var address) ? AddressRange.ToNumber(address) : null;
            }

            return _number;
        }
    }

    public bool IsHttps { get; private set; }

    /// <summary>True when the peer's <c>X-Forwarded-*</c> headers are believed and passed on.</summary>
    public bool ThroughTrustedProxy { get; private set; }

    /// <summary>The port that the caller connected to.</summary>
    public string PortText { get; private set; } = "";

    /// <summary>The peer's address, for <c>X-Forwarded-For</c>.</summary>
    public string Peer => _peerText;

    /// <summary>What goes to the backend as <c>X-Forwarded-For</c>: what a trusted peer said, then the peer.</summary>
    public string ForwardedFor =>
        ThroughTrustedProxy && _forwardedFor.Count > 0 ? $"{_forwardedFor}, {_peerText}" : _peerText;

    public void Read(
        IHttpConnectionFeature? connection,
        IHttpRequestFeature request,
        TrustedProxies trusted,
        bool fromDataHop
    )
    {
        var peer = connection?.RemoteIpAddress ?? IPAddress.None;
        if (!ReferenceEquals(peer, _peer))
        {
            _peer = peer;
            _peerText = (peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer).ToString();
        }

        if (connection is not null && connection.LocalPort != _localPort)
        {
            _localPort = connection.LocalPort;
            _localPortText = _localPort.ToString(CultureInfo.InvariantCulture);
        }

        // Whoever sends it but is no trusted proxy has invented it.
        _certificateSaid = null;
        if (request.Headers.TryGetValue(HeaderNames.ClientCertificate, out var said))
        {
            request.Headers.Remove(HeaderNames.ClientCertificate);
            _certificateSaid = fromDataHop || trusted.Contain(peer) ? said.ToString() : null;
        }

        PortText = _localPortText;
        IsHttps = request.Scheme == "https";
        Address = _peerText;
        ThroughTrustedProxy = fromDataHop || trusted.Contain(peer);
        if (!ThroughTrustedProxy)
        {
            return;
        }

        var headers = request.Headers;
        _forwardedFor = headers[HeaderNames.ForwardedFor];
        Address = trusted.FirstUntrusted(_forwardedFor) ?? _peerText;
        if (LastOf(headers[HeaderNames.ForwardedProto]) is { Length: > 0 } scheme)
        {
            IsHttps = scheme.Equals("https", StringComparison.OrdinalIgnoreCase);
        }

        if (LastOf(headers[HeaderNames.ForwardedPort]) is { Length: > 0 } port && ushort.TryParse(port, out _))
        {
            PortText = port;
        }
    }

    /// <summary>
    /// The certificate that the caller has the key of: seen in its handshake here, or by a trusted proxy in front, whose word
    /// counts alone, because its own certificate is not the caller's. Null when there is none.
    /// </summary>
    public Digest? CertificateDigest(Exchange exchange)
    {
        if (ThroughTrustedProxy)
        {
            return _certificateSaid is null ? null : ClientCertificateHeader.Read(_certificateSaid);
        }

        var shown = exchange.Features.Get<ITlsConnectionFeature>()?.ClientCertificate;
        if (!ReferenceEquals(shown, _certificate))
        {
            _certificate = shown;
            _certificateDigest = shown is null ? null : ApiKey.OfCertificate(shown.RawDataMemory.Span);
        }

        return _certificateDigest;
    }

    /// <summary>What a balancer tells the node behind it of the caller's certificate; null when there is none.</summary>
    public string? CertificateForNode(Exchange exchange) =>
        ThroughTrustedProxy ? _certificateSaid
        : exchange.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is { } shown
            ? ClientCertificateHeader.Write(shown)
        : null;

    /// <summary>Takes over what was read before: while an answer streams, its request's headers are not read again.</summary>
    public void CopyFrom(Caller other) =>
        (Address, IsHttps, ThroughTrustedProxy, PortText) = (
            other.Address,
            other.IsHttps,
            other.ThroughTrustedProxy,
            other.PortText
        );

    // The nearest proxy writes last; what stands before it may be the caller's invention.
    private static string LastOf(StringValues values) =>
        values.Count == 0 ? "" : (values[^1] ?? "").Split(',', StringSplitOptions.TrimEntries)[^1];
}
