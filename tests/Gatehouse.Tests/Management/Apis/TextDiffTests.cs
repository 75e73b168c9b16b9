using CsCheck;
using Gatehouse.Management;

namespace Gatehouse.Tests.Management.Apis;

public sealed class TextDiffTests
{
    [Fact]
    public void Equal_texts_have_no_difference() => Assert.Equal("", TextDiff.Unified("a\nb\n", "a\r\nb"));

    [Fact]
    public void A_difference_is_shown_with_three_lines_around_it() =>
        Assert.Equal(
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n",
            TextDiff.Unified("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n")
        );

    [Fact]
    public void Texts_that_share_nothing_are_not_compared() =>
        Assert.Null(TextDiff.Unified(Lines("a", 5000), Lines("b", 5000)));

    [Fact]
    public void Applying_a_difference_to_the_old_text_gives_the_new_one() =>
        Gen.Select(Gen.Int[0, 3].Array[0, 30], Gen.Int[0, 3].Array[0, 30])
            .Sample(
                (a, b) =>
                {
                    var (before, after) = (string.Join('\n', a), string.Join('\n', b));
                    Assert.Equal(after, Apply(before, TextDiff.Unified(before, after)!));
                },
                iter: 5000
            );

    private static string Lines(string text, int count) =>
        string.Join('\n', Enumerable.Range(0, count).Select(i => $"{text}{i}"));

    private static string Apply(string text, string diff)
    {
        var old = text.Length == 0 ? [] : text.Split('\n');
        var result = new List<string>();
        var at = 0;
        foreach (var line in diff.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("@@", StringComparison.Ordinal))
            {
                var start = int.Parse(line.Split(' ', ',')[1], System.Globalization.CultureInfo.InvariantCulture);
                for (; at < -start - 1; at++)
                {
                    result.Add(old[at]);
                }
            }
            else if (line[0] == '+')
            {
                result.Add(line[1..]);
            }
            else
            {
                Assert.Equal(old[at++], line[1..]);
                if (line[0] == ' ')
                {
                    result.Add(line[1..]);
                }
            }
        }

        return string.Join('\n', result.Concat(old[at..]));
    }
}
