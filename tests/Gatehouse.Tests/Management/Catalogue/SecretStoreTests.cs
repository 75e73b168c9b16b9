using System.Security.Cryptography;
using Gatehouse.Deployment.Trust;
using Gatehouse.Management;

namespace Gatehouse.Tests.Management;

public abstract class SecretStoreTests(Product product)
{
    public sealed class OnSqlite() : SecretStoreTests(Product.Sqlite);

    public sealed class OnPostgreSql() : SecretStoreTests(Product.PostgreSql);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_secret_comes_back_with_its_key_and_its_bytes_are_nowhere_in_the_file()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        using var key = ClusterKey.Create();
        var secrets = new SecretStore(test.Database, key);
        var secret = "correct horse battery staple"u8.ToArray();

        await secrets.PutAsync("ca", secret, Stop);

        Assert.Equal(secret, await secrets.FindAsync("ca", Stop));
        Assert.Null(await secrets.FindAsync("other", Stop));
        await foreach (var (file, bytes) in test.FilesAsync())
        {
            Assert.True(bytes.AsSpan().IndexOf(secret) < 0, file);
        }
    }

    [Fact]
    public async Task Another_cluster_key_opens_nothing()
    {
        await using var test = await TestCatalogue.CreateAsync(on: product);
        using var key = ClusterKey.Create();
        using var other = ClusterKey.Create();
        await new SecretStore(test.Database, key).PutAsync("ca", "secret"u8.ToArray(), Stop);

        await Assert.ThrowsAnyAsync<CryptographicException>(() =>
            new SecretStore(test.Database, other).FindAsync("ca", Stop)
        );
    }
}
