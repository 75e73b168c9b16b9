using CsCheck;
using Gatehouse.Gateway.Strictness;

namespace Gatehouse.Tests.Gateway.Strictness;

public sealed class RequestScannerTests
{
    public static TheoryData<string> ValidNames => [.. WireCases.Valid.Select(c => c.Name)];

    public static TheoryData<string> RefusedNames => [.. WireCases.Refused.Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(ValidNames))]
    public void A_valid_request_is_never_refused(string name)
    {
        var bytes = RawClient.Bytes(WireCases.Find(name).Bytes);

        foreach (var length in (int[])[bytes.Length, 1, 2, 3, 7])
        {
            var (accepted, violation, _) = Scan(bytes, _ => length);
            Assert.Equal(Violation.None, violation);
            Assert.Equal(bytes.Length, accepted);
        }
    }

    [Theory]
    [MemberData(nameof(RefusedNames))]
    public void What_two_parsers_could_read_differently_is_refused_and_named(string name)
    {
        var wire = WireCases.Find(name);

        var (_, violation, inBody) = Scan(RawClient.Bytes(wire.Bytes), _ => int.MaxValue);

        Assert.Equal(wire.Violation, violation);
        Assert.Equal(wire.InBody, inBody);
    }

    [Theory]
    [MemberData(nameof(RefusedNames))]
    public void The_verdict_does_not_depend_on_how_the_bytes_are_cut(string name)
    {
        var wire = WireCases.Find(name);
        var bytes = RawClient.Bytes(wire.Bytes);

        foreach (var length in (int[])[1, 2, 3, 5, 16])
        {
            var (accepted, violation, inBody) = Scan(bytes, _ => length);
            Assert.Equal(wire.Violation, violation);
            Assert.Equal(wire.InBody, inBody);
            Assert.True(accepted < bytes.Length);
        }
    }

    [Fact]
    public void The_verdict_on_any_stream_is_the_same_in_any_fragments()
    {
        Gen.Select(WireGen.Stream, Gen.Int[1, 40].Array[1, 40])
            .Sample(
                (text, cuts) =>
                {
                    var bytes = RawClient.Bytes(text);
                    var whole = Scan(bytes, _ => int.MaxValue);
                    var pieces = Scan(bytes, i => cuts[i % cuts.Length]);
                    return whole.Violation == pieces.Violation && whole.InBody == pieces.InBody;
                },
                iter: 5_000
            );
    }

    [Fact]
    public void Scanning_allocates_nothing_once_it_runs()
    {
        using var scanner = new RequestScanner(new StrictnessLimits());
        var bytes = RawClient.Bytes(
            WireCases.Find("a browser").Bytes + WireCases.Chunked("5;a=b\r\nhello\r\n0\r\n\r\n")
        );
        for (var i = 0; i < 100; i++)
        {
            ScanInHalves();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            ScanInHalves();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void ScanInHalves()
        {
            scanner.Read(bytes.AsSpan(0, 333));
            scanner.Read(bytes.AsSpan(333));
        }
    }

    private static (int Accepted, Violation Violation, bool InBody) Scan(byte[] bytes, Func<int, int> pieceLength)
    {
        using var scanner = new RequestScanner(new StrictnessLimits());
        var accepted = 0;
        for (var i = 0; accepted < bytes.Length; i++)
        {
            var rest = bytes.AsSpan(accepted);
            var piece = rest[..Math.Min(pieceLength(i), rest.Length)];
            var count = scanner.Read(piece);
            accepted += count;
            if (scanner.IsAwaitingResponse)
            {
                scanner.Resume(switched: false);
            }
            else if (count < piece.Length)
            {
                break;
            }
        }

        return (accepted, scanner.Violation, scanner.RefusedInBody);
    }
}
