using System.Text;
using System.Xml.Linq;
using Gatehouse.Wso2;

namespace Gatehouse.Tests.Wso2;

/// <summary>What an old node's files say, and what becomes of each element of them.</summary>
public sealed class HomeReadingTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("gatehouse-home-").FullName;

    [Theory]
    [InlineData("manager", false)]
    [InlineData("worker-1", true)]
    [InlineData("worker-2", true)]
    public void The_homes_of_the_manual_read_as_their_golden_files(string name, bool isWorker)
    {
        var home = Home.Read(Golden.In("homes", name), new() { IsWorker = isWorker });

        Assert.Empty(home.Log.Problems);
        Golden.Check($"homes/{name}.txt", Text(home));
    }

    [Fact]
    public void Every_element_that_says_something_has_a_line()
    {
        var home = Home.Read(Golden.In("homes", "manager"), new());

        foreach (var file in (string[])["carbon.xml", "axis2/axis2.xml", "tomcat/catalina-server.xml"])
        {
            var path = Golden.In("homes", "manager", "repository", "conf", file);
            var says = XDocument.Load(path).Descendants().Count(e => !e.HasElements);
            var lines = home.Log.Findings.Count(f => f.Place.File == path);
            Assert.True(lines >= says, $"{file}: {lines} lines for {says} elements");
        }
    }

    [Fact]
    public void No_secret_of_the_files_is_in_a_finding()
    {
        Write(
            "carbon.xml",
            "<Server><Security><KeyStore><Password>hunter2</Password></KeyStore></Security><DeploymentSynchronizer><SvnPassword>hunter2</SvnPassword></DeploymentSynchronizer></Server>"
        );
        Write(
            "axis2/axis2.xml",
            "<axisconfig><clustering enable='true'><parameter name='groupPassword'>hunter2</parameter></clustering></axisconfig>"
        );
        Write(
            "tomcat/catalina-server.xml",
            "<Server><Service><Connector port='1' keystorePass='hunter2' keystorePassword='hunter2'/></Service></Server>"
        );

        var text = Text(Read());

        Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_prefix_of_a_receiver_is_the_public_URL_of_its_scheme_and_wins_over_proxy_ports()
    {
        Write("carbon.xml", "<Server><HostName>am.example.com</HostName><Ports><Offset>3</Offset></Ports></Server>");
        Write(
            "tomcat/catalina-server.xml",
            "<Server><Service><Connector port='9763' proxyPort='80'/><Connector port='9443' scheme='https' proxyPort='443' SSLEnabled='true'/></Service></Server>"
        );
        Write(
            "axis2/axis2.xml",
            "<axisconfig><transportReceiver name='https'><parameter name='port'>8243</parameter><parameter name='WSDLEPRPrefix'>https://api.example.com:8443/</parameter></transportReceiver></axisconfig>"
        );

        var home = Read();

        Assert.Equal("https://api.example.com:8443", Setting(home, "publicUrls.gateway.https"));
        Assert.Equal("http://am.example.com", Setting(home, "publicUrls.gateway.http"));
        Assert.Equal("8243", Setting(home, "listen.gateway.https"));
        Assert.Equal("3", Setting(home, "portOffset"));
    }

    [Theory]
    [InlineData(
        "<Connector port='9443' SSLEnabled='true' sslEnabledProtocols='TLSv1,TLSv1.1,TLSv1.2' keystoreFile='k.jks' keystorePass='x'/>"
    )]
    [InlineData(
        "<Connector port='9443' scheme='https' SSLEnabled='true'><SSLHostConfig protocols='+TLSv1,+TLSv1.2'><Certificate certificateKeystoreFile='k.jks'/></SSLHostConfig></Connector>"
    )]
    public void Both_dialects_of_a_TLS_connector_are_read_and_old_protocols_are_dangerous(string connector)
    {
        Write("tomcat/catalina-server.xml", $"<Server><Service>{connector}</Service></Server>");

        var home = Read();

        Assert.Equal("9443", Setting(home, "listen.management.https"));
        Assert.Contains(
            home.Log.Findings,
            f => f.Outcome == Outcome.Dangerous && f.Element.EndsWith("rotocols", StringComparison.Ordinal)
        );
        Assert.Contains(
            home.Log.Findings,
            f => f.Outcome == Outcome.NeedsYou && f.Element.EndsWith("eystoreFile", StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData(true, "AutoCommit", "true", Outcome.Dangerous)]
    [InlineData(true, "AutoCommit", "false", Outcome.NotNeeded)]
    [InlineData(false, "AutoCommit", "true", Outcome.NotNeeded)]
    [InlineData(false, "AutoCheckout", "false", Outcome.NotNeeded)]
    [InlineData(true, "AutoCheckout", "true", Outcome.NotNeeded)]
    [InlineData(true, "AutoCheckout", "false", Outcome.Converted)]
    [InlineData(true, "RepositoryType", "svn", Outcome.NotNeeded)]
    [InlineData(false, "SvnUrl", "http://svn.example.com/r", Outcome.NeedsYou)]
    [InlineData(true, "SvnPassword", "s3cret", Outcome.Dangerous)]
    public void A_switch_of_the_deployment_synchronizer_comes_to_what_the_profile_makes_of_it(
        bool isWorker,
        string element,
        string value,
        Outcome expected
    )
    {
        Write(
            "carbon.xml",
            $"<Server><DeploymentSynchronizer><Enabled>true</Enabled><{element}>{value}</{element}></DeploymentSynchronizer></Server>"
        );

        var home = Home.Read(_home, new() { IsWorker = isWorker });

        Assert.Equal(
            expected,
            home.Log.Findings.Single(f => f.Element.EndsWith(element, StringComparison.Ordinal)).Outcome
        );
    }

    [Fact]
    public void A_worker_without_AutoCheckout_holds_its_table()
    {
        Write(
            "carbon.xml",
            "<Server><DeploymentSynchronizer><Enabled>true</Enabled><AutoCheckout>false</AutoCheckout></DeploymentSynchronizer></Server>"
        );

        Assert.Contains(Home.Read(_home, new() { IsWorker = true }).Settings, s => s.Key == "node.hold");
        Assert.DoesNotContain(Home.Read(_home, new()).Settings, s => s.Key == "node.hold");
    }

    [Theory]
    [InlineData("<axisconfig>\n  <clustering enable='yes'/></axisconfig>", 2, "neither true nor false")]
    [InlineData(
        "<axisconfig>\n<clustering enable='true'>\n<members><member><port>4000</port></member></members></clustering></axisconfig>",
        3,
        "has no hostName"
    )]
    [InlineData(
        "<axisconfig>\n<clustering enable='true'><members><member><hostName>a</hostName>\n<port>70000</port></member></members></clustering></axisconfig>",
        3,
        "not a port"
    )]
    [InlineData(
        "<axisconfig>\n<transportReceiver name='http'><parameter name='WSDLEPRPrefix'>am.example.com</parameter></transportReceiver></axisconfig>",
        2,
        "not an http or https URL"
    )]
    [InlineData("<axisconfig>\n  <clustering>\n</axisconfig>", 3, "not well-formed")]
    [InlineData(
        "<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><axisconfig>&x;</axisconfig>",
        2,
        "document type"
    )]
    [InlineData(
        "<!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY lol2 '&lol;&lol;&lol;'>]>\n<axisconfig>&lol2;</axisconfig>",
        1,
        "document type"
    )]
    [InlineData("<axisconfig>&nbsp;</axisconfig>", 1, "not well-formed")]
    [InlineData("", 1, "not well-formed")]
    public void What_is_wrong_has_its_line(string xml, int line, string message)
    {
        Write("axis2/axis2.xml", xml);

        var problem = Assert.Single(Read().Log.Problems);

        Assert.Equal(Path.Combine(_home, "repository", "conf", "axis2", "axis2.xml"), problem.File);
        Assert.Equal(line, problem.Line);
        Assert.True(problem.Column > 0);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
        Assert.NotNull(problem.Fix);
    }

    [Fact]
    public void A_file_of_a_hundred_megabytes_is_refused_without_being_read()
    {
        var path = Write("carbon.xml", "<Server/>");
        using (var file = File.OpenWrite(path))
        {
            file.SetLength(100_000_000);
        }

        var before = GC.GetTotalAllocatedBytes(precise: true);
        var problem = Assert.Single(Read().Log.Problems);

        Assert.Contains("100,000,000 bytes", problem.Message, StringComparison.Ordinal);
        Assert.True(GC.GetTotalAllocatedBytes(precise: true) - before < 10_000_000);
    }

    [Fact]
    public void A_document_of_a_million_levels_is_refused()
    {
        Write("carbon.xml", string.Concat(Enumerable.Repeat("<a>", 1_000_000)));

        Assert.Contains("nested deeper", Assert.Single(Read().Log.Problems).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("UTF-8", "latin1")]
    [InlineData("klingon", "utf-8")]
    [InlineData("UTF-16", "utf-8")]
    public void A_file_in_another_encoding_than_it_says_is_refused_with_the_way_out(string says, string isIn)
    {
        var path = Write("carbon.xml", "");
        File.WriteAllBytes(
            path,
            Encoding
                .GetEncoding(isIn)
                .GetBytes($"<?xml version='1.0' encoding='{says}'?>\n<Server><HostName>é</HostName></Server>")
        );

        var problem = Assert.Single(Read().Log.Problems);

        Assert.Equal(path, problem.File);
        Assert.True(problem.Line > 0);
        Assert.Contains("encoding", problem.Fix, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("jdbc:postgresql://db.example.com:6432/apim", false, Outcome.Converted)]
    [InlineData("jdbc:postgresql://db.example.com:6432/apim", true, Outcome.NotNeeded)]
    [InlineData("jdbc:mysql://db:3306/apim", false, Outcome.NeedsYou)]
    [InlineData("jdbc:oracle:thin:@db:1521/apim", false, Outcome.NeedsYou)]
    [InlineData("jdbc:h2:repository/database/WSO2AM_DB", false, Outcome.NotNeeded)]
    public void A_datasource_is_taken_or_reported_and_never_silently_replaced(
        string url,
        bool isWorker,
        Outcome expected
    )
    {
        Write(
            "datasources/master-datasources.xml",
            $"<datasources-configuration><datasources><datasource><name>WSO2AM_DB</name><definition><configuration><url>{url}</url><username>am</username><password>hunter2</password></configuration></definition></datasource></datasources></datasources-configuration>"
        );
        Write("deployment.toml", $"[database.apim_db]\nurl = \"{url}\"\nusername = \"am\"\npassword = \"hunter2\"\n");

        var home = Home.Read(_home, new() { IsWorker = isWorker });

        Assert.Empty(home.Log.Problems);
        Assert.All(
            home.Log.Findings.Where(f => f.Value?.StartsWith("jdbc:", StringComparison.Ordinal) is true),
            f => Assert.Equal(expected, f.Outcome)
        );
        Assert.Equal(expected == Outcome.Converted ? "db.example.com" : null, Setting(home, "database.host"));
        Assert.Equal(expected == Outcome.Converted ? "6432" : null, Setting(home, "database.port"));
        Assert.DoesNotContain("hunter2", Text(home), StringComparison.Ordinal);
    }

    [Fact]
    public void A_deployment_toml_is_read_key_by_key()
    {
        var path = Write(
            "deployment.toml",
            """
            [server]
            hostname = "api.example.com"
            offset = 2
            base_path = "${carbon.protocol}://${carbon.host}"

            [super_admin]
            username = "admin"
            password = "admin"

            [[apim.gateway.environment]]
            name = "Default"
            http_endpoint = "http://gw.example.com"
            https_endpoint = "https://gw.example.com:8243"
            service_url = "https://localhost:${mgt.transport.https.port}/services/"

            [transport.https.properties]
            proxyPort = 443

            [apim.jwt]
            enable = true

            [mystery]
            thing = 1
            """
        );

        var home = Read();

        Assert.Empty(home.Log.Problems);
        Assert.Equal("2", Setting(home, "portOffset"));
        Assert.Equal("https://gw.example.com:8243", Setting(home, "publicUrls.gateway.https"));
        Assert.Equal("https://api.example.com", Setting(home, "publicUrls.management"));
        Assert.Equal(12, home.Log.Findings.Count);
        Assert.Contains(home.Log.Findings, f => f is { Outcome: Outcome.Dangerous, Element: "super_admin.password" });
        Assert.Contains(
            home.Log.Findings,
            f => f is { Outcome: Outcome.NeedsYou, Element: "mystery.thing" } && f.Place == new Place(path, 23, 1)
        );
    }

    [Theory]
    [InlineData("[server\nhostname = 1", 1)]
    [InlineData("[server]\nhostname = \n", 2)]
    [InlineData("[server]\noffset = 1\noffset = 2\n", 3)]
    public void A_broken_deployment_toml_is_told_with_its_line(string text, int line)
    {
        Write("deployment.toml", text);

        var problem = Read().Log.Problems[0];

        Assert.Equal(line, problem.Line);
        Assert.Contains("not TOML", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_api_manager_xml_is_read()
    {
        Write(
            "api-manager.xml",
            "<APIManager><APIGateway><Environments><Environment type='hybrid'><Name>P</Name><Password>${admin.password}</Password><GatewayEndpoint>http://gw.example.com:80,https://gw.example.com:443</GatewayEndpoint></Environment></Environments></APIGateway><JWTConfiguration><EnableJWTGeneration>true</EnableJWTGeneration></JWTConfiguration><CORSConfiguration><Enabled>true</Enabled></CORSConfiguration></APIManager>"
        );

        var home = Read();

        Assert.Equal("https://gw.example.com:443", Setting(home, "publicUrls.gateway.https"));
        Assert.Contains(
            home.Log.Findings,
            f => f.Outcome == Outcome.NeedsYou && f.Element.EndsWith("EnableJWTGeneration", StringComparison.Ordinal)
        );
        Assert.DoesNotContain(home.Log.Findings, f => f.Outcome == Outcome.Dangerous);
    }

    [Fact]
    public void A_directory_that_is_no_home_is_refused()
    {
        var problem = Assert.Single(Home.Read(Path.Combine(_home, "nothing"), new()).Log.Problems);

        Assert.Contains("no such directory", problem.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_home, recursive: true);

    private Home Read() => Home.Read(_home, new());

    private string Write(string name, string text)
    {
        var path = Path.Combine(_home, "repository", "conf", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    private static string? Setting(Home home, string key) =>
        home.Settings.SingleOrDefault(s => s.Key == key)?.Value is HomeValue.Text text ? text.Value : null;

    private static string Text(Home home)
    {
        var text = new StringBuilder();
        foreach (var setting in home.Settings)
        {
            text.Append(
                System.Globalization.CultureInfo.InvariantCulture,
                $"{setting.Key} = {Show(setting.Value)}  ({setting.Place})\n"
            );
        }

        foreach (var f in home.Log.Findings)
        {
            text.Append(
                System.Globalization.CultureInfo.InvariantCulture,
                $"{f.Outcome.Words()} {f.Place}: {f.Element}{(f.Value is null ? "" : $" = {f.Value}")}{(f.Target is null ? "" : $" → {f.Target}")}{(f.Note is null ? "" : $"; {f.Note}")}\n"
            );
        }

        return text.ToString();
    }

    private static string Show(HomeValue value) =>
        value switch
        {
            HomeValue.Text text => text.Value,
            HomeValue.List list => $"[{string.Join(", ", list.Items.Select(i => i.Value))}]",
            HomeValue.Map map => $"{{{string.Join(", ", map.Entries.Select(e => $"{e.Name}: {e.Value}"))}}}",
            _ => "",
        };
}
