using System.Collections.Immutable;

namespace Gatehouse.Wso2;

/// <summary>One directive of an NGINX file with what is in its braces.</summary>
/// <param name="Name">Such as <c>proxy_pass</c>.</param>
/// <param name="Arguments">Without quotes.</param>
/// <param name="Block">What is in its braces; default without braces.</param>
/// <param name="Place">Where its name stands.</param>
/// <param name="Context">Names of the blocks around it: <c>http/server/location</c>.</param>
internal sealed record NginxDirective(
    string Name,
    ImmutableArray<string> Arguments,
    ImmutableArray<NginxDirective> Block,
    Place Place,
    string Context
)
{
    public string Argument => string.Join(' ', Arguments);

    public bool HasBlock => !Block.IsDefault;

    /// <summary>The names around it and its own.</summary>
    public string Path => Context.Length == 0 ? Name : $"{Context}/{Name}";
}
