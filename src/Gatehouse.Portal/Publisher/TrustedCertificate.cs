using System.Collections.Immutable;
using System.Security.Cryptography;
using Gatehouse.Model;
using Gatehouse.Portal.Kit;

namespace Gatehouse.Portal.Publisher;

/// <summary>A certificate that the backends of an API are known by, as a page shows it.</summary>
/// <param name="Subject">Whose it is.</param>
/// <param name="Issuer">Who issued it.</param>
/// <param name="Fingerprint">SHA-256, in hexadecimal.</param>
/// <param name="End">When it ends, UTC.</param>
/// <param name="Tone">Whether it is good now and for how long.</param>
public sealed record TrustedCertificate(
    string Subject,
    string Issuer,
    string Fingerprint,
    DateTimeOffset End,
    Tone Tone
)
{
    private const int SoonDays = 30;

    /// <summary>Those in <paramref name="pem"/>; none for null and for what an older build let in and this one cannot read.</summary>
    public static ImmutableArray<TrustedCertificate> Read(string? pem, DateTimeOffset now)
    {
        if (pem is null)
        {
            return [];
        }

        try
        {
            var certificates = ImmutableArray.CreateBuilder<TrustedCertificate>();
            foreach (var certificate in BackendAuthorities.Read(pem))
            {
                using (certificate)
                {
                    var (begin, end) = (
                        new DateTimeOffset(certificate.NotBefore.ToUniversalTime()),
                        new DateTimeOffset(certificate.NotAfter.ToUniversalTime())
                    );
                    certificates.Add(
                        new(
                            certificate.Subject,
                            certificate.Issuer,
                            certificate.GetCertHashString(HashAlgorithmName.SHA256),
                            end,
                            ToneOf(begin, end, now)
                        )
                    );
                }
            }

            return certificates.ToImmutable();
        }
        catch (FormatException)
        {
            return [];
        }
    }

    private static Tone ToneOf(DateTimeOffset begin, DateTimeOffset end, DateTimeOffset now) =>
        end <= now ? new("fail", "circle-x", "has ended")
        : begin > now ? new("warn", "clock", "not good yet")
        : end - now < TimeSpan.FromDays(SoonDays)
            ? new("warn", "clock", $"ends in {Words.Count(Math.Max(1, (int)(end - now).TotalDays), "day")}")
        : new("ok", "circle-check", "good");
}
