using System.Security.Authentication;

namespace Gatehouse.Deployment.Internal;

/// <summary>The certificate at the other end was not believed; the message says why.</summary>
public sealed class PeerRefusedException(string message) : AuthenticationException(message)
{
    /// <summary>The refusal among the causes of <paramref name="exception"/>; null when it failed for another reason.</summary>
    public static PeerRefusedException? Find(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            if (exception is PeerRefusedException refused)
            {
                return refused;
            }
        }

        return null;
    }
}
