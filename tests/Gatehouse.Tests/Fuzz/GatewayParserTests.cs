using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml;
using CsCheck;
using Gatehouse.Gateway.Authentication;
using Gatehouse.Gateway.Floods;
using Gatehouse.Gateway.Policies;
using Gatehouse.Gateway.Routing;
using Gatehouse.Gateway.Strictness;
using Gatehouse.Model;

namespace Gatehouse.Tests.Fuzz;

/// <summary>
/// Parsers of the data plane under bytes that nobody sends in good faith: they answer, never throw what they do not say,
/// and never disagree with a slow reader. Request heads, answer heads, chunks, tokens and key sets have theirs beside their own tests.
/// </summary>
public sealed partial class GatewayParserTests
{
    private static readonly string[] s_json =
    [
        """{"a":[1,2.5e3,{"b":null}],"c":"text \u00e9 \ud83d\ude00","@id":"1","$":"x"}""",
        """[[],{},"",0,true,false,-1]""",
        """{"order":{"@no":"7","line":[{"sku":"a"},{"sku":"b"}]}}""",
    ];

    private static readonly string[] s_xml =
    [
        """<order no="7"><line sku="a">text</line><line sku="b"/><!-- c --><x xmlns:p="urn:p" p:q="1">&lt;&#65;</x></order>""",
        """<?xml version="1.0" encoding="utf-8"?><a><b><c/></b><![CDATA[x]]></a>""",
    ];

    [Fact]
    public void A_template_is_taken_exactly_when_its_grammar_says_so() =>
        Gen.String[Gen.Char["/{}*ab.-"], 0, 14]
            .Sample(
                text =>
                {
                    var taken = PathTemplate.TryParse(text, out var template, out var problem);

                    Assert.Equal(Template().IsMatch(text), taken);
                    Assert.Equal(taken, problem is null);
                    Assert.True(!taken || template!.TakesTheRest == text.EndsWith("/*", StringComparison.Ordinal));
                },
                iter: 60_000
            );

    [Fact]
    public void A_segment_fits_exactly_when_the_same_regular_expression_does() =>
        Gen.Select(Gen.String[Gen.Char["ab{"], 1, 8], Gen.String[Gen.Char["ab"], 0, 10])
            .Sample(
                (pattern, segment) =>
                {
                    var text = pattern.Replace("{", "{p}", StringComparison.Ordinal);
                    if (!SegmentPattern.TryParse(text, out var parsed, out _) || parsed.IsLiteral)
                    {
                        return;
                    }

                    var oracle = string.Join(".+", parsed.Pieces.Select(Regex.Escape));
                    Assert.Equal(
                        Regex.IsMatch(segment, $"^{oracle}$", RegexOptions.None, TimeSpan.FromMinutes(1)),
                        parsed.Matches(segment)
                    );
                },
                iter: 60_000
            );

    [Fact]
    public void A_judged_path_has_the_same_segments_for_every_reader() =>
        Mutations
            .Of(
                ["/pets/1/photos?x=1", "/a%20b/%c3%a4", "/a;b=c/d%2fe", "http://host:80/a/b?c", "*"],
                "%2e",
                "..",
                "%2f",
                "%5c",
                "//",
                "%00",
                "%252e",
                ";",
                "%c0%ae",
                "%",
                "#",
                "\\",
                "?"
            )
            .Sample(
                target =>
                {
                    var verdict = RequestPath.Judge(target);
                    if (verdict.Under(new(AllowEncodedSlash: true, AllowSemicolon: true)) != PathRefusal.None)
                    {
                        return;
                    }

                    var path = verdict.Path(target).ToString();
                    if (verdict.Form == TargetForm.Asterisk)
                    {
                        return;
                    }

                    // However often a backend decodes, it finds no dot segment, no NUL, and what follows is never a path again.
                    var decoded = path;
                    for (var times = 0; times < 4; times++)
                    {
                        Assert.DoesNotContain(
                            decoded.Split('/', '\\').Select(segment => segment.Split(';')[0]),
                            segment => segment is "." or ".."
                        );
                        Assert.DoesNotContain('\0', decoded);
                        decoded = Uri.UnescapeDataString(decoded);
                    }

                    var buffer = new char[path.Length + 1];
                    Assert.Equal(
                        path.Count(c => c == '/'),
                        RequestPath.ToMatch(path, verdict.Traits, buffer).Count('/')
                    );
                },
                iter: 60_000
            );

    [Fact]
    public void Frames_of_HTTP_2_are_the_same_however_the_bytes_are_cut() =>
        Gen.Select(Gen.Byte.Array[0, 200], Gen.Int[1, 30].Array[1, 8], Gen.Int[0, 24])
            .Sample(
                (bytes, cuts, skip) =>
                {
                    // Short frames, so that there are many of them.
                    for (var at = skip; at + 2 < bytes.Length; at += 9 + bytes[at + 2])
                    {
                        (bytes[at], bytes[at + 1], bytes[at + 2]) = (0, 0, (byte)(bytes[at + 2] % 12));
                    }

                    Assert.Equal(Frames(bytes, [int.MaxValue], skip), Frames(bytes, cuts, skip));
                },
                iter: 30_000
            );

