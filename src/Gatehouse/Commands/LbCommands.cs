using System.CommandLine;
using System.Diagnostics;
using System.Text;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Deployment.Trust;
using Gatehouse.LoadBalancers;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse lb export | watch</c>: for those who keep their NGINX or HAProxy in front.</summary>
internal static class LbCommands
{
    private static readonly TimeSpan s_longestReload = TimeSpan.FromSeconds(30);
    private static readonly Argument<string> s_kind = Kind();

    private static readonly Option<string?> s_out = new("--out")
    {
        Description = "Write to this file, and the cluster's authority beside it, instead of printing",
        HelpName = "FILE",
    };

    private static readonly Option<int> s_http = new("--http-port")
    {
        Description = "Where it listens, plain",
        DefaultValueFactory = _ => 80,
    };
    private static readonly Option<int> s_https = new("--https-port")
    {
        Description = "Where it listens, TLS",
        DefaultValueFactory = _ => 443,
    };
    private static readonly Option<string?> s_certificate = File(
        "--certificate",
        "Certificate of the API names (default: ssl/wrk.crt of the load balancer)"
    );
    private static readonly Option<string?> s_key = File("--key", "Its key (default: wrk.key beside it)");
    private static readonly Option<string?> s_managementCertificate = File(
        "--management-certificate",
        "Certificate of the console's names (default: mgt.crt)"
    );
    private static readonly Option<string?> s_managementKey = File("--management-key", "Its key (default: mgt.key)");
    private static readonly Option<string?> s_authority = File(
        "--authority",
        "Where the load balancer finds the cluster's authority (default: gatehouse-ca.crt beside the file)"
    );

    public static Command Create() =>
        new Command("lb", "Write the file of a load balancer of your own").With(Export(), Watch());

    private static Command Export() =>
        new Command("export", "Write an NGINX or HAProxy file from the registered nodes")
            .With(
                s_kind,
                s_out,
                s_http,
                s_https,
                s_certificate,
                s_key,
                s_managementCertificate,
                s_managementKey,
                s_authority
            )
            .Does(
                async (call, cancellation) =>
                {
                    var text = await TextAsync(call, cancellation);
                    if (call.Get(s_out) is not { } file)
                    {
                        call.Terminal.Out.Write(text);
                        return;
                    }

                    WriteAuthority(call);
                    DurableFile.Write(file, Encoding.UTF8.GetBytes(text));
                    call.Output.Say($"{file} is written, and {AuthorityFile(call)}");
                    call.Output.Next(DefaultReload(call, file));
                }
            );

    private static Command Watch()
    {
        var reload = new Option<string?>("--reload")
        {
            Description =
                "Command that makes the load balancer read it (default: nginx -t && nginx -s reload, or haproxy -c -f FILE && systemctl reload haproxy)",
            HelpName = "COMMAND",
        };
        return new Command("watch", "Write the file anew, and reload, whenever nodes come, go or drain")
            .With(
                s_kind,
                s_out,
                reload,
                s_http,
                s_https,
                s_certificate,
                s_key,
                s_managementCertificate,
                s_managementKey,
                s_authority
            )
            .With(StopWithInput.Option)
            .Does(
                async (call, cancellation) =>
                {
                    var file =
                        call.Get(s_out)
                        ?? throw new CommandFailure(
                            ExitCode.Usage,
                            "watching needs a file",
                            "--out",
                            "name the load balancer's file with --out FILE"
                        );
                    var command = call.Get(reload) ?? DefaultReload(call, file);
                    using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                    var input = StopWithInput.FollowAsync(call, stop);
                    await WatchAsync(call, file, command, stop.Token);
                    await input;
                }
            );
    }

    private static string DefaultReload(Call call, string file) =>
        call.Get(s_kind) == "nginx"
            ? "nginx -t && nginx -s reload"
            : $"haproxy -c -f '{file.Replace("'", "'\\''", StringComparison.Ordinal)}' && systemctl reload haproxy";

