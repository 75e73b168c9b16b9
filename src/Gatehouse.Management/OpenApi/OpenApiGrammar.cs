using static Gatehouse.Management.OpenApi.Shape;

namespace Gatehouse.Management.OpenApi;

/// <summary>
/// The objects of OpenAPI as tables: <see cref="Version3"/> for 3.0 and 3.1 (what 3.1 added, 3.0 documents do not use by
/// accident), <see cref="Version2"/> for Swagger 2.0. What stands in no table is not looked at.
/// </summary>
internal static class OpenApiGrammar
{
    /// <summary>The methods a path item may have, as they are spelled there.</summary>
    public static IReadOnlyList<string> Methods { get; } =
    ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

    public static ObjectShape Version3 { get; } = BuildVersion3();

    public static ObjectShape Version2 { get; } = BuildVersion2();

    private static ObjectShape Info() =>
        new("the info object")
        {
            Fields = new()
            {
                ["title"] = Text,
                ["version"] = Text,
                ["description"] = Text,
                ["termsOfService"] = Text,
                ["contact"] = MapOf(Text),
                ["license"] = MapOf(Text),
            },
            Required = ["title", "version"],
        };

    private static ObjectShape Schema()
    {
        var schema = new ObjectShape("a schema") { Referable = true };
        // A schema may be true or false in 3.1, and additionalProperties in every version.
        var any = new EitherShape(schema, OrFlag: true);
        schema.Fields = new()
        {
            ["type"] = new EitherShape(Text, ListOf(Text)),
            ["format"] = Text,
            ["title"] = Text,
            ["description"] = Text,
            ["pattern"] = Text,
            ["required"] = new EitherShape(Anything, ListOf(Text), OrFlag: true),
            ["enum"] = ListOf(Anything),
            ["properties"] = MapOf(any),
            ["patternProperties"] = MapOf(any),
            ["additionalProperties"] = any,
            ["propertyNames"] = any,
            ["unevaluatedProperties"] = any,
            ["items"] = new EitherShape(schema, ListOf(any), OrFlag: true),
            ["prefixItems"] = ListOf(any),
            ["contains"] = any,
            ["allOf"] = ListOf(any),
            ["anyOf"] = ListOf(any),
            ["oneOf"] = ListOf(any),
            ["not"] = any,
            ["if"] = any,
            ["then"] = any,
            ["else"] = any,
            ["$defs"] = MapOf(any),
            ["definitions"] = MapOf(any),
            ["dependentSchemas"] = MapOf(any),
            ["multipleOf"] = Number,
            ["maximum"] = Number,
            ["minimum"] = Number,
            ["maxLength"] = Number,
            ["minLength"] = Number,
            ["maxItems"] = Number,
            ["minItems"] = Number,
            ["maxProperties"] = Number,
            ["minProperties"] = Number,
            ["uniqueItems"] = Flag,
            ["nullable"] = Flag,
            ["readOnly"] = Flag,
            ["writeOnly"] = Flag,
            ["deprecated"] = Flag,
        };
        return schema;
    }

    private static Shape SecurityRequirements() => ListOf(MapOf(ListOf(Text)));

