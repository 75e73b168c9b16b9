using System.Security.Cryptography;
using CsCheck;
using Gatehouse.Deployment.Trust;

namespace Gatehouse.Tests.Deployment.Trust;

public sealed class ClusterKeyTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("gatehouse-key-").FullName;

    private string KeyFile => Path.Combine(_data, "pki", "cluster.key");

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public void A_saved_key_is_for_its_owner_only_and_reads_back()
    {
        using var key = ClusterKey.Create();
        key.Save(_data);
        key.Save(_data);

        using var read = ClusterKey.Load(_data);

        Assert.Equal(key.Export(), read.Export());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, TestCluster.ModeOf(KeyFile));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            TestCluster.ModeOf(Path.GetDirectoryName(KeyFile)!)
        );
    }

    [Fact]
    public void Secrets_that_are_wrapped_and_opened_at_the_same_moment_do_not_meet()
    {
        using var key = ClusterKey.Create();

        Parallel.For(
            0,
            8,
            thread =>
            {
                var secret = RandomNumberGenerator.GetBytes(20_000 + thread);
                for (var round = 0; round < 2_000; round++)
                {
                    Assert.True(secret.AsSpan().SequenceEqual(key.Unwrap($"{thread}", key.Wrap($"{thread}", secret))));
                }
            }
        );
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void A_key_that_others_may_read_or_replace_is_refused_with_the_remedy(UnixFileMode hole)
    {
        using var key = ClusterKey.Create();
        key.Save(_data);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | hole);
        }

        var refused = Assert.Throws<UnauthorizedAccessException>(() => ClusterKey.Load(_data));

        Assert.Contains($"chmod 600 {KeyFile}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_or_damaged_key_is_named_and_another_key_is_not_replaced()
    {
        Assert.Contains(
            "put the saved key back",
            Assert.Throws<FileNotFoundException>(() => ClusterKey.Load(_data)).Message,
            StringComparison.Ordinal
        );

        using var key = ClusterKey.Create();
        key.Save(_data);
        using var other = ClusterKey.Create();
        Assert.Throws<IOException>(() => other.Save(_data));

        var text = File.ReadAllText(KeyFile);
        File.WriteAllText(KeyFile, text[..^5]);
        var damaged = Assert.Throws<FormatException>(() => ClusterKey.Load(_data));
        Assert.Contains(KeyFile, damaged.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(text[5..20], damaged.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrapped_secret_opens_with_its_key_and_name_only()
    {
        using var key = ClusterKey.Create();
        using var other = ClusterKey.Create();
        var wrapped = key.Wrap("authority", "secret"u8);

        Assert.Equal("secret"u8.ToArray(), key.Unwrap("authority", wrapped));
        Assert.NotEqual(wrapped, key.Wrap("authority", "secret"u8));
        Assert.Throws<CryptographicException>(() => key.Unwrap("catalogue", wrapped));
        Assert.Throws<CryptographicException>(() => other.Unwrap("authority", wrapped));
        Gen.Select(Gen.Int[0, wrapped.Length - 1], Gen.Byte[1, 255])
            .Sample(
                (at, flip) =>
                {
                    var damaged = (byte[])wrapped.Clone();
                    damaged[at] ^= flip;
                    Assert.Throws<CryptographicException>(() => key.Unwrap("authority", damaged));
                    Assert.Throws<CryptographicException>(() => key.Unwrap("authority", wrapped.AsSpan(0, at)));
                },
                iter: 300,
                threads: 1
            );
    }
}
