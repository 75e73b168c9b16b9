namespace Gatehouse.Model;

/// <summary>
/// What the deployment of an API in an environment is called, as an entity of kind <see cref="EntityKinds.Api"/>:
/// <c>name:version</c> in the default one, as before there were others, <c>name:version@environment</c> elsewhere. No name or
/// version of an API holds an <c>@</c>.
/// </summary>
/// <param name="Api">The API, <c>name:version</c>.</param>
/// <param name="Environment">The environment.</param>
public readonly record struct DeploymentName(string Api, string Environment)
{
    /// <summary>Reads an entity's name.</summary>
    public static DeploymentName Parse(string name)
    {
        var at = name.LastIndexOf('@');
        return at < 0 ? new(name, GatewayEnvironment.Default) : new(name[..at], name[(at + 1)..]);
    }

    /// <summary>The entity's name.</summary>
    public override string ToString() => Environment == GatewayEnvironment.Default ? Api : $"{Api}@{Environment}";
}
