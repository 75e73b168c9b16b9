using System.Diagnostics;

namespace Gatehouse.ClusterTests.Harness;

/// <summary>Waits for what another process will make true, up to a deadline, and says what was missing.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(25);

    public static Task TrueAsync(Func<bool> condition, TimeSpan within, Func<string> description) =>
        TrueAsync(() => Task.FromResult(condition()), within, description);

    public static async Task TrueAsync(Func<Task<bool>> condition, TimeSpan within, Func<string> description)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            // The last look begins when the time is over: whoever did not run meanwhile has missed nothing.
            var isLast = clock.Elapsed > within;
            if (await condition())
            {
                return;
            }

            if (isLast)
            {
                Assert.Fail($"Not within {within.TotalSeconds:0.#} s: {description()}");
            }

            await Task.Delay(s_pause);
        }
    }
}
