using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>One of <c>tls.certificates</c>: <c>{ cert, key, hosts }</c>. Whether the files are any good is seen when they are loaded.</summary>
internal sealed class CertificateKind : ValueKind<CertificateSettings>
{
    private const string Form = "write { cert: FILE, key: FILE, hosts: [am.example.com] }";
    private static readonly string[] s_keys = ["cert", "key", "hosts", "passphraseFile"];

    public override string Name => "certificate";

    public override bool TryRead(
        ConfigNode node,
        string key,
        ICollection<Problem> problems,
        out CertificateSettings value
    )
    {
        value = null!;
        if (node is not ConfigMap map)
        {
            return WrongShape(node, key, problems, Form);
        }

        var before = problems.Count;
        string? cert = null;
        string? privateKey = null;
        string? passphrase = null;
        ImmutableArray<string> hosts = [];
        foreach (var entry in map.Entries)
        {
            var name = $"{key}.{entry.Key}";
            switch (entry.Key)
            {
                case "cert":
                    cert = ReadPath(entry.Value, name, problems);
                    break;
                case "key":
                    privateKey = ReadPath(entry.Value, name, problems);
                    break;
                case "passphraseFile":
                    passphrase = ReadPath(entry.Value, name, problems);
                    break;
                case "hosts":
                    ValueKinds.CertificateHosts.TryRead(entry.Value, name, problems, out hosts);
                    break;
                default:
                    problems.Add(SectionReader.Unknown(entry, name, s_keys));
                    break;
            }
        }

        if (problems.Count == before && (cert is null || privateKey is null))
        {
            problems.Add(map.Origin.Problem(key, $"the certificate lacks its {(cert is null ? "cert" : "key")}", Form));
        }

        if (problems.Count > before)
        {
            return false;
        }

        value = new CertificateSettings(cert!, privateKey!, hosts, passphrase);
        return true;
    }

    public override JsonNode? Write(CertificateSettings value)
    {
        var json = new JsonObject
        {
            ["cert"] = value.Cert,
            ["key"] = value.Key,
            ["hosts"] = ValueKinds.CertificateHosts.Write(value.Hosts),
        };
        if (value.PassphraseFile is not null)
        {
            json["passphraseFile"] = value.PassphraseFile;
        }

        return json;
    }

    public override JsonObject Schema() =>
        new()
        {
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["required"] = new JsonArray("cert", "key"),
            ["properties"] = new JsonObject
            {
                ["cert"] = new JsonObject { ["type"] = "string" },
                ["key"] = new JsonObject { ["type"] = "string" },
                ["hosts"] = ValueKinds.CertificateHosts.Schema(),
                ["passphraseFile"] = new JsonObject { ["type"] = "string" },
            },
        };

    private static string? ReadPath(ConfigNode node, string key, ICollection<Problem> problems)
    {
        if (node is not ConfigScalar { IsNull: false, Text.Length: > 0 } scalar)
        {
            WrongShape(node, key, problems, "write the path of a PEM file");
            return null;
        }

        return ValueKinds.BesideTheFile(scalar.Text, scalar.Origin);
    }
}
