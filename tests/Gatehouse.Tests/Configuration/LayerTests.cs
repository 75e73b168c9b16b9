using System.Net;
using Gatehouse.Configuration;
using Gatehouse.Model;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Tests.Configuration;

public sealed class LayerTests
{
    private static readonly Setting s_level = SettingsTable.Level;

    [Fact]
    public void Flags_win_over_environment_over_file_over_defaults()
    {
        using var file = new ConfigurationOnDisk("log:\n  level: error\n");
        var sources = file.Sources;

        Assert.Equal(("information", "default"), Level(sources with { File = null }));
        Assert.Equal(("error", $"{file.Path}:2:10"), Level(sources));
        sources = sources with { Environment = [KeyValuePair.Create("GATEHOUSE_LOG__LEVEL", "debug")] };
        Assert.Equal(("debug", "GATEHOUSE_LOG__LEVEL"), Level(sources));
        sources = sources with { Flags = [new FlagValue("--log-level", "log.level", "trace")] };
        Assert.Equal(("trace", "--log-level"), Level(sources));
    }

    [Fact]
    public void A_variable_may_name_a_file_that_holds_the_value()
    {
        using var file = new ConfigurationOnDisk("debug\n");

        var (text, origin) = Level(
            new ConfigurationSources { Environment = [KeyValuePair.Create("GATEHOUSE_LOG__LEVEL_FILE", file.Path)] }
        );

        Assert.Equal(("debug", $"GATEHOUSE_LOG__LEVEL_FILE={file.Path}"), (text, origin));
    }

    [Fact]
    public void Variables_are_not_case_sensitive_and_lists_have_commas()
    {
        var settings = Read(
            ("gatehouse_cluster__members", "10.0.0.3:4000, 10.0.0.4"),
            ("GATEHOUSE_NODE__PROPERTIES", "{zone: a, port.mapping.80: 9763}"),
            ("GATEHOUSE_LISTEN__MANAGEMENT__ALLOW", "10.0.0.0/8,192.168.1.7")
        );

        Assert.Equal(
            ["10.0.0.3:4000", "10.0.0.4:4000"],
            settings.Cluster.Members.Select(m => $"{m.HostPattern}:{m.Port}")
        );
        Assert.Equal("9763", settings.Node.Properties["port.mapping.80"]);
        Assert.Equal(
            [IPNetwork.Parse("10.0.0.0/8"), IPNetwork.Parse("192.168.1.7/32")],
            settings.Listen.Management.Allow
        );
    }

    [Fact]
    public void Variables_of_others_are_ignored()
    {
        var settings = Read(
            ("PATH", "/bin"),
            ("GATEHOUSE_DATA_DIR", "/x"),
            ("GATEHOUSE_URL", "https://x"),
            ("LOGGING__LEVEL", "x")
        );

        Assert.Equal(LogLevel.Information, settings.Log.Level);
    }

    [Fact]
    public void The_offset_moves_every_port_but_the_membership_port()
    {
        using var file = new ConfigurationOnDisk("portOffset: 10\nlisten: { gateway: { http: off, https: 0 } }");
        var settings = file.Read().Settings;

        Assert.Null(settings.Listen.Gateway.Http);
        Assert.Equal(0, settings.Listen.Gateway.Https);
        Assert.Equal((9773, 9453), (settings.Listen.Management.Http, settings.Listen.Management.Https));
        Assert.Equal((8090, 8453), (settings.Listen.Balancer.Http, settings.Listen.Balancer.Https));
        Assert.Equal((7453, 9100), (settings.Listen.Internal.Port, settings.Listen.Health.Port));
        Assert.Equal(4000, settings.Cluster.LocalMember.Port);
    }

    [Fact]
    public void A_moved_port_tells_the_offset_and_the_port_it_was()
    {
        using var file = new ConfigurationOnDisk("portOffset: 10\n");

        Assert.Equal(
            $"{file.Path}:1:13 (portOffset 10 on 8243, default)",
            file.Read().OriginOf(SettingsTable.GatewayHttps)
        );
    }

    [Fact]
    public void Defaults_follow_the_machine_and_the_profile()
    {
        NodeSettings With(string profile, bool low) =>
            NodeConfiguration
                .Read(
                    new ConfigurationSources
                    {
                        HostName = "vm-7",
                        MayBindLowPorts = low,
                        Flags = [new FlagValue("--profile", "node.profile", profile)],
                    }
                )
                .Configuration!.Settings;

        Assert.Equal("vm-7", With("gateway-worker", false).Node.Name);
        Assert.Equal("mgt", With("gateway-manager", false).Node.SubDomain);
        Assert.Equal("worker", With("gateway-worker", false).Node.SubDomain);
        Assert.Equal("lb", With("load-balancer", false).Node.SubDomain);
        Assert.Equal(8443, With("load-balancer", false).Listen.Balancer.Https);
        Assert.Equal(443, With("load-balancer", true).Listen.Balancer.Https);
    }

    [Fact]
    public void Json_is_read_too()
    {
        using var file = new ConfigurationOnDisk(
            """{ "node": { "profile": "gateway-worker" }, "limits": { "connections": 5 } }"""
        );

        Assert.Equal(Profile.GatewayWorker, file.Read().Settings.Node.Profile);
        Assert.Equal(5, file.Read().Settings.Limits.Connections);
    }

    [Fact]
    public void Sections_left_empty_are_as_if_they_were_not_there()
    {
        using var file = new ConfigurationOnDisk("node:\nlisten:\n  # gateway: { http: 1 }\n");

        Assert.Equal(8280, file.Read().Settings.Listen.Gateway.Http);
    }

    [Fact]
    public void Paths_in_the_file_are_relative_to_the_file()
    {
        using var file = new ConfigurationOnDisk(
            "tls: { certificates: [{ cert: am.pem, key: /k/am.key }] }\nlog: { access: access.log }"
        );
        var settings = file.Read().Settings;
        var directory = Path.GetDirectoryName(file.Path)!;

        var certificate = Assert.Single(settings.Tls.Certificates);
        Assert.Equal((Path.Combine(directory, "am.pem"), "/k/am.key"), (certificate.Cert, certificate.Key));
        Assert.Equal(
            new AccessLogSettings(AccessLogKind.File, Path.Combine(directory, "access.log")),
            settings.Log.Access
        );
    }

    [Fact]
    public void Every_default_can_be_written_and_read_back()
    {
        foreach (var setting in SettingsTable.All)
        {
            var value = setting.DefaultOn(SettingDefaults.None);
            if (setting.Write(value) is not { } written)
            {
                continue;
            }

            var problems = new List<Problem>();
            var node = YamlTree.Read(written.ToJsonString(), _ => Origin.Default, problems)!;
            Assert.True(setting.TryRead(node, problems, out var read), setting.Key);
            Assert.Equal(written.ToJsonString(), setting.Write(read)!.ToJsonString());
        }
    }

    private static (string? Text, string Origin) Level(ConfigurationSources sources)
    {
        var value = NodeConfiguration.Read(sources).Configuration!.Value(s_level);
        return (s_level.Text(value.Value), value.Origin.ToString());
    }

    private static NodeSettings Read(params (string Name, string Value)[] environment)
    {
        var (configuration, problems) = NodeConfiguration.Read(
            new ConfigurationSources
            {
                Environment = [.. environment.Select(e => KeyValuePair.Create(e.Name, e.Value))],
            }
        );
        Assert.Empty(problems);
        return configuration!.Settings;
    }
}