    private static ObjectShape BuildVersion3()
    {
        var schema = new EitherShape(Schema(), OrFlag: true);
        var server = new ObjectShape("a server")
        {
            Fields = new()
            {
                ["url"] = Text,
                ["description"] = Text,
                ["variables"] = MapOf(
                    new ObjectShape("a server variable")
                    {
                        Fields = new()
                        {
                            ["default"] = Text,
                            ["enum"] = ListOf(Text),
                            ["description"] = Text,
                        },
                        Expected = ["default"],
                    }
                ),
            },
            Required = ["url"],
        };
        var example = new ObjectShape("an example")
        {
            Fields = new()
            {
                ["summary"] = Text,
                ["description"] = Text,
                ["value"] = Anything,
                ["externalValue"] = Text,
            },
            Referable = true,
        };

        var header = new ObjectShape("a header") { Referable = true };
        var mediaType = new ObjectShape("a media type")
        {
            Fields = new()
            {
                ["schema"] = schema,
                ["example"] = Anything,
                ["examples"] = MapOf(example),
                ["encoding"] = MapOf(
                    new ObjectShape("an encoding")
                    {
                        Fields = new() { ["contentType"] = Text, ["headers"] = MapOf(header) },
                    }
                ),
            },
        };
        header.Fields = new()
        {
            ["description"] = Text,
            ["required"] = Flag,
            ["deprecated"] = Flag,
            ["schema"] = schema,
            ["content"] = MapOf(mediaType),
            ["example"] = Anything,
            ["examples"] = MapOf(example),
        };
        var parameter = new ObjectShape("a parameter")
        {
            Fields = new(header.Fields)
            {
                ["name"] = Text,
                ["in"] = Text,
                ["style"] = Text,
                ["explode"] = Flag,
                ["allowReserved"] = Flag,
                ["allowEmptyValue"] = Flag,
            },
            Required = ["name", "in"],
            Referable = true,
        };
        var requestBody = new ObjectShape("a request body")
        {
            Fields = new()
            {
                ["description"] = Text,
                ["required"] = Flag,
                ["content"] = MapOf(mediaType),
            },
            Expected = ["content"],
            Referable = true,
        };
        var link = new ObjectShape("a link")
        {
            Fields = new()
            {
                ["operationRef"] = Text,
                ["operationId"] = Text,
                ["description"] = Text,
                ["server"] = server,
                ["parameters"] = MapOf(Anything),
            },
            Referable = true,
        };
        var response = new ObjectShape("a response")
        {
            Fields = new()
            {
                ["description"] = Text,
                ["headers"] = MapOf(header),
                ["content"] = MapOf(mediaType),
                ["links"] = MapOf(link),
            },
            Expected = ["description"],
            Referable = true,
        };

        var pathItem = new ObjectShape("a path item") { Referable = true };
        var callback = new ObjectShape("a callback") { Others = pathItem, Referable = true };
        var operation = new ObjectShape("an operation")
        {
            Fields = new()
            {
                ["tags"] = ListOf(Text),
                ["summary"] = Text,
                ["description"] = Text,
                ["operationId"] = Text,
                ["parameters"] = ListOf(parameter),
                ["requestBody"] = requestBody,
                ["responses"] = new ObjectShape("the responses") { Others = response },
                ["callbacks"] = MapOf(callback),
                ["deprecated"] = Flag,
                ["security"] = SecurityRequirements(),
                ["servers"] = ListOf(server),
                ["x-auth-type"] = Text,
                ["x-throttling-tier"] = Text,
                ["x-wso2-throttling-tier"] = Text,
            },
            Expected = ["responses"],
        };
        pathItem.Fields = new()
        {
            ["summary"] = Text,
            ["description"] = Text,
            ["servers"] = ListOf(server),
            ["parameters"] = ListOf(parameter),
        };
        foreach (var method in Methods)
        {
            pathItem.Fields.Add(method, operation);
        }

        return new("an OpenAPI document")
        {
            Fields = new()
            {
                ["info"] = Info(),
                ["servers"] = ListOf(server),
                ["paths"] = new ObjectShape("the paths") { Others = pathItem },
                ["webhooks"] = MapOf(pathItem),
                ["components"] = new ObjectShape("the components")
                {
                    Fields = new()
                    {
                        ["schemas"] = MapOf(schema),
                        ["responses"] = MapOf(response),
                        ["parameters"] = MapOf(parameter),
                        ["examples"] = MapOf(example),
                        ["requestBodies"] = MapOf(requestBody),
                        ["headers"] = MapOf(header),
                        ["securitySchemes"] = MapOf(SecurityScheme()),
                        ["links"] = MapOf(link),
                        ["callbacks"] = MapOf(callback),
                        ["pathItems"] = MapOf(pathItem),
                    },
                },
                ["security"] = SecurityRequirements(),
                ["tags"] = ListOf(Tag()),
                ["x-throttling-tier"] = Text,
                ["x-wso2-throttling-tier"] = Text,
            },
            Required = ["info", "paths"],
        };
    }

    private static ObjectShape BuildVersion2()
    {
        var schema = Schema();
        var parameter = new ObjectShape("a parameter")
        {
            Fields = new()
            {
                ["name"] = Text,
                ["in"] = Text,
                ["description"] = Text,
                ["required"] = Flag,
                ["schema"] = schema,
                ["type"] = Text,
                ["items"] = schema,
            },
            Required = ["name", "in"],
            Referable = true,
        };
        var response = new ObjectShape("a response")
        {
            Fields = new()
            {
                ["description"] = Text,
                ["schema"] = schema,
                ["headers"] = MapOf(Anything),
                ["examples"] = Anything,
            },
            Expected = ["description"],
            Referable = true,
        };
        var operation = new ObjectShape("an operation")
        {
            Fields = new()
            {
                ["tags"] = ListOf(Text),
                ["summary"] = Text,
                ["description"] = Text,
                ["operationId"] = Text,
                ["consumes"] = ListOf(Text),
                ["produces"] = ListOf(Text),
                ["schemes"] = ListOf(Text),
                ["parameters"] = ListOf(parameter),
                ["responses"] = new ObjectShape("the responses") { Others = response },
                ["deprecated"] = Flag,
                ["security"] = SecurityRequirements(),
                ["x-auth-type"] = Text,
                ["x-throttling-tier"] = Text,
                ["x-wso2-throttling-tier"] = Text,
            },
            Expected = ["responses"],
        };
        var pathItem = new ObjectShape("a path item")
        {
            Fields = new() { ["parameters"] = ListOf(parameter) },
            Referable = true,
        };
        foreach (var method in Methods)
        {
            pathItem.Fields.Add(method, operation);
        }

        return new("a Swagger 2.0 document")
        {
            Fields = new()
            {
                ["info"] = Info(),
                ["host"] = Text,
                ["basePath"] = Text,
                ["schemes"] = ListOf(Text),
                ["consumes"] = ListOf(Text),
                ["produces"] = ListOf(Text),
                ["paths"] = new ObjectShape("the paths") { Others = pathItem },
                ["definitions"] = MapOf(schema),
                ["parameters"] = MapOf(parameter),
                ["responses"] = MapOf(response),
                ["securityDefinitions"] = MapOf(SecurityScheme()),
                ["security"] = SecurityRequirements(),
                ["tags"] = ListOf(Tag()),
                ["x-throttling-tier"] = Text,
                ["x-wso2-throttling-tier"] = Text,
            },
            Required = ["info", "paths"],
        };
    }

    private static ObjectShape SecurityScheme() =>
        new("a security scheme")
        {
            Fields = new()
            {
                ["type"] = Text,
                ["name"] = Text,
                ["in"] = Text,
                ["scheme"] = Text,
            },
            Expected = ["type"],
            Referable = true,
        };

    private static ObjectShape Tag() =>
        new("a tag")
        {
            Fields = new() { ["name"] = Text, ["description"] = Text },
            Expected = ["name"],
        };
}
