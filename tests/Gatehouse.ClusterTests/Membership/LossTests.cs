using System.Security.Cryptography.X509Certificates;
using Gatehouse.ClusterTests.Harness;
using Gatehouse.Tests.Cluster;

namespace Gatehouse.ClusterTests.Membership;

public sealed class LossTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gatehouse-members-");

    public LossTests()
    {
        using var authority = new TestAuthority();
        File.WriteAllText(Path.Combine(_folder.FullName, "ca.pem"), authority.CertificatePem);
        foreach (var node in new[] { "a", "b", "c" })
        {
            using var certificate = authority.Issue(node);
            File.WriteAllBytes(
                Path.Combine(_folder.FullName, $"{node}.pfx"),
                certificate.Export(X509ContentType.Pkcs12)
            );
        }
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_killed_member_is_shown_as_unreachable_within_three_seconds_and_rejoins_when_it_is_restarted_at_once()
    {
        const int port = 27951;
        string[] wellKnown = ["127.0.11.1", "127.0.11.2"];
        using var a = MemberProcess.Start(_folder.FullName, "a", "127.0.11.1", port, wellKnown);
        using var b = MemberProcess.Start(_folder.FullName, "b", "127.0.11.2", port, wellKnown);
        using var c = MemberProcess.Start(_folder.FullName, "c", "127.0.11.3", port, wellKnown);
        await a.SeesUpAsync(120, "a", "b", "c");
        await b.SeesUpAsync(120, "a", "b", "c");

        c.Kill();

        var killed = FairClock.Start();
        await a.SeesAsync(v => v.Contains("c=Unreachable", StringComparison.Ordinal), 60);
        killed.WasWithin(TimeSpan.FromSeconds(4), "shown as unreachable");
        using var again = MemberProcess.Start(_folder.FullName, "c", "127.0.11.3", port, wellKnown);
        var rejoined = await again.SeesUpAsync(120, "a", "b", "c");
        TestContext.Current.TestOutputHelper!.WriteLine($"rejoined after {rejoined.TotalSeconds:F1} s");
        await a.SeesUpAsync(120, "a", "b", "c");
    }

    [Fact]
    public async Task The_first_member_cut_off_for_a_while_forms_no_second_cluster_and_returns()
    {
        Assert.SkipUnless(Networks.Available, "needs root and the ip command");
        const int port = 4000;
        using var networks = new Networks(3);
        string[] wellKnown = [Networks.Address(1), Networks.Address(2), Networks.Address(3)];
        using var a = MemberProcess.Start(_folder.FullName, "a", Networks.Address(1), port, wellKnown, networks[1]);
        await a.SeesUpAsync(120, "a");
        using var b = MemberProcess.Start(_folder.FullName, "b", Networks.Address(2), port, wellKnown, networks[2]);
        using var c = MemberProcess.Start(_folder.FullName, "c", Networks.Address(3), port, wellKnown, networks[3]);
        await a.SeesUpAsync(120, "a", "b", "c");
        await b.SeesUpAsync(120, "a", "b", "c");

        networks.CutOff(1);
        await b.SeesAsync(
            v => v.Contains("a=Gone", StringComparison.Ordinal) && v.Contains("c=Up", StringComparison.Ordinal),
            120
        );
        // It was put out by the majority, put itself out too, and looks for them in a new runtime.
        await a.SeesAsync(v => v.StartsWith("Searching ", StringComparison.Ordinal), 120);
        await a.SeesAsync(
            v =>
                v.Contains("b=Unreachable", StringComparison.Ordinal)
                && v.Contains("c=Unreachable", StringComparison.Ordinal),
            120
        );
        // Twice as long as a node that starts for the first time would wait.
        for (var i = 0; i < 100; i++)
        {
            Assert.DoesNotContain("forms a cluster: the former", a.Log, StringComparison.Ordinal);
            Assert.StartsWith("Searching ", a.View, StringComparison.Ordinal);
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        networks.Connect(1);

        var returned = await a.SeesUpAsync(120, "a", "b", "c");
        TestContext.Current.TestOutputHelper!.WriteLine($"returned after {returned.TotalSeconds:F1} s");
        await b.SeesUpAsync(120, "a", "b", "c");
        Assert.Equal(a.View.Split(' ')[1], b.View.Split(' ')[1]);
    }
}
