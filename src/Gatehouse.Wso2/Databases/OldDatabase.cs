using System.Globalization;
using Gatehouse.Model;

namespace Gatehouse.Wso2;

/// <summary>
/// What is held of an old database while it is read. Of tokens only those that count now, without the tokens themselves: a
/// table of them may have millions of rows that ended long ago.
/// </summary>
public sealed class OldDatabase
{
    /// <summary>Most rows of one table that are held.</summary>
    public const int MostRows = 1_000_000;

    private readonly Dictionary<string, List<OldRow>> _rows = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<string>> _scopes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _passedOver = new(StringComparer.Ordinal);
    private readonly DateTimeOffset _now;
    private readonly TimeSpan _zone;
    private readonly ReadingLog _log;

    /// <summary>An empty one.</summary>
    /// <param name="now">Tokens that ended before it are left out.</param>
    /// <param name="zone">How far the clock that the times were written by was ahead of UTC.</param>
    /// <param name="log">What was found, and what is wrong.</param>
    public OldDatabase(DateTimeOffset now, TimeSpan zone, ReadingLog log)
    {
        _now = now;
        _zone = zone;
        _log = log;
    }

    internal List<OldToken> Tokens { get; } = [];

    internal TokenCount Left { get; } = new();

    internal IReadOnlyList<OldRow> Rows(string table) => _rows.GetValueOrDefault(table) ?? [];

    internal IReadOnlyList<string> ScopesOf(string token) => _scopes.GetValueOrDefault(token) ?? [];

    /// <summary>True when any of the tables that are read had a row.</summary>
    internal bool IsOld => _rows.Count > 0 || Tokens.Count > 0;

    /// <summary>Notes that a table which is not read has rows.</summary>
    public void PassOver(string table, Place place)
    {
        if (!_passedOver.Add(table) || _passedOver.Count > 1000)
        {
            return;
        }

        if (OldVerdicts.Of(table) is { } verdict)
        {
            _log.Add(new Finding(verdict.Outcome, place, table, null, null, verdict.Note));
        }
    }

    /// <summary>Takes a row in.</summary>
    public void Add(OldRow row)
    {
        switch (row.Table.Name)
        {
            case "IDN_OAUTH2_ACCESS_TOKEN":
                AddToken(row);
                break;
            case "IDN_OAUTH2_ACCESS_TOKEN_SCOPE":
                AddScope(row["TOKEN_ID"], row["TOKEN_SCOPE"], row);
                break;
            default:
                if (!_rows.TryGetValue(row.Table.Name, out var rows))
                {
                    _rows[row.Table.Name] = rows = [];
                }

                if (HasRoom(rows.Count, row))
                {
                    rows.Add(row);
                }

                break;
        }
    }

    private void AddToken(OldRow row)
    {
        if (row["TOKEN_STATE"] is not ("ACTIVE" or ""))
        {
            Left.NotActive++;
            return;
        }

        if (TimeOf(row["TIME_CREATED"]) is not { } created)
        {
            Left.NoTime++;
            return;
        }

        // Milliseconds; a negative one is for ever, and so is one beyond the end of time.
        var validity = row.Number("VALIDITY_PERIOD");
        DateTimeOffset? ends =
            validity is { } ms and >= 0 && ms < (DateTimeOffset.MaxValue - created).TotalMilliseconds
                ? created.AddMilliseconds(ms)
                : null;
        if (ends <= _now)
        {
            Left.Expired++;
            return;
        }

        if (OldSecret.HashOf(row["ACCESS_TOKEN"], row["ACCESS_TOKEN_HASH"]) is not { } hash)
        {
            Left.Unreadable++;
            return;
        }

        if (!HasRoom(Tokens.Count, row))
        {
            return;
        }

        var token = row["ACCESS_TOKEN"];
        var id = row["TOKEN_ID"] is { Length: > 0 } given ? given : hash.ToString();
        if (row["TOKEN_SCOPE"] is { Length: > 0 } scopes)
        {
            foreach (var scope in scopes.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                AddScope(id, scope, row);
            }
        }

        Tokens.Add(
            new(
                id,
                hash,
                token.Length is >= 20 and <= 64 ? token[^4..] : "",
                row["CONSUMER_KEY_ID"],
                row["CONSUMER_KEY"],
                row["USER_TYPE"] is "APPLICATION_USER" ? UserOf(row) : null,
                created,
                ends,
                row.Place
            )
        );
    }

    private static string UserOf(OldRow row) =>
        row["USER_DOMAIN"] is { Length: > 0 } store and not "PRIMARY"
        && !row["AUTHZ_USER"].Contains('/', StringComparison.Ordinal)
            ? $"{store}/{row["AUTHZ_USER"]}"
            : row["AUTHZ_USER"];

    private void AddScope(string token, string scope, OldRow row)
    {
        // Of no meaning to any API: they say that none was asked for, or of which kind the token is.
        if (token.Length == 0 || scope is "" or "default" or "am_application_scope" or "PRODUCTION" or "SANDBOX")
        {
            return;
        }

        if (!_scopes.TryGetValue(token, out var scopes))
        {
            if (!HasRoom(_scopes.Count, row))
            {
                return;
            }

            _scopes[token] = scopes = [];
        }

        if (scopes.Count < 100 && !scopes.Contains(scope))
        {
            scopes.Add(scope);
        }
    }

    private bool HasRoom(int count, OldRow row)
    {
        if (count == MostRows)
        {
            _log.Problem(
                row.Place,
                row.Table.Name,
                $"there are more than {MostRows:N0} rows of {row.Table.Name} that count; the rest is left out",
                "remove what ended from the old database, and make the dump again"
            );
        }

        return count < MostRows && _log.Problems.All(p => p.Pointer != row.Table.Name);
    }

    private DateTimeOffset? TimeOf(string text) =>
        DateTimeOffset.TryParse(
            text.EndsWith("+00", StringComparison.Ordinal) ? text + ":00" : text,
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal,
            out var time
        )
        && time.Year > 1
            // One without a zone was written by that clock.
            ? text.Contains('+', StringComparison.Ordinal) || text.EndsWith('Z')
                ? time
                : time - _zone
            : null;

    /// <summary>Tokens that are not taken, and why.</summary>
    internal sealed class TokenCount
    {
        public int Expired { get; set; }

        public int NotActive { get; set; }

        public int NoTime { get; set; }

        public int Unreadable { get; set; }
    }
}

/// <summary>An access token that counts.</summary>
internal sealed record OldToken(
    string Id,
    Digest Hash,
    string LastFour,
    string ClientNumber,
    string ClientId,
    string? User,
    DateTimeOffset Created,
    DateTimeOffset? Ends,
    Place Place
);
