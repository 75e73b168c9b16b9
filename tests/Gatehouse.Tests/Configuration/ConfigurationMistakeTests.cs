using CsCheck;
using Gatehouse.Configuration;

namespace Gatehouse.Tests.Configuration;

/// <summary>What the operator reads for each kind of mistake, word for word.</summary>
public sealed class ConfigurationMistakeTests
{
    [Theory]
    [InlineData(
        "node:\n  nmae: x",
        "gatehouse.yaml:2:3: unknown key 'nmae' (at node.nmae); did you mean 'name'? Allowed here: profile, name, advertise, subDomain, hold, properties, environments"
    )]
    [InlineData(
        "node:\n  xyzzy: x",
        "gatehouse.yaml:2:3: unknown key 'xyzzy' (at node.xyzzy); allowed here: profile, name, advertise, subDomain, hold, properties, environments"
    )]
    [InlineData(
        "cluster:\n  allow: []",
        "gatehouse.yaml:2:3: unknown key 'allow' (at cluster.allow); did you mean 'listen.management.allow'? Allowed here: enabled, domain, scheme, localMember, members, dnsName, failureDetection"
    )]
    [InlineData(
        "node.name: x",
        "gatehouse.yaml:1:1: unknown key 'node.name' (at node.name); write each name of it on a line of its own, below 'node:'"
    )]
    [InlineData(
        "node: worker",
        "gatehouse.yaml:1:7: node is a section, not a value (at node); write its keys below it: profile, name, advertise, subDomain, hold, properties, environments"
    )]
    [InlineData("- node", "gatehouse.yaml:1:1: the file is not a list of sections; write 'node:' and the like")]
    [InlineData(
        "listen:\n  gateway:\n    http: 82x3",
        "gatehouse.yaml:3:11: '82x3' is not a port (at listen.gateway.http); write a number from 0 to 65535 (0 takes any free one), or off"
    )]
    [InlineData(
        "listen: { internal: { port: 70000 } }",
        "gatehouse.yaml:1:29: '70000' is not a port (at listen.internal.port); write a number from 0 to 65535 (0 takes any free one)"
    )]
    [InlineData(
        "listen: { gateway: { http: [1] } }",
        "gatehouse.yaml:1:28: listen.gateway.http has a list for its value (at listen.gateway.http); write a number from 0 to 65535 (0 takes any free one), or off"
    )]
    [InlineData(
        "listen:\n  gateway:\n    http:\n",
        "gatehouse.yaml:3:10: listen.gateway.http has nothing for its value (at listen.gateway.http); write a number from 0 to 65535 (0 takes any free one), or off"
    )]
    [InlineData(
        "listen: { gateway: { bind: everywhere } }",
        "gatehouse.yaml:1:28: 'everywhere' is not an address (at listen.gateway.bind); write an IP address of this machine, or '*' for all"
    )]
    [InlineData(
        "listen: { management: { allow: [10.0.0.1/8] } }",
        "gatehouse.yaml:1:33: '10.0.0.1/8' has bits set after its first 8 (at listen.management.allow[0]); write 10.0.0.0/8, or 10.0.0.1 for that one address"
    )]
    [InlineData(
        "proxies: { trusted: [10.0.0.0/33] }",
        "gatehouse.yaml:1:22: '10.0.0.0/33' is not a network (at proxies.trusted[0]); the number after '/' is from 0 to 32"
    )]
    [InlineData(
        "proxies: { trusted: 10.0.0.0/8 }",
        "gatehouse.yaml:1:21: proxies.trusted has a single value for its value (at proxies.trusted); write a list: [10.0.0.0/8]"
    )]
    [InlineData(
        "timeouts:\n  drain: 30",
        "gatehouse.yaml:2:10: '30' is not a duration (at timeouts.drain); write a number with a unit: 500ms, 30s, 5m or 1h"
    )]
    [InlineData(
        "analytics: { retention: { minutes: 2 } }",
        "gatehouse.yaml:1:36: '2' is not an age (at analytics.retention.minutes); write hours or days, at most 3650d: 36h or 90d"
    )]
    [InlineData(
        "analytics: { retention: { hours: 36h } }",
        "gatehouse.yaml:1:34: analytics.retention.hours is 36h, analytics.retention.minutes 2d: coarse figures would go before fine ones (at analytics.retention.hours); change this, or analytics.retention.minutes"
    )]
    [InlineData(
        "limits: { requestHead: 32KB }",
        "gatehouse.yaml:1:24: '32KB' is not a size (at limits.requestHead); write a number of bytes, or one with KiB or MiB such as 32KiB"
    )]
    [InlineData(
        "cluster: { enabled: maybe }",
        "gatehouse.yaml:1:21: 'maybe' is not true or false (at cluster.enabled); write true or false"
    )]
    [InlineData(
        "cluster:\n  scheme: multicast",
        "gatehouse.yaml:2:11: multicast is not supported: most networks drop it and it lets anybody in (at cluster.scheme); set wka and list two well-known members"
    )]
    [InlineData(
        "cluster:\n  members: [\"192.168.1-3.5:4000\"]",
        "gatehouse.yaml:2:13: '192.168.1-3.5' is not an address; a range can stand for the last octet only (at cluster.members[0]); write it like 192.168.1.2-10, one line for each network"
    )]
    [InlineData(
        "cluster: { members: [\"10.0.0.9:99999\"] }",
        "gatehouse.yaml:1:22: '99999' is not a port (at cluster.members[0]); write a number from 1 to 65535 after the ':'"
    )]
    [InlineData(
        "cluster:\n  scheme: dns",
        "gatehouse.yaml:2:11: the dns scheme needs a name to look up (at cluster.scheme); set cluster.dnsName to the name of the headless service"
    )]
    [InlineData(
        "node: { profile: gateway-wroker }",
        "gatehouse.yaml:1:18: 'gateway-wroker' is not a profile (at node.profile); did you mean 'gateway-worker'? One of all-in-one, gateway-manager, gateway-worker, load-balancer, control-plane, api-publisher, api-devportal, api-key-manager, traffic-manager"
    )]
    [InlineData(
        "node: { name: My Node }",
        "gatehouse.yaml:1:15: 'My Node' is not a node name (at node.name); use 1 to 63 lower-case letters, digits, dots and dashes, beginning and ending with a letter or digit"
    )]
    [InlineData(
        "log: { level: warn }",
        "gatehouse.yaml:1:15: 'warn' is not a log level (at log.level); did you mean 'warning'? One of trace, debug, information, warning, error, critical"
    )]
    [InlineData(
        "balancer: { apiStickyCookie: 'a;b' }",
        "gatehouse.yaml:1:30: 'a;b' is not a cookie name (at balancer.apiStickyCookie); use letters, digits, '-', '_' and '.'"
    )]
    [InlineData(
        "tls: { certificates: [{ cert: a.pem }] }",
        "gatehouse.yaml:1:23: the certificate lacks its key (at tls.certificates[0]); write { cert: FILE, key: FILE, hosts: [am.example.com] }"
    )]
    [InlineData(
        "tls: { certificates: [{ cert: a, key: b, host: c }] }",
        "gatehouse.yaml:1:42: unknown key 'host' (at tls.certificates[0].host); did you mean 'hosts'? Allowed here: cert, key, hosts, passphraseFile"
    )]
    [InlineData(
        "log: {}\nlog: {}",
        "gatehouse.yaml:2:1: key 'log' stands here a second time; keep this one or the one on line 1"
    )]
    [InlineData(
        "log: {}\n---\nlog: {}",
        "gatehouse.yaml:2:1: a second document begins here; remove the '---' and what follows"
    )]
    [InlineData("log: *later", "gatehouse.yaml:1:6: '*later' refers to nothing before it; write '&later' first")]
    [InlineData(
        "listen: { gateway: { http: 9000, https: 9000 } }",
        "gatehouse.yaml:1:41: listen.gateway.https and listen.gateway.http both are port 9000 (at listen.gateway.https); give one of them another port"
    )]
    [InlineData(
        "portOffset: 50000\nlisten: { gateway: { http: 20000 } }",
        "gatehouse.yaml:1:13: portOffset 50000 moves listen.gateway.http 20000 to 70000, beyond the last port (at portOffset); use an offset of at most 45535"
    )]
    public void A_mistake_in_the_file_is_told_with_place_and_fix(string yaml, string message)
    {
        using var file = new ConfigurationOnDisk(yaml);

        Assert.Equal(message, Assert.Single(file.Problems()));
    }

