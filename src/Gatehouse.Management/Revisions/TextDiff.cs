using System.Globalization;
using System.Text;

namespace Gatehouse.Management;

/// <summary>Unified diff of two texts by lines, after Myers (1986). Bounded: two texts that share little are not compared.</summary>
internal static class TextDiff
{
    // Memory grows with the square of it: 1000 edits take 4 MB.
    private const int MaxEdits = 1000;
    private const int Context = 3;

    /// <summary>Empty when equal; null when the texts differ in more than a thousand lines.</summary>
    public static string? Unified(string before, string after)
    {
        var (a, b) = (Lines(before), Lines(after));
        var start = 0;
        while (start < a.Length && start < b.Length && a[start] == b[start])
        {
            start++;
        }

        var end = 0;
        while (end < a.Length - start && end < b.Length - start && a[^(end + 1)] == b[^(end + 1)])
        {
            end++;
        }

        var edits = Edits(a.AsSpan(start..^end), b.AsSpan(start..^end));
        if (edits is null)
        {
            return null;
        }

        List<(char Mark, string Line)> all =
        [
            .. a[..start].Select(l => (' ', l)),
            .. edits,
            .. a[^end..].Select(l => (' ', l)),
        ];
        return Hunks(all);
    }

    private static string[] Lines(string text)
    {
        var lines = text.ReplaceLineEndings("\n").Split('\n');
        return lines[^1].Length == 0 ? lines[..^1] : lines;
    }

    /// <summary>Lines kept, removed and added, in order; null when there are too many edits.</summary>
    private static List<(char, string)>? Edits(ReadOnlySpan<string> a, ReadOnlySpan<string> b)
    {
        // furthest[k]: how far into a the best path on diagonal k (x - y) reaches; one copy for each number of edits.
        var most = Math.Min(a.Length + b.Length, MaxEdits);
        var furthest = new int[2 * most + 3];
        var trace = new List<int[]>();
        for (var edits = 0; edits <= most; edits++)
        {
            for (var k = -edits; k <= edits; k += 2)
            {
                var isDown = k == -edits || (k != edits && furthest[most + k] < furthest[most + k + 2]);
                var x = isDown ? furthest[most + k + 2] : furthest[most + k] + 1;
                while (x < a.Length && x - k < b.Length && x - k >= 0 && a[x] == b[x - k])
                {
                    x++;
                }

                furthest[most + 1 + k] = x;
                if (x >= a.Length && x - k >= b.Length)
                {
                    trace.Add(furthest[(most + 1 - edits)..(most + 2 + edits)]);
                    return Walk(a, b, trace);
                }
            }

            trace.Add(furthest[(most + 1 - edits)..(most + 2 + edits)]);
        }

        return null;
    }

    // Back from the end: each step undoes one edit and the equal lines after it.
    private static List<(char, string)> Walk(ReadOnlySpan<string> a, ReadOnlySpan<string> b, List<int[]> trace)
    {
        var path = new List<(char, string)>();
        var (x, y) = (a.Length, b.Length);
        for (var edits = trace.Count - 1; edits > 0; edits--)
        {
            var before = trace[edits - 1];
            var k = x - y;
            int At(int diagonal) => before[diagonal + edits - 1];
            var isDown = k == -edits || (k != edits && At(k - 1) < At(k + 1));
            var from = isDown ? k + 1 : k - 1;
            var (fromX, fromY) = (At(from), At(from) - from);
            var (afterX, afterY) = isDown ? (fromX, fromY + 1) : (fromX + 1, fromY);
            while (x > afterX && y > afterY)
            {
                path.Add((' ', a[x - 1]));
                (x, y) = (x - 1, y - 1);
            }

            path.Add(isDown ? ('+', b[fromY]) : ('-', a[fromX]));
            (x, y) = (fromX, fromY);
        }

        while (x > 0)
        {
            path.Add((' ', a[--x]));
        }

        path.Reverse();
        return path;
    }

    private static string Hunks(List<(char Mark, string Line)> lines)
    {
        var text = new StringBuilder();
        var (at, lineA, lineB) = (0, 1, 1);
        while (lines.FindIndex(at, l => l.Mark != ' ') is var first and >= 0)
        {
            var from = Math.Max(at, first - Context);
            (lineA, lineB) = (lineA + from - at, lineB + from - at);
            var last = first;
            for (var i = first; i < lines.Count && i - last <= 2 * Context; i++)
            {
                last = lines[i].Mark != ' ' ? i : last;
            }

            var to = Math.Min(lines.Count, last + Context + 1);
            var hunk = lines[from..to];
            var (countA, countB) = (hunk.Count(l => l.Mark != '+'), hunk.Count(l => l.Mark != '-'));
            text.Append(CultureInfo.InvariantCulture, $"@@ -{lineA},{countA} +{lineB},{countB} @@\n");
            foreach (var (mark, line) in hunk)
            {
                text.Append(mark).Append(line).Append('\n');
            }

            (at, lineA, lineB) = (to, lineA + countA, lineB + countB);
        }

        return text.ToString();
    }
}
