namespace Gatehouse.Gateway.Authentication;

/// <summary>Why a node cannot use a secret that came to it.</summary>
internal static class SealTrouble
{
    public const string NoKey =
        "This node has no key for secrets; it gets one with its next renewal: gatehouse node renew, or restart it when the managers run this build.";
}
