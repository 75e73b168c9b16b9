using System.Text;
using System.Xml;

namespace Gatehouse.Gateway.Pipeline;

/// <summary>
/// Tells a problem to a SOAP client: a fault of the version it speaks, with WSO2's element in the detail. The HTTP status stays
/// the problem's own (401, 429 …) instead of the 500 of SOAP 1.1 over HTTP §6.2, so that proxies and retries go on understanding it.
/// </summary>
internal static class SoapFault
{
    private const string Envelope11 = "http://schemas.xmlsoap.org/soap/envelope/";
    private const string Envelope12 = "http://www.w3.org/2003/05/soap-envelope";

    /// <summary>The version that a request speaks; <see cref="SoapVersion.None"/> for a plain one.</summary>
    public static SoapVersion VersionOf(Exchange exchange)
    {
        var headers = exchange.Request.Headers;
        if (headers.ContentType is not [{ } type])
        {
            return SoapVersion.None;
        }

        // RFC 3902; SOAP 1.1 §6.1: text/xml alone could be any XML, the header is what makes it a call.
        return type.StartsWith("application/soap+xml", StringComparison.OrdinalIgnoreCase) ? SoapVersion.Soap12
            : type.StartsWith("text/xml", StringComparison.OrdinalIgnoreCase) && headers.ContainsKey("SOAPAction")
                ? SoapVersion.Soap11
            : SoapVersion.None;
    }

    /// <summary>The media type of a fault.</summary>
    public static string MediaTypeOf(SoapVersion version) =>
        version == SoapVersion.Soap12 ? "application/soap+xml; charset=UTF-8" : "text/xml; charset=UTF-8";

    /// <summary>The envelope with the fault.</summary>
    public static byte[] Write(GatewayProblem problem, SoapVersion version)
    {
        var envelope = version == SoapVersion.Soap12 ? Envelope12 : Envelope11;
        var isCallers = problem.Status < 500;
        using var bytes = new MemoryStream(512);
        using (
            var xml = XmlWriter.Create(
                bytes,
                new() { Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false) }
            )
        )
        {
            xml.WriteStartElement("soapenv", "Envelope", envelope);
            xml.WriteStartElement("Body", envelope);
            xml.WriteStartElement("Fault", envelope);
            if (version == SoapVersion.Soap12)
            {
                xml.WriteStartElement("Code", envelope);
                xml.WriteElementString("Value", envelope, isCallers ? "soapenv:Sender" : "soapenv:Receiver");
                xml.WriteEndElement();
                xml.WriteStartElement("Reason", envelope);
                xml.WriteStartElement("Text", envelope);
                xml.WriteAttributeString("xml", "lang", null, "en");
                xml.WriteString(problem.Message);
                xml.WriteEndElement();
                xml.WriteEndElement();
                xml.WriteStartElement("Detail", envelope);
            }
            else
            {
                // The children of a SOAP 1.1 fault have no namespace.
                xml.WriteElementString("faultcode", isCallers ? "soapenv:Client" : "soapenv:Server");
                xml.WriteElementString("faultstring", problem.Message);
                xml.WriteStartElement("detail");
            }

            ProblemWriter.WriteFault(xml, problem);
            xml.WriteEndElement();
            xml.WriteEndElement();
            xml.WriteEndElement();
            xml.WriteEndElement();
        }

        return bytes.ToArray();
    }
}

/// <summary>Versions of SOAP.</summary>
internal enum SoapVersion
{
    None,
    Soap11,
    Soap12,
}
