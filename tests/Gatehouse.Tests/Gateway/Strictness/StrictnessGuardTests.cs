using Gatehouse.Gateway.Strictness;

namespace Gatehouse.Tests.Gateway.Strictness;

public sealed class StrictnessGuardTests(GuardedKestrel server) : IClassFixture<GuardedKestrel>
{
    private const string Last = "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

    public static TheoryData<string> ValidNames => [.. WireCases.Valid.Select(c => c.Name)];

    // A preface is passed on line by line, and Kestrel closes at its first line where HTTP/2 is off.
    public static TheoryData<string> RefusedNames =>
        [.. WireCases.Refused.Where(c => c.Violation != Violation.Preface).Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(ValidNames))]
    public async Task A_valid_request_reaches_the_application_whole_or_byte_by_byte(string name)
    {
        var wire = WireCases.Find(name);

        foreach (var pieceLength in (int[])[int.MaxValue, wire.Bytes.Length > 2000 ? 97 : 1])
        {
            using var client = await RawClient.ConnectAsync(server.Address);
            await client.SendAsync(wire.Bytes + Last, pieceLength);
            var answer = await client.ReadAsync();

            var statuses = RawClient.Statuses(answer).Where(s => s != 100).ToArray();
            Assert.Equal(Enumerable.Repeat(200, wire.Requests + 1), statuses);
            Assert.Equal(wire.Requests + 1, server.ReadOn(client.Port).Count);
        }
    }

    [Theory]
    [MemberData(nameof(RefusedNames))]
    public async Task A_refused_request_is_answered_and_never_reaches_the_application(string name)
    {
        var wire = WireCases.Find(name);
        var (status, _) = ViolationText.Status(wire.Violation);

        foreach (var pieceLength in (int[])[int.MaxValue, wire.Bytes.Length > 2000 ? 97 : 1])
        {
            using var client = await RawClient.ConnectAsync(server.Address);
            await client.SendAsync(wire.Bytes + Last, pieceLength);
            var answer = await client.ReadAsync(text => IsWhole(text, wire.Requests + 1));

            Assert.Equal([.. Enumerable.Repeat(200, wire.Requests), status], RawClient.Statuses(answer));
            Assert.Contains("Connection: close", answer, StringComparison.Ordinal);
            Assert.Equal(wire.Requests, server.ReadOn(client.Port).Count);
            if (!wire.InBody)
            {
                Assert.Contains("X-Request-Id: ", answer, StringComparison.Ordinal);
                Assert.EndsWith(
                    $"\"description\":\"{ViolationText.Explain(wire.Violation)}\"}}",
                    answer,
                    StringComparison.Ordinal
                );
            }
        }
    }

    [Fact]
    public async Task The_connection_ends_after_a_refusal()
    {
        using var client = await RawClient.ConnectAsync(server.Address);
        await client.SendAsync("GET / HTTP/1.1\r\n\r\n" + Last);

        var answer = await client.ReadAsync();

        Assert.Equal([400], RawClient.Statuses(answer));
        Assert.Empty(server.ReadOn(client.Port));
    }

    [Fact]
    public async Task A_refusal_in_a_body_whose_response_has_begun_ends_the_connection()
    {
        using var client = await RawClient.ConnectAsync(server.Address);
        await client.SendAsync(WireCases.Chunked("1\r\na\r\n", "/early"));
        await client.ReadAsync(text => text.Contains("early", StringComparison.Ordinal));
        await client.SendAsync("x\r\n" + Last);

        var rest = await client.ReadAsync();

        Assert.Empty(RawClient.Statuses(rest));
        Assert.Empty(server.ReadOn(client.Port));
    }

    [Fact]
    public async Task A_refusal_in_a_body_nobody_reads_ends_the_connection_after_the_response()
    {
        using var client = await RawClient.ConnectAsync(server.Address);
        await client.SendAsync(WireCases.Chunked("1\r\na\r\nx\r\n", "/unread") + Last);

        var answer = await client.ReadAsync();

        Assert.Equal([200], RawClient.Statuses(answer));
        Assert.Equal(["/unread"], server.ReadOn(client.Port).Select(r => r.Target));
    }

    [Fact]
    public async Task Refusals_are_counted_by_what_was_wrong()
    {
        var before = Count(Violation.LengthRepeated);
        using var client = await RawClient.ConnectAsync(server.Address);
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na");
        await client.ReadAsync();

        Assert.True(Count(Violation.LengthRepeated) > before);

        long Count(Violation violation) => server.Guard.Refusals.Single(r => r.Key == violation).Value;
    }

    private static bool IsWhole(string text, int responses)
    {
        if (RawClient.Statuses(text).Length < responses)
        {
            return false;
        }

        var last = text[text.LastIndexOf("\r\nContent-Length: ", StringComparison.Ordinal)..];
        var head = last.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var length = "\r\nContent-Length: ".Length;
        return head > 0
            && last.Length - head - 4
                >= int.Parse(
                    last.AsSpan(length, last.IndexOf('\r', length) - length),
                    System.Globalization.CultureInfo.InvariantCulture
                );
    }
}
