using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Xml;
using Gatehouse.Gateway.Throttling;
using Microsoft.AspNetCore.Http;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>Writes a problem in the form its caller reads: a SOAP fault for a SOAP call, WSO2's JSON, WSO2's XML where <c>Accept</c> prefers XML, or RFC 9457 where the API says so.</summary>
internal static class ProblemWriter
{
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static async Task WriteAsync(Exchange exchange, GatewayProblem problem)
    {
        var response = exchange.Response;
        exchange.Answer = null;
        response.StatusCode = problem.Status;
        response.ReasonPhrase = null;
        var headers = response.Headers;
        headers.Clear();
        headers[HeaderNames.RequestId] = exchange.RequestId;
        exchange.TellEpoch();
        if (problem.Challenge is not null)
        {
            headers.WWWAuthenticate = problem.Challenge;
        }

        if (problem.Allow is not null)
        {
            headers.Allow = problem.Allow;
        }

        if (problem.RetryAfter > 0)
        {
            headers.RetryAfter = problem.RetryAfter.ToString(CultureInfo.InvariantCulture);
        }

        RateLimitHeaders.Write(exchange);
        if (problem.Closes && exchange.IsHttp1)
        {
            headers.Connection = "close";
        }

        var soap = SoapFault.VersionOf(exchange);
        var (body, type) =
            soap != SoapVersion.None ? (SoapFault.Write(problem, soap), SoapFault.MediaTypeOf(soap))
            : exchange.Route?.ErrorFormat == ErrorFormat.Problem
                ? (Problem(problem, exchange.RequestId), "application/problem+json")
            : PrefersXml(exchange.Request.Headers.Accept.ToString()) ? (Xml(problem), "application/xml; charset=UTF-8")
            : (Json(problem), "application/json; charset=UTF-8");
        headers.ContentType = type;
        headers.ContentLength = body.Length;
        if (exchange.Route is { TouchesFaults: true } route)
        {
            var policies = route.Policies;
            for (var i = 0; i < policies.Length; i++)
            {
                (policies[i] as IFaultPolicy)?.OnFault(exchange, problem);
                if (exchange.Answer is { } instead)
                {
                    exchange.AnsweredBy = i;
                    exchange.ForgetRefusal();
                    await instead.WriteAsync(exchange).ConfigureAwait(false);
                    return;
                }
            }
        }

        exchange.Trace?.Tell(exchange);
        if (exchange.Request.Method == "HEAD")
        {
            return;
        }

        exchange.BytesOut = body.Length;
        await exchange.ResponseBody.Writer.WriteAsync(body, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>True when XML is named and JSON is not named before it. Quality values are not weighed: who sends them lists the better one first.</summary>
    private static bool PrefersXml(string accept)
    {
        var xml = accept.IndexOf("xml", StringComparison.OrdinalIgnoreCase);
        var json = accept.IndexOf("json", StringComparison.OrdinalIgnoreCase);
        return xml >= 0 && (json < 0 || xml < json) && !accept.Contains("html", StringComparison.OrdinalIgnoreCase);
    }

    private static byte[] Json(GatewayProblem problem) =>
        Write(writer =>
        {
            writer.WriteString("code", problem.Code);
            if (!problem.IsSecurity && !problem.IsThrottling)
            {
                writer.WriteString("type", "Status report");
            }

            writer.WriteString("message", problem.Message);
            writer.WriteString("description", problem.Description);
            WriteDetails(writer, problem);
        });

    private static byte[] Problem(GatewayProblem problem, string requestId) =>
        Write(writer =>
        {
            writer.WriteString("type", $"urn:gatehouse:problem:{problem.Code}");
            writer.WriteString("title", problem.Message);
            writer.WriteNumber("status", problem.Status);
            writer.WriteString("detail", problem.Description);
            writer.WriteString("code", problem.Code);
            writer.WriteString("requestId", requestId);
            WriteDetails(writer, problem);
        });

    private static void WriteDetails(Utf8JsonWriter writer, GatewayProblem problem)
    {
        if (problem.Details.IsEmpty)
        {
            return;
        }

        writer.WriteStartArray("errors");
        foreach (var (place, name, message) in problem.Details)
        {
            writer.WriteStartObject();
            writer.WriteString("in", place);
            writer.WriteString(place == "body" ? "pointer" : "name", name);
            writer.WriteString("detail", message);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static byte[] Write(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, s_json))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static byte[] Xml(GatewayProblem problem)
    {
        using var bytes = new MemoryStream(256);
        using (
            var writer = XmlWriter.Create(
                bytes,
                new() { Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), OmitXmlDeclaration = true }
            )
        )
        {
            WriteFault(writer, problem);
        }

        return bytes.ToArray();
    }

    /// <summary>Writes WSO2's element.</summary>
    public static void WriteFault(XmlWriter writer, GatewayProblem problem)
    {
        var (prefix, name) =
            problem.IsSecurity ? ("ams", "http://wso2.org/apimanager/security")
            : problem.IsThrottling ? ("amt", "http://wso2.org/apimanager/throttling")
            : ("am", "http://wso2.org/apimanager");
        writer.WriteStartElement(prefix, "fault", name);
        writer.WriteElementString(prefix, "code", name, problem.Code);
        if (!problem.IsSecurity && !problem.IsThrottling)
        {
            writer.WriteElementString(prefix, "type", name, "Status report");
        }

        writer.WriteElementString(prefix, "message", name, problem.Message);
        // It may quote the caller, who may send what no XML can hold.
        writer.WriteElementString(
            prefix,
            "description",
            name,
            string.Concat(problem.Description.Select(c => XmlConvert.IsXmlChar(c) ? c : '\uFFFD'))
        );
        writer.WriteEndElement();
    }
}

/// <summary>How an API tells its problems.</summary>
internal enum ErrorFormat
{
    Wso2,
    Problem,
}
