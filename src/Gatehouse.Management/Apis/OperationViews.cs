using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Gatehouse.Model;

namespace Gatehouse.Management;

/// <summary>Who may call an operation of an API that is not open (WSO2 <c>x-auth-type</c>).</summary>
[JsonConverter(typeof(DashedEnum<OperationAuth>))]
public enum OperationAuth
{
    /// <summary>Every caller whom the API lets in.</summary>
    Any,

    /// <summary>Of tokens, those that an application got for itself.</summary>
    Application,

    /// <summary>Of tokens, those that an application got for a user.</summary>
    ApplicationUser,

    /// <summary>Anybody, without credentials.</summary>
    None,
}

/// <summary>One operation of an API.</summary>
/// <param name="Method">Its HTTP method.</param>
/// <param name="Path">Its path template.</param>
/// <param name="Summary">What the document says it does; null when it does not.</param>
/// <param name="Auth">Who may call it.</param>
/// <param name="Scopes">Scopes of which a token must hold one; empty for none asked.</param>
/// <param name="Policy">The API policy that limits it; null for none. That of the whole API takes its place.</param>
public sealed record OperationView(
    string Method,
    string Path,
    string? Summary,
    OperationAuth Auth,
    ImmutableArray<string> Scopes,
    string? Policy
)
{
    internal static OperationAuth AuthOf(Operation operation) =>
        operation.Open
            ? OperationAuth.None
            : operation.AuthType switch
            {
                AuthType.Application => OperationAuth.Application,
                AuthType.ApplicationUser => OperationAuth.ApplicationUser,
                _ => OperationAuth.Any,
            };
}

/// <summary>What changes of one operation. What is null stays as it is.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record OperationChange
{
    /// <summary>The operation's HTTP method.</summary>
    [JsonRequired]
    public string Method
    {
        get => field ?? "";
        init;
    }

    /// <summary>The operation's path template.</summary>
    [JsonRequired]
    public string Path
    {
        get => field ?? "";
        init;
    }

    /// <summary>Who may call it. <c>none</c> takes its scopes away too: there is no token to hold them.</summary>
    public OperationAuth? Auth { get; init; }

    /// <summary>Scopes of which a token must hold one, all of them; empty for none asked.</summary>
    public ImmutableArray<string>? Scopes { get; init; }

    /// <summary>The API policy that limits it; <c>Unlimited</c> for none.</summary>
    public string? Policy { get; init; }

    internal Operation Apply(Operation operation)
    {
        var open = Auth is { } auth ? auth == OperationAuth.None : operation.Open;
        return operation with
        {
            Open = open,
            AuthType = Auth switch
            {
                null => operation.AuthType,
                OperationAuth.Application => AuthType.Application,
                OperationAuth.ApplicationUser => AuthType.ApplicationUser,
                _ => AuthType.Any,
            },
            Scopes =
                Auth == OperationAuth.None ? []
                : Scopes is { IsDefault: false } scopes
                    ? [.. scopes.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]
                : operation.Scopes,
            Policy =
                Policy is null ? operation.Policy
                : Policy.Length == 0 || Policy == Plan.Unlimited ? null
                : Policy,
        };
    }
}
