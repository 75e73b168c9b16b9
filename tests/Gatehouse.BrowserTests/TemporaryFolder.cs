namespace Gatehouse.BrowserTests;

/// <summary>A folder of one test's own, gone with it however it ends.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("gatehouse-browser-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
