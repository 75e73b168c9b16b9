using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Gatehouse.Certificates;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Deployment.Trust;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse cert create | show | renew | request | import | export | trust | rotate-ca</c>: certificates for public names, and the cluster's authority.</summary>
internal static class CertCommands
{
    private static readonly Argument<string[]> s_hosts = new("hosts")
    {
        Description = "Host names it is for, the first as common name too",
        HelpName = "HOST",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string> s_out = new("--out")
    {
        Description = "Directory to write to (default: here)",
        HelpName = "DIR",
        DefaultValueFactory = _ => ".",
    };

    private static readonly Option<int> s_days = new("--days")
    {
        Description = "How long it is good",
        HelpName = "N",
        DefaultValueFactory = _ => 365,
    };
    private static readonly Option<bool> s_rsa = new("--rsa")
    {
        Description = "An RSA key of 3072 bits instead of ECDSA P-256",
    };
    private static readonly Option<bool> s_replace = new("--replace")
    {
        Description = "Write over files that are there",
    };

    private static readonly Option<string?> s_passphrase = new("--passphrase-file")
    {
        Description = "File whose first line is the passphrase of the key",
        HelpName = "FILE",
    };

    private static readonly Argument<string> s_certificate = new("certificate")
    {
        Description = "Certificate with its chain in PEM, or PKCS#12 (.p12, .pfx)",
        HelpName = "FILE",
    };

    private static readonly Option<string?> s_key = new("--key")
    {
        Description = "Its key in PEM (default: in the same file, or NAME.key beside it)",
        HelpName = "FILE",
    };

    public static Command Create() =>
        new Command(
            "cert",
            "Make, look at and convert certificates for public names; rotate the cluster's authority"
        ).With(New(), Show(), Renew(), Request(), Import(), Export(), Trust(), RotateAuthorityCommand.Create());

    private static Command New() =>
        new Command("create", "Make a key and a self-signed certificate")
            .With(s_hosts, s_out, s_days, s_rsa, s_replace)
            .Does(
                (call, _) =>
                {
                    var hosts = Hosts(call);
                    using var key = SelfMade.NewKey(call.Get(s_rsa));
                    using var certificate = Sign(key, hosts, call.Get(s_days));
                    var (file, keyFile) = Paths(call, hosts[0]);
                    Refuse(call, file, keyFile);
                    WriteKey(keyFile, key);
                    DurableFile.Write(file, Encoding.ASCII.GetBytes(certificate.ExportCertificatePem() + "\n"));
                    Tell(call, file, keyFile, hosts);
                    return Task.CompletedTask;
                }
            );

    private static Command Request() =>
        new Command("request", "Make a key and a signing request for an authority of yours")
            .With(s_hosts, s_out, s_rsa, s_replace)
            .Does(
                (call, _) =>
                {
                    var hosts = Hosts(call);
                    using var key = SelfMade.NewKey(call.Get(s_rsa));
                    var (file, keyFile) = Paths(call, hosts[0]);
                    var request = Path.ChangeExtension(file, ".csr");
                    Refuse(call, request, keyFile);
                    WriteKey(keyFile, key);
                    DurableFile.Write(
                        request,
                        Encoding.ASCII.GetBytes(SelfMade.Request(key, hosts).CreateSigningRequestPem() + "\n")
                    );
                    call.Output.Say(
                        $"{request} is the request, {keyFile} its key: keep the key, send the request to your authority"
                    );
                    call.Output.Next($"gatehouse cert import SIGNED.crt --key {keyFile}");
                    return Task.CompletedTask;
                }
            );

    private static Command Renew() =>
        new Command("renew", "Make a self-signed certificate anew, for the same names and the same key")
            .With(s_certificate, s_key, s_passphrase, s_days)
            .Does(
                (call, _) =>
                {
                    var path = call.Get(s_certificate);
                    using var before = Read(call, path);
                    if (before.Leaf.Subject != before.Leaf.Issuer)
                    {
                        throw new CommandFailure(
                            ExitCode.Invalid,
                            $"the certificate was signed by {before.Leaf.Issuer}, who has to renew it",
                            path,
                            $"make a request with 'gatehouse cert request {string.Join(' ', CertificateJudge.NamesOf(before.Leaf))}', or let its own tool renew it"
                        );
                    }

                    RefuseWeak(before, path);
                    var held = File.ReadAllText(path);
                    if (
                        !held.Contains("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal)
                        || held.Contains("PRIVATE KEY", StringComparison.Ordinal)
                    )
                    {
                        throw new CommandFailure(
                            ExitCode.Usage,
                            "the file holds the key too, which would be lost when it is written over",
                            path,
                            $"take it apart with 'gatehouse cert import {path} --out DIR' and renew the .crt that makes"
                        );
                    }

                    using var key =
                        (AsymmetricAlgorithm?)before.Leaf.GetRSAPrivateKey() ?? before.Leaf.GetECDsaPrivateKey()!;
                    using var certificate = Sign(key, CertificateJudge.NamesOf(before.Leaf), call.Get(s_days));
                    DurableFile.Write(path, Encoding.ASCII.GetBytes(certificate.ExportCertificatePem() + "\n"));
                    call.Output.Say(
                        $"{path} is good until {certificate.NotAfter:yyyy-MM-dd}; 'gatehouse reload' takes it into use without a pause"
                    );
                    return Task.CompletedTask;
                }
            );

    private static Command Show()
    {
        var host = new Option<string?>("--host") { Description = "Whether it is for this name", HelpName = "NAME" };
        return new Command("show", "Show a certificate, its chain, and what is weak about it")
            .With(s_certificate, s_key, s_passphrase, host)
            .Does(
                (call, _) =>
                {
                    var path = call.Get(s_certificate);
                    using var certificate = Read(call, path);
                    var leaf = certificate.Leaf;
                    var weak = CertificateJudge.Weaknesses(certificate, DateTimeOffset.UtcNow).ToList();
                    if (CertificateJudge.Refusal(leaf) is { } refusal)
                    {
                        weak.Insert(0, $"{refusal}: it is not served; {CertificateJudge.Replacement(leaf)}");
                    }

                    if (call.Get(host) is { } name && !leaf.MatchesHostname(name))
                    {
                        weak.Insert(0, $"it is not for {name}");
                    }

                    var shown = new CertificateView(
                        leaf.Subject,
                        CertificateJudge.NamesOf(leaf),
                        leaf.Issuer,
                        leaf.NotBefore.ToUniversalTime(),
                        leaf.NotAfter.ToUniversalTime(),
                        KeyOf(leaf),
                        [.. certificate.Chain.Select(c => c.Subject)],
                        Convert.ToHexStringLower(leaf.GetCertHash(HashAlgorithmName.SHA256)),
                        weak
                    );
                    call.Output.Item(
                        "Certificate",
                        shown,
                        ("subject", shown.Subject),
                        ("names", string.Join(", ", shown.Names)),
                        ("issuer", shown.Issuer),
                        ("from", $"{shown.From:u}"),
                        ("until", $"{shown.Until:u}"),
                        ("key", shown.Key),
                        ("chain", string.Join(" ← ", shown.Chain)),
                        ("sha-256", shown.Fingerprint)
                    );
                    foreach (var weakness in weak)
                    {
                        call.Output.Warn(weakness);
                    }

                    return Task.FromResult(CertificateJudge.Refusal(leaf) is null ? ExitCode.Done : ExitCode.Invalid);
                }
            );
    }

    private static Command Import() =>
        new Command("import", "Take a certificate as PEM for tls.certificates: leaf first, key without passphrase")
            .With(s_certificate, s_key, s_passphrase, s_out, s_replace)
            .Does(
                (call, _) =>
                {
                    var path = call.Get(s_certificate);
                    using var certificate = Read(call, path);
                    RefuseWeak(certificate, path);
                    var names = CertificateJudge.NamesOf(certificate.Leaf);
                    var (file, keyFile) = Paths(
                        call,
                        names.Count > 0 ? names[0] : Path.GetFileNameWithoutExtension(path)
                    );
                    Refuse(call, file, keyFile);
                    using var key =
                        (AsymmetricAlgorithm?)certificate.Leaf.GetRSAPrivateKey()
                        ?? certificate.Leaf.GetECDsaPrivateKey()!;
                    WriteKey(keyFile, key);
                    DurableFile.Write(
                        file,
                        Encoding.ASCII.GetBytes(
                            string.Concat(certificate.Chain.Select(c => c.ExportCertificatePem() + "\n"))
                        )
                    );
                    foreach (
                        var weakness in CertificateJudge.Weaknesses(
                            certificate with
                            {
                                HadPassphrase = false,
                            },
                            DateTimeOffset.UtcNow
                        )
                    )
                    {
                        call.Output.Warn(weakness);
                    }

                    Tell(call, file, keyFile, names);
                    return Task.CompletedTask;
                }
            );

    private static Command Export()
    {
        var to = new Option<string>("--to")
        {
            Description = "PKCS#12 file to write",
            HelpName = "FILE",
            Required = true,
        };
        return new Command("export", "Write certificate, chain and key as one PKCS#12 file")
            .With(s_certificate, s_key, s_passphrase, to)
            .Does(
                (call, _) =>
                {
                    using var certificate = Read(call, call.Get(s_certificate));
                    var passphrase =
                        Passphrase(call)
                        ?? throw new CommandFailure(
                            ExitCode.Usage,
                            "a PKCS#12 file needs a passphrase",
                            fix: "give --passphrase-file FILE"
                        );
                    DurableFile.Write(call.Get(to)!, CertificateFiles.ToPkcs12(certificate, passphrase), secret: true);
                    call.Output.Say($"{call.Get(to)} is written");
                    return Task.CompletedTask;
                }
            );
    }

    private static Command Trust()
    {
        var to = new Option<string?>("--out")
        {
            Description = "Write it to this file instead of printing",
            HelpName = "FILE",
        };
        return new Command(
            "trust",
            "Give out the cluster's authority, which clients trust to judge the nodes' own certificates"
        )
            .With(to)
            .Does(
                async (call, cancellation) =>
                {
                    await RefreshAsync(call, cancellation);
                    var pem =
                        ManagerContextChoice.Of(call).Ca
                        ?? throw new CommandFailure(
                            ExitCode.NotFound,
                            "no authority is known for this cluster",
                            fix: "sign in with 'gatehouse login LINK', or give --ca FILE"
                        );
                    if (call.Get(to) is not { } file)
                    {
                        call.Output.Line(pem.TrimEnd());
                        call.Output.Say(
                            "For all programs of a Debian machine: gatehouse cert trust --out /usr/local/share/ca-certificates/gatehouse.crt && update-ca-certificates"
                        );
                        return;
                    }

                    DurableFile.Write(file, Encoding.ASCII.GetBytes(pem));
                    call.Output.Say($"{file} is written; for one call: curl --cacert {file} …");
                }
            );
    }

    // While the authority is rotated there are two: the answer to any request brings the other. Without a manager what is kept counts.
    private static async Task RefreshAsync(Call call, CancellationToken cancellation)
    {
        try
        {
            await call.Manager.GetAuthorityAsync(cancellation);
        }
        catch (CommandFailure failure) when (failure.Code is not ExitCode.Usage)
        {
            call.Output.Warn($"as it is kept here; the manager could not be asked: {failure.Message}");
        }
    }

    private static X509Certificate2 Sign(AsymmetricAlgorithm key, IReadOnlyList<string> hosts, int days)
    {
        if (days is < 1 or > 3650)
        {
            throw new CommandFailure(
                ExitCode.Usage,
                $"{days} days is out of bounds",
                "--days",
                "give a number from 1 to 3650"
            );
        }

        var now = DateTimeOffset.UtcNow;
        return SelfMade.Request(key, hosts).CreateSelfSigned(now.AddMinutes(-5), now.AddDays(days));
    }

    private static string[] Hosts(Call call)
    {
        var hosts = call.Get(s_hosts).Select(h => h.ToLowerInvariant()).ToArray();
        return
            hosts.FirstOrDefault(h =>
                Uri.CheckHostName(h.StartsWith("*.", StringComparison.Ordinal) ? h[2..] : h) == UriHostNameType.Unknown
            )
                is { } bad
            ? throw new CommandFailure(
                ExitCode.Usage,
                $"'{bad}' is not a host name",
                fix: "write names such as am.example.com, without scheme or port"
            )
            : hosts;
    }

    private static CertificateWithChain Read(Call call, string path)
    {
        var key =
            call.Get(s_key)
            ?? (File.Exists(Path.ChangeExtension(path, ".key")) ? Path.ChangeExtension(path, ".key") : null);
        try
        {
            return CertificateFiles.Read(path, key, Passphrase(call));
        }
        catch (CryptographicException e)
        {
            throw new CommandFailure(
                ExitCode.Invalid,
                $"the certificate cannot be read: {e.Message}",
                path,
                "give a PEM or PKCS#12 file, its key with --key, and its passphrase with --passphrase-file",
                cause: e
            );
        }
    }

    private static string? Passphrase(Call call) =>
        call.Get(s_passphrase) is { } file ? File.ReadLines(file).FirstOrDefault() ?? "" : null;

    private static void RefuseWeak(CertificateWithChain certificate, string path)
    {
        if (CertificateJudge.Refusal(certificate.Leaf) is { } refusal)
        {
            throw new CommandFailure(
                ExitCode.Invalid,
                $"the certificate is not taken: {refusal}",
                path,
                CertificateJudge.Replacement(certificate.Leaf)
            );
        }
    }

    private static (string Certificate, string Key) Paths(Call call, string host)
    {
        var name = host.Replace("*", "wildcard", StringComparison.Ordinal).Replace(':', '_');
        var folder = Path.GetFullPath(call.Get(s_out)!);
        DurableFile.CreateDirectory(folder, secret: false);
        return (Path.Combine(folder, $"{name}.crt"), Path.Combine(folder, $"{name}.key"));
    }

    private static void Refuse(Call call, params ReadOnlySpan<string> files)
    {
        foreach (var file in files)
        {
            if (File.Exists(file) && !call.Get(s_replace))
            {
                throw new CommandFailure(
                    ExitCode.Conflict,
                    "the file is there already",
                    file,
                    "give --replace to write over it, or another --out DIR"
                );
            }
        }
    }

    private static void WriteKey(string file, AsymmetricAlgorithm key) =>
        DurableFile.Write(file, Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"), secret: true);

    private static void Tell(Call call, string file, string keyFile, IReadOnlyList<string> hosts)
    {
        call.Output.Say(
            $"{file} is written, and {keyFile} (mode 600). In gatehouse.yaml of the nodes that serve {string.Join(", ", hosts)}:"
        );
        call.Output.Line($"tls:\n  certificates:\n    - {{ cert: {file}, key: {keyFile} }}");
        call.Output.Next("gatehouse reload");
    }

    private static string KeyOf(X509Certificate2 certificate)
    {
        using var rsa = certificate.GetRSAPublicKey();
        using var ec = certificate.GetECDsaPublicKey();
        return rsa is not null ? string.Create(CultureInfo.InvariantCulture, $"RSA {rsa.KeySize}")
            : ec is not null ? string.Create(CultureInfo.InvariantCulture, $"ECDSA {ec.KeySize}")
            : certificate.PublicKey.Oid.FriendlyName ?? "of another kind";
    }

    private sealed record CertificateView(
        string Subject,
        IReadOnlyList<string> Names,
        string Issuer,
        DateTime From,
        DateTime Until,
        string Key,
        IReadOnlyList<string> Chain,
        string Fingerprint,
        IReadOnlyList<string> Weaknesses
    );
}
