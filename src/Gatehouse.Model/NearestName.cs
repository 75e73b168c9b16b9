namespace Gatehouse.Model;

/// <summary>Finds what somebody meant to type.</summary>
public static class NearestName
{
    /// <summary>The known name closest to what was typed; null when none is close enough to be worth suggesting.</summary>
    public static string? Of(string typed, IEnumerable<string> known)
    {
        // A third of the letters may be wrong: "rolle" → "role", but "foo" suggests nothing. Else a beginning: "warn" → "warning".
        var limit = Math.Max(1, typed.Length / 3);
        var names = known.Order(StringComparer.Ordinal).ToList();
        return names
                .Select(name => (name, distance: Distance(typed.ToLowerInvariant(), name.ToLowerInvariant())))
                .Where(candidate => candidate.distance <= limit)
                .OrderBy(candidate => candidate.distance)
                .Select(candidate => candidate.name)
                .FirstOrDefault()
            ?? names.Find(name => typed.Length >= 3 && name.StartsWith(typed, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Edits from one to the other: insert, delete, replace, or swap two neighbours.</summary>
    public static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            rows[i, 0] = i;
        }

        for (var j = 0; j <= b.Length; j++)
        {
            rows[0, j] = j;
        }

        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(replace, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }

        return rows[a.Length, b.Length];
    }
}
