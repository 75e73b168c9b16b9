using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Playwright;

namespace Gatehouse.BrowserTests;

/// <summary>What the certificates of an API's backends have to chain to, said on a page.</summary>
public sealed class BackendTrustTests(DemoPortal portal)
{
    private const string Page = "/publisher/apis/pizzashack:1.0.0/endpoints";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Certificates_of_backends_are_opened_from_a_file_shown_with_their_end_and_removed(bool javaScript)
    {
        var pem = Authority(TimeSpan.FromDays(12));
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():n}.pem");
        await File.WriteAllTextAsync(file, pem, TestContext.Current.CancellationToken);
        await using var visit = await portal.VisitAsync(javaScript: javaScript);
        await visit.GoAsync(Page);
        await visit.SeesAsync("by the authorities that the gateways' machines trust");

        await visit.Page.FillAsync("#authorities", "-----BEGIN nothing");
        await visit.ClickAsync("text=Save the certificates");
        await visit.SeesAsync("Backends cannot be known by these certificates");
        await visit.Page.SetInputFilesAsync("input[name=file]", file);
        if (javaScript)
        {
            // The page reads the file by itself and then has it in the field.
            await Assertions.Expect(visit.Page.Locator("#authorities")).Not.ToHaveValueAsync("-----BEGIN nothing");
        }

        await visit.ClickAsync("text=Save the certificates");
        await visit.SeesAsync("The certificates are saved.");
        await visit.SeesAsync("CN=Pizza authority");
        await visit.SeesAsync("ends in 11 days");
        if (javaScript)
        {
            await visit.AssertAccessibleAsync();
        }

        await visit.ConfirmAsync("Remove the certificates", "Remove");
        await visit.SeesAsync("by the authorities that the gateways' machines trust");
        File.Delete(file);
    }

    private static string Authority(TimeSpan life)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var ask = new CertificateRequest("CN=Pizza authority", key, HashAlgorithmName.SHA256);
        ask.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = ask.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow + life);
        return authority.ExportCertificatePem();
    }
}
