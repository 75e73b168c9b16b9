using System.Globalization;
using System.Text;

namespace Gatehouse.Tests.Management.OpenApi;

/// <summary>A valid document of about a given size: up to 2 000 paths of two operations, the rest in schemas.</summary>
internal static class LargeDocument
{
    private static readonly CultureInfo s_culture = CultureInfo.InvariantCulture;

    public static string Of(int bytes, bool json)
    {
        var text = new StringBuilder();
        text.Append(
            json
                ? """
                {"openapi":"3.0.3","info":{"title":"Large","version":"1.0.0"},"servers":[{"url":"http://backend:8080"}],"paths":{
                """
                : "openapi: 3.0.3\ninfo:\n  title: Large\n  version: 1.0.0\nservers:\n  - url: http://backend:8080\npaths:\n"
        );
        for (var i = 0; i < 2000 && text.Length < bytes / 2; i++)
        {
            text.Append(json ? JsonPath(i) : YamlPath(i));
        }

        text.Append(
            json
                ? "},\"components\":{\"schemas\":{\"s\":{\"type\":\"object\"}"
                : "components:\n  schemas:\n    s:\n      type: object\n"
        );
        for (var i = 0; text.Length < bytes; i++)
        {
            text.Append(json ? JsonSchema(i) : YamlSchema(i));
        }

        return text.Append(json ? "}}}" : "").ToString();
    }

    private static string JsonPath(int i) =>
        (i == 0 ? "" : ",")
        + """
            "/r#/{id}":{"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}],
            "get":{"responses":{"200":{"description":"ok","content":{"application/json":{"schema":{"$ref":"#/components/schemas/s"}}}}}},
            "put":{"responses":{"204":{"description":"done"}}}}
            """.Replace("/r#", $"/r{i}", StringComparison.Ordinal);

    private static string YamlPath(int i) =>
        string.Create(
            s_culture,
            $$"""
              /r{{i}}/{id}:
                parameters:
                  - name: id
                    in: path
                    required: true
                    schema: { type: string }
                get:
                  responses:
                    '200':
                      description: ok
                      content:
                        application/json:
                          schema:
                            $ref: '#/components/schemas/s'
                put:
                  responses:
                    '204':
                      description: done

            """
        );

    private static string JsonSchema(int i) =>
        """
            ,"s@":{"type":"object","required":["id"],"properties":{"id":{"type":"integer","description":"The number it is known by in every other table"},
            "next":{"$ref":"#/components/schemas/s"},"tags":{"type":"array","items":{"type":"string","maxLength":20}}}}
            """.Replace("s@", $"s{i}", StringComparison.Ordinal);

    private static string YamlSchema(int i) =>
        string.Create(
            s_culture,
            $"""
                s{i}:
                  type: object
                  required: [id]
                  properties:
                    id:
                      type: integer
                      description: The number it is known by in every other table
                    next:
                      $ref: '#/components/schemas/s'
                    tags:
                      type: array
                      items:
                        type: string
                        maxLength: 20

            """
        );
}
