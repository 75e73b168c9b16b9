using System.Globalization;
using System.Text.Json;
using Gatehouse.Cli;
using Gatehouse.Client;
using Gatehouse.Management.OpenApi;

namespace Gatehouse.Commands;

/// <summary>
/// Reads the document a user names, from a file or a URL. It is this command that fetches a URL, with the user's place in the
/// network and not the manager's.
/// </summary>
internal static class DocumentSource
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public static async Task<byte[]> ReadAsync(string fileOrUrl, CancellationToken cancellation)
    {
        if (Uri.TryCreate(fileOrUrl, UriKind.Absolute, out var url) && url.Scheme is "http" or "https")
        {
            return await FetchAsync(url, cancellation);
        }

        try
        {
            if (new FileInfo(fileOrUrl).Length > DocumentLimits.MaxBytes)
            {
                throw TooLarge(fileOrUrl);
            }

            return await File.ReadAllBytesAsync(fileOrUrl, cancellation);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CommandFailure(
                ExitCode.NotFound,
                "there is no such file",
                fileOrUrl,
                CommandFailure.FileFix,
                cause: e
            );
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CommandFailure(ExitCode.Failed, "the file may not be read", fileOrUrl, cause: e);
        }
    }

    /// <summary>Reads a JSON document as one of our types; one that is none fails with the line and column where it ends to be.</summary>
    public static async Task<T> ReadJsonAsync<T>(string fileOrUrl, CancellationToken cancellation)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(await ReadAsync(fileOrUrl, cancellation), ManagerClient.Json)!;
        }
        catch (JsonException e)
        {
            // The parser counts from 0 and repeats the place in its words.
            var reason = e.Message.Split(" Path:")[0].Split(" LineNumber:")[0];
            throw new CommandFailure(
                ExitCode.Invalid,
                $"{(e.InnerException is JsonException ? "this is not JSON" : "this cannot be read")}: {reason}",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{fileOrUrl}:{e.LineNumber + 1}:{e.BytePositionInLine + 1}"
                ),
                "mend the document there",
                cause: e
            );
        }
    }

    private static async Task<byte[]> FetchAsync(Uri url, CancellationToken cancellation)
    {
        using var http = new HttpClient
        {
            Timeout = s_patience,
            MaxResponseContentBufferSize = DocumentLimits.MaxBytes,
        };
        try
        {
            using var response = await http.GetAsync(url, cancellation);
            return response.IsSuccessStatusCode
                ? await response.Content.ReadAsByteArrayAsync(cancellation)
                : throw new CommandFailure(
                    ExitCode.NotFound,
                    $"the document cannot be fetched: {(int)response.StatusCode} {response.ReasonPhrase}",
                    url.ToString()
                );
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
        {
            throw TooLarge(url.ToString());
        }
        catch (HttpRequestException e)
        {
            throw new CommandFailure(
                ExitCode.Failed,
                $"the document cannot be fetched: {e.Message}",
                url.ToString(),
                cause: e
            );
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CommandFailure(
                ExitCode.TimedOut,
                $"the document did not come within {s_patience.TotalSeconds:0} s",
                url.ToString()
            );
        }
    }

    private static CommandFailure TooLarge(string where) =>
        new(
            ExitCode.Invalid,
            $"the document is larger than {DocumentLimits.MaxBytes >> 20} MiB",
            where,
            "split it into several APIs, or move examples out of it"
        );
}
