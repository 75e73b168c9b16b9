using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Gatehouse.Commands;
using Gatehouse.Configuration;
using Gatehouse.Wso2;

namespace Gatehouse.Tests.Wso2;

/// <summary>What old artifacts of each form and generation become, and that broken ones are refused with their place.</summary>
public sealed class ImportTests : IDisposable
{
    private static readonly JsonSerializerOptions s_readable = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };
    private readonly string _folder = Directory.CreateTempSubdirectory("gatehouse-import-").FullName;

    [Theory]
    [InlineData("synapse-1.10")]
    [InlineData("synapse-2.x")]
    [InlineData("synapse-3.x")]
    [InlineData("home-tenant")]
    [InlineData("apictl-4.x")]
    [InlineData("apictl-old")]
    [InlineData("policies-4.x")]
    [InlineData("archives")]
    [InlineData("hostile")]
    public void A_sample_is_read_as_its_golden_file_says(string sample)
    {
        var import = Import.Read(Golden.In("samples", sample), nginx: null);

        Golden.Check($"samples/{sample}.txt", Text(import));
    }

    [Theory]
    [InlineData("synapse-1.10", 7)]
    [InlineData("synapse-2.x", 10)]
    [InlineData("synapse-3.x", 5)]
    [InlineData("apictl-4.x", 6)]
    [InlineData("apictl-old", 5)]
    public void All_APIs_of_a_sample_are_found(string sample, int apis) =>
        Assert.Equal(apis, Import.Read(Golden.In("samples", sample), nginx: null).Apis.Length);

    [Theory]
    [InlineData("synapse-1.10")]
    [InlineData("synapse-2.x")]
    [InlineData("synapse-3.x")]
    [InlineData("home-tenant")]
    [InlineData("apictl-4.x")]
    [InlineData("apictl-old")]
    public void No_secret_of_a_sample_is_in_its_report(string sample)
    {
        var import = Import.Read(Golden.In("samples", sample), nginx: null);

        foreach (
            var text in (string[])[ImportReport.Html(import), ImportReport.Json(import).ToJsonString(), Text(import)]
        )
        {
            Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
            Assert.DoesNotContain("dXNlcjpodW50ZXIy", text, StringComparison.Ordinal);
            Assert.DoesNotContain("changeit", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Broken_and_hostile_files_are_told_with_their_line_and_the_others_are_read()
    {
        var import = Import.Read(Golden.In("samples", "hostile"), nginx: null);

        Assert.Equal("Good", Assert.Single(import.Apis).Name);
        Assert.All(
            import.Log.Problems,
            problem =>
            {
                Assert.NotNull(problem.File);
                Assert.NotNull(problem.Fix);
                Assert.True(
                    problem.Line > 0 || problem.Message.Contains("has no", StringComparison.Ordinal),
                    problem.ToString()
                );
            }
        );
        Assert.DoesNotContain("root:", Text(import), StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_of_the_report_shows_text_of_files_as_text()
    {
        var api = Write(
            "synapse-configs/default/api/x.xml",
            "<api xmlns='http://ws.apache.org/ns/synapse' name='&lt;script&gt;alert(1)&lt;/script&gt;' context='/x' version='1'><resource methods='GET'/></api>"
        );

        var page = ImportReport.Html(Import.Read(Path.GetDirectoryName(Path.GetDirectoryName(api))!, nginx: null));

        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void An_archive_that_unpacks_without_end_is_refused()
    {
        var path = Path.Combine(_folder, "bomb.zip");
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            using var api = zip.CreateEntry("P/api.yaml").Open();
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 64; i++)
            {
                api.Write(zeros);
            }
        }

        var problem = Assert.Single(Import.Read(path, nginx: null).Log.Problems);

        Assert.Contains("unpacks to more", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_archive_reads_like_the_folder_it_was_made_of()
    {
        var folder = Import.Read(Golden.In("samples", "apictl-4.x", "PizzaShackAPI-1.0.0"), nginx: null);
        var archive = Import.Read(Golden.In("samples", "archives", "PizzaShackAPI_1.0.0.zip"), nginx: null);

        Assert.Equal(folder.Apis[0].Document.ToJsonString(), archive.Apis[0].Document.ToJsonString());
        Assert.Equal(folder.Log.Findings.Count, archive.Log.Findings.Count);
    }

    [Fact]
    public void A_keystore_of_keytool_gives_its_key_and_certificate()
    {
        var bytes = File.ReadAllBytes(
            Golden.In("samples", "home-tenant", "repository", "resources", "security", "am.jks")
        );

        var entry = Assert.Single(JavaKeystore.Read(bytes, "changeit1", "changeit2"));

        using var key = System.Security.Cryptography.RSA.Create();
        key.ImportPkcs8PrivateKey(entry.Key, out _);
        using var certificate = System.Security.Cryptography.X509Certificates.RSACertificateExtensions.GetRSAPublicKey(
            entry.Chain[0]
        );
        Assert.Equal("am", entry.Alias);
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), certificate!.ExportSubjectPublicKeyInfo());
    }

    [Theory]
    [InlineData("wrong", "changeit2", "password is wrong")]
    [InlineData("changeit1", "wrong", "password of its key")]
    public void A_wrong_password_of_a_keystore_is_told(string store, string key, string message)
    {
        var bytes = File.ReadAllBytes(
            Golden.In("samples", "home-tenant", "repository", "resources", "security", "am.jks")
        );

        var refused = Assert.Throws<InvalidDataException>(() => JavaKeystore.Read(bytes, store, key));

        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_keystore_cut_anywhere_is_refused_and_never_worse()
    {
        var bytes = File.ReadAllBytes(
            Golden.In("samples", "home-tenant", "repository", "resources", "security", "am.jks")
        );

        for (var length = 0; length < bytes.Length; length += 7)
        {
            Assert.Throws<InvalidDataException>(() => JavaKeystore.Read(bytes[..length], "changeit1", "changeit2"));
        }
    }

    [Fact]
    public void The_seeds_virtual_hosts_need_nobody()
    {
        var import = Import.Read(Golden.In("homes", "manager"), Golden.In("nginx"));

        var nginx = import.Log.Findings.Where(f => f.Place.File.EndsWith(".conf", StringComparison.Ordinal)).ToList();
        Assert.Equal(0, nginx.Count(f => f.Outcome == Outcome.NeedsYou));
        Assert.Equal(["am.wso2.com"], Hosts(import, "hosts.gateway"));
        Assert.Equal(["mgt.am.wso2.com"], Hosts(import, "hosts.management"));
        // Every directive of the three files: they have one to a line, and braces.
        var directives = Directory
            .EnumerateFiles(Golden.In("nginx"))
            .SelectMany(File.ReadLines)
            .Count(line => line.TrimEnd().EndsWith(';'));
        Assert.Equal(directives, nginx.Count(f => !f.Element.EndsWith("upstream", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("nginx-common")]
    [InlineData("nginx-rules")]
    public void NGINX_files_become_the_balancers_settings(string folder)
    {
        var import = Import.Read(Golden.In("samples", "policies-4.x"), Golden.In(folder));
        var text = new StringBuilder();
        foreach (var setting in import.Balancer)
        {
            text.Append(CultureInfo.InvariantCulture, $"{setting.Key} = {Show(setting.Value)}  ({setting.Place})\n");
        }

        Golden.Check($"{folder}.txt", text + Lines(import.Log.Findings));
    }

    [Theory]
    [InlineData("server {\n  listen 80;\n", 3, "'}' is missing")]
    [InlineData("server { listen 80; }\n}\n", 2, "'}' too many")]
    [InlineData("server {\n  listen 80\n}\n", 3, "stands where a directive begins")]
    [InlineData("server {\n  add_header X \"open;\n}\n", 2, "quote is not closed")]
    [InlineData("listen 80", 1, "has no ';'")]
    [InlineData("set $a ${b\n;", 1, "variable's '}' is missing")]
    [InlineData(";", 1, "stands where a directive begins")]
    public void A_broken_NGINX_file_is_told_with_its_line(string text, int line, string message)
    {
        Write("nginx/a.conf", text);

        var problem = Assert.Single(Nginx().Log.Problems);

        Assert.Equal(line, problem.Line);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
        Assert.NotNull(problem.Fix);
    }

    [Fact]
    public void An_include_cannot_leave_its_directory_nor_go_in_circles()
    {
        Write("secret.conf", "server { server_name secret.example.com; }");
        Write("nginx/nginx.conf", "include ../secret.conf;\ninclude a.conf;\n");
        Write("nginx/a.conf", "include a.conf;\ninclude nginx.conf;\nserver { listen 8080; }\n");

        var import = Nginx();

        Assert.Empty(Hosts(import, "hosts.gateway"));
        Assert.Equal(
            2,
            import.Log.Problems.Count(p => p.Message.Contains("includes itself", StringComparison.Ordinal))
        );
        Assert.Contains(import.Balancer, s => s.Key == "listen.balancer.http");
    }

    [Theory]
    [InlineData("nginx")]
    [InlineData("nginx-common")]
    [InlineData("nginx-rules")]
    public void What_NGINX_files_become_is_a_configuration_of_a_balancer(string folder)
    {
        var file = Path.Combine(_folder, "balancer.yaml");
        File.WriteAllText(
            file,
            ImportFiles.Yaml(
                Import
                    .Read(Golden.In("samples", "policies-4.x"), Golden.In(folder))
                    .Balancer.Add(new("node.profile", new HomeValue.Text("load-balancer"), new Place("nginx")))
            )
        );

        var (configuration, problems) = NodeConfiguration.Read(new() { File = file });

        Assert.True(configuration is not null, string.Join("; ", problems));
        Assert.Equal(folder != "nginx", !configuration.Settings.Balancer.Rules.Hosts.IsEmpty);
    }

    [Theory]
    [InlineData("return 301 https://$host$request_uri;", "301 https://$host$request_uri")]
    [InlineData("return https://$server_name$request_uri;", "302 https://a.example.com$request_uri")]
    [InlineData("return 308 $scheme://new.example.com$uri;", "308 $scheme://new.example.com$uri")]
    [InlineData("rewrite ^ https://$host$request_uri? permanent;", "301 https://$host$request_uri")]
    [InlineData("rewrite ^(.*)$ https://$http_host$1 redirect;", "302 https://$host$uri$is_args$args")]
    [InlineData("rewrite ^/(.*)$ https://b.example.com/$1;", "302 https://b.example.com$uri$is_args$args")]
    [InlineData("rewrite ^/old/(.*)$ /new/$1 permanent;", "/old/ 301 /new/$rest$is_args$args")]
    [InlineData("rewrite ^/old/?$ /new? permanent;", null)]
    [InlineData("rewrite ^/a\\.b(/.*)$ https://c.example.com$1? permanent;", "/a.b 301 https://c.example.com$rest")]
    [InlineData("rewrite ^/a/(.*)$ /b/$1 last;", null)]
    [InlineData("return 301 https://$ssl_server_name/;", null)]
    [InlineData("return 301 javascript:alert(1);", null)]
    [InlineData("return 301 //evil.example.com;", null)]
    [InlineData("return 301;", null)]
    [InlineData("return 99;", null)]
    [InlineData("return 444;", null)]
    [InlineData("if ($scheme = http) { return 301 https://$host$request_uri; }", "301 https://$host$request_uri")]
    [InlineData("if ($host != a.example.com) { return 301 https://a.example.com; }", null)]
    [InlineData("if ($request_method = TRACE) { return 405; }", null)]
    public void A_redirect_is_carried_over_or_said_why_not(string directive, string? expected)
    {
        Write("nginx/a.conf", $"server {{ listen 80; server_name a.example.com;\n{directive}\n}}\n");

        var import = Nginx();

        var rules = import.Balancer.FirstOrDefault(s => s.Key == "balancer.hosts")?.Value is HomeValue.Tree tree
            ? tree.Value.AsArray()
            : [];
        Assert.Equal(
            expected,
            rules.Count == 0
                ? null
                : $"{rules[0]!["path"]} {rules[0]!["return"]!["status"]} {rules[0]!["return"]!["location"]}".Trim()
        );
        var needs = import.Log.Findings.Where(f => f.Outcome == Outcome.NeedsYou && f.Place.Line == 2).ToList();
        Assert.Equal(expected is null, needs.Count > 0);
        Assert.All(needs, f => Assert.True(f.Note!.Length > 10));
    }

    [Fact]
    public void A_credential_in_a_header_is_neither_carried_over_nor_told()
    {
        Write(
            "nginx/a.conf",
            "server { listen 80; location / { proxy_set_header Authorization \"Basic dXNlcjpodW50ZXIy\"; } }"
        );

        var import = Nginx();

        Assert.DoesNotContain(import.Balancer, s => s.Key == "balancer.hosts");
        Assert.DoesNotContain("dXNlcjpodW50ZXIy", ImportReport.Html(import), StringComparison.Ordinal);
    }

    [Fact]
    public void Blocks_without_end_are_refused()
    {
        Write("nginx/a.conf", string.Concat(Enumerable.Repeat("http { ", 10_000)));

        Assert.Contains("nested deeper", Assert.Single(Nginx().Log.Problems).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Import Nginx() => Import.Read(Golden.In("samples", "policies-4.x"), Path.Combine(_folder, "nginx"));

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    private static string[] Hosts(Import import, string key) =>
        import.Balancer.FirstOrDefault(s => s.Key == key)?.Value is HomeValue.List list
            ? [.. list.Items.Select(i => i.Value)]
            : [];

    private static string Text(Import import)
    {
        var text = new StringBuilder();
        foreach (var p in import.Log.Problems)
        {
            text.Append(CultureInfo.InvariantCulture, $"problem {p}\n");
        }

        text.Append(Lines(import.Log.Findings));
        foreach (var limit in import.Limits)
        {
            text.Append(CultureInfo.InvariantCulture, $"{limit.Kind} {limit.Document.ToJsonString()}\n");
        }

        foreach (var file in import.Files)
        {
            text.Append(CultureInfo.InvariantCulture, $"file {file.Path}{(file.IsSecret ? " (0600)" : "")}\n");
        }

        foreach (var api in import.Apis)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"{api.Name}:{api.Version} at {api.Context}, auth {api.Auth} {api.ClientCertificate}, header {api.AuthorizationHeader} {api.ApiKeyHeader} {api.PassAuthorization}, policy {api.Policy} {api.MaxTps} {api.SandboxMaxTps}, default {api.IsDefaultVersion}, sandbox [{string.Join(", ", api.SandboxEndpoints)}]\n{api.Document.ToJsonString(s_json)}\n"
            );
        }

        return text.ToString();
    }

    private static string Lines(IEnumerable<Finding> findings) =>
        string.Concat(
            findings.Select(f =>
                $"{f.Outcome.Words()} {f.Place}: {f.Element}{(f.Value is null ? "" : $" = {f.Value}")}{(f.Target is null ? "" : $" → {f.Target}")}{(f.Note is null ? "" : $"; {f.Note}")}\n"
            )
        );

    private static string Show(HomeValue value) =>
        value switch
        {
            HomeValue.Tree tree => tree.Value.ToJsonString(s_readable),
            HomeValue.Text text => text.Value,
            HomeValue.List list => $"[{string.Join(", ", list.Items.Select(i => i.Value))}]",
            HomeValue.Map map => $"{{{string.Join(", ", map.Entries.Select(e => $"{e.Name}: {e.Value}"))}}}",
            _ => "",
        };
}