    [Fact]
    public void Every_mistake_is_told_at_once_in_the_order_of_the_file()
    {
        using var file = new ConfigurationOnDisk(
            """
            node:
              nmae: x
            listen:
              gateway: { http: no, bind: 1.2 }
            log:
              level: loud
            """
        );

        Assert.Equal(
            ["2:3", "4:20", "4:30", "6:10"],
            file.Problems().Select(p => string.Join(':', p.Split(':')[1..3]))
        );
    }

    [Fact]
    public void A_file_that_is_not_yaml_is_told_with_the_line()
    {
        using var file = new ConfigurationOnDisk("node:\n  name: [a\nlog: {}");

        var problem = Assert.Single(file.Problems());
        Assert.Matches("^gatehouse.yaml:[23]:", problem);
        Assert.Contains("this is not valid YAML", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_few_lines_of_aliases_do_not_grow_into_millions()
    {
        var bomb = string.Join(
            '\n',
            Enumerable
                .Range(1, 12)
                .Select(i => $"l{i}: &l{i} [{string.Join(", ", Enumerable.Repeat($"*l{i - 1}", 9))}]")
        );
        using var file = new ConfigurationOnDisk($"l0: &l0 [x]\n{bomb}");

        Assert.Contains(file.Problems(), p => p.Contains("grows beyond 10000 values", StringComparison.Ordinal));
    }

    private static readonly string[] s_pieces =
    [
        .. "node listen gateway http : \n - [ ] { } , ' \" | > % ? # \t \0 1 --- ... &a *a !!str <<:".Split(' '),
        " ",
        ": ",
        "\n  ",
    ];

    [Fact]
    public void No_text_whatever_makes_reading_fail_otherwise_than_with_problems() =>
        Gen.OneOf(Gen.Int[0, s_pieces.Length - 1].Select(i => s_pieces[i]), Gen.Char.Select(c => c.ToString()))
            .Array[0, 30]
            .Sample(pieces => ConfigurationFile.ReadText(string.Concat(pieces), "/gatehouse.yaml", []), iter: 20_000);

    [Fact]
    public void Deep_nesting_is_refused()
    {
        using var file = new ConfigurationOnDisk(new string('[', 200) + new string(']', 200));

        Assert.Contains("nested more than 16 levels deep", Assert.Single(file.Problems()), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_there_is_a_problem()
    {
        using var file = new ConfigurationOnDisk("");
        File.Delete(file.Path);

        Assert.Equal(
            "gatehouse.yaml: the configuration file does not exist; check the path and the rights on it",
            Assert.Single(file.Problems())
        );
    }

    [Theory]
    [InlineData(
        "GATEHOUSE_LISTEN__GATEWAY__HTTP",
        "82x3",
        "GATEHOUSE_LISTEN__GATEWAY__HTTP: '82x3' is not a port (at listen.gateway.http); write a number from 0 to 65535 (0 takes any free one), or off"
    )]
    [InlineData(
        "GATEHOUSE_LISTEN__GATWAY__HTTP",
        "1",
        "GATEHOUSE_LISTEN__GATWAY__HTTP: unknown variable 'GATEHOUSE_LISTEN__GATWAY__HTTP'; did you mean GATEHOUSE_LISTEN__GATEWAY__HTTP?"
    )]
    [InlineData(
        "GATEHOUSE_CLUSTER__MEMBERS__0",
        "a",
        "GATEHOUSE_CLUSTER__MEMBERS__0: unknown variable 'GATEHOUSE_CLUSTER__MEMBERS__0'; GATEHOUSE_CLUSTER__MEMBERS takes the whole value, lists with commas between"
    )]
    [InlineData(
        "ASPNETCORE_URLS",
        "http://*:80",
        "ASPNETCORE_URLS: ASPNETCORE_URLS does not move Gatehouse's listeners; unset it and use GATEHOUSE_LISTEN__GATEWAY__HTTPS and the like, or 'listen' in gatehouse.yaml"
    )]
    public void A_mistake_in_the_environment_names_the_variable(string variable, string text, string message)
    {
        var (_, problems) = NodeConfiguration.Read(
            new ConfigurationSources { Environment = [KeyValuePair.Create(variable, text)] }
        );

        Assert.Equal(message, Assert.Single(problems).ToString());
    }

    [Fact]
    public void A_mistake_on_the_command_line_names_the_flag()
    {
        var (_, problems) = NodeConfiguration.Read(
            new ConfigurationSources
            {
                Flags = [new("--set log.levle", "log.levle", "debug"), new("--port-offset", "portOffset", "ten")],
            }
        );

        Assert.Equal(
            [
                "--set log.levle: unknown key 'log.levle' (at log.levle); did you mean 'log.level'?",
                "--port-offset: 'ten' is not a port offset (at portOffset); write a number from 0 to 50000",
            ],
            problems.Select(p => p.ToString())
        );
    }
}
