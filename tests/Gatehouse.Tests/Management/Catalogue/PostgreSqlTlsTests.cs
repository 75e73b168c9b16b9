using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Management;
using Gatehouse.TestSupport;
using Microsoft.EntityFrameworkCore;

namespace Gatehouse.Tests.Management;

/// <summary>A real server with <c>ssl=on</c> that lets nobody in without TLS.</summary>
public sealed class PostgreSqlTlsTests
{
    private const string NotGood = "The database's certificate is not good";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_database_is_reached_over_TLS_and_only_one_whose_certificate_is_good()
    {
        var folder = Directory.CreateTempSubdirectory("gatehouse-tls-");
        using var ours = new Authority("ours");
        using var others = new Authority("others");
        var (ca, otherCa) = (Path.Combine(folder.FullName, "ca.pem"), Path.Combine(folder.FullName, "other.pem"));
        await File.WriteAllTextAsync(ca, ours.Certificate.ExportCertificatePem(), Stop);
        await File.WriteAllTextAsync(otherCa, others.Certificate.ExportCertificatePem(), Stop);
        await using var server = await StartAsync(ours);
        // Its certificate names 127.0.0.1 and not localhost.
        var there = server.Settings("over_tls");
        var elsewhere = there with { Host = "localhost" };

        foreach (
            var good in new[]
            {
                there with
                {
                    Tls = DatabaseTls.Require,
                },
                there with
                {
                    Tls = DatabaseTls.VerifyCa,
                    AuthorityFile = ca,
                },
                elsewhere with
                {
                    Tls = DatabaseTls.VerifyCa,
                    AuthorityFile = ca,
                },
                there with
                {
                    Tls = DatabaseTls.VerifyFull,
                    AuthorityFile = ca,
                },
            }
        )
        {
            using var database = CatalogueDatabase.PostgreSql(good);
            await CatalogueSetup.ApplyAsync(database, Stop);
            await using var context = database.Open();
            var encrypted = await context
                .Database.SqlQuery<bool>($"SELECT ssl AS \"Value\" FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                .SingleAsync(Stop);
            Assert.True(encrypted, good.Tls.ToString());
        }

        foreach (
            var (bad, title) in new[]
            {
                (there with { Tls = DatabaseTls.VerifyCa, AuthorityFile = otherCa }, NotGood),
                (there with { Tls = DatabaseTls.VerifyFull, AuthorityFile = otherCa }, NotGood),
                (there with { Tls = DatabaseTls.VerifyFull }, NotGood),
                (elsewhere with { Tls = DatabaseTls.VerifyFull, AuthorityFile = ca }, NotGood),
                (there with { Tls = DatabaseTls.Off }, "The database does not let this manager in"),
            }
        )
        {
            using var database = CatalogueDatabase.PostgreSql(bad);

            var e = await Assert.ThrowsAnyAsync<Exception>(() => CatalogueSetup.ApplyAsync(database, Stop));

            var trouble = CatalogueDatabase.TroubleOf(e);
            Assert.True(trouble?.Title == title, $"{bad.Host} {bad.Tls} {bad.AuthorityFile}: {trouble} {e}");
        }

        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_server_without_TLS_is_not_talked_to_in_the_clear_instead()
    {
        var server = await PostgreSqlServer.SharedAsync();
        using var database = CatalogueDatabase.PostgreSql(
            server.Settings("postgres") with
            {
                Tls = DatabaseTls.Require,
            }
        );

        var e = await Assert.ThrowsAnyAsync<Exception>(() => CatalogueSetup.ApplyAsync(database, Stop));

        Assert.Contains("SSL", CatalogueDatabase.TroubleOf(e)!.Detail, StringComparison.Ordinal);
    }

    private static async Task<PostgreSqlServer> StartAsync(Authority authority)
    {
        Assert.SkipWhen(PostgreSqlServer.Missing is not null, PostgreSqlServer.Missing ?? "");
        var folder = Directory.CreateTempSubdirectory("gatehouse-postgresql-").FullName;
        var (certificate, key, access) = (
            Path.Combine(folder, "server.crt"),
            Path.Combine(folder, "server.key"),
            Path.Combine(folder, "access.conf")
        );
        using var identity = authority.Issue();
        await File.WriteAllTextAsync(certificate, identity.ExportCertificatePem(), Stop);
        await File.WriteAllTextAsync(key, identity.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(), Stop);
        await File.WriteAllTextAsync(
            access,
            "hostssl all all 127.0.0.1/32 trust\nhostssl all all ::1/128 trust\n",
            Stop
        );
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        if (Environment.IsPrivilegedProcess)
        {
            using var chown = Process.Start("chown", ["nobody", certificate, key, access]);
            await chown.WaitForExitAsync(Stop);
        }

        return await PostgreSqlServer.StartInAsync(
            folder,
            "fsync=off",
            "ssl=on",
            $"ssl_cert_file={certificate}",
            $"ssl_key_file={key}",
            $"hba_file={access}"
        );
    }

    private sealed class Authority : IDisposable
    {
        private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        public Authority(string name)
        {
            var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
            Certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(9));
        }

        public X509Certificate2 Certificate { get; }

        public X509Certificate2 Issue()
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=database", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            using var issued = request.Create(
                Certificate,
                DateTimeOffset.UtcNow.AddDays(-1),
                DateTimeOffset.UtcNow.AddDays(8),
                RandomNumberGenerator.GetBytes(8)
            );
            return issued.CopyWithPrivateKey(key);
        }

        public void Dispose()
        {
            Certificate.Dispose();
            _key.Dispose();
        }
    }
}
