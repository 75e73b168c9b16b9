using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gatehouse.Client;

/// <summary>Spells enums by name, as the REST API does, but for those that bring a converter of their own (which a converter in the options would override).</summary>
internal sealed class EnumNames : JsonConverterFactory
{
    private static readonly JsonStringEnumConverter s_names = new();

    public override bool CanConvert(Type typeToConvert) =>
        typeToConvert.IsEnum && !typeToConvert.IsDefined(typeof(JsonConverterAttribute), inherit: false);

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        s_names.CreateConverter(typeToConvert, options);
}
