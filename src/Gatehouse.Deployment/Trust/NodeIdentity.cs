using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Deployment.Wire;
using Gatehouse.Model;
using Google.Protobuf;

namespace Gatehouse.Deployment.Trust;

/// <summary>
/// Who this node is: the <c>pki</c> folder of its data directory. <c>node.key</c> (mode 600), <c>node.crt</c>, <c>ca.crt</c>
/// (one or several authorities), <c>cluster.json</c>. The certificate is written last, so the folder either holds an identity
/// or does not.
/// </summary>
public sealed class NodeIdentity : IDisposable
{
    private readonly string _folder;
    private readonly ECDsa _key;
    private readonly Latest<NodeCertificate> _certificate;
    private readonly Latest<ClusterFacts> _facts;
    private readonly Latest<X509Certificate2Collection> _authorities;
    private string _trust;

    private NodeIdentity(string folder, ECDsa key, Material material)
    {
        _folder = folder;
        _key = key;
        Identity = material.Certificate.Identity;
        _certificate = new(material.Certificate);
        _facts = new(material.Facts);
        _authorities = new(material.Authorities);
        _trust = material.Trust;
    }

    /// <summary>Cluster, profile and name; the serial number is the one at load.</summary>
    public PeerIdentity Identity { get; }

    /// <summary>The node's name.</summary>
    public string Node => Identity.Node;

    /// <summary>What it runs.</summary>
    public Profile Profile => Identity.Profile;

    /// <summary>The cluster's name.</summary>
    public string Cluster => Identity.Cluster;

    /// <summary>The certificate to use in the next handshake.</summary>
    public NodeCertificate Certificate => _certificate.Value;

    /// <summary>What the node knows of its cluster.</summary>
    public ClusterFacts Facts => _facts.Value;

    /// <summary>The cluster's authorities.</summary>
    public X509Certificate2Collection Authorities => _authorities.Value;

    /// <summary>Whom it believes and who issued its certificate: <see cref="ClusterTrust.Id"/> of the state it is at.</summary>
    public string Trust => Volatile.Read(ref _trust);

    /// <summary>The certificate now, then each renewed one.</summary>
    public IAsyncEnumerable<NodeCertificate> FollowCertificateAsync(CancellationToken cancellation) =>
        _certificate.FollowAsync(cancellation);

    /// <summary>The authorities now, then whenever they are told anew.</summary>
    public IAsyncEnumerable<X509Certificate2Collection> FollowAuthoritiesAsync(CancellationToken cancellation) =>
        _authorities.FollowAsync(cancellation);

