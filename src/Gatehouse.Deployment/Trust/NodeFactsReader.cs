using System.Collections.Immutable;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;

namespace Gatehouse.Deployment.Trust;

/// <summary>Reads what a node says about itself. It is hostile until checked: it ends in the catalogue and on every balancer.</summary>
public static class NodeFactsReader
{
    private const int MaxPorts = 16;
    private const int MaxProperties = 64;
    private const int MaxText = 512;
    private const int MaxEnvironments = 64;

    /// <summary>The node entity for <paramref name="facts"/>. Throws <see cref="FormatException"/> that names what does not fit.</summary>
    public static Node ToNode(this NodeFacts? facts, string name, Profile profile)
    {
        if (facts is null || !HostPort.IsHost(facts.Host))
        {
            throw new FormatException(
                $"'{Short(facts?.Host)}' is no host name or address that other nodes could reach this one on; set the node's host"
            );
        }

        CheckPort(facts.InternalPort, "the internal port");
        if (facts.Ports.Count > MaxPorts || facts.Properties.Count > MaxProperties)
        {
            throw new FormatException($"a node has at most {MaxPorts} ports and {MaxProperties} properties");
        }

        foreach (var (port, number) in facts.Ports)
        {
            CheckText(port, "the name of a port");
            CheckPort(number, $"port '{Short(port)}'");
        }

        foreach (var (property, value) in facts.Properties)
        {
            CheckText(property, "the name of a property");
            CheckText(value, $"property '{Short(property)}'");
        }

        if (facts.Environments.Count > MaxEnvironments)
        {
            throw new FormatException($"a node asks for at most {MaxEnvironments} environments");
        }

        if (facts.Environments.FirstOrDefault(e => !GatewayEnvironment.IsName(e)) is { } bad)
        {
            throw new FormatException($"'{Short(bad)}' cannot be the name of an environment");
        }

        CheckText(facts.SubDomain, "the sub-domain");
        if (!facts.AssertionKey.IsEmpty && !AssertionJwk.IsOne(facts.AssertionKey.Span))
        {
            throw new FormatException("the key for backend JWTs is no RSA key of 2048 to 4096 bits");
        }

        return new()
        {
            Name = name,
            Profile = profile,
            SubDomain = facts.SubDomain.Length > 0 ? facts.SubDomain : DefaultSubDomain(profile),
            Host = facts.Host,
            InternalPort = facts.InternalPort,
            Ports = facts.Ports.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Properties = facts.Properties.ToImmutableSortedDictionary(StringComparer.Ordinal),
            Asked = [.. facts.Environments.Distinct().Order(StringComparer.Ordinal)],
            AssertionKey = facts.AssertionKey.IsEmpty ? null : Convert.ToBase64String(facts.AssertionKey.Span),
        };
    }

    private static string DefaultSubDomain(Profile profile) =>
        profile switch
        {
            Profile.LoadBalancer => "lb",
            Profile.GatewayWorker => "worker",
            _ => "mgt",
        };

    private static void CheckPort(int port, string what)
    {
        if (port is < 1 or > 65535)
        {
            throw new FormatException($"{what} is {port}; a port is 1 to 65535");
        }
    }

    private static void CheckText(string text, string what)
    {
        if (text.Length > MaxText || text.Any(char.IsControl))
        {
            throw new FormatException($"{what} is longer than {MaxText} characters or has control characters in it");
        }
    }

    private static string Short(string? text) =>
        new([.. (text ?? "").Take(64).Select(c => char.IsControl(c) ? '?' : c)]);
}
