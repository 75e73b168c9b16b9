namespace Gatehouse.Tests.Management.Apis;

internal static class Documents
{
    public const string Pets = """
        openapi: 3.1.0
        info: { title: Petstore, version: 1.0.0 }
        servers: [{ url: 'http://pets.internal:8080' }]
        paths:
          /pets:
            get: { responses: { '200': { description: ok } } }
            post: { responses: { '201': { description: ok } } }
          /health:
            get: { security: [], responses: { '200': { description: ok } } }

        """;

    /// <summary>Another operation, and one fewer.</summary>
    public static string PetsToo { get; } =
        Pets.Replace("    post:", "    put:", StringComparison.Ordinal)
            .Replace("  /health:", "  /ready:", StringComparison.Ordinal);

    public static string Sample(string name)
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Gatehouse.slnx")))
        {
            directory =
                Path.GetDirectoryName(directory) ?? throw new DirectoryNotFoundException("the repository's root");
        }

        return Path.Combine(directory, "deploy", "samples", name);
    }
}
