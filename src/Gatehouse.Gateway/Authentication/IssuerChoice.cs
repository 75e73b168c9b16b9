using System.Collections.Immutable;
using Gatehouse.Model;

namespace Gatehouse.Gateway.Authentication;

/// <summary>Whose tokens an API takes: those of the issuers it names, as far as they count in its environment.</summary>
/// <param name="names">Names of issuers; empty for all.</param>
/// <param name="environment">Where the API is deployed.</param>
internal sealed class IssuerChoice(ImmutableArray<string> names, string environment)
{
    public bool Takes(Issuer issuer) =>
        (names.IsEmpty || names.Contains(issuer.Name))
        && (issuer.Environments.IsEmpty || issuer.Environments.Contains(environment));
}
