using System.Globalization;
using System.Text;

namespace Gatehouse.Tests.Gateway.Strictness;

/// <summary>
/// The one reading that a stream the guard accepts has. As plain as possible, since nothing odd can be in it; whatever
/// is incomplete at the end is left out.
/// </summary>
internal static class StrictReader
{
    public static List<ReadRequest> Read(string stream, out bool endsBetweenRequests)
    {
        var requests = new List<ReadRequest>();
        var at = 0;
        var keepAlive = true;
        endsBetweenRequests = true;
        while (keepAlive && at < stream.Length)
        {
            if (!TryReadOne(stream, ref at, out var request, out keepAlive))
            {
                endsBetweenRequests = false;
                break;
            }

            requests.Add(request);
        }

        endsBetweenRequests &= keepAlive;
        return requests;
    }

    private static bool TryReadOne(string stream, ref int at, out ReadRequest request, out bool keepAlive)
    {
        request = null!;
        keepAlive = true;
        if (string.CompareOrdinal(stream, at, "\r\n", 0, 2) == 0)
        {
            at += 2;
        }

        var end = stream.IndexOf("\r\n\r\n", at, StringComparison.Ordinal);
        if (end < 0)
        {
            return false;
        }

        var lines = stream[at..end].Split("\r\n");
        at = end + 4;
        var words = lines[0].Split(' ');
        var fields = lines
            .Skip(1)
            .Select(line =>
                (
                    Name: line[..line.IndexOf(':', StringComparison.Ordinal)],
                    Value: line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim(' ', '\t')
                )
            )
            .ToList();

        string? Value(string name) =>
            fields.FirstOrDefault(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

        string? body = "";
        if (Value("Transfer-Encoding") is not null)
        {
            body = Chunks(stream, ref at);
        }
        else if (Value("Content-Length") is { } length)
        {
            var count = long.Parse(length, CultureInfo.InvariantCulture);
            body = at + count <= stream.Length ? stream.Substring(at, (int)count) : null;
            at += body?.Length ?? 0;
        }

        if (body is null)
        {
            return false;
        }

        var options = fields
            .Where(f => f.Name.Equals("Connection", StringComparison.OrdinalIgnoreCase))
            .Select(f => f.Value)
            .ToList();
        keepAlive = (words[2] == "HTTP/1.1" || options.Contains("keep-alive")) && !options.Contains("close");
        request = new ReadRequest(
            words[0],
            words[1],
            string.Concat(
                fields
                    .OrderBy(f => f.Name, StringComparer.OrdinalIgnoreCase)
                    .Select(f => ReadRequest.Field(f.Name, f.Value))
            ),
            body
        );
        return true;
    }

    private static string? Chunks(string stream, ref int at)
    {
        var body = new StringBuilder();
        while (true)
        {
            var end = stream.IndexOf("\r\n", at, StringComparison.Ordinal);
            if (end < 0)
            {
                return null;
            }

            var size = int.Parse(stream[at..end].Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            at = end + 2;
            if (size == 0)
            {
                while (stream.IndexOf("\r\n", at, StringComparison.Ordinal) is var line and >= 0)
                {
                    var empty = line == at;
                    at = line + 2;
                    if (empty)
                    {
                        return body.ToString();
                    }
                }

                return null;
            }

            if (at + size + 2 > stream.Length)
            {
                return null;
            }

            body.Append(stream, at, size);
            at += size + 2;
        }
    }
}
