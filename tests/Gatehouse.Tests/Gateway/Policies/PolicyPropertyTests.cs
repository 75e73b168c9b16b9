using CsCheck;
using Gatehouse.Gateway.Policies;
using Gatehouse.Gateway.Strictness;

namespace Gatehouse.Tests.Gateway.Policies;

public sealed class PolicyPropertyTests
{
    private static readonly string[] s_directives =
    [
        "max-age=5",
        "MAX-AGE=7",
        "no-store",
        "s-maxage=\"3\"",
        "private",
        "x=1",
        "",
        "max-age=",
        "max-age=99999999999999999999",
    ];

    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>A naive reading of RFC 9111 §4.2 beside ours.</summary>
    [Fact]
    public void Freshness_is_what_the_RFCs_formulas_say() =>
        Gen.Select(Gen.Int[0, 1000], Gen.Int[-100, 100], Gen.Int[0, 50], Gen.Int[0, 500], Gen.Int[0, 2000])
            .Sample(
                (maxAge, skew, delay, ageValue, resident) =>
                {
                    var came = s_start.AddSeconds(delay);
                    var freshness = Freshness.Of(
                        new() { MaxAge = maxAge },
                        "",
                        came.AddSeconds(-skew),
                        ageValue,
                        s_start,
                        came,
                        0
                    );

                    var apparent = Math.Max(0, skew);
                    var initial = Math.Max(apparent, ageValue + delay);
                    Assert.Equal(initial + resident, freshness.AgeAt(came.AddSeconds(resident)));
                    Assert.Equal(maxAge - initial - resident, freshness.LeftAt(came.AddSeconds(resident)));
                }
            );

    [Fact]
    public void A_rewritten_path_holds_the_callers_segments_byte_for_byte_and_passes_the_judge()
    {
        var segment = Gen.Char["abcXYZ019-_~"].Array[1, 8].Select(c => new string(c));
        Gen.Select(segment, segment, segment)
            .Sample(
                (a, b, c) =>
                {
                    var pieces = PathPiece.Parse("/v2/{y}/mid/{x}/{*}", "/pets/{x}/{y}/*");
                    var path = PathPiece.Build(pieces, $"/pets/{a}/{b}/{c}/{a}");

                    Assert.Equal($"/v2/{b}/mid/{a}/{c}/{a}", path);
                    Assert.Equal(PathRefusal.None, RequestPath.Judge(path).Refusal);
                }
            );
    }

    [Fact]
    public void Directives_are_read_in_any_order_and_case_and_never_throw() =>
        Gen.Int[0, s_directives.Length - 1]
            .Select(i => s_directives[i])
            .Array[0, 6]
            .Sample(parts =>
            {
                var control = CacheControl.Parse(string.Join(", ", parts));

                Assert.Equal(parts.Contains("no-store"), control.NoStore);
                Assert.Equal(parts.Contains("private"), control.Private);
                Assert.Equal(
                    parts.Any(p => p.StartsWith("s-max", StringComparison.Ordinal)) ? 3 : null,
                    control.SharedMaxAge
                );
                Assert.Equal(
                    parts.Contains("max-age=") ? 0
                        : parts.Contains("max-age=5") ? 5
                        : parts.Contains("MAX-AGE=7") ? 7
                        : parts.Any(p => p.StartsWith("max-age=9", StringComparison.Ordinal)) ? int.MaxValue
                        : null,
                    control.MaxAge
                );
            });
}
