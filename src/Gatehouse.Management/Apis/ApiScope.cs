using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Gatehouse.Management;

/// <summary>A scope that an API has: operations name it, tokens carry it.</summary>
public sealed record ApiScope
{
    /// <summary>As it stands in tokens (RFC 6749 §3.3).</summary>
    public required string Name { get; init; }

    /// <summary>For people; what a user who is asked for consent reads.</summary>
    public string Description
    {
        get => field ?? "";
        init;
    }

    /// <summary>Roles of which a user must have one to get the scope in a token; empty for everybody, applications too.</summary>
    public ImmutableArray<string> Roles
    {
        get => field.IsDefault ? [] : field;
        init;
    }
}

/// <summary>What is said of a scope; its name stands in the address.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record SetApiScope
{
    /// <summary>For people, at most 500 characters.</summary>
    public string? Description { get; init; }

    /// <summary>Roles of which a user must have one to get it; null or empty for everybody.</summary>
    public ImmutableArray<string>? Roles { get; init; }
}

/// <summary>A scope with what hangs on it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">For people.</param>
/// <param name="Roles">Roles of which a user must have one; empty for everybody. Told to publishers alone.</param>
/// <param name="Operations">The operations that ask for it, such as <c>GET /pets</c>.</param>
public sealed record ApiScopeView(
    string Name,
    string Description,
    ImmutableArray<string> Roles,
    ImmutableArray<string> Operations
);
