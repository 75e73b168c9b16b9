using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Gatehouse.BrowserTests;

/// <summary>The most inconvenient balancer there is: every request goes to another manager than the one before, whoever sent it.</summary>
internal sealed class AlternatingProxy : IAsyncDisposable
{
    private static readonly string[] s_ownOfAHop = ["Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Host"];

    private readonly HttpMessageInvoker _client = new(
        new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            },
        }
    );
    private readonly Uri[] _managers;
    private readonly int[] _answered;
    private readonly WebApplication _application;
    private int _next;
    private int _posts;
    private volatile CancellationTokenSource _cut = new();
    private volatile TaskCompletionSource _open = Opened();

    private AlternatingProxy(Uri[] managers)
    {
        _managers = managers;
        _answered = new int[managers.Length];
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder
            .WebHost.UseKestrelCore()
            .UseKestrelHttpsConfiguration()
            .ConfigureKestrel(k => k.Listen(System.Net.IPAddress.Loopback, 0, l => l.UseHttps(Certificate())));
        _application = builder.Build();
        _application.Run(ForwardAsync);
    }

    /// <summary>Where browsers reach it.</summary>
    public string Address { get; private set; } = "";

    /// <summary>How many requests each manager answered.</summary>
    public IReadOnlyList<int> Answered => _answered;

    /// <summary>How many forms were sent.</summary>
    public int Posts => Volatile.Read(ref _posts);

    /// <summary>Cuts every connection and refuses new ones: to a browser the manager is gone.</summary>
    public void Cut() => _cut.Cancel();

    /// <summary>The manager is there again.</summary>
    public void Mend() => _cut = new();

    /// <summary>Lets requests wait from now on; those under way go on.</summary>
    public void Hold() => _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Lets them go on.</summary>
    public void Release() => _open.TrySetResult();

    public static async Task<AlternatingProxy> StartAsync(params Uri[] managers)
    {
        var proxy = new AlternatingProxy(managers);
        await proxy._application.StartAsync();
        var port = new Uri(proxy._application.Urls.First()).Port;
        proxy.Address = $"https://localhost:{port.ToString(CultureInfo.InvariantCulture)}";
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _client.Dispose();
    }

    private static TaskCompletionSource Opened()
    {
        var open = new TaskCompletionSource();
        open.SetResult();
        return open;
    }

    private async Task ForwardAsync(HttpContext http)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, _cut.Token);
        if (HttpMethods.IsPost(http.Request.Method))
        {
            Interlocked.Increment(ref _posts);
        }

        try
        {
            await _open.Task.WaitAsync(either.Token);
            await ForwardAsync(http, either.Token);
        }
        catch (OperationCanceledException)
        {
            // The browser left, or is to believe that the manager did.
            http.Abort();
        }
    }

    private async Task ForwardAsync(HttpContext http, CancellationToken cancellation)
    {
        var manager = (int)((uint)Interlocked.Increment(ref _next) % _managers.Length);
        Interlocked.Increment(ref _answered[manager]);
        using var request = new HttpRequestMessage(
            new(http.Request.Method),
            new Uri(_managers[manager], http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget)
        );
        if (http.Request.ContentLength > 0 || http.Request.Headers.TransferEncoding.Count > 0)
        {
            request.Content = new StreamContent(http.Request.Body);
        }

        foreach (var (name, values) in http.Request.Headers.Where(h => !s_ownOfAHop.Contains(h.Key)))
        {
            if (!request.Headers.TryAddWithoutValidation(name, [.. values]))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, [.. values]);
            }
        }

        request.Headers.Host = http.Request.Host.ToString();
        using var answer = await _client.SendAsync(request, cancellation);
        http.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
        {
            if (!s_ownOfAHop.Contains(name))
            {
                http.Response.Headers[name] = values.ToArray();
            }
        }

        // Streams of events are passed on as they come.
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await using var body = await answer.Content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[16 << 10];
        for (int read; (read = await body.ReadAsync(buffer, cancellation)) > 0; )
        {
            await http.Response.Body.WriteAsync(buffer.AsMemory(0, read), cancellation);
            await http.Response.Body.FlushAsync(cancellation);
        }
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(
            DateTimeOffset.UtcNow.AddHours(-1),
            DateTimeOffset.UtcNow.AddDays(1)
        );
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
    }
}
