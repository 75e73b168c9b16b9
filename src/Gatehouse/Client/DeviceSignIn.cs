using System.Text.Json;
using System.Text.Json.Serialization;
using Gatehouse.Cli;

namespace Gatehouse.Client;

/// <summary>Signing in with a browser that may be on another machine (RFC 8628): show a code, wait until it was typed there.</summary>
internal static class DeviceSignIn
{
    private const string Client = "gatehouse-cli";

    /// <summary>An access token of the key manager for the REST API; good for minutes, enough to make one that is kept.</summary>
    /// <param name="manager">The manager's address.</param>
    /// <param name="ca">Its authority as PEM; null for the system's.</param>
    /// <param name="show">Tells the user where to go and what to compare.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<string> RunAsync(
        Uri manager,
        string? ca,
        Action<Uri, string> show,
        CancellationToken cancellation
    )
    {
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false };
        if (ca is not null)
        {
            handler.SslOptions.CertificateChainPolicy = ManagerClient.TrustOnly(ca);
        }

        using var http = new HttpClient(handler) { BaseAddress = manager, Timeout = TimeSpan.FromSeconds(30) };
        var (_, asked) = await PostAsync(http, "/oauth2/device_authorize", [new("client_id", Client)], cancellation);
        if (asked is not { DeviceCode: { } device, VerificationUri: { } address, UserCode: { } code })
        {
            throw new CommandFailure(
                ExitCode.Failed,
                "this manager does not let devices sign in",
                manager.ToString(),
                "does it have this version? Sign in with a link instead: gatehouse login --new-link on the manager"
            );
        }

        show(new Uri(asked.VerificationUriComplete ?? address), code);
        var pause = TimeSpan.FromSeconds(Math.Clamp(asked.Interval ?? 5, 1, 60));
        var ends = DateTimeOffset.UtcNow.AddSeconds(Math.Clamp(asked.ExpiresIn ?? 600, 30, 3600));
        while (DateTimeOffset.UtcNow < ends)
        {
            await Task.Delay(pause, cancellation);
            var (_, answer) = await PostAsync(
                http,
                "/oauth2/token",
                [
                    new("client_id", Client),
                    new("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                    new("device_code", device),
                ],
                cancellation
            );
            switch (answer)
            {
                case { AccessToken: { } token }:
                    return token;
                case { Error: "authorization_pending" }:
                    continue;
                case { Error: "slow_down" }:
                    pause += TimeSpan.FromSeconds(5);
                    continue;
                case { Error: "access_denied" }:
                    throw new CommandFailure(ExitCode.NotAllowed, "the sign-in was refused in the browser");
                default:
                    throw new CommandFailure(
                        ExitCode.NotAllowed,
                        answer.Description ?? "the code was not used in time",
                        manager.ToString(),
                        "run gatehouse login again"
                    );
            }
        }

        throw new CommandFailure(
            ExitCode.TimedOut,
            "nobody signed in with the code in time",
            manager.ToString(),
            "run gatehouse login again"
        );
    }

    private static async Task<(int Status, Answer Body)> PostAsync(
        HttpClient http,
        string path,
        KeyValuePair<string, string>[] fields,
        CancellationToken cancellation
    )
    {
        try
        {
            using var content = new FormUrlEncodedContent(fields);
            using var response = await http.PostAsync(new Uri(path, UriKind.Relative), content, cancellation);
            var body = await response.Content.ReadAsByteArrayAsync(cancellation);
            return ((int)response.StatusCode, JsonSerializer.Deserialize<Answer>(body) ?? new());
        }
        catch (HttpRequestException e)
        {
            throw ManagerProblem.Read(e, http.BaseAddress!);
        }
        catch (JsonException)
        {
            return (0, new());
        }
    }

    private sealed record Answer
    {
        [JsonPropertyName("device_code")]
        public string? DeviceCode { get; init; }

        [JsonPropertyName("user_code")]
        public string? UserCode { get; init; }

        [JsonPropertyName("verification_uri")]
        public string? VerificationUri { get; init; }

        [JsonPropertyName("verification_uri_complete")]
        public string? VerificationUriComplete { get; init; }

        [JsonPropertyName("interval")]
        public int? Interval { get; init; }

        [JsonPropertyName("expires_in")]
        public int? ExpiresIn { get; init; }

        [JsonPropertyName("access_token")]
        public string? AccessToken { get; init; }

        [JsonPropertyName("error")]
        public string? Error { get; init; }

        [JsonPropertyName("error_description")]
        public string? Description { get; init; }
    }
}
