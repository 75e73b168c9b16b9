using System.CommandLine;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gatehouse.Cli;
using Gatehouse.Client;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse why METHOD URL</c>: sends a request through the gateway and tells what became of it and why.</summary>
internal static class WhyCommand
{
    private const int MostOfAnswer = 1024 * 1024;
    private const int GrantSeconds = 60;

    public static Command Create()
    {
        var method = new Argument<string>("method") { Description = "GET, POST …", HelpName = "METHOD" };
        var url = new Argument<string>("url")
        {
            Description = "As an app calls it, through a worker or the balancer",
            HelpName = "URL",
        };
        var header = new Option<string[]>("--header", "-H")
        {
            Description = "'Name: value', or @FILE with one a line; may be given several times",
            HelpName = "HEADER",
        };
        var data = new Option<string?>("--data", "-d")
        {
            Description = "The body, or @FILE, or @- for standard input; JSON unless a Content-Type is given",
            HelpName = "DATA",
        };
        return new Command("why", "Send a request and tell what became of it: match, policies, limits, endpoint")
            .With(method, url, header, data)
            .Does(
                async (call, cancellation) =>
                {
                    var target = UrlOf(call.Get(url));
                    var grant = await call.Manager.CreateTraceGrantAsync(new(GrantSeconds), cancellation);
                    using var request = new HttpRequestMessage(
                        HttpMethod.Parse(call.Get(method).ToUpperInvariant()),
                        target
                    );
                    if (call.Get(data) is { } body)
                    {
                        request.Content = new ByteArrayContent(await BodyAsync(body, cancellation));
                        request.Content.Headers.ContentType = new("application/json");
                    }

                    foreach (var line in await HeadersAsync(call.Get(header) ?? [], cancellation))
                    {
                        Add(request, line);
                    }

                    request.Headers.TryAddWithoutValidation("X-Gatehouse-Grant", grant.Grant);
                    request.Headers.TryAddWithoutValidation("X-Gatehouse-Trace", "1");
                    Print(call, request, await TraceAsync(call, request, cancellation));
                }
            );
    }

    private static async Task<JsonObject> TraceAsync(
        Call call,
        HttpRequestMessage request,
        CancellationToken cancellation
    )
    {
        var patience = TimeSpan.FromSeconds(Math.Max(1, call.Get(GlobalOptions.Timeout)));
        using var http = new HttpClient(Handler(ManagerContextChoice.Of(call)))
        {
            Timeout = patience,
            MaxResponseContentBufferSize = MostOfAnswer,
        };
        try
        {
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            if (
                answer.Headers.TryGetValues("X-Gatehouse-Trace", out var told)
                && JsonNode.Parse(string.Join("", told)) is JsonObject trace
            )
            {
                return trace;
            }

            throw new CommandFailure(
                ExitCode.Failed,
                $"the answer ({(int)answer.StatusCode}) has no trace",
                request.RequestUri!.ToString(),
                "is this an address of a worker or balancer of the cluster you are signed in to? A proxy in front must pass X-Gatehouse-* on"
            );
        }
        catch (JsonException bad)
        {
            throw new CommandFailure(
                ExitCode.Failed,
                $"the trace cannot be read: {bad.Message}",
                request.RequestUri!.ToString(),
                cause: bad
            );
        }
        catch (HttpRequestException e)
        {
            throw new CommandFailure(
                ExitCode.Unreachable,
                $"the request was not answered: {(e.InnerException ?? e).Message}",
                request.RequestUri!.ToString(),
                "is the gateway running there, and is the host name in its certificate? 'gatehouse status' shows the nodes",
                cause: e
            );
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CommandFailure(
                ExitCode.TimedOut,
                $"no answer within {patience.TotalSeconds:0} s",
                request.RequestUri!.ToString(),
                "--timeout SECONDS waits longer"
            );
        }
    }

