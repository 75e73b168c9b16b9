using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>A real NGINX or HAProxy in the foreground, with a folder of its own that goes with it.</summary>
internal sealed class ForeignBalancer : IAsyncDisposable
{
    private readonly List<string> _output = [];
    private Process? _process;

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("gatehouse-lb-").FullName;

    public string Output
    {
        get
        {
            lock (_output)
            {
                return string.Join('\n', _output);
            }
        }
    }

    /// <summary>True when the program is on this machine; test.sh installs it where it may.</summary>
    public static bool Has(string program) => File.Exists($"/usr/sbin/{program}");

    /// <summary>A self-signed certificate as <c>NAME.crt</c>, <c>NAME.key</c> and both in <c>NAME.pem</c>.</summary>
    public void Certificate(string name, params string[] hosts)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest(
            $"CN={hosts[0]}",
            key,
            HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1
        );
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
        {
            names.AddDnsName(host);
        }

        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(
            DateTimeOffset.UtcNow.AddDays(-1),
            DateTimeOffset.UtcNow.AddDays(30)
        );
        File.WriteAllText(PathOf($"{name}.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(PathOf($"{name}.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(
            PathOf($"{name}.pem"),
            certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem()
        );
    }

    public string PathOf(string name) => Path.Combine(Directory, name);

    /// <summary>The processes that serve; after a reload, others do.</summary>
    public IReadOnlySet<string> Serving =>
        File.ReadAllText($"/proc/{_process!.Id}/task/{_process.Id}/children")
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .ToHashSet();

    /// <summary>Writes NGINX's main file around <c>*.conf</c> of <c>conf.d</c> and starts it.</summary>
    public void StartNginx(string? network = null)
    {
        File.WriteAllText(
            PathOf("nginx.conf"),
            $$"""
            daemon off;
            worker_processes 1;
            pid {{Directory}}/nginx.pid;
            error_log stderr warn;
            events { worker_connections 512; }
            http {
                access_log off;
                client_body_temp_path {{Directory}}/body;
                proxy_temp_path {{Directory}}/proxy;
                fastcgi_temp_path {{Directory}}/fastcgi;
                uwsgi_temp_path {{Directory}}/uwsgi;
                scgi_temp_path {{Directory}}/scgi;
                include {{Directory}}/conf.d/*.conf;
            }
            """
        );
        string[] nginx = ["/usr/sbin/nginx", "-p", Directory, "-c", PathOf("nginx.conf")];
        if (network is null)
        {
            Start(nginx[0], nginx[1..]);
        }
        else
        {
            Start("ip", ["netns", "exec", network, .. nginx]);
        }
    }

    public void StartHaproxy(string file) => Start("/usr/sbin/haproxy", "-W", "-db", "-f", file);

    /// <summary>The command that makes it read its files anew.</summary>
    public string Reload =>
        _process!.StartInfo.FileName.EndsWith("nginx", StringComparison.Ordinal)
            ? $"/usr/sbin/nginx -t -p {Directory} -c {PathOf("nginx.conf")} && kill -HUP {_process.Id}"
            : $"kill -USR2 {_process.Id}";

    /// <summary>Runs a check of a file; fails the test with what it says.</summary>
    public static async Task CheckAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true }
        )!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await output + await error);
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process?.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private void Start(string program, params string[] arguments)
    {
        _process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments)
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            },
        };
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is not null)
        {
            lock (_output)
            {
                _output.Add(line.Data);
            }
        }
    }
}