    /// <summary>
    /// The identity in <paramref name="dataDirectory"/>; null when it holds none. Throws <see cref="InvalidDataException"/>
    /// when it holds one that does not fit together, <see cref="UnauthorizedAccessException"/> when others may read its key.
    /// </summary>
    public static NodeIdentity? Load(string dataDirectory)
    {
        var folder = Path.Combine(dataDirectory, "pki");
        if (!File.Exists(Path.Combine(folder, "node.crt")))
        {
            return null;
        }

        ECDsa? key = null;
        try
        {
            key = NodeKey.Load(dataDirectory);
            var file = JsonSerializer.Deserialize(
                File.ReadAllBytes(Path.Combine(folder, "cluster.json")),
                IdentityJson.Default.ClusterFacts
            )!;
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPemFile(Path.Combine(folder, "ca.crt"));
            var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(Path.Combine(folder, "node.crt")));
            return new(folder, key, Material.Check(certificate, key, authorities, file));
        }
        catch (Exception e)
            when (e
                    is JsonException
                        or CryptographicException
                        or FileNotFoundException
                        or ArgumentException
                        or InvalidDataException
            )
        {
            key?.Dispose();
            throw new InvalidDataException(
                $"The identity in {folder} is damaged: {e.Message} Restore the folder from a backup, or remove it and join "
                    + "again with a new token.",
                e
            );
        }
    }

    /// <summary>Stores what a manager answered as the identity of <paramref name="dataDirectory"/>. Throws <see cref="InvalidDataException"/> when the answer does not fit the key.</summary>
    public static NodeIdentity Store(string dataDirectory, JoinReply reply)
    {
        var key = NodeKey.LoadOrCreate(dataDirectory);
        var folder = Path.Combine(dataDirectory, "pki");
        var material = Material.Check(reply, key);
        WriteSharedKeys(folder, reply);
        Write(folder, material);
        return new(folder, key, material);
    }

    /// <summary>The file of the key that all balancers share; only a balancer has it.</summary>
    public static string BalancerKeyPath(string dataDirectory) => Path.Combine(dataDirectory, "pki", "balancer.key");

    /// <summary>The file of the key that opens secrets in entities; only a worker has it.</summary>
    public static string WorkerKeyPath(string dataDirectory) => Path.Combine(dataDirectory, "pki", "worker.key");

    private static void WriteSharedKeys(string folder, JoinReply reply)
    {
        if (!reply.WorkerKey.IsEmpty)
        {
            DurableFile.Write(Path.Combine(folder, "worker.key"), reply.WorkerKey.ToByteArray(), secret: true);
        }

        if (!reply.BalancerKey.IsEmpty)
        {
            DurableFile.Write(Path.Combine(folder, "balancer.key"), reply.BalancerKey.ToByteArray(), secret: true);
        }
    }

    /// <summary>Makes the identity of the node that holds the authority: its first manager.</summary>
    /// <param name="dataDirectory">Where it lies.</param>
    /// <param name="authority">The cluster's authority.</param>
    /// <param name="facts">What the node is to know of its cluster.</param>
    /// <param name="profile">What it runs.</param>
    /// <param name="node">Its name.</param>
    /// <param name="hosts">Host names and addresses it answers to.</param>
    public static NodeIdentity Create(
        string dataDirectory,
        CertificateAuthority authority,
        ClusterFacts facts,
        Profile profile,
        string node,
        IEnumerable<string> hosts
    )
    {
        using var key = NodeKey.LoadOrCreate(dataDirectory);
        using var certificate = authority.Issue(CertificateRequests.Create(key), facts.Cluster, profile, node, hosts);
        return Store(dataDirectory, facts.ToReply(certificate, [authority.Certificate]));
    }

    /// <summary>A certificate request for this node's key, DER.</summary>
    public byte[] CreateRequest() => CertificateRequests.Create(_key, Node);

    /// <summary>
    /// Stores a renewed certificate, or the present one with what else is new, and uses it from the next handshake on; connections that are open stay. Throws
    /// <see cref="InvalidDataException"/> when it is not for this node, and <see cref="IOException"/> when it cannot be stored;
    /// the present one stays in use then.
    /// </summary>
    public void Renew(JoinReply reply)
    {
        var material = Material.Check(reply, _key);
        var renewed = material.Certificate.Identity;
        if ((renewed.Cluster, renewed.Profile, renewed.Node) != (Cluster, Profile, Node))
        {
            throw new InvalidDataException($"the renewed certificate is for {renewed}, not for {Identity}");
        }

        WriteSharedKeys(_folder, reply);
        Write(_folder, material);
        _facts.Set(material.Facts);
        _authorities.Set(material.Authorities);
        _certificate.Set(material.Certificate);
        Volatile.Write(ref _trust, material.Trust);
    }

    /// <inheritdoc/>
    public override string ToString() => Identity.ToString();

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();

    private static void Write(string folder, Material material)
    {
        var authorities = string.Concat(material.Authorities.Select(a => a.ExportCertificatePem() + "\n"));
        DurableFile.Write(Path.Combine(folder, "ca.crt"), Encoding.ASCII.GetBytes(authorities));
        DurableFile.Write(
            Path.Combine(folder, "cluster.json"),
            JsonSerializer.SerializeToUtf8Bytes(material.Facts, IdentityJson.Default.ClusterFacts)
        );
        DurableFile.Write(
            Path.Combine(folder, "node.crt"),
            Encoding.ASCII.GetBytes(material.Certificate.Certificate.ExportCertificatePem() + "\n")
        );
    }

    /// <summary>The parts of an identity, checked against each other.</summary>
    private sealed record Material(
        NodeCertificate Certificate,
        X509Certificate2Collection Authorities,
        ClusterFacts Facts,
        string Trust
    )
    {
        public static Material Check(JoinReply reply, ECDsa key)
        {
            try
            {
                var authorities = new X509Certificate2Collection();
                foreach (var authority in reply.Authorities)
                {
                    authorities.Add(X509CertificateLoader.LoadCertificate(authority.Span));
                }

                using var certificate = X509CertificateLoader.LoadCertificate(reply.Certificate.Span);
                return Check(certificate, key, authorities, ClusterFacts.From(reply));
            }
            catch (CryptographicException e)
            {
                throw new InvalidDataException($"the manager's answer cannot be read: {e.Message}", e);
            }
        }

        public static Material Check(
            X509Certificate2 certificate,
            ECDsa key,
            X509Certificate2Collection authorities,
            ClusterFacts facts
        )
        {
            if (
                !certificate
                    .PublicKey.ExportSubjectPublicKeyInfo()
                    .AsSpan()
                    .SequenceEqual(key.ExportSubjectPublicKeyInfo())
            )
            {
                throw new InvalidDataException("the certificate is for another key than node.key.");
            }

            if (PeerIdentity.Read(certificate) is not { } identity || identity.Cluster != facts.Cluster)
            {
                throw new InvalidDataException($"the certificate names no node of the cluster '{facts.Cluster}'.");
            }

            // As of its own lifetime: an expired identity is still an identity, and API traffic goes on with it.
            if (ClusterTrust.Of(authorities, certificate) is not { } trust)
            {
                throw new InvalidDataException("the certificate was not issued by the authority in ca.crt.");
            }

            using var verifier = new CatalogueVerifier(facts.CatalogueKey.Span);
            return new(new(certificate, key, identity), authorities, facts, trust);
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    RespectNullableAnnotations = true
)]
[JsonSerializable(typeof(ClusterFacts))]
internal sealed partial class IdentityJson : JsonSerializerContext;