    [Fact]
    public void A_certificate_in_a_header_is_read_or_is_none()
    {
        var der = Enumerable.Range(0, 200).Select(i => (byte)i).ToArray();
        var base64 = Convert.ToBase64String(der);
        Mutations
            .Of(
                [
                    $":{base64}:",
                    base64,
                    Uri.EscapeDataString($"-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n"),
                    $"-----BEGIN%20CERTIFICATE-----%0A{base64}%0A-----END%20CERTIFICATE-----%0A",
                ],
                "-----BEGIN CERTIFICATE-----",
                "-----END",
                "%",
                "::",
                "%ff",
                "=",
                " "
            )
            .Sample(header => ClientCertificateHeader.Read(header), iter: 30_000);
        Assert.Equal(ApiKey.OfCertificate(der), ClientCertificateHeader.Read($":{base64}:"));
        Assert.Null(ClientCertificateHeader.Read($":{new string('A', 20_000)}:"));
    }

    [Fact]
    public void Json_that_is_turned_into_XML_is_XML_or_is_refused() =>
        Mutations
            .Of(
                s_json.Select(Encoding.UTF8.GetBytes).ToList(),
                "{",
                "[",
                "\"",
                "\\ud800",
                "\\u0000",
                "@",
                "$",
                "\"xml\":",
                ":",
                ","
            )
            .Sample(
                json =>
                {
                    if (Turn(() => JsonXml.ToXml(json, "root")) is not { } xml)
                    {
                        return;
                    }

                    using var reader = XmlReader.Create(new MemoryStream(xml.ToArray()), XmlLimitsPolicy.Safe);
                    while (reader.Read()) { }

                    JsonDocument.Parse(JsonXml.ToJson(xml)).Dispose();
                },
                iter: 20_000
            );

    [Fact]
    public void XML_that_is_turned_into_JSON_is_JSON_or_is_refused() =>
        Mutations
            .Of(
                s_xml.Select(Encoding.UTF8.GetBytes).ToList(),
                "<",
                ">",
                "<a>",
                "</a>",
                "<!DOCTYPE a>",
                "&a;",
                "&#0;",
                "]]>",
                "xmlns=\"u\"",
                "\""
            )
            .Sample(
                xml =>
                {
                    if (Turn(() => JsonXml.ToJson(xml)) is { } json)
                    {
                        JsonDocument.Parse(json).Dispose();
                    }
                },
                iter: 20_000
            );

    [Fact]
    public void Limits_on_JSON_and_XML_let_nothing_pass_that_is_neither()
    {
        var json = new JsonLimitsPolicy(new() { MaxDepth = 6 });
        Mutations
            .Of(s_json.Select(Encoding.UTF8.GetBytes).ToList(), "{", "[", "[[[[[[", "\"", ":", ",", "}", "]", "1e9")
            .Sample(
                text =>
                {
                    if (json.Judge(text) is null)
                    {
                        JsonDocument.Parse(text, new() { MaxDepth = 6 }).Dispose();
                    }
                },
                iter: 20_000
            );
        var xml = new XmlLimitsPolicy(new() { MaxDepth = 6 });
        Mutations
            .Of(
                s_xml.Select(Encoding.UTF8.GetBytes).ToList(),
                "<a>",
                "</a>",
                "<a><a><a><a>",
                "<!DOCTYPE a>",
                "&a;",
                "\""
            )
            .Sample(
                text =>
                {
                    if (xml.Judge(text) is not null)
                    {
                        return;
                    }

                    using var reader = XmlReader.Create(
                        new MemoryStream(text),
                        new() { DtdProcessing = DtdProcessing.Prohibit }
                    );
                    while (reader.Read())
                    {
                        Assert.True(reader.Depth <= 7);
                    }
                },
                iter: 10_000
            );
    }

    [Fact]
    public void Small_texts_of_the_model_are_read_or_refused() =>
        Mutations
            .Of(
                [
                    "10.0.0.1-10.0.0.9",
                    "2001:db8::/32",
                    "192.0.2.0/24",
                    "100/m",
                    "5000/h",
                    "1MiB/d",
                    "ip:10.0.0.1",
                    "api:/a/1",
                ],
                "/",
                "-",
                "::",
                ":",
                "999999999999999999999",
                "%",
                "\0"
            )
            .Sample(
                text =>
                {
                    if (AddressRange.TryParse(text, out var range))
                    {
                        Assert.True(range.From <= range.To);
                    }

                    _ = Quota.TryParse(text, out _, out _);
                    _ = BlockTarget.TryParse(text, out _);
                    _ = Digest.TryParse(text, out _);
                },
                iter: 40_000
            );

    private static List<string> Frames(byte[] bytes, int[] cuts, int skip)
    {
        var reader = new FrameReader(skip);
        var found = new List<string>();
        for (var (at, n) = (0, 0); at < bytes.Length; n++)
        {
            var piece = bytes.AsSpan(at, Math.Min(cuts[n % cuts.Length], bytes.Length - at));
            at += piece.Length;
            ReadOnlySpan<byte> rest = piece;
            while (reader.TryRead(ref rest, out var frame))
            {
                found.Add(frame.ToString());
            }

            Assert.True(rest.IsEmpty);
        }

        return found;
    }

    // What ConvertPolicy takes for "refused"; anything else would be a fault of the gateway.
    private static ReadOnlyMemory<byte>? Turn(Func<ReadOnlyMemory<byte>> turn)
    {
        try
        {
            return turn();
        }
        catch (Exception bad)
            when (bad is JsonException or XmlException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"^(?=/)(/[^{}*/]*(\{[^{}/]+\}[^{}*/]+)*(\{[^{}/]+\})?)*(/\*)?\z")]
    private static partial Regex Template();
}
