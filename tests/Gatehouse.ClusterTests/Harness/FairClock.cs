using System.Diagnostics;
using System.Globalization;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>
/// Measures what has to be quick. The time in which something that could run had to wait for a processor, or for the disk, is
/// taken off: on a busy machine it says nothing of the product, and a bound on the rest means the same there as on a quiet one.
/// </summary>
internal sealed class FairClock
{
    private static readonly string[] s_pressures = ["/proc/pressure/cpu", "/proc/pressure/io"]; // Documentation/accounting/psi.rst
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly TimeSpan? _waitedBefore = Waited();

    public static FairClock Start() => new();

    /// <summary>Prints how long it took, and fails when that was more than <paramref name="bound"/>.</summary>
    public void WasWithin(TimeSpan bound, string what)
    {
        var took = Stopwatch.GetElapsedTime(_began);
        var waited = (Waited() - _waitedBefore) ?? (Machine.IsBusy ? took : TimeSpan.Zero);
        var figure = string.Create(
            CultureInfo.InvariantCulture,
            $"{what} after {took.TotalSeconds:0.00} s, in {waited.TotalSeconds:0.00} s of which something waited for a processor or the disk"
        );
        TestContext.Current.TestOutputHelper!.WriteLine(figure);
        Assert.True(took - waited <= bound, $"{figure}; at most {bound.TotalSeconds} s without such waits is right");
    }

    /// <summary>How long, since the machine runs, at least one task waited for one of them; null where the kernel does not tell.</summary>
    private static TimeSpan? Waited()
    {
        try
        {
            return s_pressures.Aggregate(
                TimeSpan.Zero,
                (sum, pressure) => sum + TotalOf(File.ReadLines(pressure).First())
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static TimeSpan TotalOf(string some)
    {
        var total = some[(some.IndexOf("total=", StringComparison.Ordinal) + "total=".Length)..];
        return TimeSpan.FromMicroseconds(long.Parse(total, CultureInfo.InvariantCulture));
    }
}
