using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Gatehouse.Management.OpenApi;
using Gatehouse.Samples;
using Gatehouse.Tests.Management.Apis;

namespace Gatehouse.Tests.Cli;

public sealed class SampleBackendTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("petstore.yaml", "3.1.0")]
    [InlineData("pizzashack.yaml", "3.0.3")]
    public async Task The_backend_serves_every_operation_of_the_shipped_documents(string file, string version)
    {
        await using var backend = await SampleBackend.StartAsync(0, Stop);
        using var http = new HttpClient { BaseAddress = new(backend.Url) };
        var document = OpenApiReader.Read(await File.ReadAllBytesAsync(Documents.Sample(file), Stop));
        Assert.Equal(version, document.SpecVersion);
        Assert.Empty(document.Warnings);

        foreach (var operation in document.Operations)
        {
            var path = operation
                .Path.Replace("*", "x/y", StringComparison.Ordinal)
                .Replace("{petId}", "1", StringComparison.Ordinal)
                .Replace("{orderId}", "1", StringComparison.Ordinal);
            using var request = new HttpRequestMessage(new(operation.Method), path);
            if (operation.Method is "POST" or "PUT")
            {
                request.Content = new StringContent(
                    """{"name":"Luna","kind":"cat","age":1,"pizzaType":"Funghi","quantity":1,"address":"x"}""",
                    Encoding.UTF8,
                    "application/json"
                );
            }

            using var response = await http.SendAsync(request, Stop);
            var isKnownPath =
                response.StatusCode != HttpStatusCode.NotFound || path.Contains("/1", StringComparison.Ordinal);
            Assert.True(
                isKnownPath && (int)response.StatusCode is < 300 or 404,
                $"{operation.Method} {path}: {response.StatusCode}"
            );
        }
    }

    [Fact]
    public async Task Echo_shows_which_headers_arrived()
    {
        await using var backend = await SampleBackend.StartAsync(0, Stop);
        using var http = new HttpClient { BaseAddress = new(backend.Url) };
        http.DefaultRequestHeaders.Add("X-Request-Id", "abc");

        var echo = await http.GetFromJsonAsync<JsonElement>("/echo/a?b=c", Stop);

        Assert.Equal("/echo/a", echo.GetProperty("path").GetString());
        Assert.Equal("abc", echo.GetProperty("headers").GetProperty("x-request-id").GetString());
    }
}
