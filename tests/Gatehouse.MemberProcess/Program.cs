using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using Gatehouse.Cluster;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

// NODE HOST PORT FOLDER WELL-KNOWN...: a member until SIGTERM. FOLDER holds NODE.pfx and ca.pem and gets NODE.members.
// Each view is one line on standard output, "view PHASE CLUSTER-ID NAME=STATE ...", and so is each line of the log.
var (node, host, port, folder) = (args[0], args[1], int.Parse(args[2]), args[3]);
var certificate = X509CertificateLoader.LoadPkcs12FromFile(Path.Combine(folder, $"{node}.pfx"), null);
var authority = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(folder, "ca.pem"));
var settings = new MembershipSettings
{
    NodeName = node,
    Profile = Profile.GatewayWorker,
    LocalMemberHost = host,
    LocalMemberPort = port,
    AllowPortIncrement = false,
    StateFile = Path.Combine(folder, $"{node}.members"),
    WellKnownMembers = [.. args[4..].Select(a => new WellKnownMember(a, port))],
};

var verbose = Environment.GetEnvironmentVariable("GATEHOUSE_TEST_AKKA_LOG") is not null;
using var stop = new CancellationTokenSource();
using var onTerm = PosixSignalRegistration.Create(
    PosixSignal.SIGTERM,
    context =>
    {
        context.Cancel = true;
        stop.Cancel();
    }
);
using var loggers = LoggerFactory.Create(l =>
    l.AddSimpleConsole(c => c.SingleLine = true).SetMinimumLevel(verbose ? LogLevel.Trace : LogLevel.Information)
);
var membership = new Membership(settings, new MemberTrust(() => certificate, Refuse), TimeProvider.System, loggers);
var running = membership.RunAsync(stop.Token);
try
{
    await foreach (var view in membership.View.FollowAsync(stop.Token))
    {
        var members = string.Join(' ', view.Members.Select(m => $"{m.Name}={m.State}"));
        Console.WriteLine($"view {view.Phase} {view.ClusterId ?? "-"} {members}");
    }
}
catch (OperationCanceledException)
{
    await running;
}

return 0;

string? Refuse(X509Certificate2 peer)
{
    using var chain = new X509Chain();
    chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
    chain.ChainPolicy.CustomTrustStore.Add(authority);
    chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
    return chain.Build(peer) ? null : "its certificate was not issued by this cluster's authority";
}
