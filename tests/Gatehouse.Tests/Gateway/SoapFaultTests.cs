using System.Net;
using System.Text;
using System.Xml.Linq;

namespace Gatehouse.Tests.Gateway;

/// <summary>What SOAP callers are told when the gateway answers by itself.</summary>
public sealed class SoapFaultTests
{
    private static readonly XNamespace s_soap11 = "http://schemas.xmlsoap.org/soap/envelope/";
    private static readonly XNamespace s_soap12 = "http://www.w3.org/2003/05/soap-envelope";
    private static readonly XNamespace s_security = "http://wso2.org/apimanager/security";

    [Theory]
    [InlineData("text/xml; charset=utf-8", true)]
    [InlineData("application/soap+xml; action=\"urn:get\"", false)]
    public async Task A_SOAP_caller_gets_a_fault_of_its_version(string contentType, bool is11)
    {
        await using var backend = new Backend();
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore(backend.Url).Keyed().Put());

        using var answer = await PostAsync(gateway, contentType, is11);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal(is11 ? "text/xml" : "application/soap+xml", answer.Content.Headers.ContentType?.MediaType);
        var soap = is11 ? s_soap11 : s_soap12;
        var document = XDocument.Parse(await TextAsync(answer));
        var fault = document.Element(soap + "Envelope")!.Element(soap + "Body")!.Element(soap + "Fault")!;
        Assert.Equal(
            is11 ? "soapenv:Client" : "soapenv:Sender",
            is11 ? fault.Element("faultcode")!.Value : fault.Element(soap + "Code")!.Element(soap + "Value")!.Value
        );
        var detail = is11 ? fault.Element("detail")! : fault.Element(soap + "Detail")!;
        Assert.Equal("900902", detail.Element(s_security + "fault")!.Element(s_security + "code")!.Value);
    }

    [Fact]
    public async Task A_dead_backend_is_the_servers_fault_and_a_plain_XML_caller_gets_no_envelope()
    {
        await using var gateway = await TestGateway.StartAsync();
        gateway.Run(Entities.Petstore("http://127.0.0.1:1").Put());

        using var soap = await PostAsync(gateway, "text/xml", withAction: true);
        using var plain = await PostAsync(gateway, "text/xml", withAction: false);

        Assert.Equal(HttpStatusCode.BadGateway, soap.StatusCode);
        Assert.Contains("<faultcode>soapenv:Server</faultcode>", await TextAsync(soap), StringComparison.Ordinal);
        Assert.DoesNotContain("Envelope", await TextAsync(plain), StringComparison.Ordinal);
    }

    private static async Task<HttpResponseMessage> PostAsync(TestGateway gateway, string contentType, bool withAction)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes("<e/>"));
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        return await gateway.SendAsync(
            HttpMethod.Post,
            "/petstore/1.0.0/pets",
            content,
            headers: withAction ? [("SOAPAction", "\"urn:get\"")] : []
        );
    }

    private static Task<string> TextAsync(HttpResponseMessage answer) =>
        answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
}
