namespace Gatehouse.Deployment.Internal;

/// <summary>
/// What a connection to port 7443 is for, told apart by its TLS server name, so that no request that came in from outside
/// can reach an internal method.
/// </summary>
public enum InternalPurpose
{
    /// <summary>Feed, reports, enrolment, readiness.</summary>
    Control,

    /// <summary>The balancer's data hop to workers.</summary>
    Apis,

    /// <summary>The balancer's hop to a manager's console and REST.</summary>
    Management,
}

/// <summary>The TLS server names of the purposes.</summary>
public static class InternalPurposes
{
    /// <summary>The server name a client asks for.</summary>
    public static string ServerName(this InternalPurpose purpose) =>
        purpose switch
        {
            InternalPurpose.Control => "control.gatehouse.internal",
            InternalPurpose.Apis => "apis.gatehouse.internal",
            InternalPurpose.Management => "management.gatehouse.internal",
            _ => throw new ArgumentOutOfRangeException(nameof(purpose)),
        };

    /// <summary>Reads a server name. False on anything else, an absent one included.</summary>
    public static bool TryParse(string? serverName, out InternalPurpose purpose)
    {
        foreach (var candidate in Enum.GetValues<InternalPurpose>())
        {
            if (candidate.ServerName().Equals(serverName, StringComparison.OrdinalIgnoreCase))
            {
                purpose = candidate;
                return true;
            }
        }

        purpose = default;
        return false;
    }
}
