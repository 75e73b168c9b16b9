using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Gatehouse.Tests.Management.Users;

/// <summary>A device with one passkey, written from WebAuthn Level 3 §6 and CTAP's CBOR, so that the server is not asked to agree with itself.</summary>
internal sealed class Authenticator(string host, string origin) : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly byte[] _id = RandomNumberGenerator.GetBytes(32);
    private string _user = "";
    private uint _count;

    public bool Verifies { get; set; } = true;

    /// <summary>What <c>navigator.credentials.create</c> gives.</summary>
    public JsonNode Create(JsonNode options)
    {
        _user = options["user"]!["id"]!.GetValue<string>();
        var client = Client("webauthn.create", options);
        var point = _key.ExportParameters(false).Q;
        byte[] key =
        [
            0xA5,
            0x01,
            0x02,
            0x03,
            0x26,
            0x20,
            0x01,
            0x21,
            0x58,
            0x20,
            .. point.X!,
            0x22,
            0x58,
            0x20,
            .. point.Y!,
        ];
        byte[] data = [.. Data(0x40), .. new byte[16], 0, (byte)_id.Length, .. _id, .. key];
        byte[] attestation =
        [
            0xA3,
            0x63,
            .. "fmt"u8,
            0x64,
            .. "none"u8,
            0x67,
            .. "attStmt"u8,
            0xA0,
            0x68,
            .. "authData"u8,
            0x58,
            (byte)data.Length,
            .. data,
        ];
        return Credential(
            new()
            {
                ["clientDataJSON"] = Text(client),
                ["attestationObject"] = Text(attestation),
                ["transports"] = new JsonArray("internal"),
            }
        );
    }

    /// <summary>What <c>navigator.credentials.get</c> gives.</summary>
    public JsonNode Get(JsonNode options, string? claims = null)
    {
        _count++;
        var client = Client("webauthn.get", options);
        var data = Data(0);
        var signature = _key.SignData(
            [.. data, .. SHA256.HashData(client)],
            HashAlgorithmName.SHA256,
            DSASignatureFormat.Rfc3279DerSequence
        );
        return Credential(
            new()
            {
                ["clientDataJSON"] = Text(client),
                ["authenticatorData"] = Text(data),
                ["signature"] = Text(signature),
                ["userHandle"] = claims ?? _user,
            }
        );
    }

    public void Dispose() => _key.Dispose();

    private byte[] Data(byte flags)
    {
        var count = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(count, _count);
        return
        [
            .. SHA256.HashData(Encoding.UTF8.GetBytes(host)),
            (byte)(flags | 0x01 | (Verifies ? 0x04 : 0)),
            .. count,
        ];
    }

    private byte[] Client(string type, JsonNode options) =>
        Encoding.UTF8.GetBytes(
            new JsonObject
            {
                ["type"] = type,
                ["challenge"] = options["challenge"]!.GetValue<string>(),
                ["origin"] = origin,
                ["crossOrigin"] = false,
            }.ToJsonString()
        );

    private JsonObject Credential(JsonObject response) =>
        new()
        {
            ["id"] = Text(_id),
            ["rawId"] = Text(_id),
            ["type"] = "public-key",
            ["response"] = response,
            ["clientExtensionResults"] = new JsonObject(),
        };

    private static string Text(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
