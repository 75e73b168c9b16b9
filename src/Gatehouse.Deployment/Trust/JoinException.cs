namespace Gatehouse.Deployment.Trust;

/// <summary>Why joining failed, and whether the same token may help.</summary>
public enum JoinFailure
{
    /// <summary>No address answered; try again when one does.</summary>
    CannotReach,

    /// <summary>Somebody answered with another authority than the token names. The secret was not sent.</summary>
    WrongAuthority,

    /// <summary>A manager refused the token: unknown, expired, used by another node, too many attempts.</summary>
    TokenRefused,

    /// <summary>A manager cannot answer now, or answered nonsense; try again.</summary>
    ManagerFailed,

    /// <summary>What this node says about itself is refused; change its configuration.</summary>
    FactsRefused,
}

/// <summary>Joining failed; the message is for the person at the terminal.</summary>
public sealed class JoinException(JoinFailure failure, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>Why.</summary>
    public JoinFailure Failure => failure;
}
