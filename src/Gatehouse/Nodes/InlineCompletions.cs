using Gatehouse.Model;

namespace Gatehouse.Nodes;

/// <summary>
/// Lets sockets call back on the thread that polls them, which saves a thread hop on each side of a proxied request. The
/// switch is the runtime's, for the whole process and read with the first socket: so it is set before that, and only where
/// the process does little else than pass requests on.
/// </summary>
internal static class InlineCompletions
{
    private const string Switch = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>Whether this process runs so.</summary>
    public static bool Enabled => Environment.GetEnvironmentVariable(Switch) == "1";

    /// <summary>Call before the first socket is made. An operator's own choice in the environment stands.</summary>
    public static void EnableFor(Profile profile)
    {
        if (
            profile is Profile.GatewayWorker or Profile.LoadBalancer
            && Environment.GetEnvironmentVariable(Switch) is null
        )
        {
            Environment.SetEnvironmentVariable(Switch, "1");
        }
    }
}
