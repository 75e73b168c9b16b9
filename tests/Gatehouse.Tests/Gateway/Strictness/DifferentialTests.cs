using CsCheck;
using Gatehouse.Gateway.Lane;
using Gatehouse.Gateway.Strictness;

namespace Gatehouse.Tests.Gateway.Strictness;

/// <summary>What the guard accepts, Kestrel must read as exactly the same requests, as many as there are.</summary>
public sealed class DifferentialTests(GuardedKestrel server) : IClassFixture<GuardedKestrel>
{
    private const string Last = "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

    [Fact]
    public async Task Kestrel_reads_what_the_guard_accepts_and_nothing_else()
    {
        await Gen.Select(WireGen.Stream, Gen.OneOf(Gen.Const(int.MaxValue), Gen.Int[1, 30]))
            .SampleAsync(async (stream, pieceLength) => await CheckAsync(stream, pieceLength), iter: 1_500, threads: 2);
    }

    [Fact]
    public async Task Every_request_of_a_valid_stream_arrives()
    {
        await Gen.Select(WireGen.ValidStream, Gen.OneOf(Gen.Const(int.MaxValue), Gen.Int[1, 30]))
            .SampleAsync(
                async (stream, pieceLength) =>
                {
                    var read = await CheckAsync(stream, pieceLength);
                    Assert.Equal(StrictReader.Read(stream, out _).Count + 1, read.Count);
                },
                iter: 500,
                threads: 2
            );
    }

    [Fact]
    public void The_lane_takes_nothing_that_the_guard_refuses_and_reads_the_same()
    {
        var taken = 0;
        Gen.OneOf(WireGen.Stream, WireGen.ValidStream)
            .Sample(
                stream =>
                {
                    var expected = StrictReader.Read(Accepted(stream), out _);
                    var bytes = RawClient.Bytes(stream);
                    var (head, headers, at) = (new LaneHead(new()), new HeaderList(checks: false), 0);
                    for (var n = 0; head.TryRead(bytes.AsSpan(at), headers, out var length); n++)
                    {
                        var fields = headers
                            .OrderBy(h => h.Key, StringComparer.OrdinalIgnoreCase)
                            .SelectMany(h => h.Value.Select(v => ReadRequest.Field(h.Key, v!)));
                        Assert.True(
                            n < expected.Count,
                            $"the guard takes {expected.Count}, the lane one more of {stream}"
                        );
                        Assert.Equal(expected[n], new(head.Method, head.Target, string.Concat(fields), ""));
                        at += length;
                        Interlocked.Increment(ref taken);
                    }
                },
                iter: 20_000
            );
        Assert.True(taken > 1_000, $"{taken} requests in the lane show nothing");
    }

    private async Task<IReadOnlyList<ReadRequest>> CheckAsync(string stream, int pieceLength)
    {
        var accepted = Accepted(stream);
        var expected = StrictReader.Read(accepted, out var endsBetweenRequests);
        if (endsBetweenRequests && accepted == stream)
        {
            stream += Last;
            expected.AddRange(StrictReader.Read(Last, out _));
        }

        // Kestrel takes no body together with an offer to upgrade; what follows is not read.
        var taken = expected.TakeWhile(r => !OffersUpgradeWithBody(r)).ToList();
        var refused = accepted != stream || taken.Count < expected.Count;
        expected = taken;

        // One more answer is the refusal; a connection that waits for the rest of a message is not ended by the server.
        var answers = refused ? expected.Count + 1 : expected.Count;
        using var client = await RawClient.ConnectAsync(server.Address);
        await client.SendAsync(stream, pieceLength);
        var answer = await client.ReadAsync(text => RawClient.Statuses(text).Count(s => s != 100) >= answers);
        var read = server.TakeReadOn(client.Port);
        Assert.True(
            expected.SequenceEqual(read),
            $"expected {string.Join('\n', expected)}\nread {string.Join('\n', read)}\n{answer}"
        );
        return read;
    }

    private static bool OffersUpgradeWithBody(ReadRequest request) =>
        request.Fields.Contains("connection: upgrade\n", StringComparison.Ordinal)
        && (request.Fields.Contains("transfer-encoding: ", StringComparison.Ordinal) || request.Body.Length > 0);

    private static string Accepted(string stream)
    {
        using var scanner = new RequestScanner(new StrictnessLimits());
        var bytes = RawClient.Bytes(stream);
        var accepted = 0;
        while (accepted < bytes.Length)
        {
            var count = scanner.Read(bytes.AsSpan(accepted));
            accepted += count;
            if (!scanner.IsAwaitingResponse)
            {
                break;
            }

            scanner.Resume(switched: false);
        }

        return stream[..accepted];
    }
}
