using System.Globalization;
using System.Text;
using CsCheck;
using Gatehouse.Management;
using Gatehouse.Management.OpenApi;

namespace Gatehouse.Tests.Management.OpenApi;

public sealed class HostileDocumentTests
{
    // Not a speed claim: work that grows faster than its input would take minutes.
    private static readonly TimeSpan s_farFromHanging = TimeSpan.FromSeconds(60);

    [Fact]
    public void An_alias_bomb_is_refused_before_it_goes_off()
    {
        var text = new StringBuilder("openapi: 3.1.0\nl0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 60; i++)
        {
            var alias = $"*l{i - 1}";
            text.Append(
                CultureInfo.InvariantCulture,
                $"l{i}: &l{i} [{string.Join(", ", Enumerable.Repeat(alias, 10))}]\n"
            );
        }

        var problem = Assert.Single(Refused(text.ToString()).Problems);

        Assert.Contains("each alias counted", problem.Message, StringComparison.Ordinal);
        Assert.InRange(problem.Line, 3, 9);
    }

    [Fact]
    public void A_bomb_of_merge_keys_is_refused_too()
    {
        var text = new StringBuilder("openapi: 3.1.0\nm0: &m0 { a: [1, 2, 3, 4, 5, 6, 7, 8, 9] }\n");
        for (var i = 1; i < 60; i++)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"m{i}: &m{i} {{ <<: *m{i - 1}, k: [*m{i - 1}, *m{i - 1}, *m{i - 1}] }}\n"
            );
        }

        Assert.Contains("each alias counted", Refused(text.ToString()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Twenty_megabytes_and_one_are_refused_unread() =>
        Assert.Contains(
            "at most 20 MiB",
            Assert.Throws<ProblemsException>(() => OpenApiReader.Read(new byte[DocumentLimits.MaxBytes + 1])).Message,
            StringComparison.Ordinal
        );

    [Theory]
    [InlineData("""{"openapi":"3.0.0","x":[0""", ",0", "]}")] // as many values as fit
    [InlineData("openapi: 3.0.0\nx: [0", ",0", "]")]
    [InlineData("openapi: 3.0.0\nx: ", "[", "")]
    [InlineData("openapi: 3.0.0\nx: ", "? ", "")]
    [InlineData("openapi: 3.0.0\nx: \"", "a", "")]
    [InlineData("openapi: 3.0.0\nx:\n", "  - ", "")]
    [InlineData("", "{\"a\":", "")]
    [InlineData("", "a:\n", "")]
    [InlineData("", "%TAG ! tag:\n", "")]
    [InlineData("", "- &a *a\n", "")]
    public void Two_megabytes_of_one_thing_end_in_seconds(string before, string piece, string after)
    {
        var text = new StringBuilder(before).Insert(before.Length, piece, (2 << 20) / piece.Length).Append(after);
        var began = Work();

        Refused(text.ToString());

        Assert.True(Work() - began < s_farFromHanging, $"took {Work() - began}");
    }

    [Fact]
    public void Chains_of_references_cost_no_more_than_their_length()
    {
        var text = new StringBuilder("openapi: 3.0.0\ninfo: { title: t, version: 1 }\npaths: { /a: { get: {} } }\n");
        text.Append("components:\n  schemas:\n");
        for (var i = 0; i < 50_000; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"    s{i}: {{ $ref: '#/components/schemas/s{i + 1}' }}\n");
        }

        var began = Work();

        var problems = Refused(text.ToString()).Problems;

        Assert.Contains("through 32 others", problems[0].Message, StringComparison.Ordinal);
        Assert.True(Work() - began < s_farFromHanging, $"took {Work() - began}");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_valid_document_of_ten_megabytes_is_read_in_seconds(bool json)
    {
        var text = Encoding.UTF8.GetBytes(LargeDocument.Of(10 << 20, json));
        Assert.InRange(text.Length, 10 << 20, 11 << 20);
        var began = Work();

        var document = OpenApiReader.Read(text);

        Assert.Equal(4000, document.Operations.Length);
        Assert.True(Work() - began < s_farFromHanging, $"took {Work() - began}");
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{text.Length:N0} bytes in {(Work() - began).TotalMilliseconds} ms"
        );
    }

    [Fact]
    public void Any_text_is_read_or_refused_with_problems() => Gen.String[0, 400].Sample(ReadsOrRefuses, iter: 3000);

    [Fact]
    public void Any_bytes_are_read_or_refused_with_problems() =>
        Gen.Byte.Array[0, 200].Sample(bytes => ReadsOrRefuses(bytes), iter: 3000);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_valid_document_damaged_anywhere_is_read_or_refused_with_problems(bool json)
    {
        var valid = Encoding.UTF8.GetBytes(LargeDocument.Of(3000, json));
        Gen.Select(
                Gen.Int[0, valid.Length - 1],
                Gen.Int[0, 40],
                Gen.Int[0, s_pieces.Length - 1].Select(i => s_pieces[i])
            )
            .Array[1, 4]
            .Sample(
                edits =>
                {
                    var text = valid.ToList();
                    foreach (var (at, length, piece) in edits)
                    {
                        var from = Math.Min(at, text.Count);
                        text.RemoveRange(from, Math.Min(length, text.Count - from));
                        text.InsertRange(from, Encoding.UTF8.GetBytes(piece));
                    }

                    ReadsOrRefuses([.. text]);
                },
                iter: 3000
            );
    }

    private static readonly string[] s_pieces =
    [
        "",
        "{",
        "}",
        "[",
        "]",
        ":",
        "\n",
        "\t",
        " ",
        "- ",
        "? ",
        "&a ",
        "*a",
        "<<: *a",
        "\"",
        "'",
        "|\n",
        ">-",
        "!!str ",
        "!<x> ",
        "%YAML 9.9\n",
        "---\n",
        "...\n",
        "\0",
        "\uFEFF",
        "\u2028",
        "null",
        "\"$ref\": \"#\"",
        "$ref: '#/paths/~1r0~1{id}'",
        "\\ud800",
        "1e999",
    ];

    private static void ReadsOrRefuses(string text) => ReadsOrRefuses(Encoding.UTF8.GetBytes(text));

    private static void ReadsOrRefuses(byte[] text)
    {
        try
        {
            Assert.NotEmpty(OpenApiReader.Read(text).Operations);
        }
        catch (ProblemsException e)
        {
            Assert.NotEmpty(e.Problems);
            Assert.All(e.Problems, p => Assert.NotEmpty(p.Message));
        }
    }

    // Of the processor, for this thread: on a machine whose cores are taken the clock says nothing of it. User and system time of proc(5),
    // behind the name, which may hold anything.
    private static TimeSpan Work()
    {
        var fields = File.ReadAllText("/proc/thread-self/stat").Split(')')[^1].Split(' ');
        return TimeSpan.FromMilliseconds(
            10
                * (
                    long.Parse(fields[12], CultureInfo.InvariantCulture)
                    + long.Parse(fields[13], CultureInfo.InvariantCulture)
                )
        );
    }

    private static ProblemsException Refused(string text) =>
        Assert.Throws<ProblemsException>(() => OpenApiReader.Read(Encoding.UTF8.GetBytes(text)));
}