    // What was written last is in force once its reload succeeded; until then it is tried again.
    private static async Task WatchAsync(Call call, string file, string command, CancellationToken stopping)
    {
        WriteAuthority(call);
        var inForce = "";
        var trouble = "";
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        do
        {
            string said;
            try
            {
                var text = await TextAsync(call, stopping);
                if (text == inForce)
                {
                    trouble = "";
                    continue;
                }

                DurableFile.Write(file, Encoding.UTF8.GetBytes(text));
                said = await ReloadAsync(command, stopping);
                if (said.Length == 0)
                {
                    inForce = text;
                    trouble = "";
                    call.Output.Say($"{DateTime.Now:HH:mm:ss} {file} is written and in force");
                    continue;
                }
            }
            catch (CommandFailure failure)
                when (failure.Code is ExitCode.Unreachable or ExitCode.TimedOut or ExitCode.Failed)
            {
                said = $"{failure.Message}; the file stays as it is";
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }

            if (said != trouble)
            {
                call.Output.Warn(said);
                trouble = said;
            }
        } while (await NextAsync(timer, stopping));
    }

    private static async Task<bool> NextAsync(PeriodicTimer timer, CancellationToken stopping)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stopping);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    // Empty when it went well, else what the command said.
    private static async Task<string> ReloadAsync(string command, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(s_longestReload);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var error = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            return process.ExitCode == 0
                ? ""
                : $"'{command}' ended with {process.ExitCode}: {(await output + await error).Trim()}";
        }
        catch (OperationCanceledException)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }

            cancellation.ThrowIfCancellationRequested();
            return $"'{command}' was not done within {s_longestReload.TotalSeconds:0} seconds";
        }
    }

    private static async Task<string> TextAsync(Call call, CancellationToken cancellation)
    {
        var nodes = await call.Manager.ListNodesAsync(cancellation);
        var hosts = await call.Manager.GetHostsAsync(cancellation);
        var isNginx = call.Get(s_kind) == "nginx";
        var folder = isNginx ? "/etc/nginx/ssl" : "/etc/haproxy/certs";
        var certificate = call.Get(s_certificate) ?? $"{folder}/wrk.{(isNginx ? "crt" : "pem")}";
        var management =
            call.Get(s_managementCertificate)
            ?? (call.Get(s_certificate) is null ? $"{folder}/mgt.{(isNginx ? "crt" : "pem")}" : certificate);
        var key = call.Get(s_key) ?? (isNginx ? Path.ChangeExtension(certificate, ".key") : certificate);
        var plan = LoadBalancerPlan.Of(
            nodes,
            hosts,
            (call.Get(s_http), call.Get(s_https)),
            (certificate, key),
            (
                management,
                call.Get(s_managementKey)
                    ?? (
                        management == certificate ? key
                        : isNginx ? Path.ChangeExtension(management, ".key")
                        : management
                    )
            ),
            AuthorityFile(call)
        );
        return isNginx ? NginxFile.Write(plan) : HaproxyFile.Write(plan);
    }

    private static string AuthorityFile(Call call) =>
        call.Get(s_authority)
        ?? Path.Combine(
            call.Get(s_out) is { } file ? Path.GetDirectoryName(Path.GetFullPath(file))!
                : call.Get(s_kind) == "nginx" ? "/etc/nginx/ssl"
                : "/etc/haproxy/certs",
            "gatehouse-ca.crt"
        );

    private static void WriteAuthority(Call call)
    {
        if (call.Get(s_authority) is null && ManagerContextChoice.Of(call).Ca is { } pem)
        {
            DurableFile.Write(AuthorityFile(call), Encoding.ASCII.GetBytes(pem));
        }
    }

    private static Argument<string> Kind()
    {
        var kind = new Argument<string>("kind") { Description = "nginx or haproxy", HelpName = "nginx|haproxy" };
        kind.AcceptOnlyFromAmong("nginx", "haproxy");
        return kind;
    }

    private static Option<string?> File(string name, string description) =>
        new(name) { Description = description, HelpName = "FILE" };
}
