using Gatehouse.Configuration;

namespace Gatehouse.Tests.Configuration;

/// <summary>A <c>gatehouse.yaml</c> in a directory of its own.</summary>
internal sealed class ConfigurationOnDisk : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("gatehouse-config-");

    public ConfigurationOnDisk(string yaml) => Write(yaml);

    public string Path => System.IO.Path.Combine(_directory.FullName, "gatehouse.yaml");

    public ConfigurationSources Sources => new() { File = Path, HostName = "vm-7" };

    public void Write(string yaml) => File.WriteAllText(Path, yaml);

    public NodeConfiguration Read()
    {
        var (configuration, problems) = NodeConfiguration.Read(Sources);
        Assert.Empty(problems);
        return configuration!;
    }

    /// <summary>The problems, with the directory left out of their places.</summary>
    public string[] Problems() =>
        [
            .. NodeConfiguration
                .Read(Sources)
                .Problems.Select(p => p.ToString().Replace(Path, "gatehouse.yaml", StringComparison.Ordinal)),
        ];

    public void Dispose() => _directory.Delete(recursive: true);
}