    // The gateway's name may be certified by anybody that this machine trusts, or by the cluster.
    private static SocketsHttpHandler Handler(ManagerContext context)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(5),
            AllowAutoRedirect = false,
            UseCookies = false,
        };
        if (context.Ca is { } ca)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, chain, errors) =>
                errors == SslPolicyErrors.None
                || (
                    errors == SslPolicyErrors.RemoteCertificateChainErrors
                    && shown is X509Certificate2 certificate
                    && IsOf(ca, certificate, chain)
                );
        }

        return handler;
    }

    private static bool IsOf(string ca, X509Certificate2 certificate, X509Chain? sent)
    {
        using var chain = new X509Chain { ChainPolicy = ManagerClient.TrustOnly(ca) };
        foreach (var element in sent?.ChainElements.Skip(1) ?? [])
        {
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        }

        return chain.Build(certificate);
    }

    private static Uri UrlOf(string text)
    {
        var isUrl = Uri.TryCreate(
            text,
            new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true },
            out var url
        );
        return isUrl && url!.Scheme is "http" or "https"
            ? url!
            : throw new CommandFailure(
                ExitCode.Usage,
                $"'{text}' is no http or https URL",
                fix: "write it as an app calls it, such as https://api.example.com/petstore/1.0.0/pets"
            );
    }

    private static async Task<byte[]> BodyAsync(string data, CancellationToken cancellation)
    {
        if (data == "@-")
        {
            using var memory = new MemoryStream();
            await using var input = Console.OpenStandardInput();
            await input.CopyToAsync(memory, cancellation);
            return memory.ToArray();
        }

        return data.StartsWith('@')
            ? await File.ReadAllBytesAsync(data[1..], cancellation)
            : Encoding.UTF8.GetBytes(data);
    }

    private static async Task<IEnumerable<string>> HeadersAsync(string[] given, CancellationToken cancellation)
    {
        var lines = new List<string>();
        foreach (var one in given)
        {
            lines.AddRange(
                one.StartsWith('@')
                    ? (await File.ReadAllLinesAsync(one[1..], cancellation)).Where(l => l.Trim().Length > 0)
                    : [one]
            );
        }

        return lines;
    }

    private static void Add(HttpRequestMessage request, string line)
    {
        var colon = line.IndexOf(':', StringComparison.Ordinal);
        var (name, value) = colon > 0 ? (line[..colon].Trim(), line[(colon + 1)..].Trim()) : ("", "");
        if (name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase) && request.Content is not null)
        {
            request.Content.Headers.ContentType = MediaTypeHeaderValue.TryParse(value, out var type)
                ? type
                : throw new CommandFailure(ExitCode.Usage, "the Content-Type given is no media type");
            return;
        }

        // What does not fit may be a credential: it is not repeated.
        if (
            name.Length == 0
            || !(
                request.Headers.TryAddWithoutValidation(name, value)
                || request.Content?.Headers.TryAddWithoutValidation(name, value) == true
            )
        )
        {
            throw new CommandFailure(
                ExitCode.Usage,
                name.Length == 0 ? "a header has no name" : $"the header '{name}' cannot be sent",
                fix: "write it as -H 'Name: value'"
            );
        }
    }

    private static void Print(Call call, HttpRequestMessage request, JsonObject trace)
    {
        if (call.Output.Format != OutputFormat.Table)
        {
            call.Output.Item("Trace", trace);
            return;
        }

        var (match, caller, answer) = (trace["match"], trace["caller"], trace["answer"]);
        var code = answer?["code"] is { } c ? $", code {c}: {answer["description"]}" : "";
        call.Output.Item(
            "Trace",
            trace,
            ("request", $"{request.Method} {request.RequestUri}"),
            ("answer", $"{answer?["status"]} from {answer?["from"]} after {trace["microseconds"]} µs{code}"),
            ("node", $"{trace["node"]}, epoch {trace["epoch"]}, request {trace["requestId"]}"),
            (
                "match",
                match is null ? "no API"
                : match["operation"] is null ? $"{match["api"]} revision {match["revision"]}, no operation"
                : $"{match["api"]} revision {match["revision"]}, {match["operation"]}"
            ),
            (
                "caller",
                Joined(
                    caller?["application"] is { } application ? $"application {application}" : "no application",
                    caller?["way"]?.ToString(),
                    caller?["key"] is { } key ? $"key {key}" : null,
                    caller?["environment"]?.ToString(),
                    caller?["plan"] is { } plan ? $"plan {plan}" : null,
                    $"from {caller?["address"]} over {caller?["transport"]}"
                )
            )
        );
        call.Output.Line("");
        call.Output.Items<JsonNode>(
            "Step",
            ListOf(trace, "steps"),
            new("STEP", s => s["name"]?.ToString()),
            new("VERDICT", s => s["code"] is { } refusal ? $"{s["verdict"]} ({refusal})" : s["verdict"]?.ToString()),
            new("µS", s => s["microseconds"]?.ToString())
        );
        PrintLimits(call, trace);
        PrintEndpoints(call, trace);
    }

    private static void PrintLimits(Call call, JsonObject trace)
    {
        if (ListOf(trace, "limits") is not { Count: > 0 } limits)
        {
            return;
        }

        call.Output.Line("");
        call.Output.Items<JsonNode>(
            "Limit",
            limits,
            new("LIMIT", l => l["level"]?.ToString()),
            new("POLICY", l => l["policy"]?.ToString(), Drop: 1),
            new("GRANTS", l => $"{l["amount"]} {l["unit"]} in {l["seconds"]} s"),
            new("THIS NODE'S PART", l => l["allowedHere"]?.ToString()),
            new("LEFT HERE", l => l["leftHere"]?.ToString()),
            new("VERDICT", l => l["verdict"]?.ToString())
        );
        if (trace["limitsDividedAmong"]?.GetValue<int>() is > 1 and var workers)
        {
            call.Output.Line(
                $"Each limit is divided evenly among the {workers} registered workers: what is left on one cannot be used on another."
            );
        }
    }

    private static void PrintEndpoints(Call call, JsonObject trace)
    {
        if (ListOf(trace, "endpoints") is not { Count: > 0 } endpoints)
        {
            return;
        }

        var attempts = ListOf(trace, "attempts").ToLookup(a => a["url"]?.ToString());
        call.Output.Line("");
        call.Output.Items<JsonNode>(
            "Endpoint",
            endpoints,
            new("ENDPOINT", e => e["url"]?.ToString()),
            new("STATE", e => e["state"]?.ToString()),
            new("WEIGHT", e => e["weight"]?.ToString(), Drop: 2),
            new("IN FLIGHT", e => e["inFlight"]?.ToString(), Drop: 1),
            new(
                "CHOSEN",
                e =>
                    Joined([
                        .. attempts[e["url"]?.ToString()].Select(a => $"{a["outcome"]} after {a["microseconds"]} µs"),
                    ])
            )
        );
    }

    private static List<JsonNode> ListOf(JsonObject trace, string name) =>
        trace[name] is JsonArray list ? [.. list.OfType<JsonNode>()] : [];

    private static string Joined(params string?[] parts) =>
        string.Join(", ", parts.Where(p => !string.IsNullOrEmpty(p)));
}
