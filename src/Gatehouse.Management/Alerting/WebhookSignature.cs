using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Gatehouse.Management;

/// <summary>
/// Signs webhooks as Standard Webhooks 1.0 has it (github.com/standard-webhooks): HMAC-SHA-256 over id, time and body, so that a
/// receiver knows who sent it, that nobody changed it, and that it is not an old one sent again.
/// </summary>
public static class WebhookSignature
{
    /// <summary>The header with the message's id, the same at every try.</summary>
    public const string IdHeader = "webhook-id";

    /// <summary>The header with the time of the try, in seconds since 1970.</summary>
    public const string TimestampHeader = "webhook-timestamp";

    /// <summary>The header with the signature.</summary>
    public const string SignatureHeader = "webhook-signature";

    private const string Prefix = "whsec_";
    private const int SecretBytes = 32;

    /// <summary>A new secret of 256 bits, in the form that libraries take.</summary>
    public static string NewSecret() => Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretBytes));

    /// <summary>The value of <see cref="SignatureHeader"/>.</summary>
    /// <param name="secret">As <see cref="NewSecret"/> gives it.</param>
    /// <param name="id">The message's id.</param>
    /// <param name="at">The time of the try.</param>
    /// <param name="body">The body as it is sent.</param>
    public static string Of(string secret, string id, DateTimeOffset at, ReadOnlySpan<byte> body)
    {
        var head = Encoding.UTF8.GetBytes($"{id}.{Seconds(at)}.");
        using var hmac = IncrementalHash.CreateHMAC(
            HashAlgorithmName.SHA256,
            Convert.FromBase64String(secret[Prefix.Length..])
        );
        hmac.AppendData(head);
        hmac.AppendData(body);
        return $"v1,{Convert.ToBase64String(hmac.GetHashAndReset())}";
    }

    internal static string Seconds(DateTimeOffset at) => at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    internal static string NewId() => $"msg_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(18))}";
}
