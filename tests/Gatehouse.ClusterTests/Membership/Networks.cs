using System.Diagnostics;

namespace Gatehouse.ClusterTests.Membership;

/// <summary>Network namespaces on one bridge, each a host of its own that can be cut off. Needs root and <c>ip</c>.</summary>
internal sealed class Networks : IDisposable
{
    private const string Subnet = "10.231.77";

    private readonly string _id = $"gh{Environment.ProcessId % 100_000:x}{Random.Shared.Next(0x100):x}";
    private readonly List<string> _names = [];
    private readonly string _subnet;

    /// <param name="count">How many hosts.</param>
    /// <param name="subnet">The first three octets of their addresses.</param>
    /// <param name="joinedByThisMachine">Gives this machine an address there too.</param>
    public Networks(int count, string subnet = Subnet, bool joinedByThisMachine = false)
    {
        _subnet = subnet;
        Run("link", "add", Bridge, "type", "bridge");
        Run("link", "set", Bridge, "up");
        if (joinedByThisMachine)
        {
            Run("addr", "add", $"{subnet}.254/24", "dev", Bridge);
        }

        for (var i = 1; i <= count; i++)
        {
            var name = $"{_id}-{i}";
            _names.Add(name);
            Run("netns", "add", name);
            Run("link", "add", Cable(i), "type", "veth", "peer", "name", "eth0", "netns", name);
            Run("link", "set", Cable(i), "master", Bridge, "up");
            Run("-n", name, "addr", "add", $"{AddressOf(i)}/24", "dev", "eth0");
            Run("-n", name, "link", "set", "eth0", "up");
            Run("-n", name, "link", "set", "lo", "up");
        }
    }

    /// <summary>False where these tests cannot run.</summary>
    public static bool Available => Environment.UserName == "root" && TryRun("netns", "list") == 0;

    public string this[int number] => _names[number - 1];

    /// <summary>Where one is reached, in the usual subnet.</summary>
    public static string Address(int number) => $"{Subnet}.{number}";

    /// <summary>Where one is reached.</summary>
    public string AddressOf(int number) => $"{_subnet}.{number}";

    /// <summary>Pulls the cable of one.</summary>
    public void CutOff(int number) => Run("link", "set", Cable(number), "down");

    /// <summary>Plugs it in again.</summary>
    public void Connect(int number) => Run("link", "set", Cable(number), "up");

    /// <summary>Lets two hear nothing of each other; the others hear both.</summary>
    public void Part(int one, int other)
    {
        Run("-n", this[one], "route", "add", "blackhole", $"{AddressOf(other)}/32");
        Run("-n", this[other], "route", "add", "blackhole", $"{AddressOf(one)}/32");
    }

    /// <summary>Lets them hear each other again.</summary>
    public void Reunite(int one, int other)
    {
        Run("-n", this[one], "route", "delete", "blackhole", $"{AddressOf(other)}/32");
        Run("-n", this[other], "route", "delete", "blackhole", $"{AddressOf(one)}/32");
    }

    public void Dispose()
    {
        _names.ForEach(n => TryRun("netns", "delete", n));
        TryRun("link", "delete", Bridge);
    }

    private string Bridge => $"{_id}-br";

    private string Cable(int number) => $"{_id}-v{number}";

    private static void Run(params string[] arguments)
    {
        if (TryRun(arguments) != 0)
        {
            throw new InvalidOperationException($"ip {string.Join(' ', arguments)} failed");
        }
    }

    private static int TryRun(params string[] arguments)
    {
        try
        {
            using var ip = Process.Start(
                new ProcessStartInfo("ip", arguments) { RedirectStandardError = true, RedirectStandardOutput = true }
            )!;
            ip.WaitForExit();
            return ip.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }
}
