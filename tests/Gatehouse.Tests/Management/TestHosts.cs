using Microsoft.AspNetCore.Builder;

namespace Gatehouse.Tests.Management;

/// <summary>What the hosts of tests have in common.</summary>
internal static class TestHosts
{
    /// <summary>
    /// Stops a host and throws it away. Thrown away alone, what it does in the background would go on for a moment, on a database that
    /// the test takes from under it.
    /// </summary>
    public static async Task EndAsync(this WebApplication app)
    {
        await app.StopAsync(CancellationToken.None);
        await app.DisposeAsync();
    }
}
