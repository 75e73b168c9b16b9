namespace Gatehouse.BrowserTests;

/// <summary>Passkeys in a real browser, with a device that Chromium plays (WebAuthn of its DevTools protocol).</summary>
public sealed class PasskeyTests(DemoPortal portal)
{
    [Fact]
    public async Task A_passkey_is_added_on_the_own_page_and_signs_in()
    {
        await using var visit = await portal.VisitAsync();
        var page = visit.Page;
        var devices = await page.Context.NewCDPSessionAsync(page);
        await devices.SendAsync("WebAuthn.enable");
        await devices.SendAsync(
            "WebAuthn.addVirtualAuthenticator",
            new()
            {
                ["options"] = new Dictionary<string, object>
                {
                    ["protocol"] = "ctap2",
                    ["transport"] = "internal",
                    ["hasResidentKey"] = true,
                    ["hasUserVerification"] = true,
                    ["isUserVerified"] = true,
                    ["automaticPresenceSimulation"] = true,
                },
            }
        );

        await visit.GoAsync("/me");
        await page.FillAsync("#passkey-name", "My laptop");
        await page.FillAsync("#passkey-password", "correct horse battery staple");
        await page.ClickAsync("text=Add a passkey");
        await page.WaitForSelectorAsync("text=My laptop");

        await page.Context.ClearCookiesAsync();
        await visit.GoAsync("/sign-in?return=%2Fme");
        await page.ClickAsync("text=Sign in with a passkey");
        await visit.ReachesAsync("/me");
        await page.WaitForSelectorAsync("text=My laptop");
    }
}
