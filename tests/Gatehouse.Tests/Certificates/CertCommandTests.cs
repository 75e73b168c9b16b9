using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Certificates;
using Gatehouse.Cli;
using Gatehouse.Tests.Cli;

namespace Gatehouse.Tests.Certificates;

/// <summary>Certificates for public names, made here and made with OpenSSL as the old manual says.</summary>
public sealed class CertCommandTests : IDisposable
{
    private readonly Shell _shell = new();

    [Fact]
    public async Task A_created_certificate_is_for_its_names_and_its_key_is_the_owners_alone()
    {
        var ran = await RunAsync("create", "am.example.com", "10.0.0.1", "--out", _shell.Home);

        Assert.True(ran.Code == ExitCode.Done, ran.Error);
        using var read = CertificateFiles.Read(In("am.example.com.crt"), In("am.example.com.key"), null);
        Assert.Equal(["am.example.com", "10.0.0.1"], CertificateJudge.NamesOf(read.Leaf));
        Assert.True(read.Leaf.MatchesHostname("am.example.com"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(In("am.example.com.key")));
    }

    [Fact]
    public async Task Files_that_are_there_are_not_written_over_unasked()
    {
        await RunAsync("create", "am.example.com", "--out", _shell.Home);
        var key = await File.ReadAllTextAsync(In("am.example.com.key"), TestContext.Current.CancellationToken);

        var again = await RunAsync("create", "am.example.com", "--out", _shell.Home);

        Assert.Equal(ExitCode.Conflict, again.Code);
        Assert.Equal(key, await File.ReadAllTextAsync(In("am.example.com.key"), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("genrsa -traditional -des3 -passout pass:geheim -out KEY 2048")]
    [InlineData("genrsa -traditional -aes256 -passout pass:geheim -out KEY 2048")]
    [InlineData("genrsa -aes256 -passout pass:geheim -out KEY 2048")]
    [InlineData("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:geheim -out KEY")]
    public async Task A_key_with_a_passphrase_serves_and_every_weakness_is_named(string make)
    {
        OpenSsl(make);
        OpenSsl("req -new -x509 -key KEY -passin pass:geheim -subj /CN=am.wso2.com -days 365 -out CRT");
        var passphrase = _shell.Write("pass", "geheim\n");

        using var read = CertificateFiles.Read(In("old.crt"), In("old.key"), "geheim");
        var weak = CertificateJudge.Weaknesses(read, DateTimeOffset.UtcNow);
        var shown = await RunAsync("show", In("old.crt"), "--passphrase-file", passphrase);

        Assert.Contains(weak, w => w.Contains("common name only", StringComparison.Ordinal));
        Assert.Contains(weak, w => w.Contains("self-signed", StringComparison.Ordinal));
        Assert.Contains(weak, w => w.Contains("passphrase", StringComparison.Ordinal));
        Assert.All(weak, w => Assert.Contains(w, shown.Error, StringComparison.Ordinal));
        // It serves: a handshake needs the key.
        _ = SslStreamCertificateContext.Create(
            X509CertificateLoader.LoadPkcs12(read.Leaf.Export(X509ContentType.Pkcs12), null),
            null,
            offline: true
        );
    }

    [Fact]
    public async Task A_wrong_passphrase_is_told_and_never_repeated()
    {
        OpenSsl("genrsa -traditional -des3 -passout pass:geheim -out KEY 2048");
        OpenSsl("req -new -x509 -key KEY -passin pass:geheim -subj /CN=am.wso2.com -out CRT");

        var ran = await RunAsync("show", In("old.crt"), "--passphrase-file", _shell.Write("pass", "falsch\n"));

        Assert.Equal(ExitCode.Invalid, ran.Code);
        Assert.Contains("passphrase is wrong", ran.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("falsch", ran.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_seeds_1024_bits_are_refused_with_the_command_that_replaces_them()
    {
        OpenSsl("genrsa -out KEY 1024");
        OpenSsl("req -new -x509 -key KEY -subj /CN=am.wso2.com -out CRT");

        var shown = await RunAsync("show", In("old.crt"));
        var imported = await RunAsync("import", In("old.crt"), "--out", Path.Combine(_shell.Home, "in"));
        var problems = new Gatehouse.Nodes.PublicCertificates(null!).Read(
            new() { Certificates = [new(In("old.crt"), In("old.key"), [])] },
            out _
        );

        Assert.Equal(ExitCode.Invalid, shown.Code);
        Assert.Equal(ExitCode.Invalid, imported.Code);
        Assert.Contains("1024 bits", imported.Error, StringComparison.Ordinal);
        Assert.Equal("gatehouse cert create am.wso2.com", Assert.Single(problems).Fix);
    }

    [Fact]
    public async Task The_seeds_steps_with_2048_bits_serve_from_the_configuration_with_a_warning()
    {
        OpenSsl("genrsa -des3 -passout pass:geheim -out KEY.enc 2048");
        OpenSsl("req -new -key KEY.enc -passin pass:geheim -subj /CN=am.wso2.com -out CSR");
        OpenSsl("rsa -in KEY.enc -passin pass:geheim -out KEY");
        OpenSsl("x509 -req -days 365 -in CSR -signkey KEY -out CRT");
        var certificates = new Gatehouse.Nodes.PublicCertificates(null!);

        var problems = certificates.Read(new() { Certificates = [new(In("old.crt"), In("old.key"), [])] }, out var use);
        use();

        Assert.Empty(problems);
        Assert.NotNull(certificates.For("am.wso2.com").ServerCertificateContext);
        Assert.Contains(certificates.Weaknesses, w => w.Contains("common name only", StringComparison.Ordinal));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task A_chain_comes_out_leaf_first_whatever_its_order_and_goes_through_PKCS12()
    {
        OpenSsl("req -new -x509 -newkey rsa:2048 -nodes -keyout CA.key -subj /CN=Root -days 30 -out CA.crt");
        OpenSsl(
            "req -new -newkey rsa:2048 -nodes -keyout KEY -subj /CN=am.example.com -addext subjectAltName=DNS:am.example.com -out CSR"
        );
        OpenSsl("x509 -req -in CSR -CA CA.crt -CAkey CA.key -CAcreateserial -copy_extensions copy -days 30 -out CRT");
        var mixed = _shell.Write("mixed.crt", File.ReadAllText(In("CA.crt")) + File.ReadAllText(In("old.crt")));
        var passphrase = _shell.Write("pass", "geheim\n");

        var export = await RunAsync(
            "export",
            mixed,
            "--key",
            In("old.key"),
            "--passphrase-file",
            passphrase,
            "--to",
            In("x.p12")
        );
        var import = await RunAsync(
            "import",
            In("x.p12"),
            "--passphrase-file",
            passphrase,
            "--out",
            Path.Combine(_shell.Home, "in")
        );

        Assert.True(export.Code == ExitCode.Done, export.Error);
        Assert.True(import.Code == ExitCode.Done, import.Error);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(Path.Combine(_shell.Home, "in", "am.example.com.crt"));
        Assert.Equal(["CN=am.example.com", "CN=Root"], chain.Select(c => c.Subject));
    }

    [Fact]
    public async Task A_request_is_one_that_OpenSSL_takes()
    {
        var ran = await RunAsync("request", "am.example.com", "--out", _shell.Home);

        Assert.True(ran.Code == ExitCode.Done, ran.Error);
        Assert.Contains(
            "DNS:am.example.com",
            OpenSsl($"req -in {In("am.example.com.csr")} -noout -verify -text"),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_renewed_certificate_keeps_names_and_key()
    {
        await RunAsync("create", "am.example.com", "--out", _shell.Home, "--days", "1");
        var before = CertificateFiles.Read(In("am.example.com.crt"), In("am.example.com.key"), null);

        var ran = await RunAsync("renew", In("am.example.com.crt"), "--days", "100");

        Assert.True(ran.Code == ExitCode.Done, ran.Error);
        using var after = CertificateFiles.Read(In("am.example.com.crt"), In("am.example.com.key"), null);
        Assert.Equal(before.Leaf.GetPublicKey(), after.Leaf.GetPublicKey());
        Assert.True(after.Leaf.NotAfter > before.Leaf.NotAfter.AddDays(90));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_file_that_holds_the_key_is_not_renewed_over(bool isKeyFirst)
    {
        await RunAsync("create", "am.example.com", "--out", _shell.Home, "--days", "1");
        var (certificate, key) = (
            File.ReadAllText(In("am.example.com.crt")),
            File.ReadAllText(In("am.example.com.key"))
        );
        var combined = _shell.Write("combined.pem", isKeyFirst ? key + certificate : certificate + key);

        var ran = await RunAsync("renew", combined, "--key", In("am.example.com.key"));

        Assert.Equal(ExitCode.Usage, ran.Code);
        Assert.Contains("holds the key too", ran.Error, StringComparison.Ordinal);
        Assert.Equal(isKeyFirst ? key + certificate : certificate + key, File.ReadAllText(combined));
    }

    [Theory]
    [InlineData("https://am.example.com")]
    [InlineData("am example")]
    public async Task What_is_no_host_name_is_refused(string host) =>
        Assert.Equal(ExitCode.Usage, (await RunAsync("create", host, "--out", _shell.Home)).Code);

    public void Dispose() => _shell.Dispose();

    private Task<Ran> RunAsync(params string[] arguments) => _shell.RunAsync(["cert", .. arguments]);

    private string In(string name) => Path.Combine(_shell.Home, name);

    private string OpenSsl(string arguments)
    {
        var words = arguments
            .Split(' ')
            .Select(word =>
                word switch
                {
                    "KEY" => In("old.key"),
                    "KEY.enc" => In("old.key.enc"),
                    "CRT" => In("old.crt"),
                    "CSR" => In("old.csr"),
                    "CA.key" or "CA.crt" => In(word),
                    _ => word,
                }
            );
        using var process = Process.Start(
            new ProcessStartInfo("openssl", words) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        var output = process.StandardOutput.ReadToEnd();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"openssl {arguments}: {error}");
        return output + error;
    }
}
